//! Node-API conversions for the `kvp` crate; no logic of its own.

#![deny(unsafe_code)]

#[allow(unsafe_code)] // Node-API by its raw functions.
mod raw;
pub mod store;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use kvp::drop_report;
use kvp::frame::Level;
use kvp::key_layout;
use kvp::memory::to_usize;
use kvp::stats::Reason;
use napi::Status;
use napi::bindgen_prelude::{Either, Env, Object};
use napi_derive::napi;

/// The version of this core; the package loads no other than its own.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The field of a key behind its prefix.
#[napi(string_enum = "lowercase")]
pub enum KeyWord {
    /// `start`, `finish` or `event`.
    Kind,
    /// `ERROR` to `TRACE`.
    Level,
}

/// The layout of keys; see the `kvp` crate's `KeyLayout`.
#[napi(object)]
pub struct KeyLayout {
    /// The start of every key, up to and including the `|` before the word.
    pub prefix: String,
    /// The field behind the prefix.
    pub word: KeyWord,
    /// Most bytes of a name.
    pub name_max: u32,
    /// Whether time, encoding, result and duration follow the id.
    pub details: bool,
    /// Whether a key ends in the number of its chunk.
    pub numbered: bool,
}

impl From<KeyLayout> for key_layout::KeyLayout {
    fn from(KeyLayout { prefix, word, name_max, details, numbered }: KeyLayout) -> Self {
        let word = match word {
            KeyWord::Kind => key_layout::Word::Kind,
            KeyWord::Level => key_layout::Word::Level,
        };
        Self { prefix, word, name_max: name_max as usize, details, numbered }
    }
}

/// The style of a drop report's payload.
#[napi(string_enum = "lowercase")]
pub enum DropReportStyle {
    /// As JSON.
    Json,
    /// As Rust's `Debug` prints values.
    Debug,
}

/// The name and style of the drop report.
#[napi(object)]
pub struct DropReport {
    /// The name in its key.
    pub name: String,
    /// The style of its payload.
    pub style: DropReportStyle,
}

impl From<DropReport> for drop_report::DropReport {
    fn from(DropReport { name, style }: DropReport) -> Self {
        let style = match style {
            DropReportStyle::Json => drop_report::Style::Json,
            DropReportStyle::Debug => drop_report::Style::Debug,
        };
        Self { name, style }
    }
}

/// The options of a channel; see the `kvp` crate's `Options`.
#[napi(object)]
pub struct ChannelOptions {
    /// The pool's file.
    pub path: String,
    /// The layout of the records' keys.
    pub keys: KeyLayout,
    /// The last record, which says what was dropped.
    pub drop_report: DropReport,
    /// Records that the pool may have at most.
    pub max_records: f64,
    /// Bytes of the queue.
    pub queue_bytes: f64,
    /// Whether starts are followed by finishes.
    pub reserves_finishes: bool,
    /// Empty a pool that was last changed before this time, in seconds since 1970.
    pub stale_before: Option<f64>,
    /// Write an entry before the emit returns.
    pub write_through: bool,
}

/// A failure, of which JavaScript makes an error of the class that belongs to its code.
#[napi(object, object_from_js = false)]
pub struct Problem {
    /// The stable code.
    pub code: &'static str,
    /// What happened, with what was given and the limit.
    pub message: String,
    /// The operating system's error number.
    pub errno: Option<i32>,
    /// The system call that failed.
    pub syscall: Option<&'static str>,
    /// The file concerned.
    pub path: Option<String>,
}

impl From<&kvp::Error> for Problem {
    fn from(error: &kvp::Error) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
            errno: error.errno(),
            syscall: error.syscall(),
            path: error.path().map(|path| path.display().to_string()),
        }
    }
}

/// Entries dropped for one reason at one level.
#[napi(object, object_from_js = false)]
pub struct Dropped {
    /// Why.
    #[napi(ts_type = "'queue' | 'budget' | 'too_large' | 'invalid' | 'lock' | 'io' | 'closed'")]
    pub reason: &'static str,
    /// At which level.
    #[napi(ts_type = "'ERROR' | 'WARN' | 'INFO' | 'DEBUG' | 'TRACE'")]
    pub level: &'static str,
    /// How many.
    pub count: f64,
}

/// Counts of what was written and what was dropped.
#[napi(object, object_from_js = false)]
pub struct ChannelStats {
    /// Entries emitted, both queued and dropped ones.
    pub accepted: f64,
    /// Entries in the file.
    pub written: f64,
    /// Records in the file.
    pub records: f64,
    /// Records that went missing from the file.
    pub missing: f64,
    /// Bytes of the queue that wait to be written.
    pub queued_bytes: f64,
    /// What was dropped.
    pub dropped: Vec<Dropped>,
    /// The last failure.
    pub last_error: Option<Problem>,
}

/// One queue into one pool.
#[napi]
pub struct Channel {
    inner: Rc<RefCell<kvp::Channel>>,
}

