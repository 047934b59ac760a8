//! Writes a retail world: `retail FOLDER N_CUSTOMERS [SEED]`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use bespoke_datasets::retail::{RetailParams, RetailWorld};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(args.next().ok_or("usage: retail FOLDER N_CUSTOMERS [SEED]")?);
    let n_customers = args.next().ok_or("how many customers?")?.parse()?;
    let seed = args.next().map_or(Ok(1), |seed| seed.parse())?;
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let world = RetailWorld::new(RetailParams::new(n_customers, 1_000, seed))?;
    let written = world.write_to(&dir, threads, || ())?;
    println!("{written:?}");
    Ok(())
}
