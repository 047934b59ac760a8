//! The container: header, sections, checksum.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_128;

use super::codec::{Array, Scalar};
use crate::tables::IdList;

/// Version written. Version 0 carries no promise of being readable later.
pub const FORMAT_VERSION: u32 = 0;
/// Oldest version this code reads.
pub const OLDEST_READABLE_VERSION: u32 = 0;

const MAGIC: &[u8; 8] = b"BESPOKE\0";
const ALIGN: usize = 64;
const CHECKSUM: usize = 16;

/// What a bundle holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BundleKind {
    /// Fitted models; no customer rows, ids or free text.
    Model,
    /// What can be shown.
    Catalogue,
    /// Customers' own state, so that it can be erased.
    Profiles,
}

/// Why bytes are not a bundle that can be used. The file is to blame, not the caller.
#[non_exhaustive]
#[derive(Debug, Error)]
pub enum BundleError {
    /// Not a bundle at all.
    #[error("not a bespoke bundle: it does not start with the magic bytes")]
    NotABundle,
    /// Written by another generation of the format.
    #[error(
        "bundle format {found} cannot be read; this version reads {OLDEST_READABLE_VERSION} to {FORMAT_VERSION}"
    )]
    Version {
        /// Format of the file.
        found: u32,
    },
    /// Cut off or changed after it was written.
    #[error("bundle is damaged: {0}")]
    Damaged(&'static str),
    /// A bundle, but of another kind.
    #[error("bundle holds {found:?}, expected {expected:?}")]
    Kind {
        /// Kind of the file.
        found: BundleKind,
        /// Kind asked for.
        expected: BundleKind,
    },
    /// A section is absent or has another shape than its kind demands.
    #[error("bundle section \"{name}\": {problem}")]
    Section {
        /// Name of the section.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// The header or a JSON section does not parse.
    #[error("bundle JSON does not parse")]
    Json(#[from] serde_json::Error),
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    kind: BundleKind,
    sections: Vec<Section>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Section {
    name: String,
    /// From the start of the first section; a multiple of 64.
    offset: usize,
    bytes: usize,
}

/// Collects sections and writes a bundle; equal sections give equal bytes.
#[derive(Debug)]
pub struct BundleWriter {
    header: Header,
    body: Vec<u8>,
}

impl BundleWriter {
    /// An empty bundle of that kind.
    #[must_use]
    pub fn new(kind: BundleKind) -> Self {
        Self { header: Header { kind, sections: Vec::new() }, body: Vec::new() }
    }

    /// Adds a section of bytes.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.body.resize(self.body.len().next_multiple_of(ALIGN), 0);
        self.header.sections.push(Section {
            name: name.to_owned(),
            offset: self.body.len(),
            bytes: bytes.len(),
        });
        self.body.extend_from_slice(bytes);
    }

    /// Adds a section of numbers.
    pub fn array<T: Scalar>(&mut self, name: &str, numbers: impl ExactSizeIterator<Item = T>) {
        self.bytes(name, &Array::bytes(numbers));
    }

    /// Adds a section of JSON.
    ///
    /// # Errors
    /// When the value cannot be JSON (a map with keys that are no strings).
    pub fn json<T: Serialize>(&mut self, name: &str, document: &T) -> Result<(), BundleError> {
        self.bytes(name, &serde_json::to_vec(document)?);
        Ok(())
    }

    /// Adds two sections, `NAME` and `NAME.ends`, for a list of texts.
    pub fn texts<'a>(&mut self, name: &str, texts: impl Iterator<Item = &'a str>) {
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        for one in texts {
            text.extend_from_slice(one.as_bytes());
            ends.push(text.len() as u64);
        }
        self.bytes(name, &text);
        self.array(&format!("{name}.ends"), ends.into_iter());
    }

    /// The finished bytes.
    ///
    /// # Panics
    /// Never: a header of names and numbers is always JSON.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let header = serde_json::to_vec(&self.header).expect("names and numbers are JSON");
        let mut out = Vec::with_capacity(header.len() + self.body.len() + 2 * ALIGN);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(&(header.len() as u32).to_le_bytes());
        out.extend_from_slice(&header);
        out.resize(out.len().next_multiple_of(ALIGN), 0);
        out.extend_from_slice(&self.body);
        let checksum = xxh3_128(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }
}

/// A bundle whose checksum has been verified.
#[derive(Debug)]
pub struct Bundle {
    header: Header,
    bytes: Vec<u8>,
    body_at: usize,
}

impl Bundle {
    /// Verifies and opens the bytes of a bundle.
    ///
    /// # Errors
    /// [`BundleError`]; damaged bytes are never read further than their checksum.
    pub fn parse(bytes: Vec<u8>, expected: BundleKind) -> Result<Self, BundleError> {
        if !bytes.starts_with(MAGIC) {
            return Err(BundleError::NotABundle);
        }
        let number = |at: usize| bytes.get(at..at + 4).map(u32::get).ok_or(BundleError::Damaged("cut off"));
        let found = number(8)?;
        if found != FORMAT_VERSION {
            return Err(BundleError::Version { found });
        }
        let header_end = 16 + number(12)? as usize;
        let end = bytes.len().checked_sub(CHECKSUM).filter(|&end| end >= header_end);
        let end = end.ok_or(BundleError::Damaged("cut off"))?;
        if xxh3_128(&bytes[..end]).to_le_bytes() != bytes[end..] {
            return Err(BundleError::Damaged("checksum differs"));
        }
        let header: Header = serde_json::from_slice(&bytes[16..header_end])?;
        if header.kind != expected {
            return Err(BundleError::Kind { found: header.kind, expected });
        }
        let body_at = header_end.next_multiple_of(ALIGN);
        let inside = |s: &Section| {
            let stop = s.offset.checked_add(s.bytes).and_then(|stop| stop.checked_add(body_at));
            stop.is_some_and(|stop| stop <= end)
        };
        if !header.sections.iter().all(inside) {
            return Err(BundleError::Damaged("a section lies outside the file"));
        }
        Ok(Self { header, bytes, body_at })
    }

    /// Whether there is a section of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.header.sections.iter().any(|section| section.name == name)
    }

    /// The bytes of a section.
    ///
    /// # Errors
    /// [`BundleError::Section`] when it is absent.
    pub fn bytes(&self, name: &str) -> Result<&[u8], BundleError> {
        let section = self.header.sections.iter().find(|section| section.name == name);
        let section = section.ok_or_else(|| wrong(name, "is absent"))?;
        let start = self.body_at + section.offset;
        Ok(&self.bytes[start..start + section.bytes])
    }

    /// The numbers of a section.
    ///
    /// # Errors
    /// [`BundleError::Section`] when it is absent or not a whole number of numbers.
    pub fn array<T: Scalar>(&self, name: &str) -> Result<Vec<T>, BundleError> {
        Array::read(self.bytes(name)?).ok_or_else(|| wrong(name, "is not a whole number of numbers"))
    }

    /// The numbers of a section that must have `n` of them.
    ///
    /// # Errors
    /// [`BundleError::Section`] when it is absent or has another length.
    pub fn array_of<T: Scalar>(&self, name: &str, n: usize) -> Result<Vec<T>, BundleError> {
        let numbers = self.array(name)?;
        if numbers.len() == n {
            Ok(numbers)
        } else {
            Err(wrong(name, &format!("has {} numbers, expected {n}", numbers.len())))
        }
    }

    /// The document of a JSON section.
    ///
    /// # Errors
    /// [`BundleError`] when it is absent or does not parse.
    pub fn json<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Result<T, BundleError> {
        Ok(serde_json::from_slice(self.bytes(name)?)?)
    }

    /// The texts written by [`BundleWriter::texts`].
    ///
    /// # Errors
    /// [`BundleError::Section`] when a section is absent or the two do not belong together.
    pub fn texts(&self, name: &str) -> Result<IdList, BundleError> {
        let text = std::str::from_utf8(self.bytes(name)?).map_err(|_| wrong(name, "is not UTF-8"))?;
        let mut list = IdList::default();
        let mut start = 0;
        for end in self.array::<u64>(&format!("{name}.ends"))? {
            let end = usize::try_from(end).ok();
            let one = end
                .and_then(|end| text.get(start..end))
                .ok_or_else(|| wrong(name, "has ends outside its text"))?;
            list.push(one);
            start += one.len();
        }
        Ok(list)
    }
}

