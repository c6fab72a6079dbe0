//! Comparing and copying bytes, a word at a time.
//!
//! musl's own `memcmp` takes one byte after the other, and its `memcpy` begins each copy with an
//! instruction that is quick for long ones; the reading of a command is full of short ones.

use std::cmp::Ordering;
use std::ffi::c_int;

const WORD: usize = size_of::<u64>();

/// Compares as `memcmp(3)` does: below zero, zero or above it, by the first byte that differs.
///
/// # Safety
/// `one` and `other` each point to `count` bytes that may be read.
#[inline]
pub unsafe fn compare(one: *const u8, other: *const u8, count: usize) -> c_int {
    let mut at = 0;
    while count - at >= WORD {
        // SAFETY: a whole word is left of both.
        let order = unsafe { compare_words(one, other, at) };
        if order != 0 {
            return order;
        }
        at += WORD;
    }
    if at == count {
        return 0;
    }
    if count >= WORD {
        // The last word overlaps what is known to be equal.
        // SAFETY: it ends where both end, and begins not before they do.
        return unsafe { compare_words(one, other, count - WORD) };
    }
    while at < count {
        // SAFETY: a byte is left of both.
        let order = unsafe { compare_bytes(one, other, at) };
        if order != 0 {
            return order;
        }
        at += 1;
    }
    0
}

/// # Safety
/// Eight bytes behind `at` may be read of both.
#[inline]
unsafe fn compare_words(one: *const u8, other: *const u8, at: usize) -> c_int {
    // SAFETY: as the caller promises.
    let one = unsafe { one.wrapping_add(at).cast::<u64>().read_unaligned() };
    // SAFETY: as the caller promises.
    let other = unsafe { other.wrapping_add(at).cast::<u64>().read_unaligned() };
    // The first byte weighs most.
    as_c(u64::from_be(one).cmp(&u64::from_be(other)))
}

/// # Safety
/// The byte at `at` may be read of both. It is read as volatile, so that no compiler makes a call of
/// `memcmp` of the loop around it, which would be this very function.
#[inline]
unsafe fn compare_bytes(one: *const u8, other: *const u8, at: usize) -> c_int {
    // SAFETY: as the caller promises.
    let one = unsafe { one.wrapping_add(at).read_volatile() };
    // SAFETY: as the caller promises.
    let other = unsafe { other.wrapping_add(at).read_volatile() };
    c_int::from(one) - c_int::from(other)
}

fn as_c(order: Ordering) -> c_int {
    order as c_int
}

/// Copies as `memmove(3)` does: both ends of a short copy are words, which overlap in its middle and
/// are read before either is written.
///
/// # Safety
/// `from` points to `count` bytes that may be read, and `to` to as many that may be written.
#[inline]
pub unsafe fn copy(to: *mut u8, from: *const u8, count: usize) {
    match count {
        0 => {}
        // SAFETY: there is a byte of both.
        1 => unsafe { copy_ends::<u8>(to, from, count) },
        // SAFETY: there are two or more.
        2..4 => unsafe { copy_ends::<u16>(to, from, count) },
        // SAFETY: there are four or more.
        4..8 => unsafe { copy_ends::<u32>(to, from, count) },
        // SAFETY: there are eight or more.
        8..16 => unsafe { copy_ends::<u64>(to, from, count) },
        // SAFETY: there are sixteen or more.
        16..=32 => unsafe { copy_ends::<u128>(to, from, count) },
        // SAFETY: there are more than 32.
        33..=64 => unsafe { copy_ends::<[u128; 2]>(to, from, count) },
        // SAFETY: as the caller promises; no byte is written before it is read.
        _ if to.addr().wrapping_sub(from.addr()) >= count => unsafe { copy_long(to, from, count) },
        // SAFETY: as the caller promises.
        _ => unsafe { copy_from_the_end(to, from, count) },
    }
}

/// Copies as many bytes as a `W` has at both ends: all of them, where there are at most twice as many.
///
/// # Safety
/// `count` is at least the size of `W`, and for the rest as [`copy`].
#[inline]
unsafe fn copy_ends<W>(to: *mut u8, from: *const u8, count: usize) {
    let behind = count - size_of::<W>();
    // SAFETY: so many bytes are there.
    let first = unsafe { from.cast::<W>().read_unaligned() };
    // SAFETY: it ends where the bytes end.
    let last = unsafe { from.wrapping_add(behind).cast::<W>().read_unaligned() };
    // SAFETY: as for reading.
    unsafe { to.cast::<W>().write_unaligned(first) };
    // SAFETY: as for reading.
    unsafe { to.wrapping_add(behind).cast::<W>().write_unaligned(last) };
}

