//! The fitted personas, and whom they fit.

use serde::{Deserialize, Serialize};

use super::cells::encoding::EncodedFeature;
use super::cells::gaps::{Gaps, ObservedCentroids, observed, observed_share, observed_squared_distance};
use super::cells::transform::{BoundTransform, Cell, PersonaTransform};
use super::choosing::choice::ChoiceReport;
use super::grid::GridMatrix;
use super::nights::drift::FeatureBins;
use super::nights::refit_report::RefitReport;
use super::nights::stickiness::Stickiness;
use super::profile::PersonaProfile;
use super::report::Encoded;
use crate::error::SpecMismatch;
use crate::features::{FeatureSpec, FeatureTable};
use crate::kernels::KernelLevel;
use crate::kernels::assign::PackedCentroids;
use crate::kernels::tile::{LANES, Rows, Tile};

/// Version of what a model's numbers mean; raised when fitting or predicting changes.
pub const ALGORITHM_VERSION: u32 = 2;

/// Below this share of the variance a customer is not known well enough to be sure of the persona.
const ENOUGH_OBSERVED: f64 = 0.5;

/// Fitted personas: transform, centroids, and what people are told about them.
///
/// Holds no customer, no id, and no level of a category with fewer than 25 customers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonaModel {
    pub(crate) algorithm_version: u32,
    pub(crate) transform: PersonaTransform,
    /// n_personas x n_columns, row-major, in the order of `profiles`.
    pub(crate) centroids: Vec<f64>,
    pub(crate) profiles: Vec<PersonaProfile>,
    pub(crate) choice: ChoiceReport,
    pub(crate) inertia: f64,
    pub(crate) explained_share: f64,
    pub(crate) n_iterations: usize,
    pub(crate) converged: bool,
    pub(crate) n_reseeded: usize,
    pub(crate) seed: u64,
    pub(crate) next_id: u32,
    pub(crate) refit: Option<RefitReport>,
    /// Of the table of this fit; none in models of earlier versions.
    #[serde(default)]
    pub(crate) bins: Vec<FeatureBins>,
    /// Of the fit in which the number of personas was chosen; absent in that very fit.
    #[serde(default)]
    pub(crate) bins_when_chosen: Option<Vec<FeatureBins>>,
}

/// Whom a customer is like.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// Id of the nearest persona; ties go to the one earlier in [`PersonaModel::profiles`].
    pub persona: u32,
    /// (d2 - d1) / (d2 + d1) in 0..=1, d1 and d2 the distances to the nearest and the second nearest centroid: 0
    /// on the border, 1 at the centre; 1 when there is one persona only.
    pub confidence: f64,
    /// Id of the second nearest persona; `None` when there is one persona only.
    pub second: Option<u32>,
    /// Distance to the centroid, in standard deviations of a feature: over what is known of the customer, divided by
    /// the square root of `observed_share`, so that customers of whom less is known are not nearer for it.
    pub distance: f64,
    /// How usual that distance is for the persona.
    pub typicality: Typicality,
    /// Share of the variance of all columns that lies in those known of the customer, 0..=1.
    pub observed_share: f64,
    /// Less than half of the variance is known: the persona is a guess.
    pub low_confidence: bool,
    /// The persona of the night before, kept because `second` is nearer but not by the margin of [`Stickiness`].
    #[serde(default)]
    pub held: bool,
}

/// How usual a customer's distance is for the persona.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Typicality {
    /// Within the distance that 99 % of the members had in fitting.
    Typical,
    /// Beyond it: the nearest persona does not describe the customer well.
    Unusual,
}

impl Typicality {
    pub(super) fn of(distance: f64, profile: &PersonaProfile) -> Self {
        if distance <= profile.radius.p99 { Self::Typical } else { Self::Unusual }
    }
}

impl PersonaModel {
    /// The personas, largest first at the first fit; the order of an earlier model's ids afterwards.
    #[must_use]
    pub fn profiles(&self) -> &[PersonaProfile] {
        &self.profiles
    }

    /// The persona with that id.
    #[must_use]
    pub fn profile(&self, id: u32) -> Option<&PersonaProfile> {
        self.profiles.iter().find(|profile| profile.id == id)
    }

    /// Number of personas.
    #[must_use]
    pub fn n_personas(&self) -> usize {
        self.profiles.len()
    }

    /// How features become columns, with what had to be imputed, capped, pooled and dropped.
    #[must_use]
    pub fn transform(&self) -> &PersonaTransform {
        &self.transform
    }

