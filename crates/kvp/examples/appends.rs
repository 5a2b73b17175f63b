//! What an append to a store costs beside a plain `write(2)` of one record: interleaved rounds, medians.
//!
//! `appends FOLDER` prints, for appends of 1 and of 64 records, nanoseconds a record and the ratio.

use std::fs::OpenOptions;
use std::io::{Error, ErrorKind, Write as _};
use std::path::Path;
use std::time::Instant;

use kvp::Store;
use kvp::limits::RECORD_SIZE;
use kvp::record::Batch;
use kvp::sys::RealSys;

const ROUNDS: usize = 200;
const CALLS: usize = 100;

fn nanoseconds(calls: usize, mut act: impl FnMut() -> std::io::Result<()>) -> std::io::Result<u128> {
    let started = Instant::now();
    for _ in 0..calls {
        act()?;
    }
    Ok(started.elapsed().as_nanos() / calls as u128)
}

fn median(times: &mut [u128]) -> u128 {
    times.sort_unstable();
    times[times.len() / 2]
}

#[allow(clippy::print_stdout, clippy::cast_precision_loss)]
fn main() -> std::io::Result<()> {
    let usage = || Error::new(ErrorKind::InvalidInput, "usage: appends FOLDER");
    let folder = std::env::args().nth(1).ok_or_else(usage)?;
    let (ours, plain) = (Path::new(&folder).join("ours"), Path::new(&folder).join("plain"));
    let mut store = Store::new(RealSys, &ours);
    let mut file = OpenOptions::new().create(true).append(true).open(&plain)?;
    let record = vec![b'x'; RECORD_SIZE];
    let (key, value) = ([b'k'; 107], [b'v'; 154]);
    for records in [1, 64] {
        let mut batch = Batch::default();
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            times[0].push(nanoseconds(CALLS, || file.write_all(&record))?);
            times[1].push(nanoseconds(CALLS, || {
                batch.truncate(0);
                for _ in 0..records {
                    batch.push(&key, &value);
                }
                store.append(batch.as_bytes()).map_err(Error::other)?;
                Ok(())
            })?);
            file.set_len(0)?;
            OpenOptions::new().write(true).open(&ours)?.set_len(0)?;
        }
        let [plain, ours] = times.each_mut().map(|times| median(times));
        let ours = ours / records;
        println!("{records} {ours} {:.2}", ours as f64 / plain as f64);
    }
    Ok(())
}
