//! Every parser, by the fuzz targets: long inputs of many shapes, alone and inside of what a parser accepts.

use std::fs;
use std::path::Path;

use super::in_proportion;
use super::targets::TARGETS;

/// A part of an input, to be repeated.
type Part = fn(usize) -> String;

/// What inputs can have many of. Those of the first list stand in an object, as members.
const MEMBERS: [Part; 5] = [
    |at| format!(r#""n{at}":{at},"#),
    |at| format!(r#""n\u0061me{at}":"\u0041","#),
    |at| format!(r#""o{at}":{{"a":[{{"b":{at}}}]}},"#),
    |at| format!(r#""https://op.example.org/a{at}":"https://op.example.org/b{at}","#),
    |_| "\n\t ".to_owned(),
];
const TEXTS: [Part; 12] = [
    |at| format!("&p{at}=%41"),
    |at| format!("p{at}=1, "),
    |at| format!("S{at} p=\"\\a\\\"\","),
    |at| format!("S{at} aaa "),
    |at| format!("word{at} "),
    |at| format!("/{at}.."),
    |_| "[".to_owned(),
    |_| "{\"a\":".to_owned(),
    |_| "\"\\".to_owned(),
    |_| "a.".to_owned(),
    |_| "A".to_owned(),
    |_| "\u{e9}%".to_owned(),
];

/// How long the longest input is. Longer ones are refused by their length: tokens and callbacks from 64 KiB on, headers
/// from 16 KiB on.
fn longest(target: &str) -> usize {
    if target == "www_authenticate" { 15_000 } else { 44_000 }
}

/// What comes before the input: choices of a target that reads a script.
fn choices(target: &str) -> Vec<Vec<u8>> {
    const RECEIVED: u8 = 0;
    let (okay, bad_request) = (0, 4);
    match target {
        // Each flow with each of these responses, whose body follows. Then keys, with and without a signature's check.
        "flow" => (0..12)
            .flat_map(|flow| [okay, bad_request].map(|status| vec![0xc0, flow, RECEIVED, status]))
            .chain((0..12).map(|flow| vec![0x80, flow, RECEIVED, okay]))
            .collect(),
        "homeserver" => {
            (0..6).flat_map(|flow| [okay, bad_request].map(|status| vec![flow, RECEIVED, status])).collect()
        }
        "session" => vec![Vec::new()],
        "qr_channel" => (0..8).map(|kind| vec![kind]).collect(),
        "qr_rendezvous" => (0..4).flat_map(|kind| [0, 1].map(|status| vec![kind, status])).collect(),
        _ => vec![Vec::new()],
    }
}

/// A few inputs that a parser accepts, from its corpus.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    const MOST_SEEDS: usize = 3;
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut names: Vec<_> = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    // Written by hand, or by an honest provider, before those of lies.
    let is_of_lies = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        !(name.starts_with("hand") || name.starts_with("honest"))
    };
    names.sort_by_key(|path| (is_of_lies(path), path.clone()));
    names.iter().take(MOST_SEEDS).map(|path| fs::read(path).unwrap()).collect()
}

/// Where many parts go into an input.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// They are all of it, after a choice.
    Alone,
    /// Behind its opening brace.
    Members,
    /// Inside of its last string.
    LastString,
    End,
}

const SEED_PLACES: [Place; 3] = [Place::Members, Place::LastString, Place::End];

/// The input with so many bytes of parts in it; `None` if it has no such place.
fn input(base: &[u8], place: Place, part: Part, length: usize) -> Option<Vec<u8>> {
    let at = match place {
        Place::Alone | Place::End => base.len(),
        Place::Members => base.iter().position(|&byte| byte == b'{')? + 1,
        Place::LastString => base.iter().rposition(|&byte| byte == b'"')?,
    };
    let mut parts = String::new();
    let mut of = 0;
    while parts.len() < length {
        parts.push_str(&part(of));
        of += 1;
    }
    Some([&base[..at], parts.as_bytes(), &base[at..]].concat())
}

fn check(target: &str, run: fn(&[u8])) {
    let whole = |base: &[u8], part: Part, place| -> Option<Vec<Vec<u8>>> {
        [8, 4, 2, 1].into_iter().map(|part_of| input(base, place, part, longest(target) / part_of)).collect()
    };
    let mut measured = 0;
    let mut measure = |base: &[u8], place: Place, part: Part| {
        let Some(inputs) = whole(base, part, place) else { return };
        measured += 1;
        if let Err(costs) = in_proportion(|at| run(&inputs[at])) {
            let shown = String::from_utf8_lossy(&inputs[0]).chars().take(160).collect::<String>();
            panic!("{target}: 1, 2, 4 and 8 times the length cost {costs:?}: {place:?}, {shown:?}");
        }
    };
    for choice in choices(target) {
        TEXTS.iter().for_each(|part| measure(&choice, Place::Alone, *part));
        // An object that ends.
        let object = [&choice, &b"{\"z\":0}"[..]].concat();
        MEMBERS.iter().for_each(|part| measure(&object, Place::Members, *part));
    }
    for seed in seeds(target) {
        for place in SEED_PLACES {
            let parts = if matches!(place, Place::Members) { &MEMBERS[..] } else { &TEXTS[..] };
            parts.iter().for_each(|part| measure(&seed, place, *part));
        }
    }
    assert!(measured > 30, "{target}: {measured}");
}

/// One test for each half of the targets, which run beside one another.
fn check_targets(is_it: fn(usize) -> bool) {
    for (_, (target, run)) in TARGETS.iter().enumerate().filter(|(at, _)| is_it(*at)) {
        check(target, *run);
    }
}

#[test]
fn no_parser_takes_more_than_in_proportion() {
    check_targets(|at| at % 2 == 0);
}

#[test]
fn no_other_parser_takes_more_than_in_proportion() {
    check_targets(|at| at % 2 == 1);
}
