//! Reading of the fields of a map. Each problem names the field, its value and what is allowed.

use std::{collections::BTreeMap, fmt, ops::RangeInclusive, str::FromStr};

use hearth_base::{Error, JobName, nearest::find_nearest};

use super::{
    document::{ConfigEntry, ConfigNode, ConfigValue, TextPlace, quote_value},
    field_texts::{describe_name_rule, is_url_byte, join_choices, parse_seconds, quote_key},
    problems::ConfigProblems,
};

/// The maximum number of components, and of environments.
pub const MAX_COMPONENTS: usize = 64;

/// A map whose fields are read by name. [`FieldReader::refuse_unknown_keys`] refuses those that nothing has read.
#[derive(Debug)]
pub struct FieldReader<'a> {
    /// The object in errors, as in `component web`; empty for the configuration itself.
    subject: String,
    /// The path of the map within the object, as in `run.`; empty for the object itself.
    prefix: String,
    place: Option<TextPlace>,
    entries: &'a [ConfigEntry],
    known: Vec<&'static str>,
    problems: &'a ConfigProblems,
}

impl<'a> FieldReader<'a> {
    /// Opens a map. A value that is no map is a problem; an empty one is a map without fields.
    pub fn open(node: &'a ConfigNode, subject: String, problems: &'a ConfigProblems) -> Option<Self> {
        let entries: &[ConfigEntry] = match &node.value {
            ConfigValue::Map(entries) => entries,
            ConfigValue::Null => &[],
            _ => {
                let subject = if subject.is_empty() { "the configuration" } else { &subject };
                problems.add_problem(
                    node.place,
                    format!("{subject} is {node}; expected a map of keys and values"),
                );
                return None;
            }
        };
        let (prefix, known) = (String::new(), Vec::new());
        Some(Self { subject, prefix, place: node.place, entries, known, problems })
    }

