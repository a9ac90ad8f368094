//! Truth values in queries: `true` and `false` in any case, `1` and `0`, `yes` and `no`, as clients of several
//! languages write them. A name without a value is true.

use serde::{Deserialize, Deserializer, de::Error};

/// A flag.
pub(crate) fn one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    read(&String::deserialize(deserializer)?)
}

/// A flag that may be absent.
pub(crate) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Option::<String>::deserialize(deserializer)?.map(|text| read(&text)).transpose()
}

fn read<E: Error>(text: &str) -> Result<bool, E> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(E::custom("write true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn flags_are_read_as_clients_write_them() {
        let read = |text| read::<serde::de::value::Error>(text).ok();
        assert_eq!(["True", "true", "1", "yes", ""].map(read), [Some(true); 5]);
        assert_eq!(["False", "false", "0", "NO"].map(read), [Some(false); 4]);
        assert_eq!(read("maybe"), None);
    }
}
