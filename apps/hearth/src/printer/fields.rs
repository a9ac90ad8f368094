//! `--json=a,b`: which fields of a result are wanted, checked against those that its type has.

use std::str::FromStr;

use hearth_base::{Error, Result};
use indexmap::IndexMap;
use serde::{
    Serialize,
    de::{DeserializeOwned, Deserializer, Visitor, value::Error as NotReally},
    forward_to_deserialize_any,
};
use serde_json::Value;

/// The fields that are wanted; none named means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<String>);

impl FromStr for Fields {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(Self(text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()))
    }
}

impl Fields {
    /// The wanted fields of `T`, in the order in which they were named; an unknown one is refused.
    pub fn of<T: DeserializeOwned>(&self) -> Result<Vec<&'static str>> {
        let known = known::<T>();
        let Self(wanted) = self;
        let find = |name: &String| {
            known.iter().find(|known| *known == name).copied().ok_or_else(|| {
                let all = known.join(",");
                Error::invalid("unknown-field", format!("{name:.40?} is not a field of this result"))
                    .also(format!("The fields are {}.", known.join(", ")))
                    .help(format!("--json={all}"))
            })
        };
        wanted.iter().map(find).collect()
    }
}

/// `value` as JSON with these fields only, in this order. A field without a value is `null`.
pub fn select<'a, T: Serialize>(value: &T, fields: &[&'a str]) -> Result<IndexMap<&'a str, Value>> {
    let mut all = serde_json::to_value(value).map_err(Error::internal)?;
    Ok(fields.iter().map(|name| (*name, all.get_mut(name).map_or(Value::Null, Value::take))).collect())
}

/// The names of a struct's fields, as its own reader asks for them.
fn known<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    let _it_reads_nothing = T::deserialize(Asked(&mut names));
    names
}

/// Holds no value: it only notes which fields are asked for.
struct Asked<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = NotReally;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NotReally> {
        Err(serde::de::Error::custom("there is no value"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NotReally> {
        let Self(names) = self;
        *names = fields;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use hearth_wire::tools::{Member, Tool};

    use super::*;

    #[test]
    fn an_unknown_field_lists_the_known() {
        let error = "name,rle".parse::<Fields>().and_then(|fields| fields.of::<Member>()).err();
        let sentences = error.map(|error| error.sentences().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(
            sentences,
            Some(vec![
                "\"name\" is not a field of this result".to_owned(),
                "The fields are user, role, since.".to_owned()
            ])
        );
    }

    #[test]
    fn fields_come_in_the_order_wanted_and_absent_ones_are_null() -> Result<(), Box<dyn std::error::Error>> {
        let fields = "role,waits_for,name".parse::<Fields>()?.of::<Tool>()?;
        let value = select(&serde_json::json!({"name": "a", "id": 1, "role": "owner"}), &fields)?;
        let json = serde_json::to_string(&value)?;
        assert_eq!(json, r#"{"role":"owner","waits_for":null,"name":"a"}"#);
        Ok(())
    }
}
