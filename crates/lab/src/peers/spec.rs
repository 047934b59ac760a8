//! Specifications of comparisons: which peers, which tasks, which data.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use toml::Table;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Room {
    /// k-means from a given start.
    Kmeans,
    /// Factors of a matrix of ones, and the best items from them.
    Recommend,
    /// Value of customers.
    Cltv,
    /// Who is leaving.
    Churn,
    /// Everything from an export to files.
    Job,
}

impl Room {
    /// Peers that the driver knows, see the file of the room beside it.
    fn peers(self) -> &'static [&'static str] {
        match self {
            Self::Kmeans => &["scikit-learn-lloyd", "scikit-learn-elkan", "scikit-learn-intelex", "faiss"],
            Self::Recommend => &["implicit-cg", "implicit-cholesky"],
            Self::Cltv => &["lifetimes", "lifetimes-grouped"],
            Self::Churn => &["lightgbm"],
            Self::Job => &["script"],
        }
    }

    fn tasks(self) -> &'static [&'static str] {
        match self {
            Self::Kmeans => &["fit"],
            Self::Recommend => &["epochs", "time_to_ndcg", "recommend_all", "fold_in_and_recommend_all"],
            Self::Cltv => &["fit", "score", "score_with_intervals"],
            Self::Churn => &["fit", "score"],
            Self::Job => &["whole"],
        }
    }
}

/// A comparison as written in `peers/specs`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spec {
    pub(crate) room: Room,
    /// What is compared and what is not timed; printed above the result.
    about: String,
    /// Threads on both sides.
    pub(crate) threads: usize,
    /// Pairs of runs after the warm-up.
    rounds: usize,
    /// The other side.
    peer: Vec<Peer>,
    pub(crate) case: Vec<Case>,
}

/// A library, or one way to use it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Peer {
    name: String,
    /// Threads of its linear algebra.
    blas_threads: usize,
    /// What it has an answer to.
    tasks: Vec<String>,
}

/// Data and what is done with them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// Also part of `--quick`.
    #[serde(default)]
    quick: bool,
    /// Other than the rounds of the specification, where a run takes minutes.
    rounds: Option<usize>,
    /// Fewer than those of the specification, where the others would take hours.
    #[serde(default)]
    peers: Vec<String>,
    tasks: Vec<String>,
    /// What the room makes of it.
    pub(crate) data: Table,
}

impl Spec {
    /// A specification that names peers and tasks that exist.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let spec: Self = toml::from_str(&text).with_context(|| path.display().to_string())?;
        spec.check().with_context(|| path.display().to_string())?;
        Ok(spec)
    }

    /// The case of that name.
    pub(crate) fn case(&self, name: &str) -> Result<&Case> {
        let case = self.case.iter().find(|case| case.name == name);
        case.with_context(|| format!("the specification has no case \"{name}\""))
    }

    fn check(&self) -> Result<()> {
        ensure!(!self.about.trim().is_empty(), "about is empty, but it is printed above the result");
        ensure!((1..=64).contains(&self.threads), "threads is {}, but must be from 1 to 64", self.threads);
        for peer in &self.peer {
            let Peer { name, blas_threads, tasks } = peer;
            let known = self.room.peers();
            ensure!(known.contains(&name.as_str()), "peer \"{name}\" is not one of {}", known.join(", "));
            ensure!((1..=64).contains(blas_threads), "blas_threads of {name} is {blas_threads}");
            self.known_tasks(name, tasks)?;
        }
        for (at, case) in self.case.iter().enumerate() {
            let Case { name, tasks, rounds, peers, .. } = case;
            for peer in peers {
                let is_known = self.peer.iter().any(|known| known.name == *peer);
                ensure!(is_known, "{name} names the peer \"{peer}\", which the specification does not have");
            }
            let twice = self.case[..at].iter().any(|other| other.name == *name);
            ensure!(!twice, "the case {name} is there twice");
            let rounds = rounds.unwrap_or(self.rounds);
            ensure!((1..=100).contains(&rounds), "rounds of {name} is {rounds}, but must be from 1 to 100");
            self.known_tasks(name, tasks)?;
        }
        ensure!(!self.peer.is_empty(), "there is no peer");
        ensure!(self.case.iter().any(|case| case.quick), "no case is quick");
        Ok(())
    }

    fn known_tasks(&self, of: &str, tasks: &[String]) -> Result<()> {
        ensure!(!tasks.is_empty(), "{of} has no task");
        let known = self.room.tasks();
        for task in tasks {
            ensure!(
                known.contains(&task.as_str()),
                "task \"{task}\" of {of} is not one of {}",
                known.join(", ")
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::peers::check_data;

    fn specs() -> Vec<PathBuf> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/specs");
        let entries = std::fs::read_dir(dir).expect("the folder of specifications");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        paths
    }

    #[test]
    fn every_specification_names_known_peers_tasks_and_shapes() {
        let paths = specs();
        assert!(!paths.is_empty());
        for path in paths {
            let spec = Spec::read(&path).unwrap_or_else(|error| panic!("{error:#}"));
            for case in &spec.case {
                check_data(&spec, case).unwrap_or_else(|e| panic!("{} {}: {e:#}", path.display(), case.name));
            }
        }
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let text = std::fs::read_to_string(&specs()[0]).expect("a specification");
        let refused = |from: &str, to: &str| {
            let changed = text.replacen(from, to, 1);
            assert_ne!(text, changed, "{from}");
            let spec = toml::from_str::<Spec>(&changed).map_err(anyhow::Error::from);
            format!("{:#}", spec.and_then(|spec| spec.check()).expect_err(to))
        };
        assert!(refused("name = ", "nam = ").contains("nam"));
        assert!(refused("[[peer]]\nname = \"", "[[peer]]\nname = \"un").contains("is not one of"));
        assert!(refused("tasks = [\"", "tasks = [\"un").contains("is not one of"));
        assert!(refused("[[case]]", "[[case]]\npeers = [\"nobody\"]").contains("the peer \"nobody\""));
        assert!(refused("rounds = 5", "rounds = 0").contains("rounds"));
        assert!(refused("threads = 2", "threads = 0").contains("threads is 0"));
    }
}
