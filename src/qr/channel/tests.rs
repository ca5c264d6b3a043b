use super::*;
use crate::base::counting_env::CountingEnv;

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
    let mut env = CountingEnv::default();
    let none = AssociatedData::none();
    for point in points {
        let ecies = format!("AAAAAAAAAAAAAAAAAAAAAA|{}", STANDARD_NO_PAD.encode(point));
        let hpke = STANDARD_NO_PAD.encode([&point[..], &[0; 16]].concat());
        for (proposal, first) in [(Proposal::Msc4108, ecies), (Proposal::Msc4388, hpke)] {
            let error = Initiated::new(proposal, &point, &none, &mut env).map(|_| ()).unwrap_err();
            assert_eq!(error.code(), ErrorCode::QR_CHANNEL_KEY, "{point:?}");
            let generator = Generator::new(proposal, &mut env);
            let error = generator.receive(&first, &none, &none, &mut env).map(|_| ()).unwrap_err();
            assert_eq!(error.code(), ErrorCode::QR_CHANNEL_KEY, "{point:?}");
        }
    }
}

/// The one who types the code in has no way to see it first: nothing of this state shows anything.
#[test]
fn nothing_shows_keys_or_codes() {
    let none = AssociatedData::none();
    for proposal in [Proposal::Msc4108, Proposal::Msc4388] {
        let mut env = CountingEnv::default();
        let generator = Generator::new(proposal, &mut env);
        let (initiated, first) = Initiated::new(proposal, generator.public_key(), &none, &mut env).unwrap();
        let shown = format!("{generator:?} {initiated:?}");
        assert_eq!(shown, "Generator(…) Initiated(…)");
        let (unconfirmed, response) = generator.receive(&first, &none, &none, &mut env).unwrap();
        let (channel, check_code) = initiated.receive(&response, &none).unwrap();
        let mut shown = format!("{unconfirmed:?} {channel:?} {check_code:?} {none:?}");
        shown += &format!("{:?}", channel.open("", &none).unwrap_err());
        assert!(!shown.contains(&check_code.digits()), "{shown}");
    }
}
