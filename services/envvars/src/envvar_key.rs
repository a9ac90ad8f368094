//! Key of a variable. An encrypted value can be opened only with its own key as associated data.

use std::fmt;

use hearth_base::{EnvvarName, JobName, SealContext, ToolId};

/// Key of a variable: tool, job and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvvarKey {
    pub tool: ToolId,
    /// Job that owns the variable; absent for every job of the tool.
    pub job: Option<JobName>,
    pub name: EnvvarName,
}

impl EnvvarKey {
    /// Converts the key to the primary key of a row; an absent job is an empty text.
    pub fn to_row_key(&self) -> (String, String, String) {
        let job = self.job.as_ref().map(ToString::to_string);
        (self.tool.to_string(), job.unwrap_or_default(), self.name.to_string())
    }

    /// Returns the context for sealing.
    pub fn seal_context(&self) -> SealContext<'_> {
        SealContext { tool: self.tool, name: &self.name, job: self.job.as_ref() }
    }
}

/// Encodes the key as associated data of the encryption. Ids and names contain no slash, so each key has a
/// unique form.
impl fmt::Display for EnvvarKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tool, job, name } = self;
        write!(f, "{tool}/{name}")?;
        job.as_ref().map_or(Ok(()), |job| write!(f, "/{job}"))
    }
}
