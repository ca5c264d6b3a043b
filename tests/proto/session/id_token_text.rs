//! A session that keeps no text of an ID token: its claims stay, in memory and in the record.

use oidc_proto::session::{Event, Record, Session};
use oidc_proto::{EndSessionRequest, ErrorCode, IdToken, TokenSet};

use crate::session::world::{Store, World, shared};

fn id_token(tokens: &TokenSet) -> &IdToken {
    tokens.id_token().unwrap()
}

/// Refreshes, and returns what the session and the store have then.
fn refreshed(world: &mut World, session: &mut Session, store: &Store) -> [TokenSet; 2] {
    let _ = session.refresh(&mut world.env);
    assert_eq!(world.pump(session, store), [Event::TokensRefreshed]);
    [session.tokens().clone(), store.record().unwrap().tokens]
}

#[test]
fn a_session_may_keep_the_claims_of_an_id_token_without_its_text() {
    let (mut world, store) = (World::new(), Store::default());
    let options = shared().with_id_token_text(false);
    assert!(shared().keeps_id_token_text() && !options.keeps_id_token_text());
    let login = world.tokens.clone();
    let text = id_token(&login).expose().to_owned();
    // The record of a login has it until the session saves its own.
    store.put(Record::new(1, login.clone()));
    let mut session = world.restore(store.record().unwrap(), options);
    assert_eq!(id_token(session.tokens()).expose(), "");
    for round in 0..3 {
        let [own, stored] = refreshed(&mut world, &mut session, &store);
        for tokens in [&own, &stored, &TokenSet::from_json(&serde_json::to_string(&stored).unwrap()).unwrap()] {
            let (bare, whole) = (id_token(tokens), id_token(&login));
            assert_eq!(bare.expose(), "", "{round}");
            assert_eq!((bare.subject(), bare.issuer()), (whole.subject(), whole.issuer()));
            assert_eq!(
                (bare.session_id(), bare.auth_time(), bare.acr()),
                (whole.session_id(), whole.auth_time(), whole.acr())
            );
            assert!(bare.audience().eq(whole.audience()));
            assert_eq!(bare.claims::<serde_json::Value>().unwrap_err().code(), ErrorCode::ID_TOKEN_CLAIMS);
            // An empty hint would be none.
            let request = EndSessionRequest::new().with_id_token_hint(bare);
            let (url, _) = world.party.end_session(request, &mut world.env).unwrap();
            assert!(!url.as_str().contains("id_token_hint") && url.as_str().contains("client_id"), "{}", url.as_str());
        }
    }
    assert!(!serde_json::to_string(&store.record().unwrap()).unwrap().contains(&text));
    // Another user is still another user, and what was taken from another process has no text either.
    let mut other = world.restore(store.record().unwrap(), shared());
    let [own, _] = refreshed(&mut world, &mut other, &store);
    assert_ne!(id_token(&own).expose(), "", "the other session keeps what comes");
    assert!(matches!(world.ask(&mut session), Ok(_) | Err(Some(_))));
    world.advance(301);
    let _ = world.ask(&mut session);
    world.pump(&mut session, &store);
    assert_eq!(id_token(session.tokens()).expose(), "");
}
