//! The same rows in any format and division give the same tables.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, Decimal128Array, DictionaryArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use bespoke_io::{Progress, ReadOptions, SourceConfig, read};
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;

use crate::world::{HEADER, World, orders};

/// (customer, item, day of January 2019, quantity, price in cents, order)
type Row = (u32, u32, u32, u32, u32, u32);

fn rows() -> Vec<Row> {
    (0..400u32).map(|i| (i * 7 % 31, i * 5 % 17, 1 + i % 28, 1 + i % 3, 1 + i * 37 % 999, i / 4)).collect()
}

fn customer(c: u32) -> String {
    if c == 3 { "\"quoted, 🦀\"\nid".into() } else { format!("{c:03}") }
}

fn csv_row(&(c, i, day, quantity, cents, order): &Row) -> String {
    let customer = customer(c).replace('"', "\"\"");
    format!(
        "x,\"{customer}\",i{i},2019-01-{day:02} 12:00:00,{quantity},{}.{:02},o{order},EUR\n",
        cents / 100,
        cents % 100
    )
}

fn csv_of(rows: &[Row]) -> String {
    HEADER.to_owned() + &rows.iter().map(csv_row).collect::<String>()
}

fn jsonl_of(rows: &[Row]) -> String {
    rows.iter()
        .map(|&(c, i, day, quantity, cents, order)| {
            let object = serde_json::json!({
                "customer": customer(c), "item": format!("i{i}"), "time": format!("2019-01-{day:02} 12:00:00"),
                "quantity": quantity, "price": f64::from(cents) / 100.0, "order": format!("o{order}"),
                "currency": "EUR", "more": {"price": [1]},
            });
            object.to_string() + "\n"
        })
        .collect()
}

fn parquet_of(rows: &[Row]) -> Vec<u8> {
    const NOON: i64 = 1_546_344_000_000_000;
    let text = |of: &dyn Fn(&Row) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let items: Vec<String> = rows.iter().map(|r| format!("i{}", r.1)).collect();
    let items: DictionaryArray<Int32Type> = items.iter().map(String::as_str).collect();
    let times = rows.iter().map(|r| NOON + i64::from(r.2 - 1) * 86_400_000_000);
    let prices = Decimal128Array::from_iter_values(rows.iter().map(|r| i128::from(r.4)));
    let columns: [(&str, ArrayRef); 7] = [
        ("customer", text(&|r| customer(r.0))),
        ("item", Arc::new(items)),
        ("time", Arc::new(TimestampMicrosecondArray::from_iter_values(times))),
        ("quantity", Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| i64::from(r.3))))),
        ("price", Arc::new(prices.with_precision_and_scale(10, 2).unwrap())),
        ("order", text(&|r| format!("o{}", r.5))),
        ("currency", text(&|_| "EUR".into())),
    ];
    parquet_bytes(&columns)
}

fn parquet_bytes(columns: &[(&str, ArrayRef)]) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns.iter().cloned()).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn tables(world: &World, path: &str) -> String {
    let config = orders("PATH", "", "").replace("\"PATH\"", path);
    let outcome = world.read(&[&config]).unwrap();
    assert_eq!(outcome.accounting.total().rows_read, rows().len() as u64, "{path}");
    assert!(outcome.accounting.total().rejected.is_empty(), "{path}: {:?}", outcome.rejected.first());
    format!("{:?}", outcome.tables)
}

#[test]
fn every_format_gives_the_same_tables() {
    let world = World::new();
    let (csv, jsonl) = (csv_of(&rows()), jsonl_of(&rows()));
    world
        .write("o.csv", &csv)
        .write("crlf.csv", csv.replace("EUR\n", "EUR\r\n").replacen("currency\n", "currency\r\n", 1))
        .write("o.csv.gz", gz(csv.as_bytes()))
        .write(
            "two.csv.gz",
            [gz(csv.as_bytes().split_at(999).0), gz(csv.as_bytes().split_at(999).1)].concat(),
        )
        .write("o.csv.zst", zstd::encode_all(csv.as_bytes(), 3).unwrap())
        .write("o.tsv", {
            let mut writer = csv::WriterBuilder::new().delimiter(b'\t').from_writer(Vec::new());
            for record in csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_bytes()).records() {
                writer.write_record(&record.unwrap()).unwrap();
            }
            writer.into_inner().unwrap()
        })
        .write("o.jsonl", &jsonl)
        .write("o.ndjson.gz", gz(jsonl.trim_end().as_bytes()))
        .write("o.parquet", parquet_of(&rows()));
    let expected = tables(&world, "'o.csv'");
    assert!(expected.contains("🦀"));
    for name in
        ["crlf.csv", "o.csv.gz", "two.csv.gz", "o.csv.zst", "o.tsv", "o.jsonl", "o.ndjson.gz", "o.parquet"]
    {
        assert_eq!(tables(&world, &format!("'{name}'")), expected, "{name}");
    }
}

