//! The kinds of identity, and what each of their parts must be.

use super::fault::Fault;

/// What an EPC identifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// One item of a trade item: GTIN and serial.
    Sgtin,
    /// A logistic unit.
    Sscc,
    /// A place, or a part of it.
    Sgln,
    /// A returnable asset.
    Grai,
    /// An individual asset.
    Giai,
    /// A service relation, recipient.
    Gsrn,
    /// A service relation, provider.
    Gsrnp,
    /// A document.
    Gdti,
    /// A component or part.
    Cpi,
    /// A coupon.
    Sgcn,
    /// A piece of a trade item that comes in several.
    Itip,
    /// A unit pack of tobacco; only as a URI.
    Upui,
    /// A party; only as a URI.
    Pgln,
    /// A lot of a trade item: a class, not one thing; only as a URI.
    Lgtin,
    /// A general identifier, outside the GS1 keys.
    Gid,
    /// A unit of the United States' Department of Defense.
    Usdod,
    /// An aircraft part or tool.
    Adi,
}

/// One part of an identity, between the points of its URI.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) rule: Rule,
}

/// What a part must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// A GS1 company prefix: 6 to 12 digits.
    Prefix,
    /// The digits that fill the company prefix up to this many.
    Fill(usize),
    /// Exactly so many digits.
    Digits(usize),
    /// 1 to so many characters of [`is_gs1_character`].
    Text(usize),
    /// The same, but so many together with the company prefix.
    TextAfterPrefix(usize),
    /// A component or part reference, so many characters together with the company prefix.
    Component(usize),
    /// A number of at most so many digits and at most so much, without leading zeros.
    Number(usize, u64),
    /// 1 to so many digits.
    DigitText(usize),
    /// A CAGE code (5) or DoDAAC (6 characters).
    Cage,
    /// An aircraft part number, at most 32 characters, possibly none.
    PartNumber,
    /// An aircraft part's serial, at most 30 characters, the first possibly `#`.
    PartSerial,
}

const PREFIX: Part = Part { name: "company_prefix", rule: Rule::Prefix };
const SERIAL_20: Part = Part { name: "serial", rule: Rule::Text(20) };
const ITEM: Part = Part { name: "item_reference", rule: Rule::Fill(13) };
const CAGE: Part = Part { name: "cage_or_dodaac", rule: Rule::Cage };

const fn part(name: &'static str, rule: Rule) -> Part {
    Part { name, rule }
}

const SGTIN: &[Part] = &[PREFIX, ITEM, SERIAL_20];
const SSCC: &[Part] = &[PREFIX, part("serial_reference", Rule::Fill(17))];
const SGLN: &[Part] = &[PREFIX, part("location_reference", Rule::Fill(12)), part("extension", Rule::Text(20))];
const GRAI: &[Part] = &[PREFIX, part("asset_type", Rule::Fill(12)), part("serial", Rule::Text(16))];
const GIAI: &[Part] = &[PREFIX, part("asset_reference", Rule::TextAfterPrefix(30))];
const GSRN: &[Part] = &[PREFIX, part("service_reference", Rule::Fill(17))];
const GDTI: &[Part] = &[PREFIX, part("document_type", Rule::Fill(12)), part("serial", Rule::Text(17))];
const CPI: &[Part] =
    &[PREFIX, part("component_reference", Rule::Component(30)), part("serial", Rule::Number(12, 999_999_999_999))];
