//! Amounts that are not those of a line: totals of orders, discounts, taxes, and rows of sums below a table.

use std::collections::BTreeMap;

use bespoke_io::Sample;
use toml::{Table, Value};

use super::facts::Facts;
use super::kinds::name_words;
use super::proposal::Rule;
use super::roles::Confidence::Medium;
use super::times;

/// Words in names of columns of money that nobody paid for a thing.
const BESIDE_THE_PRICE: [&str; 21] = [
    "discount",
    "discounts",
    "coupon",
    "voucher",
    "tax",
    "taxes",
    "vat",
    "mwst",
    "ust",
    "shipping",
    "freight",
    "versand",
    "rabatt",
    "refund",
    "refunded",
    "tip",
    "fee",
    "fees",
    "duties",
    "gift",
    "cost",
];

/// Whether the name says discount, tax, shipping or the like.
pub fn is_beside_the_price(facts: &Facts<'_>) -> bool {
    name_words(facts.name()).iter().any(|word| BESIDE_THE_PRICE.contains(&word.as_str()))
}

/// Whether the name is that of a total, though not of a line.
pub fn may_be_gross(facts: &Facts<'_>) -> bool {
    let words = name_words(facts.name());
    let has = |word: &str| words.iter().any(|other| other == word);
    has("total") && !has("line") && !has("net")
}

/// Why a column of amounts is one of totals of orders: the same in every line of an order, or filled in one of its
/// lines only. `None` where it is not, or no order has two lines.
pub fn of_orders(amounts: &Facts<'_>, orders: Option<&Facts<'_>>) -> Option<String> {
    let mut lines: BTreeMap<&str, Vec<Option<&str>>> = BTreeMap::new();
    for (row, order) in orders?.cells() {
        lines.entry(order).or_default().push(amounts.column.cells[row].as_deref());
    }
    let several: Vec<&Vec<Option<&str>>> = lines.values().filter(|cells| cells.len() > 1).collect();
    if several.is_empty() {
        return None;
    }
    let once = several.iter().filter(|cells| cells.iter().flatten().count() == 1).count();
    let same =
        several.iter().filter(|cells| cells.iter().all(|cell| cell.is_some() && *cell == cells[0])).count();
    let most = |n: usize| 10 * n >= 9 * several.len();
    if most(once) {
        return Some("filled once per order: the total of an order, not the amount of a line".to_owned());
    }
    most(same).then(|| "the same in every line of an order: a total, not the amount of a line".to_owned())
}

/// Words in rows of sums.
const SUMS: [&str; 8] =
    ["total", "grandtotal", "totals", "sum", "summe", "gesamt", "gesamtsumme", "insgesamt"];

/// Takes rows of sums out of the sample and says how to keep them out of the job: rows in which a cell is the word
/// for it, while no cell of a column of times is filled.
pub fn without_sums(sample: &mut Sample) -> Option<Rule> {
    let is_time = |cells: &[Option<String>]| {
        let first: Vec<&str> = cells.iter().flatten().map(String::as_str).take(50).collect();
        first.len() > 1
            && times::guess(&first, bespoke_io::CellShape::Text).is_some_and(|time| !time.only_digits)
    };
    let timed: Vec<usize> =
        (0..sample.columns.len()).filter(|&at| is_time(&sample.columns[at].cells)).collect();
    if timed.is_empty() {
        return None;
    }
    let is_sum = |cell: &str| SUMS.contains(&super::facts::key(cell).as_str());
    let without_time =
        |row: &usize| timed.iter().all(|&at| sample.columns[at].cells[*row].as_deref().is_none_or(is_sum));
    let place = |row: usize| {
        sample.columns.iter().position(|column| column.cells[row].as_deref().is_some_and(is_sum))
    };
    let rows: Vec<(usize, usize)> =
        (0..sample.n_rows).filter(without_time).filter_map(|row| Some((row, place(row)?))).collect();
    let &(row, at) = rows.first()?;
    if 10 * rows.len() > sample.n_rows {
        return None;
    }
    let column = &sample.columns[at];
    let text = column.cells[row].clone()?;
    // The rule sees the text alone, wherever it stands.
    let with_text = column.cells.iter().filter(|cell| cell.as_ref() == Some(&text)).count();
    if with_text > rows.len() {
        return None;
    }
    let when = Table::from_iter([
        ("column".to_owned(), Value::from(column.name.as_str())),
        ("equals".to_owned(), Value::from(text.as_str())),
    ]);
    let evidence =
        format!("\"{}\" stands in a row without a time: a sum of the rows above it", super::words(&text));
    for column in &mut sample.columns {
        let mut at = 0;
        column.cells.retain(|_| {
            at += 1;
            rows.binary_search_by_key(&(at - 1), |(row, _)| *row).is_err()
        });
    }
    sample.n_rows -= rows.len();
    Some(Rule { name: "sum", when, then: "set_aside", confidence: Medium, evidence })
}

