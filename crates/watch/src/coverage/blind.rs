//! Places that nobody sees: where stock stands and neither a device nor a count has looked.

use crate::stock::duration;
use ledger::Timestamp;
use std::collections::BTreeMap;

/// Days without a count after which a place counts as not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days(pub u32);

impl Days {
    fn before(self, now: Timestamp) -> Timestamp {
        now.minus(i64::from(self.0) * 86_400_000_000)
    }
}

impl Default for Days {
    fn default() -> Self {
        Self(90)
    }
}

/// Stock at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedBalance<'a> {
    /// The path of the place.
    pub location: &'a str,
    /// When it was last counted; [`Timestamp::MIN`] for never.
    pub last_count: Timestamp,
}

/// A device that stands somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentinel<'a> {
    /// Its name.
    pub device: &'a str,
    /// Where it stands.
    pub location: &'a str,
    /// When it was last heard; `None` for never.
    pub last_heard: Option<Timestamp>,
    /// For how long it may be silent, in microseconds; `None` when it speaks only when something happens: then it must
    /// have been heard since the oldest count that is good enough.
    pub interval: Option<i64>,
}

impl Sentinel<'_> {
    /// Whether it was heard within its interval.
    pub fn is_heard(&self, days: Days, now: Timestamp) -> bool {
        let since = self.interval.map_or_else(|| days.before(now), |interval| now.minus(interval));
        self.last_heard.is_some_and(|at| at >= since)
    }
}

/// Who has looked at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// Stock stands there, no device was heard and nobody has counted.
    Blind,
    /// No device was heard, and somebody has counted.
    Counted,
    /// A device was heard.
    Seen,
    /// Nothing stands there.
    Empty,
}

impl Sight {
    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blind => "blind",
            Self::Counted => "counted",
            Self::Seen => "seen",
            Self::Empty => "empty",
        }
    }
}

/// A warehouse or a part of one, and who has looked at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Its path. That of a warehouse stands for what was never said to be in a part of it.
    pub place: Box<str>,
    /// Who has looked.
    pub sight: Sight,
    /// Balances that stand there.
    pub balances: usize,
    /// How many of them were counted within the days.
    pub counted: usize,
    /// When something there was last counted.
    pub last_count: Option<Timestamp>,
    /// Devices that stand there.
    pub devices: usize,
    /// How many of them were heard within their intervals.
    pub heard: usize,
    /// What is missing, in words with figures; empty when nothing is.
    pub reasons: Vec<String>,
}

/// The first `depth` parts of a path; all of a shorter one.
pub fn zone_of(path: &str, depth: usize) -> &str {
    path.match_indices('/').nth(depth.max(1) - 1).map_or(path, |(end, _)| &path[..end])
}

#[derive(Default)]
struct Facts<'a> {
    balances: usize,
    counted: usize,
    last_count: Option<Timestamp>,
    sentinels: Vec<&'a Sentinel<'a>>,
}

/// Who has looked at each place, by its path. Places are the first `depth` parts of paths: 2 for warehouses and their
/// zones. Each balance and each device counts for one place.
pub fn blind_spots<'a>(
    balances: impl IntoIterator<Item = PlacedBalance<'a>>,
    sentinels: &'a [Sentinel<'a>],
    depth: usize,
    days: Days,
    now: Timestamp,
) -> Vec<Spot> {
    let mut places: BTreeMap<&str, Facts<'_>> = BTreeMap::new();
    for balance in balances {
        let facts = places.entry(zone_of(balance.location, depth)).or_default();
        facts.balances += 1;
        facts.counted += usize::from(balance.last_count >= days.before(now));
        if balance.last_count > Timestamp::MIN {
            facts.last_count = facts.last_count.max(Some(balance.last_count));
        }
    }
    for sentinel in sentinels.iter().filter(|sentinel| !sentinel.location.is_empty()) {
        places.entry(zone_of(sentinel.location, depth)).or_default().sentinels.push(sentinel);
    }
    places.into_iter().map(|(place, facts)| spot(place, &facts, days, now)).collect()
}

fn spot(place: &str, facts: &Facts<'_>, days: Days, now: Timestamp) -> Spot {
    let heard = facts.sentinels.iter().filter(|sentinel| sentinel.is_heard(days, now)).count();
    let sight = match () {
        () if facts.balances == 0 => Sight::Empty,
        () if heard > 0 => Sight::Seen,
        () if facts.counted > 0 => Sight::Counted,
        () => Sight::Blind,
    };
    let mut reasons = Vec::new();
    if facts.balances > 0 && facts.sentinels.is_empty() {
        reasons.push("no device stands here".to_owned());
    } else if heard == 0 && !facts.sentinels.is_empty() {
        let newest = facts.sentinels.iter().max_by_key(|sentinel| sentinel.last_heard);
        let words = newest.map_or_else(String::new, |sentinel| silence(sentinel, now));
        let count = facts.sentinels.len();
        let who = if count == 1 { "its only device".into() } else { format!("none of its {count} devices") };
        let verb = if count == 1 { "was not heard in time" } else { "was heard in time" };
        reasons.push(format!("{who} {verb}: {words}"));
    }
    if facts.balances > 0 && facts.counted == 0 {
        reasons.push(match facts.last_count {
            Some(at) => {
                format!("no count in {} days: the last was {} ago", days.0, duration(now.0.saturating_sub(at.0)))
            }
            None => format!("no count ever of {} balances", facts.balances),
        });
    }
    Spot {
        place: place.into(),
        sight,
        balances: facts.balances,
        counted: facts.counted,
        last_count: facts.last_count,
        devices: facts.sentinels.len(),
        heard,
        reasons,
    }
}

fn silence(sentinel: &Sentinel<'_>, now: Timestamp) -> String {
    let every =
        sentinel.interval.map_or_else(String::new, |interval| format!(", and should every {}", duration(interval)));
    match sentinel.last_heard {
        Some(at) => format!("{} last spoke {} ago{every}", sentinel.device, duration(now.0.saturating_sub(at.0))),
        None => format!("{} never spoke{every}", sentinel.device),
    }
}
