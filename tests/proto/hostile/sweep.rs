//! The sweep for secrets: whole courses of a user, and a search through all that was shown on the way.

use std::collections::BTreeSet;
use std::time::Duration;

use oidc_proto::AuthMethod;
use oidc_proto::jose::Algorithm;
use oidc_proto::testing::On;
use oidc_proto::{Deviation, UnknownFields};
use serde_json::Value;
use url::form_urlencoded;

use crate::hostile::world::{Refusal, World};

pub(crate) const NAMES: [&str; 12] = [
    "code",
    "code_verifier",
    "state",
    "nonce",
    "client_secret",
    "access_token",
    "refresh_token",
    "id_token",
    "token",
    "device_code",
    "client_assertion",
    "request_uri",
];

/// The kinds of client that a course is run with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Method(AuthMethod),
    /// The secret signs assertions, and ID tokens are signed with it.
    SecretSigns,
    /// Pushed requests, bound tokens, a key, and a second login by the device grant; the keys at hand or elsewhere.
    Strong {
        algorithm: Algorithm,
        is_remote: bool,
    },
}

pub(crate) const BASIC: Kind = Kind::Method(AuthMethod::ClientSecretBasic);
pub(crate) const POST: Kind = Kind::Method(AuthMethod::ClientSecretPost);
// Where thousands of courses are run: a check of an ECDSA signature takes ten times as long as one of EdDSA.
pub(crate) const STRONG: Kind = Kind::Strong { algorithm: Algorithm::EdDsa, is_remote: false };
pub(crate) const STRONG_REMOTE: Kind = Kind::Strong { algorithm: Algorithm::EdDsa, is_remote: true };

/// Everything in play that nobody else may see. Short values are made up by lies.
pub(crate) fn secrets(world: &World) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut add = |value: &str| {
        let parts = value.split('.').map(str::to_owned).chain([value.to_owned()]);
        found.extend(parts.filter(|part| part.len() >= 16));
    };
    for text in world.sent.iter().chain(&*world.browsed.borrow()) {
        let authorization = text.lines().filter_map(|line| line.strip_prefix("authorization: "));
        authorization.for_each(|value| add(value.split_once(' ').unwrap().1));
        text.lines().filter_map(|line| line.strip_prefix("dpop: ")).for_each(&mut add);
        for part in text.split(['?', '#', '\n']) {
            for (name, value) in form_urlencoded::parse(part.as_bytes()) {
                if NAMES.contains(&&*name) || name == "id_token_hint" {
                    add(&value);
                }
            }
        }
    }
    fn walk(value: &Value, add: &mut impl FnMut(&str)) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| match value {
                Value::String(text) if NAMES.contains(&name.as_str()) => add(text),
                value => walk(value, add),
            }),
            Value::Array(elements) => elements.iter().for_each(|element| walk(element, add)),
            _ => {}
        }
    }
    let kept = world.kept.iter().map(String::as_bytes);
    for body in world.received.iter().map(Vec::as_slice).chain(kept) {
        serde_json::from_slice::<Value>(body).into_iter().for_each(|value| walk(&value, &mut add));
    }
    found
}

/// The line up to a secret that was shown, if one was.
pub(crate) fn leak(world: &World) -> Option<String> {
    let at = secrets(world).iter().find_map(|secret| world.shown.find(secret))?;
    Some(world.shown[..at].lines().last().unwrap_or("").to_owned())
}

#[track_caller]
pub(crate) fn assert_nothing_shown(world: &World, what: &str) {
    assert_eq!(leak(world), None, "{what}: a secret is shown after this");
    assert!(!world.shown.contains("X-Injected") && !world.shown.contains(":password@"), "{what}");
}

pub(crate) fn world(kind: Kind) -> World {
    let mut world = match kind {
        Kind::Method(method) => World::with_secret(method),
        Kind::SecretSigns => World::with_secret(AuthMethod::ClientSecretJwt),
        Kind::Strong { algorithm, is_remote } => World::strong(1, algorithm, is_remote),
    };
    let algorithm = if kind == Kind::SecretSigns { Algorithm::Hs256 } else { Algorithm::EdDsa };
    world.metadata = world.metadata.with_id_token_signed_response_alg(algorithm);
    if world.dpop.is_some() {
        world.op = world.op.with_dpop_nonce(true).with_device_lifetime(Duration::from_secs(60));
    }
    world.options = world.options.with_deviation(Deviation::ScopeArray).with_unknown_fields(UnknownFields::Keep);
    world
}

/// What can still be done with tokens that were not trusted.
pub(crate) fn salvage(world: &mut World, refusal: Refusal) {
    world.show(&refusal);
    let Some(tokens) = refusal.tokens else { return };
    let step = tokens.verify(&mut world.env);
    if let Ok(oidc_proto::TokenOutcome::Unverified { tokens, .. }) = world.run(Ok(step)) {
        let _ = world.give_up(tokens);
    }
}

/// A whole course in which it is said from the beginning.
pub(crate) fn early_course(kind: Kind, what: &str, say: impl Fn(&World)) {
    let mut world = world(kind);
    say(&world);
    match world.party() {
        Err(refusal) => salvage(&mut world, refusal),
        Ok(party) => {
            if let Err(refusal) = world.course_with(&party) {
                salvage(&mut world, refusal);
            }
            if matches!(kind, Kind::Strong { .. })
                && let Err(refusal) = world.logged_in_by_device_with(&party)
            {
                salvage(&mut world, refusal);
            }
        }
    }
    assert_nothing_shown(&world, what);
}

/// A whole course in which it is said once the user is logged in.
pub(crate) fn late_course(kind: Kind, what: &str, say: impl Fn(&World)) {
    let mut world = world(kind);
    let user = world.logged_in().unwrap();
    let has_device = matches!(kind, Kind::Strong { .. });
    let waiting = has_device.then(|| world.device(&user.party).unwrap());
    say(&world);
    let _ = world.userinfo(&user);
    let _ = world.sign_out(&user);
    // With keys that are there, and with keys that have to be fetched anew.
    let next = world.refresh(&user);
    world.age_keys();
    let next = match next {
        Ok(next) => world.refresh(&next),
        Err(refusal) => {
            salvage(&mut world, refusal);
            world.refresh(&user)
        }
    };
    if let Err(refusal) = next {
        salvage(&mut world, refusal);
    }
    if let Some(Err(refusal)) = waiting.map(|pending| world.poll(pending, &user.party)) {
        salvage(&mut world, refusal);
    }
    let _ = world.revoke(&user);
    assert_nothing_shown(&world, what);
}

pub(crate) fn both_courses(kind: Kind, what: &str, say: impl Fn(&World)) {
    early_course(kind, what, &say);
    late_course(kind, what, &say);
}

/// The courses that get there with what is said at these places: the others would be honest.
pub(crate) fn courses(kind: Kind, places: &[On], what: &str, say: impl Fn(&World)) {
    let is_strong = matches!(kind, Kind::Strong { .. });
    let is_met_early = |on: &On| match on {
        On::Par | On::DeviceAuthorization => is_strong,
        // The late course asks for the same and then for more.
        On::UserInfo | On::Revoke | On::EndSession => false,
        _ => true,
    };
    if places.iter().any(is_met_early) {
        early_course(kind, what, &say);
    }
    if places.iter().any(|on| matches!(on, On::Jwks | On::Token | On::UserInfo | On::Revoke | On::EndSession)) {
        late_course(kind, what, &say);
    }
}
