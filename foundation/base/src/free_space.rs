//! Rule for the floor of free disk space, below which new content is refused.

use crate::{Error, Result};

/// Free inodes below which new content is refused, on file systems with a fixed number of inodes.
const MIN_FREE_INODES: u64 = 10_000;

/// Free space of a file system, as `statvfs` reports it for users other than root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreeSpace {
    /// Free bytes.
    pub bytes: u64,
    /// Number of inodes; 0 on a file system without a fixed number.
    pub inodes: u64,
    /// Free inodes.
    pub free_inodes: u64,
}

impl FreeSpace {
    /// Checks that at least `min_bytes` and 10,000 inodes are free. `disk` names the disk in the error.
    ///
    /// Error `disk-low` (unavailable): new content is refused, so that what is there can be served and the databases
    /// of Hearth can be written.
    pub fn check_floor(self, disk: &str, min_bytes: u64) -> Result<()> {
        let has_inodes = self.inodes == 0 || self.free_inodes >= MIN_FREE_INODES;
        if self.bytes >= min_bytes && has_inodes {
            return Ok(());
        }
        let what = match has_inodes {
            true => format!(
                "{disk} is almost full: {} MiB are free; at least {} MiB",
                self.bytes >> 20,
                min_bytes >> 20
            ),
            false => {
                format!(
                    "{disk} is almost full: {} inodes are free; at least {MIN_FREE_INODES}",
                    self.free_inodes
                )
            }
        };
        Err(Error::unavailable("disk-low", what)
            .help("try again later, or ask an operator of this Hearth to free disk space"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_space_or_fewer_inodes_than_the_floor_are_refused() {
        let check = |bytes, inodes, free_inodes| {
            FreeSpace { bytes, inodes, free_inodes }
                .check_floor("the disk", 1000)
                .map_err(|error| error.code().to_owned())
        };
        assert_eq!(check(1000, 0, 0), Ok(()));
        assert_eq!(check(1000, 50_000, 10_000), Ok(()));
        assert_eq!(check(999, 0, 0), Err("disk-low".to_owned()));
        assert_eq!(check(u64::MAX, 50_000, 9_999), Err("disk-low".to_owned()));
    }
}
