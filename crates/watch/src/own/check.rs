//! What a condition means: names, types and a bound on the steps.
//!
//! One walk over the tree finds the type of every expression, tells what does not fit, counts the steps that evaluating takes
//! at most, and rewrites what the interpreter would not take: a fact becomes its place among the values, `has(…)` the place of
//! whether it is known, and a whole number that meets a double becomes one. After it nothing is left that fails for its type.

use super::calls::{self, FUNCTIONS, Function, LOOPS, MATH, nearest};
use super::facts::FactSet;
use super::parse::{Parsed, Places};
use super::types::Type;
use super::{DEPTH_MAX, Fault, Field, LOOPS_MAX, PRESENCE, STEPS_MAX, Subject, VALUE, tree_name};
use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, ListExpr, LiteralValue, SelectExpr};

/// A tree that was checked and rewritten.
pub(super) struct Checked {
    pub(super) tree: IdedExpr,
    pub(super) reads: FactSet,
    pub(super) steps: u64,
}

/// What is known of an expression: its type, and how many steps it takes at most.
pub(super) struct Seen {
    pub(super) of: Type,
    pub(super) steps: u64,
}

impl Seen {
    pub(super) fn new(of: Type, steps: u64) -> Self {
        Self { of, steps }
    }

    /// What was told to be wrong: no more shall follow from it.
    pub(super) fn wrong() -> Self {
        Self { of: Type::Any, steps: 1 }
    }
}

/// Checks a tree over a subject.
///
/// # Errors
/// All faults, by their columns.
pub(super) fn check(parsed: Parsed<'_>, over: Subject) -> Result<Checked, Vec<Fault>> {
    let Parsed { mut tree, places } = parsed;
    let mut checker = Checker {
        places,
        over,
        fields: over.fields().collect(),
        scopes: Vec::new(),
        faults: Vec::new(),
        reads: FactSet::new(over),
    };
    checker.check_shape(&tree);
    if checker.faults.is_empty() {
        let seen = checker.expr(&mut tree);
        if checker.faults.is_empty() && seen.of != Type::Bool {
            let column = checker.places.column(tree.id);
            let detail =
                format!("the condition is {}, not true or false; compare it, for example with == or <", seen.of);
            checker.faults.push(Fault { column, detail });
        }
        if checker.faults.is_empty() && seen.steps > STEPS_MAX {
            let detail = format!(
                "the condition may take {} steps, more than the {STEPS_MAX} that are allowed; shorten its lists, or the texts \
                 that it joins, or put fewer loops into each other",
                seen.steps
            );
            checker.faults.push(Fault { column: 1, detail });
        }
        if checker.faults.is_empty() {
            return Ok(Checked { tree, reads: checker.reads, steps: seen.steps });
        }
    }
    let mut faults = checker.faults;
    faults.sort();
    faults.dedup();
    Err(faults)
}

pub(super) struct Checker<'t> {
    pub(super) places: Places<'t>,
    over: Subject,
    /// Those of the subject, in their order.
    fields: Vec<&'static Field>,
    /// The loops' names and their types, the innermost last.
    scopes: Vec<(String, Type)>,
    faults: Vec<Fault>,
    reads: FactSet,
}

