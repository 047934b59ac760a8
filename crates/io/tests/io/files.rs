//! Sources and files that are refused as a whole, and some that look as if they should be.

use std::io::Write;

use bespoke_io::{ReadError, SourceConfig};

use crate::world::{HEADER, World, counts, orders};

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn refusal(world: &World, config: &str) -> ReadError {
    world.read(&[config]).map(|outcome| outcome.accounting).unwrap_err()
}

/// Rows that do not pack to nothing.
fn many_rows() -> String {
    let rows: String = (0..5000u64)
        .map(|i| {
            let c = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            format!("{i},{c:x},i,2019-01-01 00:00:00,1,2,o,EUR\n")
        })
        .collect();
    HEADER.to_owned() + &rows
}

#[test]
fn missing_files_and_empty_globs_are_named() {
    let world = World::new();
    let missing = refusal(&world, &orders("no.csv", "", ""));
    assert!(matches!(&missing, ReadError::MissingFile { file, .. } if file == "no.csv"));
    assert_eq!(
        missing.to_string(),
        "no.csv: no such file (source.a.path is relative to the configuration file)"
    );
    assert!(matches!(refusal(&world, &orders("no-*.csv", "", "")), ReadError::NoMatch { .. }));
    world.write("a.csv", HEADER);
    let one_of_two = orders("x", "", "").replacen("\"x\"", "['a.csv', 'b*.csv']", 1);
    assert!(matches!(refusal(&world, &one_of_two), ReadError::NoMatch { .. }));
    std::fs::create_dir(world.path().join("dir.csv")).unwrap();
    assert!(matches!(refusal(&world, &orders("dir.csv", "", "")), ReadError::Io { .. }));
}

#[test]
fn packed_files_that_end_early_are_refused_wherever_they_end() {
    let whole = many_rows();
    let packed =
        [("o.csv.gz", gz(whole.as_bytes())), ("o.csv.zst", zstd::encode_all(whole.as_bytes(), 1).unwrap())];
    for (name, bytes) in packed {
        for keep in [1, 5, bytes.len() / 2, bytes.len() - 9, bytes.len() - 1] {
            let world = World::new();
            world.write(name, &bytes[..keep]);
            let error = refusal(&world, &orders(name, "", ""));
            assert!(matches!(error, ReadError::Truncated { .. }), "{name} {keep}: {error:?}");
        }
    }
    let mut damaged = gz(whole.as_bytes());
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8].fill(0xff);
    let world = World::new();
    world.write("o.csv.gz", damaged);
    assert!(matches!(refusal(&world, &orders("o.csv.gz", "", "")), ReadError::Io { .. }));
    let world = World::new();
    world.write("o.parquet", b"PAR1 and then nothing");
    assert!(matches!(refusal(&world, &orders("o.parquet", "", "")), ReadError::Parquet { .. }));
}

#[test]
fn a_wrong_delimiter_shows_header_and_nearest_name() {
    let world = World::new();
    world.write("o.csv", HEADER.replace(',', ";")).write("p.csv", HEADER.replace("customer", "Customer_"));
    let error = refusal(&world, &orders("o.csv", "", "")).to_string();
    assert!(error.contains("event_id;customer;item") && error.contains("delimiter (',')"), "{error}");
    let error = refusal(&world, &orders("p.csv", "", "")).to_string();
    assert!(
        error.contains("no column \"customer\"") && error.contains("Did you mean \"Customer_\"?"),
        "{error}"
    );
}

#[test]
fn headers_must_be_there_once() {
    let world = World::new();
    world.write("empty.csv", "").write("twice.csv", HEADER.replace("event_id", "price"));
    assert!(matches!(refusal(&world, &orders("empty.csv", "", "")), ReadError::MissingColumn { .. }));
    let twice = refusal(&world, &orders("twice.csv", "", ""));
    assert!(matches!(twice, ReadError::AmbiguousColumn { column, .. } if column == "price"));
}

