//! What is said of a member of the wrong type.

use serde::Deserialize;

use super::document;
use super::text::Text;

#[derive(Deserialize)]
#[allow(dead_code, reason = "only whether it can be read matters")]
struct Document<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    count: Option<u8>,
    list: Option<Vec<u8>>,
}

#[test]
fn the_member_of_the_wrong_type_is_named() {
    for (text, expected, found) in [
        (r#"{"name":1}"#, "a string", "name: number"),
        (r#"{"a":{"name":1},"name":[1]}"#, "a string", "name: array"),
        ("{\"a\":[1,\n2],\n \"name\" : {\"x\":1}}", "a string", "name: object"),
        (r#"{"name":"x","count":"a, expected b"}"#, "u8", "count: string"),
        (r#"{"count":300}"#, "u8", "count: number"),
        (r#"{"count":true,"name":"x"}"#, "u8", "count: boolean"),
        (r#"{"name":"x","list":[1,"secret"]}"#, "u8", "list: string"),
    ] {
        let error = document::<Document<'_>>(text.as_bytes()).err().unwrap();
        assert_eq!(error.expected().unwrap().as_str(), expected, "{text}");
        assert_eq!(error.found().unwrap().as_str(), found, "{text}");
    }
    let error = document::<Document<'_>>(b"[1]").err().unwrap();
    assert_eq!(error.expected().unwrap().as_str(), "an object");
}
