//! What to do, derived from figures by rules that are printed beside the advice.

use serde::Serialize;

use super::super::format;
use super::super::night_figures::Outcome;
use super::super::persona_file::Persona;
use super::super::run_record::Metric;
use super::{Context, words};

/// More advice is not read.
const MAX_ACTIONS: usize = 6;
/// A persona that brings this many times its share of customers is worth special care.
const RICH: f64 = 1.5;
/// Share of single orders from which a persona needs a second one.
const MOSTLY_SINGLE: f64 = 0.5;
/// Share of the customers that makes a persona worth a campaign.
const SIZEABLE: f64 = 0.1;
/// Share of slots that may stay empty.
const EMPTY_SLOTS: f64 = 0.05;
/// Share of rejected rows that may pass without a word.
const REJECTED: f64 = 0.001;
/// Calibration error from which probabilities only rank.
const MISCALIBRATED: f64 = 0.05;
/// Relative bias of the total from which values only rank.
const BIASED: f64 = 0.2;
/// Days without an event that are no sign of anything.
const LATE_DAYS: f64 = 2.0;

/// One piece of advice.
#[derive(Debug, PartialEq, Serialize)]
pub struct Action {
    pub what: String,
    /// The figures behind it.
    pub why: String,
    /// When this is said.
    pub rule: String,
}

