//! Serde support for types with a text form.

/// Implements serde's traits for types with `Display` and `FromStr<Err = Error>`, as their text. The error
/// text includes the next step, because a document has no other place for it.
#[macro_export]
macro_rules! as_text {
    ($($name:ty),* $(,)?) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let to_serde_error = |error: $crate::Error| match error.help_text() {
                    // The message names the rule already.
                    Some(next) if error.public_message().ends_with(next.trim_start_matches("choose ")) => {
                        serde::de::Error::custom(error)
                    }
                    Some(next) => serde::de::Error::custom(format_args!("{error}; {next}")),
                    None => serde::de::Error::custom(error),
                };
                <std::borrow::Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(to_serde_error)
            }
        }
    )*};
}
