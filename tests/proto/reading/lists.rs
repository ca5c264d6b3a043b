//! Lists in Matrix documents: what is no member is passed over, and so is what is no list.

use oidc_proto::matrix::{LoginFlows, OAuthStage};
use oidc_proto::testing::OnMatrix;
use oidc_proto::{Schemes, UnknownFields};
use serde_json::json;

use crate::matrix::world::World;

#[test]
fn odd_actions_of_the_account_page_end_no_login() {
    for (odd, names) in [
        (json!(["a", null, 7, {}, "b"]), &["a", "b"][..]),
        (json!("a"), &["a"]),
        (json!(null), &[]),
        (json!({}), &[]),
        (json!(7), &[]),
    ] {
        let mut world = World::new();
        world.options = world.options.with_unknown_fields(UnknownFields::Keep);
        let value = odd.clone();
        world.hs.tamper(OnMatrix::AuthMetadata, move |response| {
            let mut document: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
            document["account_management_actions_supported"] = value.clone();
            *response.body_mut() = document.to_string().into();
        });
        let account = world.server().account.clone().unwrap();
        assert_eq!(account.actions().collect::<Vec<_>>(), names, "{odd}");
    }
}

#[test]
fn odd_flows_beside_the_right_one_hide_it_from_nobody() {
    let page = json!({ "m.oauth": { "url": "https://id.example.org/reset" }, "m.login.terms": [] });
    let right = json!({ "stages": ["m.oauth"] });
    for flows in [
        json!([null, right]),
        json!(["x", 7, [], right]),
        json!([{ "stages": null }, { "stages": [null] }, { "stages": "m.login.dummy" }, right]),
    ] {
        let body = json!({ "session": "a", "flows": flows, "params": page }).to_string();
        assert!(OAuthStage::parse(body.as_bytes(), Schemes::HttpsOnly).unwrap().is_some(), "{body}");
    }
    for (flows, params) in [(json!(null), json!({})), (json!("x"), json!(null)), (json!([null]), json!([]))] {
        let body = json!({ "session": "a", "flows": flows, "params": params }).to_string();
        assert!(OAuthStage::parse(body.as_bytes(), Schemes::HttpsOnly).unwrap().is_none(), "{body}");
    }
    for (flows, types) in [
        (json!([null, 7, { "type": 7 }, { "type": "m.login.sso", "oauth_aware_preferred": true }]), 1),
        (json!(null), 0),
        (json!("x"), 0),
    ] {
        let known = LoginFlows::parse(json!({ "flows": flows }).to_string().as_bytes()).unwrap();
        assert_eq!((known.types.len(), known.oauth_aware_preferred), (types, types > 0), "{flows}");
    }
}
