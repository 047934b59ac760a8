//! What `explain` says of a customer: the answer first, then the evidence, then what would change it.

use super::explain_persona::Persona;
use crate::outputs::{amount, count, percent};

/// What is known of one customer, in natural units.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub customer: String,
    pub as_of: String,
    pub run: String,
    pub currency: String,
    pub persona: Option<Persona>,
    pub orders: Option<f64>,
    pub revenue: Option<f64>,
    pub days_since_last_order: Option<f64>,
    pub churn: Option<Churn>,
    pub value: Option<Value>,
    /// Segments by rules with their reasons, a line each.
    pub segments: Vec<String>,
    /// Slot, item and reason of what is recommended.
    pub shown: Vec<(u32, String, String)>,
    /// Stage and why it has no result.
    pub missing: Vec<(String, String)>,
}

/// Who is leaving.
#[derive(Clone, Debug, Default)]
pub struct Churn {
    pub p_churn: f64,
    pub horizon_days: u32,
    /// Mean over all customers.
    pub mean: f64,
    /// 1 is the most endangered tenth.
    pub decile: u32,
    pub reasons: String,
}

/// What a customer will be worth.
#[derive(Clone, Debug, Default)]
pub struct Value {
    pub cltv: Option<f64>,
    pub low_high: Option<(f64, f64)>,
    pub expected_orders: f64,
    pub p_alive: f64,
    pub horizon_days: u32,
}

/// Why an item is shown or not.
#[derive(Clone, Debug)]
pub enum Why {
    Shown {
        slot: u32,
        reason: String,
    },
    WouldBeShown,
    /// Reason code and its sentence.
    Withheld {
        code: String,
        words: String,
    },
}

/// The whole answer.
pub fn answer(facts: &Facts, item: Option<(&str, &Why)>) -> String {
    let first = item.map_or_else(|| who(facts), |(item, why)| about_item(facts, item, why));
    let evidence = evidence(facts);
    let changes: Vec<String> = what_would_change(facts, item.map(|(_, why)| why));
    let mut parts = vec![first, format!("Evidence (run {}, as of {})\n{evidence}", facts.run, facts.as_of)];
    if !changes.is_empty() {
        parts.push(format!("What would change it\n{}", bullets(&changes)));
    }
    parts.join("\n\n")
}

pub fn bullets(lines: &[String]) -> String {
    lines.iter().map(|line| format!("  - {line}")).collect::<Vec<_>>().join("\n")
}

/// Who the customer is, in a sentence.
fn who(facts: &Facts) -> String {
    let persona = facts.persona.as_ref().map(|persona| format!("is one of the \"{}\"", persona.name));
    let churn = facts.churn.as_ref().map(|churn| {
        format!(
            "will not order within {} days with {:.0} % probability",
            churn.horizon_days,
            100.0 * churn.p_churn
        )
    });
    let worth = |value: &Value| {
        let cltv = amount(value.cltv?);
        Some(format!("is expected to be worth {cltv} {} over {} days", facts.currency, value.horizon_days))
    };
    let parts: Vec<String> =
        [persona, churn, facts.value.as_ref().and_then(worth)].into_iter().flatten().collect();
    let joined = match &parts[..] {
        [] => "is in the run, but no model says anything".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    };
    format!("Customer {} {joined}.", facts.customer)
}

fn about_item(facts: &Facts, item: &str, why: &Why) -> String {
    let customer = &facts.customer;
    match why {
        Why::Shown { slot, reason } => {
            format!("Item {item} is shown to customer {customer} in slot {slot}: {reason}.")
        }
        Why::WouldBeShown => format!("Item {item} would be shown to customer {customer}."),
        Why::Withheld { words, .. } => format!("Item {item} is not shown to customer {customer}: {words}."),
    }
}

