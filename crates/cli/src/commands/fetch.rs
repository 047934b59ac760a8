//! `datasets fetch` and `datasets list`.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use serde_json::json;

use crate::args::FetchArgs;
use crate::fetch::{self, Fetched, Recipe};
use crate::outputs::count;
use crate::session::Session;
use crate::ui::{self, Answer};

/// Shows what a data set is, asks, and downloads it; does nothing when it is there already.
///
/// # Errors
/// When it is not wanted, can't be had, or is not what the recipe describes.
pub fn fetch(session: &Session, args: &FetchArgs) -> Result<Answer> {
    let recipe = fetch::find(&args.name)?;
    let dir = args.out.clone().unwrap_or_else(|| PathBuf::from(&recipe.name));
    if fetch::is_complete(&recipe, &dir)? {
        let present = vec![Fetched::Present; recipe.file.len()];
        return Ok(answer(&recipe, &dir, &present));
    }
    let description = fetch::description(&recipe);
    // Nobody agrees to what was not shown, also with --quiet.
    writeln!(io::stderr(), "{description}")?;
    if !args.yes {
        confirm(&dir)?;
    }
    let fetched = session.ui.step("download", |step| {
        step.expect(recipe.file.iter().map(|file| file.bytes).sum());
        fetch::fetch(&recipe, &dir, &mut |n| step.advance(n))
    })?;
    Ok(answer(&recipe, &dir, &fetched))
}

/// Asks where somebody can answer.
fn confirm(dir: &Path) -> Result<()> {
    ensure!(io::stdin().is_terminal(), "nobody is here to agree to this download; --yes agrees");
    write!(io::stderr(), "download into {}? [y/N] ", dir.display())?;
    let mut reply = String::new();
    io::stdin().read_line(&mut reply)?;
    ensure!(matches!(reply.trim(), "y" | "Y" | "yes"), "nothing was downloaded");
    Ok(())
}

fn answer(recipe: &Recipe, dir: &Path, fetched: &[Fetched]) -> Answer {
    let status = |fetched: Fetched| match fetched {
        Fetched::Present => "present",
        Fetched::Downloaded => "downloaded",
    };
    let files =
        || recipe.file.iter().zip(fetched).map(|(file, &is)| (dir.join(&file.name), file, status(is)));
    let lines = files().map(|(path, file, is)| format!("{}: {is}, sha256 {}", path.display(), file.sha256));
    let next = recipe.next.trim().lines().map(|command| format!("  {command}"));
    let lines: Vec<String> = lines.chain([format!("next, in {}:", dir.display())]).chain(next).collect();
    let all = if fetched.contains(&Fetched::Downloaded) { Fetched::Downloaded } else { Fetched::Present };
    let json = json!({
        "status": status(all),
        "name": recipe.name,
        "next": recipe.next,
        "files": files()
            .map(|(path, file, is)| json!({ "file": path, "sha256": file.sha256, "status": is }))
            .collect::<Vec<_>>(),
    });
    Answer { text: lines.join("\n"), json, is_summary: true }
}

/// Lists the recipes.
///
/// # Errors
/// When a recipe can't be read, which a test excludes.
pub fn list() -> Result<Answer> {
    let recipes = fetch::all()?;
    let bytes = |recipe: &Recipe| -> u64 { recipe.file.iter().map(|file| file.bytes).sum() };
    let rows = recipes.iter().map(|recipe| {
        [recipe.name.clone(), count(bytes(recipe)), recipe.licence.clone(), recipe.title.clone()]
    });
    let text = ui::table(&["name", "bytes", "licence", "content"], &[1], rows);
    let json = recipes.iter().map(|recipe| {
        json!({
            "name": recipe.name,
            "title": recipe.title,
            "licence": recipe.licence,
            "licence_address": recipe.licence_address,
            "citation": recipe.citation,
            "conversion": recipe.conversion,
            "bytes": bytes(recipe),
        })
    });
    Ok(Answer { text, json: json.collect(), is_summary: false })
}
