//! The catalogue's image: every table but the indexes, in the order of ids.

use super::{IMAGE_VERSION, ImageError, Sink, Source, alert, take_id, take_kind, take_version};
use crate::{
    AccountKey, Catalog, Day, DeviceCard, LocationCard, LocationId, LotId, Name, ProductCard, ProductId, ReasonCard,
    Site, Unit,
};
use std::sync::Arc;

impl Catalog {
    /// Writes the image.
    pub fn save(&self, to: &mut impl Sink) {
        to.put_u32(IMAGE_VERSION);
        to.put_u64(self.seed);
        to.put_length(self.products.len());
        for product in &self.products {
            to.put_text(&product.name);
            to.put_option(product.card.as_deref(), put_product_card);
        }
        to.put_length(self.locations.len());
        for location in &self.locations {
            to.put_text(&location.path);
            to.put_option(location.card.as_deref(), put_location_card);
        }
        // The first lot stands for none, in every catalogue.
        let lots = self.lots.get(1..).unwrap_or_default();
        to.put_length(lots.len());
        for lot in lots {
            to.put_u32(lot.product.0);
            to.put_text(&lot.name);
            to.put_option(lot.expiry, |to, day| to.put(&day.0.to_le_bytes()));
        }
        to.put_length(self.serials.len());
        for serial in &self.serials {
            to.put_u32(serial.product.0);
            to.put_text(&serial.name);
        }
        to.put_length(self.parties.len());
        for party in &self.parties {
            to.put_text(party);
        }
        to.put_length(self.units.len());
        for unit in &self.units {
            to.put_text(unit);
        }
        to.put_length(self.reasons.len());
        for reason in &self.reasons {
            put_reason_card(to, reason);
        }
        to.put_length(self.devices.len());
        for device in self.devices.values() {
            put_device_card(to, device);
        }
        to.put_length(self.rules.len());
        for rule in self.rules.values() {
            alert::put_rule(to, rule);
        }
        to.put_length(self.accounts.len());
        for key in &self.accounts {
            put_account_key(to, *key);
        }
    }

    /// Reads an image.
    ///
    /// # Errors
    /// As [`Source`], and [`ImageError::Version`] first of all.
    pub fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        take_version(from)?;
        let mut catalog = Self::new(from.take_u64()?);
        for _ in 0..from.take_length()? {
            catalog.intern(&Name::Product(from.take_text()?));
            let card = from.take_option(take_product_card)?;
            catalog.products.last_mut().expect("just named").card = card.map(Box::new);
            catalog.index_gtin(ProductId::at(catalog.products.len() - 1));
        }
        for _ in 0..from.take_length()? {
            let path: Arc<str> = from.take_text()?;
            if path.split_once('/').is_some_and(|(first, _)| catalog.find_location(first).is_none()) {
                return Err(ImageError::Damaged("a location before its warehouse"));
            }
            catalog.intern(&Name::Location(path));
            let card = from.take_option(take_location_card)?;
            catalog.locations.last_mut().expect("just named").card = card.map(Box::new);
            catalog.index_gln(LocationId::at(catalog.locations.len() - 1));
        }
        for _ in 0..from.take_length()? {
            let product = ProductId(take_id(from, catalog.products.len())?);
            catalog.intern(&Name::Lot(product, from.take_text()?));
            let expiry = from.take_option(|from| from.take_array().map(i32::from_le_bytes).map(Day))?;
            catalog.lots.last_mut().expect("just named").expiry = expiry;
        }
        for _ in 0..from.take_length()? {
            let product = ProductId(take_id(from, catalog.products.len())?);
            catalog.intern(&Name::Serial(product, from.take_text()?));
        }
        for _ in 0..from.take_length()? {
            catalog.intern(&Name::Party(from.take_text()?));
        }
        for _ in 0..from.take_length()? {
            catalog.intern(&Name::Unit(from.take_text()?));
        }
        let shipped = std::mem::replace(&mut catalog.reasons, from.take_list(take_reason_card)?);
        let codes =
            |reasons: &[ReasonCard]| reasons.iter().take(shipped.len()).map(|r| r.code.clone()).collect::<Vec<_>>();
        if codes(&catalog.reasons) != codes(&shipped) {
            return Err(ImageError::Damaged("the shipped reasons"));
        }
        for _ in 0..from.take_length()? {
            let card = take_device_card(from)?;
            catalog.devices.insert(card.device.clone(), card);
        }
        for _ in 0..from.take_length()? {
            let card = alert::take_rule(from)?;
            catalog.rules.insert(card.rule.clone(), card);
        }
        for _ in 0..from.take_length()? {
            let key = take_account_key(from, &catalog)?;
            catalog.intern(&Name::Account(key));
        }
        Ok(catalog)
    }
}

