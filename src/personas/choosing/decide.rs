//! The rule by which a number of personas is chosen from what was tried.

use super::choice::{Candidate, Choice, MIN_STABILITY, Reason, Steadiness, Structure};

/// A number that stands out less than this share of the best one slices customers who differ by degrees.
const MIN_SHARE_OF_BEST: f64 = 0.5;

/// The position of the chosen candidate and why; `None` when a range holds none with large enough personas.
///
/// Among the numbers whose smallest persona is large enough and that are stable: the largest one of which every
/// persona is very stable, if it stands out half as much as the best separated one; else the best separated one,
/// or a smaller one within one standard error of it. Separation is the simplified silhouette minus that of tables
/// without clusters: the silhouette itself is largest for two personas wherever customers differ along one
/// direction, with or without groups.
pub(crate) fn decide(
    candidates: &[Candidate],
    choice: Choice,
    structure: Option<&Structure>,
) -> Option<(usize, Reason)> {
    let low = match choice {
        Choice::Fixed(_) => return Some((0, Reason::Asked)),
        Choice::Range(low, _) => low,
    };
    let has_groups = structure.is_none_or(|structure| structure.found);
    let one = candidates.iter().position(|c| c.k == 1);
    if let (1, Some(one), false) = (low, one, has_groups) {
        return Some((one, Reason::NoStructure));
    }
    let measured = candidates.iter().any(|c| c.stability.is_some());
    let may_be = |c: &Candidate| is_large_enough(c) && (!measured || stability(c) >= MIN_STABILITY);
    let Some(best) = first_best(candidates, may_be, separation) else {
        let most = first_best(candidates, is_large_enough, stability)?;
        return Some((most, Reason::MostStable));
    };
    let best_k = candidates[best].k;
    let most = separation(&candidates[best]);
    let stands = |c: &Candidate| may_be(c) && is_steady(c) && separation(c) >= MIN_SHARE_OF_BEST * most;
    if let (true, true, Some(at)) = (has_groups, most > 0.0, candidates.iter().rposition(stands)) {
        return Some((at, Reason::Steady { best_k }));
    }
    let floor = most - standard_error(&candidates[best]);
    let at = candidates.iter().position(|c| may_be(c) && separation(c) >= floor)?;
    Some((at, Reason::Separated { best_k }))
}

/// Every persona comes out again, nearly with the same customers.
fn is_steady(candidate: &Candidate) -> bool {
    let least = candidate.stability.as_ref().map(|stability| Steadiness::of(stability.least_jaccard));
    least == Some(Steadiness::VeryStable)
}

/// Several personas, none of them too small.
fn is_large_enough(candidate: &Candidate) -> bool {
    candidate.k > 1 && candidate.large_enough
}

fn stability(candidate: &Candidate) -> f64 {
    candidate.stability.as_ref().map_or(0.0, |stability| stability.adjusted_rand)
}

/// How much better separated than customers without groups.
fn separation(candidate: &Candidate) -> f64 {
    let null = candidate.null.as_ref().map_or(0.0, |null| null.mean);
    candidate.simplified_silhouette.unwrap_or(0.0) - null
}

fn standard_error(candidate: &Candidate) -> f64 {
    let of_null = candidate.null.as_ref().map_or(0.0, |null| null.standard_error);
    libm::hypot(candidate.standard_error.unwrap_or(0.0), of_null)
}

