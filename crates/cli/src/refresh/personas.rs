//! Personas of a run: found at the first publish, carried on afterwards.

use bespoke::error::{DataError, ParamError};
use bespoke::features::FeatureTable;
use bespoke::kernels::KernelLevel;
use bespoke::params::Params;
use bespoke::personas::{
    Assignment, Centre as ProfileCentre, Choice, ChoiceReport, Effect as ProfileEffect, MIN_STABILITY,
    PersonaModel, PersonaParams, PersonaProfile, PersonaValid, Reason, Refit, Stickiness, Structure,
};
use bespoke::tables::Tables;
use bespoke::types::EventKind;

use super::habits::Counted;
use super::input::Input;
use super::nights::{self, Earlier};
use super::persona_map;
use crate::config::sections::SENSITIVE;
use crate::config::{JobConfig, PersonaCount};
use crate::outputs::counted;
use crate::outputs::night_figures::NightFigures;
use crate::outputs::persona_file::{Centre, Effect, Persona, PersonaFile, TopEntry};

/// Entries of each list of favourites on a card.
const N_TOP: usize = 5;

/// Checked parameters of the job.
///
/// # Errors
/// The first broken rule.
pub fn params(job: &JobConfig, kernel: KernelLevel) -> Result<PersonaValid, ParamError> {
    let typed = &job.personas;
    let base = match typed.k {
        PersonaCount::Fixed(k) => PersonaParams::new(k as usize, job.job.seed),
        PersonaCount::Range(low, high) => {
            PersonaParams::from_range(low as usize, high as usize, job.job.seed)
        }
    };
    let params = PersonaParams {
        n_init: typed.runs as usize,
        min_size: typed.min_size.map(|n| n as usize),
        n_resamples: typed.resamples as usize,
        behaviour_weight: typed.behaviour_weight,
        demographics_weight: typed.demographics_weight,
        family_weights: typed.family_weights.clone(),
        feature_weights: typed.feature_weights.clone(),
        sensitive: typed.sensitive.clone(),
        relevance: typed.relevance,
        ..base
    };
    Ok(params.check()?.with_kernel(kernel))
}

/// How much nearer another persona must be.
///
/// # Errors
/// A margin that is none.
pub fn stickiness(job: &JobConfig) -> Result<Stickiness, ParamError> {
    Stickiness::new(job.personas.stickiness)
}

/// The model of this run: carried on from an earlier one where there is one.
///
/// # Errors
/// When the table cannot carry a fit.
pub fn fit(
    valid: &PersonaValid,
    table: &FeatureTable,
    earlier: Option<&Earlier<'_>>,
    warnings: &mut Vec<String>,
) -> Result<PersonaModel, DataError> {
    let model = found_or_carried_on(valid, table, earlier, warnings)?;
    let typed = |name: &&String| !SENSITIVE.contains(&name.as_str());
    for name in model.transform().report().unknown.iter().filter(typed) {
        warnings.push(format!("personas: no feature is called \"{name}\", so its entry does nothing"));
    }
    Ok(model)
}

fn found_or_carried_on(
    valid: &PersonaValid,
    table: &FeatureTable,
    earlier: Option<&Earlier<'_>>,
    warnings: &mut Vec<String>,
) -> Result<PersonaModel, DataError> {
    let mut model = None;
    let mut first_id = 0;
    if let Some(Earlier { model: previous, given, choose_anew, first_free_id }) = earlier {
        let how = Refit {
            before: Some(given.as_slice()),
            choose_anew: *choose_anew,
            first_free_id: *first_free_id,
        };
        match valid.refit(previous, table, how) {
            Ok(carried) => {
                warnings.extend(carried.refit().into_iter().flat_map(nights::warnings));
                if !choose_anew {
                    return Ok(carried);
                }
                model = Some(carried);
            }
            Err(error) => {
                warnings.push(format!("personas were found anew: {error}"));
                first_id = previous.next_id().max(*first_free_id);
            }
        }
    }
    let model = match model {
        Some(chosen_anew) => chosen_anew,
        None => valid.fit_numbered(table, first_id)?,
    };
    warnings.extend(doubts(model.choice()));
    Ok(model)
}

/// What should be known before anybody relies on the personas.
fn doubts(choice: &ChoiceReport) -> Vec<String> {
    let mut doubts = Vec::new();
    if let Reason::TooFewDistinct { n_distinct: n_distinct @ 2.., needed } = choice.reason {
        doubts.push(format!(
            "personas: personas.k asks for {needed} or more, and there are only {n_distinct} different customers: all are \
             one persona"
        ));
    }
    if let (Some(Structure { found: false, .. }), 2..) = (&choice.structure, choice.k) {
        doubts.push(
            "personas: customers do not fall into groups, they differ by degrees; the personas cut them into slices, \
             and customers on both sides of a border are alike"
                .to_owned(),
        );
    }
    let chosen = choice.candidates.iter().find(|candidate| candidate.k == choice.k);
    let stability = chosen.and_then(|candidate| candidate.stability.as_ref());
    if let Some(stability) = stability.filter(|stability| stability.adjusted_rand < MIN_STABILITY) {
        doubts.push(format!(
            "personas: {} are not found again reliably when customers are left out: agreement {:.2} of 1, below {MIN_STABILITY}",
            counted(choice.k as u64, "personas"),
            stability.adjusted_rand,
        ));
    }
    doubts
}

