//! `[segments]`: rules of the job over everything a run says or measures of a customer.

use std::collections::BTreeMap;

use bespoke::features::{AttributeKind, FeatureKind, FeaturePlan};
use bespoke::rules::{FieldType, Fields, Rule};
use bespoke_io::AttributeType;

use super::sections::JobConfig;

/// Rules by the name of their segment, as typed.
pub type Segments = BTreeMap<String, String>;

/// The longest name of a segment: it is a part of a column's name.
const MAX_NAME: usize = 40;

/// Columns of `customers.parquet` that a rule may name, with what they hold; not the id: a rule is about a kind of
/// customer, and its text is kept with the run.
pub const CUSTOMER_FIELDS: [(&str, FieldType); 25] = [
    ("persona_id", FieldType::Number),
    ("persona_name", FieldType::Text),
    ("persona_confidence", FieldType::Number),
    ("persona_low_confidence", FieldType::YesNo),
    ("persona_held", FieldType::YesNo),
    ("second_persona_id", FieldType::Number),
    ("second_persona_features", FieldType::Text),
    ("churn_probability", FieldType::Number),
    ("churn_decile", FieldType::Number),
    ("churn_top_reasons", FieldType::Text),
    ("churn_horizon_days", FieldType::Number),
    ("p_alive", FieldType::Number),
    ("expected_orders", FieldType::Number),
    ("cltv", FieldType::Number),
    ("cltv_low", FieldType::Number),
    ("cltv_high", FieldType::Number),
    ("cltv_horizon_days", FieldType::Number),
    ("currency", FieldType::Text),
    ("orders", FieldType::Number),
    ("revenue", FieldType::Number),
    ("days_since_last_order", FieldType::Number),
    ("rfm_segment", FieldType::Text),
    ("rfm_r", FieldType::Number),
    ("rfm_f", FieldType::Number),
    ("rfm_m", FieldType::Number),
];

/// A rule that cannot be used.
#[derive(Debug, PartialEq)]
pub struct Problem {
    /// Dotted key.
    pub key: String,
    /// What is wrong, with the text and a mark where that helps.
    pub message: String,
}

/// Every field that a rule of the job may name: what the outputs say of a customer, then features. Which features
/// there are depends on the data too; those that a run lacks are missing in every row.
pub fn fields(job: &JobConfig) -> Fields {
    let attributes = job.source.values().flat_map(|source| &source.customer_attributes);
    let attributes = attributes.map(|(name, attribute)| (name.as_str(), attribute_kind(attribute.kind)));
    let plan = FeaturePlan::everything(attributes);
    let fields = CUSTOMER_FIELDS
        .into_iter()
        .fold(Fields::default(), |fields, (name, holds)| fields.with(name, holds))
        .with_any("category_share_", FieldType::Number)
        .with_any("channel_share_", FieldType::Number);
    plan.spec().features.into_iter().fold(fields, |fields, def| {
        let holds = feature_type(&def.kind);
        fields.with(def.name, holds)
    })
}

/// What a feature holds.
pub fn feature_type(kind: &FeatureKind) -> FieldType {
    match kind {
        FeatureKind::YesNo => FieldType::YesNo,
        FeatureKind::Category { .. } => FieldType::Text,
        _ => FieldType::Number,
    }
}

fn attribute_kind(kind: AttributeType) -> AttributeKind {
    match kind {
        AttributeType::Number => AttributeKind::Number,
        AttributeType::YesNo => AttributeKind::YesNo,
        AttributeType::Category => AttributeKind::Category,
        AttributeType::Date => AttributeKind::Date,
    }
}

/// The rules of a job, by name.
///
/// # Errors
/// The first that cannot be used.
pub fn rules(job: &JobConfig) -> Result<Vec<(String, Rule)>, Problem> {
    let fields = fields(job);
    job.segments.iter().map(|(name, text)| Ok((name.clone(), rule(name, text, &fields)?))).collect()
}

fn rule(name: &str, text: &str, fields: &Fields) -> Result<Rule, Problem> {
    let key = format!("segments.{name}");
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !begins || !name.chars().all(letters) || name.len() > MAX_NAME {
        let message = format!(
            "\"{key}\": the name of a segment is small letters, digits and _, begins with a letter and has at most \
             {MAX_NAME} characters"
        );
        return Err(Problem { key, message });
    }
    Rule::parse(text, fields).map_err(|error| {
        let marked = error.marked(text).replace('\n', "\n  ");
        Problem { message: format!("{key}, {error}\n  {marked}"), key }
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SMALL, read};
    use super::*;

    fn refusal(rule: &str) -> String {
        let text = format!("{SMALL}[segments]\nmine = {}\n", toml::Value::String(rule.to_owned()));
        format!("{:#}", read(&text, &[]).unwrap_err())
    }

    #[test]
    fn a_rule_of_outputs_features_and_attributes_is_read() {
        let attributes = "[source.a]\npath = \"a.csv\"\ntable = \"customers\"\n\
                          [source.a.customer_attributes]\n\
                          member = { column = \"m\", type = \"yes_no\" }\n\
                          \"Home Town\" = { column = \"t\", type = \"category\" }\n\
                          birthday = { column = \"b\", type = \"date\" }\n\
                          [segments]\n\
                          value_at_risk = \"cltv > p80 and churn_probability > 0.6\"\n\
                          all_of_it = \"member and home_town = 'Bern' and days_since_birthday > 7000 and \
                          views_30_days > 0 and category_share_toys > 0.5 and rfm_segment = 'At Risk'\"\n";
        let job = read(&format!("{SMALL}{attributes}"), &[]).unwrap();
        let rules = rules(&job).unwrap();
        let names: Vec<&str> = rules.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["all_of_it", "value_at_risk"]);
        assert_eq!(rules[1].1.fields(), ["cltv", "churn_probability"]);
    }

    #[test]
    fn a_wrong_rule_is_pointed_at() {
        assert_eq!(
            refusal("clvt > p80 and orders > 3"),
            "shop/bespoke.toml: segments.mine, column 1: \"clvt\" is no field; did you mean \"cltv\"?\n  \
             clvt > p80 and orders > 3\n  ^"
        );
        assert!(
            refusal("orders > 3 and").contains("column 15: the end where a field"),
            "{}",
            refusal("orders > 3 and")
        );
        assert!(refusal("rfm_segment = Champions").contains("'Champions'"));
        let set = read(SMALL, &["segments.mine='clvt > 3'"]).unwrap_err();
        assert!(
            format!("{set:#}").starts_with("--set segments.mine='clvt > 3': segments.mine, column 1"),
            "{set:#}"
        );
    }

    #[test]
    fn a_name_is_a_part_of_a_column() {
        for name in ["Mine", "_mine", "\"my own\"", "\"\"", "9th", &"a".repeat(41)] {
            let error = format!(
                "{:#}",
                read(&format!("{SMALL}[segments]\n{name} = \"orders > 1\"\n"), &[]).unwrap_err()
            );
            assert!(error.contains("the name of a segment is small letters"), "{error}");
        }
        assert!(
            format!("{:#}", read(&format!("{SMALL}[segments]\nmine = 3\n"), &[]).unwrap_err())
                .contains("segments.mine")
        );
    }
}
