//! The store for JavaScript: single attempts, made here or on a thread of Node.js's pool. None of them
//! waits for a lock, so none keeps such a thread from the program's own files.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use kvp::appender::Attempt;
use kvp::edit::Defect;
use kvp::record::Batch;
use kvp::store::Contents;
use kvp::sys::RealSys;
use napi::bindgen_prelude::{AsyncTask, Buffer, Env, Task};
use napi_derive::napi;

use crate::{Problem, as_number, whole};

/// A defect of a pool.
#[napi(object)]
pub struct StoreDefect {
    /// The record's number.
    pub record: u32,
    /// What is wrong.
    pub reason: String,
    /// `key` or `value`.
    pub field: Option<String>,
}

/// What an attempt came to.
#[napi(object, object_from_js = false)]
pub struct StoreReply {
    /// `done`, `busy`, `unsettled`, `missing`, `irregular` or `failed`.
    pub state: &'static str,
    /// Records removed, or whether a clear cut anything.
    pub count: Option<f64>,
    /// What was read.
    pub bytes: Option<Buffer>,
    /// What a repair found.
    pub defects: Option<Vec<StoreDefect>>,
    /// Why it failed.
    pub problem: Option<Problem>,
}

/// What an attempt that was done found.
pub enum Found {
    /// There was nothing to find.
    Nothing,
    /// How many records.
    Count(usize),
    /// What is in the file.
    Contents(Contents),
    /// What is wrong.
    Defects(Vec<Defect>),
}

type Outcome = kvp::Result<Attempt<Found>>;

/// A batch of more records than these is not kept for the next job.
const KEPT_RECORDS: usize = 256;

struct Inner {
    store: kvp::Store,
    /// Reused, because the system gives memory for many records slower than it takes their bytes.
    batch: Batch,
}

/// A pool that is read and changed.
#[napi]
pub struct Store {
    inner: Arc<Mutex<Inner>>,
}

/// A store at a path; opens nothing yet.
#[napi]
#[must_use]
pub fn open_store(path: String) -> Store {
    let inner = Inner { store: kvp::Store::new(RealSys, path), batch: Batch::default() };
    Store { inner: Arc::new(Mutex::new(inner)) }
}

#[napi]
#[allow(clippy::needless_pass_by_value, clippy::missing_errors_doc, clippy::must_use_candidate)]
impl Store {
    /// One attempt, in this thread; no reply where it was done and there is nothing to tell.
    ///
    /// `op` is `append`, `set`, `delete`, `load`, `clear`, `repair` or `read`. `text` has keys and values in turn,
    /// or keys, each ended by a NUL. `number` is for `set` how many different keys there may be, for `clear` the
    /// second before which the file must have changed, for `read` present if links are to be followed, and
    /// locks not insisted on.
    #[napi]
    pub fn attempt(&self, op: String, text: String, number: Option<f64>) -> napi::Result<Option<StoreReply>> {
        run(&self.inner, &op, &text, number).map(reply)
    }

    /// One attempt, on a thread of the pool.
    #[napi(ts_return_type = "Promise<StoreReply | null>")]
    pub fn attempt_async(&self, op: String, text: String, number: Option<f64>) -> AsyncTask<StoreTask> {
        AsyncTask::new(StoreTask { inner: Arc::clone(&self.inner), op, text, number })
    }

    /// Lets go of the file; a later attempt opens it again.
    #[napi]
    pub fn close(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).store.close();
    }
}

/// An attempt under way.
pub struct StoreTask {
    inner: Arc<Mutex<Inner>>,
    op: String,
    text: String,
    number: Option<f64>,
}

impl Task for StoreTask {
    type Output = Outcome;
    type JsValue = Option<StoreReply>;

    fn compute(&mut self) -> napi::Result<Outcome> {
        run(&self.inner, &self.op, &self.text, self.number)
    }

    fn resolve(&mut self, _env: Env, outcome: Outcome) -> napi::Result<Option<StoreReply>> {
        Ok(reply(outcome))
    }
}

fn texts(text: &str) -> impl Iterator<Item = &[u8]> {
    text.split_terminator('\0').map(str::as_bytes)
}

fn run(inner: &Mutex<Inner>, op: &str, text: &str, number: Option<f64>) -> napi::Result<Outcome> {
    let work = || {
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        attempt(&mut inner, op, text, number)
    };
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| napi::Error::from_reason("the store panicked; this is a defect of kvp-tracing"))
}

fn attempt(inner: &mut Inner, op: &str, text: &str, number: Option<f64>) -> Outcome {
    let Inner { store, batch } = inner;
    if batch.len() > KEPT_RECORDS {
        *batch = Batch::default();
    }
    batch.truncate(0);
    Ok(match op {
        "append" => store.append(filled(batch, text))?.map(|()| Found::Nothing),
        "load" => store.load(filled(batch, text))?.map(|()| Found::Nothing),
        "set" => {
            let max_keys = usize::try_from(whole(number.unwrap_or(0.0))).unwrap_or(usize::MAX);
            let record = filled(batch, text).first_chunk();
            record
                .map_or(Ok(Attempt::Done(())), |record| store.set(record, max_keys))?
                .map(|()| Found::Nothing)
        }
        "delete" => store.delete(&texts(text).collect::<Vec<_>>())?.map(Found::Count),
        "clear" => {
            let stale_before = number.map(|seconds| i64::try_from(whole(seconds)).unwrap_or(i64::MAX));
            store.clear(stale_before)?.map(|cleared| Found::Count(cleared.into()))
        }
        "repair" => store.repair()?.map(Found::Defects),
        _ => store.read(number.is_some())?.map(Found::Contents),
    })
}

/// The records of a text, as they are in a file.
fn filled<'a>(batch: &'a mut Batch, text: &str) -> &'a [u8] {
    let mut texts = texts(text);
    while let (Some(key), Some(value)) = (texts.next(), texts.next()) {
        batch.push(key, value);
    }
    batch.as_bytes()
}

fn reply(outcome: Outcome) -> Option<StoreReply> {
    let mut reply = StoreReply { state: "done", count: None, bytes: None, defects: None, problem: None };
    match outcome {
        Ok(Attempt::Done(Found::Nothing)) => return None,
        Ok(Attempt::Done(Found::Count(count))) => reply.count = Some(as_number(count as u64)),
        Ok(Attempt::Done(Found::Contents(Contents::Bytes(bytes)))) => reply.bytes = Some(bytes.into()),
        Ok(Attempt::Done(Found::Contents(Contents::Missing))) => reply.state = "missing",
        Ok(Attempt::Done(Found::Contents(Contents::Irregular))) => reply.state = "irregular",
        Ok(Attempt::Done(Found::Defects(defects))) => {
            reply.defects = Some(defects.into_iter().map(StoreDefect::from).collect());
        }
        Ok(Attempt::Busy) => reply.state = "busy",
        Ok(Attempt::Unsettled) => reply.state = "unsettled",
        Err(error) => {
            reply.state = "failed";
            reply.problem = Some(Problem::from(&error));
        }
    }
    Some(reply)
}

impl From<Defect> for StoreDefect {
    fn from(defect: Defect) -> Self {
        Self {
            record: u32::try_from(defect.record).unwrap_or(u32::MAX),
            reason: defect.reason.name().into(),
            field: defect.field.map(Into::into),
        }
    }
}
