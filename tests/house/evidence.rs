//! Claims count only with evidence of a signature: the functions that give out checked claims require it.

use super::lexer::{Token, after_group};
use super::tree::Tree;

/// The file, the function, and the type of one of its parameters.
const CHECKS: [(&str, &str, &str); 3] = [
    ("token/id_token/check.rs", "check", "SignatureEvidence"),
    ("token/logout_token.rs", "signed", "Signed"),
    ("token/userinfo.rs", "read_signed", "Signed"),
];

#[test]
fn claims_are_given_out_only_with_evidence_of_a_signature() {
    let tree = Tree::shared();
    for (path, function, evidence) in CHECKS {
        let source = tree.sources.iter().find(|source| source.path == path).expect(path);
        assert!(takes(&source.tokens, function, evidence), "{path}: {function} does not take {evidence}");
    }
}

/// Whether a function has a parameter of this type.
fn takes(tokens: &[Token], function: &str, evidence: &str) -> bool {
    let is_head = |pair: &[Token]| pair[0].is("fn") && pair[1].is(function);
    tokens.windows(2).position(is_head).is_some_and(|at| {
        let open = at + tokens[at..].iter().position(|token| token.is("(")).unwrap_or(0);
        tokens[open..after_group(tokens, open)].iter().any(|token| token.is(evidence))
    })
}

#[test]
fn a_function_without_evidence_is_seen() {
    for (code, expected) in [
        ("fn check(self, _evidence: SignatureEvidence, now: Timestamp) -> IdToken { self.token }", true),
        ("fn check(self, now: Timestamp) -> IdToken { SignatureEvidence::made(); self.token }", false),
        ("fn other(_evidence: SignatureEvidence) {}", false),
    ] {
        assert_eq!(takes(&super::lexer::tokens(code), "check", "SignatureEvidence"), expected, "{code}");
    }
}
