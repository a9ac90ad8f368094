//! Loading of the configuration: a TOML file, then environment variables.

use std::{fmt, fs, path::Path};

use hearth_base::{Error, Result};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use toml::{Table, Value};

use super::{CORE_KEYS, HearthConfig, Section};

/// Start of the names of variables that set a key.
pub const ENVIRONMENT_PREFIX: &str = "HEARTH_";

/// Loads the configuration from `file` (the defaults without one), overridden by `environment`. `sections` are the
/// sections of all services, including those that this process does not run.
pub fn load_config(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    sections: &[Section],
) -> Result<HearthConfig> {
    let Some(path) = file else { return parse("", "configuration", environment, sections) };
    let text = fs::read_to_string(path).map_err(|cause| {
        Error::invalid("config-file", format!("{} cannot be read: {cause}", path.display()))
            .help("name the configuration file with --config")
    })?;
    parse(&text, &path.display().to_string(), environment, sections)
}

/// Parses the configuration in `text`, which is called `name` in errors.
pub fn parse(
    text: &str,
    name: &str,
    environment: impl Iterator<Item = (String, String)>,
    sections: &[Section],
) -> Result<HearthConfig> {
    // The text is parsed first without the environment, so that an error in it has a line number.
    check_text(text, sections).map_err(|cause| build_config_error(&render_file_error(name, text, &cause)))?;
    let mut table: Table = toml::from_str(text).map_err(|cause| build_config_error(&cause.to_string()))?;
    for (variable, value) in environment {
        let Some(path) = variable.strip_prefix(ENVIRONMENT_PREFIX).filter(|rest| rest.contains("__")) else {
            continue;
        };
        let path = path.to_ascii_lowercase();
        let overlaid = overlay_value(&table, &path.split("__").collect::<Vec<_>>(), &value, sections);
        table = overlaid
            .ok_or_else(|| build_config_error(&format!("{variable} is unknown or has an invalid value")))?;
    }
    read_table(table, sections).map_err(|cause| build_config_error(cause.message()))
}

/// Checks all sections in `text`, so that an error has a line number.
fn check_text(text: &str, sections: &[Section]) -> Result<(), toml::de::Error> {
    TopLevelKeys(sections).deserialize(toml::Deserializer::parse(text)?)?;
    toml::from_str::<HearthConfig>(text)?;
    sections.iter().try_for_each(|section| section.check_text(text))
}

/// Reads the configuration from `table`, whose top-level keys were checked.
fn read_table(table: Table, sections: &[Section]) -> Result<HearthConfig, toml::de::Error> {
    let own: Vec<_> = sections
        .iter()
        .filter_map(|section| Some((section.name(), section.read_value(table.get(section.name())?.clone()))))
        .collect();
    let mut config: HearthConfig = table.try_into()?;
    for (name, value) in own {
        config.sections.insert(name, value?);
    }
    Ok(config)
}

/// Replaces the value at `path` in a copy of `table`: by the number or boolean that `text` represents when the
/// resulting configuration is valid, otherwise by the text itself. `None` when neither is valid.
fn overlay_value(table: &Table, path: &[&str], text: &str, sections: &[Section]) -> Option<Table> {
    let first = path.first()?;
    if !top_level_keys(sections).any(|known| known == *first) {
        return None;
    }
    let read =
        toml::from_str::<Table>(&format!("value = {text}")).ok().and_then(|mut read| read.remove("value"));
    read.into_iter().chain([Value::String(text.to_owned())]).find_map(|value| {
        let mut overlaid = table.clone();
        insert_at_path(&mut overlaid, path, value)?;
        read_table(overlaid.clone(), sections).ok().map(|_| overlaid)
    })
}

fn top_level_keys(sections: &[Section]) -> impl Iterator<Item = &'static str> {
    CORE_KEYS.into_iter().chain(sections.iter().map(Section::name))
}

/// Visitor of a file's top-level keys, which rejects unknown ones.
#[derive(Clone, Copy)]
struct TopLevelKeys<'a>(&'a [Section]);

impl<'de> DeserializeSeed<'de> for TopLevelKeys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for TopLevelKeys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key_seed(KnownKey(self.0))?.is_some() {
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// Visitor of one top-level key. An unknown key is rejected while it is parsed, so that the error has its line.
struct KnownKey<'a>(&'a [Section]);

impl<'de> DeserializeSeed<'de> for KnownKey<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KnownKey<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<(), E> {
        if top_level_keys(self.0).any(|known| known == key) {
            return Ok(());
        }
        let known: Vec<_> = top_level_keys(self.0).map(|known| format!("`{known}`")).collect();
        Err(E::custom(format_args!("unknown field `{key}`, expected one of {}", known.join(", "))))
    }
}

fn insert_at_path(table: &mut Table, path: &[&str], value: Value) -> Option<()> {
    match path {
        [] => None,
        [key] => table.insert((*key).to_owned(), value).map_or(Some(()), |_| Some(())),
        [section, rest @ ..] => {
            let inner = table.entry((*section).to_owned()).or_insert_with(|| Value::Table(Table::new()));
            insert_at_path(inner.as_table_mut()?, rest, value)
        }
    }
}

