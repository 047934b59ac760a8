//! What becomes of a row.

use bespoke::tables::AttributeValues;
use bespoke::types::{EventKind, Money, Timestamp};
use bespoke_io::write_rejected;

use crate::world::{HEADER, NOT_AFTER, World, counts, orders, problems, read_orders};

#[test]
fn every_bad_cell_is_rejected_with_row_column_value_and_rule() {
    let cases: [(&[u8], &str, &str); 26] = [
        (b"1,c,i,2019-13-01 00:00:00,1,2,o,EUR", "time", "bad_timestamp"),
        (b"1,c,i,2019-02-30 00:00:00,1,2,o,EUR", "time", "bad_timestamp"),
        (b"1,c,i,01/02/2019,1,2,o,EUR", "time", "bad_timestamp"),
        (b"1,c,i,2020-01-01 00:00:01,1,2,o,EUR", "time", "bad_timestamp"),
        (b"1,c,i,1970-01-01 12:00:00,1,2,o,EUR", "time", "bad_timestamp"),
        (b"1,c,i,,1,2,o,EUR", "time", "missing_required"),
        (b"1,c,i,2019-01-01 00:00:00,1,\"12,50\",o,EUR", "price", "bad_type"),
        (b"1,c,i,2019-01-01 00:00:00,1,\"1,234.5\",o,EUR", "price", "bad_type"),
        (b"1,c,i,2019-01-01 00:00:00,1,5 EUR,o,EUR", "price", "bad_type"),
        (b"1,c,i,2019-01-01 00:00:00,1,NaN,o,EUR", "price", "non_finite"),
        (b"1,c,i,2019-01-01 00:00:00,1,-inf,o,EUR", "price", "non_finite"),
        (b"1,c,i,2019-01-01 00:00:00,1,-0.01,o,EUR", "price", "out_of_range"),
        (b"1,c,i,2019-01-01 00:00:00,1,1e300,o,EUR", "price", "out_of_range"),
        (b"1,c,i,2019-01-01 00:00:00,4000000000,922337203685.4775,o,EUR", "price", "out_of_range"),
        (b"1,c,i,2019-01-01 00:00:00,1,,o,EUR", "price", "missing_required"),
        (b"1,c,i,2019-01-01 00:00:00,0,2,o,EUR", "quantity", "out_of_range"),
        (b"1,c,i,2019-01-01 00:00:00,-3,2,o,EUR", "quantity", "out_of_range"),
        (b"1,c,i,2019-01-01 00:00:00,99999999999,2,o,EUR", "quantity", "out_of_range"),
        (b"1,c,i,2019-01-01 00:00:00,1.5,2,o,EUR", "quantity", "bad_type"),
        (b"1,,i,2019-01-01 00:00:00,1,2,o,EUR", "customer", "no_identity"),
        (b"1,c,,2019-01-01 00:00:00,1,2,o,EUR", "item", "missing_required"),
        (b"1,c,i,2019-01-01 00:00:00,1,2,o,USD", "currency", "fx_missing"),
        (b"1,c,i,2019-01-01 00:00:00,1,2,o,euro", "currency", "bad_currency"),
        (b"1,c\xff,i,2019-01-01 00:00:00,1,2,o,EUR", "customer", "bad_utf8"),
        (b"1,c,i,2019-01-01 00:00:00,1,2,o", "*", "column_count"),
        (b"1,c,i,2019-01-01 00:00:00,1,2,50,o,EUR", "*", "column_count"),
    ];
    for (row, column, rule) in cases {
        let world = World::new();
        let good = b"1,c,i,2019-01-01 00:00:00,1,2,o,EUR\n";
        world.write("orders.csv", [HEADER.as_bytes(), good, row, b"\n"].concat());
        let outcome = world.read(&[&orders("orders.csv", "", "")]).unwrap();
        let found: Vec<_> = problems(&outcome).into_iter().map(|(row, c, _, r)| (row, c, r)).collect();
        assert_eq!(found, [(3, column, rule)], "{}", String::from_utf8_lossy(row));
        let account = &outcome.accounting.files[0];
        assert_eq!(counts(account), (1, 0, 0, 1));
        assert_eq!(account.rejected[rule], 1);
        assert_eq!((account.rejected_share(), outcome.accounting.beyond(0.5).is_none()), (0.5, true));
        assert!(outcome.accounting.beyond(0.4).is_some());
    }
}

