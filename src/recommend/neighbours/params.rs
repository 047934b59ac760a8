//! Parameters of item-kNN and RP3beta.

use serde::{Deserialize, Serialize};

use crate::error::ParamError;
use crate::params::{Params, count_in, finite_in};

/// How alike two items are, by c_ij = sum of theta_u over the customers u of both; c_ii sums over those of i.
///
/// omega_u is the weight of a customer ([`CustomerWeight`]), n_u their number of items, N the number of items with
/// events. In the weighings of text retrieval items are documents and customers their terms (as in the
/// nearest-neighbour models of benfred/implicit): a customer who took nearly everything says little, like a word that
/// is in nearly every text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Similarity {
    /// c_ij / (sqrt(c_ii c_jj) + shrink), theta_u = omega_u. Sarwar et al., WWW 2001, with the shrinkage of Bell and
    /// Koren, ICDM 2007.
    Cosine {
        /// Against items that few customers share; in customers.
        shrink: f64,
    },
    /// c_ij / (c_ii^gamma c_jj^(1 - gamma) + shrink) for source i and target j, theta_u = omega_u. Aiolli, RecSys
    /// 2013.
    AsymmetricCosine {
        /// As for the cosine.
        shrink: f64,
        /// 0.5 is the cosine; towards 1 the source's customers count, the share of them that took the target too.
        gamma: f64,
    },
    /// g_i g_j c_ij, theta_u = omega_u idf_u^2 with idf_u = ln(1 + (N - n_u + 1/2) / (n_u + 1/2)) and
    /// g_i = (k1 + 1) / (k1 (1 - b + b m_i / mean m) + 1), m_i the customers of i: the product of two rows of BM25
    /// weights. Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009, eq. 3.15; the form of idf that is never
    /// negative. Not divided by norms: for pairs that are there or not, g_i would cancel and k1 and b mean nothing.
    Bm25 {
        /// How long the length of a document goes on mattering.
        k1: f64,
        /// Share of the length normalisation, 0 to 1.
        b: f64,
    },
    /// The cosine with theta_u = omega_u idf_u^2, idf_u = ln(N / n_u). Sparck Jones, Journal of Documentation 28,
    /// 1972. A customer with every item counts nothing.
    TfIdf {
        /// As for the cosine, in units of idf_u^2.
        shrink: f64,
    },
}

/// What a customer counts in a sum over customers, omega_u.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomerWeight {
    /// 1.
    #[default]
    Equal,
    /// 1 / ln(1 + n_u): heavy customers count less. Breese, Heckerman and Kadie, UAI 1998 ("inverse user frequency"
    /// has the same purpose).
    InverseLog,
}

/// Unchecked parameters of item-kNN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemKnnParams {
    /// How alike two items are.
    #[serde(default = "default_similarity")]
    pub similarity: Similarity,
    /// Sources kept per target, K.
    #[serde(default = "default_n_neighbours")]
    pub n_neighbours: usize,
    /// What a customer counts.
    #[serde(default)]
    pub customer_weight: CustomerWeight,
    /// Only the latest so many items of a customer count; all when absent.
    #[serde(default)]
    pub n_max: Option<usize>,
}

/// Unchecked parameters of RP3beta: a random walk of three steps, discounted by popularity. Paudel et al., TiiS 7,
/// 2017.
///
/// W_ij = sum over customers u of both of (1/m_i)^alpha (1/n_u)^alpha, divided by m_j^beta; m_i customers of i, n_u
/// items of u.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rp3BetaParams {
    /// Power of the probabilities of a step.
    #[serde(default = "default_alpha")]
    pub alpha: f64,
    /// Power of the popularity that targets are divided by; 0 is the plain walk, P3alpha.
    #[serde(default = "default_beta")]
    pub beta: f64,
    /// Targets kept per source, K.
    #[serde(default = "default_n_neighbours")]
    pub n_neighbours: usize,
    /// Whether what is kept of a source is divided by its sum. Better on some data, worse on others.
    #[serde(default)]
    pub normalise_rows: bool,
    /// Only the latest so many items of a customer count; all when absent.
    #[serde(default)]
    pub n_max: Option<usize>,
}

fn default_similarity() -> Similarity {
    Similarity::Cosine { shrink: 10.0 }
}

