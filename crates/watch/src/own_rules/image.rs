//! The image of what is known of users' own conditions: what follows from entries alone.

use super::{OwnRules, Standing};
use crate::desk::Desk;
use ledger::{AlertSubject, ImageError, Sink, Source, Timestamp};
use std::collections::BTreeMap;

impl OwnRules {
    pub(crate) fn save(&self, to: &mut impl Sink) {
        let kept = |subjects: &BTreeMap<AlertSubject, Standing>| subjects.values().any(Standing::is_kept);
        to.put_length(self.standing.values().filter(|subjects| kept(subjects)).count());
        for (rule, subjects) in self.standing.iter().filter(|(_, subjects)| kept(subjects)) {
            to.put_text(rule);
            to.put_length(subjects.values().filter(|standing| standing.is_kept()).count());
            for (subject, standing) in subjects.iter().filter(|(_, standing)| standing.is_kept()) {
                let AlertSubject { product, location, lot, device, metric, shipment } = subject;
                for text in [product, location, lot, device, metric, shipment] {
                    to.put_text(text);
                }
                to.put_u8(u8::from(standing.is_told));
                to.put_option(standing.since, |to, since| to.put_i64(since.0));
            }
        }
    }

    /// Reads the image into empty rules, which sleep until they are woken.
    pub(crate) fn load(desk: &Desk<'_>, from: &mut impl Source) -> Result<Self, ImageError> {
        let mut own = Self { is_asleep: true, ..Self::default() };
        for _ in 0..from.take_length()? {
            let rule = from.take_text()?;
            let mut subjects = BTreeMap::new();
            for _ in 0..from.take_length()? {
                let subject = AlertSubject {
                    product: from.take_text()?,
                    location: from.take_text()?,
                    lot: from.take_text()?,
                    device: from.take_text()?,
                    metric: from.take_text()?,
                    shipment: from.take_text()?,
                };
                let is_told = from.take_bool()?;
                let since = from.take_option(|from| from.take_i64().map(Timestamp))?;
                subjects.insert(subject, Standing { is_told, since, lasts_since: since, ..Standing::default() });
            }
            own.standing.insert(rule, subjects);
        }
        for (position, open) in desk.state.alerts().iter() {
            if let Some(rule) = open.alert.condition.strip_prefix("own:") {
                own.open.insert(position, (rule.into(), open.alert.subject.clone()));
            }
        }
        own.recount(desk.rules);
        Ok(own)
    }
}