/// Case Q1 of the event reference.
#[test]
fn ten_records_go_to_three_places() {
    let mut rows: String =
        (1..=7).map(|i| format!("{i},c{i},i,2019-01-0{i} 00:00:00,1,2,o{i},EUR\n")).collect();
    rows += "8,,i,2019-01-01 00:00:00,1,2,o,EUR\n";
    rows += "3,c3,i,2019-01-03 00:00:00,1,2,o3,EUR\n";
    rows += "9,c,i,yesterday,1,2,o,EUR\n";
    let outcome = read_orders(&rows, "", "");
    assert_eq!(counts(&outcome.accounting.files[0]), (7, 1, 0, 2));
    assert_eq!(
        problems(&outcome),
        [(9, "customer", "", "no_identity"), (11, "time", "yesterday", "bad_timestamp")]
    );
}

/// Case Q2 of the event reference.
#[test]
fn quoted_line_ends_do_not_shift_the_row() {
    let rows = "1,\"c\n\n1\",i,2019-01-01 00:00:00,1,2,o,EUR\n\n2,c,i,never,1,2,o,EUR\n";
    assert_eq!(problems(&read_orders(rows, "", "")), [(6, "time", "never", "bad_timestamp")]);
    let crlf = rows.replace('\n', "\r\n");
    assert_eq!(problems(&read_orders(&crlf, "", "")), [(6, "time", "never", "bad_timestamp")]);
}

/// Case Q3 of the event reference, and everything a spreadsheet or a person may put into an id.
#[test]
fn ids_survive_as_they_are() {
    let ids =
        ["007", "7", "7.0", " 7", "say \"hi\"", "a,b", "line\nline", "café ☕🦀", "#N/A", "1.23E+15", "NULL"];
    let rows: String = ids
        .iter()
        .map(|id| {
            let quoted = format!("\"{}\"", id.replace('"', "\"\""));
            format!("1,{quoted},{quoted},2019-01-01 00:00:00,1,2,{quoted},EUR\n")
        })
        .collect();
    let outcome = read_orders(&rows, "", "");
    assert_eq!(outcome.tables.customers.len(), ids.len());
    for id in ids {
        assert!(
            outcome.tables.customers.find(id).is_some() && outcome.tables.items.find(id).is_some(),
            "{id}"
        );
    }
    assert_eq!(outcome.accounting.files[0].warnings["spreadsheet_damage"], 1);
}

#[test]
fn ids_are_cut_only_where_declared() {
    let rows = "1,17850.0,22.0,2019-01-01 00:00:00,1,2,o,EUR\n1,x1,22,2019-01-01 00:00:00,1,2,o,EUR\n";
    let outcome = read_orders(rows, "", "[id_style]\ncustomer_id = 'integer'");
    assert!(outcome.tables.customers.find("17850").is_some() && outcome.tables.items.find("22.0").is_some());
    assert_eq!(problems(&outcome), [(3, "customer", "x1", "bad_type")]);
}

#[test]
fn all_problems_of_a_row_are_reported_and_it_counts_once() {
    let outcome = read_orders("1,,,x,-1,abc,o,USD\n", "", "");
    let found: Vec<_> = problems(&outcome).into_iter().map(|(_, column, _, rule)| (column, rule)).collect();
    assert_eq!(
        found,
        [
            ("time", "bad_timestamp"),
            ("customer", "no_identity"),
            ("item", "missing_required"),
            ("currency", "fx_missing"),
            ("quantity", "out_of_range"),
            ("price", "bad_type"),
        ]
    );
    let account = &outcome.accounting.files[0];
    assert_eq!((account.n_rejected(), account.rejected["bad_timestamp"]), (1, 1));
    assert!(outcome.tables.customers.is_empty() && outcome.tables.items.is_empty());
}

