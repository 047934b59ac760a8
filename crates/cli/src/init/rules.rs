//! Row rules that the cells suggest: refunds, fees, gifts and write-offs, other currencies.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::facts::Facts;
use super::proposal::Rule;
use super::roles::Confidence::{High, Low, Medium};
use crate::outputs::count;

/// Codes in columns of items that are fees and bookings, not goods.
const FEES: [&str; 20] = [
    "POST",
    "POSTAGE",
    "DOT",
    "C2",
    "M",
    "m",
    "D",
    "S",
    "B",
    "BANK CHARGES",
    "AMAZONFEE",
    "CRUK",
    "SHIPPING",
    "DISCOUNT",
    "FEE",
    "GIFT CARD",
    "ADJUST",
    "ADJUST2",
    "TEST001",
    "TEST002",
];

/// The columns that rules look at.
#[derive(Clone, Copy, Default)]
pub struct Columns<'f, 's> {
    pub order: Option<&'f Facts<'s>>,
    pub item: Option<&'f Facts<'s>>,
    pub quantity: Option<&'f Facts<'s>>,
    pub price: Option<&'f Facts<'s>>,
    pub revenue: Option<&'f Facts<'s>>,
    pub currency: Option<&'f Facts<'s>>,
}

/// All rules the cells suggest, those that set rows aside first.
pub fn suggest(columns: Columns<'_, '_>) -> Vec<Rule> {
    let all = [
        fees(columns),
        nothing_paid(columns),
        other_currency(columns),
        refund_orders(columns),
        negative(columns),
    ];
    all.into_iter().flatten().collect()
}

fn when(column: &Facts<'_>, key: &str, value: impl Into<Value>) -> Table {
    Table::from_iter([("column".to_owned(), column.name().into()), (key.to_owned(), value.into())])
}

/// Orders in which nothing was sold, by a column of their state; a warning where a rule would miss lines of them.
pub fn not_sold(
    status: &Facts<'_>,
    order: Option<&Facts<'_>>,
    states: &[&str],
) -> Option<Result<Rule, String>> {
    let seen: Vec<&(String, usize)> =
        status.top.iter().filter(|(state, _)| states.contains(&state.as_str())).collect();
    if seen.is_empty() {
        return None;
    }
    let name = super::words(status.name());
    let told: Vec<String> = seen.iter().map(|(state, n)| format!("{state} {}", count(*n as u64))).collect();
    let told = told.join(", ");
    if order.is_some_and(|order| is_said_once(status, order)) {
        return Some(Err(in_first_lines(&format!("\"{name}\" says {told}"))));
    }
    let evidence =
        format!("orders that were not paid, or were paid back ({told} rows): they would count as sold");
    let values: Vec<Value> = seen.iter().map(|(state, _)| Value::from(state.as_str())).collect();
    let when = when(status, "in", values);
    Some(Ok(Rule { name: "not_sold", when, then: "set_aside", confidence: Low, evidence }))
}

/// Orders that were cancelled, by a column that is filled for them.
pub fn cancelled(filled: &Facts<'_>, order: Option<&Facts<'_>>) -> Option<Result<Rule, String>> {
    if filled.n_present == 0 {
        return None;
    }
    let (name, n) = (super::words(filled.name()), count(filled.n_present as u64));
    if order.is_some_and(|order| is_said_once(filled, order)) {
        return Some(Err(in_first_lines(&format!("\"{name}\" is filled in {n} rows"))));
    }
    let evidence = format!("{n} rows of orders that were cancelled: they would count as sold");
    let when = when(filled, "matches", ".");
    Some(Ok(Rule { name: "cancelled", when, then: "set_aside", confidence: Low, evidence }))
}

/// Whether some order says it in one of its lines and leaves it empty in another.
fn is_said_once(said: &Facts<'_>, order: &Facts<'_>) -> bool {
    let lines = |filled: bool| -> BTreeSet<&str> {
        order
            .cells()
            .filter(|(row, _)| said.column.cells[*row].is_some() == filled)
            .map(|(_, id)| id)
            .collect()
    };
    !lines(true).is_disjoint(&lines(false))
}

fn in_first_lines(said: &str) -> String {
    format!(
        "{said}, but only in the first line of an order: a rule would leave the other lines in. Leave such orders out \
         of the export; as it is they count as sold"
    )
}

/// Item codes of a known list, where most codes are not words.
fn fees(columns: Columns<'_, '_>) -> Option<Rule> {
    let item = columns.item?;
    let cells = || item.column.cells.iter().flatten();
    let with_digits = cells().filter(|code| code.bytes().any(|byte| byte.is_ascii_digit())).count();
    let mut seen: Vec<(&str, usize)> = FEES
        .into_iter()
        .map(|fee| (fee, cells().filter(|code| *code == fee).count()))
        .filter(|(_, n)| *n > 0)
        .collect();
    if seen.is_empty() || with_digits * 10 < item.n_present * 9 {
        return None;
    }
    seen.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let shown: Vec<String> = seen.iter().map(|(fee, n)| format!("{fee} {}", count(*n as u64))).collect();
    let codes: Vec<Value> = FEES.into_iter().map(Value::from).collect();
    let evidence = format!("codes of fees and bookings among item codes with digits: {}", shown.join(", "));
    Some(Rule { name: "fee", when: when(item, "in", codes), then: "set_aside", confidence: Medium, evidence })
}