#[cfg(test)]
mod tests {
    use bespoke_io::{CellShape, SampledColumn};

    use super::*;

    fn column(name: &str, cells: &[&str]) -> SampledColumn {
        let cells = cells.iter().map(|cell| (!cell.is_empty()).then(|| (*cell).to_owned())).collect();
        SampledColumn { name: name.to_owned(), shape: CellShape::Text, cells }
    }

    #[test]
    fn totals_repeat_in_an_order_or_stand_in_its_first_line() {
        let orders = column("Order", &["1", "1", "2", "2", "3"]);
        let of = |cells: &[&str]| {
            let amounts = column("Total", cells);
            of_orders(&Facts::of(&amounts), Some(&Facts::of(&orders))).is_some()
        };
        assert!(of(&["30.00", "", "35.00", "", "9.00"]));
        assert!(of(&["30.00", "30.00", "35.00", "35.00", "9.00"]));
        assert!(!of(&["10.00", "20.00", "15.00", "15.00", "9.00"]));
        let single = column("Order", &["1", "2", "3", "4", "5"]);
        let amounts = column("Total", &["1", "2", "3", "4", "5"]);
        assert_eq!(of_orders(&Facts::of(&amounts), Some(&Facts::of(&single))), None);
    }

    #[test]
    fn names_of_what_is_no_price() {
        for (name, is) in
            [("Cart Discount Amount", true), ("taxAmount", true), ("Amount", false), ("Costume price", false)]
        {
            assert_eq!(is_beside_the_price(&Facts::of(&column(name, &["1"]))), is, "{name}");
        }
    }

    #[test]
    fn a_total_may_be_gross_unless_it_is_of_a_line() {
        for (name, is) in [
            ("order_total", true),
            ("Total", true),
            ("line_total", false),
            ("net total", false),
            ("amount", false),
        ] {
            assert_eq!(may_be_gross(&Facts::of(&column(name, &["1"]))), is, "{name}");
        }
    }

    #[test]
    fn a_row_of_sums_is_taken_out() {
        let columns = vec![
            column("customer", &["a", "b", "a", "c", "d", "e", "f", "g", "h", "i", "Total"]),
            column("date", &["2024-01-05"; 10].iter().copied().chain([""]).collect::<Vec<_>>()),
            column("amount", &["1"; 10].iter().copied().chain(["10"]).collect::<Vec<_>>()),
        ];
        let mut sample = Sample { columns, n_rows: 11, n_ragged: 0, whole: true, n_fields_left: 0 };
        let rule = without_sums(&mut sample).unwrap();
        assert_eq!(
            (rule.when["column"].as_str(), rule.when["equals"].as_str()),
            (Some("customer"), Some("Total"))
        );
        assert!(sample.n_rows == 10 && sample.columns.iter().all(|column| column.cells.len() == 10));
        assert_eq!(without_sums(&mut sample), None);
        let plans = vec![
            column(
                "plan",
                &[
                    "total", "basic", "total", "basic", "basic", "basic", "basic", "basic", "basic", "basic",
                    "total",
                ],
            ),
            column("date", &["2024-01-05"; 10].iter().copied().chain([""]).collect::<Vec<_>>()),
        ];
        let mut sample = Sample { columns: plans, n_rows: 11, n_ragged: 0, whole: true, n_fields_left: 0 };
        assert_eq!(without_sums(&mut sample), None, "a plan of that name");
    }
}