#[test]
fn text_in_other_shapes_is_refused_or_read() {
    let world = World::new();
    let utf16: Vec<u8> =
        "\u{feff}".encode_utf16().chain(HEADER.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    world.write("utf16.csv", utf16);
    assert!(matches!(refusal(&world, &orders("utf16.csv", "", "")), ReadError::Utf16 { .. }));
    world.write("open.csv", format!("{HEADER}1,c,i,2019-01-01 00:00:00,1,2,o,EUR\n2,\"c,i,x\n3,d\n"));
    let endless = refusal(&world, &orders("open.csv", "", ""));
    assert!(matches!(endless, ReadError::EndlessRecord { row: 3, .. }));
    world.write("bom.csv", format!("\u{feff}customer,{HEADER}").replace("event_id,customer", "event_id"));
    let outcome = world.read(&[&orders("bom.csv", "", "")]).unwrap();
    assert_eq!(outcome.accounting.files[0].rows_read, 0);
}

#[test]
fn a_header_without_rows_is_no_error() {
    let world = World::new();
    world.write("o.csv", HEADER).write("p.csv", HEADER.trim_end()).write("q.jsonl", "");
    for name in ["o.csv", "p.csv", "q.jsonl"] {
        let outcome = world.read(&[&orders(name, "", "")]).unwrap();
        assert_eq!(counts(&outcome.accounting.files[0]), (0, 0, 0, 0));
        assert_eq!(outcome.accounting.files[0].rejected_share(), 0.0);
        assert!(outcome.tables.events.is_empty());
    }
}

#[test]
fn a_wrong_time_format_rejects_every_row() {
    let world = World::new();
    world.write("o.csv", many_rows());
    let config = orders("o.csv", "", "").replace("%Y-%m-%d", "%d.%m.%Y");
    let outcome = world.read(&[&config]).unwrap();
    assert_eq!(outcome.accounting.files[0].rejected_share(), 1.0);
}

#[test]
fn unmapped_required_columns_are_named() {
    let world = World::new();
    world.write("o.csv", HEADER);
    for (line, name) in [("customer_id = 'customer'\n", "customer_id"), ("time = 'time'\n", "time")] {
        let config = orders("o.csv", "", "").replace(line, "");
        let error = refusal(&world, &config);
        assert!(matches!(error, ReadError::Unmapped { column, .. } if column == name), "{error}");
    }
    let error = refusal(&world, "path = 'o.csv'\ncolumns = { customer_id = 'customer', time = 'time' }");
    assert!(matches!(error, ReadError::Unmapped { column: "event", .. }));
    for table in ["customers", "items"] {
        let error = refusal(&world, &format!("path = 'o.csv'\ntable = '{table}'"));
        assert!(matches!(error, ReadError::Unmapped { .. }));
    }
}

#[test]
fn contradictions_in_a_source_are_refused_before_any_file_is_opened() {
    let world = World::new();
    let rule =
        "[[rule]]\nname = 'unknown_event'\nwhen = { column = 'item', equals = 'x' }\nthen = 'set_aside'";
    for (config, key) in [
        (orders("no.csv", "decimal = ';'", ""), "decimal"),
        (orders("no.csv", "", "stock = 'left'"), "columns.stock"),
        (orders("no.csv", "", "event = 'event'"), "kind"),
        (orders("no.csv", "", "").replace("Europe/London", "Europe/Londres"), "time.zone"),
        (orders("no.csv", "", "").replace("%Y-%m-%d %H:%M:%S", "iso8601"), "time.format"),
        (orders("no.csv", "pii = ['phone']", ""), "pii"),
        (orders("no.csv", "", rule), "rule \"unknown_event\""),
        (
            orders(
                "no.csv",
                "",
                &rule.replace("unknown_event", "r").replace("equals", "matches").replace("'x'", "'('"),
            ),
            "rule \"r\".when.matches",
        ),
        (
            orders(
                "no.csv",
                "",
                "[customer_attributes]\na = { column = 'a', type = 'date', format = 'yyyy' }",
            ),
            "customer_attributes.a.format",
        ),
        (
            orders("no.csv", "", "[customer_attributes]\na = { column = 'a', type = 'number', yes = ['1'] }"),
            "customer_attributes.a",
        ),
    ] {
        match refusal(&world, &config) {
            ReadError::Config { key: found, .. } => assert_eq!(found, key),
            other => panic!("{key}: {other}"),
        }
    }
    world.write("o.dat", HEADER).write("o.csv", HEADER);
    let named = |error: ReadError| matches!(error, ReadError::Config { key, .. } if key == "format" || key == "delimiter");
    assert!(named(refusal(&world, &orders("o.dat", "", ""))));
    assert!(named(refusal(&world, &orders("o.csv", "delimiter = '||'", ""))));
    assert!(world.read(&[&orders("o.dat", "format = 'csv'", "")]).is_ok());
}

#[test]
fn unknown_keys_are_refused_by_name() {
    let error = toml::from_str::<SourceConfig>("path = 'o.csv'\nduplicate = 'keep'").unwrap_err().to_string();
    assert!(error.contains("unknown field `duplicate`") && error.contains("duplicates"), "{error}");
    let error =
        toml::from_str::<SourceConfig>("path = 'o.csv'\ncolumns = { sku = 'x' }").unwrap_err().to_string();
    assert!(error.contains("unknown field `sku`") && error.contains("item_id"), "{error}");
}

#[test]
fn a_file_is_read_once_however_often_it_is_named() {
    let world = World::new();
    let row = "1,c,i,2019-01-01 10:00:00,1,2.00,o,EUR\n";
    world.write("a.csv", format!("{HEADER}{row}")).write("0.csv", format!("{HEADER}{row}"));
    let config =
        orders("x", "duplicates = 'keep'", "").replacen("path = \"x\"", "path = ['./a.csv', '*.csv']", 1);
    let outcome = world.read(&[config.as_str()]).unwrap();
    assert_eq!((outcome.accounting.files.len(), outcome.tables.events.len()), (2, 2));
}
