//! Tool numbers: this runtime lends each tool a number at first use. The number comes back when the tool is erased and
//! nothing of it is left on this host; the range of host ids that belongs to it may then be lent to another tool.

use std::{
    collections::{BTreeMap, VecDeque},
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hearth_base::{Error, Result, ToolId};
use serde::{Deserialize, Serialize};

use crate::{
    host_error::HostErrorContext,
    state_files,
    state_format::StateFormat,
    sys::ids::{IDS_PER_CONTAINER, STORED_ID_BASE},
};

/// Maximum number of file processes of one tool: more than its sessions, since a process may outlive its caller.
const MAX_FILE_PROCESSES_PER_TOOL: usize = 8;

/// Numbers of all tools, stored in one file.
#[derive(Debug)]
pub struct ToolNumbers {
    path: PathBuf,
    first_id: u32,
    numbers: Mutex<StoredToolNumbers>,
    /// The uses of numbers by processes outside of the tools' host ids, which a look at the host does not show.
    uses: Arc<Mutex<BTreeMap<ToolId, usize>>>,
}

/// A use of a tool's number by a file process. The number is not taken back before it is dropped.
#[derive(Debug)]
pub struct NumberUse {
    pub number: u32,
    tool: ToolId,
    uses: Arc<Mutex<BTreeMap<ToolId, usize>>>,
}

impl Drop for NumberUse {
    fn drop(&mut self) {
        let mut uses = lock_uses(&self.uses);
        if let Some(count) = uses.get_mut(&self.tool) {
            *count -= 1;
            if *count == 0 {
                uses.remove(&self.tool);
            }
        }
    }
}

fn lock_uses(uses: &Mutex<BTreeMap<ToolId, usize>>) -> MutexGuard<'_, BTreeMap<ToolId, usize>> {
    uses.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct StoredToolNumbers {
    version: u32,
    /// The smallest number that was never lent.
    next: u32,
    /// The numbers in version 1. Release 0.1 requires this field, so it refuses a file of version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tools: Option<BTreeMap<ToolId, u32>>,
    /// The numbers in version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lent: Option<BTreeMap<ToolId, u32>>,
    /// Numbers that came back, the one that is free for the longest time first.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    free: VecDeque<u32>,
}

impl StoredToolNumbers {
    /// Converts the file into the version of the state folder's format.
    fn with_format(self, format: StateFormat) -> Self {
        let lent = self.lent.or(self.tools).unwrap_or_default();
        let (version, tools, lent) = match format {
            StateFormat::Release01 => (1, Some(lent), None),
            StateFormat::Release02 => (2, None, Some(lent)),
        };
        Self { version, tools, lent, ..self }
    }

    fn lent_numbers(&self) -> Option<&BTreeMap<ToolId, u32>> {
        self.lent.as_ref().or(self.tools.as_ref())
    }

    fn lent_numbers_mut(&mut self) -> &mut BTreeMap<ToolId, u32> {
        match &mut self.tools {
            Some(tools) => tools,
            None => self.lent.get_or_insert_default(),
        }
    }

    fn find_number(&self, tool: ToolId) -> Option<u32> {
        self.lent_numbers()?.get(&tool).copied()
    }
}

impl ToolNumbers {
    /// Reads the file, if it exists, and converts it to the format of the state folder. `first_id` is the first host
    /// id of tool number 0.
    pub fn open(path: PathBuf, first_id: u32, format: StateFormat) -> Result<Self> {
        let stored: Option<StoredToolNumbers> = match fs::read(&path) {
            Ok(bytes) => Some(serde_json::from_slice(&bytes).map_err(|error| {
                Error::unavailable("tools-file", format!("{} is unreadable", path.display()))
                    .help("restore it from a backup: tools would get the ids of other tools without it")
                    .with_cause(error)
            })?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context("reading the numbers of tools"),
        };
        let former_version = stored.as_ref().map(|stored| stored.version);
        let numbers = stored.unwrap_or_default().with_format(format);
        if former_version.is_some_and(|version| version != numbers.version) {
            state_files::replace_file(&path, &numbers).with_context("storing the numbers of tools")?;
        }
        Ok(Self { path, first_id, numbers: Mutex::new(numbers), uses: Arc::default() })
    }

    /// Finds a tool's number, if it has one.
    pub fn find_number(&self, tool: ToolId) -> Option<u32> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).find_number(tool)
    }

    /// Returns a tool's number, and lends it a free one if it has none.
    pub fn assign_number(&self, tool: ToolId) -> Result<u32> {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = numbers.find_number(tool) {
            return Ok(number);
        }
        let mut next = numbers.clone();
        let number = next.free.pop_front().unwrap_or_else(|| {
            next.next += 1;
            next.next - 1
        });
        next.lent_numbers_mut().insert(tool, number);
        self.compute_first_id(number)?;
        state_files::replace_file(&self.path, &next)
            .with_context(format_args!("storing the number of {tool}"))?;
        *numbers = next;
        Ok(number)
    }

    /// Begins a use of a tool's number, and lends it a free one if it has none. Error `files-busy` beyond
    /// [`MAX_FILE_PROCESSES_PER_TOOL`].
    pub fn begin_use(&self, tool: ToolId) -> Result<NumberUse> {
        // First the use, then the number: a number that is found cannot be taken back any more.
        {
            let mut uses = lock_uses(&self.uses);
            let count = uses.entry(tool).or_default();
            if *count >= MAX_FILE_PROCESSES_PER_TOOL {
                return Err(Error::unavailable(
                    "files-busy",
                    "too many file requests of this tool are running",
                )
                .help("try again in a moment"));
            }
            *count += 1;
        }
        let mut begun = NumberUse { number: 0, tool, uses: self.uses.clone() };
        begun.number = self.assign_number(tool)?;
        Ok(begun)
    }

    /// Fails with `tool-still-runs` while a file process uses the tool's number.
    pub fn require_unused(&self, tool: ToolId) -> Result<()> {
        match lock_uses(&self.uses).contains_key(&tool) {
            true => Err(Error::conflict("tool-still-runs", format!("files of tool {tool} are in use"))
                .help("try again in a moment")),
            false => Ok(()),
        }
    }

    /// Takes the number of an erased tool back. Nothing may use the number any more: no storage, and no process, which
    /// is checked here. Error `tool-still-runs` while a process has an id of the tool.
    pub fn release_number(&self, tool: ToolId) -> Result<()> {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = numbers.clone();
        let Some(number) = next.lent_numbers_mut().remove(&tool) else { return Ok(()) };
        self.require_unused(tool)?;
        let first_id = self.compute_first_id(number)?;
        if let Some(pid) =
            find_process_with_ids(first_id).with_context("listing the processes of this host")?
        {
            return Err(Error::conflict("tool-still-runs", format!("tool {tool} has a process: {pid}"))
                .help("try again in a moment"));
        }
        next.free.push_back(number);
        state_files::replace_file(&self.path, &next)
            .with_context(format_args!("storing that the number of {tool} is free"))?;
        *numbers = next;
        Ok(())
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

/// Finds a process of this host whose user id is in the range of a tool (proc(5), `/proc/PID/status`).
fn find_process_with_ids(first_id: u32) -> io::Result<Option<u32>> {
    let range = first_id..first_id.saturating_add(IDS_PER_CONTAINER);
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // A process that has just exited has no ids.
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let ids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
        if ids.split_ascii_whitespace().filter_map(|id| id.parse().ok()).any(|id: u32| range.contains(&id)) {
            return Ok(Some(pid));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_base::{Clock, Entropy, SystemClock};

    /// First id of ranges that no process of this host has.
    const FREE_ID_RANGE: u32 = 0x7000_0000;

    #[test]
    fn number_survives_a_restart_and_is_not_shared() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("tools.json");
        let tool = || ToolId::new(SystemClock.now(), &Entropy::System);
        let (one, two, three) = (tool(), tool(), tool());
        let tools = ToolNumbers::open(path.clone(), 65_536, StateFormat::NEWEST_FORMAT)?;
        assert_eq!(
            (tools.assign_number(one)?, tools.assign_number(two)?, tools.assign_number(one)?),
            (0, 1, 0)
        );
        let reopened = ToolNumbers::open(path, 65_536, StateFormat::NEWEST_FORMAT)?;
        assert_eq!(
            (reopened.assign_number(two)?, reopened.assign_number(three)?, reopened.find_number(tool())),
            (1, 2, None)
        );
        assert_eq!(reopened.compute_first_id(2)?, 3 * 65_536);
        assert!(reopened.compute_first_id(u32::MAX).is_err());
        Ok(())
    }

    #[test]
    fn numbers_of_tools_are_unreadable_to_release_0_1_once_the_upgrade_is_finished() -> Result<()> {
        /// As release 0.1 reads the file.
        #[derive(Deserialize)]
        struct NumbersOfRelease01 {
            tools: BTreeMap<ToolId, u32>,
        }
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("tools.json");
        let read = || serde_json::from_slice::<NumbersOfRelease01>(&fs::read(&path).unwrap_or_default());
        let tool = ToolId::new(SystemClock.now(), &Entropy::System);
        let number = ToolNumbers::open(path.clone(), 65_536, StateFormat::Release01)?.assign_number(tool)?;
        assert_eq!(read().ok().and_then(|read| read.tools.get(&tool).copied()), Some(number));
        let finished = ToolNumbers::open(path.clone(), 65_536, StateFormat::Release02)?;
        assert_eq!(finished.find_number(tool), Some(number));
        assert!(read().is_err());
        let reopened = ToolNumbers::open(path.clone(), 65_536, StateFormat::Release02)?;
        assert_eq!(reopened.find_number(tool), Some(number));
        Ok(())
    }

    #[test]
    fn number_of_an_erased_tool_is_lent_again() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("tools.json");
        let tool = || ToolId::new(SystemClock.now(), &Entropy::System);
        let (one, two, three) = (tool(), tool(), tool());
        let tools = ToolNumbers::open(path.clone(), FREE_ID_RANGE, StateFormat::NEWEST_FORMAT)?;
        assert_eq!((tools.assign_number(one)?, tools.assign_number(two)?), (0, 1));
        tools.release_number(one)?;
        tools.release_number(one)?;
        assert_eq!(tools.find_number(one), None);
        let reopened = ToolNumbers::open(path, FREE_ID_RANGE, StateFormat::NEWEST_FORMAT)?;
        assert_eq!((reopened.assign_number(three)?, reopened.assign_number(one)?), (0, 2));
        Ok(())
    }

    #[test]
    fn number_is_kept_while_a_file_process_uses_it() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let tools =
            ToolNumbers::open(folder.path().join("tools.json"), FREE_ID_RANGE, StateFormat::NEWEST_FORMAT)?;
        let tool = ToolId::new(SystemClock.now(), &Entropy::System);
        let uses =
            (0..MAX_FILE_PROCESSES_PER_TOOL).map(|_| tools.begin_use(tool)).collect::<Result<Vec<_>>>()?;
        assert_eq!(tools.begin_use(tool).unwrap_err().code(), "files-busy");
        assert_eq!(tools.release_number(tool).unwrap_err().code(), "tool-still-runs");
        assert_eq!((tools.find_number(tool), uses[0].number), (Some(0), 0));
        drop(uses);
        tools.release_number(tool)?;
        assert_eq!(tools.find_number(tool), None);
        Ok(())
    }

    #[test]
    fn numbers_do_not_run_out_when_tools_are_erased() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        // Two ranges of ids fit.
        let first_id = STORED_ID_BASE - 3 * IDS_PER_CONTAINER;
        let tools =
            ToolNumbers::open(folder.path().join("tools.json"), first_id, StateFormat::NEWEST_FORMAT)?;
        for _ in 0..20 {
            let tool = ToolId::new(SystemClock.now(), &Entropy::System);
            assert!(tools.assign_number(tool)? < 2);
            tools.release_number(tool)?;
        }
        Ok(())
    }

    #[test]
    fn number_is_kept_while_a_process_has_an_id_of_the_tool() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        // The range of number 0 includes the ids of this process.
        let tools = ToolNumbers::open(folder.path().join("tools.json"), 0, StateFormat::NEWEST_FORMAT)?;
        let tool = ToolId::new(SystemClock.now(), &Entropy::System);
        tools.assign_number(tool)?;
        let refused = tools.release_number(tool).err();
        assert_eq!(refused.map(|error| error.code().to_owned()).as_deref(), Some("tool-still-runs"));
        assert_eq!(tools.find_number(tool), Some(0));
        Ok(())
    }
}
