//! What the events of a source are: the same for all, or as a column says.

use bespoke::types::EventKind;
use bespoke_io::known_event;
use toml::Table;

use super::proposal::line;
use super::roles::Confidence::{High, Low};
use super::roles::Role;
use super::sources::Source;

impl Source<'_, '_> {
    /// What an event is: the column that says so, or the same for all.
    pub(super) fn kind(&mut self) {
        let Some(facts) = self.facts(Role::Event) else {
            return self.same_kind();
        };
        let levels: Vec<String> = facts.levels().map(str::to_owned).collect();
        self.map(Role::Event);
        let unknown: Vec<&String> = levels.iter().filter(|name| known_event(name).is_none()).collect();
        let (guessed, dark): (Vec<_>, Vec<_>) =
            unknown.into_iter().map(|name| (name, guessed_kind(name))).partition(|(_, kind)| kind.is_some());
        if !guessed.is_empty() {
            let map = |keep: &dyn Fn(EventKind) -> bool| -> Table {
                let pairs = guessed.iter().filter_map(|(name, kind)| Some(((*name).clone(), (*kind)?)));
                pairs.filter(|(_, kind)| keep(*kind)).map(|(name, kind)| (name, kind.name().into())).collect()
            };
            let (all, unpaid) = (map(&|_| true), map(&|kind| !is_paid(kind)));
            let evidence = "guessed from the words of these names: say of each pair whether it is so";
            let choice = self.proposal.choose("", "kind_map", all.clone(), Low, evidence);
            if unpaid.len() < all.len() {
                choice.instead.push(line("kind_map", &unpaid.into()));
            }
        }
        if !dark.is_empty() {
            let names: Vec<String> =
                dark.iter().take(8).map(|(name, _)| format!("\"{}\"", super::words(name))).collect();
            self.proposal.warnings.push(format!(
                "events of these names will be set aside as unknown unless kind_map says what they are: {}",
                names.join(", ")
            ));
        }
    }

    /// No column names the kind: what was paid or counted was bought. The number of an order alone says nothing:
    /// tickets and parcels have it too.
    fn same_kind(&mut self) {
        let has = |role| self.facts(role).map(|facts| super::words(facts.name()));
        let (order, price) = (has(Role::Order), has(Role::Price));
        let sold = has(Role::Revenue).or(has(Role::Quantity)).or(order.and(price.clone()));
        if let Some(name) = sold {
            let evidence = format!("\"{name}\" belongs to sales, and no column names the kind");
            self.proposal.choose("", "kind", "purchase", High, evidence);
            return;
        }
        let (kind, other, evidence) = match price {
            Some(_) => {
                ("purchase", "view", "there is a price, but neither an order, a quantity nor an amount")
            }
            None => ("view", "purchase", "no column names the kind of event and nothing was paid"),
        };
        let choice = self.proposal.choose("", "kind", kind, Low, evidence);
        choice.instead.push(line("kind", &other.into()));
    }
}

fn is_paid(kind: EventKind) -> bool {
    matches!(kind, EventKind::Purchase | EventKind::Refund)
}

/// Words of a name that say what happened: one of each group must be there.
type Groups = &'static [&'static [&'static str]];

const CART: &[&str] = &["cart", "basket", "bag"];
const ORDER: &[&str] = &["order", "orders"];
/// Words for kinds, and the words that may stand beside them. A name with any other word is not guessed: "Order
/// Updated", "cart emptied", "buyer login" and "view status" are other things.
const PATTERNS: [(Groups, EventKind); 13] = [
    (&[&["remove", "removed", "delete", "deleted"], CART], EventKind::CartRemove),
    (&[&["add", "added"], CART], EventKind::CartAdd),
    (&[&["refund", "refunded", "refunds"]], EventKind::Refund),
    (&[ORDER, &["refund", "refunded", "returned", "cancelled", "canceled"]], EventKind::Refund),
    (&[&["product", "item"], &["returned", "refunded"]], EventKind::Refund),
    (&[&["purchase", "purchased", "purchases", "buy", "bought", "sale", "sold"]], EventKind::Purchase),
    (&[ORDER, &["completed", "complete", "placed", "paid"]], EventKind::Purchase),
    (&[&["checkout"], &["completed", "complete"]], EventKind::Purchase),
    (&[&["impression", "impressions"]], EventKind::Exposure),
    (&[&["dismiss", "dismissed", "dismissal"]], EventKind::Dismissal),
    (&[&["click", "clicked", "clicks"]], EventKind::Click),
    (&[&["view", "viewed", "views", "read"]], EventKind::View),
    (&[CART], EventKind::CartAdd),
];
const BESIDE: [&str; 16] = [
    "product", "products", "item", "items", "article", "articles", "offer", "content", "event", "detail",
    "details", "to", "from", "the", "a", "shopping",
];

fn guessed_kind(name: &str) -> Option<EventKind> {
    let words = name_words(name);
    let is_whole = |groups: Groups| {
        let said = groups.iter().all(|group| words.iter().any(|word| group.contains(&word.as_str())));
        let meant = |word: &String| groups.iter().any(|group| group.contains(&word.as_str()));
        said && words.iter().all(|word| meant(word) || BESIDE.contains(&word.as_str()))
    };
    PATTERNS.iter().find(|(groups, _)| is_whole(groups)).map(|(_, kind)| *kind)
}

/// The words of a name in lower case: `addToCart`, `Add to cart`, `ADD_TO_CART`.
pub(super) fn name_words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_tell_kinds() {
        for (name, kind) in [
            ("Add to Basket", EventKind::CartAdd),
            ("addToCart", EventKind::CartAdd),
            ("cart", EventKind::CartAdd),
            ("cart_remove_item", EventKind::CartRemove),
            ("order returned", EventKind::Refund),
            ("BUY", EventKind::Purchase),
            ("Placed Order", EventKind::Purchase),
            ("Product viewed", EventKind::View),
        ] {
            assert_eq!(guessed_kind(name), Some(kind), "{name}");
        }
    }

    #[test]
    fn names_with_other_words_are_not_guessed() {
        for name in [
            "Order Updated",
            "Transaction Failed",
            "purchase_failed",
            "order_status_viewed",
            "buyer_login",
            "return_visit",
            "cart_emptied",
            "abandoned_cart",
            "view_cart",
            "Product Reviewed",
            "thread_opened",
            "page_view",
            "session_start",
            "order",
        ] {
            assert_eq!(guessed_kind(name), None, "{name}");
        }
    }
}
