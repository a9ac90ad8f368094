//! Tool numbers: this runtime lends each tool a number at first use. The number comes back when the tool is erased and
//! nothing of it is left on this host; the range of host ids that belongs to it may then be lent to another tool.
//!
//! A preview has a number of its own, so that its processes have no id of its tool. It comes back when the runtime has
//! no workload of the preview any more (`previews.rs`).

use std::{
    collections::{BTreeMap, VecDeque},
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hearth_base::{Error, Result, ToolId};
use hearth_runtime_api::{Feature, Owner};
use serde::{Deserialize, Serialize};

use crate::{
    host_error::HostErrorContext,
    number_owner::NumberOwner,
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
    tools: Option<BTreeMap<NumberOwner, u32>>,
    /// The numbers in version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lent: Option<BTreeMap<NumberOwner, u32>>,
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

    fn lent_numbers(&self) -> Option<&BTreeMap<NumberOwner, u32>> {
        self.lent.as_ref().or(self.tools.as_ref())
    }

    fn lent_numbers_mut(&mut self) -> &mut BTreeMap<NumberOwner, u32> {
        match &mut self.tools {
            Some(tools) => tools,
            None => self.lent.get_or_insert_default(),
        }
    }

    fn find_number(&self, owner: NumberOwner) -> Option<u32> {
        self.lent_numbers()?.get(&owner).copied()
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

    /// Finds the number of a tool or a preview, if it has one.
    pub fn find_number(&self, owner: impl Into<NumberOwner>) -> Option<u32> {
        self.lock_numbers().find_number(owner.into())
    }

    /// Fails with `workload-preview-unsupported` for a preview while release 0.1 must be able to read the file: that
    /// release has no owner of this kind.
    pub fn require_supported(&self, owner: Owner) -> Result<()> {
        let is_readable_to_0_1 = self.lock_numbers().tools.is_some();
        match owner.is_preview() && is_readable_to_0_1 {
            true => Err(Feature::PreviewOwner.to_unsupported_error().help("hearthd upgrade finish")),
            false => Ok(()),
        }
    }

    /// Returns the number of a tool or a preview, and lends it a free one if it has none. Errors:
    /// `workload-owner-unsupported` for another owner; see also [`ToolNumbers::require_supported`].
    pub fn assign_number(&self, owner: Owner) -> Result<u32> {
        self.require_supported(owner)?;
        let key = NumberOwner::from_owner(owner)?;
        let mut numbers = self.lock_numbers();
        if let Some(number) = numbers.find_number(key) {
            return Ok(number);
        }
        let mut next = numbers.clone();
        let number = next.free.pop_front().unwrap_or_else(|| {
            next.next += 1;
            next.next - 1
        });
        next.lent_numbers_mut().insert(key, number);
        self.compute_first_id(number)?;
        state_files::replace_file(&self.path, &next)
            .with_context(format_args!("storing the number of {owner}"))?;
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
        begun.number = self.assign_number(Owner::Tool(tool))?;
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

    /// Lists the previews that have a number.
    pub fn list_previews(&self) -> Vec<NumberOwner> {
        let numbers = self.lock_numbers();
        let owners = numbers.lent_numbers().into_iter().flat_map(BTreeMap::keys);
        owners.filter(|owner| owner.preview.is_some()).copied().collect()
    }

    /// Takes the number of an erased tool or an ended preview back. Nothing may use the number any more: no storage, and
    /// no process, which is checked here. Error `tool-still-runs` while a process has an id of the owner.
    pub fn release_number(&self, owner: impl Into<NumberOwner>) -> Result<()> {
        let owner = owner.into();
        let mut numbers = self.lock_numbers();
        let mut next = numbers.clone();
        let Some(number) = next.lent_numbers_mut().remove(&owner) else { return Ok(()) };
        if owner.preview.is_none() {
            self.require_unused(owner.tool)?;
        }
        let first_id = self.compute_first_id(number)?;
        if let Some(pid) =
            find_process_with_ids(first_id).with_context("listing the processes of this host")?
        {
            return Err(Error::conflict("tool-still-runs", format!("tool {owner} has a process: {pid}"))
                .help("try again in a moment"));
        }
        next.free.push_back(number);
        state_files::replace_file(&self.path, &next)
            .with_context(format_args!("storing that the number of {owner} is free"))?;
        *numbers = next;
        Ok(())
    }

    fn lock_numbers(&self) -> MutexGuard<'_, StoredToolNumbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
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
mod tests;
