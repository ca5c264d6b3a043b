//! Wall time, instructions, allocations.

use std::io::ErrorKind;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::case::{Case, Operation};
use crate::counting::{Counted, count};

/// How long one batch of wall time is. Short, so that a contestant's batches spread over all that happens meanwhile.
const BATCH: Duration = Duration::from_micros(400);
const ROUNDS: usize = 201;

/// What callgrind looks at, by its name.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn bench_measured_region(operation: &mut Operation, times: usize) {
    for _ in 0..times {
        operation();
    }
}

/// Carries an operation out a few times, so that what is made once is there, and then in the measured region.
pub fn run_measured(case: &Case, times: usize) {
    warm_up(case);
    bench_measured_region(&mut case.prepare(times), times);
}

fn warm_up(case: &Case) {
    let mut operation = case.prepare(3);
    for _ in 0..3 {
        operation();
    }
}

/// Has the C library choose the same `memcpy` on every x86-64 processor. What it chooses by itself differs by a few
/// percent of an operation.
const SAME_EVERYWHERE: &str =
    "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM,-SSSE3,-SSE4_1,-SSE4_2";

/// Instructions of one operation, counted by callgrind in a process of its own; `None` without valgrind.
pub fn instructions(case: &Case) -> Result<Option<u64>, String> {
    let times = if case.work.starts_with("W7") || case.work.contains("jwks100") { 5 } else { 20 };
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=bench_measured_region", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["one", case.work, case.who, &times.to_string()])
        .env("GLIBC_TUNABLES", SAME_EVERYWHERE)
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("valgrind: {error}")),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse::<u64>().ok());
    collected.map(|all| Some(all / times as u64)).ok_or_else(|| format!("{} {}: {said}", case.work, case.who))
}

/// Allocations of one operation.
pub fn allocations(case: &Case) -> Counted {
    const TIMES: usize = 16;
    warm_up(case);
    let mut operation = case.prepare(TIMES);
    let ((), all) = count(|| (0..TIMES).for_each(|_| operation()));
    let one = |all: u64| (all + TIMES as u64 / 2) / TIMES as u64;
    Counted { allocations: one(all.allocations), bytes: one(all.bytes), live: all.live }
}

/// Median nanoseconds of one operation, for each contestant of one work item. Their batches take turns.
pub fn wall(cases: &[&Case]) -> Vec<u64> {
    let batch = |case: &Case, times: usize| {
        let mut operation = case.prepare(times);
        let start = Instant::now();
        bench_measured_region(&mut operation, times);
        start.elapsed().as_nanos() as f64 / times as f64
    };
    let times: Vec<usize> = cases
        .iter()
        .map(|case| {
            warm_up(case);
            let one = batch(case, 20).min(batch(case, 20));
            (BATCH.as_nanos() as f64 / one).max(5.0) as usize
        })
        .collect();
    let mut samples = vec![Vec::with_capacity(ROUNDS); cases.len()];
    for round in 0..ROUNDS {
        for turn in 0..cases.len() {
            let at = (turn + round) % cases.len();
            samples[at].push(batch(cases[at], times[at]));
        }
    }
    samples
        .iter_mut()
        .map(|samples| {
            samples.sort_by(f64::total_cmp);
            samples[ROUNDS / 2] as u64
        })
        .collect()
}
