//! Nasty inputs in three classes: what must work, what loses rows, what is refused.

use std::io::Write as _;

use bespoke_io::{ReadBack, read_columns};

use crate::fixture::{Fixture, Outcome};

const HEADER: &str = "customer,item,time,quantity,price,order\n";

fn job(more: &str) -> String {
    format!(
        "[job]\ntime_zone = \"UTC\"\ncurrency = \"EUR\"\nseed = 1\n\
         [source.orders]\npath = \"orders.csv\"\nkind = \"purchase\"\ntime = {{ format = \"rfc3339\" }}\n\
         columns = {{ customer_id = \"customer\", item_id = \"item\", time = \"time\", quantity = \"quantity\", \
         price = \"price\", order_id = \"order\" }}\n{more}"
    )
}

/// `n` good rows over `customers` customers and `items` items.
fn rows(n: usize, customers: usize, items: usize) -> String {
    let row = |i: usize| {
        let (month, day) = (1 + i % 12, 1 + i % 28);
        format!(
            "c{},i{},2024-{month:02}-{day:02}T10:00:00Z,1,{}.50,o{i}\n",
            i % customers,
            i % items,
            1 + i % 9
        )
    };
    (0..n).map(row).collect()
}

fn run(orders: &str) -> (Fixture, Outcome) {
    let fixture = Fixture::with_job(&job(""));
    fixture.write("orders.csv", orders);
    let outcome = fixture.run(&["refresh", "--json", "--quiet"]);
    (fixture, outcome)
}

fn customers(fixture: &Fixture) -> Vec<String> {
    let path = fixture.path("out/runs/000001/customers.parquet");
    let ReadBack::Text(ids) = &read_columns(&path, &["customer_id"]).unwrap()[0] else { panic!() };
    ids.iter().flatten().cloned().collect()
}

#[track_caller]
fn published(outcome: &Outcome) -> serde_json::Value {
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome.json()["record"].clone()
}

#[track_caller]
fn nothing_published(fixture: &Fixture) {
    assert!(!fixture.path("out/CURRENT").exists());
    let runs = fixture.path("out/runs");
    assert!(!runs.exists() || std::fs::read_dir(runs).unwrap().count() == 0, "half a run was left");
}

