//! Who a customer is, as the customers table tells it: with gaps, nonsense and columns that say nothing.

use super::params::Demographics;
use super::personas::{COUNTRIES, Persona};
use crate::draws::Draws;

/// Levels of an irrelevant category.
const LEVELS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A cell of a column that says nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Irrelevant {
    /// Standard normal.
    Number(f64),
    /// One of five levels, equally likely.
    Level(&'static str),
}

/// The row of a customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// Age in years.
    pub age: Option<u32>,
    /// Country, one of [`COUNTRIES`].
    pub country: &'static str,
    /// Whether the newsletter was taken at the first contact.
    pub newsletter: bool,
    /// People in the household, the customer included.
    pub household_size: Option<u32>,
    /// Cells of the irrelevant columns: numbers at even positions, levels at odd ones.
    pub irrelevant: Vec<Option<Irrelevant>>,
}

impl Person {
    pub(super) fn draw(persona: &Persona, dirt: Demographics, draws: &mut Draws) -> Self {
        let age = libm::round(persona.age_mean + persona.age_sd * draws.normal()).clamp(18.0, 90.0) as u32;
        let household = 1 + draws.poisson(persona.housemates_mean);
        Self {
            country: COUNTRIES[draws.pick(&persona.country_shares)],
            newsletter: draws.chance(persona.p_newsletter),
            // Years of birth typed into the field of the age, and households of a street.
            age: dirty(age, (1_900, 2_010), dirt, draws),
            household_size: dirty(household, (50, 500), dirt, draws),
            irrelevant: (0..dirt.n_irrelevant).map(|column| irrelevant(column, dirt, draws)).collect(),
        }
    }
}

/// The value, nonsense from a range, or nothing.
fn dirty(value: u32, nonsense: (u32, u32), dirt: Demographics, draws: &mut Draws) -> Option<u32> {
    let odd = nonsense.0 + draws.below((nonsense.1 - nonsense.0) as usize) as u32;
    let shown = if draws.chance(dirt.p_outlier) { odd } else { value };
    (!draws.chance(dirt.p_missing)).then_some(shown)
}

fn irrelevant(column: usize, dirt: Demographics, draws: &mut Draws) -> Option<Irrelevant> {
    let cell = if column.is_multiple_of(2) {
        Irrelevant::Number(draws.normal())
    } else {
        Irrelevant::Level(LEVELS[draws.below(LEVELS.len())])
    };
    (!draws.chance(dirt.p_missing)).then_some(cell)
}
