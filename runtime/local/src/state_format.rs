//! Format of the state folder. Until an operator finishes an upgrade, this release writes only forms that the release
//! before it reads, so that going back to it loses nothing.
//!
//! | format | release | homes | numbers of tools |
//! |---|---|---|---|
//! | 1 | 0.1 | folders without a size limit | version 1 |
//! | 2 | 0.2 | disk files | version 2, which makes release 0.1 refuse to start: it would not see the homes |
//!
//! A new state folder has the newest format: there is no release to go back to.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::{host_error::HostErrorContext, state_files};

/// File with the format, in the runtime's state folder. Release 0.1 has none.
const FORMAT_FILE: &str = "format.json";
/// Files of the state folder, of which any release has one since its first start.
const FILES_OF_ANY_RELEASE: [&str; 2] = ["secrets.keys", "tools.json"];

/// Format of the runtime's state folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StateFormat {
    /// Release 0.1 reads the folder.
    Release01,
    /// Release 0.2 reads the folder, and 0.1 does not.
    Release02,
}

#[derive(Serialize, Deserialize)]
struct StoredFormat {
    version: u32,
    format: u32,
}

impl StateFormat {
    /// The format of this release.
    pub const NEWEST_FORMAT: Self = Self::Release02;

    /// Reads the format when the runtime starts, and stores the newest one in a new folder. Error `state-too-new` if a
    /// later release has finished its upgrade.
    pub fn open(state_folder: &Path) -> Result<Self> {
        match Self::read(state_folder)? {
            Some(format) => Ok(format),
            None => Self::NEWEST_FORMAT.save_format(state_folder).map(|()| Self::NEWEST_FORMAT),
        }
    }

    /// Reads the format of a state folder; `None` for a folder in which no runtime has started.
    pub fn read(state_folder: &Path) -> Result<Option<Self>> {
        let path = format_path(state_folder);
        let stored: StoredFormat = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|cause| {
                Error::unavailable("state-format", format!("{} is unreadable", path.display()))
                    .help("restore it from a backup")
                    .with_cause(cause)
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let is_used = FILES_OF_ANY_RELEASE.iter().any(|name| state_folder.join(name).exists());
                return Ok(is_used.then_some(Self::Release01));
            }
            Err(error) => return Err(error).with_context(format_args!("reading {}", path.display())),
        };
        match stored.format {
            1 => Ok(Some(Self::Release01)),
            2 => Ok(Some(Self::Release02)),
            newer => Err(Error::unavailable(
                "state-too-new",
                format!(
                    "the state folder has the format of a later release: {newer}; this release reads 1 and 2"
                ),
            )
            .help("start the later release, or restore the backup from before its hearthd upgrade finish")),
        }
    }

    /// Gives a state folder the newest format, after which the release before cannot read it. Returns the former format.
    /// Error `no-hearth` if no runtime has started in the folder. May be repeated, also while the runtime runs, which
    /// uses the new format from its next start on.
    pub fn finish_upgrade(state_folder: &Path) -> Result<Self> {
        let Some(former) = Self::read(state_folder)? else {
            let what = format!("no runtime has started in the state folder {}", state_folder.display());
            return Err(Error::invalid("no-hearth", what).help("name the state folder: --state DIR"));
        };
        Self::NEWEST_FORMAT.save_format(state_folder).map(|()| former)
    }

    fn save_format(self, state_folder: &Path) -> Result<()> {
        let format = match self {
            Self::Release01 => 1,
            Self::Release02 => 2,
        };
        state_files::replace_file(&format_path(state_folder), &StoredFormat { version: 1, format })
            .with_context("storing the format of the state folder")
    }

    /// Homes are disk files with a size limit.
    pub fn has_home_disks(self) -> bool {
        self >= Self::Release02
    }
}

/// The oldest release that reads the format.
impl fmt::Display for StateFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Release01 => "0.1",
            Self::Release02 => "0.2",
        })
    }
}

fn format_path(state_folder: &Path) -> PathBuf {
    state_folder.join(FORMAT_FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_state_folder_has_the_newest_format() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        assert_eq!(StateFormat::read(folder.path())?, None);
        assert_eq!(StateFormat::finish_upgrade(folder.path()).unwrap_err().code(), "no-hearth");
        assert_eq!(StateFormat::open(folder.path())?, StateFormat::NEWEST_FORMAT);
        fs::write(folder.path().join("secrets.keys"), "").map_err(Error::internal)?;
        assert_eq!(StateFormat::open(folder.path())?, StateFormat::NEWEST_FORMAT);
        Ok(())
    }

    #[test]
    fn state_folder_of_release_0_1_keeps_its_format_until_the_upgrade_is_finished() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        fs::write(folder.path().join("secrets.keys"), "").map_err(Error::internal)?;
        for _start in 0..2 {
            assert_eq!(StateFormat::open(folder.path())?, StateFormat::Release01);
        }
        assert_eq!(StateFormat::finish_upgrade(folder.path())?, StateFormat::Release01);
        assert_eq!(StateFormat::finish_upgrade(folder.path())?, StateFormat::NEWEST_FORMAT);
        assert_eq!(StateFormat::open(folder.path())?, StateFormat::NEWEST_FORMAT);
        Ok(())
    }

    #[test]
    fn state_folder_of_a_later_release_is_refused() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        fs::write(format_path(folder.path()), r#"{"version":1,"format":3,"more":true}"#)
            .map_err(Error::internal)?;
        assert_eq!(StateFormat::open(folder.path()).unwrap_err().code(), "state-too-new");
        assert_eq!(StateFormat::finish_upgrade(folder.path()).unwrap_err().code(), "state-too-new");
        Ok(())
    }
}
