//! What expressions can call: the functions of JMESPath and a few that mappings need.

use crate::problem::shown;
use jmespath::functions::{ArgumentType, CustomFunction, Signature};
use jmespath::{Context, ErrorReason, JmespathError, Rcvar, Runtime, Variable};
use ledger::Quantity;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tables by name.
type Tables = BTreeMap<String, BTreeMap<String, String>>;

/// Every function, with the fewest and the most arguments that it takes.
///
/// # Source
/// JMESPath specification, "Built-in Functions"; the last four are ours.
pub(super) const ALL: &[(&str, usize, usize)] = &[
    ("abs", 1, 1),
    ("avg", 1, 1),
    ("ceil", 1, 1),
    ("contains", 2, 2),
    ("ends_with", 2, 2),
    ("floor", 1, 1),
    ("join", 2, 2),
    ("keys", 1, 1),
    ("length", 1, 1),
    ("map", 2, 2),
    ("max", 1, 1),
    ("max_by", 2, 2),
    ("merge", 1, usize::MAX),
    ("min", 1, 1),
    ("min_by", 2, 2),
    ("not_null", 1, usize::MAX),
    ("reverse", 1, 1),
    ("sort", 1, 1),
    ("sort_by", 2, 2),
    ("starts_with", 2, 2),
    ("sum", 1, 1),
    ("to_array", 1, 1),
    ("to_number", 1, 1),
    ("to_string", 1, 1),
    ("type", 1, 1),
    ("values", 1, 1),
    ("lookup", 2, 3),
    ("lower", 1, 1),
    ("split", 2, 2),
    ("subtract", 2, 2),
];

/// The functions over these tables.
pub(super) fn runtime(tables: &Tables) -> Runtime {
    let mut runtime = Runtime::new();
    runtime.register_builtin_functions();
    let tables = Arc::new(tables.clone());
    let lookup = move |args: &[Rcvar], context: &mut Context<'_>| lookup(&tables, args, context);
    runtime.register_function("lookup", Box::new(lookup));
    let text = || ArgumentType::String;
    let signature = Signature::new(vec![text()], None);
    runtime.register_function("lower", Box::new(CustomFunction::new(signature, Box::new(lower))));
    let signature = Signature::new(vec![text(), text()], None);
    runtime.register_function("split", Box::new(CustomFunction::new(signature, Box::new(split))));
    runtime.register_function("subtract", Box::new(subtract));
    runtime
}

fn refused(context: &Context<'_>, words: String) -> JmespathError {
    JmespathError::from_ctx(context, ErrorReason::Parse(words))
}

/// `lookup(table, key)`, `lookup(table, key, otherwise)`: what a table has for a text or a number. Null has no entry and
/// yields null; any other key must have one unless it is said what stands in for it.
fn lookup(tables: &Tables, args: &[Rcvar], context: &mut Context<'_>) -> Result<Rcvar, JmespathError> {
    let (Some(table), Some(key)) = (args.first(), args.get(1)) else {
        return Err(refused(context, "lookup takes a table and a key".to_owned()));
    };
    let Some((name, table)) = table.as_string().and_then(|name| Some((name, tables.get(name)?))) else {
        return Err(refused(context, format!("there is no table {}", shown(&table.to_string()))));
    };
    let key = match &**key {
        Variable::Null => return Ok(args.get(2).map_or_else(|| Rcvar::new(Variable::Null), Rcvar::clone)),
        Variable::String(text) => text.clone(),
        Variable::Number(number) => number.to_string(),
        other => {
            let detail = format!("lookup in '{name}' takes a text or a number, not {}", shown(&other.to_string()));
            return Err(refused(context, detail));
        }
    };
    match (table.get(&key), args.get(2)) {
        (Some(found), _) => Ok(Rcvar::new(Variable::String(found.clone()))),
        (None, Some(otherwise)) => Ok(otherwise.clone()),
        (None, None) => {
            let detail = format!("table '{name}' has no entry for {}; add it to the mapping", shown(&key));
            Err(refused(context, detail))
        }
    }
}

/// `lower(text)`: in small letters.
fn lower(args: &[Rcvar], context: &mut Context<'_>) -> Result<Rcvar, JmespathError> {
    let text = args.first().and_then(|text| text.as_string());
    let text = text.ok_or_else(|| refused(context, "lower takes a text".to_owned()))?;
    Ok(Rcvar::new(Variable::String(text.to_lowercase())))
}

/// `split(text, separator)`: the parts between the separators; an empty separator leaves the text whole.
fn split(args: &[Rcvar], context: &mut Context<'_>) -> Result<Rcvar, JmespathError> {
    let texts = args.first().zip(args.get(1)).and_then(|(text, by)| Some((text.as_string()?, by.as_string()?)));
    let (text, by) = texts.ok_or_else(|| refused(context, "split takes two texts".to_owned()))?;
    let part = |part: &str| Rcvar::new(Variable::String(part.to_owned()));
    let parts = if by.is_empty() { vec![part(text)] } else { text.split(by.as_str()).map(part).collect() };
    Ok(Rcvar::new(Variable::Array(parts)))
}

/// `subtract(first, second)`: exactly, of numbers or texts with numbers in them, as a text; null counts as nothing.
fn subtract(args: &[Rcvar], context: &mut Context<'_>) -> Result<Rcvar, JmespathError> {
    let mut amounts = [Quantity::ZERO; 2];
    for (amount, arg) in amounts.iter_mut().zip(args) {
        let text = match &**arg {
            Variable::Null => continue,
            Variable::String(text) => text.clone(),
            other => other.to_string(),
        };
        *amount = text.parse().map_err(|_| {
            refused(context, format!("subtract takes numbers of at most six decimals, not {}", shown(&text)))
        })?;
    }
    let difference = amounts[0].micros().checked_sub(amounts[1].micros());
    let difference = difference.ok_or_else(|| refused(context, "the difference is too large".to_owned()))?;
    Ok(Rcvar::new(Variable::String(Quantity::from_micros(difference).to_string())))
}
