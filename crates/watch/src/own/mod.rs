//! Conditions that users write: expressions over the facts of a thing, in CEL.
//!
//! A [`Condition`] is compiled once and asked often: [`Condition::holds`] answers from the [`Facts`] that it is given and
//! from nothing else, so equal facts give equal answers. The language is the Common Expression Language, restricted so that
//! every type, and a bound on every cost, is known when a condition is compiled; docs/rules.md is its reference, and
//! `check` its law. Nothing here knows who is told, or when.

mod calls;
mod check;
mod facts;
mod operators;
mod parse;
mod types;

pub use facts::{DeviceFacts, FactSet, Facts, Field, Kind, Now, ReadingFacts, ShipmentFacts, StockFacts};

use cel::common::types::CelBool;
use cel::common::value::CowVal;
use cel::context::VariableResolver;
use cel::{Context, Env, ExecutionError, IdedExpr, Value, extensions};
use facts::Values;
use std::sync::{Arc, LazyLock};

/// How long a condition may be, in bytes.
pub const TEXT_BYTES_MAX: usize = 2_000;
/// How deep its brackets, operators and calls may be nested.
pub const DEPTH_MAX: usize = 48;
/// How many `all`, `exists`, `exists_one`, `filter` and `map` it may have.
pub const LOOPS_MAX: usize = 8;
/// How many steps it may take at most, as counted before it is ever asked: one for each operator, call, name and literal,
/// and for each 64 bytes of text that is read, each as often as the lists around it have items.
pub const STEPS_MAX: u64 = 10_000;
/// How long a text among the facts may be, in bytes.
pub const FACT_BYTES_MAX: usize = 1_000;

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Stock of a product at a place: `stock.…`.
    Stock,
    /// A figure of a sensor: `reading.…`.
    Reading,
    /// A shipment: `shipment.…`.
    Shipment,
    /// A device: `device.…`.
    Device,
}

impl Subject {
    /// All, in the order of the type.
    pub const ALL: [Self; 4] = [Self::Stock, Self::Reading, Self::Shipment, Self::Device];

    /// Its name, which its facts begin with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Reading => "reading",
            Self::Shipment => "shipment",
            Self::Device => "device",
        }
    }

    /// The subject of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subject| subject.name() == name)
    }
}

/// What is wrong with a condition, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The character of the text that it is at, the first being 1; one past the end when something is missing there.
    pub column: usize,
    /// What is wrong and what to write instead.
    pub detail: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "column {}: {}", self.column, self.detail)
    }
}

impl std::error::Error for Fault {}

/// A condition over the facts of a subject.
///
/// ```
/// use watch::own::{Condition, Facts, Now, StockFacts, Subject};
///
/// let low = Condition::compile("stock.available < 3 * stock.daily_usage && now.weekday <= 5", Subject::Stock).unwrap();
/// let stock = StockFacts { available: 7.0, daily_usage: Some(2.5), ..StockFacts::default() };
/// let monday = Now { weekday: 1, ..Now::default() };
/// assert_eq!(low.holds(&Facts::Stock(&stock, &monday)), Ok(true));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    text: String,
    /// As it was parsed, with facts for names and whole numbers as doubles where they meet one.
    tree: IdedExpr,
    reads: FactSet,
    steps: u64,
}

impl Condition {
    /// Compiles a condition over a subject.
    ///
    /// # Errors
    /// The first problem of its grammar, or else all problems of its names and types, by their columns; or that it is too
    /// long, too deep, has too many loops or may take too many steps.
    pub fn compile(text: &str, over: Subject) -> Result<Self, Vec<Fault>> {
        let parsed = parse::parse(text, &ENV)?;
        let checked = check::check(parsed, over)?;
        Ok(Self { text: text.to_owned(), tree: checked.tree, reads: checked.reads, steps: checked.steps })
    }

