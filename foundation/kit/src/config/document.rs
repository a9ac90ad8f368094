//! Documentation of a configuration section: keys, defaults and meanings, from the doc comments of its settings.

use serde::Serialize;
use toml::Value;
use utoipa::{
    PartialSchema,
    openapi::{RefOr, Schema},
};

/// Documentation of one section, for operators.
#[derive(Debug)]
pub struct SectionDocument {
    section: &'static str,
    lead: String,
    notes: String,
    keys: Vec<KeyDocument>,
}

/// Documentation of one key.
#[derive(Debug)]
struct KeyDocument {
    key: String,
    default: String,
    meaning: String,
}

impl SectionDocument {
    /// A section without keys. The first paragraph of `comment` is rendered above the table of keys, the rest below.
    pub fn new(section: &'static str, comment: &[&str]) -> Self {
        let text = strip_leading_spaces(comment).join("\n");
        let (lead, notes) = text.split_once("\n\n").unwrap_or((&text, ""));
        Self { section, lead: lead.to_owned(), notes: notes.to_owned(), keys: Vec::new() }
    }

    /// Adds a key with its default value.
    #[must_use]
    pub fn with_key(self, key: &str, comment: &[&str], default: &impl Serialize) -> Self {
        self.with_described_key(key, comment, &render_default(Value::try_from(default).ok().as_ref()))
    }

    /// Adds a key whose default is described by text.
    #[must_use]
    pub fn with_described_key(mut self, key: &str, comment: &[&str], default: &str) -> Self {
        let key = if self.section.is_empty() { key.to_owned() } else { format!("{}.{key}", self.section) };
        self.keys.push(KeyDocument {
            key,
            default: default.to_owned(),
            meaning: strip_leading_spaces(comment).join(" "),
        });
        self
    }

    /// Adds the keys of the table `T` below the key that was added last; with `entry`, the keys of every table in it.
    #[must_use]
    pub fn with_table<T: PartialSchema>(
        mut self,
        key: &str,
        entry: &[&str],
        default: &impl Serialize,
    ) -> Self {
        let defaults = Value::try_from(default).ok().filter(|_| entry.is_empty());
        if let Some(parent) = self.keys.last_mut()
            && defaults.is_some()
        {
            "see below".clone_into(&mut parent.default);
        }
        let path =
            entry.iter().fold(format!("{}.{key}", self.section), |path, entry| format!("{path}.{entry}"));
        let RefOr::T(Schema::Object(object)) = T::schema() else { return self };
        for (name, schema) in &object.properties {
            let default = match defaults.as_ref().map(|defaults| defaults.get(name)) {
                Some(default) => render_default(default),
                None if object.required.contains(name) => "required".to_owned(),
                None => "none".to_owned(),
            };
            let (meaning, own) = describe_schema(schema);
            let default = own.filter(|_| defaults.is_none()).unwrap_or(default);
            self.keys.push(KeyDocument { key: format!("{path}.{name}"), default, meaning });
        }
        self
    }

    pub(super) fn render_page(&self) -> String {
        let heading =
            if self.section.is_empty() { "Everything".to_owned() } else { format!("`[{}]`", self.section) };
        let mut text = format!("\n## {heading}\n\n{}\n\n| key | default | |\n|---|---|---|\n", self.lead);
        for KeyDocument { key, default, meaning } in &self.keys {
            let meaning = meaning.replace('|', "\\|");
            text.push_str(&format!("| `{key}` | {default} | {} |\n", meaning.trim_end_matches('.')));
        }
        if !self.notes.is_empty() {
            text.push_str(&format!("\n{}\n", self.notes));
        }
        text
    }
}

/// Removes the space after the slashes from the lines of a doc comment.
fn strip_leading_spaces<'a>(comment: &[&'a str]) -> Vec<&'a str> {
    comment.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect()
}

/// Renders a default as it is written in the configuration file.
fn render_default(default: Option<&Value>) -> String {
    match default {
        None => "none".to_owned(),
        Some(Value::Table(table)) if table.is_empty() => "none".to_owned(),
        Some(Value::Table(_)) => "see below".to_owned(),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(Value::Array(list)) if list.is_empty() => "`[]`".to_owned(),
        Some(other) => other.to_string(),
    }
}

/// Reads a property's description and default.
fn describe_schema(schema: &RefOr<Schema>) -> (String, Option<String>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            let default = object.default.as_ref().map(|default| match default.as_str() {
                Some(text) => format!("`{text}`"),
                None => default.to_string(),
            });
            (object.description.clone().unwrap_or_default().replace('\n', " "), default)
        }
        RefOr::T(Schema::Array(array)) => {
            (array.description.clone().unwrap_or_default().replace('\n', " "), None)
        }
        RefOr::T(Schema::OneOf(one)) => {
            (one.description.clone().unwrap_or_default().replace('\n', " "), None)
        }
        RefOr::T(_) => (String::new(), None),
        RefOr::Ref(reference) => (reference.description.clone().replace('\n', " "), None),
    }
}
