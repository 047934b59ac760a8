//! A table of files and of what `init` must and must not make of them.

use crate::fixture::Fixture;

/// Files, and what must and must not be in the proposed job and in the answer.
pub struct Case {
    pub name: &'static str,
    pub files: Vec<(&'static str, String)>,
    pub job: &'static [&'static str],
    pub not_job: &'static [&'static str],
    pub says: &'static [&'static str],
    /// What `check` says of it; empty when it need not accept the job.
    pub check: &'static str,
}

pub const CASE: Case = Case { name: "", files: Vec::new(), job: &[], not_job: &[], says: &[], check: "" };

pub fn file(name: &'static str, text: impl Into<String>) -> Vec<(&'static str, String)> {
    vec![(name, text.into())]
}

/// A header and as many rows as wanted.
pub fn rows(header: &str, n: usize, row: impl Fn(usize) -> String) -> String {
    let rows: Vec<String> = (0..n).map(row).collect();
    format!("{header}\n{}\n", rows.join("\n"))
}

#[track_caller]
pub fn check_all(cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for case in cases {
        let fixture = Fixture::empty();
        case.files.iter().for_each(|(name, text)| fixture.write(name, text));
        let outcome = fixture.run(&["init"]);
        let answer = format!("{}{}", outcome.stdout, outcome.stderr);
        if outcome.code != 0 {
            wrong.push(format!("{}: {answer}", case.name));
            continue;
        }
        let job = fixture.read("bespoke.toml");
        let flat = |text: &str| text.replace("\n# ", " ").split_whitespace().collect::<Vec<_>>().join(" ");
        let (flat_job, flat_answer) = (flat(&job), flat(&answer));
        let has = |text: &str, part: &&&str| flat(text).contains(&flat(part));
        for part in case.job.iter().filter(|part| !has(&flat_job, part)) {
            wrong.push(format!("{}: the job lacks {part:?}\n{job}", case.name));
        }
        for part in case.not_job.iter().filter(|part| has(&flat_job, part)) {
            wrong.push(format!("{}: the job has {part:?}\n{job}", case.name));
        }
        for part in case.says.iter().filter(|part| !has(&flat_answer, part)) {
            wrong.push(format!("{}: the answer lacks {part:?}\n{answer}", case.name));
        }
        let check = fixture.run(&["check"]);
        if !case.check.is_empty() && (check.code != 0 || !check.stdout.contains(case.check)) {
            wrong.push(format!("{}: check\n{}{}\n{job}", case.name, check.stdout, check.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
