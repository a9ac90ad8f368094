//! Reads configuration from its sources.

use std::{fmt, fs, path::Path};

use hearth_base::{Error, Result};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use toml::{Table, Value};

use super::{CORE_KEYS, Config, Section};

const PREFIX: &str = "HEARTH_";

/// The configuration in `file` (none: the defaults) with `environment` laid over it. `sections` are those of all
/// services, whether or not this process runs them.
pub fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    sections: &[Section],
) -> Result<Config> {
    let Some(path) = file else { return parse("", "configuration", environment, sections) };
    let text = fs::read_to_string(path).map_err(|cause| {
        Error::invalid("config-file", format!("{} cannot be read: {cause}", path.display()))
            .help("name the configuration file with --config")
    })?;
    parse(&text, &path.display().to_string(), environment, sections)
}

/// The configuration in `text`, which is called `name` in errors.
pub fn parse(
    text: &str,
    name: &str,
    environment: impl Iterator<Item = (String, String)>,
    sections: &[Section],
) -> Result<Config> {
    // The text is read first without the environment, so that an error in it has its line.
    check_text(text, sections).map_err(|cause| refused(&in_file(name, text, &cause)))?;
    let mut table: Table = toml::from_str(text).map_err(|cause| refused(&cause.to_string()))?;
    for (variable, value) in environment {
        let Some(path) = variable.strip_prefix(PREFIX).filter(|rest| rest.contains("__")) else { continue };
        let path = path.to_ascii_lowercase();
        let overlaid = overlay_value(&table, &path.split("__").collect::<Vec<_>>(), &value, sections);
        table = overlaid
            .ok_or_else(|| refused(&format!("{variable} is no setting, or cannot have this value")))?;
    }
    read_table(table, sections).map_err(|cause| refused(cause.message()))
}

/// Reads everything in `text` for its errors, each of which has its place.
fn check_text(text: &str, sections: &[Section]) -> Result<(), toml::de::Error> {
    TopLevel(sections).deserialize(toml::Deserializer::parse(text)?)?;
    toml::from_str::<Config>(text)?;
    sections.iter().try_for_each(|section| section.check_text(text))
}

/// The configuration in `table`, whose top-level keys are known.
fn read_table(table: Table, sections: &[Section]) -> Result<Config, toml::de::Error> {
    let own: Vec<_> = sections
        .iter()
        .filter_map(|section| Some((section.name(), section.read_value(table.get(section.name())?.clone()))))
        .collect();
    let mut config: Config = table.try_into()?;
    for (name, value) in own {
        config.sections.insert(name, value?);
    }
    Ok(config)
}

/// `table` with the value at `path` replaced: by the number or truth value that `text` reads as if a
/// configuration with that is good, otherwise by the text itself.
fn overlay_value(table: &Table, path: &[&str], text: &str, sections: &[Section]) -> Option<Table> {
    let first = path.first()?;
    if !top_level_keys(sections).any(|known| known == *first) {
        return None;
    }
    let read =
        toml::from_str::<Table>(&format!("value = {text}")).ok().and_then(|mut read| read.remove("value"));
    read.into_iter().chain([Value::String(text.to_owned())]).find_map(|value| {
        let mut overlaid = table.clone();
        put(&mut overlaid, path, value)?;
        read_table(overlaid.clone(), sections).ok().map(|_| overlaid)
    })
}

fn top_level_keys(sections: &[Section]) -> impl Iterator<Item = &'static str> {
    CORE_KEYS.into_iter().chain(sections.iter().map(Section::name))
}

/// Reads a file's top-level keys, and refuses one that nobody owns.
#[derive(Clone, Copy)]
struct TopLevel<'a>(&'a [Section]);

impl<'de> DeserializeSeed<'de> for TopLevel<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for TopLevel<'_> {
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

/// A top-level key. It is refused while it is read, so that the error has the key's place.
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

fn put(table: &mut Table, path: &[&str], value: Value) -> Option<()> {
    match path {
        [] => None,
        [key] => table.insert((*key).to_owned(), value).map_or(Some(()), |_| Some(())),
        [section, rest @ ..] => {
            let inner = table.entry((*section).to_owned()).or_insert_with(|| Value::Table(Table::new()));
            put(inner.as_table_mut()?, rest, value)
        }
    }
}

