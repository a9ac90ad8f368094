//! Where a variable is. What is closed for one place does not open at another.

use std::fmt;

use hearth_base::{EnvvarName, JobName, SealedFor, ToolId};

/// Whose a variable is, and what it is called there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub tool: ToolId,
    /// The one job that has it; none: every job of the tool.
    pub job: Option<JobName>,
    pub name: EnvvarName,
}

impl Place {
    /// Its parts as they are the key of a row; no job is an empty one.
    pub fn key(&self) -> (String, String, String) {
        let job = self.job.as_ref().map(ToString::to_string);
        (self.tool.to_string(), job.unwrap_or_default(), self.name.to_string())
    }

    /// What a value is sealed for.
    pub fn sealed_for(&self) -> SealedFor<'_> {
        SealedFor { tool: self.tool, name: &self.name, job: self.job.as_ref() }
    }
}

/// For what binds a value to its place: neither ids nor names hold a slash, so no two places are written alike.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tool, job, name } = self;
        write!(f, "{tool}/{name}")?;
        job.as_ref().map_or(Ok(()), |job| write!(f, "/{job}"))
    }
}
