//! Environment variables of a job's own.

use std::{collections::BTreeMap, fmt};

use hearth_base::EnvvarName;
use serde::{Deserialize, Serialize};

/// Environment variables of a job's own, by name. `Debug` shows their names only, so that no log has a value.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobVariables(BTreeMap<EnvvarName, String>);

impl JobVariables {
    /// The maximum number of variables.
    pub const MAX_COUNT: usize = 64;
    /// The maximum size of a value, in bytes.
    pub const MAX_VALUE_BYTES: usize = 4 << 10;
    /// The maximum size of all names and values, in bytes.
    pub const MAX_TOTAL_BYTES: usize = 32 << 10;
    /// The maximum number of the tool's variables that a job names.
    pub const MAX_ENVVARS: usize = 200;

    /// Returns the variables by name.
    pub fn as_map(&self) -> &BTreeMap<EnvvarName, String> {
        &self.0
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<BTreeMap<EnvvarName, String>> for JobVariables {
    fn from(variables: BTreeMap<EnvvarName, String>) -> Self {
        Self(variables)
    }
}

impl FromIterator<(EnvvarName, String)> for JobVariables {
    fn from_iter<T: IntoIterator<Item = (EnvvarName, String)>>(variables: T) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl fmt::Debug for JobVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys().map(EnvvarName::as_str)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_in_the_debug_form() -> hearth_base::Result<()> {
        let variables: JobVariables =
            [("LOG_LEVEL".parse()?, "debug-value".to_owned())].into_iter().collect();
        assert_eq!(format!("{variables:?}"), r#"{"LOG_LEVEL"}"#);
        Ok(())
    }
}
