//! An allocator that looks for secrets in each block that a watched thread frees.
//!
//! A block that grows or shrinks moves: what it leaves behind is freed, and read.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};

struct Watching;

#[global_allocator]
static ALLOCATOR: Watching = Watching;

thread_local! {
    /// What this thread looks for; nothing while it is not watched.
    static NEEDLES: Cell<&'static [Vec<u8>]> = const { Cell::new(&[]) };
    /// The bytes that this thread has allocated and not freed.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static FOUND: RefCell<Vec<Find>> = const { RefCell::new(Vec::new()) };
}

/// A secret in a block that was freed.
#[derive(Debug)]
pub struct Find {
    /// Its place in the list of secrets.
    pub secret: usize,
    /// Who freed the block.
    pub by: String,
}

// SAFETY: every call is handed to the system's allocator as it came. `realloc` is the default: a new block, a copy, and
// `dealloc` of the old one.
unsafe impl GlobalAlloc for Watching {
    // Zeroed, so that no block holds what an earlier one left there.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        if !NEEDLES.get().is_empty() {
            // SAFETY: the block is still allocated and this long, and it was zeroed when it was given out.
            look(unsafe { std::slice::from_raw_parts(pointer, layout.size()) });
        }
        // SAFETY: the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn count(bytes: isize) {
    LIVE.set(LIVE.get() + bytes);
}

/// A value, and how many bytes stay allocated for it.
pub fn live<T>(make: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.get();
    let value = make();
    (value, (LIVE.get() - before).try_into().unwrap_or(0))
}

fn look(block: &[u8]) {
    let needles = NEEDLES.get();
    for (secret, needle) in needles.iter().enumerate() {
        if block.windows(needle.len()).any(|window| window == needle) {
            NEEDLES.set(&[]);
            let by = frames(&Backtrace::force_capture());
            FOUND.with_borrow_mut(|found| found.push(Find { secret, by }));
            NEEDLES.set(needles);
        }
    }
}

/// The frames outside of the standard library, the innermost first.
fn frames(trace: &Backtrace) -> String {
    let text = trace.to_string();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let own = lines
        .windows(2)
        .filter(|pair| pair[1].contains("/src/") && !pair[1].contains("/rustc/") && !pair[1].contains("watch.rs"))
        .take(6);
    own.map(|pair| format!("{} {}", pair[0], pair[1])).collect::<Vec<_>>().join("\n    ")
}

/// Looks for these in all blocks that this thread frees while `run` runs.
pub fn watched<T>(needles: &'static [Vec<u8>], run: impl FnOnce() -> T) -> (T, Vec<Find>) {
    NEEDLES.set(needles);
    let value = run();
    NEEDLES.set(&[]);
    (value, FOUND.take())
}

/// Does not look meanwhile: what the provider, the browser and the HTTP client free is not the crate's.
pub fn unwatched<T>(run: impl FnOnce() -> T) -> T {
    let needles = NEEDLES.replace(&[]);
    let value = run();
    NEEDLES.set(needles);
    value
}
