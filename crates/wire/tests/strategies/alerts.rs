//! Alerts and rules.

use super::{boxed, timestamp};
use ledger::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

fn pairs() -> impl Strategy<Value = Vec<(Box<str>, Box<str>)>> {
    vec((boxed(), boxed()), 0..4)
}

fn severity() -> impl Strategy<Value = Severity> {
    proptest::sample::select(Severity::ALL.as_slice())
}

pub(super) fn alert() -> impl Strategy<Value = Alert> {
    let subject = (boxed(), boxed(), boxed(), boxed(), boxed(), boxed()).prop_map(
        |(product, location, lot, device, metric, shipment)| AlertSubject {
            product,
            location,
            lot,
            device,
            metric,
            shipment,
        },
    );
    (boxed(), subject, severity(), boxed(), pairs(), timestamp(), boxed(), boxed(), any::<u64>()).prop_map(
        |(condition, subject, severity, why, figures, since, rule, owner, cause)| Alert {
            condition,
            subject,
            severity,
            why,
            figures,
            since,
            rule,
            owner,
            cause: Position(cause),
        },
    )
}

pub(super) fn alert_change() -> impl Strategy<Value = AlertChange> {
    let step = prop_oneof![
        Just(AlertStep::Acknowledged),
        timestamp().prop_map(|until| AlertStep::Snoozed { until }),
        Just(AlertStep::Woken),
        boxed().prop_map(|owner| AlertStep::Assigned { owner }),
        Just(AlertStep::Noted),
        any::<u32>().prop_map(|level| AlertStep::Escalated { level }),
        boxed().prop_map(|outcome| AlertStep::Resolved { outcome }),
    ];
    (any::<u64>(), step, boxed()).prop_map(|(alert, step, note)| AlertChange { alert: Position(alert), step, note })
}

pub(super) fn rule_card() -> impl Strategy<Value = RuleCard> {
    let texts = (boxed(), boxed(), boxed(), boxed(), boxed(), boxed(), boxed(), boxed(), boxed());
    (texts, pairs(), of(severity()), of(any::<u32>()), any::<bool>()).prop_map(
        |(texts, settings, severity, escalate_minutes, is_off)| {
            let (rule, name, condition, product, category, location, region, device, owner) = texts;
            RuleCard {
                rule,
                name,
                condition,
                product,
                category,
                location,
                region,
                device,
                settings,
                severity,
                owner,
                escalate_minutes,
                is_off,
            }
        },
    )
}