/// Figures of members that other stages know, in the order of the scored customers.
pub struct Members<'a> {
    pub assigned: &'a [Assignment],
    pub churn: Option<Vec<f64>>,
    pub cltv: Vec<Option<f64>>,
    pub revenue: Vec<f64>,
    pub habits: &'a Counted,
    pub nights: Option<&'a NightFigures>,
}

/// What `personas.json` says.
pub fn file(model: &PersonaModel, input: &Input, table: &FeatureTable, members: &Members<'_>) -> PersonaFile {
    let favourites = Favourites::count(model, input, members.assigned);
    let total: f64 = members.revenue.iter().sum();
    let card = |(at, profile): (usize, &PersonaProfile)| {
        let rows: Vec<usize> =
            (0..members.assigned.len()).filter(|&row| members.assigned[row].persona == profile.id).collect();
        let revenue: f64 = rows.iter().map(|&row| members.revenue[row]).sum();
        let (size, share) = (rows.len() as u64, rows.len() as f64 / members.assigned.len().max(1) as f64);
        Persona {
            id: profile.id,
            name: profile.name.clone(),
            description: profile.description_of(size, share),
            size,
            share,
            centroid: profile.centre.iter().flat_map(|centre| centres(centre, table)).collect(),
            reported_only: profile.reported_only.iter().flat_map(|c| centres(c, table)).collect(),
            effects: profile.effects.iter().map(|effect| words(effect, profile, table)).collect(),
            top_categories: favourites.categories(at, &input.tables),
            top_items: favourites.items(at, &input.tables),
            mean_churn: members.churn.as_ref().and_then(|churn| mean(rows.iter().map(|&row| churn[row]))),
            mean_cltv: mean(rows.iter().filter_map(|&row| members.cltv[row])),
            revenue_share: if total > 0.0 { revenue / total } else { 0.0 },
            habits: members.habits.habits(input, at),
        }
    };
    let personas = model.profiles().iter().enumerate().map(card).collect();
    let standardised = persona_map::standardised(model);
    let map = persona_map::map(model, &standardised);
    PersonaFile {
        personas,
        how_many: how_many(model),
        choice: Some(model.choice().clone()),
        map,
        standardised,
        nights: members.nights.cloned(),
    }
}

fn mean(cells: impl Iterator<Item = f64>) -> Option<f64> {
    let (n, sum) = cells.fold((0u64, 0.0), |(n, sum), cell| (n + 1, sum + cell));
    (n > 0).then(|| sum / n as f64)
}

fn how_many(model: &PersonaModel) -> String {
    let choice = model.choice();
    let tried = match choice.asked {
        Choice::Fixed(k) => format!("{k} asked for"),
        Choice::Range(low, high) => format!("{low} to {high} tried"),
    };
    let why = match choice.reason {
        Reason::Asked => "as asked".to_owned(),
        Reason::Steady { .. } => "as many as come out again when customers are left out".to_owned(),
        Reason::Separated { best_k } if best_k == choice.k => {
            "customers are nearest to their own persona and farthest from the next one".to_owned()
        }
        Reason::Separated { best_k } => format!("hardly worse separated than {best_k}, and fewer"),
        Reason::MostStable => "no number is found again reliably, this one most".to_owned(),
        Reason::NoStructure => "customers differ by degrees only".to_owned(),
        Reason::NoneLargeEnough => {
            format!("no number gives personas of at least {} customers", choice.min_size)
        }
        Reason::TooFewDistinct { n_distinct, .. } => match n_distinct {
            0 | 1 => "no two customers differ".to_owned(),
            n => format!("only {n} different customers"),
        },
        Reason::Frozen => "the number of the run before stands".to_owned(),
    };
    let personas = counted(choice.k as u64, "personas");
    format!("{personas} ({tried}): {why}")
}

/// The middle of a feature as lines of the file.
fn centres(centre: &ProfileCentre, table: &FeatureTable) -> Vec<Centre> {
    let unit = |feature: &str| {
        let spec = table.spec();
        spec.position(feature).map_or_else(String::new, |at| spec.features[at].unit.clone())
    };
    let label = |feature: &str| {
        let spec = table.spec();
        spec.position(feature).map_or_else(|| feature.to_owned(), |at| spec.features[at].label.clone())
    };
    let line = |feature: &str, level: Option<String>, unit: String, here, overall| Centre {
        feature: feature.to_owned(),
        label: label(feature),
        level,
        unit,
        here,
        overall,
    };
    match centre {
        ProfileCentre::Median { feature, median, overall } => {
            vec![line(feature, None, unit(feature), *median, *overall)]
        }
        ProfileCentre::Yes { feature, share, overall } => {
            vec![line(feature, None, "share".to_owned(), *share, *overall)]
        }
        ProfileCentre::Levels { feature, levels } => {
            let of = |level: &bespoke::personas::LevelShare| {
                line(
                    feature,
                    Some(level.level.clone()),
                    "share".to_owned(),
                    Some(level.share),
                    Some(level.overall),
                )
            };
            levels.iter().map(of).collect()
        }
    }
}

