//! Structs that are read from an object by a table of their members. A derived reader would bring, for each member, a
//! comparison of names and a branch, and modules for browsers are to be small.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// Where the value of a member goes.
pub(crate) trait Slot<'de, A: MapAccess<'de>> {
    /// Reads the next value of the object.
    fn read(&mut self, object: &mut A) -> Result<(), A::Error>;
}

impl<'de, A: MapAccess<'de>, T: Deserialize<'de>> Slot<'de, A> for T {
    fn read(&mut self, object: &mut A) -> Result<(), A::Error> {
        *self = object.next_value()?;
        Ok(())
    }
}

/// Reads the members that have these names. Others are ignored; one that stands twice is refused.
pub(crate) fn read<'de, A: MapAccess<'de>>(
    names: &'static [&'static str],
    slots: &mut [&mut dyn Slot<'de, A>],
    mut object: A,
) -> Result<(), A::Error> {
    let mut seen = 0_u32;
    while let Some(at) = object.next_key_seed(Name(names))? {
        let slot = at.and_then(|at| Some((at, slots.get_mut(at)?)));
        let Some((at, slot)) = slot else {
            object.next_value::<IgnoredAny>()?;
            continue;
        };
        if seen & 1 << at != 0 {
            return Err(A::Error::duplicate_field(names.get(at).copied().unwrap_or_default()));
        }
        seen |= 1 << at;
        slot.read(&mut object)?;
    }
    Ok(())
}

/// The place of a name among these.
#[derive(Clone, Copy)]
struct Name(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<usize>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("field identifier")
    }

    #[inline]
    fn visit_str<E>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|own| *own == name))
    }
}

/// Declares a struct whose members all have a value by default, and reads it from an object: by the table where the size of
/// the code counts more than its time, and by a derived reader elsewhere.
macro_rules! members {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident<'a> {
            $( $(#[$doc:meta])* $field_vis:vis $field:ident $(as $json:literal)? : $type:ty, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Default, serde::Deserialize)]
        #[serde(remote = "Self", bound(deserialize = "'de: 'a"))]
        $vis struct $name<'a> {
            $(
                $(#[$doc])*
                #[serde(default $(, rename = $json)?)]
                $field_vis $field: $type,
            )*
        }

        impl<'a> $name<'a> {
            fn by_table<'de: 'a, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Own<'a>(std::marker::PhantomData<$name<'a>>);

                impl<'de: 'a, 'a> serde::de::Visitor<'de> for Own<'a> {
                    type Value = $name<'a>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
                        let mut own = $name::default();
                        let names = const { &[$( $crate::base::json::members::members!(@ $field $($json)?) ),*] };
                        $crate::base::json::members::read(names, &mut [$(&mut own.$field),*], object)?;
                        Ok(own)
                    }
                }

                deserializer.deserialize_map(Own(std::marker::PhantomData))
            }
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            #[inline]
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match $crate::base::small::IS_SMALL {
                    true => Self::by_table(deserializer),
                    // The derived one.
                    false => Self::deserialize(deserializer),
                }
            }
        }
    };
    (@ $field:ident) => { stringify!($field) };
    (@ $field:ident $json:literal) => { $json };
}
pub(crate) use members;

#[cfg(test)]
mod tests {
    use crate::base::json::objects::typed;
    use crate::base::json::plain::plain;
    use crate::base::json::scalar::Scalar;

    members! {
        #[derive(Debug, PartialEq)]
        struct Both<'a> {
            a: Option<bool>,
            /// With a name that is no identifier.
            usage as "use": Scalar<'a>,
            text: Option<String>,
            long_name: Option<Vec<u8>>,
        }
    }

    /// Read by the table.
    #[derive(Debug, PartialEq)]
    struct Small<'a>(Both<'a>);

    impl<'de: 'a, 'a> serde::Deserialize<'de> for Small<'a> {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Both::by_table(deserializer).map(Self)
        }
    }

    #[test]
    fn the_table_reads_what_the_derived_reader_reads() {
        for (text, is_good) in [
            (r#"{}"#, true),
            (r#"{"a":true,"use":"x","text":"y","long_name":[1,2]}"#, true),
            (r#"{"long_name":null,"text":null,"use":null,"a":null}"#, true),
            (r#"{"other":{"a":1},"use":{"a":1},"b":[[]],"usage":1}"#, true),
            (r#"{"\u0061":false,"text":"\n"}"#, true),
            (r#"{"other":1,"other":2}"#, true),
            (r#"{"a":true,"a":true}"#, false),
            (r#"{"a":true,"\u0061":true}"#, false),
            (r#"{"use":1,"use":1}"#, false),
            (r#"{"a":1}"#, false),
            (r#"{"long_name":[256]}"#, false),
            (r#"{"text":[]}"#, false),
            (r#"[true,"x","y",[1]]"#, false),
            (r#"{"a":true"#, false),
            (r#"{"a":true}}"#, false),
        ] {
            let plain = plain(text.as_bytes());
            let text = std::str::from_utf8(&plain).unwrap();
            let (both, small) = (typed::<Both<'_>>(text), typed::<Small<'_>>(text));
            assert_eq!(both.is_ok(), is_good, "{text}");
            match (both, small) {
                (Ok(both), Ok(small)) => assert_eq!(both, small.0, "{text}"),
                (Err(both), Err(small)) => {
                    // They name what they expect in words of their own.
                    let found =
                        |error: serde_json::Error| error.to_string().split(", expected ").next().map(str::to_owned);
                    assert_eq!(found(both), found(small), "{text}");
                }
                _ => panic!("{text}"),
            }
        }
    }
}
