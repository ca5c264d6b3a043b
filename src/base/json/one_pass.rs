//! JSON in one pass: `serde_json` reads the document, and a [`Deserializer`] around it sees each name and each nested
//! value on the way into the typed value.
//!
//! ```text
//! Watched ─▶ serde_json ─▶ WatchedVisitor ─▶ the visitor of the typed value
//!                            │ an object: its names are collected, and compared at its end
//!                            └ an object or array: each value in it is Watched again
//! ```
//!
//! [`parse`] accepts only documents that [`check_bounds`] and `serde_json` accept, too. It may fail
//! for other reasons: a name can hold an escape, and a type can ask for something that is not
//! watched here. The caller then parses again in two passes, which also find the error.

use std::fmt;

use serde::Deserialize;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::bounds::{DEPTH_LIMIT, check_bounds};
use super::names::{Name, Names};
use super::strings::holds;

/// Parses one document; `None` if it must be parsed in two passes. Names are compared in the outermost `levels`.
#[inline]
pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str, levels: usize) -> Option<T> {
    let mut open = Open { names: Names::default(), depth: 0, levels, has_duplicates: false };
    let mut document = serde_json::Deserializer::from_str(text);
    // Not taken out of its result before its end is seen: values are large, and moved at each step.
    let value = T::deserialize(Watched { inner: &mut document, open: &mut open });
    if document.end().is_err() || open.has_duplicates { None } else { value.ok() }
}

/// The objects and arrays that have begun and not ended.
struct Open<'de> {
    /// The names of these objects.
    names: Names<'de>,
    depth: usize,
    levels: usize,
    /// In one of these objects or in one before a name stands twice.
    has_duplicates: bool,
}

impl Open<'_> {
    fn enter<E: Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT { Err(refused()) } else { Ok(()) }
    }

    /// Ends an object whose names begin at `first`.
    fn leave_object(&mut self, first: usize) {
        self.depth -= 1;
        self.has_duplicates |= self.names.end_object(first);
    }

    /// Whether a value that nobody reads keeps the rules.
    fn accepts(&self, raw: &str) -> bool {
        // `[` and `{` differ in one bit.
        let is_nested = |rest: &[u8]| holds(rest, |byte| byte | 0x20 == b'{');
        match raw.as_bytes().split_first() {
            Some((b'[', rest)) if !is_nested(rest) => self.depth < DEPTH_LIMIT,
            Some((b'{' | b'[', _)) => check_bounds(raw.as_bytes(), self.depth, self.levels).is_ok(),
            _ => true,
        }
    }
}

/// The second pass says why.
fn refused<E: Error>() -> E {
    E::custom("")
}

/// A value of the document.
struct Watched<'o, 'de, D> {
    inner: D,
    open: &'o mut Open<'de>,
}

/// Passes a method on, with the visitor watched.
macro_rules! watched {
    ($($method:ident ( $($name:ident : $type:ty),* );)*) => { $(
        #[inline]
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method($($name,)* WatchedVisitor { visitor, open: self.open })
        }
    )* };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Watched<'_, 'de, D> {
    type Error = D::Error;

    watched! {
        deserialize_any();
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(length: usize);
        deserialize_tuple_struct(name: &'static str, length: usize);
        deserialize_map();
        deserialize_identifier();
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        // `RawValue`, whose content would not be seen.
        if name.starts_with('$') {
            return Err(refused());
        }
        self.inner.deserialize_newtype_struct(name, WatchedVisitor { visitor, open: self.open })
    }

    /// From an object only, as in [`Objects`](super::objects::Objects).
    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_map(WatchedVisitor { visitor, open: self.open })
    }

    /// The content of a variant would not be seen.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, D::Error> {
        Err(refused())
    }

    /// `serde_json` reads strings with half characters as bytes.
    fn deserialize_bytes<V: Visitor<'de>>(self, _: V) -> Result<V::Value, D::Error> {
        Err(refused())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, _: V) -> Result<V::Value, D::Error> {
        Err(refused())
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let raw = <&RawValue>::deserialize(self.inner)?;
        if self.open.accepts(raw.get()) { visitor.visit_unit() } else { Err(refused()) }
    }
}

struct WatchedVisitor<'o, 'de, V> {
    visitor: V,
    open: &'o mut Open<'de>,
}

/// Passes a value on that has no values inside.
macro_rules! simple {
    ($($method:ident($type:ty);)*) => { $(
        #[inline]
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$method(value)
        }
    )* };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for WatchedVisitor<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    simple! {
        visit_bool(bool);
        visit_i64(i64);
        visit_u64(u64);
        visit_f64(f64);
        visit_str(&str);
        visit_borrowed_str(&'de str);
        visit_string(String);
    }

    #[inline]
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    #[inline]
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Watched { inner, open: self.open })
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(Watched { inner, open: self.open })
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.open.enter()?;
        let value = self.visitor.visit_seq(WatchedSeq { inner, open: self.open });
        self.open.depth -= 1;
        value
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.open.enter()?;
        let first = self.open.names.len();
        let value = self.visitor.visit_map(WatchedMap { inner, open: self.open });
        self.open.leave_object(first);
        value
    }
}

struct WatchedSeq<'o, 'de, A> {
    inner: A,
    open: &'o mut Open<'de>,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for WatchedSeq<'_, 'de, A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.inner.next_element_seed(WatchedSeed { seed, open: self.open })
    }
}

struct WatchedMap<'o, 'de, A> {
    inner: A,
    open: &'o mut Open<'de>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WatchedMap<'_, 'de, A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        // A name with an escape is no `&str`: such a document is parsed in two passes.
        let Some(name) = self.inner.next_key()? else { return Ok(None) };
        if self.open.depth <= self.open.levels {
            self.open.names.push(Name::new(name));
        }
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.inner.next_value_seed(WatchedSeed { seed, open: self.open })
    }
}

/// A value that a visitor of an array or object asks for.
struct WatchedSeed<'o, 'de, T> {
    seed: T,
    open: &'o mut Open<'de>,
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for WatchedSeed<'_, 'de, T> {
    type Value = T::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<T::Value, D::Error> {
        self.seed.deserialize(Watched { inner, open: self.open })
    }
}
