//! The true hazard of leaving, and the chain of engagement behind it.

use super::personas::Persona;
use super::plans::{Plan, TIERS};

/// How much the service is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engagement {
    /// As ever.
    Steady = 0,
    /// Less and less.
    Fading = 1,
    /// Hardly at all.
    Dormant = 2,
}

impl Engagement {
    /// Every state, in order.
    pub const ALL: [Self; 3] = [Self::Steady, Self::Fading, Self::Dormant];

    /// Usage as a share of the customer's own (`m`).
    #[must_use]
    pub fn usage_share(self) -> f64 {
        [1.0, 0.45, 0.08][self as usize]
    }

    /// Effect on the logit of leaving (`e`).
    fn effect(self) -> f64 {
        [0.0, 0.9, 1.7][self as usize]
    }

    /// The name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        ["steady", "fading", "dormant"][self as usize]
    }

    /// Probabilities of the next period's states, in the order of [`Engagement::ALL`].
    pub(super) fn next(self, p_fade: f64) -> [f64; 3] {
        match self {
            Self::Steady => [1.0 - p_fade, p_fade, 0.0],
            Self::Fading => [0.25, 0.45, 0.30],
            Self::Dormant => [0.0, 0.15, 0.85],
        }
    }
}

/// From so many tickets on it gets no worse.
pub(super) const MOST_TICKETS: u32 = 3;
const TICKET_EFFECT: f64 = 0.5;
const TENURE_EFFECT: f64 = -0.25;
const YEARLY_EFFECT: f64 = -0.3;

/// Standard deviation of the customer's own effect (`b`).
pub(super) const FRAILTY_SD: f64 = 0.35;

/// Who decides: the part of the hazard that never changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decider<'a> {
    pub(super) persona: &'a Persona,
    /// The customer's own effect (`b`).
    pub(super) frailty: f64,
}

impl Decider<'_> {
    /// Odds of leaving at the end of a term after `tenure` periods, without tickets.
    pub(super) fn odds(&self, plan: Plan, tenure: u32, engagement: Engagement, rise: f64) -> f64 {
        let Persona { leave_logit, rise_effect, .. } = self.persona;
        let logit = leave_logit
            + self.frailty
            + TENURE_EFFECT * libm::log(1.0 + f64::from(tenure))
            + engagement.effect()
            + rise_effect * rise
            + TIERS[plan.tier].2
            + if plan.is_yearly { YEARLY_EFFECT } else { 0.0 };
        libm::exp(logit)
    }

    /// Probability that a payment due ends the contract: three attempts fail.
    pub(super) fn p_payment_ends(&self) -> f64 {
        self.persona.p_payment_fails * P_RETRY_FAILS[0] * P_RETRY_FAILS[1]
    }
}

/// Probabilities that the second and the third attempt fail.
pub(super) const P_RETRY_FAILS: [f64; 2] = [0.5, 0.6];

/// The hazard of leaving by choice: odds without tickets, and the tickets of the last period.
pub(super) fn hazard(odds: f64, n_tickets: u32) -> f64 {
    let odds = odds * ticket_odds(n_tickets);
    odds / (1.0 + odds)
}

fn ticket_odds(n_tickets: u32) -> f64 {
    libm::exp(TICKET_EFFECT * f64::from(n_tickets.min(MOST_TICKETS)))
}

#[cfg(test)]
mod tests {
    use super::super::personas::PERSONAS;
    use super::*;

    #[test]
    fn the_hazard_by_hand() {
        let persona = Persona { leave_logit: -3.0, rise_effect: 10.0, ..PERSONAS[0].clone() };
        let decider = Decider { persona: &persona, frailty: 0.2 };
        let plan = Plan { tier: 0, is_yearly: true };
        let odds = decider.odds(plan, 11, Engagement::Fading, 0.06);
        // -3 + 0.2 - 0.25 ln 12 + 0.9 + 0.6 + 0.25 - 0.3 + 2 * 0.5
        let logit: f64 = -0.35 - 0.25 * 12f64.ln();
        assert!((hazard(odds, 2) - 1.0 / (1.0 + (-logit).exp())).abs() < 1e-12);
        assert_eq!(hazard(odds, 3), hazard(odds, 9));
        assert!(hazard(odds, 0) < hazard(odds, 1));
    }

    #[test]
    fn moves_of_engagement_add_up() {
        for state in Engagement::ALL {
            assert!((state.next(0.07).iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }
}
