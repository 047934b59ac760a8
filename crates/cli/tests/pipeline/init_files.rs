//! Files that `init` takes and the next step would refuse, wrong tables, and what is said of files that are no table.

use crate::fixture::Fixture;
use crate::init_case::{CASE, Case, check_all, file, rows};

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn what_init_proposes_the_next_step_reads() {
    check_all(vec![
        Case {
            name: "a German shop",
            files: file(
                "bestellungen.csv",
                rows("Kundennummer;Datum;Artikelnummer;Menge;Preis", 20, |n| {
                    format!("K{};{:02}.01.2024;A{};1;{},90", n % 4, n + 1, n % 3, n + 5)
                }),
            ),
            job: &[
                "decimal = \",\"",
                "high: numbers with decimal commas in \"Preis\"",
                "format = \"%d.%m.%Y\"",
            ],
            check: "4 customers, 3 items, 20 events",
            ..CASE
        },
        Case {
            name: "German customers: births, addresses, codes of areas, names, comments",
            files: file(
                "kunden.csv",
                rows("Kundennummer;Vorname;Geburtsdatum;IP;PLZ;Mobilnummer;Kommentar;Tarif", 30, |n| {
                    let (day, year) = (n % 27 + 1, 1950 + n);
                    format!(
                        "K{n};Vor{n};{day:02}.05.{year};10.0.0.{n};01{:03};0170{n};sagt {n};{}",
                        n % 3,
                        ["a", "b"][n % 2]
                    )
                }),
            ),
            job: &[
                "geburtsdatum = { column = \"Geburtsdatum\", format = \"%d.%m.%Y\", type = \"date\" }",
                "plz = { column = \"PLZ\", type = \"category\" }",
                "tarif = { column = \"Tarif\", type = \"category\" }",
            ],
            not_job: &["ip = {", "vorname = {", "mobilnummer = {", "kommentar = {"],
            check: "30 customers",
            ..CASE
        },
        Case {
            name: "commas and points in one file: money decides, and it is said",
            files: file(
                "orders.csv",
                rows("customer;date;sku;qty;price;revenue", 6, |n| {
                    format!("c{};2024-01-0{};s;1;9,50;9.50", n % 2, n + 1)
                }),
            ),
            job: &[
                "or: decimal = \".\"",
                "low: decimal commas in \"price\" and decimal points in \"revenue\"",
            ],
            says: &["rows with the other are rejected"],
            ..CASE
        },
        Case {
            name: "refunds in the second month only",
            files: vec![
                (
                    "b.csv",
                    rows("customer,date,sku,qty,price", 20, |n| {
                        format!("c{},2024-02-{:02},s,{},9.5", n % 4, n + 1, if n == 3 { -1 } else { 1 })
                    }),
                ),
                (
                    "a.csv",
                    rows("customer,date,sku,qty,price", 20, |n| {
                        format!("c{},2024-01-{:02},s,1,9.5", n % 4, n + 1)
                    }),
                ),
            ],
            job: &["path = [\"a.csv\", \"b.csv\"]", "when = { at_most = -1.0, column = \"qty\" }"],
            check: "4 customers, 1 items, 40 events",
            ..CASE
        },
        Case {
            name: "prices with signs and quantities with fractions",
            files: file(
                "orders.csv",
                rows("customer,date,sku,qty,price", 6, |n| {
                    format!("c{},2024-01-0{},s,{}.5,$5.50", n % 2, n + 1, n)
                }),
            ),
            says: &[
                "6 cells of \"price\" (100.0 %) will be rejected, for example \"$5.50\"",
                "6 cells of \"qty\" (100.0 %) will be rejected, for example \"0.5\": quantities are whole numbers",
                "source.orders.columns.price = \"price\"",
            ],
            ..CASE
        },
        Case {
            name: "a price column with words",
            files: file(
                "orders.csv",
                rows("customer,date,sku,qty,price", 27, |n| {
                    format!(
                        "c{},2024-01-{:02},s,1,{}",
                        n % 4,
                        n + 1,
                        if n == 5 { "on request" } else { "9.50" }
                    )
                }),
            ),
            says: &["\"price\" is not used: 1 of its cells are no numbers, such as \"on request\""],
            check: "27 events",
            ..CASE
        },
        Case {
            name: "a sum below the table",
            files: file(
                "orders.csv",
                rows("customer,date,sku,qty,price", 21, |n| match n {
                    20 => "Total,,,20,190.00".to_owned(),
                    _ => format!("c{},2024-01-{:02},s,1,9.50", n % 4, n + 1),
                }),
            ),
            job: &["name = \"sum\"", "when = { column = \"customer\", equals = \"Total\" }"],
            not_job: &["guests"],
            check: "4 customers, 1 items, 20 events",
            ..CASE
        },
        Case {
            name: "a sibling settles day and month",
            files: file(
                "orders.csv",
                rows("customer,Order Date,Ship Date,sku,price,qty", 5, |n| {
                    format!("c{},1/{}/2024,1/28/2024,s,9.50,1", n % 2, n + 1)
                }),
            ),
            job: &["format = \"%m/%d/%Y\" or: format = \"%d/%m/%Y\"", "day and month as in \"Ship Date\""],
            check: "2 customers, 1 items, 5 events",
            ..CASE
        },
    ]);
}

