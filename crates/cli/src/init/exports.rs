//! Exports of other programs, recognised by their headers.

use super::facts::{Facts, key};
use super::roles::Confidence::Low;
use super::roles::Role::{
    self, Category, Currency, Customer, Event, EventId, Item, Order, Price, Quantity, Revenue, Time, Title,
};
use super::rules;
use super::sources::Source;

/// An export with a header of its own.
pub struct Export {
    pub name: &'static str,
    /// Names of which one of each group must be there.
    needs: &'static [&'static [&'static str]],
    /// Their letters must be written like this.
    exact_case: bool,
    /// Where its columns are; the first name that is there and filled counts.
    columns: &'static [(Role, &'static [&'static str])],
    /// Customers of that column are no ids: two people may share it.
    pub customer_is_no_id: bool,
    /// Where the state of an order is, and the states in which nothing was bought.
    pub status: Option<(&'static str, &'static [&'static str])>,
    /// A column that is filled when the order was cancelled.
    pub cancelled: Option<&'static str>,
    /// What a reader of the job should know.
    pub notes: &'static [&'static str],
}

const PLAIN: Export = Export {
    name: "",
    needs: &[],
    exact_case: false,
    columns: &[],
    customer_is_no_id: false,
    status: None,
    cancelled: None,
    notes: &[],
};

/// The exports, those with longer headers first.
const EXPORTS: [Export; 10] = [
    Export {
        name: "Shopify orders",
        needs: &[
            &["Name"],
            &["Email"],
            &["Created at"],
            &["Lineitem quantity"],
            &["Lineitem name"],
            &["Lineitem price"],
        ],
        columns: &[
            (Order, &["Name"]),
            (Customer, &["Email"]),
            (Time, &["Created at", "Paid at"]),
            (Item, &["Lineitem sku", "Lineitem name"]),
            (Title, &["Lineitem name"]),
            (Quantity, &["Lineitem quantity"]),
            (Price, &["Lineitem price"]),
        ],
        status: Some(("Financial Status", &["voided", "refunded", "pending", "expired", "unpaid"])),
        cancelled: Some("Cancelled at"),
        notes: &["Lineitem discounts and refunds are in columns of their own and are not subtracted"],
        ..PLAIN
    },
    Export {
        name: "WooCommerce orders",
        needs: &[
            &["Order Number"],
            &["Order Status"],
            &["Order Date"],
            &["SKU"],
            &["Item Name", "Name"],
            &["Item Cost"],
        ],
        columns: &[
            (Order, &["Order Number"]),
            (Customer, &["Email (Billing)", "Customer User ID"]),
            (Time, &["Order Date"]),
            (Item, &["SKU", "Item Name", "Name"]),
            (Title, &["Item Name", "Name"]),
            (Quantity, &["Quantity (- Refund)", "Quantity"]),
            (Price, &["Item Cost"]),
        ],
        status: Some(("Order Status", NOT_SOLD)),
        ..PLAIN
    },
    Export {
        name: "WooCommerce analytics",
        needs: &[&["Order #"], &["N. Revenue (formatted)"], &["Status"], &["Customer"], &["Product(s)"]],
        columns: &[
            (Order, &["Order #"]),
            (Customer, &["Customer"]),
            (Time, &["Date"]),
            (Revenue, &["N. Revenue"]),
        ],
        customer_is_no_id: true,
        status: Some(("Status", NOT_SOLD)),
        notes: &["\"Product(s)\" is a list in words and cannot be read; export order lines to have items"],
        ..PLAIN
    },
    Export {
        name: "Google Analytics 4",
        needs: &[&["event_timestamp"], &["event_name"], &["user_pseudo_id"]],
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
        ..PLAIN
    },
    Export {
        name: "Segment track",
        needs: &[&["messageId"], &["userId"], &["event"]],
        columns: &[
            (Customer, &["userId", "anonymousId"]),
            // Segment's own corrected time; originalTimestamp is what a device believes.
            (Time, &["timestamp", "receivedAt"]),
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
        ..PLAIN
    },
    Export {
        name: "Snowplow",
        needs: &[&["collector_tstamp"], &["event_id"], &["domain_userid"]],
        columns: &[
            (Customer, &["user_id", "domain_userid"]),
            (Time, &["derived_tstamp", "collector_tstamp"]),
            (EventId, &["event_id"]),
            (Event, &["event_name"]),
            (Order, &["transaction_id"]),
        ],
        ..PLAIN
    },
    Export {
        name: "Braze events",
        needs: &[&["external_user_id", "external_id"], &["name", "properties.name"], &["time"]],
        columns: &[
            (Customer, &["external_user_id", "external_id"]),
            (Time, &["time"]),
            (Event, &["name", "properties.name"]),
            (Item, &["properties.product_id"]),
            (Price, &["properties.price"]),
            (Quantity, &["properties.quantity"]),
            (Order, &["properties.order_id"]),
        ],
        notes: &[
            "cart events are snapshots of the whole cart, not steps",
            "\"total_value\" is that of a whole order, with or without tax and shipping: it is not mapped",
        ],
        ..PLAIN
    },
    Export {
        name: "Gorse feedback",
        needs: &[&["FeedbackType"], &["UserId"], &["ItemId"], &["Timestamp"]],
        columns: &[
            (Customer, &["UserId"]),
            (Item, &["ItemId"]),
            (Time, &["Timestamp"]),
            (Event, &["FeedbackType"]),
        ],
        notes: &["Gorse keeps one row per customer, item and type: repeated purchases are not in the file"],
        ..PLAIN
    },
    Export {
        name: "Amazon Personalize interactions",
        needs: &[&["USER_ID"], &["ITEM_ID"], &["TIMESTAMP"]],
        exact_case: true,
        columns: PERSONALIZE,
        ..PLAIN
    },
    Export {
        name: "Amazon Personalize interactions",
        needs: &[
            &["USER_ID"],
            &["ITEM_ID"],
            &["TIMESTAMP"],
            &["EVENT_VALUE", "IMPRESSION", "RECOMMENDATION_ID"],
        ],
        columns: PERSONALIZE,
        ..PLAIN
    },
];

const PERSONALIZE: &[(Role, &[&str])] =
    &[(Customer, &["USER_ID"]), (Item, &["ITEM_ID"]), (Time, &["TIMESTAMP"]), (Event, &["EVENT_TYPE"])];

/// States of orders in WooCommerce, as labels and as codes, in which nothing was sold or all came back.
const NOT_SOLD: &[&str] = &[
    "Failed",
    "Cancelled",
    "Canceled",
    "Refunded",
    "Pending payment",
    "Pending",
    "Draft",
    "failed",
    "cancelled",
    "refunded",
    "pending",
    "checkout-draft",
    "wc-failed",
    "wc-cancelled",
    "wc-refunded",
    "wc-pending",
];

/// The column of a role in an export.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    pub role: Role,
    pub place: usize,
    /// A column that should play the part, was it filled: who logged in goes before the device.
    pub sparse: Option<usize>,
}

/// The export whose header this is, with the places of its columns.
pub fn recognise(all: &[Facts<'_>]) -> Option<(&'static Export, Vec<Placed>)> {
    let place = |export: &Export, name: &str| {
        let same = |facts: &Facts<'_>| match export.exact_case {
            true => facts.name() == name,
            // "Order #" is more than "order".
            false => facts.key == key(name) && facts.name().contains('#') == name.contains('#'),
        };
        all.iter().position(same)
    };
    let has = |export: &Export, group: &&[&str]| group.iter().any(|name| place(export, name).is_some());
    let export = EXPORTS.iter().find(|export| export.needs.iter().all(|group| has(export, group)))?;
    let mut taken: Vec<Placed> = Vec::new();
    for (role, names) in export.columns {
        let places = names.iter().filter_map(|name| place(export, name));
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
            readable && (*role == Title || taken.iter().all(|taken| taken.place != *place))
        };
        let first = places.clone().find(fit);
        let best = places.clone().filter(fit).find(filled).or(first);
        taken.extend(best.map(|place| Placed {
            role: *role,
            place,
            sparse: first.filter(|first| *first != place),
        }));
    }
    Some((export, taken))
}

impl Source<'_, '_> {
    /// What is peculiar to a known export.
    pub(super) fn export(&mut self, export: &Export) {
        self.proposal.warnings.extend(export.notes.iter().map(|note| (*note).to_owned()));
        if export.customer_is_no_id
            && let Some(choice) = self.proposal.choices.iter_mut().find(|choice| choice.key == "customer_id")
        {
            choice.confidence = Low;
            choice.evidence = "a name, not an id: people of the same name become one customer".to_owned();
            choice.instead.push("remove this line and set guests = true".to_owned());
        }
        let place = |column: &str| self.all.iter().position(|facts| facts.name() == column);
        let order = self.facts(Order);
        let status = export.status.and_then(|(column, states)| {
            let at = place(column)?;
            Some((at, rules::not_sold(&self.all[at], order, states)?))
        });
        let cancelled = export.cancelled.and_then(|column| {
            let at = place(column)?;
            Some((at, rules::cancelled(&self.all[at], order)?))
        });
        for (at, rule) in [status, cancelled].into_iter().flatten() {
            match rule {
                Ok(rule) => {
                    self.used.push(at);
                    self.proposal.rules.push(rule);
                }
                Err(warning) => self.proposal.warnings.push(warning),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bespoke_io::{CellShape, SampledColumn};

    use super::*;

    /// Names of one export and the columns it gives the roles.
    fn recognised(header: &[(&str, &str)]) -> Option<(&'static str, Vec<(Role, String)>)> {
        let column = |(name, cell): &(&str, &str)| SampledColumn {
            name: (*name).to_owned(),
            shape: CellShape::Text,
            cells: vec![(!cell.is_empty()).then(|| (*cell).to_owned())],
        };
        let columns: Vec<SampledColumn> = header.iter().map(column).collect();
        let facts: Vec<Facts<'_>> = columns.iter().map(Facts::of).collect();
        let (export, taken) = recognise(&facts)?;
        let name = |placed: Placed| (placed.role, columns[placed.place].name.clone());
        Some((export.name, taken.into_iter().map(name).collect()))
    }

    fn name_of(header: &str) -> Option<&'static str> {
        let columns: Vec<(&str, &str)> = header.split(',').map(|name| (name, "x")).collect();
        recognised(&columns).map(|(name, _)| name)
    }

    #[test]
    fn published_headers_are_recognised() {
        for (header, name) in [
            ("feedback_type,user_id,item_id,time_stamp", "Gorse feedback"),
            ("USER_ID,ITEM_ID,TIMESTAMP", "Amazon Personalize interactions"),
            ("user_id,item_id,timestamp,event_value", "Amazon Personalize interactions"),
            ("id,user_id,external_user_id,app_id,time,name,properties", "Braze events"),
            ("id,external_user_id,time,properties.name", "Braze events"),
            (
                "Date,Order #,N. Revenue (formatted),Status,Customer,Customer type,Product(s),Items sold,Coupon(s),N. Revenue",
                "WooCommerce analytics",
            ),
        ] {
            assert_eq!(name_of(header), Some(name), "{header}");
        }
        assert_eq!(name_of("user_id,item_id,timestamp"), None, "any recommender has this header");
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
