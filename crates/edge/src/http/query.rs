//! Query strings: every parameter by name, each wrong one named, none ignored.

use crate::http::Problem;
use axum::extract::Query;
use axum::http::Uri;
use ledger::{Day, Position, Quantity, Status, Timestamp};
use std::fmt::Display;

/// The parameters of one request.
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the query of `uri`; its parameters must be `known`.
    ///
    /// # Errors
    /// 400 `invalid_query`: it cannot be decoded, or a parameter is unknown or given twice.
    pub(crate) fn of(uri: &Uri, known: &'static [&'static str]) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| Problem::query("query", "the query string cannot be decoded; percent-encode it as UTF-8"))?;
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let near = wire::problem::nearest(name, known.iter().copied());
                let remedy = near.map_or_else(|| known.join(", "), |near| format!("'{near}'?"));
                let detail = format!("there is no parameter {}; did you mean {remedy}", wire::problem::shown(name));
                return Err(Problem::query(name.clone(), detail));
            }
            if pairs[..index].iter().any(|(other, _)| other == name) {
                let detail = format!("{name} is given twice; give it once");
                return Err(Problem::query(name.clone(), detail));
            }
        }
        Ok(Self(pairs))
    }

    /// A text; `None` when absent or empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name)?;
        Some(found.1.trim()).filter(|text| !text.is_empty())
    }

    fn read<T, E: Display>(
        &self,
        name: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let wrong = |error: E| Problem::query(name, format!("{name} {}: {error}", wire::problem::shown(text)));
        read(text).map(Some).map_err(wrong)
    }

    /// A text that must be there.
    pub(crate) fn required(&self, name: &'static str) -> Result<&str, Problem> {
        self.text(name).ok_or_else(|| Problem::query(name, format!("{name} is missing; add it to the query")))
    }

    /// True, false or absent.
    pub(crate) fn flag_if_given(&self, name: &'static str) -> Result<Option<bool>, Problem> {
        self.one_of(name, &[("true", true), ("1", true), ("false", false), ("0", false)])
    }

    /// Absent is false.
    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, Problem> {
        Ok(self.flag_if_given(name)?.unwrap_or(false))
    }

    /// A calendar day.
    pub(crate) fn day(&self, name: &'static str) -> Result<Option<Day>, Problem> {
        self.read(name, wire::time::parse_day)
    }

    /// An RFC 3339 time.
    pub(crate) fn time(&self, name: &'static str) -> Result<Option<Timestamp>, Problem> {
        // A plus sign that was not percent-encoded has become a space.
        self.read(name, |text| wire::time::parse_timestamp(&text.replace(' ', "+")))
    }

    /// A quantity.
    pub(crate) fn quantity(&self, name: &'static str) -> Result<Option<Quantity>, Problem> {
        self.read(name, str::parse)
    }

    /// A journal position.
    pub(crate) fn position(&self, name: &'static str) -> Result<Option<Position>, Problem> {
        self.read(name, |text| text.parse().map(Position).map_err(|_| "send a whole number"))
    }

    /// The status of stock.
    pub(crate) fn status(&self, name: &'static str) -> Result<Option<Status>, Problem> {
        self.read(name, |text| Status::named(text).ok_or("send 'available', 'quarantined', 'damaged' or 'expired'"))
    }

    /// One of some words, with what each stands for.
    pub(crate) fn one_of<T: Copy>(&self, name: &'static str, words: &[(&str, T)]) -> Result<Option<T>, Problem> {
        self.read(name, |text| {
            let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
            found.ok_or_else(|| {
                let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                format!("send one of: {}", all.join(", "))
            })
        })
    }

    /// A number from `min` to `max`.
    pub(crate) fn number(&self, name: &'static str, min: f64, max: f64) -> Result<Option<f64>, Problem> {
        self.read(name, |text| match text.parse::<f64>() {
            Ok(number) if (min..=max).contains(&number) => Ok(number),
            _ => Err(format!("send a number from {min} to {max}")),
        })
    }

    /// A whole number from 1 to `max`.
    pub(crate) fn count(&self, name: &'static str, max: usize) -> Result<Option<usize>, Problem> {
        self.read(name, |text| match text.parse::<usize>() {
            Ok(number) if (1..=max).contains(&number) => Ok(number),
            _ => Err(format!("send a whole number from 1 to {max}")),
        })
    }

    /// A cursor that is a number; 0 when absent.
    ///
    /// # Errors
    /// 400 `invalid_cursor`.
    pub(crate) fn cursor_number(&self) -> Result<u32, Problem> {
        let Some(text) = self.text("cursor") else { return Ok(0) };
        text.parse().map_err(|_| {
            let detail = format!("cursor {} is not the next of a page", wire::problem::shown(text));
            Problem::new(axum::http::StatusCode::BAD_REQUEST, "invalid_cursor", detail).of("cursor")
        })
    }

    /// Items a page: `limit`, from 1; `default` when absent, `max` when more.
    pub(crate) fn limit(&self, default: usize, max: usize) -> Result<usize, Problem> {
        let read = |text: &str| match text.parse::<usize>() {
            Ok(limit) if limit > 0 => Ok(limit.min(max)),
            _ => Err("send a whole number above zero"),
        };
        Ok(self.read("limit", read)?.unwrap_or(default))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_by_name_and_wrong_ones_named() {
        let of = |query: &str| Params::of(&format!("/x?{query}").parse().unwrap(), &["as_of", "limit", "lot"]);
        let field = |query: &str| of(query).map(|_| ()).map_err(|problem| problem.field.into_owned());
        assert_eq!(field("lot=a&limit=3"), Ok(()));
        assert_eq!(field("lots=a"), Err("lots".to_owned()));
        assert_eq!(field("lot=a&lot=b"), Err("lot".to_owned()));
        let params = of("as_of=2026-02-16T12:00:00%2B02:00&lot=a%2Fb+c&limit=0").unwrap();
        assert_eq!(params.text("lot"), Some("a/b c"));
        assert_eq!(params.time("as_of").unwrap(), Some(Timestamp(1_771_236_000_000_000)));
        assert_eq!(params.limit(10, 20).unwrap_err().field, "limit");
        let unencoded = of("as_of=2026-02-16T12:00:00+02:00").unwrap();
        assert_eq!(unencoded.time("as_of").unwrap(), Some(Timestamp(1_771_236_000_000_000)));
    }
}
