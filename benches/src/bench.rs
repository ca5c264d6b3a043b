//! oidc-proto measured beside its peers. README.md says what is measured and how.

mod case;
mod contestants;
mod counting;
mod fixtures;
mod measure;
mod report;
mod scale;
mod thread_time;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use case::Case;
use report::{Baseline, Row};

/// What the guard looks at: every kind of work once, with the backend that is built quickly.
const GUARDED: [(&str, &str); 11] = [
    ("W1f-authz-url-fixed-random", "oidc-proto (any backend)"),
    ("W2-discovery", "oidc-proto (any backend)"),
    ("W3-token", "oidc-proto (any backend)"),
    ("W4-idtoken-ES256", "oidc-proto rustcrypto"),
    ("W4-idtoken-RS256", "oidc-proto rustcrypto"),
    ("W5-jwks4", "oidc-proto (any backend)"),
    ("W6-refresh", "oidc-proto (any backend)"),
    ("W7-login-RS256", "oidc-proto rustcrypto"),
    ("S1-access", "oidc-proto (any backend)"),
    ("S1h-handle-access", "oidc-proto (any backend)"),
    ("S2-refresh", "oidc-proto (any backend)"),
];

/// What a session that does nothing may cost beside the texts of its tokens, in bytes. 56 of them are the counts of what
/// is shared: by clones of its tokens, and by the callers who hold its access token. 24 know the token that was replaced, and
/// since when the tokens are known: a store that lost a record, or a clock that is set back, costs no tokens.
const IDLE_LIMIT: usize = 648;

const USAGE: &str = "\
bench list [FILTER]               the work items and contestants whose name holds the filter
bench quick [FILTER]              their instructions and allocations
bench one WORK WHO TIMES          one operation, for callgrind
bench held [FILTER]               values that applications keep
bench soak SESSIONS               so many sessions through a day
bench scale MOST                  what callers, flights and sessions cost at 10^3 to MOST of each
bench full DIRECTORY              everything, into RESULTS.md and results.json
bench guard BASELINE [--bless]    a few of ours against a baseline, or a new baseline";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["list"] => list(""),
        ["list", filter] => list(filter),
        ["quick"] => quick(""),
        ["quick", filter] => quick(filter),
        ["one", work, who, times] => one(work, who, times),
        ["held"] => held(""),
        ["held", filter] => held(filter),
        ["soak", sessions] => soak(sessions),
        ["scale", most] => most.parse().map(scale::print).map_err(|_| USAGE.to_owned()),
        ["full", directory] => full(Path::new(directory)),
        ["guard", baseline] => guard(Path::new(baseline)),
        ["guard", baseline, "--bless"] => bless(Path::new(baseline)),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn list(filter: &str) -> Result<(), String> {
    for case in contestants::cases().iter().filter(|case| case.matches(filter)) {
        println!("{}\t{}", case.work, case.who);
    }
    Ok(())
}

fn one(work: &str, who: &str, times: &str) -> Result<(), String> {
    let times = times.parse().map_err(|_| USAGE)?;
    let cases = contestants::cases();
    let case = cases.iter().find(|case| case.work == work && case.who == who).ok_or("no such operation")?;
    measure::run_measured(case, times);
    Ok(())
}

fn quick(filter: &str) -> Result<(), String> {
    println!("| work | who | instructions | allocations | bytes |\n|---|---|--:|--:|--:|");
    for case in contestants::cases().iter().filter(|case| case.matches(filter)) {
        let row = without_time(case)?;
        let instructions = row.instructions.unwrap_or(0);
        println!("| {} | {} | {instructions} | {} | {} |", row.work, row.who, row.allocations, row.bytes);
    }
    Ok(())
}

fn held(filter: &str) -> Result<(), String> {
    for held in contestants::held().iter().filter(|held| held.who.contains(filter)) {
        println!("{}", report::held(held));
    }
    Ok(())
}

/// How many sessions a large server has in one process.
const SOAKED: usize = 100_000;

