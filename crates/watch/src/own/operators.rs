//! The types of operators, and how whole numbers become doubles.

use super::calls::EXTREMES;
use super::check::{Checker, Seen};
use super::types::Type;
use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators as of};

impl Checker<'_> {
    /// The type of an operator's result; `None` for a call that is no operator.
    pub(super) fn operator(&mut self, id: u64, call: &mut CallExpr) -> Option<Seen> {
        let name = call.func_name.clone();
        if call.target.is_some() {
            return None;
        }
        if EXTREMES.contains(&name.as_str()) {
            return Some(self.extreme(id, call));
        }
        let seen = match (name.as_str(), call.args.as_mut_slice()) {
            (of::CONDITIONAL, [asked, yes, no]) => self.choice(id, asked, yes, no),
            (of::LOGICAL_NOT, [one]) => {
                let seen = self.expr(one);
                self.want_bool(one, &seen.of);
                Seen::new(Type::Bool, seen.steps.saturating_add(1))
            }
            (of::NOT_STRICTLY_FALSE, [one]) => {
                let seen = self.expr(one);
                Seen::new(Type::Bool, seen.steps.saturating_add(1))
            }
            (of::NEGATE, [one]) => {
                let seen = self.expr(one);
                if !(seen.of.is_number() || seen.of.is_any()) {
                    return Some(self.fault(id, format!("- stands before a number, and this is {}", seen.of)));
                }
                Seen::new(seen.of, seen.steps.saturating_add(1))
            }
            (_, [left, right]) => return self.binary(id, &name, left, right),
            _ => return None,
        };
        Some(seen)
    }

    fn binary(&mut self, id: u64, name: &str, left: &mut IdedExpr, right: &mut IdedExpr) -> Option<Seen> {
        let known = [
            (of::ADD, "+"),
            (of::SUBSTRACT, "-"),
            (of::MULTIPLY, "*"),
            (of::DIVIDE, "/"),
            (of::MODULO, "%"),
            (of::EQUALS, "=="),
            (of::NOT_EQUALS, "!="),
            (of::LESS, "<"),
            (of::LESS_EQUALS, "<="),
            (of::GREATER, ">"),
            (of::GREATER_EQUALS, ">="),
            (of::LOGICAL_AND, "&&"),
            (of::LOGICAL_OR, "||"),
            (of::IN, "in"),
            (of::INDEX, "[…]"),
        ];
        let sign = known.iter().find(|(known, _)| *known == name)?.1;
        let is_result = matches!(&left.expr, Expr::Ident(name) if name.starts_with('@'));
        let (one, other) = (self.expr(left), self.expr(right));
        let read = if is_result { 0 } else { one.of.weight() }.saturating_add(other.of.weight());
        let steps = one.steps.saturating_add(other.steps).saturating_add(read);
        let types = (one.of, other.of);
        let result = match sign {
            "+" => self.sum(id, left, right, &types),
            "-" | "*" | "/" => self.arithmetic(id, sign, left, right, &types),
            "%" => self.remainder(id, &types),
            "==" | "!=" => self.equality(id, sign, left, right, &types),
            "<" | "<=" | ">" | ">=" => self.order(id, sign, left, right, &types),
            "&&" | "||" => {
                self.want_bool(left, &types.0);
                self.want_bool(right, &types.1);
                Type::Bool
            }
            "in" => self.membership(id, left, right, &types),
            _ => self.item(id, right, &types),
        };
        Some(Seen::new(result, steps.saturating_add(1)))
    }

    fn want_bool(&mut self, node: &IdedExpr, of: &Type) {
        if !matches!(of, Type::Bool | Type::Any) {
            let detail =
                format!("true or false is wanted here, and this is {of}; compare it, for example with == or <");
            self.fault(node.id, detail);
        }
    }

    fn sum(&mut self, id: u64, left: &mut IdedExpr, right: &mut IdedExpr, types: &(Type, Type)) -> Type {
        match types {
            (Type::Text(one), Type::Text(other)) => Type::Text(one.saturating_add(*other)),
            (Type::List(one, item), Type::List(other, other_item)) => {
                let Some(joined) = item.joined(other_item) else {
                    let detail = "+ joins lists of one kind, and these are of two";
                    return self.fault(id, detail).of;
                };
                Type::List(one.saturating_add(*other), Box::new(joined))
            }
            (Type::Any, one) | (one, Type::Any) => one.clone(),
            _ => self.arithmetic(id, "+", left, right, types),
        }
    }

    fn arithmetic(
        &mut self,
        id: u64,
        sign: &str,
        left: &mut IdedExpr,
        right: &mut IdedExpr,
        (one, other): &(Type, Type),
    ) -> Type {
        let number = |of: &Type| of.is_number() || of.is_any();
        if !number(one) || !number(other) {
            let also = if sign == "+" { "; it joins two texts or two lists as well" } else { "" };
            let detail = format!("{sign} takes two numbers, and these are {one} and {other}{also}");
            return self.fault(id, detail).of;
        }
        let joined = one.joined(other).unwrap_or(Type::Any);
        self.fit(left, one, &joined);
        self.fit(right, other, &joined);
        joined
    }

    fn remainder(&mut self, id: u64, (one, other): &(Type, Type)) -> Type {
        let whole = |of: &Type| matches!(of, Type::Int | Type::Any);
        if whole(one) && whole(other) {
            return Type::Int;
        }
        self.fault(id, "% takes two whole numbers; write int(…) around a figure, as in int(stock.on_hand) % 2 == 0").of
    }

    fn equality(
        &mut self,
        id: u64,
        sign: &str,
        left: &mut IdedExpr,
        right: &mut IdedExpr,
        (one, other): &(Type, Type),
    ) -> Type {
        let Some(joined) = one.joined(other) else {
            self.fault(id, format!("{sign} compares two of a kind, and these are {one} and {other}"));
            return Type::Bool;
        };
        self.fit(left, one, &joined);
        self.fit(right, other, &joined);
        Type::Bool
    }

    fn order(
        &mut self,
        id: u64,
        sign: &str,
        left: &mut IdedExpr,
        right: &mut IdedExpr,
        (one, other): &(Type, Type),
    ) -> Type {
        match one.joined(other) {
            Some(Type::List(..)) | None => {
                self.fault(id, format!("{sign} compares two numbers or two texts, and these are {one} and {other}"));
            }
            Some(Type::Bool) => {
                self.fault(id, format!("{sign} compares numbers or texts; write ==, &&, || or ! for true and false"));
            }
            Some(joined) => {
                self.fit(left, one, &joined);
                self.fit(right, other, &joined);
            }
        }
        Type::Bool
    }

    fn membership(&mut self, id: u64, left: &mut IdedExpr, right: &mut IdedExpr, (one, other): &(Type, Type)) -> Type {
        match other {
            Type::Any => {}
            Type::List(items, item) => match one.joined(item) {
                Some(joined) => {
                    self.fit(left, one, &joined);
                    self.fit(right, other, &Type::List(*items, Box::new(joined)));
                }
                None => {
                    self.fault(id, format!("'in' looks for {one} in a list of which each item is {item}"));
                }
            },
            Type::Text(_) => {
                self.fault(id, "'in' looks in a list; for a part of a text write text.contains(part)");
            }
            _ => {
                self.fault(id, format!("'in' looks in a list, as in ['a', 'b'], and this is {other}"));
            }
        }
        Type::Bool
    }

    fn item(&mut self, id: u64, index: &mut IdedExpr, (list, at): &(Type, Type)) -> Type {
        if !matches!(at, Type::Int | Type::Any) {
            return self.fault(index.id, format!("an item's index is a whole number, and this is {at}")).of;
        }
        match list {
            Type::Any => Type::Any,
            Type::List(0, _) => self.fault(id, "an empty list has no items").of,
            Type::List(_, item) => (**item).clone(),
            _ => self.fault(id, format!("[…] takes an item of a list, and this is {list}")).of,
        }
    }

    fn choice(&mut self, id: u64, asked: &mut IdedExpr, yes: &mut IdedExpr, no: &mut IdedExpr) -> Seen {
        let seen = self.expr(asked);
        self.want_bool(asked, &seen.of);
        let (one, other) = (self.expr(yes), self.expr(no));
        let steps = seen.steps.saturating_add(one.steps.max(other.steps)).saturating_add(1);
        let Some(joined) = one.of.joined(&other.of) else {
            return self
                .fault(id, format!("? : chooses between two of a kind, and these are {} and {}", one.of, other.of));
        };
        self.fit(yes, &one.of, &joined);
        self.fit(no, &other.of, &joined);
        Seen::new(joined, steps)
    }

    /// `math.greatest(…)` and `math.least(…)`: of one number, of two, or of a list.
    fn extreme(&mut self, id: u64, call: &mut CallExpr) -> Seen {
        let (mut steps, mut joined) = (1_u64, Type::Any);
        let mut given = Vec::with_capacity(call.args.len());
        for argument in &mut call.args {
            let seen = self.expr(argument);
            steps = steps.saturating_add(seen.steps).saturating_add(seen.of.weight());
            let number = match &seen.of {
                Type::List(_, item) => (**item).clone(),
                other => other.clone(),
            };
            if !(number.is_number() || number.is_any()) {
                return self.fault(id, format!("math.greatest and math.least take numbers, and this is {number}"));
            }
            joined = joined.joined(&number).unwrap_or(Type::Any);
            given.push(seen.of);
        }
        if let [Type::List(0, _)] = given.as_slice() {
            return self.fault(id, "math.greatest and math.least take a number at least");
        }
        for (argument, of) in call.args.iter_mut().zip(&given) {
            let want = match of {
                Type::List(items, _) => Type::List(*items, Box::new(joined.clone())),
                _ => joined.clone(),
            };
            self.fit(argument, of, &want);
        }
        Seen::new(joined, steps)
    }

    /// Makes an expression give a double, or a list of doubles, where one is wanted of whole numbers.
    ///
    /// The literals and the arithmetic below are made doubles, so that `7 / 2` is 3.5 beside a double; what is left gets a
    /// `double(…)` around it. A list that is calculated stays as it is: the interpreter finds a whole number in a list of
    /// doubles and the other way round.
    pub(super) fn fit(&mut self, node: &mut IdedExpr, have: &Type, want: &Type) {
        match (have, want) {
            (Type::Int, Type::Double) => to_double(node),
            (Type::List(_, item), Type::List(_, wanted)) => {
                if let Expr::List(list) = &mut node.expr {
                    for element in &mut list.elements {
                        self.fit(element, item, wanted);
                    }
                }
            }
            _ => {}
        }
    }
}

fn to_double(node: &mut IdedExpr) {
    match &mut node.expr {
        Expr::Literal(LiteralValue::Int(whole)) => {
            let whole = *whole.inner();
            node.expr = Expr::Literal(LiteralValue::Double(nearest_double(whole).into()));
        }
        Expr::Call(call) if call.target.is_none() => match (call.func_name.as_str(), call.args.as_mut_slice()) {
            (of::ADD | of::SUBSTRACT | of::MULTIPLY | of::DIVIDE, [left, right]) => {
                to_double(left);
                to_double(right);
            }
            (of::NEGATE, [one]) => to_double(one),
            (of::CONDITIONAL, [_, yes, no]) => {
                to_double(yes);
                to_double(no);
            }
            _ => wrap(node),
        },
        _ => wrap(node),
    }
}

/// Puts `double(…)` around a node.
fn wrap(node: &mut IdedExpr) {
    let inner = std::mem::take(node);
    let call = CallExpr { func_name: "double".to_owned(), target: None, args: vec![inner] };
    *node = IdedExpr { id: call.args[0].id, expr: Expr::Call(call) };
}

#[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the nearest double is what double(…) gives too")]
fn nearest_double(whole: i64) -> f64 {
    whole as f64
}
