//! Personas of real tables with everything on, beside answers that were held out.

use std::path::PathBuf;
use std::sync::Arc;

use bespoke::features::{
    Column, FeatureDef, FeatureFamily, FeatureKind, FeatureSpec, FeatureTable, SPEC_VERSION,
};
use bespoke::metrics::clustering::adjusted_rand;
use bespoke::params::Params;
use bespoke::personas::{KMeansParams, PersonaModel, PersonaParams, Relevance};
use bespoke::tables::Buckets;
use ndarray::Array2;

/// The file below the folder of real tables; `None`, with a visible line, when there is no such folder.
#[allow(clippy::disallowed_methods)]
fn real_table(file: &str) -> Option<Vec<Vec<String>>> {
    let Some(root) = std::env::var_os("BESPOKE_DATA") else {
        let required = std::env::var("BESPOKE_REQUIRE_DATA").is_ok_and(|v| v == "1");
        assert!(!required, "BESPOKE_REQUIRE_DATA=1, but BESPOKE_DATA is unset");
        println!("SKIPPED {file}: BESPOKE_DATA is unset");
        return None;
    };
    let path = PathBuf::from(root).join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Some(text.lines().map(|line| line.trim().split(',').map(str::to_owned).collect()).collect())
}

/// A column without its head.
fn column<'a>(rows: &'a [Vec<String>], name: &str) -> Vec<&'a str> {
    let at = rows[0].iter().position(|head| head == name).unwrap_or_else(|| panic!("a column {name}"));
    rows[1..].iter().map(|row| row[at].as_str()).collect()
}

/// The codes of a column of words, levels sorted.
fn codes(words: &[&str]) -> (Vec<String>, Vec<u32>) {
    let levels: std::collections::BTreeSet<&str> = words.iter().copied().collect();
    let levels: Vec<&str> = levels.into_iter().collect();
    let code = |word: &&str| levels.binary_search(word).expect("a level") as u32;
    (levels.iter().map(|&level| level.to_owned()).collect(), words.iter().map(code).collect())
}

fn table(rows: &[Vec<String>], features: &[(&str, FeatureKind)]) -> FeatureTable {
    let mut defs = Vec::new();
    let mut columns = Vec::new();
    for (name, kind) in features {
        let words = column(rows, name);
        let answer = |word: &&str| match *word {
            "Yes" | "1" => 1.0,
            _ => 0.0,
        };
        let (kind, cells) = match kind {
            FeatureKind::Category { .. } => {
                let (levels, codes) = codes(&words);
                (FeatureKind::Category { levels }, Column::Category(codes.into_iter().map(Some).collect()))
            }
            FeatureKind::YesNo => (FeatureKind::YesNo, Column::Number(words.iter().map(answer).collect())),
            other => {
                let number = |word: &&str| word.trim().parse().unwrap_or(f64::NAN);
                (other.clone(), Column::Number(words.iter().map(number).collect()))
            }
        };
        let (name, label, family) = ((*name).to_owned(), (*name).to_owned(), FeatureFamily::Purchases);
        defs.push(FeatureDef { name, label, unit: String::new(), kind, family });
        columns.push(cells);
    }
    let spec = FeatureSpec { version: SPEC_VERSION, features: defs };
    FeatureTable::new(Arc::new(spec), columns, Buckets::even(rows.len() - 1))
}

fn fit(k: usize, relevance: Relevance, table: &FeatureTable) -> (PersonaModel, Vec<u32>) {
    let sensitive = ["Genre", "gender"].map(str::to_owned).to_vec();
    let params = PersonaParams { relevance, sensitive, ..PersonaParams::new(k, 1) };
    let model = params.check().unwrap().fit(table).unwrap();
    let labels = model.predict(table).unwrap().iter().map(|a| a.persona).collect();
    (model, labels)
}

/// Cramer's V of two labelings, 0..=1.
fn cramers_v(a: &[u32], b: &[u32]) -> f64 {
    let (ka, kb) = (a.iter().max().unwrap() + 1, b.iter().max().unwrap() + 1);
    let n = a.len() as f64;
    let share = |of: &[u32], level: u32| of.iter().filter(|&&l| l == level).count() as f64 / n;
    let mut chi2 = 0.0;
    for i in 0..ka {
        for j in 0..kb {
            let expected = share(a, i) * share(b, j);
            let both = a.iter().zip(b).filter(|&(&x, &y)| (x, y) == (i, j)).count() as f64 / n;
            chi2 += if expected > 0.0 { (both - expected) * (both - expected) / expected } else { 0.0 };
        }
    }
    (chi2 / f64::from(ka.min(kb) - 1)).sqrt()
}

fn told(model: &PersonaModel) {
    for report in &model.transform().report().features {
        let skew = report.skew.map(|skew| format!("{:?} {:.2?}", skew.chosen, skew.skewness));
        let relevance = report.relevance.map(|r| format!("{:.3} -> {:.2}", r.explained, r.weight));
        println!(
            "  {:<20} {:<32} relevance {:<16} share {:.3} set aside {}",
            report.name,
            skew.unwrap_or_default(),
            relevance.unwrap_or_default(),
            report.variance_share,
            report.n_set_aside
        );
    }
}

