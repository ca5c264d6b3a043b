use super::*;
use crate::matrix::Address;
use crate::qr::homeserver::URL_LIMIT;

const URL: &str = "https://rendezvous.lab.element.dev/e8da6355-550b-4a32-a193-1619d9830668";
const KEY: &str = "2IZoarIZe3gOMAqdSiFHSAcA15KfOasxueUUNwJI7Ws";
const DEPLOYED: &str = "TUFUUklYAgS0yzZ1QVpQ1jlnoxWX3d5jrWRFfELxjS2gN7pz9y+3PABaaHR0cHM6Ly9zeW5hcHNlLW9pZGMubGFiLmVsZW1lbnQuZGV2L19zeW5hcHNlL2NsaWVudC9yZW5kZXp2b3VzLzAxSFg5SzAwUTFINktQRDQ3RUc0RzFUM1hHACVodHRwczovL3N5bmFwc2Utb2lkYy5sYWIuZWxlbWVudC5kZXYv";
const DRAFT: &str = "SU9fRUxFTUVOVF9NU0M0Mzg4AwG0yzZ1QVpQ1jlnoxWX3d5jrWRFfELxjS2gN7pz9y+3PAAaMDFIWDlLMDBRMUg2S1BENDdFRzRHMVQzWEcAJGh0dHBzOi8vc3luYXBzZS1vaWRjLmxhYi5lbGVtZW50LmRldg";

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The vector of mode 03.
fn login() -> Vec<u8> {
    let mut bytes = hex("4d41545249580203d886686ab2197b780e300a9d4a2147480700d7929f39ab31b9e514370248ed6b0047");
    bytes.extend_from_slice(URL.as_bytes());
    bytes
}

/// The vector of mode 04.
fn reciprocate() -> Vec<u8> {
    let mut bytes = login();
    bytes[7] = 0x04;
    bytes.extend_from_slice(b"\0\x0amatrix.org");
    bytes
}

/// The draft's vector.
fn draft() -> Vec<u8> {
    base64_any_padding(DRAFT).unwrap()
}

fn parse(bytes: &[u8]) -> Result<QrCode, ErrorCode> {
    QrCode::from_bytes(bytes, Schemes::HttpsOnly).map_err(|error| error.code())
}

#[test]
fn the_vectors_of_both_modes() {
    let code = parse(&login()).unwrap();
    assert_eq!((code.intent(), STANDARD_NO_PAD.encode(code.public_key()).as_str()), (Intent::Login, KEY));
    let RendezvousAddress::Msc4108 { rendezvous, homeserver: None } = code.rendezvous_address() else {
        panic!("{code:?}")
    };
    assert_eq!((rendezvous.as_str(), rendezvous.endpoint().uri().to_string().as_str()), (URL, URL));
    assert_eq!(code.to_bytes(), login());
    assert_eq!(QrCode::login(*code.public_key(), rendezvous.clone()), code);

    let code = parse(&reciprocate()).unwrap();
    assert_eq!((code.intent(), STANDARD_NO_PAD.encode(code.public_key()).as_str()), (Intent::Reciprocate, KEY));
    let RendezvousAddress::Msc4108 { rendezvous, homeserver: Some(homeserver) } = code.rendezvous_address() else {
        panic!("{code:?}")
    };
    assert_eq!((rendezvous.as_str(), homeserver.as_str()), (URL, "matrix.org"));
    assert!(matches!(homeserver.address(), Address::Name(_)));
    assert_eq!(code.to_bytes(), reciprocate());
    assert_eq!(QrCode::reciprocate(*code.public_key(), rendezvous.clone(), homeserver.clone()), code);
}

#[test]
fn the_vector_of_a_deployed_client() {
    let code = QrCode::from_base64(DEPLOYED, Schemes::HttpsOnly).unwrap();
    assert_eq!(code.intent(), Intent::Reciprocate);
    let RendezvousAddress::Msc4108 { rendezvous, homeserver: Some(homeserver) } = code.rendezvous_address() else {
        panic!("{code:?}")
    };
    let url = "https://synapse-oidc.lab.element.dev/_synapse/client/rendezvous/01HX9K00Q1H6KPD47EG4G1T3XG";
    assert_eq!(rendezvous.as_str(), url);
    assert_eq!(homeserver.as_str(), "https://synapse-oidc.lab.element.dev/");
    assert!(matches!(homeserver.address(), Address::Url(_)));
    assert_eq!(code.to_base64(), DEPLOYED.trim_end_matches('='));
}