const SGCN: &[Part] = &[PREFIX, part("coupon_reference", Rule::Fill(12)), part("serial", Rule::DigitText(12))];
const ITIP: &[Part] = &[PREFIX, ITEM, part("piece", Rule::Digits(2)), part("total", Rule::Digits(2)), SERIAL_20];
const UPUI: &[Part] = &[PREFIX, ITEM, part("serial", Rule::Text(28))];
const PGLN: &[Part] = &[PREFIX, part("party_reference", Rule::Fill(12))];
const LGTIN: &[Part] = &[PREFIX, ITEM, part("lot", Rule::Text(20))];
const GID: &[Part] = &[
    part("manager", Rule::Number(9, (1 << 28) - 1)),
    part("object_class", Rule::Number(8, (1 << 24) - 1)),
    part("serial", Rule::Number(11, (1 << 36) - 1)),
];
const USDOD: &[Part] = &[CAGE, part("serial", Rule::Number(11, (1 << 36) - 1))];
const ADI: &[Part] = &[CAGE, part("part_number", Rule::PartNumber), part("serial", Rule::PartSerial)];

impl Scheme {
    /// All schemes.
    pub const ALL: [Self; 17] = [
        Self::Sgtin,
        Self::Sscc,
        Self::Sgln,
        Self::Grai,
        Self::Giai,
        Self::Gsrn,
        Self::Gsrnp,
        Self::Gdti,
        Self::Cpi,
        Self::Sgcn,
        Self::Itip,
        Self::Upui,
        Self::Pgln,
        Self::Lgtin,
        Self::Gid,
        Self::Usdod,
        Self::Adi,
    ];

    /// The name in a URI, as `sgtin`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sgtin => "sgtin",
            Self::Sscc => "sscc",
            Self::Sgln => "sgln",
            Self::Grai => "grai",
            Self::Giai => "giai",
            Self::Gsrn => "gsrn",
            Self::Gsrnp => "gsrnp",
            Self::Gdti => "gdti",
            Self::Cpi => "cpi",
            Self::Sgcn => "sgcn",
            Self::Itip => "itip",
            Self::Upui => "upui",
            Self::Pgln => "pgln",
            Self::Lgtin => "lgtin",
            Self::Gid => "gid",
            Self::Usdod => "usdod",
            Self::Adi => "adi",
        }
    }

    /// The scheme of a name in a URI.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == name)
    }

    /// The names of the parts in the order of the URI, as `company_prefix`.
    pub fn part_names(self) -> impl Iterator<Item = &'static str> {
        self.parts().iter().map(|part| part.name)
    }

    /// # Source
    /// GS1 EPC Tag Data Standard 1.13, section 6.3 (the URI of each scheme) and section 5 (their grammar).
    pub(super) fn parts(self) -> &'static [Part] {
        match self {
            Self::Sgtin => SGTIN,
            Self::Sscc => SSCC,
            Self::Sgln => SGLN,
            Self::Grai => GRAI,
            Self::Giai => GIAI,
            Self::Gsrn | Self::Gsrnp => GSRN,
            Self::Gdti => GDTI,
            Self::Cpi => CPI,
            Self::Sgcn => SGCN,
            Self::Itip => ITIP,
            Self::Upui => UPUI,
            Self::Pgln => PGLN,
            Self::Lgtin => LGTIN,
            Self::Gid => GID,
            Self::Usdod => USDOD,
            Self::Adi => ADI,
        }
    }
}

