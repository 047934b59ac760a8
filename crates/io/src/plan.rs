//! A source made ready: every name resolved, every parser built, every contradiction refused.

use std::collections::HashMap;
use std::sync::Arc;

use bespoke::tables::{AttributeKind, AttributeValue, TablesBuilder};
use bespoke::types::EventKind;

use crate::account::RowRule;
use crate::cell::{Cell, Problem, Record, float, text};
use crate::config::{AttributeConfig, AttributeType, Columns, IdStyle, SourceConfig};
use crate::error::{ReadError, refusal};
use crate::kinds;
use crate::options::ReadOptions;
use crate::required::require;
use crate::rules::Rule;
use crate::time::{DateParser, TimeParser};

/// A column of the file that some part of the plan reads; its place in [`Plan::columns`] is its *slot*.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: Arc<str>,
    pub(crate) redacted: bool,
}

/// Slots of the canonical columns.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slots {
    pub(crate) customer_id: Option<usize>,
    pub(crate) item_id: Option<usize>,
    pub(crate) time: Option<usize>,
    pub(crate) event: Option<usize>,
    pub(crate) event_id: Option<usize>,
    pub(crate) quantity: Option<usize>,
    pub(crate) price: Option<usize>,
    pub(crate) revenue: Option<usize>,
    pub(crate) currency: Option<usize>,
    pub(crate) order_id: Option<usize>,
    pub(crate) channel: Option<usize>,
    pub(crate) title: Option<usize>,
    pub(crate) category: Option<usize>,
    pub(crate) available_from: Option<usize>,
    pub(crate) available_to: Option<usize>,
    pub(crate) stock: Option<usize>,
}

/// A source ready to be read.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) source: Arc<str>,
    /// Number of the source, so that equal rows of two sources stay two.
    pub(crate) number: u32,
    pub(crate) config: SourceConfig,
    pub(crate) columns: Vec<Column>,
    pub(crate) slots: Slots,
    pub(crate) decimal: u8,
    pub(crate) currency: String,
    pub(crate) kind_map: HashMap<String, EventKind>,
    pub(crate) time: TimeParser,
    /// For availability, which may lie in the future.
    pub(crate) planned_time: TimeParser,
    pub(crate) attributes: Vec<AttributePlan>,
    pub(crate) rules: Vec<Rule>,
}

/// A demographic column ready to be read.
#[derive(Debug)]
pub(crate) struct AttributePlan {
    pub(crate) slot: usize,
    /// Number of the attribute in the tables.
    pub(crate) number: usize,
    reader: AttributeReader,
}

#[derive(Debug)]
enum AttributeReader {
    Number,
    YesNo { yes: Vec<String>, no: Vec<String> },
    Category,
    Date(DateParser),
}

impl Plan {
    /// The cell of a slot; declared null texts are no value.
    #[inline]
    pub(crate) fn cell<'r, R: Record>(&self, record: &'r R, slot: usize) -> Cell<'r> {
        present(record.cell(slot), &self.config.null)
    }

    /// Compiles a source.
    pub(crate) fn new(
        source: &str,
        number: u32,
        config: &SourceConfig,
        options: &ReadOptions,
        builder: &mut TablesBuilder,
    ) -> Result<Self, ReadError> {
        let refuse = |key: &str, value: &str, rule: &str| refusal(source, key, value, rule);
        require(source, config)?;
        let decimal = match config.decimal {
            sign @ ('.' | ',') => sign as u8,
            other => return Err(refuse("decimal", &format!("'{other}'"), "\".\" or \",\"")),
        };
        let time_parser = |not_after| {
            TimeParser::new(&config.time, not_after).map_err(|(key, rule)| {
                let declared = if key == "zone" { config.time.zone.as_deref() } else { None };
                let value = match (key, declared) {
                    ("zone", None) => "not given",
                    (_, Some(zone)) => zone,
                    _ => &config.time.format,
                };
                refuse(&format!("time.{key}"), value, &rule)
            })
        };
        let mut columns = Vec::new();
        let slots = slots(&config.columns, &mut columns);
        let mut attributes = Vec::new();
        for (name, attribute) in &config.customer_attributes {
            let slot = slot_of(&mut columns, &attribute.column);
            attributes.push(AttributePlan::new(source, name, attribute, slot, builder)?);
        }
        let mut rules = Vec::new();
        for rule in &config.rule {
            let slot = slot_of(&mut columns, &rule.when.column);
            let compiled = Rule::new(rule, slot, decimal).map_err(|(key, value, must)| {
                refuse(&format!("rule \"{}\".{key}", rule.name), &value, must)
            })?;
            rules.push(compiled);
        }
        for name in &config.pii {
            match columns.iter_mut().find(|column| *column.name == **name) {
                Some(column) => column.redacted = true,
                None => return Err(refuse("pii", &format!("\"{name}\""), "a column that is mapped")),
            }
        }
        Ok(Self {
            source: source.into(),
            number,
            columns,
            slots,
            decimal,
            currency: options.currency.clone(),
            kind_map: config.kind_map.iter().map(|(name, kind)| (name.clone(), *kind)).collect(),
            time: time_parser(options.not_after)?,
            planned_time: time_parser(None)?,
            attributes,
            rules,
            config: config.clone(),
        })
    }

    /// The kind of an event name; the source's own map goes first.
    pub(crate) fn kind_of(&self, name: &str) -> Option<EventKind> {
        self.kind_map.get(name).copied().or_else(|| kinds::known(name))
    }
}

/// A cell with declared null texts taken as no value.
#[inline]
pub(crate) fn present<'r>(cell: Cell<'r>, nulls: &[String]) -> Cell<'r> {
    match cell {
        Cell::Text(bytes) | Cell::Number(bytes) if nulls.iter().any(|null| null.as_bytes() == bytes) => {
            Cell::Missing
        }
        cell => cell,
    }
}

