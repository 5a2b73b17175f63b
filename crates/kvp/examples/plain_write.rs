//! The yardstick of the benchmarks: a loop of `write(2)` of finished records.
//!
//! `plain_write FILE RECORDS BATCH` prints the records a second.

use std::fs::OpenOptions;
use std::io::{Error, ErrorKind, Write as _};
use std::time::Instant;

use kvp::limits::RECORD_SIZE;

#[allow(clippy::print_stdout, clippy::cast_precision_loss)]
fn main() -> std::io::Result<()> {
    let usage = || Error::new(ErrorKind::InvalidInput, "usage: plain_write FILE RECORDS BATCH");
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or_else(usage)?;
    let mut number = || arguments.next().and_then(|text| text.parse::<usize>().ok()).ok_or_else(usage);
    let (records, batch) = (number()?, number()?);
    let bytes = vec![b'x'; batch * RECORD_SIZE];
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let started = Instant::now();
    for _ in 0..records / batch {
        file.write_all(&bytes)?;
    }
    println!("{:.0}", (records / batch * batch) as f64 / started.elapsed().as_secs_f64());
    Ok(())
}