/// What the figures call for, the most pressing first.
pub fn of(context: &Context<'_>) -> Vec<Action> {
    let rules: [fn(&Context<'_>) -> Option<Action>; 12] = [
        no_events,
        late_data,
        rejected_rows,
        personas_anew,
        persona_name,
        win_back,
        rich_persona,
        second_order,
        recommendations,
        empty_slots,
        churn_only_ranks,
        value_only_ranks,
    ];
    rules.iter().filter_map(|rule| rule(context)).take(MAX_ACTIONS).collect()
}

/// Customers alone: everything else is learnt from what they did.
fn no_events(context: &Context<'_>) -> Option<Action> {
    (context.run.counts.events == 0).then(|| Action {
        what: "Add what customers did: orders, views or clicks.".to_owned(),
        why: "This run knows who the customers are and nothing of what they did, and churn, expected value and \
              recommendations are learnt from that."
            .to_owned(),
        rule: "the run has no events".to_owned(),
    })
}

fn late_data(context: &Context<'_>) -> Option<Action> {
    let data = &context.run.data;
    let latest = data.latest_event_at.as_ref().filter(|_| data.days_behind > LATE_DAYS)?;
    Some(Action {
        what: "Look at the delivery of the data.".to_owned(),
        why: format!(
            "The latest event is of {}, {:.0} days before the day this page looks from.",
            context.day(latest),
            data.days_behind
        ),
        rule: format!("the latest event is more than {LATE_DAYS:.0} days old"),
    })
}

fn rejected_rows(context: &Context<'_>) -> Option<Action> {
    let worst = context.run.rows.iter().max_by(|a, b| a.rejected_share().total_cmp(&b.rejected_share()))?;
    if worst.rejected_share() <= REJECTED {
        return None;
    }
    let (rule, _) = worst.rejected.iter().max_by_key(|(_, n)| **n)?;
    Some(Action {
        what: format!("Repair the source of {}.", worst.file),
        why: format!(
            "{} of its rows ({}) cannot be used, mostly by the rule {rule}.",
            format::count(worst.n_rejected()),
            format::percent(worst.rejected_share())
        ),
        rule: format!("more than {} of the rows of a file are rejected", format::percent(REJECTED)),
    })
}

fn personas_anew(context: &Context<'_>) -> Option<Action> {
    let nights = context.file.nights.as_ref().filter(|nights| nights.structure_changed)?;
    let gain = nights.fresh_start_gain.map_or_else(String::new, |gain| format!(" {}", format::percent(gain)));
    Some(Action {
        what: "Find the personas anew: bespoke refresh --choose-personas.".to_owned(),
        why: format!(
            "Personas found from scratch would fit{gain} better than those of the run before; those that still have \
             the same customers keep id and name."
        ),
        rule: "random starts beat the personas carried over from the run before by more than 2 %".to_owned(),
    })
}

fn persona_name(context: &Context<'_>) -> Option<Action> {
    let nights = context.file.nights.as_ref()?;
    let changed = nights.matches.iter().find(|one| one.outcome == Outcome::Changed)?;
    let overlap = changed.overlap.map_or_else(|| "less than half".to_owned(), format::percent);
    Some(Action {
        what: format!("Look at the name of “{}”.", changed.name),
        why: format!(
            "It has {overlap} of its customers in common with the persona of that name in the run before."
        ),
        rule: "a persona has 30 % to 50 % of its customers in common with the run before".to_owned(),
    })
}

/// Only where the model tells leavers from stayers at all.
fn win_back(context: &Context<'_>) -> Option<Action> {
    let (churn, risk) = (context.run.churn.as_ref()?, context.run.at_risk.as_ref()?);
    let known = context.metrics("churn").find(|metric| metric.name == "AUC")?;
    if risk.customers == 0 || known.interval.is_none_or(|interval| interval.low <= 0.5) {
        return None;
    }
    let most = risk.persona.as_ref().map_or_else(String::new, |name| format!(" Most of them are “{name}”."));
    Some(Action {
        what: format!("Win back {} good customers.", format::count(risk.customers)),
        why: format!(
            "They have brought {} so far and are more likely than not to order nothing within {} days.{most} The \
             list: customers.parquet, churn_probability from 0.5 on, sorted by revenue.",
            context.money(risk.revenue),
            churn.horizon_days
        ),
        rule:
            "customers with a chance of leaving of 50 % or more and in the top fifth by revenue so far, when the \
               backtest tells leavers from stayers (AUC above 0.5 with its whole interval)"
                .to_owned(),
    })
}

fn rich_persona(context: &Context<'_>) -> Option<Action> {
    let ratio = |persona: &Persona| {
        if persona.share > 0.0 { persona.revenue_share / persona.share } else { 0.0 }
    };
    let (letter, _, persona) = context.personas().max_by(|a, b| ratio(a.2).total_cmp(&ratio(b.2)))?;
    if ratio(persona) < RICH {
        return None;
    }
    let churn = persona.mean_churn.map_or_else(String::new, |churn| {
        format!(" Their mean chance of leaving is {}.", format::percent(churn))
    });
    Some(Action {
        what: format!("Keep persona {letter}, “{}”, close.", persona.name),
        why: format!(
            "{} of the customers bring {} of the revenue.{churn}",
            format::percent(persona.share),
            format::percent(persona.revenue_share)
        ),
        rule: format!(
            "the persona with the largest share of revenue over share of customers, from {RICH} on"
        ),
    })
}

fn second_order(context: &Context<'_>) -> Option<Action> {
    let single = |persona: &Persona| 1.0 - persona.habits.repeat_share;
    let needs = |persona: &Persona| {
        persona.share >= SIZEABLE && persona.habits.orders > 0 && single(persona) >= MOSTLY_SINGLE
    };
    let personas = context.personas().filter(|(_, _, persona)| needs(persona));
    let (letter, _, persona) = personas.max_by(|a, b| a.2.size.cmp(&b.2.size))?;
    Some(Action {
        what: format!("Bring persona {letter}, “{}”, to a second order.", persona.name),
        why: format!(
            "{} of its {} ordered no more than once.",
            format::percent(single(persona)),
            format::counted(persona.size, "customers")
        ),
        rule: format!(
            "the largest persona with at least {} of the customers in which {} or more have at most one order",
            format::whole_percent(SIZEABLE),
            format::whole_percent(MOSTLY_SINGLE)
        ),
    })
}

fn recommendations(context: &Context<'_>) -> Option<Action> {
    let metric = context.metrics("recommend").find(|metric| metric.gain.is_some())?;
    let interval = metric.gain.and_then(|gain| gain.interval)?;
    let (ours, popular) = (metric.estimate, metric.baseline?);
    let name = words::measure(&metric.name);
    let figures = against_popularity(&metric.name, ours, popular);
    let rule =
        format!("the interval of the difference in {name}, customer by customer, lies above or below 0");
    if interval.low > 0.0 {
        Some(Action {
            what: "Use the personal recommendations.".to_owned(),
            why: format!("{figures}, so they do better than showing everybody what sells most."),
            rule,
        })
    } else {
        let how = if interval.high < 0.0 { "do worse than" } else { "are not shown to do better than" };
        Some(Action {
            what: "Hold personal recommendations back, and try other parameters.".to_owned(),
            why: format!("{figures}: they {how} showing everybody what sells most."),
            rule,
        })
    }
}

/// Both figures in a sentence that needs no glossary, for recall, what it is called when it is not.
fn against_popularity(name: &str, ours: f64, popular: f64) -> String {
    let (here, there) = (format::percent(ours), format::percent(popular));
    let places = name.strip_prefix("recall@").and_then(|rest| rest.split(' ').next());
    match places {
        Some(n) if here == there && ours == 0.0 => {
            format!(
                "Nothing of what customers went on to buy was among {n} recommendations, personal or popular"
            )
        }
        Some(n) => format!(
            "Of what customers went on to buy, {here} was among the {n} items recommended to them, {there} among the \
             {n} that sell most"
        ),
        None => format!("{}: {here}, by popularity alone {there}", words::measure(name)),
    }
}

fn empty_slots(context: &Context<'_>) -> Option<Action> {
    let shown = context.recommendations().filter(|shown| shown.slots_asked > 0)?;
    let empty = shown.slots_asked.saturating_sub(shown.slots_filled);
    let share = empty as f64 / shown.slots_asked as f64;
    let main = shown.shortfalls.iter().max_by_key(|one| one.slots).filter(|_| share > EMPTY_SLOTS)?;
    Some(Action {
        what: "Widen the offer or the rules: slots stay empty.".to_owned(),
        why: format!(
            "{} of {} slots ({}) have nothing to show, most often because of: {}.",
            format::count(empty),
            format::count(shown.slots_asked),
            format::percent(share),
            super::recommend::in_words(&main.reason)
        ),
        rule: format!("more than {} of the slots are empty", format::whole_percent(EMPTY_SLOTS)),
    })
}

fn churn_only_ranks(context: &Context<'_>) -> Option<Action> {
    let error = named(context, "churn", "calibration error")?;
    (error.estimate > MISCALIBRATED).then(|| Action {
        what: "Use churn to rank customers, not to add up losses.".to_owned(),
        why: format!(
            "In the backtest probabilities were off by {} points on average.",
            format::times(100.0 * error.estimate)
        ),
        rule: format!("the calibration error is above {}", format::whole_percent(MISCALIBRATED)),
    })
}

fn value_only_ranks(context: &Context<'_>) -> Option<Action> {
    let bias = named(context, "cltv", "total bias of value")?;
    (bias.estimate.abs() > BIASED).then(|| Action {
        what: "Use expected value to rank customers, not as a forecast of revenue.".to_owned(),
        why: format!(
            "In the backtest the total was {} {} what came.",
            format::percent(bias.estimate.abs()),
            if bias.estimate > 0.0 { "above" } else { "below" }
        ),
        rule: format!("the total of the backtest is off by more than {}", format::whole_percent(BIASED)),
    })
}

fn named<'a>(context: &Context<'a>, stage: &'static str, start: &str) -> Option<&'a Metric> {
    context.metrics(stage).find(|metric| metric.name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::super::super::samples;
    use super::*;

    fn whats(change: impl FnOnce(&mut crate::outputs::RunRecord)) -> String {
        let (mut run, file) = (samples::run_record(), samples::persona_file());
        change(&mut run);
        let actions = of(&Context::new(&run, &file, &[]));
        actions.into_iter().map(|action| action.what).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn advice_follows_the_figures() {
        let plain = whats(|_| ());
        assert!(plain.contains("Win back 87 good customers."), "{plain}");
        assert!(plain.contains("Keep persona B, “Frequent big spenders”, close."), "{plain}");
        assert!(plain.contains("Use the personal recommendations."), "{plain}");
        assert!(!plain.contains("Repair") && !plain.contains("delivery"), "{plain}");
    }

    #[test]
    fn late_and_broken_data_come_first() {
        let text = whats(|run| {
            run.data.days_behind = 9.4;
            run.rows[0].rejected.insert("bad_type".into(), 5_000);
        });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["Look at the delivery of the data.", "Repair the source of orders.csv.gz."]);
    }

    #[test]
    fn personas_that_no_longer_fit_are_called_out() {
        let (run, mut file) = (samples::run_record(), samples::persona_file());
        let quiet = of(&Context::new(&run, &file, &[]));
        assert!(quiet.iter().all(|action| !action.what.contains("anew") && !action.what.contains("name")));
        let nights = file.nights.as_mut().unwrap();
        nights.structure_changed = true;
        nights.matches[0].outcome = Outcome::Changed;
        let whats: Vec<String> =
            of(&Context::new(&run, &file, &[])).into_iter().map(|action| action.what).collect();
        let expected = [
            "Find the personas anew: bespoke refresh --choose-personas.",
            "Look at the name of “Frequent big spenders”.",
        ];
        assert_eq!(whats[..2], expected);
    }

    #[test]
    fn nobody_is_won_back_by_a_model_that_guesses() {
        let text = whats(|run| run.metrics[0].interval.as_mut().unwrap().low = 0.49);
        assert!(!text.contains("Win back"), "{text}");
    }

    #[test]
    fn recommendations_that_only_may_be_better_are_held_back() {
        let text = whats(|run| {
            let gain = run.metrics[1].gain.as_mut().unwrap();
            gain.interval.as_mut().unwrap().low = -0.01;
        });
        assert!(text.contains("Hold personal recommendations back"), "{text}");
    }
}