fn evidence(facts: &Facts) -> String {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(behaviour(facts));
    lines.extend(facts.persona.iter().map(|persona| persona.words(&facts.currency)));
    lines.extend(facts.segments.iter().cloned());
    lines.extend(facts.churn.iter().map(churn));
    lines.extend(facts.value.iter().map(|worth| value(worth, &facts.currency)));
    let shown = facts.shown.iter().map(|(slot, item, reason)| format!("slot {slot}: {item}, {reason}"));
    let shown: Vec<String> = shown.collect();
    let without_items = facts.missing.iter().any(|(stage, _)| stage == "recommend");
    match shown.is_empty() {
        true if without_items => {}
        true => lines.push("recommended: nothing".to_owned()),
        false => lines.push(format!("recommended:\n      {}", shown.join("\n      "))),
    }
    lines.extend(facts.missing.iter().map(|(stage, reason)| format!("{stage}: not available, {reason}")));
    bullets(&lines)
}

fn behaviour(facts: &Facts) -> Option<String> {
    let orders = facts.orders.filter(|&orders| orders > 0.0)?;
    let word = if orders == 1.0 { "order" } else { "orders" };
    let revenue = facts.revenue.map(|revenue| format!(" for {} {}", amount(revenue), facts.currency));
    let silent = facts.days_since_last_order.map(|days| format!(", the last one {days:.0} days ago"));
    Some(format!(
        "so far: {} {word}{}{}",
        count(orders as u64),
        revenue.unwrap_or_default(),
        silent.unwrap_or_default()
    ))
}

fn churn(churn: &Churn) -> String {
    let Churn { p_churn, horizon_days, mean, decile, reasons } = churn;
    let ratio = match *mean > 0.0 {
        true => format!(", {:.1} times the average of {}", p_churn / mean, percent(*mean)),
        false => String::new(),
    };
    // A reason and what it does are one sentence; the semicolons between reasons stay.
    let reasons = reasons.replace("; goes ", ", goes ");
    let reasons: String = reasons.split("; ").map(|reason| format!("\n      {reason}")).collect();
    format!(
        "leaving: {} within {horizon_days} days{ratio}; tenth {decile} of 10, 1 is the most endangered{reasons}",
        percent(*p_churn)
    )
}

fn value(value: &Value, currency: &str) -> String {
    let range = value
        .low_high
        .map(|(low, high)| format!(" (80 % of such customers: {} to {})", amount(low), amount(high)));
    let cltv = value.cltv.map(|cltv| format!("{} {currency}{}, ", amount(cltv), range.unwrap_or_default()));
    format!(
        "value over {} days: {}{:.1} orders expected, still a customer with {}",
        value.horizon_days,
        cltv.unwrap_or_default(),
        value.expected_orders,
        percent(value.p_alive)
    )
}

fn what_would_change(facts: &Facts, why: Option<&Why>) -> Vec<String> {
    if let Some(why) = why {
        return item_changes(why).map(str::to_owned).into_iter().collect();
    }
    let mut changes = Vec::new();
    if let Some(second) = facts.persona.as_ref().and_then(|persona| persona.runner_up.as_ref()) {
        changes.push(format!("persona: behaviour more like that of \"{}\", the next nearest", second.name));
    }
    if facts.churn.is_some() {
        changes.push(
            "leaving and value: a new order ends the silence they go by; the next refresh scores anew"
                .to_owned(),
        );
    }
    changes
}

