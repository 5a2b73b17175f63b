//! The store for JavaScript. Each operation is a single attempt, made in the calling thread or on a thread of
//! Node.js's pool. No attempt waits for a lock, so none keeps a thread of the pool from the program's own
//! files.

use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use kvp::attempt::Attempt;
use kvp::edit::Defect;
use kvp::error::Purpose;
use kvp::limits::{KEY_SIZE, VALUE_SIZE};
use kvp::record::{Batch, text};
use kvp::store::Contents;
use kvp::sys::RealSys;
use kvp::{Refused, memory};
use napi::Status;
use napi::bindgen_prelude::{AsyncTask, Buffer, Env, Task, Uint32Array};
use napi_derive::napi;

use crate::raw::Text;
use crate::{Problem, as_number, count, whole};

/// A defect of a pool.
#[napi(object, object_from_js = false)]
pub struct StoreDefect {
    /// The record's number.
    pub record: f64,
    /// What is wrong.
    #[napi(ts_type = "'torn_tail' | 'invalid_utf8' | 'missing_nul' | 'empty_key'")]
    pub reason: &'static str,
    /// Which field it concerns.
    #[napi(ts_type = "'key' | 'value'")]
    pub field: Option<&'static str>,
}

/// The outcome of an attempt.
#[napi(object, object_from_js = false)]
pub struct StoreReply {
    /// How the attempt ended. `missing` and `irregular` are outcomes of a read.
    #[napi(ts_type = "'done' | 'busy' | 'unsettled' | 'missing' | 'irregular' | 'failed'")]
    pub state: &'static str,
    /// How many records were removed; of a clear 1 if it emptied the file, else 0.
    pub count: Option<f64>,
    /// What was read.
    pub bytes: Option<Buffer>,
    /// Where the texts in `bytes` end: of each record its key and its value.
    pub ends: Option<Uint32Array>,
    /// Of each record the first one whose key is the same up to its last `|`; absent where that is not known.
    pub alike: Option<Uint32Array>,
    /// How many bytes of the file these texts are of.
    pub size: Option<f64>,
    /// What a repair found.
    pub defects: Option<Vec<StoreDefect>>,
    /// Why it failed.
    pub problem: Option<Problem>,
}

/// An operation with its arguments. A text has keys and values in turn, or keys, each followed by a NUL.
pub enum Job {
    /// Adds records.
    Append(Text),
    /// Replaces all records.
    Load(Text),
    /// Sets one record; the number is how many different keys there may be.
    Set(Text, usize),
    /// Removes keys.
    Delete(Text),
    /// Empties the file, or only a file that was last changed before this time, in seconds since 1970.
    Clear(Option<i64>),
    /// Repairs what would stop the host from reading the pool.
    Repair,
    /// Reads the bytes or the fields; a lenient read follows links and needs no locks.
    Read {
        /// Whether it is lenient.
        lenient: bool,
        /// Whether of a pool only the fields are read.
        fields: bool,
    },
}

/// The result of an attempt that was done.
pub enum Found {
    /// No result.
    Nothing,
    /// How many records.
    Count(usize),
    /// The contents of the file.
    Contents(Contents),
    /// What is wrong.
    Defects(Vec<StoreDefect>),
}

type Outcome = kvp::Result<Attempt<Found>>;

/// Why an attempt was not made.
enum Failure {
    /// The core's error, which the reply carries.
    Core(kvp::Error),
    /// Invalid arguments, which throw.
    Caller(&'static str),
}

impl From<kvp::Error> for Failure {
    fn from(error: kvp::Error) -> Self {
        Self::Core(error)
    }
}

/// A larger batch is not kept for the next job.
const KEPT_RECORDS: usize = 256;

struct Inner {
    store: kvp::Store,
    /// Reused, because new memory for many records costs more than writing them.
    batch: Batch,
}

/// A pool that is read and changed. Each operation is one attempt: in the calling thread, or as `…Async` on a
/// thread of the pool. `null` means that it was done and has no result. A text has keys and values in turn, or
/// keys, each followed by a NUL; invalid arguments throw.
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
#[allow(clippy::missing_errors_doc, clippy::must_use_candidate)]
impl Store {
    /// Appends records, all or none.
    #[napi]
    pub fn append(&self, #[napi(ts_arg_type = "string")] records: Text) -> napi::Result<Option<StoreReply>> {
        run(&self.inner, &Job::Append(records)).map(reply)
    }
    #[allow(missing_docs)]
    #[napi(ts_return_type = "Promise<StoreReply | null>")]
    pub fn append_async(&self, #[napi(ts_arg_type = "string")] records: Text) -> AsyncTask<StoreTask> {
        self.task(Job::Append(records))
    }

