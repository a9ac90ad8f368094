//! Changes of single values in the text of a configuration. Comments and layout stay.

use std::str::FromStr;

use hearth_base::{Error, Result};
use serde_json::{Map, Value};

use crate::yaml_text::change_yaml_text;

/// The maximum length of a key with its path.
const MAX_KEY_CHARACTERS: usize = 300;

/// Maps whose values are texts, whatever they look like.
const TEXT_MAPS: &[&str] = &["variables", "values", "processes"];

/// Keys whose values are texts, whatever they look like.
const TEXT_KEYS: &[&str] =
    &["ref", "branch", "command", "image", "schedule", "timezone", "tool", "script", "path", "folder"];

/// A changed text.
#[derive(Debug, PartialEq)]
pub struct ConfigEdit {
    /// The new text.
    pub text: String,
    /// The former value; `None` if the key was not set.
    pub before: Option<Value>,
    /// The new value.
    pub after: Value,
}

/// The path of a key, as in `components.web.replicas`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigKey(Vec<String>);

impl FromStr for ConfigKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_key = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        };
        let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        if text.len() <= MAX_KEY_CHARACTERS && parts.iter().all(|part| is_key(part)) {
            return Ok(Self(parts));
        }
        Err(Error::invalid(
            "config-key",
            format!("invalid key {text:.80?}: expected keys with dots between them"),
        )
        .help("name it as in components.web.replicas"))
    }
}

impl std::fmt::Display for ConfigKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// Sets a value in the text of a configuration; `name` stands for the file in errors. The typed value is a number, true,
/// false or a list of texts if it looks like one and the key may have it, otherwise a text. Error `config-edit` if the
/// layout of the text does not allow the change.
pub fn set_config_value(name: &str, text: &str, key: &ConfigKey, typed: &str) -> Result<ConfigEdit> {
    let current = parse_text(name, text)?;
    let after = parse_value(key, typed);
    let before = find_value(&current, &key.0).cloned();
    if before.as_ref() == Some(&after) {
        return Ok(ConfigEdit { text: text.to_owned(), before, after });
    }
    let mut wanted = current;
    insert_value(&mut wanted, &key.0, after.clone()).map_err(|part| {
        let what = format!("{key} cannot be set: {part} is no map of keys and values in {name}");
        Error::invalid("config-edit", what).help(format!("change {part} in {name} first"))
    })?;
    let refused = |reason: &str| {
        let what = format!("{name} cannot be changed by this command: {reason}");
        Error::invalid("config-edit", what).help(format!("set {key} in {name} with an editor"))
    };
    let changed =
        change_yaml_text(text, &key.0, &after).ok_or_else(|| refused("its layout is not supported"))?;
    // The text is written only if it says exactly what it has to.
    if parse_text(name, &changed).ok().as_ref() != Some(&wanted) || has_lost_comments(text, &changed) {
        return Err(refused("its layout is not supported"));
    }
    Ok(ConfigEdit { text: changed, before, after })
}

/// Compares two texts that differ in one place: returns the removed and the added lines, with their marks.
pub fn list_changed_lines(before: &str, after: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let equal_at_start = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[equal_at_start..], &new[equal_at_start..]);
    let equal_at_end = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let removed = old[..old.len() - equal_at_end].iter().map(|line| format!("- {line}"));
    removed.chain(new[..new.len() - equal_at_end].iter().map(|line| format!("+ {line}"))).collect()
}

fn parse_text(name: &str, text: &str) -> Result<Value> {
    let parsed: Option<Value> = serde_saphyr::from_str(text).map_err(|cause| {
        let cause = cause.to_string();
        let first = cause.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Error::invalid("config-file", format!("{name} cannot be used: {first}"))
            .help(format!("correct {name}"))
    })?;
    Ok(parsed.unwrap_or_else(|| Value::Object(Map::new())))
}

fn parse_value(ConfigKey(path): &ConfigKey, typed: &str) -> Value {
    let text = || Value::String(typed.to_owned());
    let (last, parent) = (path.last(), path.len().checked_sub(2).and_then(|at| path.get(at)));
    if last.is_some_and(|key| TEXT_KEYS.contains(&key.as_str()))
        || parent.is_some_and(|key| TEXT_MAPS.contains(&key.as_str()))
    {
        return text();
    }
    match serde_saphyr::from_str::<Value>(typed) {
        Ok(value @ (Value::Bool(_) | Value::Number(_))) => value,
        Ok(Value::Array(items)) if items.iter().all(Value::is_string) => Value::Array(items),
        _ => text(),
    }
}

