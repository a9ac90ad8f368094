//! Each tool's number, given by this runtime at first use and never to another tool.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use hearth_base::{Error, Result, ToolId};
use serde::{Deserialize, Serialize};

use crate::{
    disk,
    failure::Doing,
    sys::ids::{RANGE, STORE},
};

/// The numbers of all tools, kept in one file.
#[derive(Debug)]
pub struct Tools {
    path: PathBuf,
    first_id: u32,
    kept: Mutex<Kept>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    version: u32,
    next: u32,
    tools: BTreeMap<ToolId, u32>,
}

impl Tools {
    /// Reads the file, if there is one. `first_id` is where the ranges of ids begin.
    pub fn open(path: PathBuf, first_id: u32) -> Result<Self> {
        let kept = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                Error::unavailable("tools-file", format!("{} can't be read", path.display()))
                    .help("restore it from a backup: without it tools would get each other's ids")
                    .because(error)
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Kept { version: 1, ..Kept::default() }
            }
            Err(error) => return Err(error).doing("reading the numbers of tools"),
        };
        Ok(Self { path, first_id, kept: Mutex::new(kept) })
    }

    /// A tool's number, if it has one.
    pub fn known(&self, tool: ToolId) -> Option<u32> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).tools.get(&tool).copied()
    }

    /// A tool's number.
    pub fn number(&self, tool: ToolId) -> Result<u32> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = kept.tools.get(&tool) {
            return Ok(*number);
        }
        let mut next = kept.clone();
        let number = next.next;
        next.next += 1;
        next.tools.insert(tool, number);
        self.first_id(number)?;
        disk::replace(&self.path, &next).doing(format_args!("keeping the number of {tool}"))?;
        *kept = next;
        Ok(number)
    }

    /// The first of the host's ids that belong to the tool with this number.
    pub fn first_id(&self, number: u32) -> Result<u32> {
        number
            .checked_mul(RANGE)
            .and_then(|offset| self.first_id.checked_add(offset))
            .filter(|id| *id < STORE - RANGE)
            .ok_or_else(|| {
                Error::new(
                    hearth_base::Kind::Exhausted,
                    "ids-used-up",
                    "this machine has no more ids for tools",
                )
                .help("move some tools to another machine")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_base::{Clock, Entropy, SystemClock};

    #[test]
    fn a_number_outlives_the_process_and_is_never_shared() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("tools.json");
        let tool = || ToolId::new(SystemClock.now(), &Entropy::System);
        let (one, two, three) = (tool(), tool(), tool());
        let tools = Tools::open(path.clone(), 65_536)?;
        assert_eq!((tools.number(one)?, tools.number(two)?, tools.number(one)?), (0, 1, 0));
        let again = Tools::open(path, 65_536)?;
        assert_eq!((again.number(two)?, again.number(three)?, again.known(tool())), (1, 2, None));
        assert_eq!(again.first_id(2)?, 3 * 65_536);
        assert!(again.first_id(u32::MAX).is_err());
        Ok(())
    }
}
