//! A configuration as a tree of values with their places in the text.

use std::fmt;

use hearth_base::{Error, ErrorKind, Result, to_single_line};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// The maximum size of a configuration.
pub const MAX_CONFIG_BYTES: usize = 256 << 10;
/// The maximum depth of lists and maps.
const MAX_DEPTH: usize = 16;
/// The maximum number of values, those of repeated anchors included.
const MAX_VALUES: usize = 20_000;
/// The maximum number of aliases: several for each component.
const MAX_ALIASES: usize = 256;
/// The maximum size of all texts, those of repeated anchors included.
const MAX_TEXT_BYTES: usize = 1 << 20;
/// The maximum length of the parser's cause in an error.
const MAX_CAUSE_CHARACTERS: usize = 200;

/// A place in the text of a configuration; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextPlace {
    pub line: u64,
    pub column: u64,
}

/// A value. It has no place if the configuration was not given as text.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigNode {
    pub value: ConfigValue,
    pub place: Option<TextPlace>,
}

/// The value of a [`ConfigNode`].
#[derive(Debug, Clone, PartialEq)]
pub enum ConfigValue {
    Null,
    Flag(bool),
    Number(Number),
    Text(String),
    List(Vec<ConfigNode>),
    Map(Vec<ConfigEntry>),
}

/// An entry of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigEntry {
    pub key: String,
    pub place: Option<TextPlace>,
    pub node: ConfigNode,
}