fn words(effect: &ProfileEffect, profile: &PersonaProfile, table: &FeatureTable) -> Effect {
    let spec = table.spec();
    let def = spec.position(&effect.feature).map(|at| &spec.features[at]);
    let label = def.map_or(effect.feature.as_str(), |def| def.label.as_str());
    let middle = |centre: &ProfileCentre| match centre {
        ProfileCentre::Median { feature, median: Some(here), overall: Some(overall) }
            if *feature == effect.feature =>
        {
            let [here, overall] =
                [*here, *overall].map(|cell| def.map_or_else(String::new, |def| def.quantity(cell)));
            (here != overall).then(|| format!(": {here}, all customers {overall}"))
        }
        _ => None,
    };
    let figures = profile.centre.iter().find_map(middle);
    let words = match (&effect.level, figures) {
        (Some(level), _) => {
            format!("{label} {level} {} often", if effect.effect >= 0.0 { "more" } else { "less" })
        }
        (None, Some(figures)) => format!("{label}{figures}"),
        (None, None) => {
            format!("{label}: {} on average", if effect.effect >= 0.0 { "higher" } else { "lower" })
        }
    };
    Effect { feature: effect.feature.clone(), level: effect.level.clone(), words, effect: effect.effect }
}

/// Distinct (customer, item) purchases by persona.
struct Favourites {
    /// Per persona, per item; the last row is everybody.
    counts: Vec<Vec<u32>>,
}

impl Favourites {
    fn count(model: &PersonaModel, input: &Input, assigned: &[Assignment]) -> Self {
        let (events, n_items) = (&input.tables.events, input.tables.items.len());
        let place = |id: u32| model.profiles().iter().position(|profile| profile.id == id);
        let mut counts = vec![vec![0; n_items]; model.n_personas() + 1];
        let mut bought: Vec<usize> = Vec::new();
        for (&customer, assignment) in input.scored.iter().zip(assigned) {
            let rows = events.of_customer_before(customer, input.as_of);
            let purchases = rows.filter(|&e| events.kind[e] == EventKind::Purchase);
            bought.clear();
            bought.extend(purchases.filter_map(|e| events.item(e)));
            bought.sort_unstable();
            bought.dedup();
            for &item in &bought {
                counts[model.n_personas()][item] += 1;
                if let Some(at) = place(assignment.persona) {
                    counts[at][item] += 1;
                }
            }
        }
        Self { counts }
    }

    fn items(&self, persona: usize, tables: &Tables) -> Vec<TopEntry> {
        let entry = |item: usize, share, lift| TopEntry {
            id: tables.items.ids.get(item).to_owned(),
            title: tables.items.titles[item].clone(),
            share,
            lift,
        };
        top(&self.counts[persona], self.everybody(), entry)
    }

    fn categories(&self, persona: usize, tables: &Tables) -> Vec<TopEntry> {
        let sum = |counts: &[u32]| {
            let mut sums = vec![0; tables.items.category_names.len()];
            for (category, &n) in tables.items.categories.iter().zip(counts) {
                category.iter().for_each(|&category| sums[category as usize] += n);
            }
            sums
        };
        let entry = |category: usize, share, lift| TopEntry {
            id: tables.items.category_names[category].clone(),
            title: None,
            share,
            lift,
        };
        top(&sum(&self.counts[persona]), &sum(self.everybody()), entry)
    }

    fn everybody(&self) -> &[u32] {
        self.counts.last().map_or(&[], Vec::as_slice)
    }
}

/// The most frequent entries, ties by number.
fn top(counts: &[u32], all: &[u32], entry: impl Fn(usize, f64, f64) -> TopEntry) -> Vec<TopEntry> {
    let total = |counts: &[u32]| counts.iter().map(|&n| f64::from(n)).sum::<f64>().max(1.0);
    let (mine, everybody) = (total(counts), total(all));
    let mut order: Vec<usize> = (0..counts.len()).filter(|&at| counts[at] > 0).collect();
    order.sort_by_key(|&at| (std::cmp::Reverse(counts[at]), at));
    let share = |at: usize| f64::from(counts[at]) / mine;
    order
        .iter()
        .take(N_TOP)
        .map(|&at| entry(at, share(at), share(at) * everybody / f64::from(all[at])))
        .collect()
}