#[test]
fn the_vector_of_msc4388_and_its_other_intent() {
    let code = parse(&draft()).unwrap();
    assert_eq!(code.intent(), Intent::Reciprocate);
    let RendezvousAddress::Msc4388(rendezvous) = code.rendezvous_address() else { panic!("{code:?}") };
    assert_eq!(rendezvous.id(), "01HX9K00Q1H6KPD47EG4G1T3XG");
    assert_eq!(rendezvous.base_url().as_str(), "https://synapse-oidc.lab.element.dev");
    assert_eq!((code.proposal(), code.homeserver()), (Proposal::Msc4388, Some(rendezvous.base_url())));
    assert_eq!(code.to_base64(), DRAFT);
    let mut bytes = draft();
    bytes[19] = 0x00;
    let code = parse(&bytes).unwrap();
    assert_eq!((code.intent(), code.homeserver()), (Intent::Login, None));
    assert_eq!(code.to_bytes(), bytes);
}

/// What the current text of the draft writes: lengths of one byte.
#[test]
fn a_newer_form_of_the_draft_is_another_version() {
    for (id, url) in [("01HX9K00Q1H6KPD47EG4G1T3XG", "https://a.example"), ("1", "https://a.example/b")] {
        let mut bytes = [PREFIX_4388, &[TYPE_4388, INTENT_RECIPROCATE], &[7; 32]].concat();
        for text in [id, url] {
            bytes.push(u8::try_from(text.len()).unwrap());
            bytes.extend_from_slice(text.as_bytes());
        }
        assert_eq!(parse(&bytes), Err(ErrorCode::QR_CODE_VERSION));
    }
}

#[test]
fn the_base_url_of_a_draft_rendezvous_is_that_of_a_homeserver() {
    let with_url = |url: &str| RendezvousId::new("a", url, Schemes::HttpsOnly).map(|made| made.uri().to_string());
    let uri = "https://a.example/_matrix/client/unstable/io.element.msc4388/rendezvous/a";
    for url in ["https://a.example", "https://a.example/", "https://A.example:443"] {
        assert_eq!(with_url(url).unwrap(), uri, "{url}");
    }
    for url in
        ["", "a.example", "http://a.example", "https://a.example?b", "https://a.example#b", "https://a@b.example"]
    {
        assert_eq!(with_url(url).unwrap_err().code(), ErrorCode::QR_CODE_URL, "{url}");
    }
}

#[test]
fn two_devices_with_the_same_intent_are_told_which_one_is_wrong() {
    for (bytes, shown) in
        [(login(), Intent::Login), (reciprocate(), Intent::Reciprocate), (draft(), Intent::Reciprocate)]
    {
        let code = parse(&bytes).unwrap();
        let verdict = |own| code.check_scanned_by(own).map_err(|error| error.code());
        match shown {
            Intent::Login => {
                assert_eq!(verdict(Intent::Login), Err(ErrorCode::QR_OTHER_NOT_SIGNED_IN));
                assert_eq!(verdict(Intent::Reciprocate), Ok(()));
            }
            Intent::Reciprocate => {
                assert_eq!(verdict(Intent::Reciprocate), Err(ErrorCode::QR_OTHER_SIGNED_IN));
                assert_eq!(verdict(Intent::Login), Ok(()));
            }
        }
    }
}

/// Every code that is cut off anywhere says so, and every code with anything after it.
#[test]
fn a_code_that_is_cut_off_or_continued_is_refused() {
    for bytes in [login(), reciprocate(), draft()] {
        for end in 0..bytes.len() {
            let prefix = if bytes.starts_with(PREFIX) { PREFIX.len() } else { PREFIX_4388.len() };
            let expected = if end < prefix { ErrorCode::QR_CODE_PREFIX } else { ErrorCode::QR_CODE_TRUNCATED };
            assert_eq!(parse(&bytes[..end]), Err(expected), "{end}");
        }
        for more in [&b"\0"[..], b"\0\0", b"\0\x01a", &bytes] {
            assert_eq!(parse(&[&bytes, more].concat()), Err(ErrorCode::QR_CODE_TRAILING));
        }
    }
}

/// A code with these texts.
fn with(mode: u8, texts: &[&[u8]]) -> Vec<u8> {
    let mut out = [PREFIX, &[VERSION, mode], &[7; 32]].concat();
    for text in texts {
        out.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        out.extend_from_slice(text);
    }
    out
}

