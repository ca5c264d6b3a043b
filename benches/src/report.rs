//! Rows of figures: as JSON, as a page, against a baseline.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::case::{Held, Soak};

/// What was measured of one contestant at one work item.
#[derive(Clone, Serialize, Deserialize)]
pub struct Row {
    pub work: String,
    pub who: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ns: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<u64>,
    pub allocations: u64,
    pub bytes: u64,
}

impl Row {
    pub fn held(held: &Held) -> Self {
        let bytes = (held.size + held.heap) as u64;
        let who = held.who.clone();
        Self { work: "HELD".into(), who, ns: None, instructions: None, allocations: held.allocations, bytes }
    }

    /// `ns` is the whole day; `bytes` are one session's.
    pub fn soaked(soak: &Soak) -> Self {
        let who = format!("oidc-proto {} sessions, {} refreshes", soak.sessions, soak.refreshes);
        let (ns, bytes) = (Some(soak.elapsed.as_nanos() as u64), soak.bytes as u64);
        Self { work: "SOAK".into(), who, ns, instructions: None, allocations: soak.allocations, bytes }
    }

    /// Ours with this backend, or with any.
    fn is_ours(&self, backend: &str) -> bool {
        self.who == format!("oidc-proto {backend}") || self.who == "oidc-proto (any backend)"
    }
}

/// The list, one row a line: a change shows as the line that changed.
pub fn json(rows: &[Row]) -> String {
    let lines: Vec<String> = rows.iter().map(|row| serde_json::to_string(row).expect("plain data")).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// The page: one table for each work item, the fewest instructions first.
pub fn page(rows: &[Row], held: &[Held], soak: &Soak, toolchain: &str) -> String {
    let mut out = String::from(
        "# Results\n\nWritten by `benches/run`; README.md says what the work items are. Ratios are instructions divided \
         by ours with that backend: more than 1.00 is worse than ours. Wall time depends on the machine, the rest hardly.\n",
    );
    let _ = writeln!(out, "\nMeasured with {toolchain}.");
    let mut rest = rows;
    while let Some(first) = rest.first() {
        let (same, others) = rest.split_at(rest.iter().take_while(|row| row.work == first.work).count());
        rest = others;
        let mut table: Vec<&Row> = same.iter().collect();
        table.sort_by_key(|row| row.instructions);
        let ours = |backend| table.iter().find(|row| row.is_ours(backend)).and_then(|row| row.instructions);
        let (aws_lc, rustcrypto) = (ours("aws-lc-rs"), ours("rustcrypto"));
        let _ = write!(
            out,
            "\n## {}\n\n| who | ns | instructions | ÷ ours, aws-lc-rs | ÷ ours, rustcrypto | allocations | bytes |\n\
             |---|--:|--:|--:|--:|--:|--:|\n",
            first.work
        );
        for row in table {
            let number = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
            let ratio = |ours: Option<u64>| match (row.instructions, ours) {
                (Some(theirs), Some(ours)) => format!("{:.2}", theirs as f64 / ours as f64),
                _ => String::new(),
            };
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} |",
                row.who,
                number(row.ns),
                number(row.instructions),
                ratio(aws_lc),
                ratio(rustcrypto),
                row.allocations,
                row.bytes
            );
        }
    }
    out.push_str(
        "\n## HELD\n\nBytes of values that an application keeps. What AWS-LC allocates by itself is not seen.\n\n\
         | value | size_of | heap | allocations to make it |\n|---|--:|--:|--:|\n",
    );
    for held in held {
        let _ = writeln!(out, "{}", self::held(held));
    }
    out.push_str("\n## SOAK\n\nA day of virtual time, in one thread.\n\n");
    out + &soaked(soak)
}

/// A value that an application keeps, as a line of a table.
pub fn held(held: &Held) -> String {
    format!("| {} | {} | {} | {} |", held.who, held.size, held.heap, held.allocations)
}

/// The day of many sessions, as a table.
pub fn soaked(soak: &Soak) -> String {
    let each = soak.elapsed.as_nanos() as u64 / soak.refreshes.max(1);
    format!(
        "| sessions | refreshes | seconds | ns of a refresh | allocations of a refresh | bytes of a session |\n\
         |--:|--:|--:|--:|--:|--:|\n| {} | {} | {:.1} | {each} | {} | {} |\n",
        soak.sessions,
        soak.refreshes,
        soak.elapsed.as_secs_f64(),
        soak.allocations / soak.refreshes.max(1),
        soak.bytes,
    )
}

/// What the guard compares with.
#[derive(Serialize, Deserialize)]
pub struct Baseline {
    /// The compiler and the C library that it was made with.
    pub toolchain: String,
    pub rows: Vec<Row>,
}

/// How far from the baseline is still the same, in percent.
const TOLERANCE: f64 = 2.0;

/// Compares, one line a row. Better than the baseline by more than the tolerance fails, too: the next loss would hide
/// behind it.
pub fn compare(baseline: &Baseline, rows: &[Row]) -> (String, bool) {
    let mut out = String::new();
    let mut good = baseline.rows.len() == rows.len();
    for row in rows {
        let before = baseline.rows.iter().find(|before| before.work == row.work && before.who == row.who);
        let change = |before: Option<u64>, now: u64| match before {
            Some(before) => 100.0 * (now as f64 - before as f64) / before.max(1) as f64,
            None => f64::INFINITY,
        };
        // What was not counted is not compared.
        let counted = |now| change(before.and_then(|before| before.instructions), now);
        let instructions = row.instructions.map_or(0.0, counted);
        let allocations = change(before.map(|before| before.allocations), row.allocations);
        let same = instructions.abs() <= TOLERANCE && allocations.abs() <= TOLERANCE;
        good &= same;
        let _ = writeln!(
            out,
            "{} {:26} {:26} {:9} instructions {instructions:+6.1} % {:4} allocations {allocations:+6.1} %",
            if same { "  " } else { "!!" },
            row.work,
            row.who,
            row.instructions.unwrap_or(0),
            row.allocations,
        );
    }
    (out, good)
}
