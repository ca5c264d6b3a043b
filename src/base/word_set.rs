//! Sets of known words: arrays of strings in metadata become a few bits.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::json::{Scalar, unreadable};
use crate::error::{Error, ErrorCode, Quote};

/// A word that the standards define, for example a grant type. Only types of this crate implement it.
pub trait Word: sealed::Sealed + Copy + fmt::Debug + 'static {
    /// All words of this type.
    const ALL: &'static [Self];

    /// The word as the standards spell it.
    fn name(self) -> &'static str;
}

pub(crate) mod sealed {
    /// Implemented by the words of this crate, which are at most 32 for each type.
    pub trait Sealed: Sized {
        /// The word that is spelled like this: found by its length first, not by one comparison after the other.
        fn find(text: &str) -> Option<Self>;

        /// Its place among the words of its type.
        fn index(self) -> u32;
    }
}

/// A set of known words. Unknown words are dropped; [`Words::has_unknown`] says whether there were any.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Words<W>(u32, bool, PhantomData<W>);

impl<W: Word> Words<W> {
    /// The empty set.
    pub const EMPTY: Self = Self(0, false, PhantomData);

    /// The set of exactly these words.
    pub fn of(words: &[W]) -> Self {
        words.iter().fold(Self::EMPTY, |set, &word| set.with(word))
    }

    /// This set with one more word.
    #[must_use]
    pub fn with(self, word: W) -> Self {
        Self(self.0 | 1 << word.index(), self.1, PhantomData)
    }

    /// Whether the word is in the set.
    pub fn contains(self, word: W) -> bool {
        self.0 & (1 << word.index()) != 0
    }

    /// The known words that are in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0, false, PhantomData)
    }

    /// Whether the set has no known word.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the array also had words that this crate does not know.
    pub fn has_unknown(self) -> bool {
        self.1
    }

    /// The known words, in the order of [`Word::ALL`].
    pub fn iter(self) -> impl Iterator<Item = W> {
        W::ALL.iter().copied().filter(move |&word| self.contains(word))
    }
}

impl<W: Word> FromIterator<W> for Words<W> {
    fn from_iter<I: IntoIterator<Item = W>>(words: I) -> Self {
        words.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl<W: Word> Default for Words<W> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<W: Word> fmt::Debug for Words<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Word::name)).finish()
    }
}

impl<'de, W: Word> Deserialize<'de> for Words<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect<W>(PhantomData<W>);

        impl<'de, W: Word> Visitor<'de> for Collect<W> {
            type Value = Words<W>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of strings")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut set = Words::EMPTY;
                while let Some(known) = seq.next_element::<Known<W>>()? {
                    match known {
                        Known(Some(word)) => set = set.with(word),
                        Known(None) => set.1 = true,
                    }
                }
                Ok(set)
            }
        }

        deserializer.deserialize_seq(Collect(PhantomData))
    }
}

/// A list of words as a stranger writes it: members that are not words are passed over, and one word stands for a list
/// of it.
pub(crate) enum Listed<W> {
    Words(Words<W>),
    /// One word without a list.
    Word(Words<W>),
    /// Something else than a list or a word.
    Unreadable,
}

impl<W> Listed<W> {
    /// The words, if they can be read.
    pub(crate) fn words(self) -> Option<Words<W>> {
        match self {
            Self::Words(words) | Self::Word(words) => Some(words),
            Self::Unreadable => None,
        }
    }
}

impl<'de, W: Word> Deserialize<'de> for Listed<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<W>(PhantomData<W>);

        impl<W: Word> Any<W> {
            fn add(set: Words<W>, text: &str) -> Words<W> {
                match W::find(text) {
                    Some(word) => set.with(word),
                    None => Words(set.0, true, PhantomData),
                }
            }
        }

        impl<'de, W: Word> Visitor<'de> for Any<W> {
            type Value = Listed<W>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of strings")
            }

            unreadable!(Listed::Unreadable);

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Listed::Word(Self::add(Words::EMPTY, text)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut set = Words::EMPTY;
                while let Some(member) = seq.next_element::<Scalar<'de>>()? {
                    set = Self::add(set, member.text().as_deref().unwrap_or_default());
                }
                Ok(Listed::Words(set))
            }
        }

        deserializer.deserialize_any(Any(PhantomData))
    }
}

/// One word, looked up where it stands: no string is made of it.
struct Known<W>(Option<W>);

impl<'de, W: Word> Deserialize<'de> for Known<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Find<W>(PhantomData<W>);

        impl<W: Word> Visitor<'_> for Find<W> {
            type Value = Known<W>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Known(W::find(text)))
            }
        }

        deserializer.deserialize_str(Find(PhantomData))
    }
}

/// The error of a text that is none of these words.
pub(crate) fn unknown_word<W: Word>(text: &str) -> Error {
    let names: Vec<_> = W::ALL.iter().map(|word| word.name()).collect();
    let error = Error::new(ErrorCode::WORD_UNKNOWN).with_found(Quote::caller(text));
    error.with_expected(Quote::library(format_args!("one of {}", names.join(", "))))
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $( $(#[$word_doc:meta])* $word:ident = $text:literal, )* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $( #[doc = concat!("`", $text, "`.")] $(#[$word_doc])* $word, )* }

        impl $crate::base::word_set::sealed::Sealed for $name {
            fn find(text: &str) -> Option<Self> { Self::from_name(text) }

            fn index(self) -> u32 { self as u32 }
        }

        // A set is 32 bits.
        const _: () = assert!(<$name as $crate::base::word_set::Word>::ALL.len() <= 32);

        impl $crate::base::word_set::Word for $name {
            const ALL: &'static [Self] = &[$( Self::$word, )*];

            fn name(self) -> &'static str { Self::name(self) }
        }

        impl $name {
            /// The word as the standards spell it.
            pub const fn name(self) -> &'static str { match self { $( Self::$word => $text, )* } }

            /// The word that is spelled like this; `None` if this crate does not know it.
            /// `from_str` has an error instead.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $( $text => Some(Self::$word), )* _ => None }
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::error::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::from_name(text).ok_or_else(|| $crate::base::word_set::unknown_word::<Self>(text))
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result { f.write_str(self.name()) }
        }
    };
}
pub(crate) use words;
