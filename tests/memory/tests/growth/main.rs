//! Nothing costs more than in proportion to what a provider sends: at 1, 2, 4 and 8 times the size.
//!
//! For documents, each list in them, the measure is instructions, which valgrind counts: `tests/memory/growth` runs these
//! tests so. The thousands of inputs of the fuzz targets would take valgrind too long: for them, and where there is no
//! valgrind, it is the processor time of this thread, the least of several runs, with a bound that lies far from both sides.
//! Eight times the size takes about eight times as long where the cost is in proportion, and 64 times where it grows with
//! the square.

mod documents;
mod parsers;
#[path = "../../../fuzz/targets/mod.rs"]
#[allow(dead_code, reason = "not every helper is used here")]
mod targets;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::time::{ClockId, clock_gettime};

/// Names the file behind which callgrind numbers what it counted.
const DUMPS: &str = "OIDC_PROTO_CALLGRIND_OUT";

/// How many runs are measured by time, after a first one that looked out of proportion.
const RUNS: usize = 7;

/// More than this for eight times the size is not in proportion, by time.
const MOST_TIME: f64 = 20.0;

/// The same by instructions, and for the last doubling alone. Sorting takes a little more than twice as much for twice the
/// size; the square, four times as much.
const MOST_INSTRUCTIONS: f64 = 14.0;
const LAST_DOUBLING: f64 = 3.0;

/// Whether what is run with the inputs 0 to 3, each of twice the size of the one before, costs in proportion; else the costs.
fn in_proportion(mut run: impl FnMut(usize)) -> Result<(), [f64; 4]> {
    let verdict = |costs: [f64; 4], is_fine: bool| if is_fine { Ok(()) } else { Err(costs) };
    if let Ok(dumps) = std::env::var(DUMPS) {
        // What is made once does not count.
        run(0);
        let costs = [0, 1, 2, 3].map(|at| instructions(&dumps, &mut || run(at)));
        let [first, .., third, last] = costs;
        return verdict(costs, last < MOST_INSTRUCTIONS * first && last < LAST_DOUBLING * third);
    }
    let mut times = |runs| [0, 1, 2, 3].map(|at| time(runs, || run(at)));
    let is_fine = |costs: &[f64; 4]| costs[3] / costs[0] < MOST_TIME;
    let costs = times(1);
    if is_fine(&costs) {
        return Ok(());
    }
    let costs = times(RUNS);
    verdict(costs, is_fine(&costs))
}

/// Callgrind counts what is done in here, and writes it down at the end.
#[unsafe(no_mangle)]
#[inline(never)]
fn counted_by_callgrind(run: &mut dyn FnMut()) {
    run();
}

/// The instructions of one run, by the dump that callgrind has just written.
fn instructions(dumps: &str, run: &mut dyn FnMut()) -> f64 {
    static WRITTEN: AtomicUsize = AtomicUsize::new(0);
    counted_by_callgrind(run);
    let dump = format!("{dumps}.{}", WRITTEN.fetch_add(1, Ordering::Relaxed) + 1);
    let text = fs::read_to_string(&dump).unwrap();
    fs::remove_file(dump).unwrap();
    text.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap().parse().unwrap()
}

/// The least of so many runs, in nanoseconds.
fn time(runs: usize, mut run: impl FnMut()) -> f64 {
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

/// The measure finds what it is for.
#[test]
fn a_cost_that_grows_with_the_square_is_found() {
    let inputs = [500, 1000, 2000, 4000].map(|length| vec![b'a'; length]);
    let square = |input: &[u8]| {
        let pairs = input.iter().map(|byte| input.iter().filter(|other| *other == byte).count()).sum::<usize>();
        std::hint::black_box(pairs);
    };
    assert!(in_proportion(|at| square(&inputs[at])).is_err());
    let line = |input: &[u8]| _ = std::hint::black_box(input.iter().map(|byte| u64::from(*byte)).sum::<u64>());
    assert!(in_proportion(|at| line(&inputs[at])).is_ok());
}