fn in_file(name: &str, text: &str, cause: &toml::de::Error) -> String {
    let line =
        cause.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    match line {
        Some(line) => format!("{name}, line {line}: {}", cause.message()),
        None => format!("{name}: {}", cause.message()),
    }
}

fn refused(what: &str) -> Error {
    Error::invalid("config", what.to_owned()).help("see docs/configuration.md for every setting")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Database, LogFormat};

    crate::settings! {
        /// Settings of a service.
        pub struct ShopSettings in "shop" {
            /// Shelves.
            shelves: u32 = 3,
            /// The sign.
            sign: Option<String> = None,
        }
    }

    const SECTIONS: &[Section] = &[Section::of::<ShopSettings>()];

    fn set(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<Vec<_>>()
            .into_iter()
    }

    fn refusal(text: &str) -> String {
        parse(text, "hearth.toml", set(&[]), SECTIONS)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let text = refusal("[door]\nlisten = \"x\"\nlissen = \"y\"\n");
        assert!(text.starts_with("hearth.toml, line 3: unknown field `lissen`"), "{text}");
    }

    #[test]
    fn an_unknown_key_or_value_of_a_service_is_refused_with_its_line() {
        let text = refusal("[log]\nlevel = \"info\"\n[shop]\nshelfs = 2\n");
        assert!(
            text.starts_with("hearth.toml, line 4: unknown field `shelfs`, expected `shelves` or `sign`"),
            "{text}"
        );
        let text = refusal("\n[shop]\n\nshelves = \"two\"\n");
        assert!(text.starts_with("hearth.toml, line 4: invalid type: string \"two\""), "{text}");
    }

    #[test]
    fn an_unknown_section_is_refused_with_its_line() {
        let text = refusal("[shop]\nshelves = 2\n\n[shops]\nshelves = 2\n");
        assert!(
            text.starts_with("hearth.toml, line 4: unknown field `shops`, expected one of `state`"),
            "{text}"
        );
        assert!(text.contains("`shop`"), "{text}");
    }

    #[test]
    fn a_section_that_is_no_table_is_refused() {
        assert!(refusal("shop = 3\n").starts_with("hearth.toml, line 1: "));
    }

    #[test]
    fn the_environment_is_laid_over_the_file() -> Result<()> {
        let config = parse(
            "[door]\nlisten = \"127.0.0.1:1\"\ndomain = \"example.org\"\n[shop]\nshelves = 2\n",
            "hearth.toml",
            set(&[
                ("HEARTH_DOOR__LISTEN", "127.0.0.1:2"),
                ("HEARTH_DOOR__TIMEOUT", "7"),
                ("HEARTH_LOG__FORMAT", "text"),
                ("HEARTH_DATABASE__URL", "postgres://localhost/hearth"),
                ("HEARTH_SHOP__SIGN", "12"),
                ("HEARTH_TOOL", "hello"),
            ]),
            SECTIONS,
        )?;
        assert_eq!(
            (config.door.listen.as_str(), config.door.domain.as_str()),
            ("127.0.0.1:2", "example.org")
        );
        assert_eq!((config.door.timeout, config.log.format), (7, LogFormat::Text));
        assert!(matches!(config.database, Database::Postgres(_)));
        let shop = config.section::<ShopSettings>();
        assert_eq!((shop.shelves, shop.sign.as_deref()), (2, Some("12")));
        Ok(())
    }

    #[test]
    fn a_section_that_is_absent_has_its_defaults() -> Result<()> {
        let config = parse("", "hearth.toml", set(&[]), SECTIONS)?;
        assert_eq!(config.section::<ShopSettings>().shelves, 3);
        assert_eq!(
            config.with(|shop: &mut ShopSettings| shop.shelves = 4).section::<ShopSettings>().shelves,
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
            let error = parse("", "hearth.toml", set(&[(variable, value)]), SECTIONS).err();
            assert!(error.is_some_and(|error| error.public().contains(variable)), "{variable}");
        }
    }

    #[test]
    fn the_page_has_every_key_with_default_and_meaning() {
        let page = crate::config::render_page(SECTIONS);
        for line in [
            "| `door.body_limit` | 1048576 | Largest body of one API request, in bytes; endpoints that take content have \
             limits of their own |",
            "## `[shop]`\n\nSettings of a service.\n",
            "| `shop.shelves` | 3 | Shelves |",
            "| `shop.sign` | none | The sign |",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
    }
}
