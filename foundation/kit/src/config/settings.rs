//! Sections of the configuration that services own: a type each, declared by [`settings!`](crate::settings) in the
//! service's crate and registered in its [`Service`](crate::Service).

use std::{any::Any, collections::BTreeMap, fmt, marker::PhantomData, sync::Arc};

use serde::{
    Deserialize,
    de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor},
};
use toml::Value;

use super::document::SectionDocument;

/// One section of the configuration, implemented by [`settings!`](crate::settings).
pub trait Settings: DeserializeOwned + Default + Clone + fmt::Debug + Send + Sync + 'static {
    /// The section's name: `[jobs]`.
    const SECTION: &'static str;

    /// The documentation of the section and its keys.
    fn document() -> SectionDocument;
}

/// A section as `kit` handles it: without its type.
#[derive(Clone, Copy)]
pub struct Section {
    name: &'static str,
    read_text: fn(&str) -> Result<SectionValue, toml::de::Error>,
    read_value: fn(Value) -> Result<SectionValue, toml::de::Error>,
    document: fn() -> SectionDocument,
}

type SectionValue = Arc<dyn Any + Send + Sync>;

impl Section {
    /// The section of the settings `S`.
    pub const fn of<S: Settings>() -> Self {
        Self {
            name: S::SECTION,
            read_text: |text| {
                let whole: Only<S> = toml::from_str(text)?;
                Ok(Arc::new(whole.0))
            },
            read_value: |value| Ok(Arc::new(value.try_into::<S>()?)),
            document: S::document,
        }
    }

    /// The section's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The documentation of the section.
    pub fn document(&self) -> SectionDocument {
        (self.document)()
    }

    /// Reads the section from the text of a whole file, so that an error knows its place in it.
    pub(super) fn check_text(&self, text: &str) -> Result<(), toml::de::Error> {
        (self.read_text)(text).map(drop)
    }

    /// Reads the section from its table.
    pub(super) fn read_value(&self, value: Value) -> Result<SectionValue, toml::de::Error> {
        (self.read_value)(value)
    }
}

/// One section of a file; the others are skipped.
struct Only<S>(S);

impl<'de, S: Settings> Deserialize<'de> for Only<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OnlyVisitor(PhantomData))
    }
}

struct OnlyVisitor<S>(PhantomData<S>);

impl<'de, S: Settings> Visitor<'de> for OnlyVisitor<S> {
    type Value = Only<S>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Only<S>, A::Error> {
        let mut settings = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == S::SECTION {
                settings = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Only(settings.unwrap_or_default()))
    }
}

/// The sections that were read, by name. One that is absent has its defaults.
#[derive(Clone, Default)]
pub(super) struct Sections(BTreeMap<&'static str, SectionValue>);

impl Sections {
    pub(super) fn insert(&mut self, name: &'static str, value: SectionValue) {
        self.0.insert(name, value);
    }

    pub(super) fn get<S: Settings>(&self) -> Arc<S> {
        let value = self.0.get(S::SECTION).cloned();
        value.and_then(|value| value.downcast().ok()).unwrap_or_default()
    }

    pub(super) fn set<S: Settings>(&mut self, settings: S) {
        self.0.insert(S::SECTION, Arc::new(settings));
    }
}

impl fmt::Debug for Sections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Declares a section of the configuration: a struct that refuses unknown keys, its defaults, and what
/// `docs/configuration.md` says about it. The first paragraph of the struct's comment stands above the table of keys,
/// the rest below it.
///
/// ```
/// hearth_kit::settings! {
///     /// Settings of `example`.
///     pub struct ExampleSettings in "example" {
///         /// Entries that are kept of one tool.
///         entries: u32 = 100,
///         /// The server that is asked.
///         server: Option<Server> = None => Server,
///     }
/// }
///
/// /// A server.
/// #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
/// #[serde(deny_unknown_fields)]
/// pub struct Server {
///     /// Its name.
///     pub host: String,
/// }
/// ```
///
/// `=> Server` documents the keys of a table, `=> "NAME" Server` those of a table of tables.
#[macro_export]
macro_rules! settings {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident in $section:literal {
            $($(#[doc = $key_doc:literal])* $key:ident: $type:ty = $default:expr $(=> $($entry:literal)? $table:ty)?,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[doc = $key_doc])* pub $key: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl $crate::config::Settings for $name {
            const SECTION: &'static str = $section;

            fn document() -> $crate::config::SectionDocument {
                let defaults = Self::default();
                $crate::config::SectionDocument::new($section, &[$($doc),*])
                    $(
                        .key(stringify!($key), &[$($key_doc),*], &defaults.$key)
                        $(.table::<$table>(stringify!($key), &[$($entry)?], &defaults.$key))?
                    )*
            }
        }
    };
}
