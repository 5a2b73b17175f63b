//! What must hold for any input. libFuzzer runs it for long (`npm run fuzz`), `tests/fuzz.rs` for a moment.

pub mod edits;
pub mod frame;
pub mod ring;

use arbitrary::{Result, Unstructured};

/// At most `most` bytes, fewer where the input ends.
fn any_bytes<'a>(input: &mut Unstructured<'a>, most: usize) -> Result<&'a [u8]> {
    let len = input.int_in_range(0..=most)?;
    input.bytes(len.min(input.len()))
}
