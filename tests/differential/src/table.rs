//! The table of verdicts: `TABLE.md`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::SystemTime;

use crate::classes::{BROKEN, Class, GOOD};
use crate::keys::ALGORITHMS;
use crate::token::Token;
use crate::verdicts::{PANICS, Question, Verdicts};

/// How many tokens of either kind are made.
pub const TOKENS: usize = 300;

/// A class, and what was said of its tokens.
pub struct Row {
    pub class: &'static Class,
    /// The tokens, for whoever has to look at one.
    pub asked: Vec<(String, Verdicts)>,
}

impl Row {
    /// Whether the three agree on every token.
    pub fn is_unanimous(&self) -> bool {
        self.asked.iter().all(|(_, verdicts)| matches!(verdicts.accepted(), [true, true, true] | [false, false, false]))
    }

    fn cell(&self, who: usize) -> String {
        let accepted = self.asked.iter().filter(|(_, verdicts)| verdicts.accepted()[who]).count();
        let panics = self.asked.iter().any(|(_, verdicts)| verdicts.errors()[who].as_deref() == Some(PANICS));
        let verdict = match accepted {
            0 => "refuses".to_owned(),
            all if all == self.asked.len() => "accepts".to_owned(),
            some => format!("accepts {some} of {}", self.asked.len()),
        };
        if panics { verdict + ", some by a panic" } else { verdict }
    }
}

/// Makes 300 tokens of these classes, a third of them in each algorithm, and asks about each.
pub fn ask(classes: &'static [Class]) -> Vec<Row> {
    // `jsonwebtoken` looks at the clock of the machine; the others are told the same time.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut rows: Vec<_> = classes.iter().map(|class| Row { class, asked: Vec::new() }).collect();
    for number in 0..TOKENS {
        let row = &mut rows[number % classes.len()];
        let algorithm = ALGORITHMS[number / classes.len() % ALGORITHMS.len()];
        let mut token = Token::new(algorithm, number as u64, now);
        (row.class.change)(&mut token);
        let (compact, key_set) = (token.compact(), token.key_set());
        let question = Question { token: &compact, key_set: &key_set, algorithm, now };
        row.asked.push((format!("{algorithm:?} #{number} {compact}"), Verdicts::of(&question)));
    }
    rows
}

/// The table as Markdown.
pub fn markdown() -> String {
    let mut out = String::from(
        "# ID tokens, and what three libraries say of them\n\n\
         Made by `cargo run --manifest-path tests/differential/Cargo.toml`; `cargo test` there compares. 300 good and 300 \
         broken\ntokens in RS256, ES256 and EdDSA; the settings of the three are as alike as their APIs allow \
         (`src/verdicts.rs`).\n",
    );
    for (title, classes) in [("Good", GOOD), ("Broken", BROKEN)] {
        let _ = write!(
            out,
            "\n## {title}\n\n| token | oidc-proto | openidconnect 4 | jsonwebtoken 11 | why they differ |\n|---|---|---|---|---|\n"
        );
        for row in ask(classes) {
            let codes: BTreeSet<_> =
                row.asked.iter().filter_map(|(_, verdicts)| Some(format!("`{}`", verdicts.ours.err()?))).collect();
            let ours = if codes.is_empty() {
                row.cell(0)
            } else {
                format!("{}: {}", row.cell(0), codes.into_iter().collect::<Vec<_>>().join(", "))
            };
            let reason = row.class.differs.unwrap_or("");
            let _ = writeln!(out, "| {} | {ours} | {} | {} | {reason} |", row.class.name, row.cell(1), row.cell(2));
        }
    }
    out
}
