//! One address into one file: resumed where it broke off, whole or absent under its final name.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

const MOST_REDIRECTS: u32 = 5;

/// An agent that waits so long for a connection, an answer, or the next bytes of it.
pub fn agent(patience: Duration) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(MOST_REDIRECTS)
        .timeout_connect(Some(patience))
        .timeout_recv_response(Some(patience))
        .timeout_per_read(Some(patience))
        .user_agent(concat!("bespoke/", env!("CARGO_PKG_VERSION")));
    config.build().into()
}

/// Gets `address` into `target`. What has come so far is in `target` with `.partial` behind its name, and is gone on
/// with when the server still has the same content. `at_most` bytes are taken; `on_bytes` is told about progress.
///
/// # Errors
/// When the server can't be reached, refuses, breaks off or sends too much, or the disk does not take it.
pub fn download(
    agent: &Agent,
    address: &str,
    target: &Path,
    at_most: u64,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<()> {
    let partial = with_suffix(target, ".partial");
    let tag_file = with_suffix(target, ".etag");
    let (n_have, tag) = what_is_there(&partial, &tag_file);
    let mut response = request(agent, address, n_have, tag.as_deref())?;
    let mut n_kept = kept(&response, n_have);
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        // Either everything is there already, or the file has changed: what is whole is found out by its hash, so
        // starting anew is always right.
        (response, n_kept) = (request(agent, address, 0, None)?, 0);
    }
    let status = response.status();
    ensure!(status.is_success(), "{address}: the server answers {status}{}", hint(status));
    remember_tag(&response, &tag_file)?;
    let mut out = open_partial(&partial, n_kept)?;
    on_bytes(n_kept);
    let n_announced = response.body().content_length();
    let n_got = copy(response.body_mut(), &mut out, &partial, n_kept, at_most, on_bytes)
        .with_context(|| address.to_owned())?;
    if let Some(n_announced) = n_announced {
        ensure!(
            n_got - n_kept == n_announced,
            "{address}: broke off after {n_got} of {} bytes; the same command goes on from there",
            n_kept + n_announced
        );
    }
    out.sync_all().and_then(|()| fs::rename(&partial, target)).map_err(|error| disk(&partial, &error))?;
    // Only a help for going on; it may be absent.
    let _ = fs::remove_file(&tag_file);
    Ok(())
}

/// Length of what came before, and the server's mark of its version. Without a mark nothing is gone on with: a file
/// glued from two versions would be wrong.
fn what_is_there(partial: &Path, tag_file: &Path) -> (u64, Option<String>) {
    let n_have = fs::metadata(partial).map_or(0, |meta| meta.len());
    match fs::read_to_string(tag_file) {
        Ok(tag) if n_have > 0 => (n_have, Some(tag)),
        _ => (0, None),
    }
}

fn request(agent: &Agent, address: &str, n_have: u64, tag: Option<&str>) -> Result<Response<Body>> {
    // Compressed on the way, ranges would count other bytes than the file's.
    let mut request = agent.get(address).header(header::ACCEPT_ENCODING, "identity");
    if let Some(tag) = tag {
        request = request.header(header::RANGE, format!("bytes={n_have}-")).header(header::IF_RANGE, tag);
    }
    request.call().with_context(|| format!("{address}: no answer; is there a connection to the internet?"))
}

/// How much of what is there the response goes on from.
fn kept(response: &Response<Body>, n_have: u64) -> u64 {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let starts_there = range.is_some_and(|range| range.starts_with(&format!("bytes {n_have}-")));
    if response.status() == StatusCode::PARTIAL_CONTENT && starts_there { n_have } else { 0 }
}

fn hint(status: StatusCode) -> &'static str {
    match status.as_u16() {
        404 | 410 => ": the file has moved; the recipe needs a new address",
        401 | 403 => ": it wants a login or an agreement in a browser",
        429 | 500..=599 => ": try again later",
        _ => "",
    }
}

/// Strong marks only: weak ones promise the same meaning, not the same bytes.
fn remember_tag(response: &Response<Body>, tag_file: &Path) -> Result<()> {
    let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
    match tag.filter(|tag| tag.starts_with('"')) {
        Some(tag) => fs::write(tag_file, tag).map_err(|error| disk(tag_file, &error)),
        None => {
            let _ = fs::remove_file(tag_file);
            Ok(())
        }
    }
}

fn open_partial(partial: &Path, n_kept: u64) -> Result<File> {
    let mut options = File::options();
    let options = options.create(true).append(n_kept > 0).write(true).truncate(n_kept == 0);
    options.open(partial).map_err(|error| disk(partial, &error))
}

/// Copies the body; the length of the file so far.
fn copy(
    body: &mut Body,
    out: &mut File,
    partial: &Path,
    n_kept: u64,
    at_most: u64,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<u64> {
    let mut reader = body.as_reader();
    let mut buffer = vec![0; 1 << 16];
    let mut n_got = n_kept;
    loop {
        let n = match reader.read(&mut buffer) {
            Ok(0) => return Ok(n_got),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                bail!("broke off after {n_got} bytes ({error}); the same command goes on from there")
            }
        };
        out.write_all(&buffer[..n]).map_err(|error| disk(partial, &error))?;
        n_got += n as u64;
        on_bytes(n as u64);
        if n_got > at_most {
            discard(partial);
            bail!(
                "sends more than the {at_most} bytes of the recipe: the file has changed, nothing was kept"
            );
        }
    }
}

/// Removes what can't be gone on with.
pub fn discard(file: &Path) {
    // What can't be removed is truncated by the next attempt.
    let _ = fs::remove_file(file);
}

/// An error of the file system, in words.
pub fn disk(path: &Path, error: &io::Error) -> anyhow::Error {
    let what = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full; free some space, the same command goes on"
        }
        io::ErrorKind::PermissionDenied => "no permission to write here",
        _ => return anyhow::anyhow!("{}: {error}", path.display()),
    };
    anyhow::anyhow!("{}: {what}", path.display())
}

/// The path with `suffix` behind the name.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// SHA-256 of a file in hexadecimal digits.
///
/// # Errors
/// When it can't be read.
pub fn sha256(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(|error| disk(path, &error))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(|error| disk(path, &error))? {
            0 => break,
            n => hasher.update(&buffer[..n]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
