//! Exports of other programs, recognised by their headers.

use super::facts::{Facts, key};
use super::roles::Role::{
    self, Category, Currency, Customer, Event, EventId, Item, Order, Price, Quantity, Revenue, Time, Title,
};

/// An export with a header of its own.
pub struct Export {
    pub name: &'static str,
    /// Names that must all be there.
    needs: &'static [&'static str],
    /// Where its columns are; the first name that is there and filled counts.
    columns: &'static [(Role, &'static [&'static str])],
    /// What a reader of the job should know.
    pub notes: &'static [&'static str],
}

/// The exports, those with longer headers first.
const EXPORTS: [Export; 8] = [
    Export {
        name: "Shopify orders",
        needs: &["Name", "Email", "Created at", "Lineitem quantity", "Lineitem name", "Lineitem price"],
        columns: &[
            (Order, &["Name"]),
            (Customer, &["Email"]),
            (Time, &["Created at", "Paid at"]),
            (Item, &["Lineitem sku", "Lineitem name"]),
            (Title, &["Lineitem name"]),
            (Quantity, &["Lineitem quantity"]),
            (Price, &["Lineitem price"]),
        ],
        notes: &["Lineitem discounts and refunds are in columns of their own and are not subtracted"],
    },
    Export {
        name: "WooCommerce orders",
        needs: &["Order Number", "Order Status", "Order Date", "SKU", "Item Name"],
        columns: &[
            (Order, &["Order Number"]),
            (Customer, &["Customer User ID", "Email (Billing)"]),
            (Time, &["Order Date"]),
            (Item, &["SKU", "Item Name"]),
            (Title, &["Item Name"]),
            (Quantity, &["Quantity (- Refund)", "Quantity"]),
            (Price, &["Item Cost"]),
        ],
        notes: &["orders of every status count: a set_aside rule on \"Order Status\" leaves failed ones out"],
    },
    Export {
        name: "Google Analytics 4",
        needs: &["event_timestamp", "event_name", "user_pseudo_id"],
        columns: &[
            (Customer, &["user_id", "user_pseudo_id"]),
            (Time, &["event_timestamp"]),
            (Event, &["event_name"]),
            (Item, &["item_id"]),
            (Title, &["item_name"]),
            (Category, &["item_category"]),
            (Price, &["price"]),
            (Quantity, &["quantity"]),
            (Order, &["transaction_id"]),
            (Currency, &["currency"]),
        ],
        notes: &["the list \"items\" must be unnested, one row per item, before bespoke can read it"],
    },
    Export {
        name: "Segment track",
        needs: &["messageId", "userId", "event"],
        columns: &[
            (Customer, &["userId", "anonymousId"]),
            (Time, &["originalTimestamp", "timestamp", "receivedAt"]),
            (Event, &["event"]),
            (EventId, &["messageId"]),
            (Item, &["properties.product_id", "properties.sku", "product_id"]),
            (Title, &["properties.name"]),
            (Category, &["properties.category"]),
            (Price, &["properties.price", "price"]),
            (Quantity, &["properties.quantity", "quantity"]),
            (Order, &["properties.order_id", "order_id"]),
            (Currency, &["properties.currency"]),
        ],
        notes: &["orders with a list of products must be unnested, one row per product"],
    },
    Export {
        name: "Snowplow",
        needs: &["collector_tstamp", "event_id", "domain_userid"],
        columns: &[
            (Customer, &["user_id", "domain_userid"]),
            (Time, &["dvce_created_tstamp", "collector_tstamp"]),
            (EventId, &["event_id"]),
            (Event, &["event_name"]),
            (Order, &["transaction_id"]),
        ],
        notes: &[],
    },
    Export {
        name: "Braze events",
        needs: &["external_id", "name", "time"],
        columns: &[
            (Customer, &["external_id"]),
            (Time, &["time"]),
            (Event, &["name"]),
            (Item, &["properties.product_id"]),
            (Price, &["properties.price"]),
            (Quantity, &["properties.quantity"]),
            (Order, &["properties.order_id"]),
            (Revenue, &["properties.total_value"]),
        ],
        notes: &["cart events are snapshots of the whole cart, not steps"],
    },
    Export {
        name: "Gorse feedback",
        needs: &["FeedbackType", "UserId", "ItemId", "Timestamp"],
        columns: &[
            (Customer, &["UserId"]),
            (Item, &["ItemId"]),
            (Time, &["Timestamp"]),
            (Event, &["FeedbackType"]),
        ],
        notes: &["Gorse keeps one row per customer, item and type: repeated purchases are not in the file"],
    },
    Export {
        name: "Amazon Personalize interactions",
        needs: &["USER_ID", "ITEM_ID", "TIMESTAMP"],
        columns: &[
            (Customer, &["USER_ID"]),
            (Item, &["ITEM_ID"]),
            (Time, &["TIMESTAMP"]),
            (Event, &["EVENT_TYPE"]),
        ],
        notes: &[],
    },
];

