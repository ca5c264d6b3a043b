use super::*;

#[test]
fn check_codes_are_two_digits() {
    for (bytes, digits) in [([0, 0], "00"), ([9, 9], "99"), ([255, 255], "55"), ([10, 11], "01"), ([7, 0], "70")] {
        let code = CheckCode::with_leading_zero(bytes);
        assert_eq!(code.digits(), digits);
        assert!(CheckCode::parse(digits).unwrap().is_same(&code));
    }
    for (bytes, digits) in [([0, 0], "10"), ([8, 9], "99"), ([255, 255], "45"), ([9, 11], "11")] {
        assert_eq!(CheckCode::without_leading_zero(bytes).digits(), digits);
    }
    assert_eq!(CheckCode::parse(" 07\n").unwrap().digits(), "07");
    for wrong in ["", "7", "007", "0 7", "ab", "-7", "+7", "\u{0667}\u{0667}", "7\u{0}"] {
        let error = CheckCode::parse(wrong).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::QR_CHECK_CODE_SYNTAX, "{wrong}");
    }
}