#[test]
fn hostile_codes_are_named() {
    let url = URL.as_bytes();
    let long_url = format!("https://a.example/{}", "x".repeat(URL_LIMIT));
    let at = |bytes: Vec<u8>, place: usize, byte: u8| {
        let mut bytes = bytes;
        bytes[place] = byte;
        bytes
    };
    for (bytes, expected) in [
        (Vec::new(), ErrorCode::QR_CODE_PREFIX),
        (b"https://matrix.to/#/@a:b".to_vec(), ErrorCode::QR_CODE_PREFIX),
        (b"matrix\x02\x03".to_vec(), ErrorCode::QR_CODE_PREFIX),
        (vec![0xff; CODE_LIMIT], ErrorCode::QR_CODE_PREFIX),
        (vec![b'M'; CODE_LIMIT + 1], ErrorCode::QR_CODE_TOO_LARGE),
        (at(login(), 6, 0x01), ErrorCode::QR_CODE_VERSION),
        (at(login(), 6, 0x03), ErrorCode::QR_CODE_VERSION),
        (at(draft(), 18, 0x04), ErrorCode::QR_CODE_VERSION),
        // Codes for verifying a device have the same prefix and version.
        (at(login(), 7, 0x00), ErrorCode::QR_CODE_MODE),
        (at(login(), 7, 0x02), ErrorCode::QR_CODE_MODE),
        (at(login(), 7, 0xff), ErrorCode::QR_CODE_MODE),
        (at(draft(), 19, 0x02), ErrorCode::QR_CODE_MODE),
        (with(3, &[b""]), ErrorCode::QR_CODE_URL),
        (with(3, &[b"http://rendezvous.example/1"]), ErrorCode::QR_CODE_URL),
        (with(3, &[b"http://127.0.0.1/1"]), ErrorCode::QR_CODE_URL),
        (with(3, &[b"javascript:alert(1)"]), ErrorCode::QR_CODE_URL),
        (with(3, &[b"file:///etc/passwd"]), ErrorCode::QR_CODE_URL),
        (with(3, &[b"/relative"]), ErrorCode::QR_CODE_URL),
        (with(3, &[b"https://user@a.example/1"]), ErrorCode::QR_CODE_URL),
        (with(3, &[b"https://a.example/1#f"]), ErrorCode::QR_CODE_URL),
        (with(3, &[b" https://a.example/1"]), ErrorCode::QR_CODE_URL),
        (with(3, &[b"https://a.example/1\n"]), ErrorCode::QR_CODE_URL),
        (with(3, &["https://a.example/\u{202e}".as_bytes()]), ErrorCode::QR_CODE_URL),
        (with(3, &[b"https://a.example/\xff"]), ErrorCode::QR_CODE_TEXT),
        (with(3, &[long_url.as_bytes()]), ErrorCode::QR_CODE_TOO_LARGE),
        (with(3, &[url, b"matrix.org"]), ErrorCode::QR_CODE_TRAILING),
        (with(4, &[url]), ErrorCode::QR_CODE_TRUNCATED),
        (with(4, &[url, b""]), ErrorCode::QR_HOMESERVER),
        (with(4, &[url, b"matrix .org"]), ErrorCode::QR_HOMESERVER),
        (with(4, &[url, b"matrix.org/path"]), ErrorCode::QR_HOMESERVER),
        (with(4, &[url, b"a@matrix.org"]), ErrorCode::QR_HOMESERVER),
        (with(4, &[url, b":"]), ErrorCode::QR_HOMESERVER),
        (with(4, &[url, &[b'a'; 256]]), ErrorCode::QR_HOMESERVER),
        (with(4, &[url, b"http://matrix.org"]), ErrorCode::QR_HOMESERVER),
        (with(4, &[url, long_url.as_bytes()]), ErrorCode::QR_HOMESERVER),
        (with(4, &[url, b"\xc3\x28"]), ErrorCode::QR_CODE_TEXT),
    ] {
        assert_eq!(parse(&bytes), Err(expected), "{}", String::from_utf8_lossy(&bytes[..bytes.len().min(80)]));
    }
}