#[test]
fn two_currencies_in_two_files_are_never_joined_or_added() {
    let orders = |code: &str| {
        rows("customer_id,date,sku,qty,price,currency", 12, |n| {
            format!("c{},2024-01-{:02},s{},1,9.50,{code}", n % 3, n + 1, n % 2)
        })
    };
    let priced = |code: &str| {
        rows(&format!("customer_id,date,sku,qty,price_{code}"), 12, |n| {
            format!("c{},2024-01-{:02},s{},1,9.50", n % 3, n + 1, n % 2)
        })
    };
    check_all(vec![
        Case {
            name: "a column of currencies",
            files: vec![("a.csv", orders("EUR")), ("b.csv", orders("USD"))],
            job: &[
                "path = \"a.csv\"",
                "path = \"b.csv\"",
                "low: 12 rows of \"currency\" say so; other files are in USD",
            ],
            says: &["its amounts are in USD, those of the job in EUR: its rows will be rejected"],
            ..CASE
        },
        Case {
            name: "names of columns",
            files: vec![("a.csv", priced("eur")), ("b.csv", priced("usd"))],
            job: &["price = \"price_eur\""],
            not_job: &["price = \"price_usd\""],
            says: &["its amounts are in USD, those of the job in EUR: its amounts are not used"],
            ..CASE
        },
    ]);
}

#[test]
fn tables_are_told_apart() {
    check_all(vec![
        Case {
            name: "things with an id, a name and a price beside orders",
            files: vec![
                (
                    "items.csv",
                    rows("id,name,price,category", 9, |n| format!("s{n},Thing {n},9.{n},c{}", n % 2)),
                ),
                (
                    "orders.csv",
                    rows("customer,date,sku,qty,price", 12, |n| {
                        format!("c{},2024-01-{:02},s{},1,9.50", n % 4, n + 1, n % 3)
                    }),
                ),
            ],
            job: &["[source.items]", "item_id = \"id\"", "category = \"category\""],
            not_job: &["[source.customers]"],
            check: "4 customers, 9 items, 12 events",
            ..CASE
        },
        Case {
            name: "a customer who is there twice",
            files: file(
                "people.csv",
                rows("customer_id,age,plan", 201, |n| {
                    format!("c{},{},{}", n % 200, 20 + n % 50, ["a", "b"][n % 2])
                }),
            ),
            job: &["table = \"customers\"", "medium: hardly any customer is there twice"],
            ..CASE
        },
        Case {
            name: "outcomes by words, and what a mailing leaves behind",
            files: file(
                "people.csv",
                rows("customer_id,recency,segment,visit,conversion,spend,Has Churned,churn_flag", 40, |n| {
                    format!(
                        "c{n},{},{},{},0,0.0,{},{}",
                        n % 9,
                        ["mail", "none"][n % 2],
                        n % 2,
                        ["Yes", "No"][n % 2],
                        n % 2
                    )
                }),
            ),
            job: &[
                "recency = {",
                "\"churned\" is an outcome",
                "\"churn\" is an outcome",
                "known only afterwards",
            ],
            not_job: &["segment = {", "visit = {", "spend = {", "conversion = {"],
            check: "40 customers",
            ..CASE
        },
    ]);
}