#[test]
fn rules_make_refunds_and_set_rows_aside_before_any_check() {
    let rules = "[[rule]]\nname = 'cancel'\nwhen = { column = 'order', starts_with = 'C' }\nthen = 'refund'\n\
                 [[rule]]\nname = 'fee'\nwhen = { column = 'item', in = ['POST'], matches = '^gift_' }\n\
                 then = 'set_aside'\n\
                 [[rule]]\nname = 'free'\nwhen = { column = 'price', at_most = 0.0 }\nthen = 'set_aside'";
    let rows = "1,c,i,2019-01-01 00:00:00,-2,3.50,C1,EUR\n\
                1,c,POST,bad,bad,bad,C1,EUR\n\
                1,c,gift_20,bad,1,1,1,EUR\n\
                1,c,i,2019-01-01 00:00:00,1,0.0,1,EUR\n\
                1,c,i,2019-01-01 00:00:00,1,-5,1,EUR\n\
                1,c,i,2019-01-01 00:00:00,-1,5,1,EUR\n";
    let outcome = read_orders(rows, "", rules);
    let account = &outcome.accounting.files[0];
    assert_eq!(counts(account), (1, 0, 4, 1));
    assert_eq!((account.set_aside["fee"], account.set_aside["free"]), (2, 2));
    let events = &outcome.tables.events;
    assert_eq!((events.kind[0], events.quantity[0]), (EventKind::Refund, 2));
    assert_eq!(events.revenue[0], Money(70_000));
    assert_eq!(outcome.rejected[0].hint, Some("negative: a refund? declare it with a rule"));
}

#[test]
fn guests_are_accepted_where_declared() {
    let rows = "1,,i,2019-01-01 00:00:00,1,2,o,EUR\n2,c,i,2019-01-01 00:00:00,1,2,o,EUR\n";
    let outcome = read_orders(rows, "guests = true", "");
    assert_eq!(outcome.accounting.files[0].accepted_guests, 1);
    assert_eq!((outcome.tables.customers.len(), outcome.tables.events.of_guests().len()), (1, 1));
}

#[test]
fn repeats_are_one_event_unless_kept() {
    let row = "1,c,i,2019-01-01 00:00:00,1,2,o,EUR\n";
    let rows =
        [row, row, "2,c,i,2019-01-01 00:00:00,1,2.00,o,EUR\n", "2,c,i,2019-01-01 00:00:00,1,3,o,EUR\n"];
    let of = |keys, tables| {
        let outcome = read_orders(&rows.concat(), keys, tables);
        let revenue: Vec<i64> = outcome.tables.events.revenue.iter().map(|m| m.0 / 10_000).collect();
        (outcome.accounting.files[0].merged, revenue)
    };
    assert_eq!(of("", ""), (2, vec![2, 3]));
    assert_eq!(of("duplicates = 'keep'", ""), (0, vec![2, 2, 2, 3]));
    // The first copy of an event id stays.
    let world = World::new();
    world.write("orders.csv", format!("{HEADER}{}", rows.concat()));
    let config = orders("orders.csv", "", "event_id = 'event_id'");
    let outcome = world.read(&[&config]).unwrap();
    assert_eq!(counts(&outcome.accounting.files[0]), (2, 2, 0, 0));
    // Two sources may tell of two events that look alike.
    let both = world.read(&[&config, &config]).unwrap();
    assert_eq!(both.accounting.total().accepted, 4);
}

#[test]
fn a_repeat_brings_in_nobody() {
    let world = World::new();
    world.write(
        "orders.csv",
        format!("{HEADER}1,c,i,2019-01-01 00:00:00,1,2,o,EUR\n1,other,j,2019-01-01 00:00:00,1,2,o,EUR\n"),
    );
    let outcome = world.read(&[&orders("orders.csv", "", "event_id = 'event_id'")]).unwrap();
    assert_eq!((outcome.tables.customers.len(), outcome.tables.items.len()), (1, 1));
    assert_eq!(outcome.accounting.files[0].warnings["event_id_conflict"], 1);
}

#[test]
fn decimal_comma_and_delimiter_are_declared() {
    let world = World::new();
    let rows = HEADER.replace(',', ";") + "1;c;i;2019-01-01 00:00:00;2;12,505;o;EUR\n";
    world.write("orders.csv", rows);
    let outcome =
        world.read(&[&orders("orders.csv", "delimiter = ';'\ndecimal = ','\nnull = ['-', '']", "")]).unwrap();
    assert_eq!(outcome.tables.events.revenue, [Money(250_100)]);
}

#[test]
fn event_names_become_kinds_or_are_set_aside_by_name() {
    let world = World::new();
    world.write(
        "e.csv",
        "who,what,name,at\nc,i,Order Completed,1546300800\nc,i,view_item,1546300801\n\
         c,i,peek,1546300802\nc,i,Heartbeat,1546300803\nc,i,Heartbeat,1546300804\nc,i,,1546300805\n",
    );
    let config = "path = 'e.csv'\nkind_map = { peek = 'click' }\ntime = { format = 'epoch_s' }\n\
        columns = { customer_id = 'who', item_id = 'what', event = 'name', time = 'at' }";
    let outcome = world.read(&[config]).unwrap();
    assert_eq!(outcome.tables.events.kind, [EventKind::Purchase, EventKind::View, EventKind::Click]);
    let account = &outcome.accounting.files[0];
    assert_eq!(counts(account), (3, 0, 2, 1));
    assert_eq!((account.set_aside["unknown_event"], account.unknown_events["Heartbeat"]), (2, 2));
}