impl Checker<'_> {
    /// Adds a fault at a node.
    pub(super) fn fault(&mut self, id: u64, detail: impl Into<String>) -> Seen {
        self.fault_at(self.places.column(id), detail)
    }

    fn fault_at(&mut self, column: usize, detail: impl Into<String>) -> Seen {
        self.faults.push(Fault { column, detail: detail.into() });
        Seen::wrong()
    }

    /// Checks how deep a tree is and how many loops it has, so that all that follows may recurse.
    fn check_shape(&mut self, tree: &IdedExpr) {
        let (mut loops, mut too_deep, mut one_loop_more) = (0, None, None);
        let mut open = vec![(tree, 1)];
        while let Some((node, depth)) = open.pop() {
            if depth > DEPTH_MAX {
                too_deep = too_deep.max(Some(self.places.column(node.id)));
                continue;
            }
            match &node.expr {
                Expr::Call(call) => {
                    open.extend(call.target.as_deref().into_iter().chain(&call.args).map(|node| (node, depth + 1)))
                }
                Expr::List(list) => open.extend(list.elements.iter().map(|node| (node, depth + 1))),
                Expr::Select(select) => open.push((&select.operand, depth + 1)),
                Expr::Comprehension(looped) => {
                    loops += 1;
                    if loops > LOOPS_MAX {
                        one_loop_more = one_loop_more.max(Some(self.places.column(node.id)));
                    }
                    open.extend([&looped.iter_range, &looped.loop_step].map(|node| (node, depth + 1)));
                }
                // Maps and messages are refused as a whole.
                _ => {}
            }
        }
        if let Some(column) = too_deep {
            self.fault_at(
                column,
                format!("it is nested deeper than {DEPTH_MAX} here; split the condition into several"),
            );
        }
        if let Some(column) = one_loop_more {
            self.fault_at(
                column,
                format!("it has {loops} loops, more than {LOOPS_MAX}; split the condition into several"),
            );
        }
    }

    pub(super) fn expr(&mut self, node: &mut IdedExpr) -> Seen {
        let id = node.id;
        match &mut node.expr {
            Expr::Literal(literal) => self.literal(id, literal),
            Expr::Ident(name) => {
                let name = name.clone();
                self.name(id, &name)
            }
            Expr::Select(_) => self.select(node),
            Expr::List(list) => self.list(list),
            Expr::Call(call) => self.call(id, call),
            Expr::Comprehension(looped) => self.looped(looped),
            Expr::Map(_) | Expr::Struct(_) => {
                self.fault(id, "maps and messages are not part of the language; write a list, as in ['a', 'b']")
            }
            Expr::Unspecified => self.fault(id, "an expression is missing here"),
        }
    }

    fn literal(&mut self, id: u64, literal: &LiteralValue) -> Seen {
        let of = match literal {
            LiteralValue::Boolean(_) => Type::Bool,
            LiteralValue::Int(_) => Type::Int,
            LiteralValue::Double(_) => Type::Double,
            LiteralValue::String(text) => Type::Text(text.inner().len() as u64),
            LiteralValue::UInt(_) => return self.fault(id, "a number is written without u, as in 3 or 2.5"),
            LiteralValue::Bytes(_) => return self.fault(id, "a text is written without b, as in 'abc'"),
            LiteralValue::Null => return self.fault(id, "there is no null; ask has(…) whether a fact is known"),
        };
        Seen::new(of, 1)
    }

    /// A name that stands alone: a loop's, for groups of facts have a dot behind.
    fn name(&mut self, id: u64, name: &str) -> Seen {
        if let Some((_, of)) = self.scopes.iter().rev().find(|(known, _)| known == name) {
            let weight = of.weight();
            return Seen::new(of.clone(), weight);
        }
        let own = self.over.name();
        if name == own || name == "now" {
            let fact = if name == own { self.fields[0].name } else { "now.hour" };
            return self.fault(id, format!("'{name}' is a group of facts; write one of them, such as {fact}"));
        }
        if let Some(field) = self.fields.iter().find(|field| field.name.rsplit('.').next() == Some(name)) {
            let detail = format!("'{name}' is unknown; did you mean {}?", field.name);
            return self.fault(id, detail);
        }
        let detail = self.unknown_root(name);
        self.fault(id, detail)
    }

    /// What to say of a name that is neither a group of facts nor a loop's.
    fn unknown_root(&self, name: &str) -> String {
        let own = self.over.name();
        if Subject::from_name(name).is_some() {
            return format!("a condition over {own} knows nothing of a {name}; it reads {own}.… and now.…");
        }
        let loops = self.scopes.iter().map(|(name, _)| name.as_str()).filter(|name| !name.starts_with('@'));
        match nearest(name, [own, "now", "true", "false"].into_iter().chain(loops)) {
            Some(near) => format!("'{name}' is unknown; did you mean '{near}'?"),
            None => format!(
                "'{name}' is unknown; a condition over {own} reads {own}.… and now.…, and texts stand in quotes"
            ),
        }
    }

    /// A fact, or whether it is known.
    fn select(&mut self, node: &mut IdedExpr) -> Seen {
        let Expr::Select(SelectExpr { operand, field, test }) = &node.expr else { return Seen::wrong() };
        let (id, test, name) = (node.id, *test, field.clone());
        let root = match &operand.expr {
            Expr::Ident(root) if self.scopes.iter().all(|(name, _)| name != root) => root.clone(),
            _ => {
                let column = self.places.column_of_word_after(id, &name);
                return self.fault_at(
                    column,
                    format!("nothing is behind a dot here; '.{name}' stands after a group of facts only"),
                );
            }
        };
        if root != self.over.name() && root != "now" {
            let detail = self.unknown_root(&root);
            return self.fault(operand.id, detail);
        }
        let full = format!("{root}.{name}");
        let Some(index) = self.fields.iter().position(|field| field.name == full) else {
            let column = self.places.column_of_word_after(if test { operand.id } else { id }, &name);
            let names = self.fields.iter().filter_map(|field| field.name.strip_prefix(&format!("{root}.")));
            let detail = match nearest(&name, names.clone()) {
                Some(near) => format!("{root} has no '{name}'; did you mean {root}.{near}?"),
                None => format!("{root} has no '{name}'; it has {}", names.collect::<Vec<_>>().join(", ")),
            };
            return self.fault_at(column, detail);
        };
        self.reads.add(index);
        let of = if test { Type::Bool } else { Type::of(self.fields[index].kind) };
        node.expr = Expr::Ident(tree_name(if test { PRESENCE } else { VALUE }, index));
        let weight = of.weight();
        Seen::new(of, weight)
    }

    fn list(&mut self, list: &mut ListExpr) -> Seen {
        let mut steps: u64 = 1;
        let mut items = Vec::with_capacity(list.elements.len());
        let mut joined = Type::Any;
        for item in &mut list.elements {
            let seen = self.expr(item);
            steps = steps.saturating_add(seen.steps);
            match joined.joined(&seen.of) {
                Some(both) => joined = both,
                None => {
                    let detail =
                        format!("a list has items of one kind; this is {}, and what is before it {joined}", seen.of);
                    return self.fault(item.id, detail);
                }
            }
            items.push(seen.of);
        }
        for (item, of) in list.elements.iter_mut().zip(&items) {
            self.fit(item, of, &joined);
        }
        Seen::new(Type::List(items.len() as u64, Box::new(joined)), steps)
    }

    /// A loop, as the parser expands it: `@result` begins as something and takes a step for each item.
    fn looped(&mut self, looped: &mut ComprehensionExpr) -> Seen {
        let range = self.expr(&mut looped.iter_range);
        let (items, item) = match range.of {
            Type::List(items, item) => (items, *item),
            Type::Any => (0, Type::Any),
            other => {
                let id = looped.iter_range.id;
                return self.fault(id, format!("a loop goes over a list, and this is {other}"));
            }
        };
        if looped.iter_var == self.over.name() || looped.iter_var == "now" {
            let column = self.places.column_of_word_after(looped.result.id, &looped.iter_var);
            let detail = format!("'{}' is a group of facts; give the item another name", looped.iter_var);
            return self.fault_at(column, detail);
        }
        if looped.iter_var.starts_with('.') {
            return self.fault(looped.result.id, "the name for an item begins with a letter, not with a dot");
        }
        let begun = self.expr(&mut looped.accu_init);
        let depth = self.scopes.len();
        let copied = item.weight();
        self.scopes.push((looped.accu_var.clone(), begun.of));
        self.scopes.push((looped.iter_var.clone(), item));
        let asked = self.expr(&mut looped.loop_cond);
        let step = self.expr(&mut looped.loop_step);
        self.scopes.truncate(depth);
        // A list grows with every item by what the first adds; nothing else grows.
        let grown = match step.of {
            Type::List(more, item) => Type::List(more.saturating_mul(items), item),
            other => other,
        };
        let weight = grown.weight();
        self.scopes.push((looped.accu_var.clone(), grown));
        let result = self.expr(&mut looped.result);
        self.scopes.truncate(depth);
        let each = asked.steps.saturating_add(step.steps).saturating_add(copied);
        let steps = items.saturating_mul(each).saturating_add(range.steps).saturating_add(weight);
        Seen::new(result.of, steps.saturating_add(result.steps))
    }

    fn call(&mut self, id: u64, call: &mut CallExpr) -> Seen {
        if let Some(seen) = self.operator(id, call) {
            return seen;
        }
        let name = call.func_name.clone();
        let is_math =
            call.target.as_ref().is_some_and(|target| matches!(&target.expr, Expr::Ident(name) if name == "math"));
        let known = if is_math { MATH } else { FUNCTIONS };
        let is_method = call.target.is_some() && !is_math;
        let mut steps: u64 = 1;
        let mut given = Vec::with_capacity(call.args.len() + 1);
        let target = call.target.as_deref_mut().filter(|_| is_method);
        for argument in target.into_iter().chain(&mut call.args) {
            let seen = self.expr(argument);
            steps = steps.saturating_add(seen.steps).saturating_add(seen.of.weight());
            given.push(seen.of);
        }
        let column = self.places.column_of_word_before(id, &name);
        let Some(function) = known.iter().find(|function| function.name == name && function.is_method == is_method)
        else {
            let detail = unknown_function(&name, is_math, is_method);
            return self.fault_at(column, detail);
        };
        if given.len() != function.takes.len() {
            let detail = format!("{name} takes {}; write {}", counted(function.takes.len()), function.form);
            return self.fault_at(column, detail);
        }
        let is_right = self.arguments(function, call, &given, is_method);
        if is_right { Seen::new(function.gives.of(&given), steps) } else { Seen::wrong() }
    }

    /// Checks what a function is given; whether it is right.
    fn arguments(&mut self, function: &Function, call: &mut CallExpr, given: &[Type], is_method: bool) -> bool {
        let mut is_right = true;
        let target = call.target.as_deref_mut().filter(|_| is_method);
        let nodes = target.into_iter().chain(&mut call.args);
        for (node, (takes, of)) in nodes.zip(function.takes.iter().zip(given)) {
            if !takes.takes(of) {
                let detail = format!("{} takes {} here, and this is {of}", function.form, takes.words());
                self.fault(node.id, detail);
                is_right = false;
            } else if *takes == calls::Takes::Double {
                self.fit(node, of, &Type::Double);
            }
        }
        is_right
    }
}

