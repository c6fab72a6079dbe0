//! How many heaps a process of many threads has.

/// Has all threads of this process share so many heaps. glibc makes up to eight for each processor, and
/// what one thread frees is of use only to those that share its heap: where threads free much and at
/// other times, most of what the process holds is free. Other C libraries have one heap, or bounds of
/// their own. To be called before there are threads.
///
/// Source: `mallopt(3)`, `M_ARENA_MAX`.
pub fn share_heaps(most: u8) {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes two numbers, and sets a bound that is read when a thread first allocates. Where
    // it is refused, which no number of a byte is, there are more heaps.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, most.into());
    }
    #[cfg(not(target_env = "gnu"))]
    let _ = most;
}
