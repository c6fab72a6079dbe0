//! A program without Rust's runtime: what stands on PATH in front of a tool and is gone again
//! before anybody notices.
//!
//! Rust's start-up asks the kernel for stack and signals, and changes SIGPIPE; a tool behind such a
//! program would have to be given everything back. [`program!`](crate::program) makes a `main` that
//! the C library calls itself, so that nothing was changed and nothing has to be restored.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::{Cell, UnsafeCell};
use std::ffi::{CStr, CString, OsStr, OsString, c_char, c_int, c_long};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};
use std::time::Duration;

use crate::Tool;

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// Makes `$run`, a `fn(`[`Start`]`) -> i32`, the whole program. What it returns is the exit code.
#[macro_export]
macro_rules! program {
    ($run:path) => {
        // Apart from what else begins as zeros, so that a linker can put it behind all that.
        #[global_allocator]
        #[unsafe(link_section = ".bss.arena")]
        static ARENA: $crate::Arena = $crate::Arena::new();

        /// Stands before the C library's own, which takes one byte after the other.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn memcmp(
            one: *const u8,
            other: *const u8,
            count: usize,
        ) -> ::std::ffi::c_int {
            // SAFETY: as the caller of `memcmp(3)` promises.
            unsafe { $crate::compare(one, other, count) }
        }

        /// The same for who only asks whether they are equal.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn bcmp(
            one: *const u8,
            other: *const u8,
            count: usize,
        ) -> ::std::ffi::c_int {
            // SAFETY: as the caller of `bcmp(3)` promises.
            unsafe { $crate::compare(one, other, count) }
        }

        /// Stands before the C library's own, which is quick for long copies alone.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
            // SAFETY: as the caller of `memcpy(3)` promises.
            unsafe { $crate::copy(to, from, count) };
            to
        }

        /// The same, for what may overlap.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
            // SAFETY: as the caller of `memmove(3)` promises.
            unsafe { $crate::copy(to, from, count) };
            to
        }

        /// What the C library calls.
        #[unsafe(no_mangle)]
        extern "C" fn main(
            count: ::std::ffi::c_int,
            words: *const *const ::std::ffi::c_char,
        ) -> ::std::ffi::c_int {
            // SAFETY: they are what the C library hands to `main`.
            let start = unsafe { $crate::Start::new(count, words) };
            $run(start)
        }
    };
}

/// What the process was started with, as the kernel laid it out.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    count: usize,
    words: *const *const c_char,
}

// SAFETY: what it points to is laid out before `main` and stays as it is, so every thread may read it.
unsafe impl Send for Start {}
// SAFETY: as above.
unsafe impl Sync for Start {}

impl Start {
    /// Takes what `main` was called with.
    ///
    /// # Safety
    /// `words` points to `count` C strings and a null, which live as long as the process.
    pub unsafe fn new(count: c_int, words: *const *const c_char) -> Self {
        Self {
            count: usize::try_from(count).unwrap_or_default(),
            words,
        }
    }

    /// Returns the words of the command line.
    pub fn argv(&self) -> Vec<OsString> {
        let word = |index| {
            // SAFETY: the index is below the count.
            let place = unsafe { self.words.add(index) };
            // SAFETY: so there is a pointer,
            let word = unsafe { *place };
            // SAFETY: to a C string.
            let word = unsafe { CStr::from_ptr(word) };
            OsStr::from_bytes(word.to_bytes()).to_owned()
        };
        (0..self.count).map(word).collect()
    }

    /// Returns the path by which the kernel was told to start this program.
    ///
    /// Source: `getauxval(3)`, `AT_EXECFN`.
    pub fn file(&self) -> Option<&'static Path> {
        // SAFETY: it takes a number and gives one.
        let start = unsafe { libc::getauxval(libc::AT_EXECFN) } as *const c_char;
        (!start.is_null()).then(|| {
            // SAFETY: the kernel put a C string there, which stays as long as the process.
            let path = unsafe { CStr::from_ptr(start) };
            Path::new(OsStr::from_bytes(path.to_bytes()))
        })
    }

    /// Returns every entry of the environment, in its order.
    pub fn environment(&self) -> impl Iterator<Item = &'static [u8]> {
        // SAFETY: the C library's own variable; nothing in such a program writes it.
        let mut at = unsafe { environ };
        std::iter::from_fn(move || {
            if at.is_null() {
                return None;
            }
            // SAFETY: `at` points into the array, whose last entry is a null.
            let entry = unsafe { *at };
            if entry.is_null() {
                return None;
            }
            // SAFETY: the end was not reached, so the next place is in the array.
            at = unsafe { at.add(1) };
            // SAFETY: every entry before the null is a C string.
            Some(unsafe { CStr::from_ptr(entry) }.to_bytes())
        })
    }

    /// Becomes the tool, with the very words that this process has, and its environment where no
    /// other is given. Returns only where the file is not the one that was examined any more, or the
    /// kernel refuses.
    ///
    /// Source: `execve(2)`. A file in no known format is not handed to a shell here.
    pub fn become_tool(&self, tool: &Tool, environment: Option<&[CString]>) -> io::Error {
        match tool.file.was_replaced_at(&tool.path) {
            Ok(false) => self.execute(&tool.path, environment),
            Ok(true) => io::Error::from_raw_os_error(libc::ESTALE),
            Err(error) => error,
        }
    }

    /// Becomes the program at `path`, with the same words and environment.
    pub fn become_program(&self, path: &Path) -> io::Error {
        self.execute(path, None)
    }

    fn execute(&self, path: &Path, environment: Option<&[CString]>) -> io::Error {
        let Ok(path) = CString::new(path.as_os_str().as_bytes()) else {
            return io::Error::from_raw_os_error(libc::EINVAL);
        };
        let other: Option<Vec<*const c_char>> = environment.map(|entries| {
            let entries = entries.iter().map(CString::as_ref).map(CStr::as_ptr);
            entries.chain([null()]).collect()
        });
        // SAFETY: the C library's own variable; nothing in such a program writes it.
        let same = unsafe { environ };
        let environment = other.as_ref().map_or(same, Vec::as_ptr);
        // SAFETY: the path is a C string, and both arrays end in a null: they are the kernel's own,
        // unchanged, or point to entries that outlive the call.
        unsafe { libc::execve(path.as_ptr(), self.words, environment) };
        io::Error::last_os_error()
    }
}

