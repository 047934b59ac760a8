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
        return Ok(answer(&recipe, &dir, "present", &[]));
    }
    let description = fetch::description(&recipe);
    if args.yes {
        session.ui.line(&description);
    } else {
        // Nobody agrees to what was not shown, also with --quiet.
        writeln!(io::stderr(), "{description}")?;
    }
    fetch::require_hashes(&recipe, args.unverified)?;
    if !args.yes {
        confirm(&dir)?;
    }
    let fetched = session.ui.step("download", |step| {
        step.expect(recipe.file.iter().filter_map(|file| file.bytes).sum());
        fetch::fetch(&recipe, &dir, &mut |n| step.advance(n))
    })?;
    Ok(answer(&recipe, &dir, "downloaded", &fetched))
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

fn answer(recipe: &Recipe, dir: &Path, status: &str, fetched: &[Fetched]) -> Answer {
    let files: Vec<PathBuf> = recipe.file.iter().map(|file| dir.join(&file.name)).collect();
    let hashes: Vec<Option<String>> = recipe
        .file
        .iter()
        .enumerate()
        .map(|(n, file)| match fetched.get(n) {
            Some(Fetched::Downloaded(hash)) => Some(hash.clone()),
            _ => file.sha256.clone(),
        })
        .collect();
    let line = |(file, hash): (&PathBuf, &Option<String>)| {
        let hash = hash.as_deref().unwrap_or("not known");
        format!("{}: {status}, sha256 {hash}", file.display())
    };
    let text = files.iter().zip(&hashes).map(line).collect::<Vec<_>>().join("\n");
    let files: Vec<_> =
        files.iter().zip(&hashes).map(|(file, hash)| json!({ "file": file, "sha256": hash })).collect();
    let json = json!({ "status": status, "name": recipe.name, "files": files });
    Answer { text, json, is_summary: true }
}

/// Lists the recipes.
///
/// # Errors
/// When a recipe can't be read, which a test excludes.
pub fn list() -> Result<Answer> {
    let recipes = fetch::all()?;
    let bytes = |recipe: &Recipe| -> Option<u64> { recipe.file.iter().map(|file| file.bytes).sum() };
    let rows = recipes.iter().map(|recipe| {
        let size = bytes(recipe).map_or("not known".to_owned(), count);
        [recipe.name.clone(), size, recipe.licence.clone(), recipe.title.clone()]
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
            "verified": recipe.file.iter().all(|file| file.sha256.is_some()),
        })
    });
    Ok(Answer { text, json: json.collect(), is_summary: false })
}
