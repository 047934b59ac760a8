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
];

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
