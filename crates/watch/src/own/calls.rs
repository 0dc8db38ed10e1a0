//! The functions of the language: what each takes and gives.

use super::types::Type;

/// What a function takes in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// A whole number or a double.
    Number,
    /// A double; a whole number becomes one.
    Double,
    Text,
    TextOrList,
    Scalar,
    NumberOrText,
    BoolOrText,
}

impl Takes {
    pub(super) fn takes(self, given: &Type) -> bool {
        match (self, given) {
            (_, Type::Any) | (Self::TextOrList, Type::List(..)) => true,
            (_, Type::List(..)) => false,
            (Self::Scalar, _) => true,
            (Self::BoolOrText, Type::Bool) => true,
            (Self::Number | Self::Double | Self::NumberOrText, Type::Int | Type::Double) => true,
            (Self::Text | Self::TextOrList | Self::NumberOrText | Self::BoolOrText, Type::Text(_)) => true,
            _ => false,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Number | Self::Double => "a number",
            Self::Text => "a text",
            Self::TextOrList => "a text or a list",
            Self::Scalar => "a number, a text, or true or false",
            Self::NumberOrText => "a number or a text",
            Self::BoolOrText => "a text, or true or false",
        }
    }
}

/// What a function gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    Bool,
    Int,
    Double,
    /// A text not longer than what it is made from.
    Text,
    /// What the first argument is.
    First,
}

impl Gives {
    /// The type, of what the arguments are.
    pub(super) fn of(self, arguments: &[Type]) -> Type {
        let first = arguments.first();
        match self {
            Self::Bool => Type::Bool,
            Self::Int => Type::Int,
            Self::Double => Type::Double,
            Self::First => first.cloned().unwrap_or(Type::Any),
            Self::Text => match first {
                Some(Type::Text(bytes)) => Type::Text(*bytes),
                // The longest double has 309 digits before its point, or 324 behind it and its digits.
                _ => Type::Text(350),
            },
        }
    }
}

/// A function: `name(…)`, `text.name(…)` or `math.name(…)`.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// How it is written, for people.
    pub(super) form: &'static str,
    /// Whether the first argument stands before a dot.
    pub(super) is_method: bool,
    pub(super) takes: &'static [Takes],
    pub(super) gives: Gives,
}

const fn function(
    name: &'static str,
    form: &'static str,
    is_method: bool,
    takes: &'static [Takes],
    gives: Gives,
) -> Function {
    Function { name, form, is_method, takes, gives }
}

/// All that a condition may call, but for the loops and `math.greatest` and `math.least`, which the parser expands.
pub(super) const FUNCTIONS: &[Function] = &[
    function("size", "size(text)", false, &[Takes::TextOrList], Gives::Int),
    function("int", "int(number)", false, &[Takes::NumberOrText], Gives::Int),
    function("double", "double(number)", false, &[Takes::NumberOrText], Gives::Double),
    function("string", "string(value)", false, &[Takes::Scalar], Gives::Text),
    function("bool", "bool(text)", false, &[Takes::BoolOrText], Gives::Bool),
    function("size", "text.size()", true, &[Takes::TextOrList], Gives::Int),
    function("contains", "text.contains(part)", true, &[Takes::Text, Takes::Text], Gives::Bool),
    function("startsWith", "text.startsWith(part)", true, &[Takes::Text, Takes::Text], Gives::Bool),
    function("endsWith", "text.endsWith(part)", true, &[Takes::Text, Takes::Text], Gives::Bool),
    function("lowerAscii", "text.lowerAscii()", true, &[Takes::Text], Gives::Text),
    function("upperAscii", "text.upperAscii()", true, &[Takes::Text], Gives::Text),
    function("trim", "text.trim()", true, &[Takes::Text], Gives::Text),
];

/// The functions behind `math.`.
pub(super) const MATH: &[Function] = &[
    function("abs", "math.abs(number)", false, &[Takes::Number], Gives::First),
    function("ceil", "math.ceil(number)", false, &[Takes::Double], Gives::Double),
    function("floor", "math.floor(number)", false, &[Takes::Double], Gives::Double),
    function("round", "math.round(number)", false, &[Takes::Double], Gives::Double),
];

/// What the parser makes of `math.greatest(…)` and `math.least(…)`.
pub(super) const EXTREMES: [&str; 2] = ["math.@max", "math.@min"];

/// The loops, and how they are written.
pub(super) const LOOPS: [(&str, &str); 5] = [
    ("all", "list.all(item, condition)"),
    ("exists", "list.exists(item, condition)"),
    ("exists_one", "list.exists_one(item, condition)"),
    ("filter", "list.filter(item, condition)"),
    ("map", "list.map(item, value)"),
];

/// What to write for a function of CEL, or of another language, that is not offered.
pub(super) fn instead(name: &str) -> Option<&'static str> {
    Some(match name {
        "matches" => "write startsWith, endsWith or contains",
        "timestamp" | "duration" | "getHours" | "getDayOfWeek" => {
            "ask for now.hour, now.weekday or now.date, or a fact that counts hours or days"
        }
        "type" | "dyn" => "the type of every fact is known",
        "lower" | "toLower" | "toLowerCase" => "write text.lowerAscii()",
        "upper" | "toUpper" | "toUpperCase" => "write text.upperAscii()",
        "max" => "write math.greatest(a, b)",
        "min" => "write math.least(a, b)",
        "abs" | "ceil" | "floor" | "round" => "write math. before it",
        "len" | "length" | "count" => "write size(text)",
        "includes" => "write contains",
        _ => return None,
    })
}

/// The name that was probably meant, if one is near.
pub(super) fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    if typed.len() > 40 {
        return None;
    }
    let typed = typed.to_lowercase();
    let near = |name: &&str| edit_distance(typed.as_bytes(), name.to_lowercase().as_bytes());
    let best = names.into_iter().min_by_key(near)?;
    (near(&best) <= 2.min(best.len() / 3)).then_some(best)
}

/// How many single letters must be put in, left out or changed to make `first` into `second` (Levenshtein).
fn edit_distance(first: &[u8], second: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=second.len()).collect();
    for (done, letter) in first.iter().enumerate() {
        let mut diagonal = done;
        row[0] = done + 1;
        for (at, other) in second.iter().enumerate() {
            let changed = diagonal + usize::from(letter != other);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[second.len()]
}
