//! Values of bodies, read tolerantly: what has another type than the platform publishes is as good as absent, since the
//! rest of the body is worth more than it. Null is as good as absent too.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::texts::Texts;
use crate::model::time::UtcMicros;

/// A text: borrowed from the body unless the JSON had escapes in it. Absent: empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As kept text: the one that was kept before if it is the same.
    pub(crate) fn kept(&self, before: Option<&Arc<str>>, texts: &mut Texts) -> Arc<str> {
        match before {
            Some(before) if **before == *self.0 => Arc::clone(before),
            _ => texts.keep(&self.0),
        }
    }

    /// As an id: `None` if absent, the one that was kept before if it is the same.
    pub(crate) fn kept_id<Id>(&self, before: Option<&Id>) -> Option<Id>
    where
        Id: Clone + std::borrow::Borrow<str> + for<'t> From<&'t str>,
    {
        match before {
            _ if self.0.is_empty() => None,
            Some(before) if before.borrow() == &*self.0 => Some(before.clone()),
            _ => Some(Id::from(&*self.0)),
        }
    }
}

/// What a visitor makes of values that it does not want: nothing.
macro_rules! ignore {
    ($value:ty; $($visit:ident($type:ty)),+) => {$(
        fn $visit<E: Error>(self, _: $type) -> Result<$value, E> {
            Ok(Default::default())
        }
    )+};
    ($value:ty; $($visit:ident($type:ty)),+; null) => {
        ignore!($value; $($visit($type)),+);

        fn visit_unit<E: Error>(self) -> Result<$value, E> {
            Ok(Default::default())
        }
    };
}

macro_rules! ignore_list {
    ($value:ty) => {
        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<$value, A::Error> {
            IgnoredAny::deserialize(SeqAccessDeserializer::new(list))?;
            Ok(Default::default())
        }
    };
}

macro_rules! ignore_object {
    ($value:ty) => {
        fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<$value, A::Error> {
            IgnoredAny::deserialize(MapAccessDeserializer::new(object))?;
            Ok(Default::default())
        }
    };
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            ignore!(Text<'de>; visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64); null);
            ignore_list!(Text<'de>);
            ignore_object!(Text<'de>);
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// A time. A text that is not a time is absent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Time(pub(crate) Option<UtcMicros>);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|text| Self(UtcMicros::from_iso(text.as_str())))
    }
}

/// Yes or no.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct YesNo(pub(crate) Option<bool>);

impl<'de> Deserialize<'de> for YesNo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct YesNoVisitor;
        impl<'de> Visitor<'de> for YesNoVisitor {
            type Value = YesNo;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E: Error>(self, yes: bool) -> Result<YesNo, E> {
                Ok(YesNo(Some(yes)))
            }

            ignore!(YesNo; visit_str(&str), visit_i64(i64), visit_u64(u64), visit_f64(f64); null);
            ignore_list!(YesNo);
            ignore_object!(YesNo);
        }
        deserializer.deserialize_any(YesNoVisitor)
    }
}

/// A whole number.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Whole(pub(crate) Option<i64>);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WholeVisitor;
        impl<'de> Visitor<'de> for WholeVisitor {
            type Value = Whole;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Whole, E> {
                Ok(Whole(Some(number)))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Whole, E> {
                Ok(Whole(i64::try_from(number).ok()))
            }

            ignore!(Whole; visit_str(&str), visit_bool(bool), visit_f64(f64); null);
            ignore_list!(Whole);
            ignore_object!(Whole);
        }
        deserializer.deserialize_any(WholeVisitor)
    }
}

/// An array; what is none is empty.
#[derive(Debug)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    if items.is_empty() {
                        // Most have one, and some of what they are of is large.
                        items.reserve_exact(1);
                    }
                    items.push(item);
                }
                Ok(List(items))
            }

            ignore!(List<T>; visit_str(&str), visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64); null);
            ignore_object!(List<T>);
        }
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

/// An object; what is none has nothing in it.
#[derive(Debug, Default)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(object)).map(Object)
            }

            ignore!(Object<T>; visit_str(&str), visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64); null);
            ignore_list!(Object<T>);
        }
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

/// A reference to something: its id and name, either perhaps absent.
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub(crate) struct Reference<'a> {
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
}

/// The texts of an object's members, in order, as `attributes` has them.
#[derive(Debug, Default)]
pub(crate) struct Pairs<'a>(pub(crate) Vec<(Text<'a>, Text<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = object.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }

            ignore!(Pairs<'de>; visit_str(&str), visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64); null);
            ignore_list!(Pairs<'de>);
        }
        deserializer.deserialize_any(PairsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct All<'a> {
        #[serde(borrow)]
        text: Text<'a>,
        time: Time,
        yes: YesNo,
        whole: Whole,
        #[serde(borrow)]
        list: List<Text<'a>>,
        #[serde(borrow)]
        object: Object<Reference<'a>>,
        #[serde(borrow)]
        pairs: Pairs<'a>,
    }

    #[test]
    fn a_value_of_another_type_is_as_good_as_absent() {
        for odd in [
            "null",
            "true",
            "-7",
            "7",
            "1.5",
            "\"x\"",
            "[1,[2]]",
            r#"{"a":{"b":1}}"#,
        ] {
            let body = format!(
                r#"{{"text":{odd},"time":{odd},"yes":{odd},"whole":{odd},"list":{odd},"object":{odd},"pairs":{odd},"last":1}}"#
            );
            let all: All<'_> = serde_json::from_str(&body).unwrap_or_else(|e| panic!("{odd}: {e}"));
            assert_eq!(all.text.as_str(), if odd == "\"x\"" { "x" } else { "" });
            assert_eq!(all.time.0, None);
            assert_eq!(all.yes.0, (odd == "true").then_some(true));
            assert_eq!(all.whole.0, odd.parse().ok());
            assert_eq!(all.list.0.len(), if odd.starts_with('[') { 2 } else { 0 });
            assert!(all.object.0.id.is_empty());
            assert_eq!(all.pairs.0.len(), usize::from(odd.starts_with('{')));
        }
    }
}
