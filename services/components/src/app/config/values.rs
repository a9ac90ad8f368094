//! Values of a configuration in Hearth's format: `${NAME}` in its texts stands for a value.
//!
//! | part of the file | values that are filled in |
//! |---|---|
//! | `components`, `previews`, and of `build` the keys that the deployment reads | those of the configuration |
//! | an environment: `branch`, its components, and the two parts above | those of the configuration, replaced by its own |
//!
//! The other keys of `build` are read by the builder from the source, as they are written. A file without values keeps every
//! dollar sign: its commands may have variables of the shell.

use std::collections::BTreeMap;

use hearth_base::{Error, Result, join_first_names};
use hearth_wire::components::{HearthBuild, HearthComponent, HearthConfig, HearthEnvironment};
use serde_json::{Map, Value, json};

use super::{
    document::{ConfigEntry, ConfigNode, ConfigValue, quote_value},
    environments::{merge_component, merge_components, parse_environment_name},
    fields::{FieldReader, MAX_COMPONENTS},
    problems::ConfigProblems,
};

/// The maximum number of values.
const MAX_VALUES: usize = 64;
/// The maximum length of the name of a value.
const MAX_NAME_CHARACTERS: usize = 64;
/// The maximum length of a value.
const MAX_VALUE_CHARACTERS: usize = 4000;
/// The maximum size of all texts after values are filled in.
const MAX_FILLED_BYTES: usize = 1 << 20;
/// The keys of `build` that the deployment reads.
const FILLED_BUILD_KEYS: &[&str] = &["repository", "ref", "folder", "recipe", "builder"];

type ConfigValues = BTreeMap<String, String>;

/// True if a configuration, or an environment of it, has values.
pub fn has_values(root: &ConfigNode) -> bool {
    root.find_key("values").is_some()
        || list_environments(root).iter().any(|entry| entry.node.find_key("values").is_some())
}

fn list_environments(root: &ConfigNode) -> &[ConfigEntry] {
    match root.find_key("environments").map(|node| &node.value) {
        Some(ConfigValue::Map(entries)) => entries,
        _ => &[],
    }
}

/// Reads a configuration with its values filled in. Environments name what their values change in the components and in
/// `build`. `read_sections` reads a configuration without values.
pub fn read_filled_config(
    root: &ConfigNode,
    problems: &ConfigProblems,
    read_sections: impl Fn(&ConfigNode, &ConfigProblems) -> HearthConfig,
) -> HearthConfig {
    let values = read_values(root, String::new(), problems);
    let filled = fill_tree(root, &values, None, problems);
    let mut config = read_sections(&filled, problems);
    for entry in list_environments(root).iter().take(MAX_COMPONENTS) {
        let mut own = values.clone();
        // A name that is refused below has no place in a sentence.
        if parse_environment_name(&entry.key).is_ok() {
            own.extend(read_values(&entry.node, format!("environment {}", entry.key), problems));
        }
        let filled = fill_tree(root, &own, Some(&entry.key), problems);
        let read = read_sections(&filled, problems);
        let Some(environment) = read.environments.get(&entry.key) else { continue };
        match complete_environment(&config, &read, environment) {
            Ok(environment) => drop(config.environments.insert(entry.key.clone(), environment)),
            Err(error) => problems.add_problem(entry.place, format!("environment {}: {error}", entry.key)),
        }
    }
    config
}

fn read_values(node: &ConfigNode, subject: String, problems: &ConfigProblems) -> ConfigValues {
    let mut values = BTreeMap::new();
    let Some(mut fields) = FieldReader::open(node, subject, problems) else { return values };
    for entry in fields.read_entries("values", MAX_VALUES).unwrap_or_default() {
        let text = match &entry.node.value {
            _ if !is_value_name(&entry.key) => {
                let expected = "letters, digits and underscores, not beginning with a digit";
                fields.report_entry("values", entry, format!("is no name of a value; expected {expected}"));
                continue;
            }
            ConfigValue::Text(text) if text.chars().count() <= MAX_VALUE_CHARACTERS => text.clone(),
            ConfigValue::Number(number) => number.to_string(),
            ConfigValue::Flag(flag) => flag.to_string(),
            ConfigValue::Text(_) => {
                fields.report_entry(
                    "values",
                    entry,
                    format!("is too long; at most {MAX_VALUE_CHARACTERS} characters"),
                );
                continue;
            }
            _ => {
                fields.report_entry("values", entry, format!("is {}; expected text", entry.node));
                continue;
            }
        };
        values.insert(entry.key.clone(), text);
    }
    values
}

