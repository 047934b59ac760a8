//! Ways of clustering the numbers of a table beside each other: for looking, never published.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use bespoke::metrics::clustering::{adjusted_rand, silhouette};
use bespoke::params::Params;
use bespoke::personas::{KMeansParams, MixtureParams};
use linfa::traits::Transformer;
use linfa_clustering::Dbscan;
use ndarray::{Array2, Axis};

/// Rows above this would make the silhouette, which is quadratic, a wait.
const MOST_ROWS: usize = 20_000;

/// What is asked of a comparison.
#[derive(Debug, PartialEq)]
pub(crate) struct Request {
    k: usize,
    /// Of DBSCAN, in standard deviations of a column.
    radius: f64,
    min_points: usize,
    /// All columns of numbers when empty.
    columns: Vec<String>,
}

/// Where DBSCAN puts a row. It keeps its rows as the model, so nothing of it is ever published.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Cluster(u32),
    /// Too few neighbours to belong anywhere.
    Noise,
}

impl Request {
    pub(crate) fn parse(k: &str, radius: &str, min_points: &str, columns: &[&str]) -> Result<Self> {
        let request = Self {
            k: k.parse().with_context(|| format!("K is \"{k}\", but it must be a whole number"))?,
            radius: radius.parse().with_context(|| format!("RADIUS is \"{radius}\", not a number"))?,
            min_points: min_points
                .parse()
                .with_context(|| format!("MIN_POINTS is \"{min_points}\", but it must be a whole number"))?,
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
        };
        ensure!(request.radius > 0.0 && request.radius.is_finite(), "RADIUS is {radius}, not above 0");
        ensure!(request.min_points >= 2, "MIN_POINTS is {min_points}, but it must be at least 2");
        Ok(request)
    }
}

/// A table of the ways, one per line.
pub(crate) fn compare(file: &Path, request: &Request) -> Result<String> {
    let (names, rows) = read(file, &request.columns)?;
    ensure!(rows.nrows() <= MOST_ROWS, "{} rows; this comparison takes at most {MOST_ROWS}", rows.nrows());
    let rows = standardised(rows);
    let kmeans = KMeansParams::new(request.k, 1).check()?.fit_array(rows.view())?.predict(rows.view())?;
    let kmeans: Vec<u32> = kmeans.iter().map(|&j| j as u32).collect();
    let mut text = format!("{} rows of {}, standardised\n", rows.nrows(), names.join(", "));
    line(
        &mut text,
        "k-means",
        &kmeans.iter().map(|&j| Place::Cluster(j)).collect::<Vec<_>>(),
        &rows,
        &kmeans,
    );
    match MixtureParams::new(request.k, 1).check()?.fit_array(rows.view()) {
        Ok(model) => {
            let places: Vec<Place> =
                model.predict(rows.view())?.into_iter().map(|j| Place::Cluster(j as u32)).collect();
            line(&mut text, "mixture", &places, &rows, &kmeans);
        }
        Err(error) => writeln!(text, "mixture   not fitted: {error}")?,
    }
    let found = Dbscan::params(request.min_points).tolerance(request.radius).transform(&rows)?;
    let place = |label: &Option<usize>| label.map_or(Place::Noise, |j| Place::Cluster(j as u32));
    line(&mut text, "DBSCAN", &found.iter().map(place).collect::<Vec<_>>(), &rows, &kmeans);
    Ok(text)
}

/// Sizes, noise, silhouette of the clustered rows, and agreement with k-means on them.
fn line(text: &mut String, name: &str, places: &[Place], rows: &Array2<f64>, kmeans: &[u32]) {
    let inside: Vec<usize> = (0..places.len()).filter(|&r| places[r] != Place::Noise).collect();
    let labels: Vec<u32> = places
        .iter()
        .filter_map(|place| match place {
            Place::Cluster(j) => Some(*j),
            Place::Noise => None,
        })
        .collect();
    let mut sizes: Vec<usize> = Vec::new();
    for &label in &labels {
        sizes.resize(sizes.len().max(label as usize + 1), 0);
        sizes[label as usize] += 1;
    }
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let cells: Vec<f64> = inside.iter().flat_map(|&r| rows.row(r).to_vec()).collect();
    let silhouette = silhouette(&cells, rows.ncols(), &labels);
    let silhouette = silhouette.map_or_else(|| "none".to_owned(), |s| format!("{s:.3}"));
    let reference: Vec<u32> = inside.iter().map(|&r| kmeans[r]).collect();
    let noise = 100.0 * (places.len() - inside.len()) as f64 / places.len().max(1) as f64;
    let _ = writeln!(
        text,
        "{name:<9} {} clusters {sizes:?}, {noise:.1} % noise, silhouette {silhouette}, adjusted Rand with k-means \
         {:.3}",
        sizes.len(),
        adjusted_rand(&reference, &labels),
    );
}