/// Copies the last bytes first: `to` lies within what is read.
///
/// # Safety
/// As for [`copy`].
unsafe fn copy_from_the_end(to: *mut u8, from: *const u8, count: usize) {
    let mut left = count;
    while left >= WORD {
        left -= WORD;
        // SAFETY: the word is among the bytes. It is read as volatile, so that no compiler makes a
        // call of `memmove` of this loop.
        let word = unsafe { from.wrapping_add(left).cast::<Word>().read_volatile() };
        // SAFETY: as for reading.
        unsafe { to.wrapping_add(left).cast::<Word>().write_volatile(word) };
    }
    // SAFETY: fewer than a word are left, which are read before they are written.
    unsafe { copy(to, from, left) };
}

/// A word at any place.
#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Word(u64);

/// Copies the first bytes first.
///
/// # Safety
/// As for [`copy`]; `to` does not lie within what is read.
#[cfg(target_arch = "x86_64")]
unsafe fn copy_long(to: *mut u8, from: *const u8, count: usize) {
    let behind = count - WORD;
    // SAFETY: it ends where the bytes end, of which there are many.
    let last = unsafe { from.wrapping_add(behind).cast::<u64>().read_unaligned() };
    // SAFETY: it writes whole words behind `to` and reads as many behind `from`, and the direction
    // flag is clear at every call. Source: System V ABI for x86-64, 3.2.1.
    unsafe {
        std::arch::asm!(
            "rep movsq",
            inout("rcx") count / WORD => _,
            inout("rdi") to => _,
            inout("rsi") from => _,
            options(nostack, preserves_flags)
        );
    }
    // SAFETY: as for reading.
    unsafe { to.wrapping_add(behind).cast::<u64>().write_unaligned(last) };
}

/// Copies the first bytes first.
///
/// # Safety
/// As for [`copy`]; `to` does not lie within what is read.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn copy_long(to: *mut u8, from: *const u8, count: usize) {
    for at in 0..count {
        // SAFETY: the byte is one of those. It is read as volatile, so that no compiler makes a call
        // of `memcpy` of this loop.
        let byte = unsafe { from.wrapping_add(at).read_volatile() };
        // SAFETY: as for reading.
        unsafe { to.wrapping_add(at).write_volatile(byte) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_orders_bytes_as_slices_do_at_every_length_place_and_alignment() {
        let zeros = [0_u8; 48];
        for start in 0..8 {
            for count in 0..=40 {
                // SAFETY: both have so many bytes behind the start.
                let same = unsafe { compare(zeros[start..].as_ptr(), zeros.as_ptr(), count) };
                assert_eq!(same, 0);
                for differs in 0..count {
                    for value in [1, 0x7f, 0x80, 0xff] {
                        let mut other = zeros;
                        other[start + differs] = value;
                        other[start + count - 1] = 0xfe;
                        let (one, two) = (&zeros[..count], &other[start..start + count]);
                        // SAFETY: both slices have so many bytes.
                        let order = unsafe { compare(one.as_ptr(), two.as_ptr(), count) };
                        assert_eq!(order.cmp(&0), one.cmp(two), "{start} {count} {differs}");
                        // SAFETY: as above.
                        let order = unsafe { compare(two.as_ptr(), one.as_ptr(), count) };
                        assert_eq!(order.cmp(&0), two.cmp(one), "{start} {count} {differs}");
                    }
                }
            }
        }
    }

    #[test]
    fn it_copies_every_byte_and_no_other_at_every_length_and_alignment() {
        let source: Vec<u8> = (1..=200).collect();
        for start in 0..9 {
            for place in 0..9 {
                for count in 0..=150 {
                    let mut target = [0_u8; 170];
                    let from = &source[start..start + count];
                    // SAFETY: there are so many bytes of both.
                    unsafe { copy(target[place..].as_mut_ptr(), from.as_ptr(), count) };
                    assert_eq!(&target[place..place + count], from, "{start} {place}");
                    let around = target[..place].iter().chain(&target[place + count..]);
                    assert!(around.into_iter().all(|byte| *byte == 0), "{place} {count}");
                }
            }
        }
    }

    #[test]
    fn what_overlaps_is_copied_as_if_it_did_not() {
        for from in 0..80 {
            for to in 0..80 {
                for count in [1, 3, 7, 12, 17, 33, 64, 65, 70, 100, 127] {
                    let mut bytes: Vec<u8> = (0..240).collect();
                    let mut wanted = bytes.clone();
                    wanted.copy_within(from..from + count, to);
                    let start = bytes.as_mut_ptr();
                    // SAFETY: both lie within the bytes.
                    unsafe {
                        copy(start.wrapping_add(to), start.wrapping_add(from), count);
                    }
                    assert_eq!(bytes, wanted, "{from} {to} {count}");
                }
            }
        }
    }
}