fn is_value_name(name: &str) -> bool {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty()
        && name.len() <= MAX_NAME_CHARACTERS
        && name.bytes().all(is_name_byte)
        && !name.starts_with(|first: char| first.is_ascii_digit())
}

/// Fills in the values of the configuration, or of one environment; the other environments are left out.
fn fill_tree(
    root: &ConfigNode,
    values: &ConfigValues,
    environment: Option<&str>,
    problems: &ConfigProblems,
) -> ConfigNode {
    let ConfigValue::Map(entries) = &root.value else { return root.clone() };
    let mut filler = ValueFiller { values, problems, bytes: 0, is_over: false };
    let mut filled = Vec::new();
    for entry in entries {
        let node = match entry.key.as_str() {
            "components" | "previews" => filler.fill_node(&entry.node),
            "build" => filler.fill_entries(&entry.node, FILLED_BUILD_KEYS),
            "environments" => match &entry.node.value {
                ConfigValue::Map(all) => {
                    let chosen = all.iter().filter(|one| Some(one.key.as_str()) == environment);
                    let chosen = chosen.map(|one| ConfigEntry {
                        node: filler.fill_entries(&one.node, &["branch", "components"]),
                        ..one.clone()
                    });
                    ConfigNode { value: ConfigValue::Map(chosen.collect()), place: entry.node.place }
                }
                _ => entry.node.clone(),
            },
            _ => entry.node.clone(),
        };
        filled.push(ConfigEntry { node, ..entry.clone() });
    }
    ConfigNode { value: ConfigValue::Map(filled), place: root.place }
}

struct ValueFiller<'a> {
    values: &'a ConfigValues,
    problems: &'a ConfigProblems,
    /// The size of all texts so far.
    bytes: usize,
    is_over: bool,
}

impl ValueFiller<'_> {
    /// Fills in the texts below these keys of a map.
    fn fill_entries(&mut self, node: &ConfigNode, keys: &[&str]) -> ConfigNode {
        let ConfigValue::Map(entries) = &node.value else { return node.clone() };
        let entries = entries.iter().map(|entry| match keys.contains(&entry.key.as_str()) {
            true => ConfigEntry { node: self.fill_node(&entry.node), ..entry.clone() },
            false => entry.clone(),
        });
        ConfigNode { value: ConfigValue::Map(entries.collect()), place: node.place }
    }

    fn fill_node(&mut self, node: &ConfigNode) -> ConfigNode {
        let value = match &node.value {
            ConfigValue::Text(text) => ConfigValue::Text(self.fill_text(text, node)),
            ConfigValue::List(items) => {
                ConfigValue::List(items.iter().map(|item| self.fill_node(item)).collect())
            }
            ConfigValue::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|entry| ConfigEntry { node: self.fill_node(&entry.node), ..entry.clone() });
                ConfigValue::Map(entries.collect())
            }
            other => other.clone(),
        };
        ConfigNode { value, place: node.place }
    }

    fn fill_text(&mut self, text: &str, node: &ConfigNode) -> String {
        let filled = fill_in_values(text, self.values).unwrap_or_else(|problem| {
            self.problems.add_problem(node.place, problem);
            text.to_owned()
        });
        self.bytes += filled.len();
        if self.bytes <= MAX_FILLED_BYTES {
            return filled;
        }
        if !self.is_over {
            self.is_over = true;
            let what =
                format!("values: the texts have more than {MAX_FILLED_BYTES} bytes once they are filled in");
            self.problems.add_problem(node.place, what);
        }
        String::new()
    }
}

