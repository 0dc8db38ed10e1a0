//! What people say about products, locations, reasons and devices.

use super::draft::Draft;
use crate::{DeviceCard, Effect, LocationCard, ProductCard, ReasonCard, Rejection};

pub(super) fn decide_product(draft: &mut Draft<'_>, card: &ProductCard) -> Result<(), Rejection> {
    let base = if card.base_unit.is_empty() { "each" } else { &card.base_unit };
    if let Some(id) = draft.state.catalog.find_product(&card.product) {
        let known = draft.state.catalog.product(id);
        if known.has_accounts && known.base_unit() != base {
            return Err(Rejection::BaseUnitFixed { base: known.base_unit().into() });
        }
    }
    for (index, unit) in card.units.iter().enumerate() {
        let taken = &*unit.name == base || card.units[..index].iter().any(|other| other.name == unit.name);
        if taken || unit.name.is_empty() || unit.numerator == 0 || unit.denominator == 0 {
            return Err(Rejection::InvalidUnit { unit: unit.name.clone() });
        }
    }
    draft.product(&card.product);
    draft.decision.effects.push(Effect::Product(Box::new(card.clone())));
    Ok(())
}

pub(super) fn decide_location(draft: &mut Draft<'_>, card: &LocationCard) -> Result<(), Rejection> {
    draft.location(&card.location);
    draft.decision.effects.push(Effect::Location(Box::new(card.clone())));
    Ok(())
}

pub(super) fn decide_reason(draft: &mut Draft<'_>, card: &ReasonCard) -> Result<(), Rejection> {
    // Stock on hand or on its way moves by events of its own.
    if !card.counterpart.is_counterpart() {
        return Err(Rejection::MissingField { field: "counterpart" });
    }
    draft.decision.effects.push(Effect::Reason(Box::new(card.clone())));
    Ok(())
}

pub(super) fn decide_device(draft: &mut Draft<'_>, card: &DeviceCard) -> Result<(), Rejection> {
    if card.device.is_empty() {
        return Err(Rejection::MissingField { field: "device" });
    }
    draft.party(&card.device);
    if !card.location.is_empty() {
        draft.location(&card.location);
    }
    draft.decision.effects.push(Effect::Device(Box::new(card.clone())));
    Ok(())
}
