//! Configurations of tools: `hearth.yaml` of a folder, a file that the user names, or the stored one.

use std::{collections::BTreeMap, path::Path};

use hearth_base::{Error, Result};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use crate::local_file::{build_read_error, read_limited_file};

/// The maximum size of a configuration; the server has the same.
const MAX_CONFIG_BYTES: usize = 256 << 10;

/// The stored configuration in messages.
pub const STORED_CONFIG_NAME: &str = "the stored configuration";

/// The maximum number of components that a sentence names.
const MAX_NAMED_COMPONENTS: usize = 5;

/// The text of a configuration, and the names of its components. The server checks the rest.
#[derive(Debug)]
pub struct ConfigFile {
    /// The path of the file, or what stands for it in messages.
    pub name: String,
    /// The text as its author wrote it.
    pub text: String,
    /// The components, by name. Empty if a `source_url` has them.
    pub components: Vec<String>,
    /// The patterns of files that decide whether a component is built, by component.
    pub file_patterns: BTreeMap<String, Vec<String>>,
    has_source_url: bool,
}

/// The part of a configuration that this program reads.
#[derive(Deserialize)]
struct ConfigOutline {
    components: Option<BTreeMap<String, Value>>,
    source_url: Option<IgnoredAny>,
}

/// Lists the patterns of files of a component; none if the server will refuse them.
fn list_file_patterns(component: &Value) -> Vec<String> {
    let patterns = component.get("when_changed").cloned().unwrap_or_default();
    serde_json::from_value(patterns).unwrap_or_default()
}

impl ConfigFile {
    /// Reads a file.
    pub fn read_path(path: &Path) -> Result<Self> {
        let bytes = read_limited_file(path, MAX_CONFIG_BYTES)?;
        let text = String::from_utf8(bytes).map_err(|_| build_read_error(path, "it is not text in UTF-8"))?;
        Self::from_text(path.display().to_string(), text)
    }

    /// Names the configuration otherwise in messages.
    pub fn with_name(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// Parses a text; `name` stands for it in messages.
    pub fn from_text(name: impl Into<String>, text: String) -> Result<Self> {
        let name = name.into();
        if text.len() > MAX_CONFIG_BYTES {
            let what = format!("{name} has {} bytes; at most {MAX_CONFIG_BYTES} are allowed", text.len());
            return Err(Error::invalid("config-too-large", what));
        }
        let outline: Option<ConfigOutline> = serde_saphyr::from_str(&text).map_err(|cause| {
            let cause = cause.to_string();
            let first = cause.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Error::invalid("config-file", format!("{name} cannot be used: {first}"))
                .help(format!("correct {name}; docs/deployments.md describes it"))
        })?;
        let outline = outline.unwrap_or(ConfigOutline { components: None, source_url: None });
        let outlines = outline.components.unwrap_or_default();
        let components = outlines.keys().cloned().collect();
        let file_patterns =
            outlines.into_iter().map(|(name, component)| (name, list_file_patterns(&component)));
        let file_patterns = file_patterns.filter(|(_, patterns)| !patterns.is_empty()).collect();
        Ok(Self { name, text, components, file_patterns, has_source_url: outline.source_url.is_some() })
    }

    /// True if the configuration has components, or the address of one that has them. A `hearth.yaml` without them only
    /// names its tool and says how it is built.
    pub fn names_components(&self) -> bool {
        self.has_source_url || !self.components.is_empty()
    }

    /// True if files decide whether components are built.
    pub fn has_file_patterns(&self) -> bool {
        !self.file_patterns.is_empty()
    }

    /// Describes the components, as in "3 components: migrate, web, worker".
    pub fn describe_components(&self) -> String {
        if self.has_source_url {
            return "the components of its source_url".to_owned();
        }
        describe_component_names(&self.components)
    }
}

/// Describes components by number and name, as in "3 components: migrate, web, worker".
pub fn describe_component_names<T: AsRef<str>>(names: &[T]) -> String {
    match names {
        [] => "no components".to_owned(),
        [only] => format!("component {}", only.as_ref()),
        several => format!("{} components: {}", several.len(), join_names(several)),
    }
}

/// Joins the first names, as in "migrate, web, …".
pub fn join_names<T: AsRef<str>>(names: &[T]) -> String {
    let mut named: Vec<&str> = names.iter().take(MAX_NAMED_COMPONENTS).map(AsRef::as_ref).collect();
    if names.len() > MAX_NAMED_COMPONENTS {
        named.push("…");
    }
    named.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_without_components_only_names_its_tool() -> Result<()> {
        for (text, has_components) in [
            ("", false),
            ("# nothing yet\n", false),
            ("tool: dup-finder\nbuild: {packages: [imagemagick]}\n", false),
            ("components:\n", false),
            ("components: {}\n", false),
            ("config_version: hearth/v1\ncomponents:\n  web: {port: 8000}\n", true),
            ("source_url: https://example.org/hearth.yaml\n", true),
        ] {
            let file = ConfigFile::from_text("hearth.yaml", text.to_owned())?;
            assert_eq!(file.names_components(), has_components, "{text}");
        }
        Ok(())
    }

    #[test]
    fn components_are_counted_and_the_first_are_named() -> Result<()> {
        let text = "components: {web: {}, worker: {}}\n".to_owned();
        let file = ConfigFile::from_text("hearth.yaml", text)?;
        assert_eq!(file.describe_components(), "2 components: web, worker");
        assert_eq!(
            describe_component_names(&["a", "b", "c", "d", "e", "f"]),
            "6 components: a, b, c, d, e, …"
        );
        assert_eq!(describe_component_names(&["web"]), "component web");
        Ok(())
    }

    #[test]
    fn unusable_configuration_is_named() {
        for text in ["components: [", "components: 5\n"] {
            let refused = ConfigFile::from_text("other.yaml", text.to_owned()).err();
            assert!(refused.is_some_and(|error| error.public_message().contains("other.yaml")), "{text}");
        }
        let large = format!("# {}\n", "x".repeat(MAX_CONFIG_BYTES));
        let refused = ConfigFile::from_text("large.yaml", large).err();
        assert_eq!(refused.as_ref().map(Error::code), Some("config-too-large"));
    }
}