/// A role, the place of its column, and the name it has in the export.
type Placed = (Role, usize, &'static str);

/// The export whose header this is, with the places of its columns.
pub fn recognise(all: &[Facts<'_>]) -> Option<(&'static Export, Vec<Placed>)> {
    let place = |name: &str| all.iter().position(|facts| facts.key == key(name));
    let export = EXPORTS.iter().find(|export| export.needs.iter().all(|name| place(name).is_some()))?;
    let mut taken = Vec::new();
    for (role, names) in export.columns {
        let places = names.iter().filter_map(|name| place(name));
        // One that is mostly empty gives way to the next: guests have no user id.
        let filled = |place: &usize| 2 * all[*place].n_present > all[*place].n_rows;
        let fit = |place: &usize| {
            let facts = &all[*place];
            let readable = match role {
                Time => facts.time.is_some(),
                Quantity | Price | Revenue => facts.numbers.is_some(),
                _ => facts.n_present > 0,
            };
            // A product name may be id and title at once.
            readable && (*role == Title || taken.iter().all(|(_, taken, _)| taken != place))
        };
        let best = places.clone().filter(fit).find(filled).or_else(|| places.clone().find(fit));
        taken.extend(best.map(|place| (*role, place, export.name)));
    }
    Some((export, taken))
}

#[cfg(test)]
mod tests {
    use bespoke_io::{CellShape, SampledColumn};

    use super::*;

    fn recognised(all: &[(&str, &str)]) -> Option<(&'static str, Vec<(Role, String)>)> {
        let column = |(name, cell): &(&str, &str)| SampledColumn {
            name: (*name).to_owned(),
            shape: CellShape::Text,
            cells: vec![(!cell.is_empty()).then(|| (*cell).to_owned())],
        };
        let columns: Vec<SampledColumn> = all.iter().map(column).collect();
        let facts: Vec<Facts<'_>> = columns.iter().map(Facts::of).collect();
        let (export, taken) = recognise(&facts)?;
        Some((export.name, taken.into_iter().map(|(role, at, _)| (role, columns[at].name.clone())).collect()))
    }

    #[test]
    fn every_export_is_recognised_by_what_it_needs_and_no_other() {
        for export in &EXPORTS {
            let header: Vec<(&str, &str)> = export.needs.iter().map(|name| (*name, "x")).collect();
            assert_eq!(recognised(&header).unwrap().0, export.name);
            assert!(recognised(&header[1..]).is_none_or(|(name, _)| name != export.name), "{}", export.name);
        }
    }

    #[test]
    fn an_order_of_shopify_by_hand() {
        let (name, taken) = recognised(&[
            ("Name", "#1001"),
            ("Email", "a@example.org"),
            ("Created at", "2024-01-05 10:00:00 +0100"),
            ("Lineitem quantity", "2"),
            ("Lineitem name", "Mug"),
            ("Lineitem price", "9.50"),
            ("Lineitem sku", ""),
        ])
        .unwrap();
        assert_eq!(name, "Shopify orders");
        let of = |role| taken.iter().find(|(r, _)| *r == role).map(|(_, name)| name.as_str());
        assert_eq!(of(Customer), Some("Email"));
        assert_eq!(of(Item), Some("Lineitem name"), "no sku is filled in");
        assert_eq!(of(Title), Some("Lineitem name"));
        assert_eq!(of(Order), Some("Name"));
    }

    #[test]
    fn an_empty_user_id_gives_way_to_the_device() {
        let header =
            [("event_timestamp", "1700000000000000"), ("event_name", "purchase"), ("user_pseudo_id", "d.1")];
        let with_user = [&header[..], &[("user_id", "")]].concat();
        let (_, taken) = recognised(&with_user).unwrap();
        assert!(taken.contains(&(Customer, "user_pseudo_id".to_owned())), "{taken:?}");
    }
}
