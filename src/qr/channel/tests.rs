use super::*;
use crate::testing::TestEnv;

#[test]
fn check_codes_are_two_digits() {
    for (bytes, digits) in [([0, 0], "00"), ([9, 9], "99"), ([255, 255], "55"), ([10, 11], "01"), ([7, 0], "70")] {
        let code = CheckCode::new(bytes);
        assert_eq!(code.digits(), digits);
        assert_eq!(CheckCode::parse(digits).unwrap().0, code.0);
    }
    assert_eq!(CheckCode::parse(" 07\n").unwrap().digits(), "07");
    for wrong in ["", "7", "007", "0 7", "ab", "-7", "+7", "\u{0667}\u{0667}", "7\u{0}"] {
        assert_eq!(CheckCode::parse(wrong).unwrap_err().code(), ErrorCode::QR_CHECK_CODE_SYNTAX, "{wrong}");
    }
}

#[test]
fn nonces_count_from_zero_in_little_endian_and_never_come_twice() {
    let mut direction = Direction { key: Zeroizing::new([1; 32]), next: Some(0) };
    assert_eq!(direction.cipher().unwrap().1.as_slice(), [0; 12]);
    assert_eq!(direction.cipher().unwrap().1.as_slice(), [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    direction.next = Some(u64::MAX);
    assert_eq!(direction.cipher().unwrap().1.as_slice(), [255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]);
    assert_eq!(direction.seal("text"), Err(ErrorCode::QR_CHANNEL_EXHAUSTED));
    assert_eq!(direction.open("AAAA").unwrap_err(), ErrorCode::QR_CHANNEL_EXHAUSTED);
}

/// The points of low order on the curve and its twist, and their other spellings (RFC 7748 section 6.1).
#[test]
fn keys_of_low_order_are_refused_in_both_roles() {
    let mut points = vec![[0; 32], [0; 32], [0xff; 32], [0xff; 32], [0xff; 32]];
    points[1][0] = 1;
    for (point, first) in points[2..].iter_mut().zip([0xec, 0xed, 0xee]) {
        (point[0], point[31]) = (first, 0x7f);
    }
    for text in ["4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA", "X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc"] {
        points.push(base64_any_padding(text).unwrap().try_into().unwrap());
    }
    let mut env = TestEnv::seeded(1);
    for point in points {
        let error = Initiated::new(&point, &mut env).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::QR_CHANNEL_KEY, "{point:?}");
        let first = format!("AAAAAAAAAAAAAAAAAAAAAA|{}", STANDARD_NO_PAD.encode(point));
        let error = Generator::new(&mut env).receive(&first).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::QR_CHANNEL_KEY, "{point:?}");
    }
}

/// What holds a key is wiped when it is dropped: by its type, which features of other crates decide.
#[test]
fn keys_are_wiped_when_they_are_dropped() {
    fn wiped<T: zeroize::ZeroizeOnDrop>() {}
    wiped::<EphemeralSecret>();
    wiped::<SharedSecret>();
    // What HKDF keeps.
    wiped::<<Sha512 as sha2::digest::block_api::CoreProxy>::Core>();
    wiped::<Zeroizing<[u8; 32]>>();
    wiped::<ChaCha20Poly1305>();
    wiped::<Zeroizing<u8>>();
    const { assert!(std::mem::needs_drop::<CheckCode>()) };
}

/// The one who types the code in has no way to see it first: nothing of this state shows anything.
#[test]
fn nothing_shows_keys_or_codes() {
    let mut env = TestEnv::seeded(1);
    let generator = Generator::new(&mut env);
    let (initiated, first) = Initiated::new(generator.public_key(), &mut env).unwrap();
    let shown = format!("{generator:?} {initiated:?}");
    assert_eq!(shown, "Generator(…) Initiated(…)");
    let (unconfirmed, response) = generator.receive(&first).unwrap();
    let (channel, check_code) = initiated.receive(&response).unwrap();
    let mut shown = format!("{unconfirmed:?} {channel:?} {check_code:?}");
    shown += &format!("{:?}", channel.open("").unwrap_err());
    assert!(!shown.contains(&check_code.digits()), "{shown}");
}