#[test]
fn unknown_events_of_a_personal_column_are_not_named() {
    let world = World::new();
    world.write("e.csv", "who,what,name,at\nc,i,mail john@example.com,1546300800\nc,i,purchase,1546300801\n");
    let config = "path = 'e.csv'\npii = ['name']\ntime = { format = 'epoch_s' }\n\
        columns = { customer_id = 'who', item_id = 'what', event = 'name', time = 'at' }";
    let outcome = world.read(&[config]).unwrap();
    let unknown = &outcome.accounting.files[0].unknown_events;
    assert_eq!(unknown.keys().collect::<Vec<_>>(), ["[redacted]"]);
}

#[test]
fn revenue_goes_before_price_and_counts_for_money_events_only() {
    let world = World::new();
    world.write(
        "e.csv",
        "who,what,at,price,total\nc,purchase,1546300800,2,9.99\nc,purchase,1546300801,2,\nc,view,1546300802,2,\n",
    );
    let config = "path = 'e.csv'\ntime = { format = 'epoch_s' }\n\
        columns = { customer_id = 'who', event = 'what', time = 'at', price = 'price', revenue = 'total' }";
    let outcome = world.read(&[config]).unwrap();
    assert_eq!(outcome.tables.events.revenue, [Money(99_900), Money(20_000), Money(0)]);
}

#[test]
fn clock_changes_are_counted_and_the_first_instant_taken() {
    let outcome = read_orders("1,c,i,2019-10-27 01:30:00,1,2,o,EUR\n", "", "");
    assert_eq!(outcome.accounting.files[0].warnings["ambiguous_local_time"], 1);
    assert_eq!(outcome.tables.events.time, [1_572_136_200_000]);
}

#[test]
fn values_are_cut_and_personal_ones_hidden() {
    let long = "é".repeat(500);
    let rows = format!("1,,i,{long},1,2,o,EUR\n1,c,i,x\n");
    let outcome = read_orders(&rows, "", "");
    assert_eq!(outcome.rejected[0].value, "é".repeat(100));
    let outcome = read_orders(&rows, "pii = ['time']", "");
    let hidden: Vec<_> =
        problems(&outcome).into_iter().map(|(_, column, shown, _)| (column, shown)).collect();
    assert_eq!(hidden, [("time", "[redacted]"), ("customer", ""), ("*", "[redacted]")]);
}

#[test]
fn customers_and_items_have_tables_of_their_own() {
    let world = World::new();
    world
        .write("orders.csv", format!("{HEADER}1,c,i,2019-01-01 00:00:00,1,2,o,EUR\n"))
        .write(
            "c.csv",
            "id,age,member,born,city,seen\nc,40.5,Y,1980-02-29,Paris,2\nd,,N,,,1\nc,41,N,,,1\ne,x,?,x,,1\n",
        )
        .write(
            "i.csv",
            "sku,name,cat,list,from,left\ni,\" Tea \",Food,3.5,2030-01-01T00:00:00Z,0\nj,,,,,-1\n",
        );
    let customers = "path = 'c.csv'\ntable = 'customers'\ntime = { format = 'epoch_s' }\n\
        columns = { customer_id = 'id' }\n[customer_attributes]\n\
        age = { column = 'age', type = 'number' }\ncity = { column = 'city', type = 'category' }\n\
        born = { column = 'born', type = 'date' }\n\
        member = { column = 'member', type = 'yes_no', yes = ['Y'], no = ['N'] }";
    let items = "path = 'i.csv'\ntable = 'items'\n\
        columns = { item_id = 'sku', title = 'name', category = 'cat', price = 'list', available_from = 'from', stock = 'left' }";
    let outcome = world.read(&[&orders("orders.csv", "", ""), customers, items]).unwrap();
    let rejected: Vec<_> =
        problems(&outcome).into_iter().map(|(row, column, _, rule)| (row, column, rule)).collect();
    assert_eq!(
        rejected,
        [
            (5, "age", "bad_type"),
            (5, "born", "bad_timestamp"),
            (5, "member", "bad_type"),
            (3, "left", "out_of_range"),
        ]
    );
    let (customers, items) = (&outcome.tables.customers, &outcome.tables.items);
    let (c, names) = (customers.find("c").unwrap(), customers.attributes.iter().map(|a| a.name.as_str()));
    assert_eq!(names.collect::<Vec<_>>(), ["age", "born", "city", "member"]);
    let AttributeValues::Number(ages) = &customers.attributes[0].values else { panic!() };
    let AttributeValues::Date(born) = &customers.attributes[1].values else { panic!() };
    let AttributeValues::YesNo(member) = &customers.attributes[3].values else { panic!() };
    // Undated statements: the later row wins, empty cells say nothing.
    assert_eq!((ages[c], born[c], member[c]), (Some(41.0), Some(3711), Some(false)));
    let i = items.find("i").unwrap();
    assert_eq!((items.titles[i].as_deref(), items.category(i)), (Some("Tea"), Some("Food")));
    assert_eq!((items.prices[i], items.stock[i]), (Some(Money(35_000)), Some(0)));
    assert_eq!(items.available_from[i], Some(Timestamp(1_893_456_000_000)));
    assert!(items.available_from[i] > Some(NOT_AFTER));
}

