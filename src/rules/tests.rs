//! The language: what reads, what prints, what is refused and in which words, what holds.

use proptest::prelude::*;

use super::*;

fn fields() -> Fields {
    ["cltv", "churn_probability", "orders", "orders_90_days", "days_since_last_order"]
        .into_iter()
        .fold(Fields::default(), |fields, name| fields.with(name, FieldType::Number))
        .with("persona_name", FieldType::Text)
        .with("country", FieldType::Text)
        .with("newsletter", FieldType::YesNo)
        .with("Age (years)", FieldType::Number)
        .with_any("category_share_", FieldType::Number)
}

fn rule(text: &str) -> Rule {
    Rule::parse(text, &fields()).unwrap_or_else(|error| panic!("{error}\n{}", error.marked(text)))
}

fn printed(text: &str) -> String {
    rule(text).expression().to_string()
}

#[test]
fn a_rule_prints_as_it_reads() {
    for text in [
        "cltv > p80 and churn_probability > 0.6",
        "not newsletter",
        "not (newsletter or cltv <= -3) and persona_name != 'it''s'",
        "cltv is missing or orders is not missing and newsletter = no",
        "p99.5 < cltv",
        "orders_90_days = orders",
        "`Age (years)` >= 18",
        "category_share_food > 0.5",
        "(cltv > 1 and cltv < 2) and orders > 0",
        "not not newsletter",
    ] {
        assert_eq!(printed(text), text);
    }
}

#[test]
fn spellings_that_mean_the_same_print_alike() {
    for (text, plain) in [
        ("cltv==1", "cltv = 1"),
        ("(cltv>1e3)", "cltv > 1000"),
        ("newsletter = TRUE Or newsletter=false", "newsletter = yes or newsletter = no"),
        ("persona_name = \"say \"\"hi\"\"\"", "persona_name = 'say \"hi\"'"),
        ("cltv\t>\np080", "cltv > p80"),
        ("(newsletter and (cltv > 1)) or newsletter", "newsletter and cltv > 1 or newsletter"),
        ("`cltv` IS NOT Missing", "cltv is not missing"),
    ] {
        assert_eq!(printed(text), plain, "{text}");
    }
}

/// Ten nasty ones first, each with its column and its words.
#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, column, problem) in [
        ("clvt > p80", 1, "\"clvt\" is no field; did you mean \"cltv\"?"),
        ("churn > 0.5", 1, "\"churn\" is no field; did you mean churn_probability?"),
        ("cltv > p80 and and newsletter", 16, "\"and\" where a field or a constant is expected"),
        ("cltv > (p80", 8, "\"(\" where a field or a constant is expected"),
        ("(cltv > p80 or newsletter", 26, "the end where the \"(\" of column 1 should be closed"),
        ("persona_name = Champions", 16, "\"Champions\" is no field; a text stands in quotes: 'Champions'"),
        ("persona_name > 'a'", 1, "persona_name is a text, which has no order; compare it by = or !="),
        ("churn_probability > 60%", 21, "\"60\" with a sign of per cent is no number; write 0.6 for 60 %"),
        (
            "1 < cltv < 5",
            10,
            "a comparison has one field or constant on either side and does not go on; write a < b and b < c",
        ),
        ("cltv > p101", 8, "\"p101\" is no percentile: they go from p0 to p100"),
        ("persona_name = 'open", 16, "the quote ' is not closed"),
        ("", 1, "an empty rule; expected a comparison such as cltv > p80"),
        ("  ", 1, "an empty rule; expected a comparison such as cltv > p80"),
        (
            "cltv",
            1,
            "cltv is a number, so it is compared with something: a number such as 0.6, or a percentile such as p80",
        ),
        ("cltv > 0,6", 8, "\"0\" is followed by a comma; a decimal point is a point: 0.6"),
        ("cltv > 1_000", 8, "\"1\" is followed by \"_\"; a number is digits such as 1000 or 0.6"),
        ("cltv > 1e999", 8, "\"1e999\" is too large for a number"),
        ("cltv && newsletter", 6, "\"&\" is no sign of a rule: write and"),
        ("cltv <> 3", 6, "\"<>\" is no sign of a rule: write != for \"is not\""),
        ("cltv * 2 > 3", 6, "\"*\" is no sign of a rule: rules compare fields and do not calculate"),
        (
            "cltv = 'much'",
            8,
            "cltv is a number, 'much' is a text; expected a number such as 0.6, or a percentile such as p80",
        ),
        ("newsletter = 1", 14, "newsletter is a yes or no, 1 is a number; expected yes or no"),
        (
            "persona_name = p80",
            16,
            "persona_name is a text, p80 is a number; expected a text in quotes such as 'web'",
        ),
        ("1 < 2", 1, "1 and 2 are both constants; one side must be a field"),
        ("p80 > 0", 1, "p80 and 0 are both constants; one side must be a field"),
        ("0.6", 1, "0.6 alone says nothing; expected a comparison such as cltv > p80"),
        ("cltv is 3", 6, "\"is\" asks for missing or not missing; write = to compare"),
        ("3 is missing", 1, "3 is a constant; only a field can be missing"),
        ("newsletter)", 11, "this \")\" closes no \"(\""),
        ("newsletter newsletter", 12, "\"newsletter\" stands alone; expected and, or, or the end"),
        ("größe > 3", 3, "\"ö\" is no ASCII letter; such a name stands in back quotes: `grö…`"),
        (
            "zzzzzzzzzzzz > 3",
            1,
            "\"zzzzzzzzzzzz\" is no field; known are cltv, churn_probability, orders, orders_90_days, \
             days_since_last_order, persona_name, country, newsletter and 1 more",
        ),
    ] {
        let error = Rule::parse(text, &fields()).expect_err(text);
        assert_eq!((error.column, error.problem.as_str()), (column, problem), "{text}");
    }
}

