//! Downloads against a server on this machine that can answer slowly, break off, lie and redirect.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::*;

/// What the server does with the n-th request.
#[derive(Clone, Copy)]
enum Answer {
    /// The content, or the rest of it where the mark matches.
    Content,
    /// Announces everything and closes after so many bytes.
    CutAfter(usize),
    /// The content in small pieces with pauses.
    Slowly,
    /// Nothing at all for a while.
    Silence,
    /// This status without content.
    Status(u16),
    /// To another path.
    Redirect(&'static str),
}

struct Server {
    address: String,
    /// Path, range and condition of every request.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves `content(path)` with `tag`; the n-th request is answered as `answers[n]` says, later ones plainly.
    fn start(content: fn(&str) -> Vec<u8>, tag: Option<&'static str>, answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        thread::spawn(move || {
            let mut answers = answers.into_iter();
            for stream in listener.incoming() {
                let answer = answers.next().unwrap_or(Answer::Content);
                // A client that hangs up early is what some tests are about.
                let _ = serve(stream.unwrap(), content, tag, answer, &log);
            }
        });
        Self { address, seen }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    content: fn(&str) -> Vec<u8>,
    tag: Option<&str>,
    answer: Answer,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let (mut path, mut range, mut condition) = (String::new(), None, None);
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        let lower = line.to_lowercase();
        if line.is_empty() {
            break;
        } else if let Some(rest) = line.strip_prefix("GET ") {
            path = rest.split(' ').next().unwrap_or_default().to_owned();
        } else if let Some(rest) = lower.strip_prefix("range: bytes=") {
            range = rest.trim_end_matches('-').parse::<usize>().ok();
        } else if lower.starts_with("if-range: ") {
            condition = Some(line["if-range: ".len()..].to_owned());
        }
    }
    log.lock().unwrap().push(format!("{path} {range:?} {condition:?}"));
    let content = content(&path);
    let from = range.filter(|_| condition.as_deref() == tag).unwrap_or(0);
    let (status, rest) = match answer {
        Answer::Status(status) => (status, &[][..]),
        Answer::Redirect(_) => (302, &[][..]),
        _ if from > 0 && from >= content.len() => (416, &[][..]),
        _ => (if from > 0 { 206 } else { 200 }, &content[from.min(content.len())..]),
    };
    if let Answer::Silence = answer {
        thread::sleep(Duration::from_secs(3));
    }
    let mut head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n", rest.len());
    if let Some(tag) = tag {
        head += &format!("ETag: {tag}\r\n");
    }
    if status == 206 {
        head += &format!("Content-Range: bytes {from}-{}/{}\r\n", content.len() - 1, content.len());
    }
    if let Answer::Redirect(to) = answer {
        head += &format!("Location: {to}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    match answer {
        Answer::CutAfter(n) => stream.write_all(&rest[..n.min(rest.len())]),
        Answer::Slowly => rest.chunks(rest.len() / 8 + 1).try_for_each(|piece| {
            stream.write_all(piece)?;
            thread::sleep(Duration::from_millis(60));
            Ok(())
        }),
        _ => stream.write_all(rest),
    }
}

