//! One expression: parsed once, checked for names and functions that do not exist, and evaluated over a scope.

use super::functions;
use crate::problem::{nearest, shown};
use jmespath::ast::Ast;
use jmespath::{Context, ErrorReason, JmespathError, Rcvar, Runtime, Variable, interpret};
use std::collections::{BTreeMap, BTreeSet};

/// What expressions about a whole document begin with: the document, and its headers by their names in small letters.
pub const NAMES: &[&str] = &["document", "headers"];
/// What expressions about one item begin with as well: the item, and its place among the items, from 0.
pub(super) const ITEM_NAMES: &[&str] = &["document", "headers", "item", "index"];

/// The longest expression, in bytes.
const EXPRESSION_BYTES_MAX: usize = 4000;
/// How deep an expression may nest.
const DEPTH_MAX: usize = 100;

/// A parsed expression.
pub(super) struct Expression {
    /// Where it stands in the file.
    pub(super) key: String,
    text: String,
    ast: Ast,
    /// How many parts it has: what one look at a document costs.
    pub(super) parts: u64,
    /// Whether it can differ from item to item.
    pub(super) is_of_item: bool,
    /// Whether it looks at the whole document.
    pub(super) is_of_document: bool,
}

impl Expression {
    /// What it yields.
    ///
    /// # Errors
    /// The words for what a function cannot do with what it is given.
    pub(super) fn evaluate(&self, scope: &Rcvar, runtime: &Runtime) -> Result<Rcvar, String> {
        let mut context = Context::new(&self.text, runtime);
        let value = interpret(scope, &self.ast, &mut context).map_err(|error| words(&error))?;
        match &*value {
            Variable::Expref(_) => Err("yields an expression and no value; leave out the '&'".to_owned()),
            _ => Ok(value),
        }
    }
}

/// The reason without the drawing of the place.
fn words(error: &JmespathError) -> String {
    match &error.reason {
        ErrorReason::Parse(words) => words.clone(),
        ErrorReason::Runtime(reason) => format!("{reason} (column {})", error.column + 1),
    }
}

/// Parses and checks expressions.
pub(super) struct Compiler<'f> {
    pub(super) tables: &'f BTreeMap<String, BTreeMap<String, String>>,
}

impl Compiler<'_> {
    /// Parses the expression at `key`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn compile(&self, key: &str, text: &str, has_item: bool) -> Result<Expression, String> {
        if text.len() > EXPRESSION_BYTES_MAX {
            return Err(format!("has {} bytes; at most {EXPRESSION_BYTES_MAX} are taken", text.len()));
        }
        // The parser calls itself for each of these, so they are counted before it sees them.
        let opened = text.bytes().filter(|byte| b"([{!&".contains(byte)).count();
        if opened > 4 * DEPTH_MAX {
            return Err(format!("has {opened} brackets and operators; at most {} are taken", 4 * DEPTH_MAX));
        }
        let ast = jmespath::parse(text)
            .map_err(|error| format!("{} at line {}, column {}", words(&error), error.line + 1, error.column + 1))?;
        let mut look = Look { tables: self.tables, parts: 0, roots: BTreeSet::new(), wrong: None };
        look.at(&ast, true, 0);
        if let Some(wrong) = look.wrong {
            return Err(wrong);
        }
        let names = if has_item { ITEM_NAMES } else { NAMES };
        for root in &look.roots {
            if root != "@" && !names.contains(&root.as_str()) {
                let why = if ITEM_NAMES.contains(&root.as_str()) { "; items come with `each`" } else { "" };
                let hint = nearest(root, names.iter().copied()).map(|near| format!("; did you mean '{near}'?"));
                let hint = hint.unwrap_or_else(|| why.to_owned());
                let listed = super::file::listed(has_item);
                return Err(format!("begins with {}; an expression begins with one of {listed}{hint}", shown(root)));
            }
        }
        let has = |name: &str| look.roots.contains(name) || look.roots.contains("@");
        let (is_of_item, is_of_document) = (has("item") || has("index"), has("document"));
        Ok(Expression {
            key: key.to_owned(),
            text: text.to_owned(),
            ast,
            parts: look.parts,
            is_of_item,
            is_of_document,
        })
    }
}

/// A walk over an expression.
struct Look<'f> {
    tables: &'f BTreeMap<String, BTreeMap<String, String>>,
    parts: u64,
    /// The names that it takes from the scope; `@` for the scope itself.
    roots: BTreeSet<String>,
    wrong: Option<String>,
}

impl Look<'_> {
    /// `is_root` says whether the part sees the scope, and not something taken from it.
    fn at(&mut self, ast: &Ast, is_root: bool, depth: usize) {
        self.parts += 1;
        if depth > DEPTH_MAX {
            self.wrong = Some(format!("nests deeper than {DEPTH_MAX} parts; take it apart"));
            return;
        }
        let deeper = depth + 1;
        match ast {
            Ast::Field { name, .. } if is_root => drop(self.roots.insert(name.clone())),
            Ast::Identity { .. } if is_root => drop(self.roots.insert("@".to_owned())),
            Ast::Field { .. } | Ast::Identity { .. } | Ast::Index { .. } | Ast::Slice { .. } | Ast::Literal { .. } => {}
            Ast::Subexpr { lhs, rhs, .. } | Ast::Projection { lhs, rhs, .. } => {
                self.at(lhs, is_root, deeper);
                self.at(rhs, false, deeper);
            }
            Ast::Comparison { lhs, rhs, .. } | Ast::And { lhs, rhs, .. } | Ast::Or { lhs, rhs, .. } => {
                self.at(lhs, is_root, deeper);
                self.at(rhs, is_root, deeper);
            }
            Ast::Condition { predicate, then, .. } => {
                self.at(predicate, is_root, deeper);
                self.at(then, is_root, deeper);
            }
            Ast::Not { node, .. } | Ast::ObjectValues { node, .. } | Ast::Flatten { node, .. } => {
                self.at(node, is_root, deeper);
            }
            Ast::Expref { ast, .. } => self.at(ast, false, deeper),
            Ast::MultiList { elements, .. } => elements.iter().for_each(|part| self.at(part, is_root, deeper)),
            Ast::MultiHash { elements, .. } => {
                elements.iter().for_each(|part| self.at(&part.value, is_root, deeper));
            }
            Ast::Function { name, args, .. } => {
                self.call(name, args);
                args.iter().for_each(|part| self.at(part, is_root, deeper));
            }
        }
    }

    fn call(&mut self, name: &str, args: &[Ast]) {
        let Some((_, min, max)) = functions::ALL.iter().find(|(known, ..)| *known == name) else {
            let hint = nearest(name, functions::ALL.iter().map(|(known, ..)| *known));
            let hint = hint.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
            self.wrong = Some(format!("there is no function {}{hint}", shown(name)));
            return;
        };
        if !(*min..=*max).contains(&args.len()) {
            let range = if min == max { min.to_string() } else { format!("{min} or more") };
            self.wrong = Some(format!("{name} takes {range} arguments, not {}", args.len()));
        }
        if name == "lookup"
            && let Some(Ast::Literal { value, .. }) = args.first()
            && let Some(table) = value.as_string()
            && !self.tables.contains_key(table)
        {
            self.wrong = Some(format!("there is no table {}; add [tables.{table}] to the file", shown(table)));
        }
    }
}
