//! Fallible allocation. Memory whose size comes from outside is allocated by these functions: a refusal is an
//! error, where `Vec` by itself aborts the process.

/// The system refused to allocate memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes of memory were refused")]
pub struct Refused {
    /// How many bytes were requested.
    pub bytes: usize,
}

/// Makes room in `list` for `more` elements beside those that it has.
///
/// # Errors
/// [`Refused`]; the list is as it was.
pub fn reserve<T>(list: &mut Vec<T>, more: usize) -> Result<(), Refused> {
    let bytes = list.len().saturating_add(more).saturating_mul(size_of::<T>());
    list.try_reserve(more).map_err(|_| Refused { bytes })
}

/// An empty list with room for `len` elements.
///
/// # Errors
/// [`Refused`].
pub fn with_capacity<T>(len: usize) -> Result<Vec<T>, Refused> {
    let mut list = Vec::new();
    let refused = |_| Refused { bytes: len.saturating_mul(size_of::<T>()) };
    list.try_reserve_exact(len).map_err(refused)?;
    Ok(list)
}

/// Changes the length of `bytes` to `len`; new bytes are zero.
///
/// # Errors
/// [`Refused`]; the bytes are as they were.
pub fn resize(bytes: &mut Vec<u8>, len: usize) -> Result<(), Refused> {
    bytes.try_reserve_exact(len.saturating_sub(bytes.len())).map_err(|_| Refused { bytes: len })?;
    bytes.resize(len, 0);
    Ok(())
}

const _: () = assert!(usize::BITS == u64::BITS, "this crate takes file sizes for sizes in memory");

/// Converts a size, position or count to `usize`; the assertion above says that no bits are lost.
#[must_use]
#[allow(clippy::cast_possible_truncation)]
pub const fn to_usize(number: u64) -> usize {
    number as usize
}
