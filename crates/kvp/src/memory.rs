//! Memory whose size comes from outside is asked for, not taken: what is refused is an error instead of the
//! process's end.

/// The system refused memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes of memory were refused")]
pub struct Refused {
    /// How many bytes were asked for.
    pub bytes: usize,
}

/// Makes room in `list` for `more` elements.
///
/// # Errors
/// [`Refused`]; the list is as it was.
pub fn reserve<T>(list: &mut Vec<T>, more: usize) -> Result<(), Refused> {
    let bytes = list.len().saturating_add(more).saturating_mul(size_of::<T>());
    list.try_reserve(more).map_err(|_| Refused { bytes })
}

/// A list with room for `len` elements.
///
/// # Errors
/// [`Refused`].
pub fn with_capacity<T>(len: usize) -> Result<Vec<T>, Refused> {
    let mut list = Vec::new();
    let refused = |_| Refused { bytes: len.saturating_mul(size_of::<T>()) };
    list.try_reserve_exact(len).map_err(refused)?;
    Ok(list)
}

/// Makes `bytes` so long; what is new is zero.
///
/// # Errors
/// [`Refused`]; the bytes are as they were.
pub fn resize(bytes: &mut Vec<u8>, len: usize) -> Result<(), Refused> {
    bytes.try_reserve_exact(len.saturating_sub(bytes.len())).map_err(|_| Refused { bytes: len })?;
    bytes.resize(len, 0);
    Ok(())
}

const _: () = assert!(usize::BITS == u64::BITS, "sizes of files and of memory are the same here");

/// A position or size of a file, or a count, as one in memory; loses nothing, by the assertion above.
#[must_use]
#[allow(clippy::cast_possible_truncation)]
pub const fn to_usize(number: u64) -> usize {
    number as usize
}
