//! `model.bespoke`: everything that was fitted, and nothing about anybody.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::container::{Bundle, BundleError, BundleKind, BundleWriter};
use crate::churn::ChurnModel;
use crate::cltv::CltvModel;
use crate::decide::Catalogue;
use crate::features::FeaturePlan;
use crate::kernels::KernelLevel;
use crate::params::Params;
use crate::personas::PersonaModel;
use crate::recommend::{IalsModel, IalsParams, PopularityModel};
use crate::types::Key;

/// The fitted models of a run. Items are known by their keys.
#[derive(Clone, Debug)]
pub struct Models {
    keys: Vec<Key>,
    /// (key, row), sorted by key.
    by_key: Vec<(Key, u32)>,
    popularity: Vec<f32>,
    factors: Option<IalsModel>,
    plan: Option<FeaturePlan>,
    personas: Option<PersonaModel>,
    cltv: Option<CltvModel>,
    churn: Option<ChurnModel>,
}

impl Models {
    /// The recommenders of a run over the items of a catalogue; `factors` is absent when there was too little to fit.
    ///
    /// # Panics
    /// When the models are not of that many items: a programmer error.
    #[must_use]
    pub fn new(catalogue: &Catalogue, popularity: &PopularityModel, factors: Option<IalsModel>) -> Self {
        let keys = (0..catalogue.len()).map(|item| catalogue.key(item)).collect();
        assert_eq!(popularity.strength.len(), catalogue.len(), "popularity of every item");
        assert!(factors.as_ref().is_none_or(|f| f.n_items() == catalogue.len()), "factors of every item");
        Self::bound(keys, popularity.strength.iter().map(|&s| s as f32).collect(), factors)
    }

    fn bound(keys: Vec<Key>, popularity: Vec<f32>, factors: Option<IalsModel>) -> Self {
        let mut by_key: Vec<(Key, u32)> = keys.iter().copied().zip(0..).collect();
        by_key.sort_unstable();
        Self { keys, by_key, popularity, factors, plan: None, personas: None, cltv: None, churn: None }
    }

    /// The same recommenders with the other models of the run and the plan of the features they read.
    #[must_use]
    pub fn with(
        self,
        plan: Option<FeaturePlan>,
        personas: Option<PersonaModel>,
        cltv: Option<CltvModel>,
        churn: Option<ChurnModel>,
    ) -> Self {
        Self { plan, personas, cltv, churn, ..self }
    }

    /// The columns that personas and churn read.
    #[must_use]
    pub fn plan(&self) -> Option<&FeaturePlan> {
        self.plan.as_ref()
    }

    /// The personas, if any were found.
    #[must_use]
    pub fn personas(&self) -> Option<&PersonaModel> {
        self.personas.as_ref()
    }

    /// The value model, if one was fitted.
    #[must_use]
    pub fn cltv(&self) -> Option<&CltvModel> {
        self.cltv.as_ref()
    }

    /// The churn model, if one was fitted.
    #[must_use]
    pub fn churn(&self) -> Option<&ChurnModel> {
        self.churn.as_ref()
    }

    /// The row of an item, if the models know it.
    #[must_use]
    pub fn row(&self, key: Key) -> Option<u32> {
        self.by_key.binary_search_by_key(&key, |&(k, _)| k).ok().map(|at| self.by_key[at].1)
    }

    /// The key of a row.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn key(&self, row: u32) -> Key {
        self.keys[row as usize]
    }

    /// Decayed demand by row; 0 = none.
    #[must_use]
    pub fn popularity(&self) -> &[f32] {
        &self.popularity
    }

    /// The factor model, if one was fitted.
    #[must_use]
    pub fn factors(&self) -> Option<&IalsModel> {
        self.factors.as_ref()
    }

    /// The models as a bundle.
    ///
    /// # Errors
    /// Never for models made by this library; see [`BundleWriter::json`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, BundleError> {
        let mut out = BundleWriter::new(BundleKind::Model);
        out.array("item.key", self.keys.iter().map(|key| key.0));
        out.array("popularity", self.popularity.iter().copied());
        if let Some(factors) = &self.factors {
            out.json("ials.params", factors.params())?;
            out.array("ials.gramian", factors.gramian().iter().copied());
            out.array("ials.items", factors.item_factors().iter().copied());
        }
        optional(&mut out, "features.plan", self.plan.as_ref())?;
        optional(&mut out, "personas", self.personas.as_ref())?;
        optional(&mut out, "cltv", self.cltv.as_ref())?;
        optional(&mut out, "churn", self.churn.as_ref())?;
        Ok(out.finish())
    }

    /// Models from their bundle.
    ///
    /// # Errors
    /// [`BundleError`] when bytes, shapes or numbers are not those of models.
    pub fn from_bundle(bundle: &Bundle) -> Result<Self, BundleError> {
        let keys: Vec<Key> = bundle.array::<u64>("item.key")?.into_iter().map(Key).collect();
        let popularity = bundle.array_of::<f32>("popularity", keys.len())?;
        let wrong = |name: &str, problem: String| BundleError::Section { name: name.to_owned(), problem };
        if popularity.iter().any(|s| !(s.is_finite() && *s >= 0.0)) {
            return Err(wrong("popularity", "has a number that is negative or not finite".to_owned()));
        }
        let factors = bundle.has("ials.params").then(|| read_factors(bundle)).transpose()?;
        if let Some(n) = factors.as_ref().map(IalsModel::n_items).filter(|&n| n != keys.len()) {
            return Err(wrong("ials.items", format!("has {n} items, expected {}", keys.len())));
        }
        Ok(Self::bound(keys, popularity, factors).with(
            read_optional(bundle, "features.plan")?,
            read_optional(bundle, "personas")?,
            read_optional(bundle, "cltv")?,
            read_optional(bundle, "churn")?,
        ))
    }
}

fn optional<T: Serialize>(out: &mut BundleWriter, name: &str, model: Option<&T>) -> Result<(), BundleError> {
    model.map_or(Ok(()), |model| out.json(name, model))
}

fn read_optional<T: DeserializeOwned>(bundle: &Bundle, name: &str) -> Result<Option<T>, BundleError> {
    bundle.has(name).then(|| bundle.json(name)).transpose()
}

fn read_factors(bundle: &Bundle) -> Result<IalsModel, BundleError> {
    let build = || -> Result<_, Box<dyn std::error::Error>> {
        let valid = bundle.json::<IalsParams>("ials.params")?.check()?;
        let (items, gramian) = (bundle.array("ials.items")?, bundle.array("ials.gramian")?);
        Ok(IalsModel::from_parts(valid, items, gramian, KernelLevel::detect())?)
    };
    build().map_err(|error| BundleError::Section { name: "ials".to_owned(), problem: error.to_string() })
}
