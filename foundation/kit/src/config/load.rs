//! Reads configuration from its sources.

use std::{fs, path::Path};

use hearth_base::{Error, Result};
use toml::{Table, Value};

use super::Config;

const PREFIX: &str = "HEARTH_";

/// The configuration in `file` (none: the defaults) with `environment` laid over it.
pub fn load(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Config> {
    let Some(path) = file else { return parse("", "configuration", environment) };
    let text = fs::read_to_string(path).map_err(|cause| {
        Error::invalid("config-file", format!("{} cannot be read: {cause}", path.display()))
            .help("name the configuration file with --config")
    })?;
    parse(&text, &path.display().to_string(), environment)
}

/// The configuration in `text`, which is called `name` in errors.
pub fn parse(text: &str, name: &str, environment: impl Iterator<Item = (String, String)>) -> Result<Config> {
    // Read alone first, so that an error in the file is told with its line.
    toml::from_str::<Config>(text).map_err(|cause| refused(&in_file(name, text, &cause)))?;
    let mut table: Table = toml::from_str(text).map_err(|cause| refused(&cause.to_string()))?;
    for (variable, value) in environment {
        let Some(path) = variable.strip_prefix(PREFIX).filter(|rest| rest.contains("__")) else { continue };
        let path = path.to_ascii_lowercase();
        let overlaid = overlay(&table, &path.split("__").collect::<Vec<_>>(), &value);
        table = overlaid
            .ok_or_else(|| refused(&format!("{variable} is no setting, or cannot have this value")))?;
    }
    table.try_into().map_err(|cause: toml::de::Error| refused(cause.message()))
}

/// `table` with the value at `path` replaced: by the number or truth value that `text` reads as if a
/// configuration with that is good, otherwise by the text itself.
fn overlay(table: &Table, path: &[&str], text: &str) -> Option<Table> {
    let read =
        toml::from_str::<Table>(&format!("value = {text}")).ok().and_then(|mut read| read.remove("value"));
    read.into_iter().chain([Value::String(text.to_owned())]).find_map(|value| {
        let mut overlaid = table.clone();
        put(&mut overlaid, path, value)?;
        overlaid.clone().try_into::<Config>().ok().map(|_| overlaid)
    })
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

    fn set(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<Vec<_>>()
            .into_iter()
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = parse("[door]\nlisten = \"x\"\nlissen = \"y\"\n", "hearth.toml", set(&[])).err();
        let text = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(text.starts_with("hearth.toml, line 3: unknown field `lissen`"), "{text}");
    }

    #[test]
    fn the_environment_is_laid_over_the_file() -> Result<()> {
        let config = parse(
            "[door]\nlisten = \"127.0.0.1:1\"\ndomain = \"example.org\"\n",
            "hearth.toml",
            set(&[
                ("HEARTH_DOOR__LISTEN", "127.0.0.1:2"),
                ("HEARTH_DOOR__TIMEOUT", "7"),
                ("HEARTH_LOG__FORMAT", "text"),
                ("HEARTH_DATABASE__URL", "postgres://localhost/hearth"),
                ("HEARTH_TOOL", "hello"),
            ]),
        )?;
        assert_eq!(
            (config.door.listen.as_str(), config.door.domain.as_str()),
            ("127.0.0.1:2", "example.org")
        );
        assert_eq!((config.door.timeout, config.log.format), (7, LogFormat::Text));
        assert!(matches!(config.database, Database::Postgres(_)));
        Ok(())
    }

    #[test]
    fn a_variable_that_is_no_setting_is_refused_by_name() {
        let error = parse("", "hearth.toml", set(&[("HEARTH_DOOR__LISSEN", "x")])).err();
        assert!(error.is_some_and(|error| error.public().contains("HEARTH_DOOR__LISSEN")));
    }
}
