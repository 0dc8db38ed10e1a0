//! Saving what is known of a device and loading it, so that a restart goes on where it was.

use super::sequence::Sequence;
use super::{CLOCK_SAMPLES, Device, Recent, Settings, Tallies};
use ledger::{ImageError, Sink, Source, Timestamp};

impl Device {
    /// Writes everything but the settings.
    pub fn save(&self, into: &mut impl Sink) {
        into.put_option(self.last_seen_at, |into, at| into.put_i64(at.0));
        self.sequence.save(into);
        let Tallies { messages, lost, duplicates, late, resets, errors } = self.tallies;
        for tally in [messages, lost, duplicates, late, resets, errors] {
            into.put_u64(tally);
        }
        into.put_i64(self.lost.billionths);
        into.put_i64(self.errors.billionths);
        into.put_option(self.battery_permille, |into, permille| into.put_u32(u32::from(permille)));
        into.put_length(self.offsets.len());
        for offset in &self.offsets {
            into.put_i64(*offset);
        }
        into.put_length(self.next_offset);
    }

    /// A device as it was saved, under these settings.
    ///
    /// # Errors
    /// Those of the source; [`ImageError::Damaged`] for what no device saves.
    pub fn load(settings: Settings, from: &mut impl Source) -> Result<Self, ImageError> {
        let damaged = ImageError::Damaged("a device");
        let mut device = Self::new(settings);
        device.last_seen_at = from.take_option(|from| from.take_i64().map(Timestamp))?;
        device.sequence = Sequence::load(settings.width, from)?;
        let tallies = &mut device.tallies;
        for tally in [
            &mut tallies.messages,
            &mut tallies.lost,
            &mut tallies.duplicates,
            &mut tallies.late,
            &mut tallies.resets,
            &mut tallies.errors,
        ] {
            *tally = from.take_u64()?;
        }
        device.lost = recent(from)?;
        device.errors = recent(from)?;
        let battery = from.take_option(|from| from.take_u32())?;
        device.battery_permille = match battery.map(u16::try_from) {
            None => None,
            Some(Ok(permille)) if permille <= 1_000 => Some(permille),
            Some(_) => return Err(damaged),
        };
        for _ in 0..from.take_length()? {
            if device.offsets.len() == CLOCK_SAMPLES {
                return Err(damaged);
            }
            device.offsets.push(from.take_i64()?);
        }
        device.next_offset = from.take_length()?;
        if device.next_offset >= CLOCK_SAMPLES { Err(damaged) } else { Ok(device) }
    }
}

fn recent(from: &mut impl Source) -> Result<Recent, ImageError> {
    let billionths = from.take_i64()?;
    if (0..=super::BILLION).contains(&billionths) {
        Ok(Recent { billionths })
    } else {
        Err(ImageError::Damaged("a share"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Observation;

    #[test]
    fn a_loaded_device_goes_on_as_the_saved_one_would() {
        let mut device = Device::new(Settings::default());
        for number in [1_u64, 2, 5, 4, 4] {
            let received_at = Timestamp(i64::try_from(number).unwrap() * 1_000_000);
            device.take(&Observation {
                received_at,
                sent_at: Some(Timestamp(received_at.0 - 1_000)),
                sequence: Some(number),
                battery_permille: Some(900),
                is_error: number == 5,
                ..Observation::default()
            });
        }
        let mut image = Vec::new();
        device.save(&mut image);
        assert_eq!(Device::load(Settings::default(), &mut image.as_slice()).unwrap(), device);
        for length in 0..image.len() {
            assert!(Device::load(Settings::default(), &mut &image[..length]).is_err());
        }
    }
}