/// Fills in the values of a text: `${NAME}` is a value, and `$$` a dollar sign. An error is the problem as a sentence.
fn fill_in_values(text: &str, values: &ConfigValues) -> std::result::Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        filled.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(after) = after.strip_prefix('$') {
            filled.push('$');
            rest = after;
        } else if let Some(named) = after.strip_prefix('{') {
            let Some((name, after)) = named.split_once('}') else {
                return Err(
                    "${ has no closing brace; expected ${NAME}, or write $$ for a dollar sign".to_owned()
                );
            };
            let Some(value) = values.get(name) else { return Err(describe_unknown_value(name, values)) };
            filled.push_str(value);
            rest = after;
        } else {
            filled.push('$');
            rest = after;
        }
        if filled.len() > MAX_FILLED_BYTES {
            return Err("the text is too long once its values are filled in".to_owned());
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

fn describe_unknown_value(name: &str, values: &ConfigValues) -> String {
    let escape = "write $$ for a dollar sign";
    if !is_value_name(name) {
        return format!("${{ is followed by {}; expected ${{NAME}}, or {escape}", quote_value(name));
    }
    let names: Vec<&str> = values.keys().map(String::as_str).collect();
    match names.as_slice() {
        [] => format!("there is no value {name}; add it below values, or {escape}"),
        names => format!("there is no value {name}; expected {}, or {escape}", join_first_names(names, 10)),
    }
}

/// Adds to an environment what its values change: `read` is the configuration with these values.
fn complete_environment(
    config: &HearthConfig,
    read: &HearthConfig,
    environment: &HearthEnvironment,
) -> Result<HearthEnvironment> {
    let mut completed = environment.clone();
    for (name, component) in &read.components {
        let Some(changes) = config
            .components
            .get(name)
            .map(|former| compare_components(former, component))
            .transpose()?
            .flatten()
        else {
            continue;
        };
        let changes = match environment.components.get(name) {
            Some(own) => merge_component(&changes, own)?,
            None => changes,
        };
        completed.components.insert(name.clone(), changes);
    }
    if read.build != config.build {
        for (name, component) in merge_components(config, &completed)? {
            if component.reuse_from.is_none() && component.image.is_none() {
                let build = complete_build(read, environment, component.build.unwrap_or_default());
                completed.components.entry(name).or_default().build = Some(build);
            }
        }
    }
    Ok(completed)
}

/// Returns the keys of a component that differ; `None` if none does.
fn compare_components(
    former: &HearthComponent,
    component: &HearthComponent,
) -> Result<Option<HearthComponent>> {
    let (Value::Object(former), Value::Object(present)) = (json!(former), json!(component)) else {
        return Err(Error::internal("a component is not an object"));
    };
    let changed: Map<String, Value> =
        present.into_iter().filter(|(key, value)| former.get(key) != Some(value)).collect();
    if changed.is_empty() {
        return Ok(None);
    }
    serde_json::from_value(Value::Object(changed)).map(Some).map_err(Error::internal)
}

/// Adds the keys of the configuration's build, with the values of an environment, to the build of a component.
fn complete_build(read: &HearthConfig, environment: &HearthEnvironment, build: HearthBuild) -> HearthBuild {
    let defaults = read.build.clone().unwrap_or_default();
    let (repository, reference) = match (build.repository, defaults.repository) {
        (None, Some(repository)) => {
            let branch = environment.branch.clone();
            (Some(repository), build.reference.or(branch).or(defaults.reference))
        }
        (repository, _) => (repository, build.reference),
    };
    HearthBuild {
        repository,
        reference,
        folder: build.folder.or(defaults.folder),
        recipe: build.recipe.or(defaults.recipe),
        builder: build.builder.or(defaults.builder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_are_values_and_two_dollar_signs_are_one() {
        let values = BTreeMap::from([("A".to_owned(), "1 ${B}".to_owned()), ("B".to_owned(), String::new())]);
        let fill = |text: &str| fill_in_values(text, &values);
        for (text, filled) in [
            ("", ""),
            ("plain", "plain"),
            ("x${A}y${B}z", "x1 ${B}yz"),
            ("$A $$ $${A} $", "$A $ ${A} $"),
            ("$$$$", "$$"),
        ] {
            assert_eq!(fill(text).as_deref(), Ok(filled), "{text}");
        }
        assert_eq!(
            fill("${C}").err().as_deref(),
            Some("there is no value C; expected A, B, or write $$ for a dollar sign")
        );
        for text in ["${", "${}", "${A", "${A:-x}", "${ A }"] {
            assert!(fill(text).is_err(), "{text}");
        }
        let large = BTreeMap::from([("A".to_owned(), "v".repeat(MAX_VALUE_CHARACTERS))]);
        assert!(fill_in_values(&"${A}".repeat(1000), &large).is_err());
    }
}
