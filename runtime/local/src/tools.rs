//! Tool numbers: this runtime assigns each tool a number at first use and never reuses it.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use hearth_base::{Error, Result, ToolId};
use serde::{Deserialize, Serialize};

use crate::{
    host_error::HostErrorContext,
    state_files,
    sys::ids::{IDS_PER_CONTAINER, STORED_ID_BASE},
};

/// Numbers of all tools, stored in one file.
#[derive(Debug)]
pub struct ToolNumbers {
    path: PathBuf,
    first_id: u32,
    numbers: Mutex<StoredToolNumbers>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct StoredToolNumbers {
    version: u32,
    next: u32,
    tools: BTreeMap<ToolId, u32>,
}

impl ToolNumbers {
    /// Reads the file, if it exists. `first_id` is the first host id of tool number 0.
    pub fn open(path: PathBuf, first_id: u32) -> Result<Self> {
        let numbers = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                Error::unavailable("tools-file", format!("{} is unreadable", path.display()))
                    .help("restore it from a backup: tools would get the ids of other tools without it")
                    .with_cause(error)
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                StoredToolNumbers { version: 1, ..StoredToolNumbers::default() }
            }
            Err(error) => return Err(error).with_context("reading the numbers of tools"),
        };
        Ok(Self { path, first_id, numbers: Mutex::new(numbers) })
    }

    /// Finds a tool's number, if it has one.
    pub fn find_number(&self, tool: ToolId) -> Option<u32> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).tools.get(&tool).copied()
    }

    /// Returns a tool's number, and assigns the next one if it has none.
    pub fn assign_number(&self, tool: ToolId) -> Result<u32> {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = numbers.tools.get(&tool) {
            return Ok(*number);
        }
        let mut next = numbers.clone();
        let number = next.next;
        next.next += 1;
        next.tools.insert(tool, number);
        self.compute_first_id(number)?;
        state_files::replace_file(&self.path, &next)
            .with_context(format_args!("storing the number of {tool}"))?;
        *numbers = next;
        Ok(number)
    }

    /// First host id of the tool with this number. Fails with `ids-used-up` when the range is exhausted.
    pub fn compute_first_id(&self, number: u32) -> Result<u32> {
        number
            .checked_mul(IDS_PER_CONTAINER)
            .and_then(|offset| self.first_id.checked_add(offset))
            .filter(|id| *id < STORED_ID_BASE - IDS_PER_CONTAINER)
            .ok_or_else(|| {
                Error::new(
                    hearth_base::ErrorKind::Exhausted,
                    "ids-used-up",
                    "this host has no free ids for another tool",
                )
                .help("move some tools to another host")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_base::{Clock, Entropy, SystemClock};

    #[test]
    fn number_survives_a_restart_and_is_never_shared() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("tools.json");
        let tool = || ToolId::new(SystemClock.now(), &Entropy::System);
        let (one, two, three) = (tool(), tool(), tool());
        let tools = ToolNumbers::open(path.clone(), 65_536)?;
        assert_eq!(
            (tools.assign_number(one)?, tools.assign_number(two)?, tools.assign_number(one)?),
            (0, 1, 0)
        );
        let reopened = ToolNumbers::open(path, 65_536)?;
        assert_eq!(
            (reopened.assign_number(two)?, reopened.assign_number(three)?, reopened.find_number(tool())),
            (1, 2, None)
        );
        assert_eq!(reopened.compute_first_id(2)?, 3 * 65_536);
        assert!(reopened.compute_first_id(u32::MAX).is_err());
        Ok(())
    }
}