/// The position of the largest figure among those that may be taken, ties to the first.
fn first_best(
    candidates: &[Candidate],
    may_be: impl Fn(&Candidate) -> bool,
    figure: impl Fn(&Candidate) -> f64,
) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (at, candidate) in candidates.iter().enumerate().filter(|(_, c)| may_be(c)) {
        if best.is_none_or(|best| figure(candidate) > figure(&candidates[best])) {
            best = Some(at);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::super::choice::{NullSilhouette, Stability};
    use super::*;

    fn candidate(k: usize, silhouette: f64, smallest: u64) -> Candidate {
        Candidate {
            k,
            inertia: 1.0,
            explained_share: 0.5,
            simplified_silhouette: (k > 1).then_some(silhouette),
            standard_error: Some(0.01),
            calinski_harabasz: None,
            davies_bouldin: None,
            silhouette: None,
            stability: None,
            null: None,
            smallest,
            large_enough: smallest >= 25,
            converged: true,
        }
    }

    fn stable(candidate: Candidate, adjusted_rand: f64) -> Candidate {
        steady(candidate, adjusted_rand, 0.5)
    }

    fn steady(candidate: Candidate, adjusted_rand: f64, least_jaccard: f64) -> Candidate {
        let stability = Stability { n_resamples: 20, adjusted_rand, least_jaccard };
        Candidate { stability: Some(stability), ..candidate }
    }

    fn beside(candidate: Candidate, mean: f64) -> Candidate {
        Candidate { null: Some(NullSilhouette { mean, standard_error: 0.001 }), ..candidate }
    }

    #[test]
    fn the_smaller_number_within_one_standard_error_of_the_best_is_chosen() {
        let tried =
            [candidate(2, 0.50, 80), candidate(3, 0.595, 40), candidate(4, 0.60, 30), candidate(5, 0.7, 9)];
        assert_eq!(decide(&tried, Choice::Range(2, 5), None), Some((1, Reason::Separated { best_k: 4 })));
        assert_eq!(decide(&tried[3..], Choice::Fixed(5), None), Some((0, Reason::Asked)));
    }

    #[test]
    fn without_a_large_enough_persona_nothing_is_chosen() {
        let tried = [candidate(1, 0.0, 100), candidate(2, 0.9, 3), candidate(3, 0.5, 7)];
        assert_eq!(decide(&tried, Choice::Range(1, 3), None), None);
    }

    #[test]
    fn separation_is_what_customers_without_groups_do_not_have() {
        let tried = [beside(candidate(2, 0.60, 80), 0.58), beside(candidate(4, 0.50, 40), 0.40)];
        assert_eq!(decide(&tried, Choice::Range(2, 4), None).unwrap().0, 1);
    }

    #[test]
    fn the_error_of_tables_without_groups_counts_too() {
        let unsure = |k, silhouette, standard_error| {
            let null = Some(NullSilhouette { mean: 0.1, standard_error });
            Candidate { null, ..candidate(k, silhouette, 40) }
        };
        // .03 apart; the errors are .01 and .04.
        let at = |standard_error| {
            let tried = [unsure(2, 0.57, 0.0), unsure(3, 0.60, standard_error)];
            decide(&tried, Choice::Range(2, 3), None).unwrap().0
        };
        assert_eq!((at(0.0), at(0.04)), (1, 0));
    }

    #[test]
    fn what_is_not_found_again_is_not_chosen_unless_nothing_is() {
        let tried = [
            stable(candidate(2, 0.4, 80), 0.9),
            stable(candidate(3, 0.6, 60), 0.79),
            stable(candidate(4, 0.5, 40), 0.8),
        ];
        assert_eq!(decide(&tried, Choice::Range(2, 4), None).unwrap().0, 2);
        let shaky = [stable(candidate(2, 0.4, 80), 0.5), stable(candidate(3, 0.6, 60), 0.7)];
        assert_eq!(decide(&shaky, Choice::Range(2, 3), None), Some((1, Reason::MostStable)));
    }

    #[test]
    fn as_many_as_are_each_very_stable_are_chosen_if_they_stand_out() {
        let tried = [
            steady(candidate(2, 0.60, 80), 0.99, 0.99),
            steady(candidate(3, 0.50, 60), 0.90, 0.85),
            steady(candidate(4, 0.55, 40), 0.90, 0.84),
            steady(candidate(5, 0.29, 40), 0.95, 0.95),
            steady(candidate(6, 0.50, 7), 0.95, 0.95),
        ];
        let three = Some((1, Reason::Steady { best_k: 2 }));
        assert_eq!(decide(&tried, Choice::Range(2, 6), None), three);
        // Where customers differ by degrees every number of slices is stable.
        let none = Structure { found: false, p_value: 0.4, n_replicates: 19 };
        let two = Some((0, Reason::Separated { best_k: 2 }));
        assert_eq!(decide(&tried, Choice::Range(2, 6), Some(&none)), two);
    }

    #[test]
    fn without_groups_a_range_from_one_gives_one_persona_and_others_the_usual_choice() {
        let none = Structure { found: false, p_value: 0.4, n_replicates: 19 };
        let tried = [candidate(1, 0.0, 100), candidate(2, 0.3, 40)];
        assert_eq!(decide(&tried, Choice::Range(1, 2), Some(&none)), Some((0, Reason::NoStructure)));
        let separated = Some((0, Reason::Separated { best_k: 2 }));
        assert_eq!(decide(&tried[1..], Choice::Range(2, 2), Some(&none)), separated);
        let some = Structure { found: true, p_value: 0.05, n_replicates: 19 };
        assert_eq!(decide(&tried, Choice::Range(1, 2), Some(&some)).unwrap().0, 1);
    }
}
