//! Event names of other vocabularies (Segment V2 and V1, GA4, Amazon Personalize) to kinds.

use bespoke::types::EventKind::{self, CartAdd, CartRemove, Click, Exposure, Purchase, Refund, View};

/// Names known without declaration; matched exactly.
const NAMES: [(&str, EventKind); 38] = [
    ("Product List Viewed", Exposure),
    ("Promotion Viewed", Exposure),
    ("Viewed Promotion", Exposure),
    ("Viewed Product Category", Exposure),
    ("Promotion Clicked", Click),
    ("Clicked Promotion", Click),
    ("Product Clicked", Click),
    ("Product Viewed", View),
    ("Viewed Product", View),
    ("Product Added", CartAdd),
    ("Added Product", CartAdd),
    ("Wishlist Product Added to Cart", CartAdd),
    ("Product Removed", CartRemove),
    ("Removed Product", CartRemove),
    ("Order Completed", Purchase),
    ("Completed Order", Purchase),
    ("Order Refunded", Refund),
    ("Order Cancelled", Refund),
    ("view_item_list", Exposure),
    ("view_promotion", Exposure),
    ("select_promotion", Click),
    ("select_item", Click),
    ("view_item", View),
    ("add_to_cart", CartAdd),
    ("remove_from_cart", CartRemove),
    ("list_view", Exposure),
    ("promo_view", Exposure),
    ("promo_click", Click),
    ("list_click", Click),
    ("product_view", View),
    ("transaction", Purchase),
    ("ecommerce.product_viewed", View),
    ("ecommerce.order_placed", Purchase),
    ("ecommerce.order_refunded", Refund),
    ("ecommerce.order_cancelled", Refund),
    ("View", View),
    ("AddToCart", CartAdd),
    ("Purchase", Purchase),
];

/// The kind of a well-known name; our own names included.
pub(crate) fn known(name: &str) -> Option<EventKind> {
    EventKind::ALL
        .into_iter()
        .find(|kind| kind.name() == name)
        .or_else(|| NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_three_vocabularies_are_known_and_matched_exactly() {
        assert_eq!(known("purchase"), Some(Purchase));
        assert_eq!(known("Order Completed"), Some(Purchase));
        assert_eq!(known("view_item"), Some(View));
        assert_eq!(known("dismissal"), Some(EventKind::Dismissal));
        assert_eq!(known("order completed"), None);
    }
}
