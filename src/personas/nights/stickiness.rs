//! Hysteresis: a customer near a border stays on the side of the night before.

use serde::{Deserialize, Serialize};

use crate::error::{ParamError, SpecMismatch};
use crate::features::FeatureTable;
use crate::personas::model::{Assignment, PersonaModel, Typicality};

/// How much nearer another persona must be before a customer goes there, as a share of the distance to it; 0 = the
/// nearest always counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stickiness(f64);

impl Stickiness {
    /// The nearest always counts.
    pub const OFF: Self = Self(0.0);

    /// A margin of `tau`, 0 to 1; .05 is a start.
    ///
    /// # Errors
    /// [`ParamError`] for anything else.
    pub fn new(tau: f64) -> Result<Self, ParamError> {
        if (0.0..=1.0).contains(&tau) {
            Ok(Self(tau))
        } else {
            Err(ParamError::new("personas.stickiness", tau, "from 0 to 1"))
        }
    }

    /// The margin.
    #[must_use]
    pub fn tau(self) -> f64 {
        self.0
    }
}

/// What stickiness did to a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StickyReport {
    /// Customers whose earlier persona was given.
    pub n_known: u64,
    /// Of those, who are in another persona, because it is nearer by the margin or theirs is gone.
    pub n_moved: u64,
    /// Of those, who would be elsewhere without stickiness.
    pub n_held: u64,
    /// What that costs, as a share of the sum of squared distances to the nearest centroid.
    pub inertia_paid_share: f64,
}

impl PersonaModel {
    /// The persona of every customer, in table order: that in `before` while it exists and no other is nearer by
    /// the margin, else the nearest.
    ///
    /// With d the distance to the nearest centroid and d' that to the earlier one, a customer stays while
    /// d' - d < tau d. `before` holds ids by row, `None` for a customer without one. An answer depends on the
    /// customer's cells and `before` only; with [`Stickiness::OFF`] it is [`PersonaModel::predict`], bit for bit.
    ///
    /// # Errors
    /// [`SpecMismatch`] when the table was built to another feature specification.
    ///
    /// # Panics
    /// When `before` is not one per row: a programmer error.
    pub fn predict_from(
        &self,
        table: &FeatureTable,
        before: &[Option<u32>],
        stickiness: Stickiness,
    ) -> Result<(Vec<Assignment>, StickyReport), SpecMismatch> {
        assert_eq!(before.len(), table.n_rows(), "one earlier persona per row");
        let encoded = self.transform.apply(table)?;
        let mut assigned = self.assign_all(&encoded);
        let mut report = StickyReport::default();
        let (mut nearest, mut paid) = (0.0, 0.0);
        for (row, (own, &before)) in assigned.iter_mut().zip(before).enumerate() {
            nearest += own.distance * own.distance;
            let Some(before) = before else { continue };
            report.n_known += 1;
            if let Some(held) =
                self.held(encoded.matrix.row(row), encoded.gaps.of(row), own, before, stickiness)
            {
                paid += held.distance * held.distance - own.distance * own.distance;
                report.n_held += 1;
                *own = held;
            }
            report.n_moved += u64::from(own.persona != before);
        }
        report.inertia_paid_share = if nearest > 0.0 { paid / nearest } else { 0.0 };
        Ok((assigned, report))
    }

    /// The earlier persona, where it is not the nearest and within the margin.
    pub(crate) fn held(
        &self,
        row: &[f32],
        gaps: &[u32],
        nearest: &Assignment,
        before: u32,
        stickiness: Stickiness,
    ) -> Option<Assignment> {
        // Rounding may name the farther of two almost equal centroids; without a margin that stands.
        if before == nearest.persona || stickiness == Stickiness::OFF {
            return None;
        }
        let at = self.profiles.iter().position(|profile| profile.id == before)?;
        let distance = self.distance(row, gaps, at);
        (distance - nearest.distance < stickiness.tau() * nearest.distance).then(|| Assignment {
            persona: before,
            // On the wrong side of the border: not more sure than somebody on it.
            confidence: 0.0,
            second: Some(nearest.persona),
            distance,
            typicality: Typicality::of(distance, &self.profiles[at]),
            held: true,
            ..*nearest
        })
    }
}