    /// The centroid of every persona in the columns of the transform, in the order of the profiles.
    pub fn centroids(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        let d = self.transform.n_columns();
        (0..self.n_personas()).map(move |j| &self.centroids[j * d..(j + 1) * d])
    }

    /// What was tried, how many personas were chosen and why.
    #[must_use]
    pub fn choice(&self) -> &ChoiceReport {
        &self.choice
    }

    /// Sum of squared distances of all customers to their centroid, over the columns known of each.
    #[must_use]
    pub fn inertia(&self) -> f64 {
        self.inertia
    }

    /// 1 - inertia / total sum of squares.
    #[must_use]
    pub fn explained_share(&self) -> f64 {
        self.explained_share
    }

    /// Updates of the centroids in the kept run.
    #[must_use]
    pub fn n_iterations(&self) -> usize {
        self.n_iterations
    }

    /// Whether the kept run ended by the tolerance; `false` when the limit of iterations ended it.
    #[must_use]
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// Shares of customers by bin of every feature, which later tables are held against.
    #[must_use]
    pub fn bins(&self) -> &[FeatureBins] {
        &self.bins
    }

    /// The least id that no persona of this model or of those before it has ever had.
    #[must_use]
    pub fn next_id(&self) -> u32 {
        self.next_id
    }

    /// What became of the personas of the earlier model, when there was one.
    #[must_use]
    pub fn refit(&self) -> Option<&RefitReport> {
        self.refit.as_ref()
    }

    /// The nearest persona of every customer, in table order; ties go to the persona earlier in the profiles.
    ///
    /// `table` is n_customers x n_features, in the units of its specification. O(n_customers * n_personas *
    /// n_columns). The same as [`PersonaAssigner::assign`] one by one, bit for bit, at any number of threads.
    ///
    /// # Errors
    /// [`SpecMismatch`] when the table was built to another feature specification.
    pub fn predict(&self, table: &FeatureTable) -> Result<Vec<Assignment>, SpecMismatch> {
        Ok(self.assign_all(&self.transform.apply(table)?))
    }

    /// The nearest persona of every row.
    pub(super) fn assign_all(&self, encoded: &Encoded) -> Vec<Assignment> {
        self.assign_rows(&self.packed(KernelLevel::detect()), encoded)
    }

    /// Assigns customers one at a time.
    ///
    /// # Errors
    /// [`SpecMismatch`] when `spec` is another feature specification.
    pub fn assigner(&self, spec: &FeatureSpec) -> Result<PersonaAssigner<'_>, SpecMismatch> {
        let transform = self.transform.bind(spec)?;
        Ok(PersonaAssigner { model: self, transform, packed: self.packed(KernelLevel::detect()) })
    }

    fn packed(&self, level: KernelLevel) -> Packed {
        let d = self.transform.n_columns();
        Packed {
            all: PackedCentroids::pack(level, self.n_personas(), d, &self.centroids),
            observed: ObservedCentroids::pack(&self.centroids, d),
        }
    }

    fn assign_rows(&self, packed: &Packed, encoded: &Encoded) -> Vec<Assignment> {
        let (rows, gaps) = (encoded.matrix.rows(), &encoded.gaps);
        let of_tile = |t: usize| self.assign_tile(packed, rows, gaps, t);
        #[cfg(feature = "train")]
        let parts: Vec<Vec<Assignment>> = {
            use rayon::prelude::*;
            (0..rows.n_tiles()).into_par_iter().map(of_tile).collect()
        };
        #[cfg(not(feature = "train"))]
        let parts: Vec<Vec<Assignment>> = (0..rows.n_tiles()).map(of_tile).collect();
        parts.concat()
    }

    fn assign_tile(&self, packed: &Packed, rows: Rows<'_>, gaps: &Gaps, t: usize) -> Vec<Assignment> {
        let mut tile = Tile::new(packed.all.level(), rows.n_columns());
        tile.load(rows, t);
        let two = packed.all.two_nearest(&tile);
        let mut scores = Vec::new();
        (0..rows.n_rows_in(t))
            .map(|lane| {
                let (row, gaps) = (rows.row(t * LANES + lane), gaps.of(t * LANES + lane));
                let (first, second) = if gaps.is_empty() {
                    (two.first[lane] as usize, two.second[lane] as usize)
                } else {
                    packed.observed.two_nearest(row, gaps, &mut scores)
                };
                self.assignment(row, gaps, first, second)
            })
            .collect()
    }

    /// The distance of a row to the centroid at `at`, scaled up from the observed columns to all.
    pub(super) fn distance(&self, row: &[f32], gaps: &[u32], at: usize) -> f64 {
        let d = self.transform.n_columns();
        let observed_share = observed_share(&self.transform.variances, gaps);
        let squared = observed_squared_distance(row, gaps, &self.centroids[at * d..(at + 1) * d]);
        if observed_share > 0.0 { (squared / observed_share).sqrt() } else { 0.0 }
    }

    fn assignment(&self, row: &[f32], gaps: &[u32], first: usize, second: usize) -> Assignment {
        let observed_share = observed_share(&self.transform.variances, gaps);
        let distance = |j: usize| self.distance(row, gaps, j);
        let own = &self.profiles[first];
        let near = distance(first);
        let other = (self.n_personas() > 1).then(|| (self.profiles[second].id, distance(second)));
        Assignment {
            persona: own.id,
            confidence: other.map_or(1.0, |(_, far)| margin(near, far)),
            second: other.map(|(id, _)| id),
            distance: near,
            typicality: Typicality::of(near, own),
            observed_share,
            low_confidence: observed_share < ENOUGH_OBSERVED,
            held: false,
        }
    }
}