#[test]
fn ids_with_quotes_commas_newlines_and_emoji_come_out_as_they_went_in() {
    let ids = ["a\"b", "c,d", "e\nf", "🛒", "007", "7", " x "];
    let quoted = |id: &str| format!("\"{}\"", id.replace('"', "\"\""));
    let line = |(n, id): (usize, &&str)| {
        format!("{},{},2024-02-{:02}T10:00:00Z,1,2.00,o{n}\n", quoted(id), quoted(id), n + 1)
    };
    let lines: String = ids.iter().enumerate().map(line).collect();
    let (fixture, outcome) = run(&format!("{HEADER}{lines}"));
    published(&outcome);
    let mut found = customers(&fixture);
    found.sort();
    let mut expected: Vec<String> = ids.iter().map(ToString::to_string).collect();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn one_customer_one_item_and_one_row_are_shops_too() {
    for orders in [rows(1, 1, 1), rows(40, 1, 9), rows(40, 9, 1), rows(2, 2, 2), rows(300, 60, 20)] {
        let (_, outcome) = run(&format!("{HEADER}{orders}"));
        let record = published(&outcome);
        assert!(record["counts"]["customers"].as_u64().unwrap() >= 1);
    }
}

#[test]
fn customers_who_are_all_alike_are_one_persona() {
    let line = |c: usize| format!("c{c},i0,2024-02-01T10:00:00Z,1,2.00,o{c}\n");
    let orders: String = (0..200).map(line).collect();
    let (fixture, outcome) = run(&format!("{HEADER}{orders}"));
    published(&outcome);
    let personas: serde_json::Value =
        serde_json::from_str(&fixture.read("out/runs/000001/personas.json")).unwrap();
    assert_eq!(personas["personas"].as_array().unwrap().len(), 1, "{personas}");
}

#[test]
fn a_header_without_rows_says_so_and_publishes_nothing() {
    let (fixture, outcome) = run(HEADER);
    let stderr = outcome.fails(1);
    assert!(stderr.contains("no rows below the header in orders.csv"), "{stderr}");
    nothing_published(&fixture);
}

#[test]
fn each_bad_row_is_rejected_with_row_column_value_and_rule() {
    let bad = [
        ("b1,i,2024-13-01T00:00:00Z,1,1.00,x1", "time", "bad_timestamp"),
        ("b2,i,2024-02-01T00:00:00Z,1,\"12,50\",x2", "price", "bad_type"),
        ("b3,i,2024-02-01T00:00:00Z,1,NaN,x3", "price", "non_finite"),
        ("b4,i,2024-02-01T00:00:00Z,1,-3.00,x4", "price", "out_of_range"),
        ("b5,i,2024-02-01T00:00:00Z,-1,3.00,x5", "quantity", "out_of_range"),
        ("b6,i,2199-02-01T00:00:00Z,1,3.00,x6", "time", "bad_timestamp"),
        (",i,2024-02-01T00:00:00Z,1,3.00,x7", "customer", "no_identity"),
        ("b8,,2024-02-01T00:00:00Z,1,3.00,x8", "item", "missing_required"),
        ("b9,i,2024-02-01T00:00:00Z,1", "*", "column_count"),
    ];
    let lines: String = bad.iter().map(|(line, ..)| format!("{line}\n")).collect();
    let (fixture, outcome) = run(&format!("{HEADER}{}{lines}", rows(2_000, 100, 20)));
    let record = published(&outcome);
    assert_eq!(record["rows"][0]["read"], 2_009);
    let rejected = fixture.read("out/runs/000001/rejected.csv");
    let found: Vec<&str> = rejected.lines().skip(1).collect();
    assert_eq!(found.len(), bad.len(), "{rejected}");
    for (n, ((_, column, rule), line)) in bad.iter().zip(found).enumerate() {
        let row = (n + 2_002).to_string();
        assert!(line.contains("orders.csv") && line.contains(&row), "{line}");
        assert!(line.contains(column) && line.contains(rule), "expected {column} {rule}: {line}");
    }
    assert!(!customers(&fixture).iter().any(|id| id.starts_with('b')));
}

#[test]
fn more_bad_rows_than_allowed_publish_nothing() {
    for orders in [
        format!("{HEADER}{}x,i,yesterday,1,1.00,o\n", rows(50, 9, 5)),
        format!("{HEADER}{}", rows(50, 9, 5).replace("T10:00:00Z", "")),
    ] {
        let (fixture, outcome) = run(&orders);
        let stderr = outcome.fails(1);
        assert!(stderr.contains("bad_timestamp") && stderr.contains("max_rejected_share"), "{stderr}");
        nothing_published(&fixture);
    }
}

#[test]
fn files_that_cannot_be_read_are_refused() {
    let (fixture, outcome) = run(&format!("{HEADER}{}", rows(50, 9, 5)).replace(',', ";"));
    let stderr = outcome.fails(2);
    assert!(stderr.contains("orders.csv") && stderr.contains("customer"), "wrong delimiter: {stderr}");
    nothing_published(&fixture);

    let (fixture, outcome) = run(&format!("kunde{}{}", &HEADER[8..], rows(50, 9, 5)));
    let stderr = outcome.fails(2);
    assert!(stderr.contains("customer") && stderr.contains("kunde"), "unmapped column: {stderr}");
    nothing_published(&fixture);

    let fixture = Fixture::with_job(&job(""));
    let stderr = fixture.run(&["refresh"]).fails(2);
    assert!(stderr.contains("orders.csv"), "missing file: {stderr}");
    nothing_published(&fixture);

    let fixture = Fixture::with_job(&job("").replace("orders.csv", "orders.csv.gz"));
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(format!("{HEADER}{}", rows(5_000, 90, 50)).as_bytes()).unwrap();
    let packed = packer.finish().unwrap();
    std::fs::write(fixture.path("orders.csv.gz"), &packed[..packed.len() * 2 / 3]).unwrap();
    let stderr = fixture.run(&["refresh"]).fails(2);
    assert!(stderr.contains("orders.csv.gz"), "truncated gz: {stderr}");
    nothing_published(&fixture);
}

#[test]
fn an_unknown_key_of_a_source_or_policy_is_refused_with_a_hint() {
    let orders = format!("{HEADER}{}", rows(50, 9, 5));
    for (more, says) in [
        ("guest = true\n", "guests"),
        ("[decide]\nslot = 3\nbought = { policy = \"never\" }\n", "slots"),
        ("[personas]\nrun = 3\n", "runs"),
    ] {
        let fixture = Fixture::with_job(&job(more));
        fixture.write("orders.csv", &orders);
        let stderr = fixture.run(&["refresh"]).fails(2);
        assert!(stderr.contains("unknown key") && stderr.contains(says), "{stderr}");
        assert!(!fixture.path("out").exists());
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_publishes_nothing_and_keeps_the_run_before() {
    let fixture = Fixture::with_job(&job(""));
    fixture.write("orders.csv", &format!("{HEADER}{}", rows(3_000, 300, 60)));
    fixture.run(&["refresh", "--quiet"]).ok();
    // A limit on the size of files fails writes as a full disk does; the signal that comes with it is ignored.
    let program = assert_cmd::cargo::cargo_bin("bespoke");
    let script = format!("trap '' XFSZ; ulimit -f 8; exec '{}' refresh --quiet", program.display());
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(fixture.path(""))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert_eq!(fixture.read("out/CURRENT").trim(), "000001");
    assert_eq!(std::fs::read_dir(fixture.path("out/runs")).unwrap().count(), 1, "the half run is gone");
    fixture.run(&["refresh", "--quiet"]).ok();
    assert_eq!(fixture.read("out/CURRENT").trim(), "000002");
}

#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    let fixture = Fixture::with_job(&job(""));
    fixture.write("orders.csv", &format!("{HEADER}{}", rows(50, 9, 5)));
    let stderr = fixture.run(&["refresh", "--set", "output.dir=/proc/bespoke-out"]).fails(2);
    assert!(stderr.contains("/proc/bespoke-out"), "{stderr}");
}

#[test]
fn a_model_file_holds_no_id_and_no_text_of_a_few() {
    let more =
        "[source.orders.customer_attributes]\ncountry = { column = \"country\", type = \"category\" }\n";
    let columns = "order_id = \"order\", title = \"title\", category = \"category\"";
    let fixture = Fixture::with_job(&job(more).replace("order_id = \"order\"", columns));
    let line = |n: usize, customer: &str, item: &str, text: &str| {
        format!(
            "{customer},{item},2024-{:02}-{:02}T10:00:00Z,1,2.50,o{n},{text},{text},{text}\n",
            1 + n % 12,
            1 + n % 28
        )
    };
    let ordinary = (0..2_000).map(|n| line(n, &format!("c{}", n % 300), &format!("i{}", n % 40), "ordinary"));
    let canaries = (0..3).map(|n| line(n, "CANARY-customer", "CANARY-item", "CANARY-text"));
    let header = HEADER.trim_end();
    let lines: String = ordinary.chain(canaries).collect();
    fixture.write("orders.csv", &format!("{header},title,category,country\n{lines}"));
    fixture.run(&["refresh", "--quiet"]).ok();
    let holds = |file: &str, text: &[u8]| {
        let bytes = std::fs::read(fixture.path(file)).unwrap();
        bytes.windows(text.len()).any(|window| window == text)
    };
    assert!(!holds("out/runs/000001/model.bespoke", b"CANARY"));
    assert!(holds("out/runs/000001/model.bespoke", b"ordinary"), "a level of many may be named");
    assert!(holds("out/runs/000001/catalogue.bespoke", b"CANARY-item"));
    assert!(!holds("out/runs/000001/catalogue.bespoke", b"CANARY-customer"));
}

#[test]
fn a_small_bad_file_cannot_hide_behind_a_large_good_one() {
    let (fixture, _) = run(&format!("{HEADER}{}", rows(2_000, 100, 20)));
    let bad = "b1,i,2024-13-01T00:00:00Z,1,1.00,x1\n";
    fixture.write("more.csv", &format!("{HEADER}{bad}"));
    let outcome =
        fixture.run(&["refresh", "--quiet", "--set", "source.orders.path=[\"orders.csv\", \"more.csv\"]"]);
    let stderr = outcome.fails(1);
    assert!(stderr.contains("100.0 % of the rows of more.csv"), "{stderr}");
    assert!(
        stderr.contains("more.csv row 2: column \"time\" is \"2024-13-01T00:00:00Z\": bad_timestamp"),
        "{stderr}"
    );
}

#[test]
fn a_header_without_rows_is_refused_by_check_too() {
    let (fixture, _) = run(HEADER);
    let stderr = fixture.run(&["check"]).fails(1);
    assert!(stderr.contains("no rows below the header in orders.csv"), "{stderr}");
}

#[test]
fn the_folder_of_a_job_may_look_like_a_pattern() {
    let (fixture, _) = run(&format!("{HEADER}{}", rows(200, 10, 9)));
    fixture.write("shop [2024]/e-1.csv", &fixture.read("orders.csv"));
    let job = fixture.read("bespoke.toml").replace("orders.csv", "e-*.csv");
    fixture.write("shop [2024]/bespoke.toml", &job);
    fixture.run(&["check", "--config", "shop [2024]/bespoke.toml"]).ok();
    // Only the files of a source are patterns: the folder of the output is what it is called.
    fixture.write("shop [2024]/bespoke.toml", &format!("{job}[output]\ndir = \"out [1]\"\n"));
    fixture.run(&["refresh", "--quiet", "--config", "shop [2024]/bespoke.toml"]).ok();
    assert_eq!(fixture.read("shop [2024]/out [1]/CURRENT").trim(), "000001");
}

#[test]
fn a_reader_that_has_gone_does_not_end_the_job() {
    use std::process::{Command, Stdio};
    let (fixture, _) = run(&format!("{HEADER}{}", rows(200, 10, 9)));
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("bespoke"))
        .args(["refresh", "--set", "output.dir=unread"])
        .current_dir(fixture.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert!(child.wait().unwrap().success());
    assert_eq!(fixture.read("unread/CURRENT").trim(), "000001");
}

#[test]
fn features_that_cannot_be_written_leave_the_old_file() {
    let (fixture, _) = run(&format!("{HEADER}{}", rows(200, 10, 9)));
    fixture.run(&["features", "--out", "f.parquet"]).ok();
    let before = std::fs::read(fixture.path("f.parquet")).unwrap();
    fixture.write("folder/inside", "");
    let stderr = fixture.run(&["features", "--out", "folder"]).fails(2);
    assert!(stderr.contains("folder"), "{stderr}");
    let stderr = fixture.run(&["features", "--out", "no/such/f.parquet"]).fails(2);
    assert!(stderr.contains("no/such/f.parquet"), "{stderr}");
    assert_eq!(std::fs::read(fixture.path("f.parquet")).unwrap(), before);
}

#[test]
fn data_that_lag_behind_are_no_sign_of_leaving() {
    let (fixture, _) = run(&format!("{HEADER}{}", rows(2_000, 100, 20)));
    let outcome = fixture.run(&["refresh", "--json", "--quiet", "--as-of", "2026-01-01"]);
    published(&outcome);
    let record = fixture.read("out/runs/000002/run.json");
    assert!(record.contains("outcomes are judged up to the last event"), "{record}");
}

#[test]
fn an_earlier_instant_is_decided_as_if_later_purchases_were_unknown() {
    let (fixture, _) = run(&format!("{HEADER}{}", rows(2_000, 100, 20)));
    let withheld = |dir: &str| {
        let set = format!("output.dir={dir}");
        let outcome = fixture.run(&["refresh", "--json", "--quiet", "--as-of", "2024-02-10", "--set", &set]);
        published(&outcome)["recommendations"].to_string()
    };
    let (after_a_run, fresh) = (withheld("out"), withheld("fresh"));
    assert_eq!(after_a_run, fresh);
}

#[test]
fn a_refused_parameter_has_the_name_of_its_key() {
    let (fixture, _) = run(HEADER);
    for set in [
        "personas.runs=0",
        "churn.active_within_days=0",
        "recommend.factors=7",
        "recommend.epochs=0",
        "recommend.alpha0=-1.0",
        "recommend.lambda=-1.0",
        "recommend.popularity_half_life_days=0.0",
    ] {
        let stderr = fixture.run(&["check", "--set", set]).fails(2);
        let key = set.split_once('=').unwrap().0;
        assert!(stderr.contains(&format!("{key} is ")), "{set}: {stderr}");
    }
}

#[test]
fn explain_tells_what_the_run_decided_from() {
    let policy = "[output]\npublishing_counts = \"decided\"\n[decide]\nslots = 1\n\
        bought = { policy = \"never\" }\n[[decide.cap]]\nid = \"week\"\nkey = \"any\"\nwindow_days = 7\nmax = 1\n";
    let fixture = Fixture::with_job(&job(policy));
    fixture.write("orders.csv", &format!("{HEADER}{}", rows(2_000, 100, 20)));
    fixture.run(&["refresh", "--quiet"]).ok();
    let why = |item: &str| fixture.run(&["explain", "--customer", "c7", "--item", item]).ok();
    let answers: Vec<String> = (0..20).map(|i| why(&format!("i{i}"))).collect();
    assert_eq!(
        answers.iter().filter(|answer| answer.contains("is shown to customer c7 in slot 1: ")).count(),
        1
    );
    let capped = answers.iter().find(|answer| answer.contains("cap week"));
    assert_eq!(capped, None, "the slate of the run itself came later");
}