/// Rows at price 0 or below: gifts, samples, write-offs.
fn nothing_paid(columns: Columns<'_, '_>) -> Option<Rule> {
    let price = columns.price?;
    let numbers = price.numbers.as_ref()?;
    let n = numbers.n_zero + numbers.n_negative;
    // Where much is free, free things are what the shop is about.
    if n == 0 || n * 5 > price.n_present {
        return None;
    }
    let share = 100.0 * n as f64 / price.n_present as f64;
    let evidence = format!(
        "{} of {} rows ({share:.1} %) cost nothing: samples, gifts, write-offs",
        count(n as u64),
        count(price.n_present as u64)
    );
    Some(Rule {
        name: "zero_price",
        when: when(price, "at_most", 0.0),
        then: "set_aside",
        confidence: Medium,
        evidence,
    })
}

fn other_currency(columns: Columns<'_, '_>) -> Option<Rule> {
    let currency = columns.currency?;
    let (main, _) = currency.top.first()?;
    let other = |(code, _): &&(String, usize)| code.trim().to_uppercase() != main.trim().to_uppercase();
    let others: Vec<Value> =
        currency.top.iter().filter(other).map(|(code, _)| Value::from(code.as_str())).collect();
    let n = currency.top.iter().filter(other).map(|(_, n)| n).sum::<usize>();
    let evidence = format!("{} rows are not in {main}; a job has one currency", count(n as u64));
    let rule = Rule {
        name: "other_currency",
        when: when(currency, "in", others),
        then: "set_aside",
        confidence: Low,
        evidence,
    };
    (n > 0).then_some(rule)
}

/// Fewer rows than this make no rule.
const FEW: usize = 3;

/// A letter before the number of an order whose lines are nearly all negative.
fn refund_orders(columns: Columns<'_, '_>) -> Option<Rule> {
    let (order, quantity) = (columns.order?, columns.quantity.or(columns.revenue)?);
    let rows = || order.column.cells.iter().zip(&quantity.column.cells);
    let letter = |id: &str| id.chars().next().filter(char::is_ascii_alphabetic);
    let numbered =
        rows().filter(|(id, _)| id.as_deref().is_some_and(|id| id.starts_with(|c: char| c.is_ascii_digit())));
    if numbered.count() * 10 < order.n_present * 8 {
        return None;
    }
    let is_negative =
        |cell: &Option<String>| cell.as_deref().is_some_and(|cell| cell.trim().starts_with('-'));
    let found = ('A'..='Z').chain('a'..='z').find_map(|prefix| {
        let with = rows().filter(|(id, _)| id.as_deref().and_then(letter) == Some(prefix));
        let (n, negative) =
            with.fold((0usize, 0usize), |(n, neg), (_, q)| (n + 1, neg + usize::from(is_negative(q))));
        (n >= FEW && negative * 10 >= n * 9).then_some((prefix, n, negative))
    });
    let (prefix, n, negative) = found?;
    let evidence = format!(
        "{} rows have a number that starts with {prefix}, {} of them with a negative quantity",
        count(n as u64),
        count(negative as u64)
    );
    let when = when(order, "starts_with", prefix.to_string());
    let confidence = if n >= 10 { High } else { Medium };
    Some(Rule { name: "cancellation", when, then: "refund", confidence, evidence })
}

/// Negative quantities or amounts are things that came back.
fn negative(columns: Columns<'_, '_>) -> Option<Rule> {
    let of = [columns.quantity, columns.revenue].into_iter().flatten();
    let (column, n) =
        of.filter_map(|facts| Some((facts, facts.numbers.as_ref()?.n_negative))).find(|(_, n)| *n > 0)?;
    let whole = column.numbers.as_ref().is_some_and(|numbers| numbers.whole);
    let bound = if whole { -1.0 } else { -0.0001 };
    let evidence = format!("{} rows are negative: things that came back", count(n as u64));
    Some(Rule {
        name: "negative",
        when: when(column, "at_most", bound),
        then: "refund",
        confidence: Medium,
        evidence,
    })
}

#[cfg(test)]
mod tests {
    use bespoke_io::{CellShape, SampledColumn};

    use super::*;

    fn column(name: &str, cells: &[&str]) -> SampledColumn {
        let cells = cells.iter().map(|cell| Some((*cell).to_owned())).collect();
        SampledColumn { name: name.to_owned(), shape: CellShape::Text, cells }
    }

    fn names(rules: &[Rule]) -> Vec<&str> {
        rules.iter().map(|rule| rule.name).collect()
    }

