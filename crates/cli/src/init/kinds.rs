//! What the events of a source are: the same for all, or as a column says.

use bespoke::types::EventKind;
use bespoke_io::known_event;
use toml::Table;

use super::roles::Confidence::{High, Low, Medium};
use super::roles::Role;
use super::sources::Source;

impl Source<'_, '_> {
    /// What an event is: the column that says so, or the same for all.
    pub(super) fn kind(&mut self) {
        let Some(facts) = self.facts(Role::Event) else {
            let sold = [Role::Order, Role::Price, Role::Revenue, Role::Quantity];
            let sold = sold.into_iter().find_map(|role| self.facts(role));
            match sold {
                Some(facts) => {
                    let evidence = format!(
                        "\"{}\" belongs to sales, and no column names the kind",
                        super::words(facts.name())
                    );
                    self.proposal.choose("", "kind", "purchase", High, evidence);
                }
                None => {
                    let evidence = "no column names the kind of event and nothing was paid";
                    let choice = self.proposal.choose("", "kind", "view", Low, evidence);
                    choice.instead.push("kind = \"purchase\"".to_owned());
                }
            }
            return;
        };
        let levels: Vec<String> = facts.levels().map(str::to_owned).collect();
        self.map(Role::Event);
        let unknown: Vec<&String> = levels.iter().filter(|name| known_event(name).is_none()).collect();
        let (guessed, dark): (Vec<_>, Vec<_>) =
            unknown.into_iter().map(|name| (name, guessed_kind(name))).partition(|(_, kind)| kind.is_some());
        if !guessed.is_empty() {
            let kinds = guessed
                .iter()
                .filter_map(|(name, kind)| Some(((*name).clone(), kind.as_ref()?.name().into())));
            let map: Table = kinds.collect();
            self.proposal.choose("", "kind_map", map, Medium, "by the words in these names");
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
}

/// Words in names of events that are not among the known ones.
const EVENT_WORDS: [(&str, EventKind); 16] = [
    ("refund", EventKind::Refund),
    ("return", EventKind::Refund),
    ("cancel", EventKind::Refund),
    ("removefromcart", EventKind::CartRemove),
    ("cartremove", EventKind::CartRemove),
    ("cart", EventKind::CartAdd),
    ("basket", EventKind::CartAdd),
    ("purchase", EventKind::Purchase),
    ("order", EventKind::Purchase),
    ("buy", EventKind::Purchase),
    ("transaction", EventKind::Purchase),
    ("impression", EventKind::Exposure),
    ("dismiss", EventKind::Dismissal),
    ("click", EventKind::Click),
    ("view", EventKind::View),
    ("read", EventKind::View),
];

fn guessed_kind(name: &str) -> Option<EventKind> {
    let key = super::facts::key(name);
    EVENT_WORDS.iter().find(|(word, _)| key.contains(word)).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_tell_kinds_and_the_longer_word_comes_first() {
        assert_eq!(guessed_kind("Add to Basket"), Some(EventKind::CartAdd));
        assert_eq!(guessed_kind("cart_remove_item"), Some(EventKind::CartRemove));
        assert_eq!(guessed_kind("order returned"), Some(EventKind::Refund));
        assert_eq!(guessed_kind("BUY"), Some(EventKind::Purchase));
        assert_eq!(guessed_kind("session_start"), None);
    }
}