    /// Sets one record; `max_keys` is how many different keys there may be.
    #[napi]
    pub fn set(
        &self,
        #[napi(ts_arg_type = "string")] record: Text,
        max_keys: f64,
    ) -> napi::Result<Option<StoreReply>> {
        run(&self.inner, &Job::Set(record, keys(max_keys)?)).map(reply)
    }
    #[allow(missing_docs)]
    #[napi(ts_return_type = "Promise<StoreReply | null>")]
    pub fn set_async(
        &self,
        #[napi(ts_arg_type = "string")] record: Text,
        max_keys: f64,
    ) -> napi::Result<AsyncTask<StoreTask>> {
        Ok(self.task(Job::Set(record, keys(max_keys)?)))
    }

    /// Removes all records with one of the keys.
    #[napi]
    pub fn delete(&self, #[napi(ts_arg_type = "string")] keys: Text) -> napi::Result<Option<StoreReply>> {
        run(&self.inner, &Job::Delete(keys)).map(reply)
    }
    #[allow(missing_docs)]
    #[napi(ts_return_type = "Promise<StoreReply | null>")]
    pub fn delete_async(&self, #[napi(ts_arg_type = "string")] keys: Text) -> AsyncTask<StoreTask> {
        self.task(Job::Delete(keys))
    }

    /// Replaces all records.
    #[napi]
    pub fn load(&self, #[napi(ts_arg_type = "string")] records: Text) -> napi::Result<Option<StoreReply>> {
        run(&self.inner, &Job::Load(records)).map(reply)
    }
    #[allow(missing_docs)]
    #[napi(ts_return_type = "Promise<StoreReply | null>")]
    pub fn load_async(&self, #[napi(ts_arg_type = "string")] records: Text) -> AsyncTask<StoreTask> {
        self.task(Job::Load(records))
    }

    /// Empties the file; with `stale_before` (seconds since 1970) only a file that was last changed before then.
    #[napi]
    pub fn clear(&self, stale_before: Option<f64>) -> napi::Result<Option<StoreReply>> {
        run(&self.inner, &Job::Clear(second(stale_before)?)).map(reply)
    }
    #[allow(missing_docs)]
    #[napi(ts_return_type = "Promise<StoreReply | null>")]
    pub fn clear_async(&self, stale_before: Option<f64>) -> napi::Result<AsyncTask<StoreTask>> {
        Ok(self.task(Job::Clear(second(stale_before)?)))
    }

    /// Repairs what would stop the host from reading the pool.
    #[napi]
    pub fn repair(&self) -> napi::Result<Option<StoreReply>> {
        run(&self.inner, &Job::Repair).map(reply)
    }
    #[allow(missing_docs)]
    #[napi(ts_return_type = "Promise<StoreReply | null>")]
    pub fn repair_async(&self) -> AsyncTask<StoreTask> {
        self.task(Job::Repair)
    }

    /// Reads the file's bytes, or with `fields` of a pool only the texts of its fields, one behind the other. A lenient
    /// read follows links, and reads without locks where there are none.
    #[napi]
    pub fn read(&self, lenient: bool, fields: bool) -> napi::Result<Option<StoreReply>> {
        run(&self.inner, &Job::Read { lenient, fields }).map(reply)
    }
    #[allow(missing_docs)]
    #[napi(ts_return_type = "Promise<StoreReply | null>")]
    pub fn read_async(&self, lenient: bool, fields: bool) -> AsyncTask<StoreTask> {
        self.task(Job::Read { lenient, fields })
    }

    /// Closes the file; a later attempt opens it again.
    #[napi]
    pub fn close(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).store.close();
    }

    fn task(&self, job: Job) -> AsyncTask<StoreTask> {
        AsyncTask::new(StoreTask { inner: Arc::clone(&self.inner), job })
    }
}

fn keys(max_keys: f64) -> napi::Result<usize> {
    Ok(memory::to_usize(count("maxKeys", max_keys)?))
}

fn second(stale_before: Option<f64>) -> napi::Result<Option<i64>> {
    stale_before.map(|second| whole("staleBefore", second)).transpose()
}

/// An attempt under way.
pub struct StoreTask {
    inner: Arc<Mutex<Inner>>,
    job: Job,
}

impl Task for StoreTask {
    type Output = Outcome;
    type JsValue = Option<StoreReply>;

    fn compute(&mut self) -> napi::Result<Outcome> {
        run(&self.inner, &self.job)
    }

    fn resolve(&mut self, _env: Env, outcome: Outcome) -> napi::Result<Option<StoreReply>> {
        Ok(reply(outcome))
    }
}

fn run(inner: &Mutex<Inner>, job: &Job) -> napi::Result<Outcome> {
    let work = || {
        // A panic of an earlier attempt leaves no state that matters: each attempt reads the file anew.
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        attempt(&mut inner, job)
    };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(attempt)) => Ok(Ok(attempt)),
        Ok(Err(Failure::Core(error))) => Ok(Err(error)),
        Ok(Err(Failure::Caller(why))) => Err(napi::Error::new(Status::InvalidArg, why)),
        Err(_) => Err(napi::Error::from_reason(
            "the store panicked; this is a defect of kvp-tracing, please report it",
        )),
    }
}