    #[test]
    fn invoices_with_c_and_negative_quantities_are_refunds() {
        let orders: Vec<String> = (5361..5373).map(|n| n.to_string()).collect();
        let orders: Vec<&str> =
            orders.iter().map(String::as_str).chain(["C5373", "C5374", "C5375"]).collect();
        let quantities: Vec<&str> = ["1"; 12].into_iter().chain(["-1"; 3]).collect();
        let order = column("Invoice", &orders);
        let quantity = column("Quantity", &quantities);
        let (order, quantity) = (Facts::of(&order), Facts::of(&quantity));
        let rules = suggest(Columns { order: Some(&order), quantity: Some(&quantity), ..Columns::default() });
        assert_eq!(names(&rules), ["cancellation", "negative"]);
        assert_eq!(rules[0].when["starts_with"].as_str(), Some("C"));
        assert_eq!((rules[0].then, rules[1].when["at_most"].as_float()), ("refund", Some(-1.0)));
        let sold = column("Quantity", &["1"; 15]);
        let sold = Facts::of(&sold);
        assert_eq!(suggest(Columns { order: Some(&order), quantity: Some(&sold), ..Columns::default() }), []);
    }

    #[test]
    fn one_odd_order_makes_no_rule_of_its_letter() {
        let orders: Vec<String> = (5361..5375).map(|n| n.to_string()).chain(["A1005".to_owned()]).collect();
        let order = column("Invoice", &orders.iter().map(String::as_str).collect::<Vec<_>>());
        let quantity = column("Quantity", &["1"; 14].into_iter().chain(["-1"]).collect::<Vec<_>>());
        let (order, quantity) = (Facts::of(&order), Facts::of(&quantity));
        let rules = suggest(Columns { order: Some(&order), quantity: Some(&quantity), ..Columns::default() });
        assert_eq!(names(&rules), ["negative"]);
    }

    #[test]
    fn states_of_orders_are_a_rule_only_where_every_line_has_them() {
        let order = column("Order", &["1", "1", "2"]);
        let order = Facts::of(&order);
        let status = column("Status", &["Failed", "Failed", "Completed"]);
        let rule = not_sold(&Facts::of(&status), Some(&order), &["Failed", "Refunded"]).unwrap().unwrap();
        assert_eq!(rule.when["in"], Value::Array(vec!["Failed".into()]));
        let mut first = column("Status", &["refunded", "", "paid"]);
        first.cells[1] = None;
        let warning = not_sold(&Facts::of(&first), Some(&order), &["refunded"]).unwrap().unwrap_err();
        assert!(warning.contains("only in the first line of an order"), "{warning}");
        assert!(not_sold(&Facts::of(&status), Some(&order), &["voided"]).is_none());
        let mut filled = column("Cancelled at", &["", "", "2024-01-07"]);
        filled.cells[..2].fill(None);
        let rule = cancelled(&Facts::of(&filled), Some(&order)).unwrap().unwrap();
        assert_eq!(rule.when["matches"].as_str(), Some("."));
        filled.cells = vec![Some("2024-01-07".to_owned()), None, None];
        assert!(cancelled(&Facts::of(&filled), Some(&order)).unwrap().is_err());
        filled.cells.fill(None);
        assert!(cancelled(&Facts::of(&filled), Some(&order)).is_none());
    }

    #[test]
    fn fee_codes_count_only_among_codes_with_digits() {
        let codes =
            ["85123A", "71053", "84406B", "22752", "21730", "84029G", "22633", "22632", "84879", "POST"];
        let item = column("StockCode", &codes);
        let facts = Facts::of(&item);
        let rules = suggest(Columns { item: Some(&facts), ..Columns::default() });
        assert_eq!(names(&rules), ["fee"]);
        assert!(rules[0].evidence.contains("POST 1"), "{}", rules[0].evidence);
        let sizes = column("sku", &["S", "M", "L", "XL"]);
        let facts = Facts::of(&sizes);
        assert_eq!(suggest(Columns { item: Some(&facts), ..Columns::default() }), []);
    }

    #[test]
    fn a_few_free_rows_are_set_aside_and_a_free_shop_is_not() {
        let some = column("price", &["1.5", "2", "3", "4", "5", "6", "0"]);
        let facts = Facts::of(&some);
        assert_eq!(names(&suggest(Columns { price: Some(&facts), ..Columns::default() })), ["zero_price"]);
        let free = column("price", &["0", "0", "3"]);
        let facts = Facts::of(&free);
        assert_eq!(suggest(Columns { price: Some(&facts), ..Columns::default() }), []);
    }

    #[test]
    fn rows_in_other_currencies_are_set_aside_by_name() {
        let currency = column("currency", &["EUR", "EUR", "USD"]);
        let facts = Facts::of(&currency);
        let rules = suggest(Columns { currency: Some(&facts), ..Columns::default() });
        assert_eq!(rules[0].when["in"], Value::Array(vec!["USD".into()]));
    }
}
