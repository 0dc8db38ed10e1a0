//! Saving a scale and loading it, so that a restart goes on where it was.

use super::{Plateau, Scale, Settings, SettingsError};
use ledger::{ImageError, Sink, Source, Timestamp};

impl Scale {
    /// Writes everything but the settings.
    pub fn save(&self, into: &mut impl Sink) {
        into.put_i64(self.last_at.0);
        into.put_option(self.plateau, |into, plateau| {
            into.put_i64(plateau.since.0);
            into.put_i64(plateau.least);
            into.put_i64(plateau.greatest);
            into.put_i128(plateau.sum);
            into.put_u32(plateau.samples);
        });
        for pair in [self.last, self.doubt] {
            into.put_option(pair, |into, (first, second)| {
                into.put_i64(first);
                into.put_i64(second);
            });
        }
    }

    /// A scale as it was saved, under these settings.
    ///
    /// # Errors
    /// [`ImageError::Damaged`] for settings that cannot be used, then those of the source.
    pub fn load(settings: Settings, from: &mut impl Source) -> Result<Self, ImageError> {
        let mut scale = Self::new(settings).map_err(|_: SettingsError| ImageError::Damaged("a scale's settings"))?;
        scale.last_at = Timestamp(from.take_i64()?);
        scale.plateau = from.take_option(|from| {
            Ok(Plateau {
                since: Timestamp(from.take_i64()?),
                least: from.take_i64()?,
                greatest: from.take_i64()?,
                sum: from.take_i128()?,
                samples: from.take_u32()?.max(1),
            })
        })?;
        scale.last = from.take_option(|from| Ok((from.take_i64()?, from.take_i64()?)))?;
        scale.doubt = from.take_option(|from| Ok((from.take_i64()?, from.take_i64()?)))?;
        Ok(scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::{Outcome, Sample};

    #[test]
    fn a_loaded_scale_goes_on_as_the_saved_one_would() {
        let settings = Settings::new(0, 20_000, 6_000_000);
        let mut scale = Scale::new(settings).unwrap();
        for at in 0..6 {
            scale.take(&Sample { at: Timestamp(at * 250_000), weight: 200_000 });
        }
        let mut image = Vec::new();
        scale.save(&mut image);
        let mut loaded = Scale::load(settings, &mut image.as_slice()).unwrap();
        assert_eq!(loaded, scale);
        assert_eq!(loaded.take(&Sample { at: Timestamp(1_600_000), weight: 200_010 }), Outcome::NoChange);
        assert!(Scale::load(settings, &mut &image[..image.len() - 1]).is_err());
    }
}