/// As large as a code and its texts can be, and one byte more.
#[test]
fn a_code_one_byte_beyond_the_limit_is_refused() {
    let url = |length: usize| format!("https://a.example/{}", "x".repeat(length - 18));
    let code = |homeserver: usize| with(4, &[url(URL_LIMIT).as_bytes(), url(homeserver).as_bytes()]);
    let largest = CODE_LIMIT - code(18).len() + 18;
    let bytes = code(largest);
    assert_eq!(bytes.len(), CODE_LIMIT);
    assert_eq!(parse(&bytes).unwrap().to_bytes(), bytes);
    let padded = base64::engine::general_purpose::STANDARD.encode(&bytes);
    assert_eq!(QrCode::from_base64(&padded, Schemes::HttpsOnly).unwrap().to_bytes(), bytes);
    assert_eq!(parse(&code(largest + 1)), Err(ErrorCode::QR_CODE_TOO_LARGE));
    assert_eq!(parse(&with(3, &[url(URL_LIMIT + 1).as_bytes()])), Err(ErrorCode::QR_CODE_TOO_LARGE));
    for (length, expected) in [(URL_LIMIT, Ok(())), (URL_LIMIT + 1, Err(ErrorCode::QR_HOMESERVER))] {
        let named = NamedHomeserver::new(&url(length), Schemes::HttpsOnly);
        assert_eq!(named.map(|_| ()).map_err(|error| error.code()), expected);
    }
}

#[test]
fn the_id_of_a_draft_rendezvous_stands_in_a_path_as_it_is() {
    let with_id = |id: &str| {
        let mut bytes = [PREFIX_4388, &[TYPE_4388, INTENT_LOGIN], &[7; 32]].concat();
        push(&mut bytes, id);
        push(&mut bytes, "https://a.example");
        parse(&bytes).map(|_| ())
    };
    for id in ["a", "A-b.c_d~9", "...", &"x".repeat(255)] {
        assert_eq!(with_id(id), Ok(()), "{id}");
    }
    for id in ["", ".", "..", "a/b", "a?b", "a b", "%2e", "\u{e9}"] {
        assert_eq!(with_id(id), Err(ErrorCode::QR_CODE_TEXT), "{id}");
    }
    assert_eq!(with_id(&"x".repeat(256)), Err(ErrorCode::QR_CODE_VERSION));
    let too_long = RendezvousId::new(&"x".repeat(256), "https://a.example", Schemes::HttpsOnly).unwrap_err();
    assert_eq!(too_long.code(), ErrorCode::QR_CODE_TEXT);
}

#[test]
fn http_on_loopback_is_a_named_choice() {
    for url in ["http://127.0.0.1:8008/r", "http://localhost/r", "http://[::1]:1/r"] {
        let bytes = with(4, &[url.as_bytes(), url.as_bytes()]);
        let code = QrCode::from_bytes(&bytes, Schemes::DangerousHttpOnLoopback).unwrap();
        assert_eq!(code.to_bytes(), bytes);
    }
    let remote = with(3, &[b"http://10.0.0.1/r"]);
    let error = QrCode::from_bytes(&remote, Schemes::DangerousHttpOnLoopback).unwrap_err();
    assert_eq!((error.code(), error.field()), (ErrorCode::QR_CODE_URL, Some("rendezvous URL")));
}

#[test]
fn a_code_is_read_from_base64_with_or_without_padding() {
    let text = QrCode::from_bytes(&login(), Schemes::HttpsOnly).unwrap().to_base64();
    let padded = base64::engine::general_purpose::STANDARD.encode(login());
    for accepted in [text.clone(), padded] {
        assert_eq!(QrCode::from_base64(&accepted, Schemes::HttpsOnly).unwrap().to_bytes(), login());
    }
    for refused in [format!("{text}!"), format!(" {text}"), text.replace('T', "_"), "=".into()] {
        let error = QrCode::from_base64(&refused, Schemes::HttpsOnly).unwrap_err();
        assert_eq!(error.code(), ErrorCode::QR_CODE_TEXT, "{refused}");
    }
    let error = QrCode::from_base64(&"A".repeat(4000), Schemes::HttpsOnly).unwrap_err();
    assert_eq!(error.code(), ErrorCode::QR_CODE_TOO_LARGE);
}

/// Whoever reads a log shall not find the rendezvous there.
#[test]
fn nothing_shows_where_the_devices_meet() {
    for bytes in [login(), reciprocate(), draft()] {
        let code = parse(&bytes).unwrap();
        let shown = format!("{code:?} {:?}", code.rendezvous_address());
        assert!(!shown.contains("e8da6355") && !shown.contains("01HX9K00"), "{shown}");
    }
}
