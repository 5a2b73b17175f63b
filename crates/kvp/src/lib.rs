//! The core of kvp-tracing: records of a Hyper-V KVP pool, the locks around it, and a writer that
//! carries what a program emits to the pool without ever holding the program up.

pub mod appender;
pub mod budget;
pub mod channel;
pub mod clock;
pub mod drain;
pub mod drop_report;
pub mod edit;
pub mod error;
pub mod frame;
pub mod key_layout;
pub mod limits;
pub mod lock;
pub mod record;
pub mod ring;
mod shared;
pub mod stats;
pub mod store;
pub mod sys;
pub mod writer;

pub use channel::{Channel, Copied, Name, Options};
pub use error::{Error, Result};
pub use store::Store;