/// Returns the working directory as the kernel names it; none where it was deleted.
///
/// `getcwd(3)` without the walk that a C library falls back to.
pub fn working_directory() -> Option<PathBuf> {
    let mut buffer = vec![0_u8; SHORT_PATH_BYTES];
    let mut length = current_folder(&mut buffer);
    if length < 0 {
        buffer.resize(usize::try_from(libc::PATH_MAX).ok()?, 0);
        length = current_folder(&mut buffer);
    }
    buffer.truncate(usize::try_from(length).ok()?.checked_sub(1)?);
    // The kernel puts `(unreachable)` in front of a folder outside the root.
    buffer
        .starts_with(b"/")
        .then(|| PathBuf::from(OsString::from_vec(buffer)))
}

/// Returns how many bytes of `buffer` the kernel filled; less than none where it did not.
fn current_folder(buffer: &mut [u8]) -> c_long {
    // SAFETY: the buffer is as long as is said, and the kernel writes a C string into it.
    unsafe { libc::syscall(libc::SYS_getcwd, buffer.as_mut_ptr(), buffer.len()) }
}

/// What stands at standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandardInput {
    /// Nothing: it is closed.
    Closed,
    /// A person.
    Terminal,
    /// A file, a pipe, a device.
    Other,
}

/// Looks at standard input without reading from it.
pub fn standard_input() -> StandardInput {
    // SAFETY: an all-zero `termios` is valid, and the call writes no more than one.
    let mut settings: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: the structure lives through the call.
    if unsafe { libc::tcgetattr(0, &raw mut settings) } == 0 {
        return StandardInput::Terminal;
    }
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::EBADF) => StandardInput::Closed,
        _ => StandardInput::Other,
    }
}

/// Returns the time since the epoch, by a system call: what a C library does to spare it costs a
/// program that asks once more than it spares. None where the clock can't be read, or stands before
/// the epoch.
///
/// Source: `clock_gettime(2)`, `CLOCK_REALTIME`.
pub fn since_epoch() -> Option<Duration> {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the structure lives through the call, which writes nothing else.
    let failed =
        unsafe { libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_REALTIME, &raw mut now) };
    let seconds = u64::try_from(now.tv_sec).ok()?;
    let nanoseconds = u32::try_from(now.tv_nsec).ok()?;
    (failed == 0).then(|| Duration::new(seconds, nanoseconds))
}

/// As long as most working directories are at most, in bytes.
const SHORT_PATH_BYTES: usize = 256;
/// The bytes of an arena's first piece, which is its own: enough for the reading of a plain command.
const FIRST_BYTES: usize = 256 << 10;
/// The bytes of each further piece, at least.
const MORE_BYTES: usize = 1 << 20;

/// Memory for a program that lives for microseconds: it only grows, and goes with the process.
/// There must be no second thread.
#[derive(Debug)]
#[repr(C, align(16))]
pub struct Arena {
    /// The next free byte, and the first one beyond the piece.
    free: Cell<(*mut u8, *mut u8)>,
    first: UnsafeCell<[u8; FIRST_BYTES]>,
}

// SAFETY: a program made by `program!` starts no thread.
unsafe impl Sync for Arena {}

