//! Public data sets by recipe: what they are is shown first, and what arrives is what was described or nothing.

mod download;
mod recipe;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use ureq::Agent;

use download::{discard, disk, download, sha256, with_suffix};
pub use recipe::{Recipe, RecipeFile, all, find};

/// How long a server may stay silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// It was there, and is what the recipe describes.
    Present,
    /// It was downloaded, and is what the recipe describes.
    Downloaded,
}

/// What a person should know before the download.
#[must_use]
pub fn description(recipe: &Recipe) -> String {
    let mut lines = vec![
        format!("{}: {}", recipe.name, recipe.title),
        format!("  licence   {} ({})", recipe.licence, recipe.licence_address),
        format!("  cite      {}", recipe.citation),
        format!("  content   {}", recipe.conversion),
    ];
    for file in &recipe.file {
        let from = match file.parts.len() {
            0 => file.address.clone(),
            n => format!("{} in {n} parts", file.address),
        };
        lines.push(format!("  file      {}: {} bytes, from {from}", file.name, file.bytes));
        lines.push(format!("  sha256    {}", file.sha256));
    }
    lines.join("\n")
}

/// Whether every file is there and is what the recipe describes; nothing is changed.
///
/// # Errors
/// When a file of that name is something else.
pub fn is_complete(recipe: &Recipe, dir: &Path) -> Result<bool> {
    for file in &recipe.file {
        if !is_present(file, &dir.join(&file.name))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Gets the files of a recipe into `dir`; those that are there already are left alone. `on_bytes` is told of progress.
///
/// # Errors
/// When a file can't be had or is not what the recipe describes; then it is not there under its name.
pub fn fetch(recipe: &Recipe, dir: &Path, on_bytes: &mut dyn FnMut(u64)) -> Result<Vec<Fetched>> {
    fetch_by(&download::agent(PATIENCE), recipe, dir, on_bytes)
}

fn fetch_by(
    agent: &Agent,
    recipe: &Recipe,
    dir: &Path,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<Vec<Fetched>> {
    fs::create_dir_all(dir).map_err(|error| disk(dir, &error))?;
    recipe.file.iter().map(|file| fetch_file(agent, file, dir, on_bytes)).collect()
}

fn is_present(file: &RecipeFile, path: &Path) -> Result<bool> {
    if !path.exists() {
        return Ok(false);
    }
    let is_described = sha256(path)? == file.sha256;
    ensure!(is_described, "{}: is there, but not the file of the recipe; move it away", path.display());
    Ok(true)
}

fn fetch_file(
    agent: &Agent,
    file: &RecipeFile,
    dir: &Path,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<Fetched> {
    let path = dir.join(&file.name);
    if is_present(file, &path)? {
        return Ok(Fetched::Present);
    }
    // Verified under another name: the final one is only ever given to what is right.
    let unverified = with_suffix(&path, ".unverified");
    if file.parts.is_empty() {
        download(agent, &file.address, &unverified, file.bytes, on_bytes)?;
    } else {
        let parts = with_suffix(&path, ".parts");
        fetch_parts(agent, file, &parts, on_bytes)?;
        join(file, &parts, &unverified)?;
    }
    verify(file, &unverified)?;
    fs::rename(&unverified, &path).map_err(|error| disk(&path, &error))?;
    if !file.parts.is_empty() {
        // The whole is there; parts left behind are only in the way.
        let _ = fs::remove_dir_all(with_suffix(&path, ".parts"));
    }
    Ok(Fetched::Downloaded)
}

/// Parts that are whole stay, so that a broken-off download goes on with the next.
fn fetch_parts(agent: &Agent, file: &RecipeFile, dir: &Path, on_bytes: &mut dyn FnMut(u64)) -> Result<()> {
    fs::create_dir_all(dir).map_err(|error| disk(dir, &error))?;
    for (n, address) in file.addresses().iter().enumerate() {
        let part = dir.join(n.to_string());
        match fs::metadata(&part) {
            Ok(there) => on_bytes(there.len()),
            Err(_) => download(agent, address, &part, file.bytes, on_bytes)?,
        }
    }
    Ok(())
}

/// Joins the parts, keeping the header line of the first.
fn join(file: &RecipeFile, dir: &Path, target: &Path) -> Result<()> {
    let mut out = BufWriter::new(File::create(target).map_err(|error| disk(target, &error))?);
    let mut header = Vec::new();
    for n in 0..file.parts.len() {
        let path = dir.join(n.to_string());
        let mut part = BufReader::new(File::open(&path).map_err(|error| disk(&path, &error))?);
        let mut first = Vec::new();
        part.read_until(b'\n', &mut first).map_err(|error| disk(&path, &error))?;
        if n == 0 {
            out.write_all(&first).map_err(|error| disk(target, &error))?;
            header = first;
        } else if first != header {
            discard(&path);
            bail!("{}: part {} begins with another header than the first", file.name, file.parts[n]);
        }
        std::io::copy(&mut part, &mut out).map_err(|error| disk(target, &error))?;
    }
    let out = out.into_inner().map_err(|error| disk(target, error.error()))?;
    out.sync_all().map_err(|error| disk(target, &error))
}

/// Removes a downloaded file that is not the file of the recipe.
fn verify(file: &RecipeFile, path: &Path) -> Result<()> {
    let n_bytes = fs::metadata(path).map_err(|error| disk(path, &error))?.len();
    if n_bytes != file.bytes {
        remove_all(path);
        bail!("{}: {n_bytes} bytes came, but the recipe says {}; nothing was kept", file.name, file.bytes);
    }
    let found = sha256(path)?;
    if found != file.sha256 {
        remove_all(path);
        bail!("{}: sha256 is {found}, but the recipe says {}; nothing was kept", file.name, file.sha256);
    }
    Ok(())
}

/// A whole of which something is wrong is not gone on with: neither it nor the parts it came from.
fn remove_all(unverified: &Path) {
    discard(unverified);
    let parts = unverified.with_extension("parts");
    // Absent for files that come in one piece.
    let _ = fs::remove_dir_all(parts);
}
