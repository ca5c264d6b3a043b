//! Nothing costs more than in proportion to what a provider sends.
//!
//! The measure is the processor time of this thread alone, the least of several runs: other programs do not count, and the
//! bound lies far from both sides. Eight times the size takes about eight times as long where the cost is in proportion,
//! and 64 times where it grows with the square.

mod documents;
mod parsers;
#[path = "../../../fuzz/targets/mod.rs"]
#[allow(dead_code, reason = "not every helper is used here")]
mod targets;

use rustix::time::{ClockId, clock_gettime};

/// More than this for eight times the size is not in proportion.
const MOST: f64 = 20.0;

/// The least of so many runs, in nanoseconds.
fn cost(runs: usize, mut run: impl FnMut()) -> f64 {
    let nanoseconds = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    };
    let mut once = || {
        let before = nanoseconds();
        run();
        nanoseconds() - before
    };
    (0..runs).map(|_| once()).fold(f64::INFINITY, f64::min)
}