#[test]
fn the_division_into_files_does_not_matter() {
    let (world, rows) = (World::new(), rows());
    world.write("whole.csv", csv_of(&rows));
    for (number, part) in rows.chunks(60).enumerate() {
        if number % 2 == 0 {
            world.write(&format!("part-{number}.csv"), csv_of(part));
        } else {
            world.write(&format!("part-{number}.jsonl.gz"), gz(jsonl_of(part).as_bytes()));
        }
    }
    let expected = tables(&world, "'whole.csv'");
    assert_eq!(tables(&world, "'part-*'"), expected);
    // Sorted by name and each once, however they are listed.
    assert_eq!(tables(&world, "['part-3*', 'part-1.jsonl.gz', 'part-*', 'part-0.csv']"), expected);
}

#[test]
fn damaged_parquet_is_an_error_wherever_the_damage_is() {
    let bytes = parquet_of(&rows());
    for at in (0..bytes.len()).rev().step_by(bytes.len().div_ceil(400)) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x5a;
        let world = World::new();
        world.write("orders.parquet", &damaged);
        // Some damage is to values and cannot be seen; none may be more than an error.
        let _ = world.read(&[&orders("orders.parquet", "", "")]);
    }
}

#[test]
fn parquet_types_are_read_by_their_meaning() {
    let world = World::new();
    let at = 1_546_300_800_000_000;
    world.write(
        "o.parquet",
        parquet_bytes(&[
            ("customer", Arc::new(Float64Array::from(vec![Some(17850.0), None])) as ArrayRef),
            (
                "when",
                Arc::new(TimestampMicrosecondArray::from(vec![at, at]).with_timezone("America/New_York")),
            ),
            ("local", Arc::new(TimestampMicrosecondArray::from(vec![at, at]))),
            ("price", Arc::new(Float64Array::from(vec![0.1, f64::NAN]))),
            ("list", {
                let inner = vec![Some(vec![Some(1)]), None];
                Arc::new(arrow_array::ListArray::from_iter_primitive::<Int32Type, _, _>(inner))
            }),
        ]),
    );
    let config = |time: &str| {
        format!(
            "path = 'o.parquet'\nkind = 'purchase'\nid_style = {{ customer_id = 'integer' }}\n\
             columns = {{ customer_id = 'customer', time = '{time}', price = 'price' }}"
        )
    };
    let outcome = world.read(&[&config("when")]).unwrap();
    assert_eq!(outcome.tables.events.time, [1_546_300_800_000]);
    assert_eq!(outcome.tables.events.revenue[0].0, 1000);
    assert!(outcome.tables.customers.find("17850").is_some());
    let rules: Vec<_> = outcome.rejected.iter().map(|r| (r.row, r.rule.id())).collect();
    assert_eq!(rules, [(2, "no_identity"), (2, "non_finite")]);
    // Local times need a zone.
    let naive = world.read(&[&config("local")]).unwrap();
    assert_eq!(naive.rejected[0].hint, Some("a time without offset needs time.zone"));
    let zoned = config("local").replace("columns", "time = { zone = 'America/New_York' }\ncolumns");
    assert_eq!(world.read(&[&zoned]).unwrap().tables.events.time, [1_546_300_800_000 + 5 * 3_600_000]);
    let list =
        config("list").replace("price = 'price'", "price = 'list'").replace("'list', price", "'when', price");
    assert!(matches!(world.read(&[&list]), Err(bespoke_io::ReadError::UnsupportedType { .. })));
}

#[test]
fn json_numbers_that_lose_digits_are_no_ids_and_no_amounts() {
    let world = World::new();
    let row = |customer: &str, price: &str| {
        format!(
            r#"{{"customer":{customer},"item":"i","time":"2019-01-02 10:00:00","quantity":1,"price":{price},"order":"o","currency":"EUR"}}"#
        )
    };
    let rows = [
        row("9007199254740991", "1.5"),
        row("123456789012345678901230", "1.5"),
        row("123456789012345678901231", "1.5"),
        row("7", "1e300"),
    ];
    world.write("big.jsonl", rows.join("\n"));
    let outcome = world.read(&[&orders("big.jsonl", "", "")]).unwrap();
    let account = outcome.accounting.total();
    assert_eq!((account.accepted, account.rejected["bad_type"]), (1, 3));
    assert!(outcome.rejected[0].hint.unwrap().contains("write it as text"));
}

