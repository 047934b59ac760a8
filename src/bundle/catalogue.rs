//! `catalogue.bespoke`: what can be shown, as a bundle.

use super::container::{Bundle, BundleError, BundleKind, BundleWriter};
use crate::decide::Catalogue;
use crate::tables::ItemTable;
use crate::types::{Money, Timestamp};

impl Catalogue {
    /// The catalogue as a bundle.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let items = &self.items;
        let mut out = BundleWriter::new(BundleKind::Catalogue);
        out.texts("id", items.ids.iter());
        out.texts("currency", std::iter::once(self.currency.as_str()));
        out.texts("category_name", items.category_names.iter().map(String::as_str));
        optional(&mut out, "category", items.categories.iter().copied(), i64::from);
        out.texts("title", items.titles.iter().map(|title| title.as_deref().unwrap_or_default()));
        out.array("title.given", items.titles.iter().map(|title| u8::from(title.is_some())));
        optional(&mut out, "price", items.prices.iter().copied(), |price| price.0);
        optional(&mut out, "available_from", items.available_from.iter().copied(), |at| at.0);
        optional(&mut out, "available_to", items.available_to.iter().copied(), |at| at.0);
        optional(&mut out, "stock", items.stock.iter().copied(), |units| units);
        optional(&mut out, "last_sold_at", self.last_sold_at.iter().copied(), |at| at.0);
        out.finish()
    }

    /// A catalogue from its bundle.
    ///
    /// # Errors
    /// [`BundleError`] when bytes, shapes or keys are not those of a catalogue.
    pub fn from_bundle(bundle: &Bundle) -> Result<Self, BundleError> {
        let ids = bundle.texts("id")?;
        let n = ids.len();
        let wrong = |name: &str, problem: String| BundleError::Section { name: name.to_owned(), problem };
        if !(1..n).all(|item| ids.get(item - 1) < ids.get(item)) {
            return Err(wrong("id", "is not in ascending order".to_owned()));
        }
        let category_names: Vec<String> = bundle.texts("category_name")?.iter().map(str::to_owned).collect();
        let categories = read_optional(bundle, "category", n, |code| u32::try_from(code).ok())?;
        if categories.iter().flatten().any(|&code| code as usize >= category_names.len()) {
            return Err(wrong("category", "names a category that is not there".to_owned()));
        }
        let titles = bundle.texts("title")?;
        if titles.len() != n {
            return Err(wrong("title", format!("has {} texts, expected {n}", titles.len())));
        }
        let given = bundle.array_of::<u8>("title.given", n)?;
        let at = |milliseconds| Some(Timestamp(milliseconds));
        let items = ItemTable {
            titles: titles
                .iter()
                .zip(given)
                .map(|(title, given)| (given != 0).then(|| title.to_owned()))
                .collect(),
            ids,
            categories,
            category_names,
            prices: read_optional(bundle, "price", n, |price| Some(Money(price)))?,
            available_from: read_optional(bundle, "available_from", n, at)?,
            available_to: read_optional(bundle, "available_to", n, at)?,
            stock: read_optional(bundle, "stock", n, Some)?,
        };
        let last_sold_at = read_optional(bundle, "last_sold_at", n, at)?;
        let currency = bundle.texts("currency")?.iter().next().unwrap_or_default().to_owned();
        Self::new(items, last_sold_at, currency).map_err(|collision| wrong("id", collision.to_string()))
    }
}

/// Writes a column of optional numbers as `NAME` and `NAME.given`.
fn optional<T: Copy>(
    out: &mut BundleWriter,
    name: &str,
    column: impl ExactSizeIterator<Item = Option<T>> + Clone,
    number: impl Fn(T) -> i64,
) {
    out.array(name, column.clone().map(|cell| cell.map_or(0, &number)));
    out.array(&format!("{name}.given"), column.map(|cell| u8::from(cell.is_some())));
}

fn read_optional<T>(
    bundle: &Bundle,
    name: &str,
    n: usize,
    cell: impl Fn(i64) -> Option<T>,
) -> Result<Vec<Option<T>>, BundleError> {
    let numbers = bundle.array_of::<i64>(name, n)?;
    let given = bundle.array_of::<u8>(&format!("{name}.given"), n)?;
    Ok(numbers
        .into_iter()
        .zip(given)
        .map(|(number, given)| if given != 0 { cell(number) } else { None })
        .collect())
}
