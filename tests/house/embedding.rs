//! A flow that contains another one passes every input on: whatever comes reaches the flow that asked for it.

use super::lexer::{Token, after_group, text, tokens, without_tests};
use super::tree::Tree;

/// Where flows are.
const ROOMS: &[&str] = &["flow", "session", "matrix", "qr", "party", "step"];

/// What an input tells without being taken. A flow that contains another may ask this only where the input then is an
/// error.
const QUESTIONS: &[&str] = &["failure", "is_cancelled"];

#[test]
fn a_flow_that_contains_another_passes_every_input_on() {
    let mut embedding = 0;
    for source in Tree::shared().sources.iter().filter(|source| ROOMS.contains(&source.room())) {
        assert!(!renames_inputs(&source.tokens), "{} has another name for an input or its variants", source.path);
        for body in transitions(&source.tokens) {
            embedding += usize::from(calls_of_on(body).next().is_some());
            assert_eq!(fault(body), None, "{}: {}", source.path, text(body));
        }
    }
    assert!(embedding > 10, "{embedding}");
}

/// An import under another name, an import of variants, or another name for the type: a variant would not be seen then.
fn renames_inputs(tokens: &[Token]) -> bool {
    let imports = |next: &Token| ["as", "*", "{"].iter().any(|mark| next.is(mark));
    let after = tokens.iter().enumerate().filter(|(_, token)| token.is("Input")).map(|(at, _)| &tokens[at + 1..]);
    let renamed = after.filter(|rest| rest[0].is("as") || rest[0].is("::") && imports(&rest[1]));
    let aliases =
        tokens.iter().enumerate().filter(|(_, token)| token.is("type") || token.is("use")).filter(|(at, _)| {
            let item: Vec<_> = tokens[*at..].iter().take_while(|token| !token.is(";") && !token.is("{")).collect();
            let is_alias = item[0].is("type") && item.iter().any(|token| token.is("Input"));
            is_alias || item.windows(2).any(|pair| pair[0].is("Input") && pair[1].is("::"))
        });
    renamed.count() + aliases.count() > 0
}

/// The functions `on` of all `impl … Flow for …`, from their parameters on.
fn transitions(tokens: &[Token]) -> impl Iterator<Item = &[Token]> {
    let heads = tokens.iter().enumerate().filter(|(_, token)| token.is("impl"));
    heads.filter_map(|(at, _)| {
        let open = at + tokens[at..].iter().position(|token| token.is("{") || token.is(";"))?;
        tokens[at..open].windows(2).find(|pair| pair[0].is("Flow") && pair[1].is("for"))?;
        let body = &tokens[open..after_group(tokens, open)];
        let on = body.windows(2).position(|pair| pair[0].is("fn") && pair[1].is("on"))?;
        Some(&body[on + 2..])
    })
}

/// The arguments of each call of another flow's transition: `flow.on(…)`, or `Flow::on(flow, …)` by any path.
fn calls_of_on(body: &[Token]) -> impl Iterator<Item = &[Token]> {
    let calls = body.windows(3).enumerate();
    let calls = calls.filter(|(_, call)| (call[0].is(".") || call[0].is("::")) && call[1].is("on") && call[2].is("("));
    calls.map(|(at, _)| &body[at + 2..after_group(body, at + 2)])
}