/// The centroids for rows without gaps, and for those with some.
#[derive(Clone, Debug)]
struct Packed {
    all: PackedCentroids,
    observed: ObservedCentroids,
}

/// (far - near) / (far + near), at least 0: the kernel may name the farther of two almost equal centroids.
fn margin(near: f64, far: f64) -> f64 {
    if near + far > 0.0 { ((far - near) / (far + near)).max(0.0) } else { 0.0 }
}

/// Assigns customers one at a time, with everything that does not depend on the customer done before.
#[derive(Clone, Debug)]
pub struct PersonaAssigner<'a> {
    model: &'a PersonaModel,
    transform: BoundTransform<'a>,
    packed: Packed,
}

impl PersonaAssigner<'_> {
    /// The nearest persona of one customer, exactly as [`PersonaModel::predict`] gives it; one cell per feature.
    ///
    /// # Panics
    /// When `cells` are not one per feature and of its type: a programmer error.
    #[must_use]
    pub fn assign(&self, cells: &[Cell]) -> Assignment {
        self.assign_from(cells, None, Stickiness::OFF)
    }

    /// The persona of one customer who had `before`, exactly as [`PersonaModel::predict_from`] gives it.
    ///
    /// # Panics
    /// As [`PersonaAssigner::assign`].
    #[must_use]
    pub fn assign_from(&self, cells: &[Cell], before: Option<u32>, stickiness: Stickiness) -> Assignment {
        let mut matrix = GridMatrix::zeros(1, self.model.transform.n_columns());
        let mut gaps = Gaps::new();
        gaps.push_row(|gaps| *gaps = self.transform.row(cells, matrix.cells_mut()));
        let nearest = self.model.assign_tile(&self.packed, matrix.rows(), &gaps, 0)[0];
        let held = before
            .and_then(|before| self.model.held(matrix.row(0), gaps.of(0), &nearest, before, stickiness));
        held.unwrap_or(nearest)
    }

    /// By feature, in the order of the table, how much nearer a customer is to the centroid of `other` than to that of
    /// `own`: the difference of the squared distances over the columns of the feature that are known of the customer.
    ///
    /// Above 0 the feature speaks for `other`; 0 for a feature without a column, or not known. The sum is the
    /// difference of the squared distances over all that is known. `None` when either is no persona of the model.
    ///
    /// # Panics
    /// As [`PersonaAssigner::assign`].
    #[must_use]
    pub fn leanings(&self, cells: &[Cell], own: u32, other: u32) -> Option<Vec<f64>> {
        let place = |id: u32| self.model.profiles.iter().position(|profile| profile.id == id);
        let d = self.model.transform.n_columns();
        let [own, other] = [place(own)?, place(other)?].map(|at| &self.model.centroids[at * d..(at + 1) * d]);
        let mut matrix = GridMatrix::zeros(1, d);
        let gaps = self.transform.row(cells, matrix.cells_mut());
        let mut by_column = vec![0.0; d];
        for c in observed(d, &gaps) {
            let x = f64::from(matrix.row(0)[c]);
            by_column[c] = (x - own[c]) * (x - own[c]) - (x - other[c]) * (x - other[c]);
        }
        let of =
            |feature: &EncodedFeature| by_column[feature.first_column..][..feature.n_columns()].iter().sum();
        Some(self.model.transform.features.iter().map(of).collect())
    }
}