fn item_changes(why: &Why) -> Option<&'static str> {
    let code = match why {
        Why::Withheld { code, .. } => code.as_str(),
        Why::Shown { .. } => return Some("a purchase, a dismissal or a reached cap takes it off the slate"),
        Why::WouldBeShown => return None,
    };
    Some(match code {
        "already_bought" => {
            "time, where decide.bought.policy is a number of days; or another decide.bought.policy"
        }
        "negative_feedback" => "time, where decide.dismissed gives a number of days",
        "cap" => "time: caps count exposures in a window, see decide.cap",
        "ended" | "not_started" => "its availability in the items table, or decide.availability",
        "out_of_stock" => "new stock",
        "low_relevance" => "a lower decide.relevance_floor, or purchases that make it more relevant",
        "outranked" => "more slots (decide.slots), or purchases that raise its score",
        "quota_category" => "a higher decide.max_per_category",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::explain_persona::{RunnerUp, Since};
    use super::*;

    fn facts() -> Facts {
        Facts {
            customer: "C-1".into(),
            as_of: "2025-06-30T00:00:00Z".into(),
            run: "000001".into(),
            currency: "EUR".into(),
            persona: Some(Persona {
                name: "Frequent big spenders".into(),
                confidence: 0.824,
                runner_up: Some(RunnerUp { name: "Occasional small spenders".into(), ..RunnerUp::default() }),
                description: "120 customers.".into(),
                since: Some(Since::Unmoved),
                ..Persona::default()
            }),
            orders: Some(12.0),
            revenue: Some(1_234.5),
            days_since_last_order: Some(31.6),
            churn: Some(Churn {
                p_churn: 0.62,
                horizon_days: 90,
                mean: 0.31,
                decile: 2,
                reasons: "orders: 12; goes with a lower risk; silent: 32 days".into(),
            }),
            value: Some(Value {
                cltv: Some(120.5),
                low_high: Some((40.0, 260.0)),
                expected_orders: 2.25,
                p_alive: 0.7,
                horizon_days: 365,
            }),
            segments: vec!["RFM: Loyal: R 4, F 5, M 4".into()],
            shown: vec![(1, "mug".into(), "bought by customers like this".into())],
            missing: Vec::new(),
        }
    }

    #[test]
    fn the_whole_answer_word_for_word() {
        let expected = "\
Customer C-1 is one of the \"Frequent big spenders\", will not order within 90 days with 62 % probability and is expected to be worth 120.50 EUR over 365 days.

Evidence (run 000001, as of 2025-06-30T00:00:00Z)
  - so far: 12 orders for 1,235 EUR, the last one 32 days ago
  - persona: \"Frequent big spenders\". 120 customers.
      sure: the runner-up is 10.4 times as far away (confidence 0.82 of 1)
      runner-up: \"Occasional small spenders\"; nothing speaks for it
      since the run before: no change of persona
  - RFM: Loyal: R 4, F 5, M 4
  - leaving: 62.0 % within 90 days, 2.0 times the average of 31.0 %; tenth 2 of 10, 1 is the most endangered
      orders: 12, goes with a lower risk
      silent: 32 days
  - value over 365 days: 120.50 EUR (80 % of such customers: 40.00 to 260.00), 2.2 orders expected, still a customer with 70.0 %
  - recommended:
      slot 1: mug, bought by customers like this

What would change it
  - persona: behaviour more like that of \"Occasional small spenders\", the next nearest
  - leaving and value: a new order ends the silence they go by; the next refresh scores anew";
        assert_eq!(answer(&facts(), None), expected);
    }

    #[test]
    fn an_item_is_answered_first() {
        let why =
            Why::Withheld { code: "already_bought".into(), words: "bought on 2025-01-02, not again".into() };
        let text = answer(&facts(), Some(("mug", &why)));
        assert!(
            text.starts_with("Item mug is not shown to customer C-1: bought on 2025-01-02, not again.\n"),
            "{text}"
        );
        assert!(text.ends_with("or another decide.bought.policy"), "{text}");
        let shown = Why::Shown { slot: 2, reason: "popular".into() };
        assert!(
            answer(&facts(), Some(("mug", &shown)))
                .starts_with("Item mug is shown to customer C-1 in slot 2: popular.")
        );
    }

    #[test]
    fn what_is_missing_is_said_with_its_reason() {
        let bare = Facts {
            customer: "r7".into(),
            missing: vec![
                ("churn".into(), "there are no events".into()),
                ("recommend".into(), "no items".into()),
            ],
            ..Facts::default()
        };
        let text = answer(&bare, None);
        assert!(text.starts_with("Customer r7 is in the run, but no model says anything."), "{text}");
        assert!(text.contains("  - churn: not available, there are no events"), "{text}");
        assert!(!text.contains("recommended: nothing") && !text.contains("What would change it"), "{text}");
    }

    #[test]
    fn every_reason_code_says_what_would_change_it() {
        for code in bespoke::decide::ReasonCode::ALL {
            let why = Why::Withheld { code: code.name().to_owned(), words: String::new() };
            let asked = code.name() == "excluded_by_request";
            assert_eq!(item_changes(&why).is_some(), !asked, "{}", code.name());
        }
    }
}
