//! Segments by rules: RFM and the rules of the job, on everything known of the scored customers.

use std::borrow::Cow;

use bespoke::features::{Column, FeatureKind, FeatureTable};
use bespoke::rules::{Cell, FieldType, Fields, Rule, percentile};
use bespoke::segments::{Purchasing, Rfm, RfmScores, RfmSegment, rfm};
use bespoke_io::{OutColumn, OutValues};
use rayon::prelude::*;

use super::tables::{Activity, Scores};
use crate::config::segments::CUSTOMER_FIELDS;
use crate::outputs::segment_figures::{
    Group, Holds, RfmFigures, RfmGroup, RfmScale, RuleField, RuleFigures, RulePercentile, SegmentFigures,
};

/// RFM of the scored customers, in their order.
pub fn rfm_of(activity: &[Activity]) -> Rfm {
    let purchasing = |one: &Activity| {
        let days_since_last_order = one.days_since_last_order.filter(|_| one.orders > 0)?;
        Some(Purchasing { days_since_last_order, orders: one.orders, revenue: one.revenue })
    };
    rfm(&activity.iter().map(purchasing).collect::<Vec<_>>())
}

/// The columns of RFM in `customers.parquet`.
pub fn rfm_columns(rfm: &Rfm) -> Vec<OutColumn<'static>> {
    let place = |scores: &RfmScores| {
        let segment = scores.segment();
        RfmSegment::ALL.iter().position(|&known| known == segment).map(|at| at as u32)
    };
    let names = RfmSegment::ALL.iter().map(|segment| Cow::Borrowed(segment.name())).collect();
    let codes = rfm.scores.iter().map(|scores| scores.as_ref().and_then(place)).collect();
    let column = |of: fn(&RfmScores) -> Option<u8>| {
        OutValues::U32(rfm.scores.iter().map(|scores| scores.as_ref().and_then(of).map(u32::from)).collect())
    };
    vec![
        OutColumn::new("rfm_segment", OutValues::Coded { names, codes }),
        OutColumn::new("rfm_r", column(|scores| Some(scores.r))),
        OutColumn::new("rfm_f", column(|scores| Some(scores.f))),
        OutColumn::new("rfm_m", column(|scores| scores.m)),
    ]
}

/// Where the cells of a field are.
enum Source<'a> {
    Output(&'a OutValues<'a>),
    Numbers(&'a [f64]),
    YesNo(&'a [f64]),
    Levels(&'a [Option<u32>], &'a [String]),
    /// This run does not have the feature.
    Absent,
}

impl<'a> Source<'a> {
    fn of(field: &str, outputs: &'a [OutColumn<'a>], table: &'a FeatureTable) -> Self {
        let is_output = CUSTOMER_FIELDS.iter().any(|(name, _)| *name == field);
        if let Some(column) = outputs.iter().find(|column| is_output && column.name == field) {
            return Self::Output(&column.values);
        }
        let Some(at) = table.spec().position(field) else { return Self::Absent };
        match (&table.columns()[at], &table.spec().features[at].kind) {
            (Column::Number(cells), FeatureKind::YesNo) => Self::YesNo(cells),
            (Column::Number(cells), _) => Self::Numbers(cells),
            (Column::Category(codes), FeatureKind::Category { levels }) => Self::Levels(codes, levels),
            (Column::Category(_), _) => Self::Absent,
        }
    }

    fn cell(&self, row: usize) -> Cell<'_> {
        let number = |x: Option<f64>| x.map_or(Cell::Missing, Cell::Number);
        match self {
            Self::Output(OutValues::F64(cells)) => number(cells[row]),
            Self::Output(OutValues::U32(cells)) => number(cells[row].map(f64::from)),
            Self::Output(OutValues::I64(cells)) => number(cells[row].map(|n| n as f64)),
            Self::Output(OutValues::Bool(cells)) => cells[row].map_or(Cell::Missing, Cell::YesNo),
            Self::Output(OutValues::Text(cells)) => cells[row].as_deref().map_or(Cell::Missing, Cell::Text),
            Self::Output(OutValues::Coded { names, codes }) => {
                codes[row].map_or(Cell::Missing, |code| Cell::Text(&names[code as usize]))
            }
            Self::Output(_) | Self::Absent => Cell::Missing,
            Self::Numbers(cells) => Cell::Number(cells[row]),
            Self::YesNo(cells) if cells[row].is_nan() => Cell::Missing,
            Self::YesNo(cells) => Cell::YesNo(cells[row] > 0.5),
            Self::Levels(codes, levels) => {
                codes[row].map_or(Cell::Missing, |code| Cell::Text(&levels[code as usize]))
            }
        }
    }

    /// The cells that are numbers, ascending.
    fn sorted(&self, n_rows: usize) -> Vec<f64> {
        let number = |row: usize| match self.cell(row) {
            Cell::Number(x) if x.is_finite() => Some(x),
            _ => None,
        };
        let mut cells: Vec<f64> = (0..n_rows).filter_map(number).collect();
        cells.sort_unstable_by(f64::total_cmp);
        cells
    }

    /// As a column of an output file; absent where an output holds it, or nothing does.
    fn column(&self) -> Option<OutValues<'a>> {
        let known = |cells: &[f64]| cells.iter().map(|&x| (!x.is_nan()).then_some(x)).collect::<Vec<_>>();
        match *self {
            Self::Numbers(cells) => Some(OutValues::F64(known(cells))),
            Self::YesNo(cells) => {
                Some(OutValues::Bool(known(cells).into_iter().map(|x| x.map(|x| x > 0.5)).collect()))
            }
            Self::Levels(codes, levels) => Some(OutValues::Coded {
                names: levels.iter().map(|level| Cow::Borrowed(level.as_str())).collect(),
                codes: codes.to_vec(),
            }),
            Self::Output(_) | Self::Absent => None,
        }
    }
}

