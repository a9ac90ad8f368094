//! Sections of the configuration that belong to services: one type each, declared by [`settings!`](crate::settings)
//! in the service's crate and registered in its [`Service`](crate::Service).

use std::{any::Any, collections::BTreeMap, fmt, marker::PhantomData, sync::Arc};

use serde::{
    Deserialize,
    de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor},
};
use toml::Value;

use super::document::SectionDocument;

/// A section of the configuration, implemented by [`settings!`](crate::settings).
pub trait SectionSettings: DeserializeOwned + Default + Clone + fmt::Debug + Send + Sync + 'static {
    /// Name of the section, such as `jobs` for `[jobs]`.
    const SECTION_NAME: &'static str;

    /// Builds the documentation of the section and its keys.
    fn build_document() -> SectionDocument;
}

/// A section without its type.
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
    pub const fn from_settings<S: SectionSettings>() -> Self {
        Self {
            name: S::SECTION_NAME,
            read_text: |text| {
                let whole: SingleSection<S> = toml::from_str(text)?;
                Ok(Arc::new(whole.0))
            },
            read_value: |value| Ok(Arc::new(value.try_into::<S>()?)),
            document: S::build_document,
        }
    }

    /// Name of the section.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Builds the documentation of the section.
    pub fn build_document(&self) -> SectionDocument {
        (self.document)()
    }

    /// Parses the section from the text of a whole file, so that an error has its position in the file.
    pub(super) fn check_text(&self, text: &str) -> Result<(), toml::de::Error> {
        (self.read_text)(text).map(drop)
    }

    /// Reads the section from its table.
    pub(super) fn read_value(&self, value: Value) -> Result<SectionValue, toml::de::Error> {
        (self.read_value)(value)
    }
}

/// A single section of a file; the others are skipped.
struct SingleSection<S>(S);

impl<'de, S: SectionSettings> Deserialize<'de> for SingleSection<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SingleSectionVisitor(PhantomData))
    }
}

struct SingleSectionVisitor<S>(PhantomData<S>);

impl<'de, S: SectionSettings> Visitor<'de> for SingleSectionVisitor<S> {
    type Value = SingleSection<S>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SingleSection<S>, A::Error> {
        let mut settings = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == S::SECTION_NAME {
                settings = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(SingleSection(settings.unwrap_or_default()))
    }
}

/// The sections in a configuration, by name. An absent one has its defaults.
#[derive(Clone, Default)]
pub(super) struct LoadedSections(BTreeMap<&'static str, SectionValue>);

impl LoadedSections {
    pub(super) fn insert(&mut self, name: &'static str, value: SectionValue) {
        self.0.insert(name, value);
    }

    pub(super) fn get<S: SectionSettings>(&self) -> Arc<S> {
        let value = self.0.get(S::SECTION_NAME).cloned();
        value.and_then(|value| value.downcast().ok()).unwrap_or_default()
    }

    pub(super) fn set<S: SectionSettings>(&mut self, settings: S) {
        self.0.insert(S::SECTION_NAME, Arc::new(settings));
    }
}

impl fmt::Debug for LoadedSections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Declares a section of the configuration: a struct that rejects unknown keys, its defaults, and its documentation
/// in `docs/configuration.md`. The first paragraph of the struct's doc comment is rendered above the table of keys,
/// the rest below it.
///
/// ```
/// hearth_kit::settings! {
///     /// Settings of `example`.
///     pub struct ExampleSettings in "example" {
///         /// Maximum number of entries per tool.
///         entries: u32 = 100,
///         /// Upstream server.
///         server: Option<Server> = None => Server,
///     }
/// }
///
/// /// A server.
/// #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
/// #[serde(deny_unknown_fields)]
/// pub struct Server {
///     /// Host name.
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

        impl $crate::config::SectionSettings for $name {
            const SECTION_NAME: &'static str = $section;

            fn build_document() -> $crate::config::SectionDocument {
                let defaults = Self::default();
                $crate::config::SectionDocument::new($section, &[$($doc),*])
                    $(
                        .with_key(stringify!($key), &[$($key_doc),*], &defaults.$key)
                        $(.with_table::<$table>(stringify!($key), &[$($entry)?], &defaults.$key))?
                    )*
            }
        }
    };
}
