//! The internal core of the Node.js package kvp-tracing, whose binding is its one user: no stable interface.
//! It has the records of a Hyper-V KVP pool, the locks around it, and a writer that carries what a program
//! emits to the pool without ever holding the program up.

#![deny(unsafe_code)]

pub mod appender;
pub mod attempt;
pub mod budget;
pub mod channel;
pub mod clock;
mod drain;
pub mod drop_report;
pub mod edit;
pub mod error;
pub mod fields;
pub mod frame;
pub mod key_layout;
pub mod limits;
mod lock;
pub mod memory;
pub mod record;
#[allow(unsafe_code)] // The memory that two threads share.
pub mod ring;
pub mod shape;
mod shared;
pub mod stats;
pub mod store;
#[allow(unsafe_code)] // `fcntl` with open-file-description locks, which rustix does not have.
pub mod sys;
mod writer;

pub use channel::{Channel, Copied, Name, Options};
pub use error::{Error, Result};
pub use memory::Refused;
pub use store::Store;