fn render_file_error(name: &str, text: &str, cause: &toml::de::Error) -> String {
    let line =
        cause.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    match line {
        Some(line) => format!("{name}, line {line}: {}", cause.message()),
        None => format!("{name}: {}", cause.message()),
    }
}

fn build_config_error(what: &str) -> Error {
    // A mistyped setting looks like one of a later release, so both are refused.
    Error::invalid("config", what.to_owned()).help(
        "see docs/configuration.md for all settings; after a return to an earlier release, remove those of the later one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DatabaseSettings, LogFormat};

    crate::settings! {
        /// Settings of a service.
        pub struct ShopSettings in "shop" {
            /// Shelves.
            shelves: u32 = 3,
            /// The sign.
            sign: Option<String> = None,
        }
    }

    const TEST_SECTIONS: &[Section] = &[Section::from_settings::<ShopSettings>()];

    fn build_environment(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<Vec<_>>()
            .into_iter()
    }

    fn parse_error_text(text: &str) -> String {
        parse(text, "hearth.toml", build_environment(&[]), TEST_SECTIONS)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let text = parse_error_text("[door]\nlisten = \"x\"\nlissen = \"y\"\n");
        assert!(text.starts_with("hearth.toml, line 3: unknown field `lissen`"), "{text}");
    }

    #[test]
    fn an_unknown_key_or_value_of_a_service_is_refused_with_its_line() {
        let text = parse_error_text("[log]\nlevel = \"info\"\n[shop]\nshelfs = 2\n");
        assert!(
            text.starts_with("hearth.toml, line 4: unknown field `shelfs`, expected `shelves` or `sign`"),
            "{text}"
        );
        let text = parse_error_text("\n[shop]\n\nshelves = \"two\"\n");
        assert!(text.starts_with("hearth.toml, line 4: invalid type: string \"two\""), "{text}");
    }

    #[test]
    fn an_unknown_section_is_refused_with_its_line() {
        let text = parse_error_text("[shop]\nshelves = 2\n\n[shops]\nshelves = 2\n");
        assert!(
            text.starts_with("hearth.toml, line 4: unknown field `shops`, expected one of `state`"),
            "{text}"
        );
        assert!(text.contains("`shop`"), "{text}");
    }

    #[test]
    fn a_section_that_is_no_table_is_refused() {
        assert!(parse_error_text("shop = 3\n").starts_with("hearth.toml, line 1: "));
    }

    #[test]
    fn the_environment_is_laid_over_the_file() -> Result<()> {
        let config = parse(
            "[door]\nlisten = \"127.0.0.1:1\"\ndomain = \"example.org\"\n[shop]\nshelves = 2\n",
            "hearth.toml",
            build_environment(&[
                ("HEARTH_DOOR__LISTEN", "127.0.0.1:2"),
                ("HEARTH_DOOR__TIMEOUT", "7"),
                ("HEARTH_LOG__FORMAT", "text"),
                ("HEARTH_DATABASE__URL", "postgres://localhost/hearth"),
                ("HEARTH_SHOP__SIGN", "12"),
                ("HEARTH_TOOL", "hello"),
            ]),
            TEST_SECTIONS,
        )?;
        assert_eq!(
            (config.door.listen.as_str(), config.door.domain.as_str()),
            ("127.0.0.1:2", "example.org")
        );
        assert_eq!((config.door.timeout, config.log.format), (7, LogFormat::Text));
        assert!(matches!(config.database, DatabaseSettings::Postgres(_)));
        let shop = config.read_section::<ShopSettings>();
        assert_eq!((shop.shelves, shop.sign.as_deref()), (2, Some("12")));
        Ok(())
    }

    #[test]
    fn a_section_that_is_absent_has_its_defaults() -> Result<()> {
        let config = parse("", "hearth.toml", build_environment(&[]), TEST_SECTIONS)?;
        assert_eq!(config.read_section::<ShopSettings>().shelves, 3);
        assert_eq!(
            config
                .with_section(|shop: &mut ShopSettings| shop.shelves = 4)
                .read_section::<ShopSettings>()
                .shelves,
            4
        );
        Ok(())
    }

    #[test]
    fn a_variable_that_is_no_setting_is_refused_by_name() {
        for (variable, value) in [
            ("HEARTH_DOOR__LISSEN", "x"),
            ("HEARTH_SHOP__SHELFS", "1"),
            ("HEARTH_SHOP__SHELVES", "x"),
            ("HEARTH_SHOPS__SIGN", "x"),
        ] {
            let error =
                parse("", "hearth.toml", build_environment(&[(variable, value)]), TEST_SECTIONS).err();
            assert!(error.is_some_and(|error| error.public_message().contains(variable)), "{variable}");
        }
    }

    #[test]
    fn the_page_has_every_key_with_default_and_meaning() {
        let page = crate::config::render_page(TEST_SECTIONS);
        for line in [
            "| `door.body_limit` | 1048576 | Maximum body size of an API request, in bytes; endpoints for uploads have \
             limits of their own |",
            "## `[shop]`\n\nSettings of a service.\n",
            "| `shop.shelves` | 3 | Shelves |",
            "| `shop.sign` | none | The sign |",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
    }
}