/// One rule on every scored customer.
pub struct Segment<'a> {
    name: String,
    /// Name of its column.
    column: String,
    rule: &'a Rule,
    thresholds: Vec<Option<f64>>,
    /// Fields that this run lacks.
    absent: Vec<String>,
    pub holds: Vec<Option<bool>>,
}

/// Every rule on every scored customer, in the order of `rules`; `outputs` are the columns of `customers.parquet`.
pub fn apply<'a>(
    rules: &'a [(String, Rule)],
    outputs: &[OutColumn<'_>],
    table: &FeatureTable,
) -> Vec<Segment<'a>> {
    let n_rows = table.n_rows();
    let one = |(name, rule): &'a (String, Rule)| {
        let sources: Vec<Source<'_>> =
            rule.fields().iter().map(|field| Source::of(field, outputs, table)).collect();
        let at = |field: &str| rule.fields().iter().position(|known| known == field);
        let threshold = |asked: &bespoke::rules::Percentile| {
            percentile(&sources[at(&asked.field)?].sorted(n_rows), asked.p)
        };
        let thresholds: Vec<Option<f64>> = rule.percentiles().iter().map(threshold).collect();
        let bound = rule.bind(thresholds.clone());
        let holds =
            (0..n_rows).into_par_iter().map(|row| bound.holds(|field| sources[field].cell(row))).collect();
        let absent =
            rule.fields().iter().zip(&sources).filter(|(_, source)| matches!(source, Source::Absent));
        let absent = absent.map(|(field, _)| field.clone()).collect();
        Segment { name: name.clone(), column: format!("segment_{name}"), rule, thresholds, absent, holds }
    };
    rules.iter().map(one).collect()
}

/// The columns of the rules in `customers.parquet`: empty where missing cells leave a rule open.
pub fn columns<'a>(segments: &'a [Segment<'_>]) -> Vec<OutColumn<'a>> {
    let column = |one: &'a Segment<'_>| OutColumn::new(&one.column, OutValues::Bool(one.holds.clone()));
    segments.iter().map(column).collect()
}

/// The columns of `segment_cells.parquet`: the features that rules name, by which `explain` shows why. None when
/// rules name outputs only.
pub fn cells<'a>(
    rules: &'a [(String, Rule)],
    ids: OutColumn<'a>,
    table: &'a FeatureTable,
) -> Vec<OutColumn<'a>> {
    let mut columns = vec![ids];
    let outputs = |field: &str| CUSTOMER_FIELDS.iter().any(|(name, _)| *name == field);
    for field in rules.iter().flat_map(|(_, rule)| rule.fields()).filter(|field| !outputs(field)) {
        if columns.iter().all(|known| known.name != field)
            && let Some(values) = Source::of(field, &[], table).column()
        {
            columns.push(OutColumn::new(field, values));
        }
    }
    if columns.len() == 1 { Vec::new() } else { columns }
}

/// What a person should know of the rules, a sentence each.
pub fn warnings(segments: &[Segment<'_>]) -> Vec<String> {
    let lacks = segments.iter().filter(|one| !one.absent.is_empty());
    let said = |one: &Segment<'_>| {
        let (name, fields) = (&one.name, one.absent.join(", "));
        format!("segments.{name}: this run does not have {fields}; it counts as missing for everybody")
    };
    lacks.map(said).collect()
}