fn attempt(inner: &mut Inner, job: &Job) -> Result<Attempt<Found>, Failure> {
    let Inner { store, batch } = inner;
    if batch.len() > KEPT_RECORDS {
        *batch = Batch::default();
    }
    batch.truncate(0);
    Ok(match job {
        Job::Append(records) => {
            fill(batch, store, records)?;
            store.append(batch.as_bytes())?.map(|()| Found::Nothing)
        }
        Job::Load(records) => {
            fill(batch, store, records)?;
            store.load(batch.as_bytes())?.map(|()| Found::Nothing)
        }
        Job::Set(record, max_keys) => {
            fill(batch, store, record)?;
            let record = batch.as_bytes().try_into().map_err(|_| Failure::Caller("not one record"))?;
            store.set(record, *max_keys)?.map(|()| Found::Nothing)
        }
        Job::Delete(keys) => {
            let texts = texts(read(store, keys)?)?;
            let count = texts.clone().count();
            let mut keys = memory::with_capacity(count).map_err(|refused| no_memory(store, refused))?;
            keys.extend(texts);
            store.delete(&keys)?.map(Found::Count)
        }
        Job::Clear(stale_before) => store.clear(*stale_before)?.map(|cleared| Found::Count(cleared.into())),
        Job::Repair => match store.repair()? {
            Attempt::Done(found) => {
                let mut defects =
                    memory::with_capacity(found.len()).map_err(|refused| no_memory(store, refused))?;
                defects.extend(found.into_iter().map(StoreDefect::from));
                Attempt::Done(Found::Defects(defects))
            }
            other => other.map(|_| Found::Nothing),
        },
        Job::Read { lenient, fields: false } => store.read(*lenient)?.map(Found::Contents),
        Job::Read { lenient, fields: true } => store.read_fields(*lenient)?.map(Found::Contents),
    })
}

fn no_memory(store: &kvp::Store, refused: Refused) -> Failure {
    Failure::Core(kvp::Error::no_memory(Purpose::Records, store.path(), refused))
}

/// The bytes of a text, unless the memory for them was refused.
fn read<'a>(store: &kvp::Store, text: &'a Text) -> Result<&'a [u8], Failure> {
    text.0.as_deref().map_err(|refused| no_memory(store, *refused))
}

/// The texts, each followed by a NUL.
fn texts(bytes: &[u8]) -> Result<impl Iterator<Item = &[u8]> + Clone, Failure> {
    if bytes.last().is_some_and(|last| *last != 0) {
        return Err(Failure::Caller("a text without its NUL"));
    }
    let mut rest = bytes;
    Ok(iter::from_fn(move || {
        let text = (!rest.is_empty()).then(|| text(rest))?;
        rest = &rest[text.len() + 1..];
        Some(text)
    }))
}

/// Adds the records of a text to a batch.
fn fill(batch: &mut Batch, store: &kvp::Store, records: &Text) -> Result<(), Failure> {
    let mut texts = texts(read(store, records)?)?;
    let count = texts.clone().count() / 2;
    batch.reserve(count).map_err(|refused| no_memory(store, refused))?;
    while let Some(key) = texts.next() {
        let value = texts.next().ok_or(Failure::Caller("a key without a value"))?;
        if !(1..KEY_SIZE).contains(&key.len()) || value.len() >= VALUE_SIZE {
            return Err(Failure::Caller("a record that does not fit its fields"));
        }
        batch.push(key, value);
    }
    Ok(())
}

fn reply(outcome: Outcome) -> Option<StoreReply> {
    let mut reply = StoreReply {
        state: "done",
        count: None,
        bytes: None,
        ends: None,
        alike: None,
        size: None,
        defects: None,
        problem: None,
    };
    match outcome {
        Ok(Attempt::Done(Found::Nothing)) => return None,
        Ok(Attempt::Done(Found::Count(count))) => reply.count = Some(as_number(count as u64)),
        Ok(Attempt::Done(Found::Contents(Contents::Bytes(bytes)))) => reply.bytes = Some(bytes.into()),
        Ok(Attempt::Done(Found::Contents(Contents::Fields(fields)))) => {
            reply.size = Some(as_number(fields.size()));
            reply.bytes = Some(fields.bytes.into());
            reply.ends = Some(fields.ends.into());
            reply.alike = (!fields.alike.is_empty()).then(|| fields.alike.into());
        }
        Ok(Attempt::Done(Found::Contents(Contents::Missing))) => reply.state = "missing",
        Ok(Attempt::Done(Found::Contents(Contents::Irregular))) => reply.state = "irregular",
        Ok(Attempt::Done(Found::Defects(defects))) => reply.defects = Some(defects),
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
    fn from(Defect { record, reason, field }: Defect) -> Self {
        Self { record: as_number(record as u64), reason: reason.name(), field }
    }
}
