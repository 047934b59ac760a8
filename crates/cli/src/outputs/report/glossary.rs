//! Words of the page in plain language.

use anyhow::Result;

use super::{Context, Section};

pub fn section(context: &Context<'_>) -> Result<Section> {
    let template = include_str!("../../../templates/report/glossary.html.j2");
    Section::new("glossary", "Words", template, context.run)
}