    /// Opens the map in a field.
    pub fn read_section(&mut self, key: &'static str) -> Option<FieldReader<'a>> {
        let node = self.find_field(key)?;
        let ConfigValue::Map(entries) = &node.value else {
            self.refuse_value(key, node, "a map of keys and values");
            return None;
        };
        let prefix = format!("{}{key}.", self.prefix);
        let (subject, problems, known) = (self.subject.clone(), self.problems, Vec::new());
        Some(FieldReader { subject, prefix, place: node.place, entries, known, problems })
    }

    /// Adds a problem of a field.
    pub fn report_field(&self, key: &str, what: impl fmt::Display) {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        self.report_at(entry.map_or(self.place, |entry| entry.node.place.or(entry.place)), key, what);
    }

    fn report_at(&self, place: Option<TextPlace>, key: &str, what: impl fmt::Display) {
        self.problems.add_problem(place, format!("{}{}{key} {what}", self.format_subject(), self.prefix));
    }

    fn format_subject(&self) -> String {
        if self.subject.is_empty() { String::new() } else { format!("{}: ", self.subject) }
    }

    /// Adds a problem of the map as a whole.
    pub fn report_sentence(&self, sentence: &str) {
        let section = self.prefix.trim_end_matches('.');
        self.problems.add_problem(self.place, format!("{}{section}: {sentence}", self.format_subject()));
    }

    fn refuse_value(&self, key: &str, node: &ConfigNode, expected: &str) {
        self.report_at(node.place, key, format!("is {node}; expected {expected}"));
    }

    /// Finds a field. An empty one counts as absent.
    pub fn find_field(&mut self, key: &'static str) -> Option<&'a ConfigNode> {
        self.accept_field(key);
        let node = &self.entries.iter().find(|entry| entry.key == key)?.node;
        (node.value != ConfigValue::Null).then_some(node)
    }

    /// Accepts a field with any value.
    pub fn accept_field(&mut self, key: &'static str) {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
    }

    /// Reports a required field that is absent or empty.
    pub fn require_field(&mut self, key: &'static str, expected: &str) {
        if self.find_field(key).is_none() {
            self.report_at(self.place, key, format!("is missing; expected {expected}"));
        }
    }

    /// Reads a text of 1 to `max_characters` characters.
    pub fn read_text(&mut self, key: &'static str, max_characters: usize) -> Option<String> {
        let node = self.find_field(key)?;
        self.check_text(key, node, max_characters)
    }

    fn check_text(&self, key: &str, node: &ConfigNode, max_characters: usize) -> Option<String> {
        let text = match &node.value {
            ConfigValue::Text(text) => text,
            ConfigValue::Number(_) | ConfigValue::Flag(_) => {
                self.refuse_value(key, node, "text; write it in quotes");
                return None;
            }
            _ => {
                self.refuse_value(key, node, "text");
                return None;
            }
        };
        let length = text.chars().count();
        let problem = if text.trim().is_empty() {
            format!("is empty; expected 1 to {max_characters} characters")
        } else if length > max_characters {
            format!("has {length} characters; expected 1 to {max_characters}")
        } else if text.chars().any(|symbol| symbol.is_control() && symbol != '\n') {
            format!("is {}; expected text without control characters", quote_value(text))
        } else {
            return Some(text.clone());
        };
        self.report_at(node.place, key, problem);
        None
    }

    /// Reads a list of texts.
    pub fn read_texts(&mut self, key: &'static str, max_characters: usize) -> Vec<String> {
        let Some(node) = self.find_field(key) else { return Vec::new() };
        let ConfigValue::List(items) = &node.value else {
            self.refuse_value(key, node, "a list of texts");
            return Vec::new();
        };
        items.iter().filter_map(|item| self.check_text(key, item, max_characters)).collect()
    }

    /// Reads a map of texts.
    pub fn read_text_map(&mut self, key: &'static str, max_characters: usize) -> BTreeMap<String, String> {
        let Some(section) = self.read_section(key) else { return BTreeMap::new() };
        let texts = section.entries.iter().filter_map(|entry| {
            let text = section.check_text(&quote_key(&entry.key), &entry.node, max_characters)?;
            Some((entry.key.clone(), text))
        });
        texts.collect()
    }

    /// Returns the entries of a map, of at most `max_entries`.
    pub fn read_entries(&mut self, key: &'static str, max_entries: usize) -> Option<&'a [ConfigEntry]> {
        let node = self.find_field(key)?;
        match &node.value {
            ConfigValue::Map(entries) if entries.len() > max_entries => {
                self.report_at(
                    node.place,
                    key,
                    format!("has {} entries; at most {max_entries}", entries.len()),
                );
                None
            }
            ConfigValue::Map(entries) => Some(entries),
            _ => {
                self.refuse_value(key, node, "a map of names and texts");
                None
            }
        }
    }

    /// Adds a problem of an entry of the map in a field.
    pub fn report_entry(&self, key: &str, entry: &ConfigEntry, what: impl fmt::Display) {
        let place = entry.node.place.or(entry.place);
        self.report_at(place, &format!("{key}.{}", quote_key(&entry.key)), what);
    }

    /// Reads true or false.
    pub fn read_flag(&mut self, key: &'static str) -> Option<bool> {
        let node = self.find_field(key)?;
        match &node.value {
            ConfigValue::Flag(flag) => Some(*flag),
            _ => {
                self.refuse_value(key, node, "true or false");
                None
            }
        }
    }

    /// Reads a whole number. Its text counts as the number.
    pub fn read_number<T: TryFrom<u64>>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<T> {
        let node = self.find_field(key)?;
        let number = match &node.value {
            ConfigValue::Number(number) => number.as_u64(),
            ConfigValue::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        };
        let number =
            number.filter(|number| range.contains(number)).and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            self.refuse_value(key, node, &format!("a number from {} to {}", range.start(), range.end()));
        }
        number
    }

    /// Reads a time in whole seconds, or with a unit: `90s`, `30m`, `2h`. 0 is always allowed.
    pub fn read_seconds(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let node = self.find_field(key)?;
        let seconds = match &node.value {
            ConfigValue::Number(number) => number.as_u64(),
            ConfigValue::Text(text) => parse_seconds(text),
            _ => None,
        };
        let seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok());
        let seconds = seconds.filter(|seconds| *seconds == 0 || range.contains(seconds));
        if seconds.is_none() {
            let (start, end) = (range.start(), range.end());
            self.refuse_value(key, node, &format!("0, or {start} to {end} seconds, as in 90s, 30m or 2h"));
        }
        seconds
    }

    /// Reads one of some words.
    pub fn read_choice<T: Copy>(&mut self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let node = self.find_field(key)?;
        if let ConfigValue::Text(text) = &node.value
            && let Some((_, choice)) = choices.iter().find(|(word, _)| word == text)
        {
            return Some(*choice);
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        self.refuse_value(key, node, &join_choices(&words));
        None
    }

    /// Reads an amount; a number without a unit is one too.
    pub fn read_amount<T: FromStr>(&mut self, key: &'static str, expected: &str) -> Option<T> {
        let node = self.find_field(key)?;
        let amount = match &node.value {
            ConfigValue::Text(text) => text.parse().ok(),
            ConfigValue::Number(number) => number.to_string().parse().ok(),
            _ => None,
        };
        if amount.is_none() {
            self.refuse_value(key, node, expected);
        }
        amount
    }

    /// Reads a name.
    pub fn read_name<T: FromStr<Err = Error>>(&mut self, key: &'static str) -> Option<T> {
        let text = self.read_text(key, 200)?;
        match text.parse() {
            Ok(name) => Some(name),
            Err(error) => {
                self.report_field(key, format!("is {}; {}", quote_value(&text), describe_name_rule(&error)));
                None
            }
        }
    }

    /// Reads the address of a web server or a repository. Errors do not repeat a user name or password.
    pub fn read_url(&mut self, key: &'static str) -> Option<String> {
        let text = self.read_text(key, 2000)?;
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        let problem = match host {
            Some(host) if host.contains('@') => {
                "has a user name or password; expected a public address without them".to_owned()
            }
            Some(host)
                if !host.is_empty() && !host.starts_with(['-', ':']) && text.bytes().all(is_url_byte) =>
            {
                return Some(text);
            }
            _ if text.contains('@') => {
                "has a user name or another form; expected the address of a public server, as in https://…"
                    .to_owned()
            }
            _ => format!("is {}; expected an address, as in https://…", quote_value(&text)),
        };
        self.report_field(key, problem);
        None
    }

    /// Reads a map of named objects, each by `read`. `noun` is the word for one in errors; `parse_name` returns what is
    /// expected of a name if one is refused.
    pub fn read_objects<N: Ord + fmt::Display, T>(
        &mut self,
        key: &'static str,
        noun: &str,
        parse_name: impl Fn(&str) -> Result<N, String>,
        mut read: impl FnMut(FieldReader<'a>) -> Option<T>,
    ) -> BTreeMap<N, T> {
        let Some(node) = self.find_field(key) else { return BTreeMap::new() };
        let ConfigValue::Map(entries) = &node.value else {
            self.refuse_value(key, node, &format!("a map of {noun}s by name"));
            return BTreeMap::new();
        };
        if entries.len() > MAX_COMPONENTS {
            self.report_at(
                node.place,
                key,
                format!("has {} {noun}s; at most {MAX_COMPONENTS}", entries.len()),
            );
            return BTreeMap::new();
        }
        let mut objects = BTreeMap::new();
        for entry in entries {
            let name = match parse_name(&entry.key) {
                Ok(name) => name,
                Err(expected) => {
                    let (subject, name) = (self.format_subject(), quote_value(&entry.key));
                    self.problems.add_problem(
                        entry.place,
                        format!("{subject}{noun} {name}: the name is refused; {expected}"),
                    );
                    continue;
                }
            };
            let outer = if self.subject.is_empty() { String::new() } else { format!("{}, ", self.subject) };
            let reader = Self::open(&entry.node, format!("{outer}{noun} {name}"), self.problems);
            if let Some(object) = reader.and_then(&mut read) {
                objects.insert(name, object);
            }
        }
        objects
    }

    /// Reads components by name, each by `read`.
    pub fn read_components<T>(
        &mut self,
        read: impl FnMut(FieldReader<'a>) -> Option<T>,
    ) -> BTreeMap<JobName, T> {
        let parse_name = |text: &str| text.parse().map_err(|error| describe_name_rule(&error));
        self.read_objects("components", "component", parse_name, read)
    }

    /// Refuses the fields that nothing has read. `hints` say what to write in the place of some of them.
    pub fn refuse_unknown_keys_with_hints(self, hints: &[(&str, &str)]) {
        for entry in self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            let hint = hints.iter().find(|(key, _)| *key == entry.key).map(|(_, hint)| (*hint).to_owned());
            let near = find_nearest(&entry.key, self.known.iter().copied());
            let hint = hint.or_else(|| near.map(|near| format!("did you mean {near}?")));
            let hint = hint.unwrap_or_else(|| format!("expected {}", join_choices(&self.known)));
            let (subject, key) = (self.format_subject(), quote_key(&entry.key));
            self.problems
                .add_problem(entry.place, format!("{subject}there is no key {}{key}; {hint}", self.prefix));
        }
    }

    /// Refuses the fields that nothing has read.
    pub fn refuse_unknown_keys(self) {
        self.refuse_unknown_keys_with_hints(&[]);
    }
}