impl ConfigNode {
    /// Parses YAML. Errors: `config-too-large` (too large), `invalid-yaml` (invalid) with line and column.
    pub fn parse_yaml(text: &str) -> Result<Self> {
        check_characters(text)?;
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! {
                max_depth: MAX_DEPTH,
                max_nodes: MAX_VALUES,
                max_aliases: MAX_ALIASES,
                max_anchors: MAX_ALIASES,
                max_recorded_anchor_events: MAX_VALUES,
                max_total_scalar_bytes: MAX_TEXT_BYTES,
            },
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_VALUES },
            with_snippet: false,
        };
        let read: Spanned<YamlValue> =
            serde_saphyr::from_str_with_options(text, options).map_err(|cause| build_syntax_error(&cause))?;
        Ok(read.into())
    }

    /// Converts a JSON document, whose values have no places.
    pub fn from_json(document: Value) -> Self {
        let value = match document {
            Value::Null => ConfigValue::Null,
            Value::Bool(flag) => ConfigValue::Flag(flag),
            Value::Number(number) => ConfigValue::Number(number),
            Value::String(text) => ConfigValue::Text(text),
            Value::Array(items) => ConfigValue::List(items.into_iter().map(Self::from_json).collect()),
            Value::Object(entries) => {
                let entries = entries.into_iter().map(|(key, value)| ConfigEntry {
                    key,
                    place: None,
                    node: Self::from_json(value),
                });
                ConfigValue::Map(entries.collect())
            }
        };
        Self { value, place: None }
    }

    /// Converts the value to JSON. A key that occurs twice keeps its last value.
    pub fn to_json(&self) -> Value {
        match &self.value {
            ConfigValue::Null => Value::Null,
            ConfigValue::Flag(flag) => Value::Bool(*flag),
            ConfigValue::Number(number) => Value::Number(number.clone()),
            ConfigValue::Text(text) => Value::String(text.clone()),
            ConfigValue::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            ConfigValue::Map(entries) => {
                let entries = entries.iter().map(|entry| (entry.key.clone(), entry.node.to_json()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    /// Finds the value of a top-level key; `None` if it is absent or null.
    pub fn find_key(&self, key: &str) -> Option<&Self> {
        let ConfigValue::Map(entries) = &self.value else { return None };
        let found = entries.iter().find(|entry| entry.key == key)?;
        (found.node.value != ConfigValue::Null).then_some(&found.node)
    }

    /// Finds the entry below these keys.
    pub fn find_entry(&self, keys: &[&str]) -> Option<&ConfigEntry> {
        let (key, rest) = keys.split_first()?;
        let ConfigValue::Map(entries) = &self.value else { return None };
        let found = entries.iter().find(|entry| entry.key == *key)?;
        if rest.is_empty() { Some(found) } else { found.node.find_entry(rest) }
    }
}

impl fmt::Display for ConfigNode {
    /// Writes the value for an error: texts quoted, escaped and cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            ConfigValue::Null => f.write_str("empty"),
            ConfigValue::Flag(flag) => write!(f, "{flag}"),
            ConfigValue::Number(number) => write!(f, "{number}"),
            ConfigValue::Text(text) => f.write_str(&quote_value(text)),
            ConfigValue::List(_) => f.write_str("a list"),
            ConfigValue::Map(_) => f.write_str("a map"),
        }
    }
}

/// Quotes a text of a user for an error: escaped, and cut after 60 characters.
pub fn quote_value(text: &str) -> String {
    let cut: String = text.chars().take(60).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    format!("{:?}", format!("{cut}{dots}"))
}

/// Checks the size, and that a terminal can show the text.
fn check_characters(text: &str) -> Result<()> {
    if text.len() > MAX_CONFIG_BYTES {
        let what = format!("the configuration has {} bytes; at most {MAX_CONFIG_BYTES}", text.len());
        return Err(Error::new(ErrorKind::TooLarge, "config-too-large", what).help("shorten it"));
    }
    for (line, content) in (1..).zip(text.split('\n')) {
        let is_unwanted = |symbol: char| symbol.is_control() && !matches!(symbol, '\t' | '\r');
        if let Some(before) = content.chars().position(is_unwanted) {
            let place = TextPlace { line, column: before as u64 + 1 };
            return Err(build_yaml_error(Some(place), "a control character; expected text in UTF-8"));
        }
    }
    Ok(())
}

fn build_syntax_error(cause: &serde_saphyr::Error) -> Error {
    let location = cause.location();
    let place = location.map(|location| TextPlace { line: location.line(), column: location.column() });
    let sentence = cause.without_snippet().to_string();
    // The parser appends the place, and advice about its own options.
    let advice = [" at line ", ", set DuplicateKeyPolicy", "; use from_", "\n"];
    let end = advice.iter().filter_map(|part| sentence.find(part)).min().unwrap_or(sentence.len());
    let sentence = match sentence.get(..end).unwrap_or_default() {
        "" => "it is not YAML",
        sentence if sentence.starts_with("budget breached") || sentence.starts_with("alias replay") => {
            "too many values, anchors, or nested lists and maps; write them out, or fewer of them"
        }
        sentence => sentence,
    };
    build_yaml_error(place, &to_single_line(sentence, MAX_CAUSE_CHARACTERS))
}

fn build_yaml_error(place: Option<TextPlace>, sentence: &str) -> Error {
    let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
    Error::invalid("invalid-yaml", format!("{place}{sentence}"))
        .help("docs/deployments.md shows a complete configuration")
}

impl fmt::Display for TextPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A value as the parser hands it over.
enum YamlValue {
    Null,
    Flag(bool),
    Number(Number),
    Text(String),
    List(Vec<Spanned<YamlValue>>),
    Map(Vec<(Spanned<String>, Spanned<YamlValue>)>),
}

impl<'de> Deserialize<'de> for YamlValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = YamlValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> std::result::Result<YamlValue, E> {
        Ok(YamlValue::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> std::result::Result<YamlValue, E> {
        Ok(YamlValue::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> std::result::Result<YamlValue, E> {
        Ok(YamlValue::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> std::result::Result<YamlValue, E> {
        Ok(YamlValue::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> std::result::Result<YamlValue, E> {
        // The parser refuses numbers that are not finite.
        Ok(Number::from_f64(number).map_or(YamlValue::Null, YamlValue::Number))
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<YamlValue, E> {
        Ok(YamlValue::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<YamlValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(YamlValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> std::result::Result<YamlValue, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(YamlValue::Map(map))
    }
}

/// Reads where a value is used. A repeated anchor has the place of its alias.
fn read_place<T>(read: &Spanned<T>) -> Option<TextPlace> {
    let (line, column) = (read.referenced.line(), read.referenced.column());
    (line > 0).then_some(TextPlace { line, column })
}

impl From<Spanned<YamlValue>> for ConfigNode {
    fn from(read: Spanned<YamlValue>) -> Self {
        let place = read_place(&read);
        let value = match read.value {
            YamlValue::Null => ConfigValue::Null,
            YamlValue::Flag(flag) => ConfigValue::Flag(flag),
            YamlValue::Number(number) => ConfigValue::Number(number),
            YamlValue::Text(text) => ConfigValue::Text(text),
            YamlValue::List(items) => ConfigValue::List(items.into_iter().map(Self::from).collect()),
            YamlValue::Map(entries) => {
                let entries = entries.into_iter().map(|(key, value)| ConfigEntry {
                    place: read_place(&key),
                    key: key.value,
                    node: value.into(),
                });
                ConfigValue::Map(entries.collect())
            }
        };
        Self { value, place }
    }
}
