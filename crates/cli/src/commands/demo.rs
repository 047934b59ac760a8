//! `demo`: a small generated shop, refreshed, with an example of every reason for which something is withheld.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use bespoke::bundle::{BundleKind, read_bundle};
use bespoke::decide::{Catalogue, ReasonCode, Withheld};
use bespoke::engine::{Engine, Request};
use bespoke::types::Timestamp;
use bespoke_datasets::JOB_FILE;
use serde_json::json;

use super::generate;
use crate::args::{RefreshArgs, RetailArgs, ShopDials, WorldArgs, WorldDials, WorldFormat};
use crate::refresh;
use crate::session::Session;
use crate::ui::Answer;

/// Size of the shop that `demo` makes.
const DEMO_CUSTOMERS: u32 = 2_000;
const DEMO_SEED: u64 = 1;

/// Makes a shop unless the folder has one, and refreshes it.
pub fn demo(session: &Session, dir: &Path) -> Result<Answer> {
    let job_file = dir.join(JOB_FILE);
    if job_file.exists() {
        session.ui.line(&format!("{} is there already and is used", job_file.display()));
    } else {
        let (customers, seed, out) = (DEMO_CUSTOMERS, DEMO_SEED, dir.to_owned());
        let world = WorldArgs { customers, seed, out, format: WorldFormat::Csv };
        let (dials, shop) = (WorldDials::default(), ShopDials::default());
        let shop = generate::shop(&RetailArgs { world: world.clone(), dials, shop })?;
        generate::write(session, &world, &shop)?;
    }
    let job = session.job_in(&job_file)?;
    let refreshed = refresh::refresh(session, &job, &RefreshArgs::default())?;
    let as_of = Timestamp(refreshed.record.as_of.parse::<jiff::Timestamp>()?.as_millisecond());
    let engine = Engine::open(&job.output.dir)?;
    let examples = examples(&engine, &catalogue(&refreshed.dir)?, as_of)?;
    let mut answer = refreshed.answer();
    answer.text = format!("{}\n\n{}", words(&examples), answer.text);
    answer.json["withheld_examples"] = examples.iter().map(Example::json).collect();
    Ok(answer)
}

/// An item that a customer would not be shown.
struct Example {
    customer: String,
    item: String,
    why: Withheld,
}

impl Example {
    fn json(&self) -> serde_json::Value {
        let Self { customer, item, why } = self;
        let (reason, why) = (why.code().name(), why.to_string());
        json!({ "reason": reason, "customer_id": customer, "item_id": item, "why": why })
    }
}

fn catalogue(run: &Path) -> Result<Catalogue> {
    let path = run.join("catalogue.bespoke");
    let bundle = read_bundle(&path, BundleKind::Catalogue)?;
    Catalogue::from_bundle(&bundle).with_context(|| path.display().to_string())
}

/// One example per reason, of the first customers that have one. Nothing is remembered of the asking.
fn examples(engine: &Engine, catalogue: &Catalogue, as_of: Timestamp) -> Result<Vec<Example>> {
    let mut found: BTreeMap<ReasonCode, Example> = BTreeMap::new();
    for customer in engine.snapshot().customers.keys() {
        let mut request = Request::new(customer, as_of);
        // A batch excludes nothing, so this is asked as a page would that shows the first item elsewhere.
        if !found.contains_key(&ReasonCode::ExcludedByRequest)
            && let Some(first) = engine.preview(&request)?.shown.first()
        {
            request = request.exclude([first.item_id.as_str()]);
        }
        let withheld = engine.preview(&request)?.withheld;
        if withheld.iter().all(|held| found.contains_key(&held.code)) {
            continue;
        }
        for item in catalogue.ids().iter() {
            if let Some(why) = engine.why_not(&request, item)? {
                let example = Example { customer: customer.clone(), item: item.to_owned(), why };
                found.entry(example.why.code()).or_insert(example);
            }
        }
        if found.len() == ReasonCode::ALL.len() {
            break;
        }
    }
    Ok(found.into_values().collect())
}

fn words(examples: &[Example]) -> String {
    let line = |Example { customer, item, why }: &Example| {
        format!("  {:<20} {item} for {customer}: {why}", why.code().name())
    };
    let lines: Vec<String> = examples.iter().map(line).collect();
    format!("not shown, an example of each reason:\n{}", lines.join("\n"))
}