fn counted(arguments: usize) -> &'static str {
    match arguments {
        1 => "one value",
        2 => "two values",
        _ => "another number of values",
    }
}

/// What to say of a function that is not there.
fn unknown_function(name: &str, is_math: bool, is_method: bool) -> String {
    if let Some((_, form)) = LOOPS.iter().find(|(known, _)| *known == name) {
        return format!("write {form}, with a name for the item");
    }
    if name == "has" {
        return "has(…) takes one fact, as in has(stock.days_to_expiry)".to_owned();
    }
    if let Some(other) = FUNCTIONS.iter().find(|function| function.name == name).filter(|_| !is_math) {
        return format!("write {}", other.form);
    }
    if let Some(instead) = calls::instead(name) {
        return format!("there is no function '{name}'; {instead}");
    }
    let functions = if is_math { MATH } else { FUNCTIONS };
    let extremes: &[&str] = if is_math { &["greatest", "least"] } else { &[] };
    let loops = LOOPS.iter().map(|(name, _)| *name).filter(|_| is_method);
    let names = functions.iter().filter(|function| is_math || function.is_method == is_method).map(|known| known.name);
    let names = names.chain(extremes.iter().copied()).chain(loops);
    match nearest(name, names.clone()) {
        Some(near) => format!("there is no function '{name}'; did you mean '{near}'?"),
        None => format!("there is no function '{name}'; there are {}", names.collect::<Vec<_>>().join(", ")),
    }
}
