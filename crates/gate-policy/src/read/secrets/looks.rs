//! How many bytes a search looks at. The tests hold it to a multiple of the
//! length; elsewhere nothing is counted.

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local! {
    static LOOKS: Cell<usize> = const { Cell::new(0) };
}

/// Counts bytes, or tokens, that were looked at.
#[cfg(test)]
pub(super) fn add(many: usize) {
    LOOKS.set(LOOKS.get() + many);
}

/// Counts nothing.
#[cfg(not(test))]
pub(super) const fn add(_many: usize) {}

/// Returns how many were looked at since it was last asked.
#[cfg(test)]
pub(super) fn take() -> usize {
    LOOKS.take()
}