impl Part {
    /// Whether `value` can be this part after a company prefix of `prefix` digits.
    pub(super) fn check(&self, value: &[u8], prefix: usize) -> Result<(), Fault> {
        let name = self.name;
        match self.rule {
            Rule::Prefix => {
                only(name, value, u8::is_ascii_digit, "digits")?;
                let fits = (6..=12).contains(&value.len());
                fits.then_some(()).ok_or_else(|| {
                    Fault::of(
                        "company_prefix_length",
                        name,
                        value,
                        "must have 6 to 12 digits; write it with its leading zeros",
                    )
                })
            }
            Rule::Fill(whole) => {
                only(name, value, u8::is_ascii_digit, "digits")?;
                exactly(name, value, whole.saturating_sub(prefix), "so that it fills up the company prefix")
            }
            Rule::Digits(count) => {
                only(name, value, u8::is_ascii_digit, "digits")?;
                exactly(name, value, count, "with leading zeros")
            }
            Rule::Text(max) => {
                only(name, value, is_gs1_character, GS1_CHARACTERS)?;
                between(name, value, 1, max)
            }
            Rule::TextAfterPrefix(whole) => {
                only(name, value, is_gs1_character, GS1_CHARACTERS)?;
                between(name, value, 1, whole.saturating_sub(prefix))
            }
            Rule::Component(whole) => {
                only(name, value, is_component_character, "digits, capital letters, '#', '-' and '/'")?;
                between(name, value, 1, whole.saturating_sub(prefix))
            }
            Rule::Number(digits, max) => check_number(name, value, digits, max),
            Rule::DigitText(max) => {
                only(name, value, u8::is_ascii_digit, "digits")?;
                between(name, value, 1, max)
            }
            Rule::Cage => {
                only(name, value, is_cage_character, "digits and capital letters other than I and O")?;
                between(name, value, 5, 6)
            }
            Rule::PartNumber => {
                only(name, value, is_aircraft_character, "digits, capital letters, '-' and '/'")?;
                between(name, value, 0, 32)
            }
            Rule::PartSerial => {
                let rest = value.strip_prefix(b"#").unwrap_or(value);
                only(
                    name,
                    rest,
                    is_aircraft_character,
                    "digits, capital letters, '-' and '/', after a first '#' if any",
                )?;
                between(name, rest, 1, 30 - (value.len() - rest.len()))
            }
        }
    }
}

const GS1_CHARACTERS: &str = "letters, digits and ! \" % & ' ( ) * + , - . / : ; < = > ? _";

/// Whether a byte is in the character set of serials.
///
/// # Source
/// GS1 General Specifications, figure 7.11-1 (82 characters of ISO/IEC 646), the same as TDS annex A.
pub(super) fn is_gs1_character(byte: &u8) -> bool {
    matches!(byte, b'!' | b'"' | b'%'..=b'?' | b'A'..=b'Z' | b'_' | b'a'..=b'z')
}

/// GS1 General Specifications, figure 7.11-2 (39 characters).
pub(super) fn is_component_character(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'#' | b'-' | b'/')
}

fn is_cage_character(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Z') && !matches!(byte, b'I' | b'O')
}

fn is_aircraft_character(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'-' | b'/')
}

fn only(name: &str, value: &[u8], allowed: fn(&u8) -> bool, which: &str) -> Result<(), Fault> {
    match value.iter().position(|byte| !allowed(byte)) {
        None => Ok(()),
        Some(at) => Err(Fault::of("invalid_character", name, value, format_args!("may have only {which}")).at(at)),
    }
}

fn exactly(name: &str, value: &[u8], count: usize, how: &str) -> Result<(), Fault> {
    if value.len() == count {
        return Ok(());
    }
    let why = format_args!("has {} digits; it must have {count}, {how}", value.len());
    Err(Fault::of("part_length", name, value, why))
}

fn between(name: &str, value: &[u8], min: usize, max: usize) -> Result<(), Fault> {
    if (min..=max).contains(&value.len()) {
        return Ok(());
    }
    let why = format_args!("has {} characters; {min} to {max} are taken", value.len());
    Err(Fault::of("part_length", name, value, why))
}

fn check_number(name: &str, value: &[u8], digits: usize, max: u64) -> Result<(), Fault> {
    only(name, value, u8::is_ascii_digit, "digits")?;
    between(name, value, 1, digits)?;
    if value.len() > 1 && value[0] == b'0' {
        return Err(Fault::of("leading_zero", name, value, "has leading zeros; leave them out"));
    }
    match number(value) {
        Some(number) if number <= max => Ok(()),
        _ => Err(Fault::of("value_too_large", name, value, format_args!("is more than {max}"))),
    }
}

/// The number that `digits` write; `None` when they are none, no digits or too many.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}
