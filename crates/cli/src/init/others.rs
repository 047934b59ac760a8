//! Tables a job does not read yet, recognised by the names of their columns so that nobody takes them for events.

use std::path::Path;

use super::facts::Facts;

/// A table and the names of columns it is known by; one of each group must be there.
struct Other {
    what: &'static str,
    needs: &'static [&'static [&'static str]],
    /// Columns it never has.
    never: &'static [&'static str],
}

const OTHERS: [Other; 8] = [
    Other {
        what: "survey answers",
        needs: &[
            &["question", "questionid", "metric", "surveyid", "responseid"],
            &["answer", "scalemin", "scalelow", "nps", "csat"],
        ],
        never: &[],
    },
    Other {
        what: "support tickets",
        needs: &[
            &["ticketid", "conversationid"],
            &["createdat", "status", "subject", "solvedat", "firstreplyat", "kind", "actor", "priority"],
        ],
        never: &["quantity", "price", "itemid", "productid"],
    },
    Other {
        what: "consents",
        needs: &[
            &["purpose"],
            &["state", "basis", "granted"],
            &["time", "statedat", "createdat", "expiresat"],
        ],
        never: &[],
    },
    Other {
        what: "sessions",
        needs: &[
            &["sessionid", "visitid"],
            &["startedat", "sessionstart", "loggedinat", "endedat", "linkedat"],
        ],
        never: &["itemid", "productid", "event"],
    },
    Other {
        what: "assignments to experiments",
        needs: &[&["experimentid"], &["variationid", "variantid"]],
        never: &[],
    },
    Other {
        what: "assignments of offers",
        needs: &[&["offerid"], &["shown", "assigned"]],
        never: &["price"],
    },
    Other {
        what: "offers",
        needs: &[&["offerid"], &["startsat", "validfrom"], &["endsat", "validto"]],
        never: &[],
    },
    Other { what: "links between ids", needs: &[&["lefttype"], &["leftvalue"], &["rightvalue"]], never: &[] },
];

/// What the table is instead of events, customers or items.
pub fn other(all: &[Facts<'_>]) -> Option<String> {
    let has = |names: &[&str]| all.iter().any(|facts| names.contains(&facts.key.as_str()));
    let is = |other: &&Other| other.needs.iter().all(|group| has(group)) && !has(other.never);
    let found = OTHERS.iter().find(is)?;
    Some(format!("its columns are those of {}, which a job does not read yet", found.what))
}

/// Why a file is not even opened: the truth of a generated world is for tests.
pub fn closed(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let stem = name.split('.').next()?;
    (stem == "truth" || stem.starts_with("truth_")).then(|| {
        "it holds the truth of a generated world, which tests compare with and no job reads".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use bespoke_io::{CellShape, SampledColumn};

    use super::*;

    fn what(header: &str) -> Option<String> {
        let column =
            |name: &str| SampledColumn { name: name.to_owned(), shape: CellShape::Text, cells: Vec::new() };
        let columns: Vec<SampledColumn> = header.split(',').map(column).collect();
        other(&columns.iter().map(Facts::of).collect::<Vec<_>>())
    }

    #[test]
    fn tables_of_a_world_that_are_no_events() {
        for (header, says) in [
            ("ticket_id,customer_id,order_id,subject,created_at,first_reply_at,solved_at", "support tickets"),
            ("customer_id,question,scale_low,scale_high,sent_at,ticket_id,answer", "survey answers"),
            ("customer_id,time,purpose,state", "consents"),
            ("session_id,device_id,channel,started_at,logged_in_at,linked_at,customer_id", "sessions"),
            ("customer_id,offer_id,shown,bought", "assignments of offers"),
            ("offer_id,item_id,list_price,price,starts_at,ends_at,propensity", "offers"),
            ("user_id,time,experiment_id,variation_id", "assignments to experiments"),
        ] {
            assert!(what(header).is_some_and(|what| what.contains(says)), "{header}");
        }
        for header in [
            "customer_id,item_id,time,event,quantity,price,order_id,channel,session_id,offer_id",
            "customer_id,age,country,newsletter,household_size",
            "id,status,duration,purpose,amount,age",
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
        ] {
            assert_eq!(what(header), None, "{header}");
        }
    }

    #[test]
    fn truth_is_not_opened() {
        for (name, is) in [("w/truth.parquet", true), ("truth_sessions.csv", true), ("truths.csv", false)] {
            assert_eq!(closed(Path::new(name)).is_some(), is, "{name}");
        }
    }
}