pub(super) fn put_account_key(to: &mut impl Sink, key: AccountKey) {
    to.put_u8(key.kind as u8);
    to.put_u32(key.product.0);
    to.put_u32(key.location.0);
    to.put_u32(key.lot.0);
}

pub(super) fn take_account_key(from: &mut impl Source, catalog: &Catalog) -> Result<AccountKey, ImageError> {
    Ok(AccountKey {
        kind: take_kind(from)?,
        product: ProductId(take_id(from, catalog.products.len())?),
        location: LocationId(take_id(from, catalog.locations.len())?),
        lot: LotId(take_id(from, catalog.lots.len())?),
    })
}

fn put_product_card(to: &mut impl Sink, card: &ProductCard) {
    for text in [&card.product, &card.name, &card.gtin, &card.category, &card.base_unit] {
        to.put_text(text);
    }
    to.put_length(card.units.len());
    for unit in &card.units {
        to.put_text(&unit.name);
        to.put_u64(unit.numerator);
        to.put_u64(unit.denominator);
    }
}

fn take_product_card(from: &mut impl Source) -> Result<ProductCard, ImageError> {
    Ok(ProductCard {
        product: from.take_text()?,
        name: from.take_text()?,
        gtin: from.take_text()?,
        category: from.take_text()?,
        base_unit: from.take_text()?,
        units: from.take_list(|from| {
            Ok(Unit { name: from.take_text()?, numerator: from.take_u64()?, denominator: from.take_u64()? })
        })?,
    })
}

fn put_location_card(to: &mut impl Sink, card: &LocationCard) {
    for text in [&card.location, &card.name, &card.region, &card.gln] {
        to.put_text(text);
    }
    to.put_option(card.site, |to, site| {
        to.put(&site.latitude_micros.to_le_bytes());
        to.put(&site.longitude_micros.to_le_bytes());
        to.put_u32(site.radius_m);
    });
}

fn take_location_card(from: &mut impl Source) -> Result<LocationCard, ImageError> {
    Ok(LocationCard {
        location: from.take_text()?,
        name: from.take_text()?,
        region: from.take_text()?,
        gln: from.take_text()?,
        site: from.take_option(|from| {
            Ok(Site {
                latitude_micros: from.take_array().map(i32::from_le_bytes)?,
                longitude_micros: from.take_array().map(i32::from_le_bytes)?,
                radius_m: from.take_u32()?,
            })
        })?,
    })
}

fn put_reason_card(to: &mut impl Sink, card: &ReasonCard) {
    to.put_text(&card.code);
    to.put_text(&card.name);
    to.put_u8(card.counterpart as u8);
    to.put_u8(card.trust);
}

fn take_reason_card(from: &mut impl Source) -> Result<ReasonCard, ImageError> {
    Ok(ReasonCard {
        code: from.take_text()?,
        name: from.take_text()?,
        counterpart: take_kind(from)?,
        trust: from.take_u8()?,
    })
}

fn put_device_card(to: &mut impl Sink, card: &DeviceCard) {
    for text in [&card.device, &card.name, &card.kind, &card.location, &card.settings] {
        to.put_text(text);
    }
    to.put_option(card.interval_micros, |to, micros| to.put(&micros.to_le_bytes()));
}

fn take_device_card(from: &mut impl Source) -> Result<DeviceCard, ImageError> {
    Ok(DeviceCard {
        device: from.take_text()?,
        name: from.take_text()?,
        kind: from.take_text()?,
        location: from.take_text()?,
        settings: from.take_text()?,
        interval_micros: from.take_option(|from| from.take_array().map(i64::from_le_bytes))?,
    })
}