/// What `init` says of a file it refuses.
fn refusal(name: &str, bytes: &[u8]) -> String {
    let fixture = Fixture::empty();
    std::fs::write(fixture.path(name), bytes).unwrap();
    let said = fixture.run(&["init", name]).fails(2);
    assert!(!fixture.path("bespoke.toml").exists() && !said.contains("bug"), "{said}");
    said
}

#[test]
fn files_that_cannot_be_used_name_the_cause() {
    for (name, bytes, says) in [
        ("a.csv", &b"Kunde;Datum\nJ\xfcrgen;05.01.2024\n"[..], "is not UTF-8 (line 2)"),
        ("a.csv", b"a\0,\0b\0\n\0c\0", "iconv -f UTF-16LE -t UTF-8"),
        ("a.csv", b"sep=;\nid;day\n1;2\n", "begins with the line \"sep=;\""),
        ("a.csv", b"Sales\n\nid,day,n\n1,2024-01-05,3\n2,2024-01-06,4\n", "has 1 line above its header"),
        ("a.csv", b"c1,2024-01-05,apple,9.50\nc2,2024-01-06,pear,1.20\n", "has no header"),
        ("one.json", b"{\n \"a\": 1\n}\n", "JSON over several lines"),
        (
            "a.csv",
            b"feedback_type,user_id,item_id,time_stamp\nread,u,i,soon\nread,v,i,later\n",
            "\"time_stamp\" has cells like \"later\"",
        ),
        (
            "a.csv",
            b"customer,order_date,price\na,Q1/24,1.5\na,Q2/24,2.5\nb,Q3/24,3.5\n",
            "\"order_date\" has cells like \"Q1/24\"",
        ),
        ("truth.csv", b"customer_id,persona\na,b\n", "holds the truth of a generated world"),
    ] {
        let said = refusal(name, bytes);
        assert!(said.contains(says), "{says}\n{said}");
    }
}

const ORDERS: &str = "customer\tdate\tprice\na\t2024-01-01\t1.5\na\t2024-01-02\t2.5\nb\t2024-01-02\t2.5\n";

#[test]
fn the_answer_can_be_followed_as_it_stands() {
    let fixture = Fixture::empty();
    fixture.write("orders.csv", ORDERS);
    fixture.write("book.xlsx", "x");
    fixture.write("list.json", "[]");
    let answer = fixture.run(&["init"]).ok();
    for part in ["tab", "left out: book.xlsx is a spreadsheet", "left out: list.json is JSON"] {
        assert!(answer.contains(part), "{part}\n{answer}");
    }
    assert!(!answer.contains("(no name)"), "{answer}");
    let answer = fixture.run(&["init", "orders.csv", "./orders.csv", "--out", "my job.toml"]).ok();
    assert!(answer.contains("bespoke check --config 'my job.toml'"), "{answer}");
    assert!(fixture.read("my job.toml").contains("path = \"orders.csv\""));
    fixture.write("sub/nothing", "");
    fixture.run(&["init", "orders.csv", "--out", "sub/bespoke.toml"]).ok();
    assert!(fixture.read("sub/bespoke.toml").contains("path = \"../orders.csv\""));
    fixture.write("things.csv", "sku,title,price\na,x,1.5\nb,y,2.5\nc,z,3.5\n");
    let answer = fixture.run(&["init", "things.csv", "--force"]).ok();
    assert!(answer.contains("a job needs customers or events"), "{answer}");
}

#[test]
fn options_about_a_job_file_are_refused() {
    let fixture = Fixture::empty();
    fixture.write("orders.csv", ORDERS);
    for option in [["--config", "other.toml"], ["--set", "job.seed=2"]] {
        let said = fixture.run(&[&["init", "orders.csv"][..], &option[..]].concat()).fails(2);
        assert!(said.contains(&format!("{} means nothing here", option[0])), "{said}");
    }
}
