//! Which column plays which part: by its name first, by its cells where they forbid it.

use bespoke_io::CellShape;

use super::exports::Placed;
use super::facts::Facts;
use super::totals;

/// A part a column can play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Customer,
    Item,
    Time,
    Event,
    EventId,
    Quantity,
    Price,
    Revenue,
    Currency,
    Order,
    Channel,
    Title,
    Category,
    Country,
}

use Role::{
    Category, Channel, Country, Currency, Customer, Event, EventId, Item, Order, Price, Quantity, Revenue,
    Time, Title,
};

impl Role {
    /// All, in the order in which they choose their columns.
    pub const ALL: [Self; 14] = [
        Customer, Order, Item, EventId, Time, Event, Quantity, Price, Revenue, Currency, Title, Category,
        Channel, Country,
    ];

    /// The canonical column; `None` for what has no column of its own.
    pub fn column(self) -> Option<&'static str> {
        Some(match self {
            Customer => "customer_id",
            Item => "item_id",
            Time => "time",
            Event => "event",
            EventId => "event_id",
            Quantity => "quantity",
            Price => "price",
            Revenue => "revenue",
            Currency => "currency",
            Order => "order_id",
            Channel => "channel",
            Title => "title",
            Category => "category",
            Country => return None,
        })
    }

    /// Whether a name is one of those that mean it, whatever the cells are.
    pub fn may_be_named(self, facts: &Facts<'_>) -> bool {
        points(self, facts) > 0
    }

    /// What the cells must be for it.
    fn may_hold(self, facts: &Facts<'_>) -> bool {
        let few = |most: usize| facts.n_distinct > 0 && facts.n_distinct <= most;
        match self {
            _ if facts.n_present == 0 || facts.column.shape == CellShape::Composite => false,
            Customer | Item | Order | EventId => facts.may_be_id(),
            Time => facts.time.is_some(),
            Quantity | Price | Revenue => facts.numbers.is_some() && !facts.is_point_zero_id(),
            Event => facts.numbers.is_none() && few(200),
            Currency => facts.levels().all(|text| is_currency(&text.trim().to_uppercase())),
            Country | Channel => facts.numbers.is_none() && few(400),
            Title => facts.numbers.is_none() && facts.time.is_none(),
            Category => facts.time.is_none() && !facts.is_amount() && few(5_000),
        }
    }
}

impl Facts<'_> {
    /// `1.0`, `2.0` are quantities as spreadsheets write them; five digits and more are ids.
    fn is_point_zero_id(&self) -> bool {
        self.is_point_zero() && self.numbers.as_ref().is_some_and(|numbers| numbers.min >= 10_000.0)
    }
}

/// Three upper-case letters.
pub fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// How sure a choice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    Low,
    Medium,
    High,
}

impl Confidence {
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// One step less sure.
    pub fn lower(self) -> Self {
        match self {
            Self::High => Self::Medium,
            _ => Self::Low,
        }
    }
}

/// The column chosen for a role.
#[derive(Clone, Debug, PartialEq)]
pub struct Cast {
    pub role: Role,
    /// Its place among the columns.
    pub place: usize,
    pub confidence: Confidence,
    pub evidence: String,
    /// Another column that could play it as well.
    pub rival: Option<usize>,
}

/// Points for a name: exact names above all hints, the surer first.
fn points(role: Role, facts: &Facts<'_>) -> usize {
    let last = last_part(facts.name());
    let exact = |key: &str| role.names().iter().position(|name| *name == key);
    if let Some(rank) = exact(&facts.key) {
        return 1_000 - rank;
    }
    // The last part of a nested JSON field: `properties.price`.
    if let Some(rank) = last.and_then(|part| exact(&part)) {
        return 800 - rank;
    }
    match role.hints().iter().position(|hint| facts.key.contains(hint)) {
        Some(rank) => 100 - rank,
        None => 0,
    }
}

fn last_part(name: &str) -> Option<String> {
    name.rsplit_once('.').map(|(_, part)| super::facts::key(part))
}

/// Exact names have more points than this.
const EXACT: usize = 700;

/// Roles that leftover columns may play in a known export: its money and its people are where it says or nowhere.
const BESIDE_AN_EXPORT: [Role; 5] = [Currency, Title, Category, Channel, Country];

