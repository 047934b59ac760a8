//! Support tickets and surveys: what is seen of satisfaction.

use bespoke::types::{Days, Timestamp};

use super::customer::Life;
use crate::calendar::{HOUR_MS, later};
use crate::draws::Draws;

/// A relational survey (NPS) goes out every so many days.
const NPS_EVERY: Days = Days(180);

/// What a ticket is about.
const SUBJECTS: [&str; 4] = ["delivery", "damaged", "invoice", "other"];

/// A support ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The order it is about.
    pub order: u32,
    /// `delivery`, `damaged`, `invoice` or `other`.
    pub subject: &'static str,
    /// When it was opened.
    pub created_at: Timestamp,
    /// First answer by a person; absent when not yet.
    pub first_reply_at: Option<Timestamp>,
    /// When it was solved; absent when not yet.
    pub solved_at: Option<Timestamp>,
}

/// What a survey asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Satisfaction with a solved ticket, 1 to 5.
    Csat,
    /// Would you recommend us, 0 to 10.
    Nps,
}

/// A survey that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Survey {
    /// What was asked.
    pub question: Question,
    /// When.
    pub sent_at: Timestamp,
    /// Position of the ticket among the customer's, for [`Question::Csat`].
    pub ticket: Option<u32>,
    /// The answer; absent when there is none.
    pub answer: Option<u32>,
}

/// Tickets after orders, answered within about two days.
pub(super) fn open_tickets(life: &Life<'_>, order_times: &[Timestamp], draws: &mut Draws) -> Vec<Ticket> {
    let care = life.world.params.care;
    let p = (care.p_ticket * libm::exp(-0.5 * life.truth.satisfaction)).min(0.9);
    let end = life.world.end_at();
    let mut tickets = Vec::new();
    for (n, &ordered_at) in order_times.iter().enumerate() {
        let (is_opened, after) = (draws.chance(p), draws.between(24.0, 120.0));
        let (reply, solve) = (libm::exp(1.5 + draws.normal()), libm::exp(2.5 + draws.normal()));
        let subject = SUBJECTS[draws.pick(&[0.5, 0.2, 0.1, 0.2])];
        let created_at = later(ordered_at, after * HOUR_MS as f64);
        if !is_opened || created_at >= end {
            continue;
        }
        let replied = later(created_at, reply * HOUR_MS as f64);
        let solved = later(replied, solve * HOUR_MS as f64);
        let known = |at: Timestamp| (at < end).then_some(at);
        let (first_reply_at, solved_at) = (known(replied), known(solved));
        tickets.push(Ticket { order: n as u32 + 1, subject, created_at, first_reply_at, solved_at });
    }
    tickets
}

/// Surveys after solved tickets, and every half a year while alive.
pub(super) fn ask(life: &Life<'_>, tickets: &[Ticket], draws: &mut Draws) -> Vec<Survey> {
    let p_answer = life.world.params.care.p_answer;
    let satisfaction = life.truth.satisfaction;
    // An answer has correlation 0.8 with satisfaction and is standard normal before it is rounded.
    let opinion = |draws: &mut Draws| 0.8 * satisfaction + 0.6 * draws.normal();
    let mut surveys = Vec::new();
    for (number, ticket) in tickets.iter().enumerate() {
        let Some(sent_at) = ticket.solved_at else { continue };
        let (opinion, is_answered) = (opinion(draws), draws.chance(p_answer));
        let answer = libm::round(3.6 + 1.1 * opinion).clamp(1.0, 5.0) as u32;
        let (question, ticket) = (Question::Csat, Some(number as u32));
        surveys.push(Survey { question, sent_at, ticket, answer: is_answered.then_some(answer) });
    }
    let mut sent_at = life.instant(life.joined).plus(NPS_EVERY);
    while sent_at < life.world.end_at() && life.is_alive(sent_at) {
        let (opinion, is_answered) = (opinion(draws), draws.chance(p_answer));
        let answer = libm::round(7.0 + 2.0 * opinion).clamp(0.0, 10.0) as u32;
        let answer = is_answered.then_some(answer);
        surveys.push(Survey { question: Question::Nps, sent_at, ticket: None, answer });
        sent_at = sent_at.plus(NPS_EVERY);
    }
    surveys
}
