//! The state of [`Sensing`](super::Sensing) as bytes, so that a restart goes on where it was.

use super::conclude::Conclusion;
use super::{DeviceState, IMAGE_VERSION, ScaleDevice, Sensing, Site, device_limits, site};
use intake::device::Device;
use intake::scale::Scale;
use ledger::{ImageError, Position, Sink, Source, Timestamp};
use std::collections::BTreeMap;

impl Sensing {
    pub(super) fn put(&self, into: &mut impl Sink) {
        into.put_u32(IMAGE_VERSION);
        into.put_i64(self.recorded_at.0);
        into.put_length(self.intervals.len());
        for (device, micros) in &self.intervals {
            into.put_text(device);
            into.put_i64(*micros);
        }
        into.put_length(self.readers.len());
        for device in self.readers.keys() {
            into.put_text(device);
        }
        into.put_length(self.sites.len());
        for (name, site) in &self.sites {
            into.put_text(name);
            site.save(into);
        }
        into.put_length(self.scales.len());
        for (device, known) in &self.scales {
            into.put_text(device);
            known.scale.save(into);
        }
        let devices = self.senses.0.devices.read().expect("no panic under the lock");
        into.put_length(devices.len());
        for (name, state) in devices.iter() {
            into.put_text(name);
            into.put_i64(state.recorded_at.0);
            into.put_u64(state.position.0);
            state.device.save(into);
        }
        into.put_length(self.pending.len());
        for conclusion in self.pending.values() {
            into.put_text(&conclusion.id);
            into.put_text(&conclusion.device);
            into.put_i64(conclusion.occurred_at.0);
            into.put_option(conclusion.event.as_deref(), |into, event| into.put_text(event));
            into.put_text(&conclusion.record.to_string());
        }
    }

    /// Takes in a saved state; an empty one is that of an empty journal. Cards come from the catalogue, which is newer at
    /// worst: a card that changed since is shown again.
    pub(super) fn load(&mut self, image: &[u8]) -> Result<(), ImageError> {
        if image.is_empty() {
            return Ok(());
        }
        let from = &mut &*image;
        if from.take_u32()? != IMAGE_VERSION {
            return Err(ImageError::Damaged("a state of another version"));
        }
        self.recorded_at = Timestamp(from.take_i64()?);
        for _ in 0..from.take_length()? {
            let device: Box<str> = from.take_text()?;
            self.intervals.insert(device, from.take_i64()?);
        }
        self.load_sites(from)?;
        self.load_scales(from)?;
        self.load_devices(from)?;
        for _ in 0..from.take_length()? {
            let conclusion = take_conclusion(from)?;
            self.pending.insert(conclusion.id.clone(), conclusion);
        }
        Ok(())
    }

    fn load_sites(&mut self, from: &mut impl Source) -> Result<(), ImageError> {
        let engine = self.engine.clone();
        let views = engine.views();
        for _ in 0..from.take_length()? {
            let device: Box<str> = from.take_text()?;
            let card = views.catalog().device(&device).ok_or(ImageError::Damaged("a reader that is unknown"))?;
            let Ok(super::DeviceSettings::Reader(reader)) = super::device_settings(card) else {
                return Err(ImageError::Damaged("a reader that is none any more"));
            };
            self.readers.insert(device, reader);
        }
        let mut layouts: BTreeMap<&str, Vec<(&str, &super::ReaderSettings)>> = BTreeMap::new();
        for (device, reader) in &self.readers {
            let name = if reader.site.is_empty() { &**device } else { &*reader.site };
            layouts.entry(name).or_default().push((device, reader));
        }
        for _ in 0..from.take_length()? {
            let name: Box<str> = from.take_text()?;
            let readers = layouts.get(&*name).ok_or(ImageError::Damaged("a site without readers"))?;
            let layout = site::layout(readers).map_err(|_| ImageError::Damaged("a site's layout"))?;
            self.sites.insert(name.into(), Site::load(layout, from)?);
        }
        Ok(())
    }

    fn load_scales(&mut self, from: &mut impl Source) -> Result<(), ImageError> {
        let engine = self.engine.clone();
        let views = engine.views();
        for _ in 0..from.take_length()? {
            let device: Box<str> = from.take_text()?;
            let card = views.catalog().device(&device).ok_or(ImageError::Damaged("a scale that is unknown"))?;
            let Ok(super::DeviceSettings::Scale(settings)) = super::device_settings(card) else {
                return Err(ImageError::Damaged("a scale that is none any more"));
            };
            let limits = settings.settings().map_err(|_| ImageError::Damaged("a scale's settings"))?;
            let scale = Scale::load(limits, from)?;
            self.scales.insert(device, ScaleDevice { settings, location: card.location.clone(), scale });
        }
        Ok(())
    }

    fn load_devices(&mut self, from: &mut impl Source) -> Result<(), ImageError> {
        let mut devices = self.senses.0.devices.write().expect("no panic under the lock");
        for _ in 0..from.take_length()? {
            let name: Box<str> = from.take_text()?;
            let recorded_at = Timestamp(from.take_i64()?);
            let position = Position(from.take_u64()?);
            let device = Device::load(device_limits(self.intervals.get(&name).copied()), from)?;
            devices.insert(name, DeviceState { device, recorded_at, position });
        }
        Ok(())
    }
}

fn take_conclusion(from: &mut impl Source) -> Result<Conclusion, ImageError> {
    let id: Box<str> = from.take_text()?;
    let device: Box<str> = from.take_text()?;
    let occurred_at = Timestamp(from.take_i64()?);
    let event = from.take_option(|from| from.take_text::<Box<str>>())?;
    let record: Box<str> = from.take_text()?;
    let record = serde_json::from_str(&record).map_err(|_| ImageError::Damaged("a conclusion"))?;
    Ok(Conclusion { id: id.into(), device: device.into(), occurred_at, event: event.map(String::from), record })
}