#[test]
fn too_deep_and_too_long_are_refused() {
    let deep = |n: usize| format!("{}newsletter{}", "(".repeat(n), ")".repeat(n));
    assert!(Rule::parse(&deep(64), &fields()).is_ok());
    let error = Rule::parse(&deep(65), &fields()).unwrap_err();
    assert_eq!(
        (error.column, error.problem.as_str()),
        (65, "more than 64 brackets and nots inside each other")
    );
    let nots = format!("{}newsletter", "not ".repeat(100_000));
    assert_eq!(Rule::parse(&nots, &fields()).unwrap_err().column, 10_001);
}

#[test]
fn the_mark_stands_under_the_place() {
    let text = "country = 'é' and\n cltw > 3";
    let error = Rule::parse(text, &fields()).unwrap_err();
    assert_eq!(error.marked(text), "country = 'é' and  cltw > 3\n                   ^");
}

/// cltv, churn_probability, persona_name, newsletter.
type Row = (Option<f64>, Option<f64>, Option<&'static str>, Option<bool>);

fn cell<'a>(rule: &'a Rule, row: &'a Row) -> impl Fn(usize) -> Cell<'a> {
    |at| match rule.fields()[at].as_str() {
        "cltv" => row.0.map_or(Cell::Missing, Cell::Number),
        "churn_probability" => row.1.map_or(Cell::Missing, Cell::Number),
        "persona_name" => row.2.map_or(Cell::Missing, Cell::Text),
        _ => row.3.map_or(Cell::Missing, Cell::YesNo),
    }
}

fn holds(text: &str, row: Row) -> Option<bool> {
    let rule = rule(text);
    let thresholds = vec![Some(100.0); rule.percentiles().len()];
    rule.bind(thresholds).holds(cell(&rule, &row))
}

#[test]
fn rules_hold_by_hand() {
    let row: Row = (Some(120.0), Some(0.7), Some("Regulars"), Some(true));
    let at_p80: Row = (Some(100.0), row.1, row.2, row.3);
    let text = "cltv > p80 and churn_probability > 0.6";
    assert_eq!(holds(text, row), Some(true));
    assert_eq!(holds(text, at_p80), Some(false));
    assert_eq!(holds("cltv >= p80 and p80 <= cltv", at_p80), Some(true));
    assert_eq!(holds("persona_name = 'Regulars'", row), Some(true));
    assert_eq!(holds("persona_name != 'regulars'", row), Some(true));
    assert_eq!(holds("newsletter and not (cltv < 0)", row), Some(true));
    assert_eq!(holds("newsletter = no or cltv = 120", row), Some(true));
    assert_eq!(holds("newsletter != yes", row), Some(false));
}

#[test]
fn a_missing_cell_leaves_open_what_depends_on_it() {
    let row: Row = (None, Some(0.7), None, None);
    assert_eq!(holds("cltv > 1", row), None);
    assert_eq!(holds("not cltv > 1", row), None);
    assert_eq!(holds("cltv != cltv", row), None);
    assert_eq!(holds("cltv > 1 and churn_probability > 0.9", row), Some(false));
    assert_eq!(holds("cltv > 1 and churn_probability > 0.6", row), None);
    assert_eq!(holds("cltv > 1 or churn_probability > 0.6", row), Some(true));
    assert_eq!(holds("cltv > 1 or churn_probability > 0.9", row), None);
    assert_eq!(holds("newsletter or persona_name = 'x'", row), None);
    assert_eq!(holds("cltv is missing and persona_name is missing", row), Some(true));
    assert_eq!(holds("churn_probability is not missing", row), Some(true));
    assert_eq!(holds("cltv is missing", (Some(f64::NAN), None, None, None)), Some(true));
    assert_eq!(holds("cltv > 1", (Some(f64::INFINITY), None, None, None)), None);
}

#[test]
fn a_percentile_of_nothing_leaves_the_comparison_open() {
    let rule = rule("cltv > p80 or newsletter");
    let row: Row = (Some(1.0), None, None, Some(false));
    assert_eq!(rule.bind(vec![None]).holds(cell(&rule, &row)), None);
    assert_eq!(percentile(&[], 80.0), None);
    assert_eq!(percentile(&[3.0], 80.0), Some(3.0));
    let ten: Vec<f64> = (1..=11).map(f64::from).collect();
    assert_eq!([0.0, 80.0, 85.0, 100.0].map(|p| percentile(&ten, p).unwrap()), [1.0, 9.0, 9.5, 11.0]);
}

#[test]
fn fields_and_percentiles_are_listed_once() {
    let rule = rule("cltv > p80 and orders > p80 or p80 > cltv and cltv < p20");
    assert_eq!(rule.fields(), ["cltv", "orders"]);
    let listed: Vec<(&str, f64)> = rule.percentiles().iter().map(|p| (p.field.as_str(), p.p)).collect();
    assert_eq!(listed, [("cltv", 80.0), ("orders", 80.0), ("cltv", 20.0)]);
}

#[test]
fn clauses_say_which_comparison_decided() {
    let rule = rule("not (cltv > p80 or persona_name is missing) and newsletter");
    let bound = rule.bind(vec![Some(100.0)]);
    let row: Row = (Some(50.0), None, None, None);
    let clauses = bound.clauses(cell(&rule, &row));
    let said: Vec<(&str, Option<bool>)> = clauses.iter().map(|c| (c.text.as_str(), c.holds)).collect();
    assert_eq!(
        said,
        [("cltv > p80", Some(false)), ("persona_name is missing", Some(true)), ("newsletter", None)]
    );
    assert_eq!((clauses[0].fields.as_slice(), clauses[0].percentile), (&[0][..], Some(0)));
}

fn name() -> impl Strategy<Value = FieldName> {
    let name =
        prop_oneof!["[a-z_][a-z0-9_]{0,6}", "(and|or|not|is|yes|No|p80|missing)", "[`'\" a-zA-Zé(]{0,5}"];
    name.prop_map(|name| FieldName { name, place: Place(0) })
}

fn operand() -> impl Strategy<Value = Operand> {
    let number = prop_oneof![
        any::<f64>().prop_filter("finite", |x| x.is_finite()),
        (-1000i32..1000).prop_map(|n| f64::from(n) / 8.0),
    ];
    let literal = prop_oneof![
        number.prop_map(Literal::Number),
        "[ -~é'\"`\n]{0,8}".prop_map(Literal::Text),
        any::<bool>().prop_map(Literal::YesNo),
        (0u32..=400).prop_map(|p| Literal::Percentile(f64::from(p) / 4.0)),
    ];
    prop_oneof![
        name().prop_map(Operand::Field),
        literal.prop_map(|literal| Operand::Literal(literal, Place(0))),
    ]
}

fn comparison() -> impl Strategy<Value = Comparison> {
    prop::sample::select(vec![
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::AtMost,
        Comparison::Greater,
        Comparison::AtLeast,
    ])
}

fn expression() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        (operand(), comparison(), operand()).prop_map(|(a, by, b)| Expression::Compare(a, by, b)),
        (name(), any::<bool>()).prop_map(|(field, is)| Expression::Missing(field, is)),
        name().prop_map(Expression::Field),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::All),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::Any),
            inner.prop_map(|part| Expression::Not(Box::new(part))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn every_expression_reads_back_from_its_print(expression in expression()) {
        let text = expression.to_string();
        prop_assert_eq!(parse::parse(&text).map_err(|error| error.marked(&text)), Ok(expression));
    }

    #[test]
    fn no_text_is_a_panic_and_every_refusal_has_a_place(text in "\\PC{0,60}") {
        if let Err(error) = Rule::parse(&text, &fields()) {
            prop_assert!(error.column >= 1 && error.column <= text.chars().count() + 1);
            prop_assert!(!error.problem.is_empty());
        }
    }

    #[test]
    fn no_mix_of_words_is_a_panic(words in prop::collection::vec(prop::sample::select(vec![
        "cltv", "persona_name", "newsletter", "nobody", "and", "or", "not", "is", "missing", "(", ")", "=", "!=", "<",
        ">=", "0.5", "-3", "1e5", "'web'", "\"", "'", "`", "p80", "p999", "yes", "no", "%", ",", "é",
    ]), 0..25), glued in any::<bool>()) {
        let text = words.join(if glued { "" } else { " " });
        match Rule::parse(&text, &fields()) {
            Ok(rule) => {
                let thresholds = vec![Some(1.0); rule.percentiles().len()];
                let again = Rule::parse(&rule.expression().to_string(), &fields());
                prop_assert_eq!(again.as_ref(), Ok(&rule));
                for row in [(None, None, None, None), (Some(1.0), Some(0.5), Some("web"), Some(true))] {
                    rule.bind(thresholds.clone()).holds(cell(&rule, &row));
                }
            }
            Err(error) => prop_assert!(error.column >= 1 && error.column <= text.chars().count() + 1),
        }
    }
}