fn wrong(name: &str, problem: &str) -> BundleError {
    BundleError::Section { name: name.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut writer = BundleWriter::new(BundleKind::Model);
        writer.array("f", [1.5f32, -2.0].into_iter());
        writer.json("j", &vec![0.1f64]).unwrap();
        writer.texts("ids", ["a", "", "ü\n"].into_iter());
        writer.finish()
    }

    #[test]
    fn what_is_written_is_read() {
        let bundle = Bundle::parse(sample(), BundleKind::Model).unwrap();
        assert_eq!(bundle.array_of::<f32>("f", 2).unwrap(), [1.5, -2.0]);
        assert_eq!(bundle.json::<Vec<f64>>("j").unwrap(), [0.1]);
        assert_eq!(bundle.texts("ids").unwrap().iter().collect::<Vec<_>>(), ["a", "", "ü\n"]);
        assert!(
            bundle.array_of::<f32>("f", 3).is_err() && bundle.array::<f32>("g").is_err() && !bundle.has("g")
        );
        assert_eq!(sample(), sample());
    }

    #[test]
    fn every_changed_or_missing_byte_is_found() {
        let whole = sample();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x40;
            assert!(Bundle::parse(changed, BundleKind::Model).is_err(), "byte {at} changed");
            assert!(Bundle::parse(whole[..at].to_vec(), BundleKind::Model).is_err(), "cut at {at}");
        }
        assert!(matches!(Bundle::parse(whole, BundleKind::Profiles), Err(BundleError::Kind { .. })));
    }
}
