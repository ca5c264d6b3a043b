//! Words of the standards in a program's own configuration.

use std::fmt::Debug;
use std::str::FromStr;

use oidc_proto::jose::Algorithm;
use oidc_proto::{AuthMethod, Deviation, Error, ErrorCode, Prompt, ResponseMode, Word};

fn reads_its_own_words<W: Word + FromStr<Err = Error> + PartialEq + Debug>() {
    for word in W::ALL {
        assert_eq!(word.name().parse::<W>().unwrap(), *word);
    }
    for wrong in ["", "nonsense", &W::ALL[0].name().to_uppercase(), &format!(" {}", W::ALL[0].name())] {
        let known = W::ALL.iter().any(|word| word.name() == wrong);
        assert!(known || wrong.parse::<W>().unwrap_err().code() == ErrorCode::WORD_UNKNOWN, "{wrong:?}");
    }
}

#[test]
fn words_are_read_from_text_exactly_as_the_standards_spell_them() {
    reads_its_own_words::<Algorithm>();
    reads_its_own_words::<AuthMethod>();
    reads_its_own_words::<Deviation>();
    reads_its_own_words::<Prompt>();
    reads_its_own_words::<ResponseMode>();
}

#[test]
fn an_unknown_word_is_told_with_those_that_are_known() {
    let error = "fragmnt".parse::<ResponseMode>().unwrap_err();
    assert_eq!(error.found().unwrap().as_str(), "fragmnt");
    let expected = error.expected().unwrap().as_str();
    assert!(ResponseMode::ALL.iter().all(|word| expected.contains(word.name())), "{expected}");
}