fn find_value<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// Sets a value, and adds the maps that lead to it. An error is the key in the way.
fn insert_value(value: &mut Value, path: &[String], new: Value) -> std::result::Result<(), String> {
    let Some((key, rest)) = path.split_first() else {
        *value = new;
        return Ok(());
    };
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(entries) = value else { return Err("it".to_owned()) };
    let entry = entries.entry(key.clone()).or_insert(Value::Null);
    if !rest.is_empty() && !entry.is_null() && !entry.is_object() {
        return Err(key.clone());
    }
    insert_value(entry, rest, new)
}

/// True if a comment of the text is no longer there.
fn has_lost_comments(before: &str, after: &str) -> bool {
    let list = |text: &str| -> Vec<String> {
        let comments = text.lines().filter_map(|line| {
            let at = if line.trim_start().starts_with('#') { line.find('#') } else { line.find(" #") };
            at.map(|at| line[at..].trim().to_owned())
        });
        comments.collect()
    };
    let left = list(after);
    list(before).iter().any(|comment| !left.contains(comment))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE_FILE: &str = "# My tool.
config_version: hearth/v1
tool: dup-finder   # linked

components:
  web:            # the page
    port: 8000
    publish: true
    variables: {LEVEL: info}
  worker: {reuse_from: web, replicas: 1}   # mails

# Below.
environments:
  staging:
    branch: develop
";

    fn set(key: &str, typed: &str) -> Result<ConfigEdit> {
        set_config_value("hearth.yaml", SAMPLE_FILE, &key.parse()?, typed)
    }

    #[test]
    fn one_line_changes_and_everything_else_stays() -> Result<()> {
        for (key, typed, lines) in [
            ("components.web.port", "9000", &["-     port: 8000", "+     port: 9000"][..]),
            ("components.web.replicas", "2", &["+     replicas: 2"]),
            ("tool", "other", &["- tool: dup-finder   # linked", "+ tool: other   # linked"]),
            (
                "components.web.variables.LEVEL",
                "7",
                &["-     variables: {LEVEL: info}", "+     variables: {LEVEL: '7'}"],
            ),
            (
                "components.worker.replicas",
                "3",
                &[
                    "-   worker: {reuse_from: web, replicas: 1}   # mails",
                    "+   worker: {reuse_from: web, replicas: 3}   # mails",
                ],
            ),
            (
                "components.worker.memory",
                "512Mi",
                &[
                    "-   worker: {reuse_from: web, replicas: 1}   # mails",
                    "+   worker: {reuse_from: web, replicas: 1, memory: 512Mi}   # mails",
                ],
            ),
            (
                "environments.staging.components.web.replicas",
                "1",
                &["+     components:", "+       web:", "+         replicas: 1"],
            ),
        ] {
            let changed = set(key, typed)?;
            assert_eq!(list_changed_lines(SAMPLE_FILE, &changed.text), lines, "{key}");
        }
        Ok(())
    }

    #[test]
    fn equal_value_changes_nothing() -> Result<()> {
        let same = set("components.web.port", "8000")?;
        assert_eq!((&*same.text, same.before, same.after), (SAMPLE_FILE, Some(8000.into()), 8000.into()));
        Ok(())
    }

    #[test]
    fn value_below_a_text_and_invalid_keys_are_refused() {
        let refused = |key: &str| set(key, "1").err().map(|error| error.code().to_owned());
        assert_eq!(refused("tool.name").as_deref(), Some("config-edit"));
        for key in ["", ".", "components..web", "components[0]", "a b", &"a".repeat(400)] {
            assert_eq!(refused(key).as_deref(), Some("config-key"), "{key}");
        }
        let alias = "a: &x {port: 1}\nb: *x\n";
        let key: ConfigKey = "b.port".parse().unwrap();
        let refused = set_config_value("hearth.yaml", alias, &key, "2").err();
        assert_eq!(refused.as_ref().map(Error::code), Some("config-edit"));
    }

    #[test]
    fn typed_value_is_a_text_where_the_key_needs_one() -> Result<()> {
        let parse = |key: &str, typed: &str| Ok::<_, Error>(parse_value(&key.parse()?, typed));
        assert_eq!(parse("components.web.port", "80")?, 80);
        assert_eq!(parse("components.web.publish", "true")?, true);
        assert_eq!(parse("components.web.build.ref", "1.10")?, "1.10");
        assert_eq!(parse("components.web.variables.DEBUG", "true")?, "true");
        assert_eq!(parse("components.web.envvars", "[A, B]")?, serde_json::json!(["A", "B"]));
        assert_eq!(parse("components.tick.schedule", "@daily")?, "@daily");
        assert_eq!(parse("components.web.memory", "512Mi")?, "512Mi");
        Ok(())
    }
}