    /// Whether it holds for these facts.
    ///
    /// # Errors
    /// Why that cannot be told, with the remedy: a fact that is unknown and was not asked for with `has(…)`, a whole number
    /// divided by zero or grown too large, a comparison with what is not a number, an item past a list's end, a text that is no
    /// number, a text of more than [`FACT_BYTES_MAX`], or facts of another subject. An operand of `&&` or `||` that cannot
    /// be told doesn't matter when the other decides.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, String> {
        let (over, given) = (self.over(), facts.subject());
        if over != given {
            return Err(format!("the condition is over a {}, and the facts are of a {}", over.name(), given.name()));
        }
        let lookup = Lookup(facts.values());
        for index in self.reads.indices() {
            let bytes = lookup.0[index].as_ref().map_or(0, facts::Fact::text_bytes);
            if bytes > FACT_BYTES_MAX {
                let name = self.field(index).map_or("", |field| field.name);
                return Err(format!("{name} has {bytes} bytes; a condition reads at most {FACT_BYTES_MAX}"));
            }
        }
        let mut context = Context::with_env(Arc::clone(&ENV));
        context.set_variable_resolver(&lookup);
        match Value::resolve_val(&self.tree, &context) {
            Ok(value) => match value.downcast_ref::<CelBool>() {
                Some(holds) => Ok(*holds.inner()),
                None => Err(format!("the condition gives a {}, not true or false", value.get_type().name())),
            },
            Err(error) => Err(self.explain(&error)),
        }
    }

    /// The facts that it reads: while none of them changes, its answer doesn't.
    pub fn reads(&self) -> FactSet {
        self.reads
    }

    /// What it is about.
    pub fn over(&self) -> Subject {
        self.reads.subject()
    }

    /// The text that it was compiled from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many steps it takes at most; see [`STEPS_MAX`].
    pub fn steps_max(&self) -> u64 {
        self.steps
    }

    fn field(&self, index: usize) -> Option<&'static Field> {
        self.over().fields().nth(index)
    }

    /// Tells why the condition could not be answered.
    fn explain(&self, error: &ExecutionError) -> String {
        match error {
            ExecutionError::UndeclaredReference(name) => match value_index(name).and_then(|index| self.field(index)) {
                Some(Field { name, is_optional: true, .. }) => {
                    format!("{name} is unknown; ask has({name}) && … before it")
                }
                Some(Field { name, .. }) => format!("{name} is not a finite number"),
                None => format!("'{name}' is unknown"),
            },
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
                "a whole number is divided by zero; ask before whether the divisor is 0".to_owned()
            }
            ExecutionError::Overflow(..) => {
                "a whole number grows too large; write it with a decimal point to calculate in doubles".to_owned()
            }
            ExecutionError::IndexOutOfBounds(Value::Int(index)) => {
                format!("a list has no item {index}; the first is 0")
            }
            // Types are checked before, so what no operator takes is the result of 0/0 or of an infinity less itself.
            ExecutionError::NoSuchOverload(_) | ExecutionError::ValuesNotComparable(..) => {
                "a figure that is compared is not a number, such as 0 divided by 0".to_owned()
            }
            ExecutionError::FunctionError { function, message } => format!("{function}(…) fails: {message}"),
            other => other.to_string(),
        }
    }
}

/// The functions and macros of the language; `calls` says which of them a condition may use.
static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib().with_optional_support(false);
    let added = env.add_extension(extensions::strings).and_then(|()| env.add_extension(extensions::math));
    assert!(added.is_ok(), "each extension is added to the language once");
    Arc::new(env)
});

/// Gives the interpreter the facts by the names that `check` wrote for them.
struct Lookup<'a>(Values<'a>);

impl VariableResolver for Lookup<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        match variable.as_bytes() {
            [VALUE, index] => self.0.get(usize::from(*index))?.as_ref().map(|fact| CowVal::Borrowed(fact.as_val())),
            [PRESENCE, index] => {
                let is_known = self.0.get(usize::from(*index))?.is_some();
                Some(CowVal::Borrowed(if is_known { &CelBool::TRUE } else { &CelBool::FALSE }))
            }
            _ => None,
        }
    }
}

/// Begins the name of a fact's value in a tree; a byte with its index follows. No name that a user writes begins so.
const VALUE: u8 = b'#';
/// Begins the name of whether a fact is known.
const PRESENCE: u8 = b'?';

fn value_index(variable: &str) -> Option<usize> {
    match variable.as_bytes() {
        [VALUE, index] => Some(usize::from(*index)),
        _ => None,
    }
}

/// The name in a tree of the fact at an index; the index is below 64.
fn tree_name(mark: u8, index: usize) -> String {
    let index = u8::try_from(index).ok().filter(u8::is_ascii).expect("a subject has fewer than 64 facts");
    [mark, index].map(char::from).iter().collect()
}