/// The column of each role that has one; no column plays two. `given` are those of a known export of this name, which
/// come first.
pub fn cast(all: &[Facts<'_>], export: Option<&str>, given: &[Placed]) -> Vec<Cast> {
    let mut cast: Vec<Cast> = given.iter().map(|placed| placed_by(export, placed, all)).collect();
    for role in Role::ALL {
        let known = cast.iter().any(|cast| cast.role == role);
        if known || (export.is_some() && !BESIDE_AN_EXPORT.contains(&role)) {
            continue;
        }
        let free = |place: &usize| cast.iter().all(|cast| cast.place != *place);
        let order = cast.iter().find(|cast| cast.role == Order).map(|cast| &all[cast.place]);
        let fit = |place: &usize| {
            let facts = &all[*place];
            let money = matches!(role, Price | Revenue);
            points(role, facts) > 0
                && role.may_hold(facts)
                && !(money && totals::is_beside_the_price(facts))
                && !(role == Revenue && totals::of_orders(facts, order).is_some())
        };
        let mut ranked: Vec<usize> = (0..all.len()).filter(free).filter(fit).collect();
        // Among equals the one with fewer gaps, then the first.
        ranked.sort_by_key(|&place| (std::cmp::Reverse(points(role, &all[place])), all[place].n_missing()));
        let Some(&best) = ranked.first() else { continue };
        cast.push(named(role, best, &ranked[1..], all));
    }
    if export.is_none() && cast.iter().all(|cast| cast.role != Time) {
        cast.extend(time_by_cells(all, &cast));
    }
    cast
}

/// A column of a known export; where a better one is too empty, both are named.
fn placed_by(export: Option<&str>, placed: &Placed, all: &[Facts<'_>]) -> Cast {
    let Placed { role, place, sparse } = *placed;
    let mut evidence = format!("where {} exports have it", export.unwrap_or_default());
    let Some(other) = sparse.filter(|_| matches!(role, Customer | Item)) else {
        return Cast { role, place, confidence: Confidence::High, evidence, rival: None };
    };
    let share = 100.0 * all[other].n_present as f64 / all[other].n_rows.max(1) as f64;
    evidence += &format!(
        "; \"{}\" goes before it, but is filled in {share:.0} % of the rows only",
        super::words(all[other].name())
    );
    Cast { role, place, confidence: Confidence::Low, evidence, rival: Some(other) }
}

/// Why a number of this role will be refused by the reader: how many cells, and one of them.
pub fn refused(role: Role, facts: &Facts<'_>) -> Option<(usize, String)> {
    let numbers = facts.numbers.as_ref()?;
    let with = |n: usize, cell: &Option<String>| Some((n, cell.clone()?));
    match role {
        Quantity if numbers.n_fractions > 0 => with(numbers.n_fractions, &numbers.fraction),
        Quantity | Price | Revenue => {
            with(numbers.n_dressed, &numbers.dressed).or_else(|| with(numbers.n_bad, &numbers.bad))
        }
        _ => None,
    }
}

fn named(role: Role, best: usize, others: &[usize], all: &[Facts<'_>]) -> Cast {
    let exact = points(role, &all[best]) > EXACT;
    let rival = others.iter().copied().find(|&other| exact == (points(role, &all[other]) > EXACT));
    let base = if exact { Confidence::High } else { Confidence::Medium };
    let is_id = matches!(role, Customer | Item);
    let doubt = rival.is_some() && is_id;
    let how = if exact { "by its name" } else { "its name hints at it" };
    let mut evidence = format!("{how}; {}", figures(&all[best]));
    if let (Some(rival), true) = (rival, is_id) {
        let what = if role == Customer { "customers" } else { "items" };
        evidence += &format!(
            "; \"{}\" could name the {what} too ({} different): this one was picked",
            super::words(all[rival].name()),
            crate::outputs::count(all[rival].n_distinct as u64)
        );
    }
    let mut confidence = if doubt { base.lower() } else { base };
    if let Some((n, cell)) = refused(role, &all[best]) {
        confidence = Confidence::Low;
        let (n, cell) = (crate::outputs::count(n as u64), super::words(&cell));
        evidence += &format!("; {n} cells are refused by the reader, such as \"{cell}\"");
    }
    if role == Revenue && totals::may_be_gross(&all[best]) {
        confidence = Confidence::Low;
        evidence += "; a total may hold tax and shipping, which are no revenue";
    }
    if matches!(role, Price | Revenue) && !exact {
        confidence = Confidence::Low;
    }
    let rival = rival.filter(|_| is_id || matches!(role, Time | Revenue | Price));
    Cast { role, place: best, confidence, evidence, rival }
}

/// What the cells say, in a few words.
fn figures(facts: &Facts<'_>) -> String {
    let count = |n: usize| crate::outputs::count(n as u64);
    let missing = match facts.n_missing() {
        0 => String::new(),
        n => format!(", {} empty", count(n)),
    };
    format!("{} different in {} rows{missing}", count(facts.n_distinct), count(facts.n_rows))
}

/// A column of times whatever its name: the most complete one that is no bare number.
fn time_by_cells(all: &[Facts<'_>], cast: &[Cast]) -> Option<Cast> {
    let free = |place: &usize| cast.iter().all(|cast| cast.place != *place);
    let is_time = |place: &usize| all[*place].time.as_ref().is_some_and(|time| !time.only_digits);
    let mut places: Vec<usize> = (0..all.len()).filter(free).filter(is_time).collect();
    places.sort_by_key(|&place| all[place].n_missing());
    let place = *places.first()?;
    let evidence = format!("the name does not say so, but the cells are times; {}", figures(&all[place]));
    let rival = places.get(1).copied();
    Some(Cast { role: Time, place, confidence: Confidence::Low, evidence, rival })
}

#[cfg(test)]
mod tests {
    use bespoke_io::SampledColumn;

    use super::*;

    fn columns(all: &[(&str, &[&str])]) -> Vec<SampledColumn> {
        let cells = |cells: &[&str]| cells.iter().map(|cell| Some((*cell).to_owned())).collect();
        let column = |(name, texts): &(&str, &[&str])| SampledColumn {
            name: (*name).to_owned(),
            shape: CellShape::Text,
            cells: cells(texts),
        };
        all.iter().map(column).collect()
    }

    fn played(all: &[(&str, &[&str])]) -> Vec<(Role, String, Confidence)> {
        let columns = columns(all);
        let facts: Vec<Facts<'_>> = columns.iter().map(Facts::of).collect();
        let found = cast(&facts, None, &[]);
        found.into_iter().map(|c| (c.role, columns[c.place].name.clone(), c.confidence)).collect()
    }

    fn who(found: &[(Role, String, Confidence)], role: Role) -> Option<(&str, Confidence)> {
        found.iter().find(|(r, ..)| *r == role).map(|(_, name, confidence)| (name.as_str(), *confidence))
    }

    #[test]
    fn an_invoice_export_by_hand() {
        let found = played(&[
            ("InvoiceNo", &["536365", "C536379"]),
            ("StockCode", &["85123A", "71053"]),
            ("Description", &["LANTERN", "HEART"]),
            ("Quantity", &["6", "-1"]),
            ("InvoiceDate", &["2010-12-01 08:26:00", "2010-12-01 08:28:00"]),
            ("UnitPrice", &["2.55", "3.39"]),
            ("CustomerID", &["17850.0", "13047.0"]),
            ("Country", &["United Kingdom", "France"]),
        ]);
        for (role, name) in [
            (Order, "InvoiceNo"),
            (Item, "StockCode"),
            (Title, "Description"),
            (Quantity, "Quantity"),
            (Time, "InvoiceDate"),
            (Price, "UnitPrice"),
            (Customer, "CustomerID"),
            (Country, "Country"),
        ] {
            assert_eq!(who(&found, role), Some((name, Confidence::High)), "{role:?}");
        }
        assert_eq!(found.len(), 8);
    }

    #[test]
    fn two_plausible_customers_lower_the_confidence() {
        let found = played(&[("user_id", &["a", "b"]), ("customer_id", &["x", "y"])]);
        assert_eq!(who(&found, Customer), Some(("customer_id", Confidence::Medium)));
    }

    #[test]
    fn cells_forbid_what_a_name_promises() {
        let found =
            played(&[("date", &["soon", "later"]), ("price", &["cheap", "dear"]), ("quantity", &["", ""])]);
        assert_eq!(found, []);
    }

    #[test]
    fn times_without_a_telling_name_are_found_by_their_cells() {
        let found = played(&[("when", &["2011-01-01", "2011-01-02"]), ("no", &["1", "2"])]);
        assert_eq!(who(&found, Time), Some(("when", Confidence::Low)));
    }

    #[test]
    fn nested_fields_count_by_their_last_part() {
        let found = played(&[("userId", &["a", "b"]), ("properties.price", &["1.5", "2.5"])]);
        assert_eq!(who(&found, Price), Some(("properties.price", Confidence::High)));
        assert_eq!(who(&found, Customer), Some(("userId", Confidence::High)));
    }
}