/// Names and cells of the asked-for columns, or of all whose cells are numbers in every row.
fn read(file: &Path, wanted: &[String]) -> Result<(Vec<String>, Array2<f64>)> {
    let mut reader = csv::Reader::from_path(file).with_context(|| file.display().to_string())?;
    let header: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    for column in wanted {
        ensure!(
            header.contains(column),
            "{}: no column \"{column}\"; there are {}",
            file.display(),
            header.join(", ")
        );
    }
    let records: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>()?;
    let number = |record: &csv::StringRecord, c: usize| {
        record.get(c).and_then(|cell| cell.trim().parse::<f64>().ok()).filter(|x| x.is_finite())
    };
    let chosen: Vec<usize> = (0..header.len())
        .filter(|&c| match wanted {
            [] => records.iter().all(|record| number(record, c).is_some()),
            wanted => wanted.contains(&header[c]),
        })
        .collect();
    ensure!(!chosen.is_empty() && !records.is_empty(), "{}: no column of numbers", file.display());
    let mut rows = Array2::zeros((records.len(), chosen.len()));
    for (r, record) in records.iter().enumerate() {
        for (f, &c) in chosen.iter().enumerate() {
            rows[(r, f)] = number(record, c).with_context(|| {
                let value = record.get(c).unwrap_or_default();
                format!(
                    "{}: row {}, column \"{}\" is \"{value}\", not a number",
                    file.display(),
                    r + 2,
                    header[c]
                )
            })?;
        }
    }
    Ok((chosen.iter().map(|&c| header[c].clone()).collect(), rows))
}

fn standardised(mut rows: Array2<f64>) -> Array2<f64> {
    for mut column in rows.axis_iter_mut(Axis(1)) {
        let (mean, sd) = (column.mean().unwrap_or(0.0), column.std(0.0));
        column.mapv_inplace(|x| if sd > 0.0 { (x - mean) / sd } else { 0.0 });
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use bespoke::random::Random;

    fn file(text: &str) -> (std::path::PathBuf, impl Drop) {
        struct Gone(std::path::PathBuf);
        impl Drop for Gone {
            fn drop(&mut self) {
                let _ = std::fs::remove_file(&self.0);
            }
        }
        let name = format!("bespoke-lab-{}-{}.csv", std::process::id(), text.len());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).expect("written");
        (path.clone(), Gone(path))
    }

    #[test]
    fn three_ways_on_two_groups_and_a_stray() {
        let random = Random::new(1);
        let mut text = "id,x,y,word\n".to_owned();
        for r in 0..120u64 {
            let centre = if r % 3 == 0 { 10.0 } else { 0.0 };
            let (x, y) = (centre + random.normal(2 * r), centre + random.normal(2 * r + 1));
            writeln!(text, "c{r},{x},{y},w").expect("written");
        }
        text.push_str("c999,60,-60,w\n");
        let (path, _gone) = file(&text);
        let request = Request::parse("2", "0.4", "4", &["x", "y"]).expect("parsed");
        let table = compare(&path, &request).expect("compared");
        assert!(table.contains("121 rows of x, y, standardised"), "{table}");
        let dbscan = table.lines().find(|l| l.starts_with("DBSCAN")).expect("a line");
        assert!(dbscan.contains("2 clusters [80, 40], 0.8 % noise"), "{table}");
        assert!(table.contains("mixture   2 clusters"), "{table}");
        let missing = Request::parse("2", "0.4", "4", &["z"]).expect("parsed");
        assert!(compare(&path, &missing).expect_err("refused").to_string().contains("no column \"z\""));
        let words = Request::parse("2", "0.4", "4", &["word"]).expect("parsed");
        let error = compare(&path, &words).expect_err("refused").to_string();
        assert!(error.contains("row 2, column \"word\" is \"w\", not a number"), "{error}");
        for bad in [("x", "1", "4"), ("2", "-1", "4"), ("2", "1", "0")] {
            assert!(Request::parse(bad.0, bad.1, bad.2, &[]).is_err());
        }
    }
}