/// Figures for the record.
pub fn figures(rfm: &Rfm, segments: &[Segment<'_>], scores: &Scores<'_>, fields: &Fields) -> SegmentFigures {
    let groups = Groups::of(scores);
    let rules = segments.iter().map(|one| rule_figures(one, &groups, fields)).collect();
    SegmentFigures { rfm: rfm_figures(rfm, &groups), rules }
}

fn rule_figures(one: &Segment<'_>, groups: &Groups<'_>, fields: &Fields) -> RuleFigures {
    // A rule names known fields only.
    let holds = |name: &str| fields.holds(name).unwrap_or(FieldType::Number);
    let field = |name: &String| RuleField { name: name.clone(), holds: Holds::from(holds(name)) };
    let percentiles = one.rule.percentiles().iter().zip(&one.thresholds);
    RuleFigures {
        name: one.name.clone(),
        rule: one.rule.expression().to_string(),
        fields: one.rule.fields().iter().map(field).collect(),
        percentiles: percentiles
            .map(|(asked, &at)| RulePercentile { field: asked.field.clone(), p: asked.p, at })
            .collect(),
        group: groups.group(|row| one.holds[row] == Some(true)),
        unknown: one.holds.iter().filter(|holds| holds.is_none()).count() as u64,
    }
}

fn rfm_figures(rfm: &Rfm, groups: &Groups<'_>) -> Option<RfmFigures> {
    let without_orders = rfm.scores.iter().filter(|scores| scores.is_none()).count();
    if without_orders == rfm.scores.len() {
        return None;
    }
    let customers = |of: &dyn Fn(&RfmScores) -> Option<u8>| -> Vec<u64> {
        let with = |score: u8| rfm.scores.iter().flatten().filter(|scores| of(scores) == Some(score)).count();
        (1..=5).map(|score| with(score) as u64).collect()
    };
    let scale = |letter: &str, label: &str, unit: &str, from: &[Option<f64>], customers: Vec<u64>| RfmScale {
        letter: letter.to_owned(),
        label: label.to_owned(),
        unit: unit.to_owned(),
        from: from.to_vec(),
        customers,
    };
    let mut scores = vec![
        scale("R", "days since the last order", "days", &rfm.most_days, customers(&|one| Some(one.r))),
        scale("F", "orders", "orders", &rfm.least_orders, customers(&|one| Some(one.f))),
    ];
    if rfm.least_revenue.iter().any(Option::is_some) {
        scores.push(scale("M", "revenue", groups.currency, &rfm.least_revenue, customers(&|one| one.m)));
    }
    let of = |segment: RfmSegment| RfmGroup {
        name: segment.name().to_owned(),
        cells: segment.cells(),
        group: groups.group(|row| rfm.scores[row].is_some_and(|scores| scores.segment() == segment)),
    };
    Some(RfmFigures {
        without_orders: without_orders as u64,
        scores,
        segments: RfmSegment::ALL.into_iter().map(of).collect(),
    })
}

/// What groups of customers are measured by.
struct Groups<'a> {
    revenue: Vec<f64>,
    cltv: Vec<Option<f64>>,
    churn: Option<Vec<f64>>,
    currency: &'a str,
}

impl<'a> Groups<'a> {
    fn of(scores: &Scores<'a>) -> Self {
        let input = scores.input;
        Self {
            revenue: scores.activity.iter().map(|one| one.revenue).collect(),
            cltv: input.scored.iter().map(|&c| scores.values[c].and_then(|row| row.cltv)).collect(),
            churn: scores.leaving.map(|leaving| leaving.scores.iter().map(|s| s.p_churn).collect()),
            currency: &input.tables.currency,
        }
    }

    fn group(&self, has: impl Fn(usize) -> bool) -> Group {
        let rows: Vec<usize> = (0..self.revenue.len()).filter(|&row| has(row)).collect();
        let total: f64 = self.revenue.iter().sum();
        // The sum of nothing is a negative zero.
        let revenue = rows.iter().map(|&row| self.revenue[row]).sum::<f64>() + 0.0;
        let values: Vec<f64> = rows.iter().filter_map(|&row| self.cltv[row]).collect();
        let churn = self.churn.as_ref().filter(|_| !rows.is_empty());
        Group {
            customers: rows.len() as u64,
            share: rows.len() as f64 / self.revenue.len().max(1) as f64,
            revenue,
            revenue_share: (total > 0.0).then(|| revenue / total),
            cltv: (!values.is_empty()).then(|| values.iter().sum()),
            mean_churn: churn
                .map(|churn| rows.iter().map(|&row| churn[row]).sum::<f64>() / rows.len() as f64),
        }
    }
}
