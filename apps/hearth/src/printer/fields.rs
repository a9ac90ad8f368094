//! `--json=a,b`: the selected fields of a result, checked against the fields of its type.

use std::str::FromStr;

use hearth_base::{Error, Result};
use indexmap::IndexMap;
use serde::{
    Serialize,
    de::{DeserializeOwned, Deserializer, Visitor, value::Error as NotReally},
    forward_to_deserialize_any,
};
use serde_json::Value;

/// The selected fields; an empty list means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<String>);

impl FromStr for Fields {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(Self(text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()))
    }
}

impl Fields {
    /// Resolves the selected fields of `T` in the given order; refuses an unknown field.
    pub fn resolve_fields<T: DeserializeOwned>(&self) -> Result<Vec<&'static str>> {
        let field_names = list_field_names::<T>();
        let Self(selected) = self;
        let find = |name: &String| {
            field_names.iter().find(|known| *known == name).copied().ok_or_else(|| {
                let all = field_names.join(",");
                Error::invalid("unknown-field", format!("{name:.40?} is not a field of this result"))
                    .and_message(format!("The fields are {}.", field_names.join(", ")))
                    .help(format!("--json={all}"))
            })
        };
        selected.iter().map(find).collect()
    }
}

/// Converts `value` to JSON with these fields only, in this order. An absent field is `null`.
pub fn select_fields<'a, T: Serialize>(value: &T, fields: &[&'a str]) -> Result<IndexMap<&'a str, Value>> {
    let mut all = serde_json::to_value(value).map_err(Error::internal)?;
    Ok(fields.iter().map(|name| (*name, all.get_mut(name).map_or(Value::Null, Value::take))).collect())
}

/// Lists the field names of a struct from its `Deserialize` implementation.
fn list_field_names<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    let _always_an_error = T::deserialize(FieldNameRecorder(&mut names));
    names
}

/// A deserializer without a value that records the requested field names.
struct FieldNameRecorder<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNameRecorder<'_> {
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
    fn unknown_field_lists_the_known_fields() {
        let error = "name,rle".parse::<Fields>().and_then(|fields| fields.resolve_fields::<Member>()).err();
        let sentences = error.map(|error| error.public_messages().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(
            sentences,
            Some(vec![
                "\"name\" is not a field of this result".to_owned(),
                "The fields are user, role, since, pending.".to_owned()
            ])
        );
    }

    #[test]
    fn fields_keep_the_requested_order_and_absent_ones_are_null() -> Result<(), Box<dyn std::error::Error>> {
        let fields = "role,waits_for,name".parse::<Fields>()?.resolve_fields::<Tool>()?;
        let value = select_fields(&serde_json::json!({"name": "a", "id": 1, "role": "owner"}), &fields)?;
        let json = serde_json::to_string(&value)?;
        assert_eq!(json, r#"{"role":"owner","waits_for":null,"name":"a"}"#);
        Ok(())
    }
}
