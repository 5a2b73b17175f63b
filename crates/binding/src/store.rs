//! The store for JavaScript: single attempts, made here or on a thread of Node.js's pool. None of them
//! waits for a lock, so none keeps such a thread from the program's own files.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use kvp::edit::Defect;
use kvp::limits::RECORD_SIZE;
use kvp::pool::Attempt;
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

enum Work {
    Append(Batch),
    Set(Box<[u8; RECORD_SIZE]>, usize),
    Delete(Vec<Vec<u8>>),
    Load(Batch),
    Clear(Option<i64>),
    Repair,
    Read(bool),
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

/// A pool that is read and changed.
#[napi]
pub struct Store {
    inner: Arc<Mutex<kvp::Store>>,
}

/// A store at a path; opens nothing yet.
#[napi]
#[must_use]
pub fn open_store(path: String) -> Store {
    Store { inner: Arc::new(Mutex::new(kvp::Store::new(RealSys, path))) }
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
        run(&self.inner, &work_of(&op, &text, number)?).map(reply)
    }

    /// One attempt, on a thread of the pool.
    #[napi(ts_return_type = "Promise<StoreReply | null>")]
    pub fn attempt_async(
        &self,
        op: String,
        text: String,
        number: Option<f64>,
    ) -> napi::Result<AsyncTask<StoreTask>> {
        let work = work_of(&op, &text, number)?;
        Ok(AsyncTask::new(StoreTask { store: Arc::clone(&self.inner), work }))
    }

    /// Lets go of the file; a later attempt opens it again.
    #[napi]
    pub fn close(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).close();
    }
}

/// An attempt under way.
pub struct StoreTask {
    store: Arc<Mutex<kvp::Store>>,
    work: Work,
}

impl Task for StoreTask {
    type Output = Outcome;
    type JsValue = Option<StoreReply>;

    fn compute(&mut self) -> napi::Result<Outcome> {
        run(&self.store, &self.work)
    }

    fn resolve(&mut self, _env: Env, outcome: Outcome) -> napi::Result<Option<StoreReply>> {
        Ok(reply(outcome))
    }
}

fn work_of(op: &str, text: &str, number: Option<f64>) -> napi::Result<Work> {
    Ok(match op {
        "append" => Work::Append(batch_of(text)),
        "load" => Work::Load(batch_of(text)),
        "set" => {
            let record = batch_of(text).as_bytes().try_into();
            let record = record.map_err(|_| napi::Error::from_reason("set takes one record"))?;
            Work::Set(Box::new(record), usize::try_from(whole(number.unwrap_or(0.0))).unwrap_or(usize::MAX))
        }
        "delete" => Work::Delete(texts(text).map(Into::into).collect()),
        "clear" => Work::Clear(number.map(|seconds| i64::try_from(whole(seconds)).unwrap_or(i64::MAX))),
        "repair" => Work::Repair,
        "read" => Work::Read(number.is_some()),
        other => return Err(napi::Error::from_reason(format!("a store can not {other}"))),
    })
}

fn texts(text: &str) -> impl Iterator<Item = &[u8]> {
    text.split_terminator('\0').map(str::as_bytes)
}

fn batch_of(text: &str) -> Batch {
    let mut batch = Batch::default();
    let mut texts = texts(text);
    while let (Some(key), Some(value)) = (texts.next(), texts.next()) {
        batch.push(key, value);
    }
    batch
}

fn run(store: &Mutex<kvp::Store>, work: &Work) -> napi::Result<Outcome> {
    catch_unwind(AssertUnwindSafe(|| {
        let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
        match work {
            Work::Append(batch) => Ok(store.append(batch.as_bytes())?.map(|()| Found::Nothing)),
            Work::Load(batch) => Ok(store.load(batch.as_bytes())?.map(|()| Found::Nothing)),
            Work::Set(record, max_keys) => Ok(store.set(record, *max_keys)?.map(|()| Found::Nothing)),
            Work::Delete(keys) => {
                let keys: Vec<_> = keys.iter().map(Vec::as_slice).collect();
                Ok(store.delete(&keys)?.map(Found::Count))
            }
            Work::Clear(stale_before) => {
                Ok(store.clear(*stale_before)?.map(|cleared| Found::Count(cleared.into())))
            }
            Work::Repair => Ok(store.repair()?.map(Found::Defects)),
            Work::Read(lenient) => Ok(store.read(*lenient)?.map(Found::Contents)),
        }
    }))
    .map_err(|_| napi::Error::from_reason("the store panicked; this is a defect of kvp-tracing"))
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
