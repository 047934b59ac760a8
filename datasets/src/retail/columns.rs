//! The columns of a world's tables.

use crate::sink::Column;
use crate::sink::ColumnKind::{Amount, Instant, Number, Text, Whole, YesNo};

pub(super) const ITEMS: &[Column] = &[
    Column::new("item_id", Text),
    Column::new("title", Text),
    Column::new("category", Text),
    Column::new("price", Amount),
    Column::new("available_from", Instant),
    Column::new("available_to", Instant),
    Column::new("stock", Whole),
    Column::new("parent_id", Text),
    Column::new("variant", Text),
];

/// As many of the irrelevant columns as there are follow.
pub(super) const CUSTOMERS: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("age", Whole),
    Column::new("country", Text),
    Column::new("newsletter", YesNo),
    Column::new("household_size", Whole),
    IRRELEVANT[0],
    IRRELEVANT[1],
    IRRELEVANT[2],
    IRRELEVANT[3],
    IRRELEVANT[4],
    IRRELEVANT[5],
    IRRELEVANT[6],
    IRRELEVANT[7],
];

/// Columns of [`CUSTOMERS`] that mean something.
pub(super) const N_RELEVANT: usize = 5;

/// Columns that say nothing: numbers at even positions, categories at odd ones.
pub(super) const IRRELEVANT: [Column; super::MAX_IRRELEVANT] = [
    Column::new("irrelevant_1", Number),
    Column::new("irrelevant_2", Text),
    Column::new("irrelevant_3", Number),
    Column::new("irrelevant_4", Text),
    Column::new("irrelevant_5", Number),
    Column::new("irrelevant_6", Text),
    Column::new("irrelevant_7", Number),
    Column::new("irrelevant_8", Text),
];

pub(super) const EVENTS: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("item_id", Text),
    Column::new("time", Instant),
    Column::new("event", Text),
    Column::new("quantity", Whole),
    Column::new("price", Amount),
    Column::new("order_id", Text),
    Column::new("channel", Text),
    Column::new("session_id", Text),
    Column::new("offer_id", Text),
];

pub(super) const SESSIONS: &[Column] = &[
    Column::new("session_id", Text),
    Column::new("device_id", Text),
    Column::new("channel", Text),
    Column::new("started_at", Instant),
    Column::new("logged_in_at", Instant),
    Column::new("linked_at", Instant),
    Column::new("customer_id", Text),
];

pub(super) const CONSENTS: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("time", Instant),
    Column::new("purpose", Text),
    Column::new("state", Text),
];

pub(super) const TICKETS: &[Column] = &[
    Column::new("ticket_id", Text),
    Column::new("customer_id", Text),
    Column::new("order_id", Text),
    Column::new("subject", Text),
    Column::new("created_at", Instant),
    Column::new("first_reply_at", Instant),
    Column::new("solved_at", Instant),
];

pub(super) const SURVEYS: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("question", Text),
    Column::new("scale_low", Whole),
    Column::new("scale_high", Whole),
    Column::new("sent_at", Instant),
    Column::new("ticket_id", Text),
    Column::new("answer", Whole),
];

pub(super) const OFFERS: &[Column] = &[
    Column::new("offer_id", Text),
    Column::new("item_id", Text),
    Column::new("list_price", Amount),
    Column::new("price", Amount),
    Column::new("starts_at", Instant),
    Column::new("ends_at", Instant),
    Column::new("propensity", Number),
];

pub(super) const ASSIGNMENTS: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("offer_id", Text),
    Column::new("shown", YesNo),
    Column::new("bought", YesNo),
];

pub(super) const TRUTH: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("persona", Text),
    Column::new("is_prospect", YesNo),
    Column::new("first_order_at", Instant),
    Column::new("alive_until", Instant),
    Column::new("orders_per_week", Number),
    Column::new("p_leaving_after_order", Number),
    Column::new("leaving_per_week", Number),
    Column::new("satisfaction", Number),
    Column::new("p_click", Number),
    Column::new("horizon_days", Whole),
    Column::new("p_purchase", Number),
    Column::new("expected_orders", Number),
    Column::new("expected_value", Number),
    Column::new("expected_value_error", Number),
];