fn category() -> FeatureKind {
    FeatureKind::Category { levels: Vec::new() }
}

#[test]
fn wholesale_customers_fall_into_their_channels() {
    let Some(rows) = real_table("wholesale-customers/Wholesale customers data.csv") else { return };
    let spend = ["Fresh", "Milk", "Grocery", "Frozen", "Detergents_Paper", "Delicassen"];
    let (_, channel) = codes(&column(&rows, "Channel"));
    for kind in [FeatureKind::Money, FeatureKind::Number] {
        let table = table(&rows, &spend.map(|name| (name, kind.clone())));
        for relevance in [Relevance::Learned, Relevance::Even] {
            let (model, labels) = fit(2, relevance, &table);
            let rand = adjusted_rand(&channel, &labels);
            println!("wholesale as {kind:?}, {relevance:?}: adjusted Rand against the channel {rand:.4}");
            told(&model);
            assert!(rand > 0.5, "{rand}");
        }
    }
}

#[test]
fn mall_customers_fall_into_the_known_five() {
    let Some(rows) = real_table("mall-customers/Mall_Customers.csv") else { return };
    let names = ["Annual Income (k$)", "Spending Score (1-100)"];
    let cells = names.map(|name| column(&rows, name));
    let known = Array2::from_shape_fn((rows.len() - 1, 2), |(r, c)| cells[c][r].parse::<f64>().unwrap());
    let five = KMeansParams { n_init: 50, ..KMeansParams::new(5, 1) }.check().unwrap();
    let five = five.fit_array(known.view()).unwrap().predict(known.view()).unwrap();
    let five: Vec<u32> = five.into_iter().map(|label| label as u32).collect();
    let number = FeatureKind::Number;
    let alone = table(&rows, &names.map(|name| (name, number.clone())));
    let all =
        [("Age", number.clone()), ("Genre", category()), (names[0], number.clone()), (names[1], number)];
    let all = table(&rows, &all);
    for relevance in [Relevance::Learned, Relevance::Even] {
        let (model, labels) = fit(5, relevance, &alone);
        let of_two = adjusted_rand(&five, &labels);
        told(&model);
        let (model, labels) = fit(5, relevance, &all);
        let of_all = adjusted_rand(&five, &labels);
        println!(
            "mall, {relevance:?}: adjusted Rand against the known five {of_two:.4}, with age {of_all:.4}"
        );
        told(&model);
        assert!(of_two > 0.9, "{of_two}");
    }
}

#[test]
fn personas_of_telco_customers_leave_at_different_rates() {
    let Some(rows) = real_table("telco-churn/Telco-Customer-Churn.csv") else { return };
    let head = rows[0].clone();
    let kind = |name: &str| match name {
        "tenure" => FeatureKind::Duration,
        "MonthlyCharges" | "TotalCharges" => FeatureKind::Money,
        "SeniorCitizen" | "Partner" | "Dependents" | "PhoneService" | "PaperlessBilling" => {
            FeatureKind::YesNo
        }
        _ => category(),
    };
    let wanted = |name: &&String| *name != "customerID" && *name != "Churn";
    let features: Vec<(&str, FeatureKind)> =
        head.iter().filter(wanted).map(|name| (name.as_str(), kind(name))).collect();
    let table = table(&rows, &features);
    let (_, churn) = codes(&column(&rows, "Churn"));
    let v = [Relevance::Learned, Relevance::Even].map(|relevance| {
        let (model, labels) = fit(4, relevance, &table);
        let v = cramers_v(&labels, &churn);
        println!("telco, {relevance:?}: Cramer's V with churn {v:.4}, sizes {:?}", sizes(&model));
        told(&model);
        v
    });
    assert!(v[0] > 0.3 && v[0] > v[1] - 0.02, "{v:?}");
}

#[test]
fn personas_of_campaign_customers_answer_at_different_rates() {
    let Some(rows) = real_table("customer-personality/marketing_campaign_full.csv") else { return };
    let head = rows[0].clone();
    let kind = |name: &str| match name {
        "Year_Birth" | "Income" => Some(FeatureKind::Number),
        "Kidhome" | "Teenhome" => Some(FeatureKind::Number),
        "Education" | "Marital_Status" => Some(category()),
        "Recency" => Some(FeatureKind::Duration),
        _ if name.starts_with("Mnt") => Some(FeatureKind::Money),
        _ if name.starts_with("Num") => Some(FeatureKind::Count),
        _ => None,
    };
    let features: Vec<(&str, FeatureKind)> =
        head.iter().filter_map(|name| Some((name.as_str(), kind(name)?))).collect();
    let table = table(&rows, &features);
    let (_, response) = codes(&column(&rows, "AcceptedCmp5"));
    let v = [Relevance::Learned, Relevance::Even].map(|relevance| {
        let (model, labels) = fit(4, relevance, &table);
        let v = cramers_v(&labels, &response);
        println!("campaign, {relevance:?}: Cramer's V with campaign 5 {v:.4}, sizes {:?}", sizes(&model));
        told(&model);
        v
    });
    assert!(v[0] > 0.3 && v[0] > v[1] - 0.02, "{v:?}");
}

fn sizes(model: &PersonaModel) -> Vec<u64> {
    model.profiles().iter().map(|profile| profile.size).collect()
}
