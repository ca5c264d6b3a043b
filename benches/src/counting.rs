//! Counts what the allocator is asked for. What C libraries allocate by themselves is not seen.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

/// Off while time and instructions are measured.
static COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if COUNTING.load(Relaxed) {
            LIVE.fetch_sub(layout.size() as i64, Relaxed);
        }
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size, layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// A block that grows or shrinks counts as an allocation of what it grows by.
fn note(size: usize, before: usize) {
    if COUNTING.load(Relaxed) {
        ALLOCATIONS.fetch_add(1, Relaxed);
        BYTES.fetch_add(size.saturating_sub(before) as u64, Relaxed);
        LIVE.fetch_add(size as i64 - before as i64, Relaxed);
    }
}

/// What was asked for while something ran.
pub struct Counted {
    pub allocations: u64,
    pub bytes: u64,
    /// What is still allocated.
    pub live: i64,
}

/// Runs it and counts.
pub fn count<T>(run: impl FnOnce() -> T) -> (T, Counted) {
    let read = || (ALLOCATIONS.load(Relaxed), BYTES.load(Relaxed), LIVE.load(Relaxed));
    let (allocations, bytes, live) = read();
    COUNTING.store(true, Relaxed);
    let value = run();
    COUNTING.store(false, Relaxed);
    let after = read();
    (value, Counted { allocations: after.0 - allocations, bytes: after.1 - bytes, live: after.2 - live })
}
