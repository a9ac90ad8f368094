//! Values that are their text wherever they are written down.

/// Lets types with `Display` and `FromStr<Err = Error>` be serialised as their text, with serde. Inside a document
/// there is no other place for what to do next, so a refusal carries it too.
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
                let told = |error: $crate::Error| match error.next() {
                    Some(next) => serde::de::Error::custom(format_args!("{error}; {next}")),
                    None => serde::de::Error::custom(error),
                };
                <std::borrow::Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(told)
            }
        }
    )*};
}