/// 200,000 bytes that differ everywhere, so that a wrong join is seen.
fn content(_: &str) -> Vec<u8> {
    (0..50_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

fn hash(bytes: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bytes");
    fs::write(&file, bytes).unwrap();
    sha256(&file).unwrap()
}

fn recipe(address: &str) -> Recipe {
    let bytes = content("");
    let file = RecipeFile {
        name: "set.csv".to_owned(),
        address: address.to_owned(),
        parts: Vec::new(),
        sha256: hash(&bytes),
        bytes: bytes.len() as u64,
    };
    Recipe { file: vec![file], ..find("hillstrom").unwrap() }
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn set(&self) -> PathBuf {
        self.0.path().join("set.csv")
    }

    fn fetch(&self, recipe: &Recipe) -> Result<Vec<Fetched>> {
        let agent = download::agent(Duration::from_millis(700));
        fetch_by(&agent, recipe, self.0.path(), &mut |_| ())
    }

    /// The words of a failure, after which nothing has the final name.
    fn fails(&self, recipe: &Recipe) -> String {
        let error = self.fetch(recipe).expect_err("it can't succeed");
        assert!(!self.set().exists(), "something is there under the final name");
        format!("{error:#}")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

const TAG: Option<&str> = Some("\"v1\"");

#[test]
fn a_file_arrives_whole_and_a_second_fetch_asks_nobody() {
    let (server, place) = (Server::start(content, TAG, vec![]), Place::new());
    let recipe = recipe(&server.address);
    assert!(!is_complete(&recipe, place.0.path()).unwrap());
    assert_eq!(place.fetch(&recipe).unwrap(), [Fetched::Downloaded]);
    assert_eq!(fs::read(place.set()).unwrap(), content(""));
    assert_eq!(place.names(), ["set.csv"]);
    assert_eq!(place.fetch(&recipe).unwrap(), [Fetched::Present]);
    assert!(is_complete(&recipe, place.0.path()).unwrap());
    assert_eq!(server.seen(), ["/ None None"]);
}

#[test]
fn what_broke_off_goes_on_where_it_was() {
    let answers = vec![Answer::CutAfter(70_000), Answer::CutAfter(30_000)];
    let (server, place) = (Server::start(content, TAG, answers), Place::new());
    let recipe = recipe(&server.address);
    for so_far in [70_000, 100_000] {
        let error = place.fails(&recipe);
        assert!(error.contains("broke off after"), "{error}");
        assert!(error.contains("the same command goes on from there"), "{error}");
        assert_eq!(fs::metadata(place.0.path().join("set.csv.unverified.partial")).unwrap().len(), so_far);
    }
    place.fetch(&recipe).unwrap();
    assert_eq!(fs::read(place.set()).unwrap(), content(""));
    assert_eq!(place.names(), ["set.csv"]);
    let tag = "Some(\"\\\"v1\\\"\")";
    let expected =
        ["/ None None".to_owned(), format!("/ Some(70000) {tag}"), format!("/ Some(100000) {tag}")];
    assert_eq!(server.seen(), expected);
}

#[test]
fn another_version_or_no_mark_means_from_the_beginning() {
    for (first, then) in [(Some("\"v0\""), TAG), (None, None), (Some("W/\"v1\""), Some("W/\"v1\""))] {
        let place = Place::new();
        let cut = Server::start(content, first, vec![Answer::CutAfter(50_000)]);
        place.fails(&recipe(&cut.address));
        let server = Server::start(content, then, vec![]);
        place.fetch(&recipe(&server.address)).unwrap();
        assert_eq!(fs::read(place.set()).unwrap(), content(""));
    }
}

#[test]
fn a_range_that_is_not_there_means_from_the_beginning() {
    let place = Place::new();
    fs::write(place.0.path().join("set.csv.unverified.partial"), vec![0; 300_000]).unwrap();
    fs::write(place.0.path().join("set.csv.unverified.etag"), "\"v1\"").unwrap();
    let server = Server::start(content, TAG, vec![]);
    place.fetch(&recipe(&server.address)).unwrap();
    assert_eq!(fs::read(place.set()).unwrap(), content(""));
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn wrong_bytes_are_refused_and_not_kept() {
    let place = Place::new();
    let wrong = |path: &str| {
        let mut bytes = content(path);
        bytes[123] ^= 1;
        bytes
    };
    let server = Server::start(wrong, TAG, vec![]);
    let error = place.fails(&recipe(&server.address));
    assert!(error.contains("set.csv: sha256 is ") && error.contains("but the recipe says"), "{error}");
    assert!(place.names().is_empty(), "{:?}", place.names());
}

#[test]
fn a_wrong_size_is_refused_and_not_kept() {
    let short = Server::start(|path| content(path)[..1_000].to_vec(), TAG, vec![]);
    let place = Place::new();
    let error = place.fails(&recipe(&short.address));
    assert!(error.contains("1000 bytes came, but the recipe says 200000"), "{error}");
    assert!(place.names().is_empty(), "{:?}", place.names());
    let long = Server::start(|path| [content(path), content(path)].concat(), TAG, vec![]);
    let error = place.fails(&recipe(&long.address));
    assert!(error.contains("sends more than the 200000 bytes of the recipe"), "{error}");
    assert!(!place.names().iter().any(|name| name.ends_with(".partial")), "{:?}", place.names());
}

#[test]
fn refusals_of_the_server_are_told() {
    for (status, says) in [(404, "the file has moved"), (403, "wants a login"), (503, "try again later")] {
        let server = Server::start(content, TAG, vec![Answer::Status(status)]);
        let error = Place::new().fails(&recipe(&server.address));
        assert!(error.contains(&status.to_string()) && error.contains(says), "{error}");
    }
}

#[test]
fn redirects_are_followed_but_not_for_ever() {
    let server = Server::start(content, TAG, vec![Answer::Redirect("/there")]);
    let place = Place::new();
    place.fetch(&recipe(&server.address)).unwrap();
    assert_eq!(server.seen(), ["/ None None", "/there None None"]);
    let circle = Server::start(content, TAG, vec![Answer::Redirect("/round"); 20]);
    let error = Place::new().fails(&recipe(&circle.address));
    assert!(error.contains("redirect"), "{error}");
}

#[test]
fn slow_is_fine_and_silence_is_not() {
    let server = Server::start(content, TAG, vec![Answer::Slowly]);
    Place::new().fetch(&recipe(&server.address)).unwrap();
    let silent = Server::start(content, TAG, vec![Answer::Silence]);
    let error = Place::new().fails(&recipe(&silent.address));
    assert!(error.contains("no answer"), "{error}");
}

#[test]
fn no_server_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Place::new().fails(&recipe(&address));
    assert!(error.starts_with(&address) && error.contains("is there a connection"), "{error}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told() {
    let place = Place::new();
    let partial = place.0.path().join("set.csv.unverified.partial");
    std::os::unix::fs::symlink("/dev/full", partial).unwrap();
    let server = Server::start(content, TAG, vec![]);
    let error = place.fails(&recipe(&server.address));
    assert!(error.contains("the disk is full"), "{error}");
}

#[test]
fn a_file_that_is_something_else_is_left_alone() {
    let (server, place) = (Server::start(content, TAG, vec![]), Place::new());
    fs::write(place.set(), "mine").unwrap();
    let error = place.fetch(&recipe(&server.address)).unwrap_err().to_string();
    assert!(error.contains("is there, but not the file of the recipe; move it away"), "{error}");
    assert_eq!(fs::read(place.set()).unwrap(), b"mine");
    assert!(server.seen().is_empty());
}

/// Three days, the header in each.
fn days(path: &str) -> Vec<u8> {
    format!("a,b\n{path},1\n{path},2\n").into_bytes()
}

fn in_days(address: &str) -> Recipe {
    let whole = "a,b\n/1,1\n/1,2\n/2,1\n/2,2\n/3,1\n/3,2\n";
    let mut recipe = recipe(&format!("{address}/{{}}"));
    let file = &mut recipe.file[0];
    file.parts = ["1", "2", "3"].map(str::to_owned).to_vec();
    (file.sha256, file.bytes) = (hash(whole.as_bytes()), whole.len() as u64);
    recipe
}

#[test]
fn parts_are_joined_under_one_header_and_whole_ones_are_not_asked_for_again() {
    let answers = vec![Answer::Content, Answer::Status(500)];
    let (server, place) = (Server::start(days, TAG, answers), Place::new());
    let recipe = in_days(&server.address);
    assert!(place.fails(&recipe).contains("/2: the server answers 500"));
    place.fetch(&recipe).unwrap();
    assert_eq!(hash(&fs::read(place.set()).unwrap()), recipe.file[0].sha256);
    assert_eq!(place.names(), ["set.csv"]);
    assert_eq!(server.seen(), ["/1 None None", "/2 None None", "/2 None None", "/3 None None"]);
}

#[test]
fn a_wrong_part_is_not_kept() {
    let header = |path: &str| if path == "/2" { b"other\n".to_vec() } else { days(path) };
    let (server, place) = (Server::start(header, TAG, vec![]), Place::new());
    assert!(place.fails(&in_days(&server.address)).contains("part 2 begins with another header"));
    let value = |path: &str| if path == "/2" { b"a,b\n/2,1\n/2,3\n".to_vec() } else { days(path) };
    let (server, place) = (Server::start(value, TAG, vec![]), Place::new());
    assert!(place.fails(&in_days(&server.address)).contains("sha256 is"));
    assert!(place.names().is_empty(), "{:?}", place.names());
}

#[test]
fn the_description_says_what_a_person_should_know() {
    for recipe in all().unwrap() {
        let text = description(&recipe);
        for part in [&recipe.licence, &recipe.licence_address, &recipe.citation, &recipe.file[0].address] {
            assert!(text.contains(part.as_str()), "{text}");
        }
        let hash = &recipe.file[0].sha256;
        assert!(text.contains(hash), "{text}");
    }
}
