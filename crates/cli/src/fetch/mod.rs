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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// It was there, and is what the recipe describes.
    Present,
    /// It was downloaded; its SHA-256.
    Downloaded(String),
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
        let size = file.bytes.map_or("size not known".to_owned(), |bytes| format!("{bytes} bytes"));
        let from = match file.parts.len() {
            0 => file.address.clone(),
            n => format!("{} in {n} parts", file.address),
        };
        lines.push(format!("  file      {}: {size}, from {from}", file.name));
        lines.push(format!("  sha256    {}", file.sha256.as_deref().unwrap_or("not known")));
    }
    lines.join("\n")
}

/// Refuses what can't be verified, unless that is wanted.
///
/// # Errors
/// When a file without a known hash is about to be downloaded.
pub fn require_hashes(recipe: &Recipe, unverified: bool) -> Result<()> {
    if let Some(file) = recipe.file.iter().find(|file| file.sha256.is_none() && !unverified) {
        bail!(
            "{}: the sha256 of {} is not known, so a download can't be verified; --unverified takes it as it comes",
            recipe.name,
            file.name
        );
    }
    Ok(())
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
    let is_described = match &file.sha256 {
        Some(expected) => sha256(path)? == *expected,
        None => true,
    };
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
    let found = verify(file, &unverified)?;
    fs::rename(&unverified, &path).map_err(|error| disk(&path, &error))?;
    if !file.parts.is_empty() {
        // The whole is there; parts left behind are only in the way.
        let _ = fs::remove_dir_all(with_suffix(&path, ".parts"));
    }
    Ok(Fetched::Downloaded(found))
}

/// Parts that are whole stay, so that a broken-off download goes on with the next.
fn fetch_parts(agent: &Agent, file: &RecipeFile, dir: &Path, on_bytes: &mut dyn FnMut(u64)) -> Result<()> {
    fs::create_dir_all(dir).map_err(|error| disk(dir, &error))?;
    for (n, address) in file.addresses().iter().enumerate() {
        let part = dir.join(n.to_string());
        if !part.exists() {
            download(agent, address, &part, file.bytes, on_bytes)?;
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

/// The hash of a downloaded file, which is removed when it is not the file of the recipe.
fn verify(file: &RecipeFile, path: &Path) -> Result<String> {
    let n_bytes = fs::metadata(path).map_err(|error| disk(path, &error))?.len();
    if let Some(expected) = file.bytes.filter(|&expected| expected != n_bytes) {
        remove_all(path);
        bail!("{}: {n_bytes} bytes came, but the recipe says {expected}; nothing was kept", file.name);
    }
    let found = sha256(path)?;
    if let Some(expected) = file.sha256.as_ref().filter(|expected| **expected != found) {
        remove_all(path);
        bail!("{}: sha256 is {found}, but the recipe says {expected}; nothing was kept", file.name);
    }
    Ok(found)
}

/// A whole of which something is wrong is not gone on with: neither it nor the parts it came from.
fn remove_all(unverified: &Path) {
    discard(unverified);
    let parts = unverified.with_extension("parts");
    // Absent for files that come in one piece.
    let _ = fs::remove_dir_all(parts);
}