/// Columns of [`TRUTH_TASTES`] and of [`TRUTH_ITEMS`] before the directions.
pub(super) const N_TASTES: usize = 1 + super::CATEGORIES.len();
pub(super) const N_ITEM_TRUTHS: usize = 4;

/// A column per category in the order of [`super::CATEGORIES`], which a test holds; as many of the directions as there
/// are factors follow.
pub(super) const TRUTH_TASTES: &[Column] = &with_directions::<N_TASTES, { N_TASTES + super::MAX_FACTORS }>([
    Column::new("customer_id", Text),
    Column::new("taste_kitchen", Number),
    Column::new("taste_home_decor", Number),
    Column::new("taste_textiles", Number),
    Column::new("taste_garden", Number),
    Column::new("taste_tools", Number),
    Column::new("taste_books", Number),
    Column::new("taste_stationery", Number),
    Column::new("taste_toys", Number),
    Column::new("taste_party", Number),
    Column::new("taste_jewellery", Number),
    Column::new("taste_candles", Number),
    Column::new("taste_tea_and_coffee", Number),
    Column::new("taste_pet_food", Number),
    Column::new("taste_cosmetics", Number),
    Column::new("taste_sweets", Number),
]);

/// As many of the directions as there are factors follow.
pub(super) const TRUTH_ITEMS: &[Column] =
    &with_directions::<N_ITEM_TRUTHS, { N_ITEM_TRUTHS + super::MAX_FACTORS }>([
        Column::new("item_id", Text),
        Column::new("popularity", Number),
        Column::new("price_rank", Number),
        Column::new("repurchase_days", Number),
    ]);

const DIRECTIONS: [Column; super::MAX_FACTORS] = [
    Column::new("direction_1", Number),
    Column::new("direction_2", Number),
    Column::new("direction_3", Number),
    Column::new("direction_4", Number),
    Column::new("direction_5", Number),
    Column::new("direction_6", Number),
    Column::new("direction_7", Number),
    Column::new("direction_8", Number),
    Column::new("direction_9", Number),
    Column::new("direction_10", Number),
    Column::new("direction_11", Number),
    Column::new("direction_12", Number),
    Column::new("direction_13", Number),
    Column::new("direction_14", Number),
    Column::new("direction_15", Number),
    Column::new("direction_16", Number),
];

/// Columns, and the directions after them; `M` is `N` and as many as there are directions.
const fn with_directions<const N: usize, const M: usize>(columns: [Column; N]) -> [Column; M] {
    let mut all = [DIRECTIONS[0]; M];
    let mut n = 0;
    while n < M {
        all[n] = if n < N { columns[n] } else { DIRECTIONS[n - N] };
        n += 1;
    }
    all
}

pub(super) const TRUTH_UPLIFT: &[Column] = &[
    Column::new("customer_id", Text),
    Column::new("offer_id", Text),
    Column::new("p_without", Number),
    Column::new("p_with", Number),
    Column::new("uplift", Number),
];

/// Whose the sessions are that no login links.
pub(super) const TRUTH_SESSIONS: &[Column] =
    &[Column::new("session_id", Text), Column::new("customer_id", Text)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tastes_have_a_column_per_category_in_their_order() {
        let expected =
            super::super::CATEGORIES.map(|category| format!("taste_{}", category.replace(' ', "_")));
        assert!(TRUTH_TASTES[1..N_TASTES].iter().map(|column| column.name).eq(expected));
        assert_eq!(
            (TRUTH_TASTES[N_TASTES].name, TRUTH_ITEMS[N_ITEM_TRUTHS].name),
            ("direction_1", "direction_1")
        );
        assert_eq!(TRUTH_ITEMS.last().map(|column| column.name), Some("direction_16"));
    }
}