fn slots(columns: &Columns, known: &mut Vec<Column>) -> Slots {
    let mut slot = |column: &Option<String>| column.as_ref().map(|name| slot_of(known, name));
    Slots {
        customer_id: slot(&columns.customer_id),
        item_id: slot(&columns.item_id),
        time: slot(&columns.time),
        event: slot(&columns.event),
        event_id: slot(&columns.event_id),
        quantity: slot(&columns.quantity),
        price: slot(&columns.price),
        revenue: slot(&columns.revenue),
        currency: slot(&columns.currency),
        order_id: slot(&columns.order_id),
        channel: slot(&columns.channel),
        title: slot(&columns.title),
        category: slot(&columns.category),
        available_from: slot(&columns.available_from),
        available_to: slot(&columns.available_to),
        stock: slot(&columns.stock),
    }
}

/// The slot of a column, new or known.
fn slot_of(columns: &mut Vec<Column>, name: &str) -> usize {
    columns.iter().position(|column| *column.name == *name).unwrap_or_else(|| {
        columns.push(Column { name: name.into(), redacted: false });
        columns.len() - 1
    })
}

impl AttributePlan {
    fn new(
        source: &str,
        name: &str,
        config: &AttributeConfig,
        slot: usize,
        builder: &mut TablesBuilder,
    ) -> Result<Self, ReadError> {
        let key = format!("customer_attributes.{name}");
        let (kind, reader) = match config.kind {
            AttributeType::Number => (AttributeKind::Number, AttributeReader::Number),
            AttributeType::Category => (AttributeKind::Category, AttributeReader::Category),
            AttributeType::YesNo => {
                let (yes, no) = (config.yes.clone(), config.no.clone());
                (AttributeKind::YesNo, AttributeReader::YesNo { yes, no })
            }
            AttributeType::Date => {
                let pattern = config.format.as_deref().unwrap_or("%Y-%m-%d");
                let parser = DateParser::new(pattern)
                    .map_err(|rule| refusal(source, &format!("{key}.format"), pattern, &rule))?;
                (AttributeKind::Date, AttributeReader::Date(parser))
            }
        };
        if config.kind != AttributeType::YesNo && !(config.yes.is_empty() && config.no.is_empty()) {
            return Err(refusal(source, &key, "given yes or no", "of type yes_no for that"));
        }
        if config.kind != AttributeType::Date && config.format.is_some() {
            return Err(refusal(source, &key, "given a format", "of type date for that"));
        }
        let number = builder
            .attribute(name, kind)
            .ok_or_else(|| refusal(source, &key, "of another type", "of the type other sources give it"))?;
        Ok(Self { slot, number, reader })
    }

    /// The value of a cell that holds one.
    pub(crate) fn read<'r>(&self, cell: Cell<'r>, decimal: u8) -> Result<AttributeValue<'r>, Problem> {
        match &self.reader {
            AttributeReader::Number => float(cell, decimal).map(AttributeValue::Number),
            AttributeReader::Category => text(cell).map(|level| AttributeValue::Category(level.trim())),
            AttributeReader::Date(parser) => parser.parse(cell).map(AttributeValue::Date),
            AttributeReader::YesNo { yes, no } => {
                let token = text(cell)?;
                if token == "true" || yes.iter().any(|known| known == token) {
                    Ok(AttributeValue::YesNo(true))
                } else if token == "false" || no.iter().any(|known| known == token) {
                    Ok(AttributeValue::YesNo(false))
                } else {
                    Err(Problem::hint(RowRule::BadType, "declare the words with yes = [..] and no = [..]"))
                }
            }
        }
    }
}

/// An id: 1 to 255 bytes of text, repaired only as declared; `None` when the cell holds no value.
pub(crate) fn id(cell: Cell<'_>, style: IdStyle) -> Result<Option<&str>, Problem> {
    if matches!(cell, Cell::Missing | Cell::Text(b"")) {
        return Ok(None);
    }
    let mut id = text(cell)?;
    if style == IdStyle::Integer {
        if let Some((whole, zeros)) = id.split_once('.')
            && zeros.bytes().all(|b| b == b'0')
        {
            id = whole;
        }
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Problem::hint(RowRule::BadType, "id_style = \"integer\" expects digits"));
        }
    }
    if id.len() > 255 {
        return Err(Problem::hint(RowRule::OutOfRange, "an id has 1 to 255 bytes"));
    }
    Ok(Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_left_alone_unless_declared() {
        let of = |text: &'static str, style| id(Cell::Text(text.as_bytes()), style).map_err(|p| p.rule);
        assert_eq!(of("007", IdStyle::Text), Ok(Some("007")));
        assert_eq!(of(" a ", IdStyle::Text), Ok(Some(" a ")));
        assert_eq!(of("17850.0", IdStyle::Text), Ok(Some("17850.0")));
        assert_eq!(of("17850.0", IdStyle::Integer), Ok(Some("17850")));
        assert_eq!(of("007", IdStyle::Integer), Ok(Some("007")));
        assert_eq!(of("17850.5", IdStyle::Integer), Err(RowRule::BadType));
        assert_eq!(of("", IdStyle::Integer), Ok(None));
        let long = "x".repeat(256);
        assert_eq!(id(Cell::Text(long.as_bytes()), IdStyle::Text).unwrap_err().rule, RowRule::OutOfRange);
        assert_eq!(id(Cell::Text(&long.as_bytes()[1..]), IdStyle::Text).unwrap(), Some(&long[1..]));
    }
}
