//! Which notices a channel is told of, and when they go together.

use super::notice::Notice;
use super::quiet::QuietHours;
use ledger::{Severity, Timestamp};
use std::sync::Arc;

/// A channel as the outbox knows it: its name, what it wants to hear and when. How it is reached is not known here.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name, which no other has.
    pub name: Arc<str>,
    /// What it wants to hear.
    pub filter: Filter,
    /// When it hears only what is critical.
    pub quiet: Option<QuietHours>,
    /// For how long notices are gathered before they go together, in microseconds; `None`: each goes alone.
    pub digest_micros: Option<i64>,
    /// Whether what waited for the end of the quiet hours goes together.
    pub gathers_quiet: bool,
    /// How many notices one message holds at most; above zero.
    pub group_max: usize,
}

/// Which notices pass. What is empty lets all pass.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Of this severity or a higher one.
    pub severity_min: Severity,
    /// Of one of these conditions.
    pub conditions: Vec<String>,
    /// At one of these locations or within it.
    pub locations: Vec<String>,
    /// Of this owner.
    pub owner: Option<String>,
}

impl Default for Filter {
    fn default() -> Self {
        Self { severity_min: Severity::Info, conditions: Vec::new(), locations: Vec::new(), owner: None }
    }
}

impl Filter {
    /// Whether a notice passes.
    pub fn passes(&self, notice: &Notice) -> bool {
        let is_within = |outer: &String| {
            let rest = notice.location.as_deref().and_then(|location| location.strip_prefix(outer.as_str()));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        notice.severity >= self.severity_min
            && (self.conditions.is_empty() || self.conditions.contains(&notice.condition))
            && (self.locations.is_empty() || self.locations.iter().any(is_within))
            && (self.owner.is_none() || self.owner == notice.owner)
    }
}

/// How a notice is put into the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Not before.
    pub(super) due_at: Timestamp,
    /// Goes out in quiet hours too.
    pub(super) is_urgent: bool,
    /// Goes together with others that wait.
    pub(super) gathers: bool,
}

impl Route {
    /// How a notice of this severity is put into the outbox at `now`, when a digest that is being gathered goes at
    /// `digest_at`.
    pub(super) fn entry(&self, severity: Severity, now: Timestamp, digest_at: Option<Timestamp>) -> Entry {
        if severity == Severity::Critical {
            return Entry { due_at: now, is_urgent: true, gathers: false };
        }
        if let Some(micros) = self.digest_micros {
            let due_at = digest_at.filter(|at| *at > now).unwrap_or_else(|| now.plus(micros));
            return Entry { due_at, is_urgent: false, gathers: true };
        }
        let gathers = self.gathers_quiet && self.quiet_until(now).is_some();
        Entry { due_at: now, is_urgent: false, gathers }
    }

    /// When the quiet hours that `now` is in end.
    pub(super) fn quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.quiet.as_ref().and_then(|quiet| quiet.until(now))
    }
}

/// The id of a message of these notices: that of the only one, or one that only the same notices give.
pub(super) fn message_id(channel: &str, notices: &[&str]) -> String {
    if let [only] = notices {
        return (*only).to_owned();
    }
    let mut hasher = blake3::Hasher::new();
    for text in std::iter::once(&channel).chain(notices) {
        hasher.update(text.as_bytes());
        hasher.update(b"\n");
    }
    format!("digest-{}", &hasher.finalize().to_hex()[..32])
}

#[cfg(test)]
mod tests {
    use super::super::notice::tests::notice;
    use super::*;

    const NOW: Timestamp = Timestamp(1_771_236_000_000_000);
    const MINUTE: i64 = 60_000_000;

    fn route() -> Route {
        Route {
            name: "a".into(),
            filter: Filter::default(),
            quiet: None,
            digest_micros: None,
            gathers_quiet: true,
            group_max: 20,
        }
    }

    #[test]
    fn filters_look_at_severity_condition_place_and_owner() {
        let mut told = notice(1);
        told.location = Some("warehouse_A/cold-1".to_owned());
        told.owner = Some("ann".to_owned());
        let check = |filter: Filter, expect: bool| assert_eq!(filter.passes(&told), expect, "{filter:?}");
        let all = Filter::default;
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        check(all(), true);
        check(Filter { severity_min: Severity::Warning, ..all() }, true);
        check(Filter { severity_min: Severity::Critical, ..all() }, false);
        check(Filter { conditions: texts(&["other", "low_stock"]), ..all() }, true);
        check(Filter { conditions: texts(&["other"]), ..all() }, false);
        for (location, expect) in
            [("warehouse_A", true), ("warehouse_A/cold-1", true), ("warehouse_A/cold", false), ("warehouse", false)]
        {
            check(Filter { locations: texts(&[location]), ..all() }, expect);
        }
        check(Filter { owner: Some("ann".to_owned()), ..all() }, true);
        check(Filter { owner: Some("bob".to_owned()), ..all() }, false);
        told.location = None;
        assert!(!Filter { locations: texts(&["warehouse_A"]), ..all() }.passes(&told));
    }

    #[test]
    fn what_is_critical_goes_at_once_and_the_rest_when_it_may() {
        let check = |route: &Route, severity, digest_at, expect: (i64, bool, bool)| {
            let entry = route.entry(severity, NOW, digest_at);
            assert_eq!((entry.due_at.0 - NOW.0, entry.is_urgent, entry.gathers), expect, "{severity:?} {route:?}");
        };
        let plain = route();
        check(&plain, Severity::Warning, None, (0, false, false));
        check(&plain, Severity::Critical, None, (0, true, false));
        let digest = Route { digest_micros: Some(15 * MINUTE), ..route() };
        check(&digest, Severity::Critical, None, (0, true, false));
        check(&digest, Severity::Info, None, (15 * MINUTE, false, true));
        check(&digest, Severity::Info, Some(NOW.plus(MINUTE)), (MINUTE, false, true));
        check(&digest, Severity::Info, Some(NOW.minus(MINUTE)), (15 * MINUTE, false, true));
        let quiet = QuietHours::parse("09:00-12:00", "UTC").unwrap();
        let quiet = Route { quiet: Some(quiet), ..route() };
        check(&quiet, Severity::Info, None, (0, false, true));
        check(&quiet, Severity::Critical, None, (0, true, false));
        check(&Route { gathers_quiet: false, ..quiet }, Severity::Info, None, (0, false, false));
    }

    #[test]
    fn a_message_is_named_by_what_is_in_it() {
        assert_eq!(message_id("a", &["alert-1-opened"]), "alert-1-opened");
        let id = message_id("a", &["alert-1-opened", "alert-2-opened"]);
        assert_eq!(id, message_id("a", &["alert-1-opened", "alert-2-opened"]));
        assert!(id.starts_with("digest-") && id.len() == 39, "{id}");
        assert_ne!(id, message_id("b", &["alert-1-opened", "alert-2-opened"]));
        assert_ne!(id, message_id("a", &["alert-2-opened", "alert-1-opened"]));
    }
}
