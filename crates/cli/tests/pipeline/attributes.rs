//! Tables of customers that are hard on personas: columns that say nothing, too much or no number, too few customers.

use serde_json::Value;

use crate::fixture::Fixture;

/// A job over `customers.csv` with these attributes (name, type).
fn job(attributes: &[(&str, &str)], personas: &str) -> String {
    let attribute =
        |(name, kind): &(&str, &str)| format!("{name} = {{ column = \"{name}\", type = \"{kind}\" }}\n");
    let attributes: String = attributes.iter().map(attribute).collect();
    format!(
        "[job]\ntime_zone = \"UTC\"\ncurrency = \"EUR\"\nseed = 1\nas_of = \"2026-01-01\"\n\
         [source.customers]\npath = \"customers.csv\"\ntable = \"customers\"\ncolumns = {{ customer_id = \"id\" }}\n\
         [source.customers.customer_attributes]\n{attributes}[personas]\n{personas}\n"
    )
}

const NUMBERS: [(&str, &str); 2] = [("a", "number"), ("b", "number")];

/// Two numbers with three far groups, with a third cell by customer.
fn rows(n: usize, third: impl Fn(usize) -> String) -> String {
    let number = |i: usize, salt: usize| 20 * (i % 3) + (i * salt) % 7;
    let row = |i: usize| format!("{i},{},{},{}\n", number(i, 11), number(i, 5), third(i));
    format!("id,a,b,c\n{}", (0..n).map(row).collect::<String>())
}

/// What a refresh published: the record of the run and the personas.
struct Refreshed {
    fixture: Fixture,
    record: Value,
    personas: Value,
}

fn refreshed(job: &str, customers: &str) -> Refreshed {
    let fixture = Fixture::with_job(job);
    fixture.write("customers.csv", customers);
    let outcome = fixture.run(&["refresh", "--json", "--quiet"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let record = outcome.json()["record"].clone();
    let personas = serde_json::from_str(&fixture.read("out/runs/000001/personas.json")).unwrap();
    Refreshed { fixture, record, personas }
}

impl Refreshed {
    fn n_personas(&self) -> usize {
        self.personas["personas"].as_array().unwrap().len()
    }

    fn how_many(&self) -> &str {
        self.personas["how_many"].as_str().unwrap()
    }

    fn left_out(&self, feature: &str) -> &str {
        let features = self.record["data"]["features"].as_array().unwrap();
        let found = features.iter().find(|one| one["feature"] == feature).unwrap();
        found["left_out"].as_str().unwrap_or_else(|| panic!("{feature} has a say: {found}"))
    }

    fn warnings(&self) -> String {
        self.record["warnings"].to_string()
    }
}

#[test]
fn more_personas_than_different_customers_are_one_persona_and_a_warning() {
    let alike: String = (0..90).map(|i| format!("{i},{},{}\n", i % 3, i % 3)).collect();
    let alike = format!("id,a,b\n{alike}");
    for (k, asked) in [("k = 8", "8 asked for"), ("k = [5, 8]", "5 to 8 tried")] {
        let refreshed = refreshed(&job(&NUMBERS, k), &alike);
        assert_eq!(refreshed.n_personas(), 1);
        assert_eq!(refreshed.how_many(), format!("1 persona ({asked}): only 3 different customers"));
        assert!(
            refreshed.warnings().contains("there are only 3 different customers"),
            "{}",
            refreshed.warnings()
        );
    }
    let some = refreshed(&job(&NUMBERS, "k = [2, 8]"), &alike);
    assert_eq!(some.n_personas(), 3);
    assert!(!some.warnings().contains("different customers"), "{}", some.warnings());
    let refused = some.personas["choice"]["refused"].as_array().unwrap();
    let refused: Vec<u64> = refused.iter().map(|one| one[0].as_u64().unwrap()).collect();
    assert_eq!(refused, [4, 5, 6, 7, 8]);
}

#[test]
fn one_customer_is_one_persona() {
    for k in ["k = 3", "k = [2, 5]", "k = [1, 5]"] {
        let refreshed = refreshed(&job(&NUMBERS, k), "id,a,b\n1,5,6\n");
        assert_eq!(refreshed.n_personas(), 1);
        assert_eq!(refreshed.personas["personas"][0]["size"], 1);
        assert!(refreshed.how_many().ends_with("no two customers differ"), "{}", refreshed.how_many());
    }
}

#[test]
fn columns_that_say_nothing_are_left_out_with_the_reason() {
    let with = |kind| [NUMBERS[0], NUMBERS[1], ("c", kind)];
    for (kind, cell, reason) in [
        ("number", "7", "the same for everybody"),
        ("category", "x", "the same for everybody"),
        ("number", "", "known of nobody"),
        ("category", "", "known of nobody"),
    ] {
        let refreshed = refreshed(&job(&with(kind), "k = [2, 5]"), &rows(300, |_| cell.to_owned()));
        assert_eq!((refreshed.left_out("c"), refreshed.n_personas()), (reason, 3), "{kind} {cell:?}");
    }
    for cell in ["4", ""] {
        let same: String = (0..60).map(|i| format!("{i},{cell},{cell}\n")).collect();
        let refreshed = refreshed(&job(&NUMBERS, "k = [2, 5]"), &format!("id,a,b\n{same}"));
        assert_eq!(refreshed.n_personas(), 1);
        assert!(refreshed.how_many().ends_with("no two customers differ"), "{}", refreshed.how_many());
    }
}

#[test]
fn ten_thousand_categories_have_no_say_and_no_name_in_the_model() {
    let with = [NUMBERS[0], NUMBERS[1], ("c", "category")];
    let refreshed =
        refreshed(&job(&with, "k = [2, 4]\nruns = 2"), &rows(10_000, |i| format!("street {i:05}")));
    assert_eq!(refreshed.left_out("c"), "every level has too few customers");
    assert_eq!(refreshed.n_personas(), 3);
    for file in ["model.bespoke", "personas.json", "report.html"] {
        let bytes = std::fs::read(refreshed.fixture.path(&format!("out/runs/000001/{file}"))).unwrap();
        assert!(!bytes.windows(7).any(|seven| seven == b"street "), "a rare level is in {file}");
    }
}

#[test]
fn a_number_that_is_none_rejects_its_row() {
    for cell in ["inf", "-inf", "Infinity", "1e400", "NaN"] {
        let cells = |i: usize| if i == 5 { cell.to_owned() } else { (i % 4).to_string() };
        let job = job(&[NUMBERS[0], NUMBERS[1], ("c", "number")], "k = [2, 5]\nruns = 2");
        let refreshed = refreshed(&job, &rows(300, cells));
        assert_eq!(refreshed.record["counts"]["customers"], 299, "{cell}");
        let rejected = refreshed.fixture.read("out/runs/000001/rejected.csv");
        let lines: Vec<&str> = rejected.lines().skip(1).collect();
        let expected = format!("customers,customers.csv,7,c,{cell},non_finite,numbers are finite,");
        assert_eq!(lines, [expected], "{cell}");
    }
    let job = job(&NUMBERS, "k = 2");
    let fixture = Fixture::with_job(&job);
    fixture.write("customers.csv", "id,a,b\n1,inf,2\n2,3,4\n");
    let stderr = fixture.run(&["refresh", "--quiet"]).fails(1);
    assert!(stderr.contains("column \"a\" is \"inf\": non_finite"), "{stderr}");
    assert!(!fixture.path("out/CURRENT").exists());
}
