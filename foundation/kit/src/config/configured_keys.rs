//! The keys that an operator has set, for a comparison with the settings of another release.

use std::{collections::BTreeSet, fs, path::Path};

use hearth_base::{Error, Result};
use toml::{Table, Value};

use super::load::ENVIRONMENT_PREFIX;

/// Lists the keys (`section.key`) that `file` and `environment` set, whether or not this release knows them.
pub fn list_configured_keys(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<BTreeSet<String>> {
    let mut keys = BTreeSet::new();
    if let Some(path) = file {
        let text = fs::read_to_string(path).map_err(Error::internal)?;
        let table: Table = toml::from_str(&text).map_err(Error::internal)?;
        collect_keys(&table, "", &mut keys);
    }
    let variables = environment.filter_map(|(variable, _)| {
        let path = variable.strip_prefix(ENVIRONMENT_PREFIX)?;
        path.contains("__").then(|| path.to_ascii_lowercase().replace("__", "."))
    });
    keys.extend(variables);
    Ok(keys)
}

fn collect_keys(table: &Table, prefix: &str, keys: &mut BTreeSet<String>) {
    for (key, value) in table {
        match value {
            Value::Table(inner) => collect_keys(inner, &format!("{prefix}{key}."), keys),
            _ => {
                keys.insert(format!("{prefix}{key}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configured_keys_are_those_of_the_file_and_of_the_environment() -> Result<()> {
        let file = tempfile::NamedTempFile::new().map_err(Error::internal)?;
        fs::write(file.path(), "state = \"/x\"\n[shop]\nshelves = 2\n[shop.signs]\ndoor = [1]\n")
            .map_err(Error::internal)?;
        let environment = [("HEARTH_DOOR__LISTEN", "x"), ("HEARTH_TOOL", "hello"), ("PATH", "/bin")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let keys = list_configured_keys(Some(file.path()), environment.into_iter())?;
        assert_eq!(
            keys.iter().map(String::as_str).collect::<Vec<_>>(),
            ["door.listen", "shop.shelves", "shop.signs.door", "state"]
        );
        Ok(())
    }
}