fn soak(sessions: &str) -> Result<(), String> {
    print!("{}", report::soaked(&contestants::soak(sessions.parse().map_err(|_| USAGE)?)));
    Ok(())
}

fn without_time(case: &Case) -> Result<Row, String> {
    let counted = measure::allocations(case);
    Ok(Row {
        work: case.work.into(),
        who: case.who.into(),
        ns: None,
        instructions: measure::instructions(case)?,
        allocations: counted.allocations,
        bytes: counted.bytes,
    })
}

fn full(directory: &Path) -> Result<(), String> {
    let cases = contestants::cases();
    let mut rows = Vec::new();
    for work in cases.chunk_by(|a, b| a.work == b.work) {
        let work: Vec<&Case> = work.iter().collect();
        for (case, ns) in work.iter().zip(measure::wall(&work)) {
            rows.push(Row { ns: Some(ns), ..without_time(case)? });
        }
        eprintln!("{}", work[0].work);
    }
    compare_with_guard(&directory.join("baseline.json"), &rows);
    let held = contestants::held();
    let soak = contestants::soak(SOAKED);
    let page = report::page(&rows, &held, &soak, &toolchain());
    rows.extend(held.iter().map(Row::held));
    rows.push(Row::soaked(&soak));
    write(&directory.join("RESULTS.md"), &page)?;
    write(&directory.join("results.json"), &report::json(&rows))
}

/// Prints how far the guard's rows are from its baseline. Its build has neither peers nor AWS-LC, which changes what the
/// compiler inlines, but little else.
fn compare_with_guard(path: &Path, rows: &[Row]) {
    let Some(baseline) = fs::read_to_string(path).ok().and_then(|text| serde_json::from_str::<Baseline>(&text).ok())
    else {
        return;
    };
    let is_guarded = |row: &&Row| GUARDED.contains(&(row.work.as_str(), row.who.as_str()));
    let rows: Vec<Row> = rows.iter().filter(is_guarded).cloned().collect();
    eprintln!("Beside the guard's baseline:\n{}", report::compare(&baseline, &rows).0);
}

fn guarded() -> Result<Vec<Row>, String> {
    let cases = contestants::cases();
    cases.iter().filter(|case| GUARDED.contains(&(case.work, case.who))).map(without_time).collect()
}

fn guard(path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let baseline: Baseline = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut rows = guarded()?;
    let mut is_whole = true;
    if baseline.toolchain != toolchain() {
        is_whole = false;
        // Another compiler makes other instructions, another C library allocates by others.
        println!("Only allocations are compared: the baseline is of {}, this is {}.", baseline.toolchain, toolchain());
        rows.iter_mut().for_each(|row| row.instructions = None);
    } else if rows.iter().any(|row| row.instructions.is_none()) {
        is_whole = false;
        println!("Only allocations are compared: there is no valgrind.");
    }
    // Where nobody reads this, it must not pass for a comparison.
    if !is_whole && std::env::var_os("GITHUB_ACTIONS").is_some() {
        return Err("the instructions were not compared".to_owned());
    }
    let (lines, good) = report::compare(&baseline, &rows);
    print!("{lines}");
    let idle = contestants::idle_session();
    println!("   An idle session costs {idle} bytes beside the texts of its tokens; at most {IDLE_LIMIT} are allowed.");
    if good && idle <= IDLE_LIMIT {
        return Ok(());
    }
    Err("Not what the baseline says. If that is meant: benches/guard --bless, and commit it.".to_owned())
}

fn bless(path: &Path) -> Result<(), String> {
    let rows = guarded()?;
    if rows.iter().any(|row| row.instructions.is_none()) {
        return Err("a baseline needs valgrind".to_owned());
    }
    let toolchain = serde_json::to_string(&toolchain()).map_err(|error| error.to_string())?;
    write(path, &format!("{{\"toolchain\": {toolchain}, \"rows\": {}}}\n", report::json(&rows).trim_end()))
}

/// The compiler and the C library, which the scripts name.
fn toolchain() -> String {
    std::env::var("BENCH_TOOLCHAIN").unwrap_or_else(|_| "an unnamed toolchain".into())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