/// Opens a channel, or returns why it can't be opened.
#[napi]
#[allow(clippy::needless_pass_by_value, clippy::missing_errors_doc)]
pub fn open_channel(env: Env, options: ChannelOptions) -> napi::Result<Either<Channel, Problem>> {
    let options = kvp::Options {
        path: options.path.into(),
        keys: options.keys.into(),
        drop_report: options.drop_report.into(),
        max_records: count("maxRecords", options.max_records)?,
        queue_bytes: to_usize(count("queueBytes", options.queue_bytes)?),
        reserves_finishes: options.reserves_finishes,
        write_through: options.write_through,
        stale_before: options.stale_before.map(|second| whole("staleBefore", second)).transpose()?,
    };
    match kvp::Channel::open(&options) {
        Ok(channel) => {
            let inner = Rc::new(RefCell::new(channel));
            // A worker thread that is terminated runs no more JavaScript, but it still runs this hook.
            env.add_env_cleanup_hook(Rc::clone(&inner), |inner| {
                end(&mut inner.borrow_mut(), Duration::from_millis(500));
            })?;
            Ok(Either::A(Channel { inner }))
        }
        Err(error) => Ok(Either::B(Problem::from(&error))),
    }
}

fn end(channel: &mut kvp::Channel, timeout: Duration) {
    if channel.is_closed() {
        return;
    }
    channel.request_drop_report();
    // Entries that are not written in this time are counted as dropped by the close.
    let _ = channel.wait(timeout);
    channel.close(Duration::from_millis(100));
}

#[napi]
#[allow(clippy::must_use_candidate, clippy::missing_errors_doc)]
impl Channel {
    /// The raw functions `name`, `start`, `event` and `finish`; see `raw.rs`.
    #[napi]
    pub fn emitters<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        raw::emitters(env, &self.inner)
    }

    /// Everything emitted so far lies before this position.
    #[napi]
    pub fn position(&self) -> f64 {
        as_number(self.inner.borrow().position())
    }

    /// Whether everything before `position` is written or counted as dropped; wakes the writer up if not.
    #[napi]
    pub fn is_drained(&self, position: f64) -> napi::Result<bool> {
        Ok(self.inner.borrow().is_drained(count("position", position)?))
    }

    /// Whether the pool could not be opened when that was last tried.
    #[napi]
    pub fn cannot_open(&self) -> bool {
        self.inner.borrow().cannot_open()
    }

    /// Requests a look whether the written records are still where the path leads.
    #[napi]
    pub fn request_look(&self) {
        self.inner.borrow().request_look();
    }

    /// Requests a last record that says what was dropped, if anything was.
    #[napi]
    pub fn request_drop_report(&self) {
        self.inner.borrow().request_drop_report();
    }

    /// Blocks until everything emitted so far is written, or for this many milliseconds; returns whether it is
    /// written.
    #[napi]
    pub fn wait(&self, milliseconds: f64) -> napi::Result<bool> {
        Ok(self.inner.borrow().wait(millis(milliseconds)?))
    }

    /// Ends the channel: what can't be written at once is dropped and counted.
    #[napi]
    pub fn close(&self, milliseconds: f64) -> napi::Result<()> {
        self.inner.borrow_mut().close(millis(milliseconds)?);
        Ok(())
    }

    /// The counts.
    #[napi]
    pub fn stats(&self) -> ChannelStats {
        let mut channel = self.inner.borrow_mut();
        let queued_bytes = as_number(channel.queued_bytes() as u64);
        let stats = channel.stats();
        let pairs = Reason::ALL.into_iter().flat_map(|reason| Level::ALL.map(|level| (reason, level)));
        let dropped = pairs
            .filter_map(|(reason, level)| match stats.dropped(reason, level) {
                0 => None,
                count => {
                    Some(Dropped { reason: reason.name(), level: level.name(), count: as_number(count) })
                }
            })
            .collect();
        ChannelStats {
            accepted: as_number(stats.accepted()),
            written: as_number(stats.written()),
            records: as_number(stats.records()),
            missing: as_number(stats.missing()),
            queued_bytes,
            dropped,
            last_error: stats.with_last_error(|error| error.map(Problem::from)),
        }
    }
}

/// Has writes to an open file fail where they would wait for a reader; returns whether they do.
#[napi]
pub fn set_nonblocking(fd: i32) -> bool {
    kvp::sys::set_nonblocking(fd)
}

/// Milliseconds as a duration. Negative ones are zero, because that time is over; too many are the longest
/// duration. NaN is an error.
fn millis(milliseconds: f64) -> napi::Result<Duration> {
    if milliseconds.is_nan() {
        return Err(napi::Error::new(Status::InvalidArg, "milliseconds must be a number"));
    }
    let seconds = milliseconds.max(0.0) / 1000.0;
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

#[allow(clippy::cast_precision_loss)] // Counts and positions stay far below 2^53.
fn as_number(count: u64) -> f64 {
    count as f64
}

/// The largest whole number of JavaScript, `Number.MAX_SAFE_INTEGER`.
const MOST: f64 = 9_007_199_254_740_991.0;

/// A whole number. Any other number is an error and is not rounded.
#[allow(clippy::cast_possible_truncation)] // Checked.
fn whole(option: &str, number: f64) -> napi::Result<i64> {
    if number.fract() == 0.0 && number.abs() <= MOST {
        return Ok(number as i64);
    }
    Err(napi::Error::new(Status::InvalidArg, format!("{option} must be a whole number, not {number}")))
}

/// A whole number from 0.
fn count(option: &str, number: f64) -> napi::Result<u64> {
    u64::try_from(whole(option, number)?)
        .map_err(|_| napi::Error::new(Status::InvalidArg, format!("{option} must be from 0, not {number}")))
}
