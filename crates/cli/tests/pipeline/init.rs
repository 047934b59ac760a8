//! The first session with files nobody has described: `init`, at most two edits, `refresh`.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::Value;

use crate::fixture::Fixture;

/// A file under `BESPOKE_DATA`, or `None` with a visible line when it is not there and need not be.
fn data(file: &str) -> Option<PathBuf> {
    let Some(dir) = std::env::var_os("BESPOKE_DATA") else {
        assert!(
            std::env::var_os("BESPOKE_REQUIRE_DATA").is_none(),
            "BESPOKE_DATA is unset, but data are required"
        );
        let line = format!("SKIPPED the first session with {file}: BESPOKE_DATA is unset\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    };
    Some(PathBuf::from(dir).join(file))
}

/// The most edits a newcomer is asked for.
const MOST_EDITS: usize = 2;

/// What a session with one file gave.
struct FirstSession {
    fixture: Fixture,
    record: Value,
}

/// `init` on a copy of the file in a fresh folder, these edits (from, to), and a quick `refresh`.
fn session(file: &str, edits: &[(&str, &str)]) -> Option<FirstSession> {
    let export = data(file)?;
    assert!(edits.len() <= MOST_EDITS, "{file} needs {} edits", edits.len());
    let fixture = Fixture::empty();
    let name = export.file_name().unwrap().to_str().unwrap();
    std::fs::copy(&export, fixture.path(name)).unwrap();
    fixture.run(&["init"]).ok();
    let mut job = fixture.read("bespoke.toml");
    for (from, to) in edits {
        assert_eq!(job.matches(from).count(), 1, "{from} in\n{job}");
        job = job.replace(from, to);
    }
    fixture.write("bespoke.toml", &job);
    let quick =
        ["--set", "recommend.epochs=2", "--set", "recommend.factors=16", "--set", "personas.runs=2", "--set"];
    let args = [&["refresh", "--json", "--quiet"][..], &quick[..], &["personas.k=[2, 4]"]].concat();
    let outcome = fixture.run(&args);
    assert_eq!(outcome.code, 0, "{}\n{job}", outcome.stderr);
    let record = outcome.json()["record"].clone();
    Some(FirstSession { fixture, record })
}

impl FirstSession {
    fn count(&self, name: &str) -> u64 {
        self.record["counts"][name].as_u64().unwrap()
    }

    /// Stages without a result, with the reason.
    fn missing(&self) -> Vec<(&str, &str)> {
        let all = self.record["not_available"].as_array().unwrap();
        all.iter().map(|one| (one["stage"].as_str().unwrap(), one["reason"].as_str().unwrap())).collect()
    }

    fn n_personas(&self) -> usize {
        let file: Value = serde_json::from_str(&self.fixture.read("out/runs/000001/personas.json")).unwrap();
        file["personas"].as_array().unwrap().len()
    }

    /// Rejected rows over all files.
    fn n_rejected(&self) -> u64 {
        let files = self.record["rows"].as_array().unwrap().iter();
        files
            .flat_map(|file| file["rejected"].as_object().unwrap().values())
            .map(|n| n.as_u64().unwrap())
            .sum()
    }
}

#[test]
fn online_retail_needs_no_edit() {
    let Some(session) = session("online-retail/online_retail.csv.gz", &[]) else { return };
    assert_eq!(session.record["rows"][0]["read"], 541_909);
    assert_eq!(session.n_rejected(), 0);
    assert_eq!(session.record["currency"], "GBP");
    // A voucher and some stock codes of fees occur only behind the rows that init looks at.
    assert!((4_330..=4_340).contains(&session.count("customers")), "{}", session.count("customers"));
    assert_eq!(session.missing(), []);
    let set_aside = session.record["rows"][0]["set_aside"].as_object().unwrap();
    assert!(set_aside["fee"].as_u64().unwrap() > 2_800 && set_aside["zero_price"].as_u64().unwrap() > 2_400);
}

#[test]
fn cdnow_needs_no_edit_and_says_why_nothing_is_recommended() {
    let Some(session) = session("cdnow/CDNOW_master.txt", &[]) else { return };
    assert_eq!((session.count("customers"), session.n_rejected()), (23_570, 0));
    let revenue = session.record["counts"]["revenue"].as_f64().unwrap();
    assert!((revenue - 2_500_315.63).abs() < 0.01, "{revenue}");
    assert_eq!(session.record["currency"], "USD");
    let missing = session.missing();
    assert!(
        missing.len() == 1 && missing[0].0 == "recommend" && missing[0].1.contains("names items"),
        "{missing:?}"
    );
    assert!(session.record["cltv"].is_object() && session.record["churn"].is_object());
    assert!(session.record["recommendations"].is_null());
}

#[test]
fn telco_needs_no_edit_and_gives_personas_of_a_customers_table() {
    let Some(session) = session("telco-churn/Telco-Customer-Churn.csv", &[]) else { return };
    assert_eq!((session.count("customers"), session.n_rejected()), (7_043, 0));
    people_only(&session);
}

#[test]
fn bank_marketing_needs_no_edit_and_takes_every_row_for_a_customer() {
    let Some(session) = session("bank-marketing/bank_full_subscribe01.csv.gz", &[]) else { return };
    assert_eq!((session.count("customers"), session.n_rejected()), (45_211, 0));
    people_only(&session);
}

/// Personas, and every stage that needs events is missing with the reason.
fn people_only(session: &FirstSession) {
    assert!(session.n_personas() >= 2);
    let stages: Vec<&str> = session.missing().iter().map(|(stage, _)| *stage).collect();
    assert_eq!(stages, ["cltv", "churn", "recommend"]);
    assert!(session.missing().iter().all(|(_, reason)| reason.contains("there are no events")));
    assert!(!session.fixture.read("bespoke.toml").contains("\ncurrency = \"USD\""));
    for file in ["customers.parquet", "report.html", "recommendations.parquet"] {
        assert!(File::open(session.fixture.path(&format!("out/runs/000001/{file}"))).is_ok(), "{file}");
    }
}

const ORDERS: &str = "customer,when,sku,qty,preis\n\
    a,1/2/2024,x,1,\"1,50\"\nb,2/2/2024,y,2,\"2,50\"\na,13/2/2024,y,1,\"2,50\"\n";

#[test]
fn a_job_file_that_is_there_stays_without_force() {
    let fixture = Fixture::with_job("# mine\n");
    fixture.write("orders.csv", ORDERS);
    let stderr = fixture.run(&["init", "orders.csv"]).fails(2);
    assert!(stderr.contains("bespoke.toml is there already; --force overwrites it"), "{stderr}");
    assert_eq!(fixture.read("bespoke.toml"), "# mine\n");
    fixture.run(&["init", "orders.csv", "--force"]).ok();
    assert!(fixture.read("bespoke.toml").contains("customer_id = \"customer\""));
}

#[test]
fn the_findings_are_one_json_document() {
    let fixture = Fixture::empty();
    fixture.write("orders.csv", ORDERS);
    let outcome = fixture.run(&["init", "orders.csv", "--json", "--quiet"]);
    let found = outcome.json();
    assert_eq!((found["status"].as_str(), found["file"].as_str()), (Some("written"), Some("bespoke.toml")));
    let choices = found["sources"][0]["choices"].as_array().unwrap();
    let of =
        |key: &str| choices.iter().find(|choice| choice["key"] == key).unwrap_or_else(|| panic!("{key}"));
    assert_eq!(of("format")["value"], "%d/%m/%Y");
    assert!(of("format")["evidence"].as_str().unwrap().contains("goes above 12"));
    assert_eq!(of("decimal")["value"], ",");
    assert_eq!(of("time")["confidence"], "low");
    assert!(outcome.stderr.is_empty(), "{}", outcome.stderr);
}

#[test]
fn a_job_file_elsewhere_finds_its_data() {
    let fixture = Fixture::empty();
    fixture.write("in/orders 1.csv", ORDERS);
    fixture.write(
        "in/orders 2.csv",
        ORDERS.split_once('\n').map(|(head, _)| format!("{head}\nc,3/2/2024,x,1,1\n")).unwrap().as_str(),
    );
    fixture.write("jobs/nothing", "");
    fixture.run(&["init", "in/orders 1.csv", "--out", "jobs/shop.toml"]).ok();
    let check = fixture.run(&["check", "--config", "jobs/shop.toml"]).ok();
    assert!(check.contains("2 customers, 2 items, 3 events"), "{check}");
    fixture.run(&["init", "in/orders 1.csv", "--out", "in/bespoke.toml"]).ok();
    assert!(fixture.read("in/bespoke.toml").contains("path = \"orders 1.csv\""));
}

#[test]
fn a_folder_is_looked_through_and_what_is_no_table_is_named() {
    let fixture = Fixture::empty();
    let nothing = fixture.run(&["init"]).fails(2);
    assert!(nothing.contains("no data file in this folder"), "{nothing}");
    fixture.write("orders.csv", ORDERS);
    fixture.write("customers.csv", "customer,age,plan\na,30,basic\nb,40,plus\nc,50,basic\n");
    fixture.write("notes.txt", "");
    let stdout = fixture.run(&["init"]).ok();
    assert!(stdout.contains("orders.csv: events") && stdout.contains("customers.csv: customers"), "{stdout}");
    assert!(stdout.contains("left out: notes.txt is empty"), "{stdout}");
    let check = fixture.run(&["check"]).ok();
    assert!(check.contains("3 customers, 2 items, 3 events"), "{check}");
}

#[test]
fn files_that_are_no_events_are_refused_with_a_reason() {
    for (text, says) in [
        ("", "is empty"),
        ("customer,when\n", "has a header (customer, when) and no rows"),
        ("user,item\na,x\na,y\nb,x\n", "no column holds times"),
        ("\u{0}\u{1}\n", "is a binary file"),
        ("a,1\nb\n", "and no rows of as many fields"),
    ] {
        let fixture = Fixture::empty();
        fixture.write("a.csv", text);
        let stderr = fixture.run(&["init", "a.csv"]).fails(2);
        assert!(stderr.contains("a.csv") && stderr.contains(says), "{stderr}");
        assert!(!fixture.path("bespoke.toml").exists());
    }
    let stderr = Fixture::empty().run(&["init", "no.csv"]).fails(2);
    assert!(stderr.contains("no.csv"), "{stderr}");
}

#[test]
fn three_hundred_columns_and_nasty_names_give_a_job_that_can_be_read() {
    let fixture = Fixture::empty();
    let names: Vec<String> = (0..300).map(|n| format!("\"Größe \"\"{n}\"\", 尺寸\"")).collect();
    let row = |r: usize| (0..300).map(|n| (n * r % 7).to_string()).collect::<Vec<_>>().join(",");
    let rows: String = (0..50).map(|r| format!("k{r},{}\n", row(r))).collect();
    fixture.write("people.csv", &format!("\u{feff}customer_id,{}\n{rows}", names.join(",")));
    fixture.run(&["init"]).ok();
    let check = fixture.run(&["check"]).ok();
    assert!(check.contains("50 customers"), "{check}");
}

#[test]
fn a_column_that_is_there_twice_is_not_mapped() {
    let fixture = Fixture::empty();
    fixture.write(
        "a.csv",
        "customer,date,price,price\na,2024-01-01,1.5,2\na,2024-01-02,2.5,3\nb,2024-01-02,2.5,3\n",
    );
    let stdout = fixture.run(&["init"]).ok();
    assert!(stdout.contains("\"price\" is in the header twice"), "{stdout}");
    assert!(!fixture.read("bespoke.toml").contains("price = "));
}

#[test]
fn a_customers_table_without_an_instant_says_what_to_set() {
    let fixture = Fixture::empty();
    fixture.write("people.csv", "customer,age,plan\na,30,basic\nb,40,plus\nc,50,basic\n");
    fixture.run(&["init"]).ok();
    for command in ["refresh", "check"] {
        let stderr = fixture.run(&[command, "--set", "job.as_of=latest"]).fails(2);
        assert!(stderr.contains("job.as_of is \"latest\", but there are no events"), "{stderr}");
    }
}