impl Arena {
    /// Returns an arena of which nothing was taken. It must not move any more once something was.
    #[expect(
        clippy::large_stack_arrays,
        reason = "an arena is a static, whose zeros are on no stack and in no file"
    )]
    pub const fn new() -> Self {
        Self {
            free: Cell::new((null_mut(), null_mut())),
            first: UnsafeCell::new([0; FIRST_BYTES]),
        }
    }

    /// Begins another piece that holds `bytes`.
    fn grow(&self, bytes: usize) -> Option<()> {
        let (start, _) = self.free.get();
        if start.is_null() && bytes <= FIRST_BYTES {
            let piece = self.first.get().cast::<u8>();
            self.free.set((piece, piece.wrapping_add(FIRST_BYTES)));
            return Some(());
        }
        let length = bytes
            .checked_add(MORE_BYTES)?
            .checked_next_multiple_of(4096)?;
        // SAFETY: a private anonymous mapping at no given place touches nothing that exists.
        let piece = unsafe {
            libc::mmap(
                null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if piece == libc::MAP_FAILED {
            return None;
        }
        let piece = piece.cast::<u8>();
        self.free.set((piece, piece.wrapping_add(length)));
        Some(())
    }

    fn take(&self, layout: Layout) -> Option<*mut u8> {
        let (free, end) = self.free.get();
        let start = free.wrapping_add(free.align_offset(layout.align()));
        let left = (end as usize).checked_sub(start as usize);
        if free.is_null() || left.is_none_or(|left| left < layout.size()) {
            return None;
        }
        self.free.set((start.wrapping_add(layout.size()), end));
        Some(start)
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: each block is cut from memory that was mapped for it and is never given out again, but
// for the last one, which nothing behind it uses.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(block) = self.take(layout) {
            return block;
        }
        let wanted = layout.size().saturating_add(layout.align());
        self.grow(wanted)
            .and_then(|()| self.take(layout))
            .unwrap_or(null_mut())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the same demands as of this function.
        let block = unsafe { self.alloc(layout) };
        if !block.is_null() {
            // The last block may have been given back and used before.
            // SAFETY: the block has so many bytes.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let (free, end) = self.free.get();
        if block.wrapping_add(layout.size()) == free {
            self.free.set((block, end));
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let (free, end) = self.free.get();
        let is_last = block.wrapping_add(layout.size()) == free;
        let behind = (end as usize).saturating_sub(block as usize);
        if is_last && size <= behind {
            self.free.set((block.wrapping_add(size), end));
            return block;
        }
        // SAFETY: the caller promises that size and alignment make a layout.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: its size is not zero, as the caller promises.
        let moved = unsafe { self.alloc(wanted) };
        if !moved.is_null() {
            // SAFETY: both blocks have at least so many bytes, and a new one overlaps no other.
            unsafe { block.copy_to_nonoverlapping(moved, layout.size().min(size)) };
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn blocks_are_aligned_apart_and_keep_what_is_in_them() {
        let arena = Arena::new();
        let mut blocks = Vec::new();
        for round in 1..2_000_usize {
            let of = layout(round * 7 % 300 + 1, 1 << (round % 7));
            // SAFETY: the size is not zero.
            let block = unsafe { arena.alloc(of) };
            assert!(!block.is_null() && block.align_offset(of.align()) == 0);
            let value = u8::try_from(round % 251).unwrap();
            // SAFETY: the block has so many bytes.
            unsafe { block.write_bytes(value, of.size()) };
            blocks.push((block, of.size(), value));
        }
        for (block, size, value) in blocks {
            assert!(bytes(block, size).iter().all(|byte| *byte == value));
        }
    }

    #[test]
    fn the_last_block_grows_in_place_another_moves_and_a_huge_one_has_room() {
        let arena = Arena::new();
        // SAFETY: the size is not zero; the same holds for each below.
        let first = unsafe { arena.alloc(layout(8, 8)) };
        // SAFETY: the block has so many bytes.
        unsafe { first.write_bytes(7, 8) };
        // SAFETY: the layout is the block's; the same holds for each below.
        assert_eq!(unsafe { arena.realloc(first, layout(8, 8), 64) }, first);
        // SAFETY: as above.
        let second = unsafe { arena.alloc(layout(8, 8)) };
        // SAFETY: as above.
        let moved = unsafe { arena.realloc(first, layout(64, 8), 128) };
        assert!(moved > second, "it would lie over the one behind it");
        assert_eq!(bytes(moved, 8), [7; 8]);
        // SAFETY: as above; nothing uses the block any more.
        unsafe { arena.dealloc(moved, layout(128, 8)) };
        // SAFETY: as above.
        let zeroed = unsafe { arena.alloc_zeroed(layout(128, 8)) };
        assert_eq!(zeroed, moved);
        assert_eq!(bytes(zeroed, 128), [0; 128]);
        // SAFETY: as above.
        let huge = unsafe { arena.alloc(layout(8 << 20, 16)) };
        // SAFETY: the block has so many bytes.
        unsafe { huge.write_bytes(1, 8 << 20) };
        assert_eq!(bytes(huge, 3), [1; 3]);
    }

    fn bytes<'a>(block: *mut u8, count: usize) -> &'a [u8] {
        // SAFETY: each block here has so many bytes, and its arena gives none back to the system.
        unsafe { std::slice::from_raw_parts(block, count) }
    }

    #[test]
    fn the_working_directory_is_the_kernels() {
        assert_eq!(working_directory(), std::env::current_dir().ok());
    }
}