fn default_n_neighbours() -> usize {
    100
}

fn default_alpha() -> f64 {
    1.0
}

fn default_beta() -> f64 {
    0.6
}

impl Default for ItemKnnParams {
    fn default() -> Self {
        Self {
            similarity: default_similarity(),
            n_neighbours: default_n_neighbours(),
            customer_weight: CustomerWeight::Equal,
            n_max: None,
        }
    }
}

impl Default for Rp3BetaParams {
    fn default() -> Self {
        Self {
            alpha: default_alpha(),
            beta: default_beta(),
            n_neighbours: default_n_neighbours(),
            normalise_rows: false,
            n_max: None,
        }
    }
}

/// Checked parameters of item-kNN.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemKnnValid {
    params: ItemKnnParams,
}

/// Checked parameters of RP3beta.
#[derive(Clone, Debug, PartialEq)]
pub struct Rp3BetaValid {
    params: Rp3BetaParams,
}

impl ItemKnnValid {
    /// The parameters that were checked.
    #[must_use]
    pub fn params(&self) -> &ItemKnnParams {
        &self.params
    }
}

impl Rp3BetaValid {
    /// The parameters that were checked.
    #[must_use]
    pub fn params(&self) -> &Rp3BetaParams {
        &self.params
    }
}

impl Params for ItemKnnParams {
    type Checked = ItemKnnValid;

    fn check(self) -> Result<ItemKnnValid, ParamError> {
        let field = |name: &str| format!("recommend.item_knn.{name}");
        match self.similarity {
            Similarity::Cosine { shrink } | Similarity::TfIdf { shrink } => {
                check_shrink(&field("similarity.shrink"), shrink)?;
            }
            Similarity::AsymmetricCosine { shrink, gamma } => {
                check_shrink(&field("similarity.shrink"), shrink)?;
                from_to(&field("similarity.gamma"), gamma, 1.0, "from 0 to 1")?;
            }
            Similarity::Bm25 { k1, b } => {
                finite_in(&field("similarity.k1"), k1, 0.0, 1000.0, "greater than 0 and at most 1000")?;
                from_to(&field("similarity.b"), b, 1.0, "from 0 to 1")?;
            }
        }
        check_counts(&field, self.n_neighbours, self.n_max)?;
        Ok(ItemKnnValid { params: self })
    }
}

impl Params for Rp3BetaParams {
    type Checked = Rp3BetaValid;

    fn check(self) -> Result<Rp3BetaValid, ParamError> {
        let field = |name: &str| format!("recommend.rp3beta.{name}");
        // Beyond 2 the products of a large world leave the range of f32.
        from_to(&field("alpha"), self.alpha, 2.0, "from 0 to 2")?;
        from_to(&field("beta"), self.beta, 2.0, "from 0 to 2")?;
        check_counts(&field, self.n_neighbours, self.n_max)?;
        Ok(Rp3BetaValid { params: self })
    }
}

fn check_shrink(field: &str, shrink: f64) -> Result<(), ParamError> {
    from_to(field, shrink, 1e6, "from 0 to 1000000")
}

fn check_counts(
    field: &dyn Fn(&str) -> String,
    n_neighbours: usize,
    n_max: Option<usize>,
) -> Result<(), ParamError> {
    count_in(&field("n_neighbours"), n_neighbours, 1, 10_000, "from 1 to 10000")?;
    // One item of a customer goes together with nothing.
    n_max.map_or(Ok(()), |n_max| count_in(&field("n_max"), n_max, 2, usize::MAX, "at least 2"))
}