/// What is wrong in a transition: the input goes only into a function of its own, or as it is to the other flow.
fn fault(function: &[Token]) -> Option<&'static str> {
    let parameters = after_group(function, 0);
    let name = function[..parameters].windows(3).find(|part| part[1].is(":") && !part[0].is("self"))?[0].word()?;
    let body = &function[parameters..];
    let is_argument =
        |before: &Token, after: &Token| (before.is("(") || before.is(",")) && (after.is(",") || after.is(")"));
    let bare = |tokens: &[Token]| tokens.windows(3).filter(|at| at[1].is(name) && is_argument(&at[0], &at[2])).count();
    let calls: Vec<_> = calls_of_on(body).collect();
    if calls.iter().any(|arguments| bare(arguments) != 1) {
        return Some("the other flow gets another input");
    }
    // A flow that contains no other may match its state and the input together.
    let pairs = body.windows(2).enumerate().filter(|(_, pair)| pair[0].is("match") && pair[1].is("("));
    let pairs = pairs.map(|(at, _)| bare(&body[at + 1..after_group(body, at + 1)])).sum::<usize>();
    if calls.len() + if calls.is_empty() { pairs } else { 0 } != bare(body) {
        return Some("a function gets the input that no check reads");
    }
    let looked_at = body.windows(3).filter(|at| at[1].is(name) && !at[2].is(".") && !is_argument(&at[0], &at[2]));
    let asks = body
        .windows(3)
        .enumerate()
        .filter(|(_, at)| at[0].is(name) && at[1].is(".") && QUESTIONS.iter().any(|question| at[2].is(question)));
    // `… if input.is_cancelled() => Err(input.unexpected())`: the driver gives up, and nothing is passed on.
    let gives_up = |at: usize| {
        let error = ["is_cancelled", "(", ")", "=", ">", "Err", "(", name, ".", "unexpected"];
        error.iter().zip(&body[at + 2..]).all(|(word, token)| token.is(word))
    };
    let asks = asks.filter(|(at, _)| !gives_up(*at)).count();
    let names_a_variant = body.windows(2).any(|path| path[0].is("Input") && path[1].is("::"));
    (!calls.is_empty() && (looked_at.count() + asks > 0 || names_a_variant)).then_some("it looks at the input")
}

#[test]
fn a_flow_that_looks_at_the_input_of_another_is_seen() {
    let fault = |on: &str| {
        let code = without_tests(tokens(&format!("impl Flow for A {{ fn on(self, {on} }}")));
        transitions(&code).next().and_then(fault)
    };
    let fine = [
        "input: Input<'_>, env: &mut dyn Env) { Ok(self.0.on(input, env)?.wrap(Self)) }",
        "given: step::Input<'_>, env: E) { match self { A(flow) => Self::go_on(Flow::on(flow, given, env)?) } }",
        "input: Input<'_>, env: E) { match self.0 { A(flow) => flow.on(input, env), B => { input.woken()?; C } } }",
        "input: Input<'_>, env: E) { match self { A if input.is_cancelled() => Err(input.unexpected()), B(flow) => flow.on(input, env) } }",
        "input: Input<'_>, env: E) { match input { Input::Woken => A, other => Err(other.unexpected()) } }",
        "input: Input<'_>, env: E) { match (self, input) { (A, Input::Woken) => A, (_, i) => Err(i.unexpected()) } }",
    ];
    for on in fine {
        assert_eq!(fault(on), None, "{on}");
    }
    for on in [
        "input: Input<'_>, env: E) { if let Input::Woken = input { return B; } self.0.on(input, env) }",
        "i: Input<'_>, env: E) { match i { step::Input::Failed(_) => B, other => self.0 . on(other, env) } }",
        "input: Input<'_>, env: E) { if matches!(input, Input::Woken) { return B; } self.0.on(input,\n env,) }",
        "input: Input<'_>, env: E) { let other = input; F::on(self.0, other, env) }",
        "input: Input<'_>, env: E) { self.0.on(Input::Woken, env) }",
        "input: Input<'_>, env: E) { if input.failure().is_some() { return B; } self.0.on(input, env) }",
        "input: Input<'_>, env: E) { match self { A if input.is_cancelled() => B, C(flow) => flow.on(input, env) } }",
        "input: Input<'_>, env: E) { self.help(input, env) }",
        "input: Input<'_>, env: E) { match (self, input) { (A, Input::Woken) => B, (A(f), i) => f.on(i, env) } }",
    ] {
        assert!(fault(on).is_some(), "{on}");
    }
    for code in [
        "use crate::step::Input as I;",
        "use crate::step::Input::*;",
        "use crate::step::Input::{Woken, Failed};",
        "use crate::step::Input::Woken;",
        "type Given<'a> = crate::step::Input<'a>;",
    ] {
        assert!(renames_inputs(&tokens(code)), "{code}");
    }
    assert!(!renames_inputs(&tokens("use crate::step::{Flow, Input, Step}; fn f(i: Input<'_>) -> A { Input::Woken }")));
}
