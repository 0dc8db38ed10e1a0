//! What is told: that an alert was opened, became worse, is still open, or is over.

use ledger::{Position, Severity, Timestamp};
use serde::de::Error;
use serde::{Deserialize, Serialize};

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It came to be.
    Opened,
    /// Nobody acknowledged it in time.
    Escalated,
    /// It is still open, and the time for which nobody wanted to hear of it is over.
    Reminded,
    /// It is over.
    Resolved,
}

impl What {
    /// Its name: `opened`, `escalated`, `reminded` or `resolved`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Escalated => "escalated",
            Self::Reminded => "reminded",
            Self::Resolved => "resolved",
        }
    }
}

/// One thing to tell of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The same whenever the same is told again: `alert-17-opened`; of what may happen to an alert more than once, with the
    /// position of the entry that it happened in: `alert-17-escalated-29`.
    pub id: String,
    /// The alert: the position of the entry that opened it.
    pub alert: Position,
    /// What happened to it.
    pub what: What,
    /// The code of its condition, such as `low_stock`.
    pub condition: String,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub subject: String,
    /// Why it is there, in one sentence.
    pub why: String,
    /// Who takes care of it.
    pub owner: Option<String>,
    /// Where it is.
    pub location: Option<String>,
    /// Of which product.
    pub product: Option<String>,
    /// When it happened.
    pub at: Timestamp,
    /// The path of its page.
    pub link: String,
}

impl Notice {
    /// The id of what happened to `alert` in the entry at `position`.
    pub fn id_of(alert: Position, what: What, position: Position) -> String {
        match what {
            What::Opened => format!("alert-{alert}-{}", what.name()),
            _ => format!("alert-{alert}-{}-{position}", what.name()),
        }
    }

    /// Its JSON, as it is kept.
    pub(super) fn render(&self) -> String {
        let record = Record {
            id: self.id.clone(),
            alert: self.alert.0,
            what: self.what,
            condition: self.condition.clone(),
            severity: self.severity.name().to_owned(),
            subject: self.subject.clone(),
            why: self.why.clone(),
            owner: self.owner.clone(),
            location: self.location.clone(),
            product: self.product.clone(),
            at: self.at.0,
            link: self.link.clone(),
        };
        serde_json::to_string(&record).expect("a record has text keys and cannot fail to serialise")
    }

    /// Reads back what [`render`](Self::render) wrote.
    pub(super) fn read(text: &str) -> serde_json::Result<Self> {
        let record: Record = serde_json::from_str(text)?;
        let severity = Severity::named(&record.severity).ok_or_else(|| Error::custom("a severity that is none"))?;
        Ok(Self {
            id: record.id,
            alert: Position(record.alert),
            what: record.what,
            condition: record.condition,
            severity,
            subject: record.subject,
            why: record.why,
            owner: record.owner,
            location: record.location,
            product: record.product,
            at: Timestamp(record.at),
            link: record.link,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Record {
    id: String,
    alert: u64,
    what: What,
    condition: String,
    severity: String,
    subject: String,
    why: String,
    owner: Option<String>,
    location: Option<String>,
    product: Option<String>,
    at: i64,
    link: String,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// That the alert at a position was opened.
    pub(in super::super) fn notice(position: u64) -> Notice {
        let alert = Position(position);
        Notice {
            id: Notice::id_of(alert, What::Opened, alert),
            alert,
            what: What::Opened,
            condition: "low_stock".to_owned(),
            severity: Severity::Warning,
            subject: format!("SKU-{position} at warehouse_A"),
            why: "4 are left and 10 should be".to_owned(),
            owner: None,
            location: Some("warehouse_A".to_owned()),
            product: Some(format!("SKU-{position}")),
            at: Timestamp(1_771_236_000_000_000),
            link: format!("/alerts/{position}"),
        }
    }

    #[test]
    fn decode_of_encode_is_identity() {
        for what in [What::Opened, What::Escalated, What::Reminded, What::Resolved] {
            let told = Notice { what, owner: Some("änn \"<&".to_owned()), product: None, ..notice(3) };
            assert_eq!(Notice::read(&told.render()).unwrap(), told);
        }
        assert!(Notice::read("{}").is_err());
    }

    #[test]
    fn ids_name_the_alert_and_what_happened() {
        let id = |what| Notice::id_of(Position(17), what, Position(29));
        assert_eq!(id(What::Opened), "alert-17-opened");
        assert_eq!(id(What::Reminded), "alert-17-reminded-29");
    }
}
