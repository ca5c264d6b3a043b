//! The bounds of JSON documents, against a slow reader that builds what it reads.
//!
//! A key set is the document: whatever stands beside its keys must be bounded all the same.

use std::collections::HashSet;
use std::fmt;

use oidc_proto::jose::Keys;
use oidc_proto::{Env as _, ErrorCode};
use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::properties::generate::{env, text};

/// A JSON value whose objects may have a name twice.
#[derive(Clone, Debug)]
enum Tree {
    Leaf(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    fn depth(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => 1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
        }
    }

    /// In this number of levels.
    fn has_duplicates(&self, levels: usize) -> bool {
        let Some(below) = levels.checked_sub(1) else { return false };
        match self {
            Self::Leaf(_) => false,
            Self::List(items) => items.iter().any(|item| item.has_duplicates(below)),
            Self::Object(members) => {
                let names: HashSet<_> = members.iter().map(|(name, _)| name).collect();
                names.len() < members.len() || members.iter().any(|(_, value)| value.has_duplicates(below))
            }
        }
    }

    /// As text; every `escape`-th character of a name is spelled by its number.
    fn write(&self, out: &mut String, escape: usize) {
        let join = |out: &mut String, first: &mut bool| {
            if !std::mem::take(first) {
                out.push_str(" ,\n")
            }
        };
        let mut first = true;
        match self {
            Self::Leaf(text) => out.push_str(text),
            Self::List(items) => {
                out.push('[');
                for item in items {
                    join(out, &mut first);
                    item.write(out, escape);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (name, value) in members {
                    join(out, &mut first);
                    write_name(out, name, escape);
                    out.push_str(": ");
                    value.write(out, escape);
                }
                out.push('}');
            }
        }
    }
}

fn write_name(out: &mut String, name: &str, escape: usize) {
    out.push('"');
    for (i, character) in name.chars().enumerate() {
        if escape > 0 && i % escape == 0 || matches!(character, '"' | '\\' | '\0'..='\x1f') {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(character);
        }
    }
    out.push('"');
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("-1.5e3".to_owned()),
        text().prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just(r#""}],{[\"""#.to_owned()),
    ];
    let name = prop_oneof!["[ab]{1,2}", "[{}\\[\\],:\"\\\\é😀]{0,2}"];
    leaf.prop_map(Tree::Leaf).prop_recursive(6, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Tree::List),
            proptest::collection::vec((name.clone(), inner), 0..5).prop_map(Tree::Object),
        ]
    })
}

fn verdict(document: &str) -> Result<(), ErrorCode> {
    Keys::parse(document.as_bytes(), env().now()).map(|_| ()).map_err(|error| error.code())
}

fn document(tree: &Tree, around: usize, escape: usize) -> (String, usize) {
    let mut text = format!(r#"{{"keys":[],"x":{}"#, "[".repeat(around));
    tree.write(&mut text, escape);
    text.push_str(&"]".repeat(around));
    text.push('}');
    (text, 1 + around + tree.depth())
}

/// Any document, read with every name in a set and every level counted.
struct Slow;

impl<'de> Deserialize<'de> for Slow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Slow;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Slow, E> {
                Ok(Slow)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Slow, E> {
                Ok(Slow)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Slow, E> {
                Ok(Slow)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Slow, E> {
                Ok(Slow)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Slow, E> {
                Ok(Slow)
            }

            fn visit_str<E>(self, _: &str) -> Result<Slow, E> {
                Ok(Slow)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Slow, A::Error> {
                while seq.next_element::<Slow>()?.is_some() {}
                Ok(Slow)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Slow, A::Error> {
                let mut names = HashSet::new();
                while let Some((name, _)) = map.next_entry::<String, Slow>()? {
                    if !names.insert(name) {
                        return Err(A::Error::custom("twice"));
                    }
                }
                Ok(Slow)
            }
        }

        deserializer.deserialize_any(Any)
    }
}

proptest! {
    #![proptest_config(crate::properties::config())]

    #[test]
    fn names_and_levels_are_counted_as_a_slow_reader_counts_them(
        tree in tree(),
        around in 0..36_usize,
        escape in 0..3_usize,
    ) {
        let (text, depth) = document(&tree, around, escape);
        let expected: &[_] = match (tree.has_duplicates(2_usize.saturating_sub(around)), depth > 32) {
            (false, false) => &[Ok(())],
            (true, false) => &[Err(ErrorCode::JSON_DUPLICATE_NAME)],
            (false, true) => &[Err(ErrorCode::JSON_TOO_DEEP)],
            // Which of the two comes first is for the text to say.
            (true, true) => &[Err(ErrorCode::JSON_DUPLICATE_NAME), Err(ErrorCode::JSON_TOO_DEEP)],
        };
        prop_assert!(expected.contains(&verdict(&text)), "{expected:?} {:?} {text}", verdict(&text));
    }

    #[test]
    fn what_a_slow_reader_refuses_is_refused(
        tree in tree(),
        escape in 0..3_usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), proptest::option::of("[{}\\[\\],:\"\\\\0a ]")), 0..4),
    ) {
        let mut characters: Vec<char> = document(&tree, 0, escape).0.chars().collect();
        for (at, change) in changes {
            let at = at.index(characters.len());
            match change {
                Some(text) => characters.insert(at, text.chars().next().unwrap()),
                None => drop(characters.remove(at)),
            }
        }
        let text = String::from_iter(characters);
        let slow = serde_json::from_str::<Slow>(&text).is_ok();
        let of_form = [ErrorCode::JSON_SYNTAX, ErrorCode::JSON_DUPLICATE_NAME, ErrorCode::JSON_TOO_DEEP, ErrorCode::JSON_TYPE];
        prop_assert!(slow || verdict(&text).is_err_and(|code| of_form.contains(&code)), "{:?} {text}", verdict(&text));
        // And the other way round, where nothing but the form is to be judged.
        let is_set = serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|set| set["keys"].is_array());
        prop_assert!(!slow || !is_set || verdict(&text).is_ok(), "{:?} {text}", verdict(&text));
    }
}
