//! One pass and two passes come to the same verdict, and read the same value. One pass takes no name with an escape.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::{one_pass, two_passes};

/// The members that a typed value of this crate may have. The others are ignored.
#[derive(Debug, Deserialize, PartialEq)]
struct Typed {
    a: Option<String>,
    #[serde(default)]
    b: Option<Vec<String>>,
    c: Option<Box<Typed>>,
    #[serde(default)]
    d: BTreeMap<String, Value>,
}

/// Members that are collected first and typed later.
#[derive(Debug, Deserialize, PartialEq)]
struct Flat {
    a: Option<Value>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// Words of a generator (SplitMix64).
struct Words(u64);

impl Words {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) % end as u64) as usize
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn value(&mut self, depth: usize, text: &mut String) {
        match self.below(if depth > 34 { 6 } else { 10 }) {
            0 => text.push_str(self.pick(&["1", "-7", "1.5", "1e999", "01", "12345678901234567890"])),
            1 => text.push_str(self.pick(&["null", "true", "false", "nul", ""])),
            2..=4 => {
                let string =
                    self.pick(&["x", "", "{", "\\\"", "\\u0061", "\\ud83d", "\\ud83d\\ude00", "é", "\u{1}", "\\x"]);
                text.push_str(&format!("\"{string}\""));
            }
            5 => text.push_str(self.pick(&["[]", "{}", "[[]]", "[{}]", "{\"a\":{}}"])),
            6 => {
                text.push('[');
                for at in 0..self.below(4) {
                    text.push_str(if at > 0 { "," } else { "" });
                    self.value(depth + 1, text);
                }
                text.push(']');
            }
            _ => self.object(depth + 1, text),
        }
    }

    fn object(&mut self, depth: usize, text: &mut String) {
        const NAMES: &[&str] = &[
            "a",
            "b",
            "c",
            "d",
            "\\u0061",
            "\\u0064",
            "e",
            "a\u{e9}",
            "\\ud83d",
            "longer than eight",
            "longer than nine!",
        ];
        // More than 12 names are compared in another way.
        let many = if self.below(20) == 0 { 15 } else { 5 };
        text.push('{');
        for at in 0..self.below(many) {
            text.push_str(if at > 0 { "," } else { "" });
            text.push_str(if self.below(9) == 0 { " " } else { "" });
            let name = self.pick(NAMES);
            // Most names end in their position in the object, so that documents without a duplicate
            // are not rare.
            match self.below(4) {
                0 => text.push_str(&format!("\"{name}\":")),
                _ => text.push_str(&format!("\"{}{at}\":", name.trim_start_matches('\\'))),
            }
            self.value(depth, text);
        }
        text.push('}');
    }

    /// A document, perhaps with one byte too few or one string too many, perhaps nested deeply.
    fn document(&mut self) -> String {
        let mut text = String::new();
        self.object(0, &mut text);
        if self.below(10) == 0 {
            let depth = 28 + self.below(6);
            let (open, close) = if self.below(2) == 0 { ("[", "]") } else { ("{\"c\":", "}") };
            text = format!("{{\"c\":{}{text}{}}}", open.repeat(depth), close.repeat(depth));
        }
        let places: Vec<_> = text.char_indices().map(|(at, _)| at).collect();
        let at = places[self.below(places.len())];
        match self.below(12) {
            0 => drop(text.remove(at)),
            1 => text.insert_str(at, self.pick(&["\"", "{", "}", "]", ",", "\\", "\"a\":1,"])),
            _ => {}
        }
        text
    }
}

fn compare<T: DeserializeOwned + PartialEq + std::fmt::Debug>(text: &str, levels: usize) -> bool {
    let two = two_passes::<T>(text.as_bytes(), levels).ok();
    match one_pass::parse::<T>(text, levels) {
        None if text.contains('\\') => {}
        one => assert_eq!(one, two, "{levels} {text}"),
    }
    two.is_some()
}

#[test]
fn one_pass_and_two_passes_agree() {
    agree(10_000);
}

#[test]
#[ignore = "takes minutes; `.ci/deep properties` runs it"]
fn they_agree_on_a_million_documents() {
    agree(1_000_000);
}

fn agree(documents: u64) {
    let (mut good, mut typed) = (0, 0);
    for seed in 0..documents {
        let text = Words(seed).document();
        // None, the outermost object, the objects in an array in it, all.
        let levels = [0, 1, 3, usize::MAX][seed as usize % 4];
        let is_good = two_passes::<IgnoredAny>(text.as_bytes(), levels).is_ok();
        let is_taken = one_pass::parse::<IgnoredAny>(&text, levels).is_some();
        assert!(is_taken == is_good || is_good && text.contains('\\'), "{levels} {text}");
        good += u64::from(is_good);
        typed += u64::from(compare::<Typed>(&text, levels)) + u64::from(compare::<Flat>(&text, levels));
        compare::<Value>(&text, levels);
        compare::<BTreeMap<String, Option<Vec<Value>>>>(&text, levels);
    }
    // Enough of both kinds.
    assert!(good > documents / 5 && good < documents * 4 / 5, "{good} of {documents}");
    assert!(typed > documents / 10, "{typed} of {documents}");
}

/// Escapes in values are read in one pass, those in names in two.
#[test]
fn a_name_with_an_escape_is_compared_in_two_passes() {
    type Object = BTreeMap<String, String>;
    for (text, is_one_pass, is_good) in [
        (r#"{"a":"\u0061","b":"\n"}"#, true, true),
        (r#"{"\u0061":"x","b":""}"#, false, true),
        (r#"{"\u0061":"x","a":""}"#, false, false),
        (r#"{"a":"x","\u0061":""}"#, false, false),
        (r#"{"a\/":"x","a/":""}"#, false, false),
    ] {
        assert_eq!(one_pass::parse::<Object>(text, 1).is_some(), is_one_pass, "{text}");
        assert_eq!(super::object::<Object>(text.as_bytes(), 1).is_ok(), is_good, "{text}");
    }
}

/// What cannot be watched is parsed in two passes, whatever it hides.
#[test]
fn types_that_cannot_be_watched_are_not_trusted() {
    #[derive(Debug, Deserialize, PartialEq)]
    enum Kind {
        #[serde(rename = "k")]
        Known(BTreeMap<String, u8>),
    }
    let (good, twice) = (r#"{"v":{"k":{"a":1}}}"#, r#"{"v":{"k":{"a":1,"a":2}}}"#);
    type Raw<'a> = BTreeMap<&'a str, &'a serde_json::value::RawValue>;
    for (text, is_good) in [(good, true), (twice, false)] {
        assert!(one_pass::parse::<Raw<'_>>(text, usize::MAX).is_none());
        assert!(one_pass::parse::<BTreeMap<String, Kind>>(text, usize::MAX).is_none());
        assert_eq!(super::object::<Raw<'_>>(text.as_bytes(), usize::MAX).is_ok(), is_good);
        assert_eq!(super::object::<BTreeMap<String, Kind>>(text.as_bytes(), usize::MAX).is_ok(), is_good);
    }
}