#[test]
fn json_may_be_nested_and_broken() {
    let world = World::new();
    world.write(
        "e.jsonl",
        b"{\"u\":\"c\",\"t\":1546300800,\"properties\":{\"price\":1.5}}\n\n\
          {\"u\":\"c\",\"t\":1546300801,\"properties.price\":2}\n\
          [1]\n{\"u\":\n\"\xff\"\n{\"u\":[\"c\"],\"t\":1546300801,\"properties\":{\"price\":null}}\n",
    );
    let config = "path = 'e.jsonl'\nkind = 'purchase'\ntime = { format = 'epoch_s' }\n\
        columns = { customer_id = 'u', time = 't', price = 'properties.price' }";
    let outcome = world.read(&[config]).unwrap();
    assert_eq!(outcome.tables.events.revenue.iter().map(|m| m.0).collect::<Vec<_>>(), [15_000, 20_000]);
    let found: Vec<_> = outcome.rejected.iter().map(|r| (r.row, &*r.column, r.rule.id())).collect();
    assert_eq!(
        found,
        [
            (4, "*", "bad_json"),
            (5, "*", "bad_json"),
            (6, "*", "bad_utf8"),
            (7, "u", "bad_type"),
            (7, "properties.price", "missing_required"),
        ]
    );
}

#[derive(Default)]
struct Counter {
    total: AtomicU64,
    done: AtomicU64,
}

impl Progress for Counter {
    fn file(&self, _: &str, total_bytes: u64) {
        self.total.fetch_add(total_bytes, Ordering::Relaxed);
    }
    fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[test]
fn progress_and_fingerprints_cover_every_stored_byte() {
    let world = World::new();
    let files = [
        ("a.csv", csv_of(&rows()).into_bytes()),
        ("b.csv.gz", gz(csv_of(&rows()).as_bytes())),
        ("c.parquet", parquet_of(&rows())),
    ];
    for (name, bytes) in &files {
        world.write(name, bytes);
    }
    let config: SourceConfig = toml::from_str(&orders("*", "", "")).unwrap();
    let sources = [("s".to_owned(), config.resolve(world.path()))].into();
    let counter = Counter::default();
    let options = ReadOptions { not_after: None, currency: "EUR".into() };
    let outcome = read(&sources, &options, &counter).unwrap();
    let stored: u64 = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    assert_eq!((counter.total.into_inner(), counter.done.into_inner()), (stored, stored));
    for (print, (name, bytes)) in outcome.fingerprints.iter().zip(&files) {
        assert_eq!((print.file.as_str(), print.bytes), (*name, bytes.len() as u64));
        assert_eq!(print.xxh3_128, format!("{:032x}", xxhash_rust::xxh3::xxh3_128(bytes)));
    }
    // The second and third file repeat the first.
    let accepted: Vec<u64> = outcome.accounting.files.iter().map(|f| f.accepted).collect();
    assert_eq!(accepted[1..], [0, 0]);
}

proptest! {
    /// Whatever a file holds, every row ends in exactly one place, and listed rows are those counted.
    #[test]
    fn rows_add_up(
        lines in proptest::collection::vec(
            prop_oneof![
                "1,[abc]?,[ij]?,2019-01-0[1-3] 0[0-9]:00:00,-?[0-9]{1,2},-?[0-9]{1,3}[.,]?[0-9]{0,6},C?o,EUR",
                "[0-9a,\"\\-:. é]{0,40}",
            ],
            0..40,
        ),
        guests in any::<bool>(),
    ) {
        let world = World::new();
        world.write("o.csv", format!("{HEADER}{}\n", lines.join("\n")));
        let rule = "[[rule]]\nname = 'cancel'\nwhen = { column = 'order', starts_with = 'C' }\nthen = 'refund'\n\
                    [[rule]]\nname = 'free'\nwhen = { column = 'price', at_most = 0.0 }\nthen = 'set_aside'";
        let config = orders("o.csv", &format!("guests = {guests}"), rule);
        // `read` asserts that the accounting adds up.
        match world.read(&[&config]) {
            Ok(outcome) => {
                let total = outcome.accounting.total();
                let rows: std::collections::BTreeSet<u64> = outcome.rejected.iter().map(|r| r.row).collect();
                prop_assert_eq!(rows.len() as u64, total.n_rejected());
                prop_assert_eq!(outcome.tables.events.len() as u64, total.accepted);
            }
            Err(error) => {
                let endless = matches!(error, bespoke_io::ReadError::EndlessRecord { .. });
                prop_assert!(endless, "{}", error);
            }
        }
    }
}
