//! Alerts and rules in images.

use super::{ImageError, Sink, Source, take_time};
use crate::alert::Alerts;
use crate::{Alert, AlertStage, AlertSubject, OpenAlert, Position, RuleCard, Severity, Timestamp};

type Pair = (Box<str>, Box<str>);

fn put_pairs(to: &mut impl Sink, pairs: &[Pair]) {
    to.put_length(pairs.len());
    for (name, value) in pairs {
        to.put_text(name);
        to.put_text(value);
    }
}

fn take_pairs(from: &mut impl Source) -> Result<Vec<Pair>, ImageError> {
    from.take_list(|from| Ok((from.take_text()?, from.take_text()?)))
}

fn take_severity(from: &mut impl Source) -> Result<Severity, ImageError> {
    Severity::from_number(from.take_u8()?).ok_or(ImageError::Damaged("a severity"))
}

pub(super) fn put_rule(to: &mut impl Sink, card: &RuleCard) {
    let scope = [&card.product, &card.category, &card.location, &card.region, &card.device];
    for text in [&card.rule, &card.name, &card.condition].into_iter().chain(scope) {
        to.put_text(text);
    }
    put_pairs(to, &card.settings);
    to.put_option(card.severity, |to, severity| to.put_u8(severity as u8));
    to.put_text(&card.owner);
    to.put_option(card.escalate_minutes, |to, minutes| to.put_u32(minutes));
    to.put_u8(u8::from(card.is_off));
}

pub(super) fn take_rule(from: &mut impl Source) -> Result<RuleCard, ImageError> {
    Ok(RuleCard {
        rule: from.take_text()?,
        name: from.take_text()?,
        condition: from.take_text()?,
        product: from.take_text()?,
        category: from.take_text()?,
        location: from.take_text()?,
        region: from.take_text()?,
        device: from.take_text()?,
        settings: take_pairs(from)?,
        severity: from.take_option(take_severity)?,
        owner: from.take_text()?,
        escalate_minutes: from.take_option(Source::take_u32)?,
        is_off: from.take_bool()?,
    })
}

impl Alert {
    /// Writes its image.
    pub fn save(&self, to: &mut impl Sink) {
        let AlertSubject { product, location, lot, device, metric, shipment } = &self.subject;
        for text in [&self.condition, product, location, lot, device, metric, shipment, &self.why] {
            to.put_text(text);
        }
        to.put_u8(self.severity as u8);
        put_pairs(to, &self.figures);
        to.put_i64(self.since.0);
        to.put_text(&self.rule);
        to.put_text(&self.owner);
        to.put_u64(self.cause.0);
    }

    /// Reads an image.
    ///
    /// # Errors
    /// As [`Source`].
    pub fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        Ok(Self {
            condition: from.take_text()?,
            subject: AlertSubject {
                product: from.take_text()?,
                location: from.take_text()?,
                lot: from.take_text()?,
                device: from.take_text()?,
                metric: from.take_text()?,
                shipment: from.take_text()?,
            },
            why: from.take_text()?,
            severity: take_severity(from)?,
            figures: take_pairs(from)?,
            since: take_time(from)?,
            rule: from.take_text()?,
            owner: from.take_text()?,
            cause: Position(from.take_u64()?),
        })
    }
}

impl Alerts {
    /// Writes the image.
    pub fn save(&self, to: &mut impl Sink) {
        to.put_length(self.len());
        for (position, open) in self.iter() {
            to.put_u64(position.0);
            open.alert.save(to);
            to.put_i64(open.opened_at.0);
            match open.stage {
                AlertStage::Open => to.put_u8(0),
                AlertStage::Acknowledged => to.put_u8(1),
                AlertStage::Snoozed { until } => {
                    to.put_u8(2);
                    to.put_i64(until.0);
                }
            }
            to.put_i64(open.stage_at.0);
            to.put_u32(open.level);
        }
    }

    /// Reads an image.
    ///
    /// # Errors
    /// As [`Source`].
    pub fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        let mut alerts = Self::default();
        let mut last = Position::ZERO;
        for _ in 0..from.take_length()? {
            let position = Position(from.take_u64()?);
            let alert = Box::new(Alert::load(from)?);
            let opened_at: Timestamp = take_time(from)?;
            let stage = match from.take_u8()? {
                0 => AlertStage::Open,
                1 => AlertStage::Acknowledged,
                2 => AlertStage::Snoozed { until: take_time(from)? },
                _ => return Err(ImageError::Damaged("the stage of an alert")),
            };
            let stage_at = take_time(from)?;
            let level = from.take_u32()?;
            if position <= last || alerts.find(&alert.condition, &alert.subject).is_some() {
                return Err(ImageError::Damaged("the order of the alerts"));
            }
            last = position;
            alerts.insert(position, OpenAlert { alert, opened_at, stage, stage_at, level });
        }
        Ok(alerts)
    }
}