/// Refuses anything but a number from 0 to `high`.
fn from_to(field: &str, value: f64, high: f64, rule: &'static str) -> Result<(), ParamError> {
    if (0.0..=high).contains(&value) { Ok(()) } else { Err(ParamError::new(field, value, rule)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_item_knn_names_its_field() {
        let refused = |similarity| {
            let params = ItemKnnParams { similarity, ..ItemKnnParams::default() };
            params.check().unwrap_err().field.replace("recommend.item_knn.", "")
        };
        for bad in [-0.1, f64::NAN, f64::INFINITY, 1_000_001.0] {
            assert_eq!(refused(Similarity::Cosine { shrink: bad }), "similarity.shrink");
            assert_eq!(refused(Similarity::TfIdf { shrink: bad }), "similarity.shrink");
            assert_eq!(
                refused(Similarity::AsymmetricCosine { shrink: bad, gamma: 0.5 }),
                "similarity.shrink"
            );
            assert_eq!(refused(Similarity::AsymmetricCosine { shrink: 0.0, gamma: bad }), "similarity.gamma");
            assert_eq!(refused(Similarity::Bm25 { k1: 1.2, b: bad }), "similarity.b");
            assert_eq!(refused(Similarity::Bm25 { k1: bad, b: 0.75 }), "similarity.k1");
        }
        assert_eq!(refused(Similarity::Bm25 { k1: 0.0, b: 0.75 }), "similarity.k1");
        let counts = |n_neighbours, n_max| {
            let params = ItemKnnParams { n_neighbours, n_max, ..ItemKnnParams::default() };
            params.check().map_err(|refusal| refusal.field.replace("recommend.item_knn.", ""))
        };
        assert_eq!(counts(0, None).unwrap_err(), "n_neighbours");
        assert_eq!(counts(10_001, None).unwrap_err(), "n_neighbours");
        assert_eq!(counts(1, Some(1)).unwrap_err(), "n_max");
        assert!(counts(10_000, Some(2)).is_ok());
    }

    #[test]
    fn edges_of_item_knn_are_accepted() {
        for similarity in [
            Similarity::Cosine { shrink: 0.0 },
            Similarity::TfIdf { shrink: 1e6 },
            Similarity::AsymmetricCosine { shrink: 0.0, gamma: 0.0 },
            Similarity::AsymmetricCosine { shrink: 0.0, gamma: 1.0 },
            Similarity::Bm25 { k1: 1000.0, b: 0.0 },
            Similarity::Bm25 { k1: 1e-9, b: 1.0 },
        ] {
            assert!(
                ItemKnnParams { similarity, ..ItemKnnParams::default() }.check().is_ok(),
                "{similarity:?}"
            );
        }
    }

    #[test]
    fn every_refusal_of_rp3beta_names_its_field() {
        let refused = |change: &dyn Fn(&mut Rp3BetaParams)| {
            let mut params = Rp3BetaParams::default();
            change(&mut params);
            params.check().unwrap_err().field.replace("recommend.rp3beta.", "")
        };
        for bad in [-0.1, 2.1, f64::NAN, f64::INFINITY] {
            assert_eq!(refused(&|p| p.alpha = bad), "alpha");
            assert_eq!(refused(&|p| p.beta = bad), "beta");
        }
        assert_eq!(refused(&|p| p.n_neighbours = 0), "n_neighbours");
        assert_eq!(refused(&|p| p.n_neighbours = 10_001), "n_neighbours");
        assert_eq!(refused(&|p| p.n_max = Some(0)), "n_max");
        assert!(Rp3BetaParams { alpha: 0.0, beta: 2.0, ..Rp3BetaParams::default() }.check().is_ok());
    }

    #[test]
    fn parameters_round_trip_and_unknown_names_are_refused() {
        assert_eq!(serde_json::from_str::<ItemKnnParams>("{}").unwrap(), ItemKnnParams::default());
        assert_eq!(serde_json::from_str::<Rp3BetaParams>("{}").unwrap(), Rp3BetaParams::default());
        let text = r#"{"similarity":{"kind":"bm25","k1":1.2,"b":0.75},"n_neighbours":20}"#;
        let params: ItemKnnParams = serde_json::from_str(text).unwrap();
        assert_eq!(params.similarity, Similarity::Bm25 { k1: 1.2, b: 0.75 });
        let again = serde_json::to_string(&params).unwrap();
        assert_eq!(serde_json::from_str::<ItemKnnParams>(&again).unwrap(), params);
        for bad in [
            r#"{"neighbours":3}"#,
            r#"{"similarity":{"kind":"cosine"}}"#,
            r#"{"similarity":{"kind":"cosine","shrink":1,"gamma":2}}"#,
            r#"{"similarity":{"kind":"jaccard"}}"#,
        ] {
            assert!(serde_json::from_str::<ItemKnnParams>(bad).is_err(), "{bad}");
        }
    }
}
