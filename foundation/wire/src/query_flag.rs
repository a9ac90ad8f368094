//! Boolean query parameters: `true` and `false` in any case, `1` and `0`, `yes` and `no`, as clients in
//! several languages write them. A name without a value is true.

use serde::{Deserialize, Deserializer, de::Error};

/// Deserializes a boolean query parameter.
pub(crate) fn deserialize_flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    parse_flag(&String::deserialize(deserializer)?)
}

/// Deserializes an optional boolean query parameter.
pub(crate) fn deserialize_optional_flag<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<bool>, D::Error> {
    Option::<String>::deserialize(deserializer)?.map(|text| parse_flag(&text)).transpose()
}

fn parse_flag<E: Error>(text: &str) -> Result<bool, E> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(E::custom("expected true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_flag;

    #[test]
    fn flags_accept_the_forms_of_all_clients() {
        let read = |text| parse_flag::<serde::de::value::Error>(text).ok();
        assert_eq!(["True", "true", "1", "yes", ""].map(read), [Some(true); 5]);
        assert_eq!(["False", "false", "0", "NO"].map(read), [Some(false); 4]);
        assert_eq!(read("maybe"), None);
    }
}
