//! Values of the job file that are more than a number or a text.

use std::fmt;
use std::str::FromStr;

use bespoke::types::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The instant a job looks from; everything at or after it is future.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AsOf {
    /// Just after the latest event.
    Latest,
    /// An instant with its own offset.
    Instant(Timestamp),
    /// A local time of the job's zone; a day means its start.
    Local(civil::DateTime),
}

impl AsOf {
    /// The instant in the job's zone; `None` is the latest event, which only the data knows.
    ///
    /// # Errors
    /// When the local time lies outside the calendar of this program.
    pub fn resolve(&self, zone: &TimeZone) -> Result<Option<Timestamp>, jiff::Error> {
        match self {
            Self::Latest => Ok(None),
            Self::Instant(at) => Ok(Some(*at)),
            Self::Local(at) => {
                let at = at.to_zoned(zone.clone())?;
                Ok(Some(Timestamp(at.timestamp().as_millisecond())))
            }
        }
    }
}

impl TryFrom<String> for AsOf {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Ok(Self::Instant(Timestamp(at.as_millisecond())));
        }
        text.parse().map(Self::Local).map_err(|_| {
            format!(
                "\"{text}\" is neither \"latest\" nor a date (2011-12-10) nor a time (2011-12-10T00:00:00Z)"
            )
        })
    }
}

impl From<AsOf> for String {
    fn from(as_of: AsOf) -> Self {
        as_of.to_string()
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Instant(at) => at.fmt(f),
            Self::Local(at) if at.time() == civil::Time::midnight() => at.date().fmt(f),
            Self::Local(at) => at.fmt(f),
        }
    }
}

/// How many personas: a number, or a range to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonaCount {
    /// Exactly so many.
    Fixed(u32),
    /// The best of low..=high.
    Range(u32, u32),
}

impl Serialize for PersonaCount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(k) => k.serialize(serializer),
            Self::Range(low, high) => [low, high].serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for PersonaCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PersonaCountVisitor)
    }
}

/// Says what was expected better than an untagged enum would.
struct PersonaCountVisitor;

impl<'de> Visitor<'de> for PersonaCountVisitor {
    type Value = PersonaCount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of personas such as 5, or a range such as [2, 10]")
    }

    fn visit_i64<E: serde::de::Error>(self, k: i64) -> Result<PersonaCount, E> {
        let k = u32::try_from(k).map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(k), &self))?;
        Ok(PersonaCount::Fixed(k))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut range: A) -> Result<PersonaCount, A::Error> {
        let low = range.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
        let high = range.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
        match range.next_element::<u32>()? {
            None => Ok(PersonaCount::Range(low, high)),
            Some(_) => Err(A::Error::invalid_length(3, &self)),
        }
    }
}

/// An amount of memory, at least one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(pub u64);

/// Units from large to small, so that a size is shown in the largest that divides it.
const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refusal = || format!("\"{text}\" is not an amount of memory such as \"400 MiB\" or \"2 GB\"");
        let unit = UNITS.iter().find(|(name, _)| text.trim_end().ends_with(name)).ok_or_else(refusal)?;
        let number = text.trim_end().strip_suffix(unit.0).unwrap_or_default().trim();
        let count: u64 = number.parse().map_err(|_| refusal())?;
        let bytes = count.checked_mul(unit.1).filter(|&bytes| bytes > 0).ok_or_else(refusal)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for ByteSize {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> Self {
        size.to_string()
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, unit) =
            UNITS.into_iter().find(|(_, unit)| self.0.is_multiple_of(*unit)).unwrap_or(("B", 1));
        write!(f, "{} {name}", self.0 / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_of(text: &str) -> AsOf {
        AsOf::try_from(text.to_owned()).unwrap()
    }

    fn count(text: &str) -> Result<PersonaCount, String> {
        let table: toml::Table = toml::from_str(&format!("k = {text}")).unwrap();
        PersonaCount::deserialize(table["k"].clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_day_starts_at_midnight_of_the_zone() {
        let london = TimeZone::get("Europe/London").unwrap();
        let midnight = Timestamp(1_309_474_800_000); // 2011-06-30T23:00:00Z
        assert_eq!(as_of("2011-07-01").resolve(&london).unwrap(), Some(midnight));
        assert_eq!(as_of("2011-07-01T00:00:00").resolve(&london).unwrap(), Some(midnight));
        assert_eq!(as_of("2011-06-30T23:00:00Z").resolve(&london).unwrap(), Some(midnight));
        assert_eq!(as_of("latest").resolve(&london).unwrap(), None);
    }

    #[test]
    fn an_as_of_prints_what_it_reads() {
        for text in ["latest", "2011-07-01", "2011-07-01T08:30:00", "2011-06-30T23:00:00Z"] {
            assert_eq!(as_of(text).to_string(), text);
        }
        assert!(
            AsOf::try_from("yesterday".to_owned()).unwrap_err().contains("neither \"latest\" nor a date")
        );
    }

    #[test]
    fn personas_are_a_number_or_a_range() {
        assert_eq!(count("5"), Ok(PersonaCount::Fixed(5)));
        assert_eq!(count("[2, 10]"), Ok(PersonaCount::Range(2, 10)));
        for bad in ["-1", "[2]", "[2, 3, 4]", "\"many\"", "2.5"] {
            assert!(count(bad).unwrap_err().contains("such as"), "{bad}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!("400 MiB".parse(), Ok(ByteSize(400 << 20)));
        assert_eq!("2GB".parse(), Ok(ByteSize(2_000_000_000)));
        for text in ["400 MiB", "3 GB", "17 B", "1 GiB"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
        for bad in ["400", "MiB", "-1 MiB", "1.5 GiB", "0 B", "99999999999 GiB", ""] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
    }
}
