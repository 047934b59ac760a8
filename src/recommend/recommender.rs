//! What every model that scores items from a history can do.

use super::History;

/// How much one item of the history adds to a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contribution {
    /// Item of the history.
    pub item: u32,
    /// Its part of the score.
    pub part: f32,
}

/// A model that scores every item of a catalogue from the history of a customer, who need not have been in training.
///
/// Scores depend on history and model alone: a batch, a single call and serving give the same bits. They are
/// comparable within one customer and model only. Which items may be shown is not a matter of a model: the selection
/// takes filters.
///
/// The working memory is a type of the model, so that a call allocates nothing. A place that holds models of several
/// kinds holds an enum of them, not a trait object: the kinds that a bundle may contain are a closed list.
pub trait Recommender {
    /// Working memory, kept from call to call.
    type Scratch: Send;

    /// Number of items of the catalogue.
    fn n_items(&self) -> usize;

    /// Working memory for this model.
    fn scratch(&self) -> Self::Scratch;

    /// Whether the model can tell items apart for this history. Rank a customer it knows nothing of by something
    /// else: all scores are 0.
    ///
    /// # Panics
    /// When an item of the history is not of the catalogue: a programmer error.
    fn knows(&self, history: History<'_>) -> bool;

    /// The scores of all items, by item; items of the history have scores too.
    ///
    /// # Panics
    /// When an item of the history is not of the catalogue or `out` has not n_items cells: programmer errors.
    fn scores(&self, history: History<'_>, scratch: &mut Self::Scratch, out: &mut [f32]);

    /// The scores of all items for several customers, n x n_items row-major: the same bits as one by one.
    ///
    /// # Panics
    /// When an item of a history is not of the catalogue or shapes do not fit: programmer errors.
    fn scores_many(&self, histories: &[History<'_>], scratch: &mut Self::Scratch, out: &mut [f32]) {
        assert_eq!(out.len(), histories.len() * self.n_items(), "n x n_items scores");
        for (&history, out) in histories.iter().zip(out.chunks_exact_mut(self.n_items().max(1))) {
            self.scores(history, scratch, out);
        }
    }

    /// What each item of the history adds to the score of each target, in the order of the targets and of the
    /// history; the parts sum to the score.
    ///
    /// # Panics
    /// When an item or target is not of the catalogue: a programmer error.
    fn explain(
        &self,
        history: History<'_>,
        targets: &[u32],
        scratch: &mut Self::Scratch,
    ) -> Vec<Vec<Contribution>>;
}
