//! Errors of providers, in forms that the standards do not have.

use std::sync::atomic::{AtomicUsize, Ordering};

use oidc_proto::testing::{On, Par};
use oidc_proto::{AuthMethod, Deviation, ErrorCode, Fault, Recovery};

use crate::hostile::transport::respond;
use crate::hostile::world::{At, World};

const JSON: &str = "application/json";
const DEAD: &str = r#"{"error":"invalid_grant","error_description":"gone"}"#;

#[test]
fn an_error_is_read_whatever_its_content_type() {
    for content_type in
        ["text/plain", "text/html;charset=utf-8", "application/json;charset=utf8;x", "text/javascript", ""]
    {
        for status in [400, 403, 422] {
            let mut world = World::new();
            let user = world.logged_in().unwrap();
            respond(&world.op, On::Token, status, content_type, DEAD);
            let error = world.refresh(&user).err().unwrap().error;
            assert_eq!(error.code(), ErrorCode::TOKEN_INVALID_GRANT, "{status} {content_type}");
            assert_eq!(error.provider_text().unwrap().description(), Some("gone"));
        }
    }
}

/// The words about an error need not be words.
#[test]
fn an_error_with_an_unreadable_description_is_read() {
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    respond(&world.op, On::Token, 400, JSON, r#"{"error":"invalid_grant","error_description":["a"],"error_uri":7}"#);
    let error = world.refresh(&user).err().unwrap().error;
    assert_eq!((error.code(), error.provider_text().unwrap().description()), (ErrorCode::TOKEN_INVALID_GRANT, None));
}

#[test]
fn an_error_with_status_200_is_the_verdict_that_it_names() {
    for (body, code) in [
        (DEAD, ErrorCode::TOKEN_INVALID_GRANT),
        (r#"{"error":"invalid_client"}"#, ErrorCode::TOKEN_INVALID_CLIENT),
        (r#"{"error":"access_denied"}"#, ErrorCode::DEVICE_ACCESS_DENIED),
        (r#"{"error":"expired_token","access_token":""}"#, ErrorCode::DEVICE_EXPIRED_TOKEN),
        (r#"{"error":"something_else","access_token":null}"#, ErrorCode::TOKEN_ERROR),
    ] {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        respond(&world.op, On::Token, 200, "text/html", body);
        let refusal = world.refresh(&user).err().unwrap();
        assert_eq!(refusal.what(), (At::Refresh, code), "{body}");
        assert_eq!((refusal.error.status().unwrap().as_u16(), refusal.error.fault()), (200, Fault::Denied), "{body}");
        assert!(refusal.error.provider_text().is_some());
    }
}

/// The provider has a problem of its own. That is no verdict on the grant, and time may mend it.
#[test]
fn a_provider_that_is_unavailable_is_asked_again() {
    for (status, name) in [
        (400, "temporarily_unavailable"),
        (400, "server_error"),
        (200, "temporarily_unavailable"),
        (200, "server_error"),
    ] {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        let body = if name == "server_error" {
            r#"{"error":"server_error"}"#
        } else {
            r#"{"error":"temporarily_unavailable"}"#
        };
        respond(&world.op, On::Token, status, JSON, body);
        let error = world.refresh(&user).err().unwrap().error;
        assert_eq!((error.code(), error.fault()), (ErrorCode::HTTP_SERVER_ERROR, Fault::Transport), "{status} {name}");
        assert!(matches!(error.recovery(), Recovery::Retry { .. }), "{error}");
        assert_eq!(error.provider_text().unwrap().error(), Some(name));
    }
}

#[test]
fn a_failure_that_is_no_verdict_keeps_the_words() {
    for (status, code) in [
        (429, ErrorCode::HTTP_TOO_MANY_REQUESTS),
        (500, ErrorCode::HTTP_SERVER_ERROR),
        (503, ErrorCode::HTTP_SERVER_ERROR),
        (302, ErrorCode::HTTP_REDIRECT),
    ] {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        respond(&world.op, On::Token, status, "text/plain", DEAD);
        let error = world.refresh(&user).err().unwrap().error;
        assert_eq!((error.code(), error.provider_text().unwrap().error()), (code, Some("invalid_grant")), "{status}");
    }
}

/// As seconds, or as a date by the server's clock or, of a server that sends none, by our own.
#[test]
fn a_server_says_when_to_come_back() {
    // The world's clock stands at 2026-01-01T00:00:00Z.
    let date = "Thu, 01 Jan 2026 00:01:40 GMT";
    for (after, server_date, seconds) in [
        ("90", None, Some(90)),
        (date, None, Some(100)),
        (date, Some("Thu, 01 Jan 2026 00:01:00 GMT"), Some(40)),
        ("soon", None, None),
    ] {
        for status in [429, 503] {
            let mut world = World::new();
            let user = world.logged_in().unwrap();
            world.op.tamper(On::Token, move |response| {
                *response.status_mut() = status.try_into().unwrap();
                let headers = response.headers_mut();
                headers.remove("date");
                headers.insert("retry-after", after.parse().unwrap());
                server_date.iter().for_each(|date| drop(headers.insert("date", date.parse().unwrap())));
            });
            let error = world.refresh(&user).err().unwrap().error;
            assert_eq!(error.retry_after().map(|after| after.as_secs()), seconds, "{status} {after}");
            assert!(matches!(error.recovery(), Recovery::Retry { .. }));
        }
    }
}

#[test]
fn a_user_who_has_to_act_is_told_to_log_in() {
    for name in [
        r#"{"error":"interaction_required","error_description":"AADSTS50076","suberror":"basic_action"}"#,
        r#"{"error":"login_required"}"#,
        r#"{"error":"consent_required"}"#,
    ] {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        respond(&world.op, On::Token, 400, JSON, name);
        let error = world.refresh(&user).err().unwrap().error;
        assert_eq!((error.code(), error.recovery()), (ErrorCode::TOKEN_INTERACTION_REQUIRED, Recovery::LogInAgain));
        assert!(error.provider_text().is_some());
    }
}

/// GitHub's name for a dead refresh token, and a name that means many things: by default only a hint.
#[test]
fn a_dead_refresh_token_by_another_name_is_one_where_that_was_chosen() {
    for (status, body, code) in [
        (200, r#"{"error":"bad_refresh_token"}"#, ErrorCode::TOKEN_ERROR),
        (400, r#"{"error":"invalid_request"}"#, ErrorCode::TOKEN_INVALID_REQUEST),
    ] {
        for chosen in [false, true] {
            let mut world = World::new();
            if chosen {
                world.options = world.options.with_deviation(Deviation::RefreshErrors);
            }
            let user = world.logged_in().unwrap();
            respond(&world.op, On::Token, status, JSON, body);
            let error = world.refresh(&user).err().unwrap().error;
            assert_eq!(error.code(), if chosen { ErrorCode::TOKEN_INVALID_GRANT } else { code }, "{body}");
            assert!(chosen || error.hint().contains("log in again") && error.hint().contains("refresh_errors"));
            // A code is not a refresh token.
            let login = world.login_with(&user.party).unwrap();
            assert_eq!(world.finish(login).err().unwrap().error.code(), code);
        }
    }
}

/// Keycloak calls a client that it does not accept an invalid request.
#[test]
fn a_client_that_is_not_accepted_is_no_dead_refresh_token() {
    let mut world = World::new();
    world.options = world.options.with_deviation(Deviation::RefreshErrors);
    let user = world.logged_in().unwrap();
    respond(&world.op, On::Token, 401, JSON, r#"{"error":"invalid_request"}"#);
    assert_eq!(world.refresh(&user).err().unwrap().error.code(), ErrorCode::TOKEN_INVALID_CLIENT);
}

/// GitHub answers 200, others 403 or 428.
#[test]
fn a_device_that_waits_is_told_so_by_any_status() {
    for status in [200, 400, 403, 428] {
        let mut world = World::new().allowing_devices();
        let at = AtomicUsize::new(0);
        world.op.tamper(On::Token, move |response| {
            let name = match at.fetch_add(1, Ordering::Relaxed) {
                0 => "authorization_pending",
                1 => "slow_down",
                _ => "authorization_declined",
            };
            *response.status_mut() = status.try_into().unwrap();
            *response.body_mut() = format!(r#"{{"error":"{name}"}}"#).into_bytes();
        });
        let refusal = world.logged_in_by_device().err().unwrap();
        assert_eq!(refusal.what(), (At::Exchange, ErrorCode::DEVICE_ACCESS_DENIED), "{status}");
        assert_eq!(world.pauses.iter().map(|pause| pause.as_secs()).collect::<Vec<_>>(), [5, 5, 10], "{status}");
    }
}

/// By whatever name: a provider looks at the rest of a request only once it knows the client.
#[test]
fn a_401_says_that_the_client_authentication_failed() {
    const NAMES: [&str; 4] = [
        r#"{"error":"invalid_request","error_description":"Authentication failed."}"#,
        r#"{"error":"unauthorized_client"}"#,
        r#"{"error":"access_denied_by_policy"}"#,
        r#"{"error":"invalid_client"}"#,
    ];
    type Call = fn(&mut World) -> oidc_proto::Error;
    let calls: [(On, &str, Call); 4] = [
        (On::Par, "pushed_authorization_request_endpoint", |world| {
            world.pushes = true;
            world.login().err().unwrap().error
        }),
        (On::Token, "token_endpoint", |world| world.logged_in().err().unwrap().error),
        (On::DeviceAuthorization, "device_authorization_endpoint", |world| {
            let party = world.party().unwrap();
            world.device(&party).err().unwrap().error
        }),
        (On::Revoke, "revocation_endpoint", |world| {
            let user = world.logged_in().unwrap();
            world.revoke(&user).err().unwrap().error
        }),
    ];
    for body in NAMES {
        for (on, endpoint, call) in calls {
            let mut world = World::with_secret(AuthMethod::ClientSecretPost).allowing_devices();
            respond(&world.op, on, 401, "text/plain", body);
            let error = call(&mut world);
            assert_eq!((error.code(), error.endpoint()), (ErrorCode::TOKEN_INVALID_CLIENT, Some(endpoint)), "{body}");
            assert!(error.hint().contains("client_secret_post") && error.hint().contains("client_secret_basic"));
            assert!(error.provider_text().is_some());
        }
    }
    // These speak of the grant, which a provider looks at last.
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    respond(&world.op, On::Token, 401, JSON, DEAD);
    assert_eq!(world.refresh(&user).err().unwrap().error.code(), ErrorCode::TOKEN_INVALID_GRANT);
}

/// Spring Authorization Server sends strangers to its login page.
#[test]
fn a_revocation_that_is_sent_to_a_login_page_has_met_a_stranger() {
    for (status, location, code) in [
        (302, Some("/login"), ErrorCode::TOKEN_INVALID_CLIENT),
        (302, Some("https://op.example.org/login"), ErrorCode::TOKEN_INVALID_CLIENT),
        (302, Some("https://portal.example/"), ErrorCode::HTTP_REDIRECT),
        (302, Some("//portal.example/"), ErrorCode::HTTP_REDIRECT),
        (302, None, ErrorCode::HTTP_REDIRECT),
        (403, None, ErrorCode::TOKEN_INVALID_CLIENT),
        (404, None, ErrorCode::HTTP_STATUS),
    ] {
        let mut world = World::with_secret(AuthMethod::ClientSecretBasic);
        let user = world.logged_in().unwrap();
        world.op.tamper(On::Revoke, move |response| {
            *response.status_mut() = status.try_into().unwrap();
            response.body_mut().clear();
            location.into_iter().for_each(|to| drop(response.headers_mut().insert("location", to.parse().unwrap())));
        });
        let error = world.revoke(&user).err().unwrap().error;
        assert_eq!(error.code(), code, "{status} {location:?}");
    }
}

/// The endpoint is listed, but does not serve this client: the login goes on in the URL, and the reason is told.
#[test]
fn a_login_goes_on_without_a_push_that_is_not_required() {
    for (status, body, goes_on) in [
        (400, r#"{"error":"unauthorized_client"}"#, true),
        (302, "", true),
        (403, "", true),
        (404, r#"{"error":"Not Found"}"#, true),
        (405, "", true),
        (500, "", true),
        (503, r#"{"error":"invalid_request"}"#, true),
        (400, r#"{"error":"invalid_request"}"#, false),
        (400, r#"{"error":"invalid_scope"}"#, false),
        (401, r#"{"error":"invalid_client"}"#, false),
        (403, r#"{"error":"access_denied"}"#, false),
        (429, "", false),
        (201, "{}", false),
    ] {
        for par in [Par::Advertised, Par::Required] {
            let mut world = World::new();
            world.op = world.op.with_par(par);
            let party = world.party().unwrap();
            respond(&world.op, On::Par, status, JSON, body);
            let step = party.push_if_possible(world.request.clone(), &mut world.env);
            let started = world.run(step);
            assert_eq!(started.is_ok(), goes_on && par == Par::Advertised, "{status} {body} {par:?}");
            let Ok(started) = started else { continue };
            assert!(started.push_refused.is_some() && started.url.as_str().contains("state="), "{status}");
            let login = crate::hostile::world::Login { party, url: started.url, pending: started.pending };
            world.finish(login).unwrap();
        }
    }
    for (par, pushes) in [(Par::Off, 0), (Par::Advertised, 1), (Par::Required, 1)] {
        let mut world = World::new();
        world.op = world.op.with_par(par);
        let party = world.party().unwrap();
        let step = party.push_if_possible(world.request.clone(), &mut world.env);
        let started = world.run(step).unwrap();
        assert_eq!((started.push_refused, world.op.count(On::Par)), (None, pushes), "{par:?}");
    }
}