#[test]
fn rejected_rows_are_written_with_their_reason() {
    let outcome = read_orders("1,c,i,2019-01-01 00:00:00,1,\"12,50\",o,EUR\n", "", "");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rejected.csv");
    write_rejected(&path, &outcome.rejected).unwrap();
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        "source,file,row,column,value,rule,message,hint\n\
         a,orders.csv,2,price,\"12,50\",bad_type,the cell is not of the type of its column,\
         \"decimal comma? set decimal = \"\",\"\"\"\n"
    );
}

#[test]
fn what_events_say_about_customers_and_items_follows_time_not_runs() {
    let world = World::new();
    world.write(
        "e.csv",
        "who,what,at,land,name\n\
         c,i,1546300802,FR,Old\n\
         c,j,1546300802,FR,Cup\n\
         d,i,1546300802,FR, New \n\
         d,i,1546300802,FR, New \n\
         c,i,1546300803,DE,\n\
         c,i,1546300801,AT,Older\n\
         c,i,1546300801,AT,Oldest\n\
         ,i,1546300804,AT,\n\
         d,j,1546300805,AT,Mug\n",
    );
    let config = "path = 'e.csv'\nkind = 'view'\nguests = true\ntime = { format = 'epoch_s' }\n\
        columns = { customer_id = 'who', item_id = 'what', time = 'at', title = 'name' }\n\
        customer_attributes = { country = { column = 'land', type = 'category' } }";
    let outcome = world.read(&[config]).unwrap();
    assert_eq!(counts(&outcome.accounting.files[0]), (8, 1, 0, 0));
    let (customers, items) = (&outcome.tables.customers, &outcome.tables.items);
    let AttributeValues::Category { codes, levels } = &customers.attributes[0].values else { panic!() };
    let country = |id| levels[codes[customers.find(id).unwrap()].unwrap() as usize].as_str();
    assert_eq!((country("c"), country("d")), ("DE", "AT"));
    let title = |id| items.titles[items.find(id).unwrap()].as_deref();
    assert_eq!((title("i"), title("j")), (Some("New"), Some("Mug")));
}

#[test]
fn rows_without_a_key_are_customers_by_their_number() {
    let world = World::new();
    let config = "path = 'p.txt'\ntable = 'customers'\ndelimiter = 'spaces'\nrows_are_customers = true\n\
                  customer_attributes = { age = { column = 'age', type = 'number' } }";
    world.write("p.txt", " age  plan \r\n  30   basic\r\n 40 plus  \r\n x  basic\r\n");
    let outcome = world.read(&[config]).unwrap();
    let mut ids: Vec<&str> = (0..2).map(|customer| outcome.tables.customers.ids.get(customer)).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["2", "3"], "the numbers that messages use");
    assert_eq!(problems(&outcome)[0].0, 4);
    world.write("p2.txt", " age  plan\n 30 basic\n");
    let two = world.read(&[&config.replace("'p.txt'", "['p.txt', 'p2.txt']")]).unwrap_err().to_string();
    assert!(two.contains("rows_are_customers is true") && two.contains("several files"), "{two}");
    let both = format!("{config}\ncolumns = {{ customer_id = 'plan' }}");
    assert!(world.read(&[&both]).unwrap_err().to_string().contains("without columns.customer_id"));
}
