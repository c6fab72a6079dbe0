//! The environment as it was inherited, byte for byte.
//!
//! `std::env::vars_os` leaves out entries without `=` and says nothing of order or doubles; a tool
//! sees them all.

use std::ffi::{CStr, CString, c_char};

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// Returns every entry of this process's environment in its order.
///
/// No other thread may change the environment meanwhile; gate never changes it.
pub fn inherited_environment() -> Vec<CString> {
    let mut entries = Vec::new();
    // SAFETY: the C library's own variable, read once; nothing in gate writes it.
    let mut at = unsafe { environ };
    while !at.is_null() {
        // SAFETY: `at` points into the array, which ends with a null that is seen below.
        let entry = unsafe { *at };
        if entry.is_null() {
            break;
        }
        // SAFETY: every entry before the null is a C string.
        entries.push(unsafe { CStr::from_ptr(entry) }.to_owned());
        // SAFETY: the end was not reached, so the next place is in the array.
        at = unsafe { at.add(1) };
    }
    entries
}
