use super::*;

#[test]
fn nonces_count_from_zero_in_little_endian_and_never_come_twice() {
    let mut direction = Direction { key: Zeroizing::new([1; 32]), next: Some(0) };
    assert_eq!(direction.cipher().unwrap().1.as_slice(), [0; 12]);
    assert_eq!(direction.cipher().unwrap().1.as_slice(), [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    direction.next = Some(u64::MAX);
    assert_eq!(direction.cipher().unwrap().1.as_slice(), [255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]);
    assert_eq!(direction.seal("text"), Err(ErrorCode::QR_CHANNEL_EXHAUSTED));
    assert_eq!(direction.open(vec![0; 3]).unwrap_err(), ErrorCode::QR_CHANNEL_EXHAUSTED);
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
