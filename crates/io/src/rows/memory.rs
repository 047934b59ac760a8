//! What is kept from row to row.

use std::collections::HashMap;

use bespoke::tables::{ItemFacts, TablesBuilder};
use bespoke::types::Timestamp;

use super::recorder::Recorder;
use crate::account::Rejected;

/// What all files of a job share.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) builder: TablesBuilder,
    pub(crate) recorder: Recorder,
    /// Content of the events taken in by their id; hashes of both.
    pub(super) event_ids: HashMap<u128, u64>,
    pub(crate) rejected: Vec<Rejected>,
    /// What the events of the source at hand say about items, by provisional number.
    labels: Vec<Labels>,
}

impl Intake {
    pub(crate) fn new(recorder: Recorder) -> Self {
        Self {
            builder: TablesBuilder::default(),
            recorder,
            event_ids: HashMap::new(),
            rejected: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// Hands over what the events of a source said about items; to be called before the next source.
    pub(crate) fn finish_source(&mut self) {
        for (item, Labels { title, category }) in self.labels.drain(..).enumerate() {
            for (title, category) in [(Some(title), None), (None, Some(category))] {
                let said = title.as_ref().or(category.as_ref()).map_or(i64::MIN, |label| label.at);
                if said > i64::MIN {
                    let facts = ItemFacts {
                        title: title.as_ref().map(|label| &*label.text),
                        category: category.as_ref().map(|label| &*label.text),
                        ..ItemFacts::default()
                    };
                    self.builder.item_facts(item as u32, Timestamp(said), &facts);
                }
            }
        }
    }

    /// Notes the labels of an event; the latest statement wins, at equal times the later row. Kept here, since
    /// nearly every row repeats what is known.
    pub(super) fn label(&mut self, item: u32, at: Timestamp, title: Option<&str>, category: Option<&str>) {
        let item = item as usize;
        if self.labels.len() <= item {
            self.labels.resize_with(item + 1, Labels::default);
        }
        let Labels { title: known_title, category: known_category } = &mut self.labels[item];
        known_title.state(at, title);
        known_category.state(at, category);
    }
}

#[derive(Debug, Default)]
struct Labels {
    title: Label,
    category: Label,
}

#[derive(Debug)]
struct Label {
    at: i64,
    text: String,
}

impl Default for Label {
    fn default() -> Self {
        Self { at: i64::MIN, text: String::new() }
    }
}

impl Label {
    fn state(&mut self, at: Timestamp, text: Option<&str>) {
        if let Some(text) = text
            && at.0 >= self.at
        {
            self.at = at.0;
            if self.text != text {
                text.clone_into(&mut self.text);
            }
        }
    }
}

/// The last id of a column and its number: exports repeat ids in runs.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) cell: Vec<u8>,
    pub(super) number: Option<u32>,
    pub(super) damaged: bool,
}

/// An id of the row at hand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Id<'r> {
    /// That of the row before.
    Same(u32),
    /// Another one, with its cell.
    New(&'r str, &'r [u8]),
}

impl Run {
    /// The number of an id, remembered for the next row.
    pub(super) fn number(&mut self, id: Id<'_>, number: impl FnOnce(&str) -> u32) -> u32 {
        match id {
            Id::Same(number) => number,
            Id::New(id, cell) => {
                let number = number(id);
                self.cell.clear();
                self.cell.extend_from_slice(cell);
                self.number = Some(number);
                self.damaged = damaged(id);
                number
            }
        }
    }
}

/// The demographic cells of the last checked row.
#[derive(Debug, Default)]
pub(super) struct AttributeRun {
    pub(super) cells: Vec<Vec<u8>>,
    /// Canonical bytes of their values.
    pub(super) key: Vec<u8>,
    pub(super) stated: Option<(Option<u32>, Timestamp)>,
}

/// Whether an id looks like what spreadsheets make of ids: `1.23E+15`, `#REF!`.
pub(super) fn damaged(id: &str) -> bool {
    let bytes = id.as_bytes();
    match bytes.first() {
        Some(b'#') => bytes.last() == Some(&b'!'),
        Some(b'0'..=b'9') => bytes.iter().position(|b| *b == b'E').is_some_and(|place| {
            let (mantissa, exponent) = (&bytes[..place], &bytes[place + 1..]);
            mantissa.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','))
                && exponent.len() > 1
                && exponent[0] == b'+'
                && exponent[1..].iter().all(u8::is_ascii_digit)
        }),
        _ => false,
    }
}
