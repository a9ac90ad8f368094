//! Budget of disk space and entries of one layer, and the sizes that an image may have.

use std::io;

use serde::{Deserialize, Serialize};

use crate::settings::LayerLimits;

/// Disk space that a file or folder takes at least: one block of the common file systems.
const DISK_BLOCK_BYTES: u64 = 4096;
/// Unpacked bytes that any image may have, however small its layers are in the registry.
const FREE_UNPACKED_BYTES: u64 = 256 << 20;
/// Unpacked bytes for each byte of an image's layers in the registry. Programs and texts have a ratio of 2 to
/// 10, so that a higher one means a decompression bomb or an empty disk image.
const MAX_UNPACK_RATIO: u64 = 50;

/// Unpacked size of a layer: disk space and entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSize {
    pub bytes: u64,
    pub entries: u64,
}

impl LayerSize {
    #[must_use]
    pub fn add_size(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            entries: self.entries.saturating_add(other.entries),
        }
    }

    /// Returns true if both numbers are within the limits.
    pub fn is_within(self, limits: LayerLimits) -> bool {
        self.bytes <= limits.bytes && self.entries <= limits.entries
    }
}

/// Computes the limits of an image whose layers have `packed_bytes` in the registry.
pub fn compute_image_limits(limits: LayerLimits, packed_bytes: u64) -> LayerLimits {
    let by_ratio = packed_bytes.saturating_mul(MAX_UNPACK_RATIO).saturating_add(FREE_UNPACKED_BYTES);
    LayerLimits { bytes: limits.bytes.min(by_ratio), ..limits }
}

/// Computes what is left of an image's limits beside layers of the size `used`.
pub fn subtract_used(limits: LayerLimits, used: LayerSize) -> LayerLimits {
    LayerLimits {
        bytes: limits.bytes.saturating_sub(used.bytes),
        entries: limits.entries.saturating_sub(used.entries),
    }
}

/// Budget of a layer while it is unpacked.
#[derive(Debug)]
pub struct LayerBudget {
    limits: LayerLimits,
    used: LayerSize,
}

impl LayerBudget {
    pub fn new(limits: LayerLimits) -> Self {
        Self { limits, used: LayerSize::default() }
    }

    /// Counts a file with this length, holes included. Fails when the budget is exceeded; call it before the
    /// file is written.
    pub fn count_file(&mut self, length: u64) -> io::Result<()> {
        self.count_entry(length.div_ceil(DISK_BLOCK_BYTES).saturating_mul(DISK_BLOCK_BYTES))
    }

    /// Counts a folder.
    pub fn count_folder(&mut self) -> io::Result<()> {
        self.count_entry(DISK_BLOCK_BYTES)
    }

    fn count_entry(&mut self, bytes: u64) -> io::Result<()> {
        self.used = self.used.add_size(LayerSize { bytes, entries: 1 });
        let LayerLimits { bytes, entries } = self.limits;
        if self.used.entries > entries {
            return Err(io::Error::other(format!("the image has more than {entries} entries")));
        }
        if self.used.bytes > bytes {
            return Err(build_size_error(bytes));
        }
        Ok(())
    }

    pub fn used(&self) -> LayerSize {
        self.used
    }
}

/// Builds the error for a layer that does not fit.
pub fn build_size_error(max_bytes: u64) -> io::Error {
    io::Error::other(format!(
        "it unpacks to more than {max_bytes} bytes, which is what the image may have beside its other layers"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE_LIMITS: LayerLimits = LayerLimits { bytes: 16 << 30, entries: 10 };

    #[test]
    fn small_image_may_not_unpack_to_a_gigabyte() {
        assert!(compute_image_limits(IMAGE_LIMITS, 1 << 20).bytes < 1 << 30);
        assert!(compute_image_limits(IMAGE_LIMITS, 1500).bytes < 2 << 30);
        assert!(compute_image_limits(IMAGE_LIMITS, 60 << 20).bytes > 600 << 20, "a usual ratio");
        assert_eq!(compute_image_limits(IMAGE_LIMITS, u64::MAX), IMAGE_LIMITS);
    }

    #[test]
    fn file_takes_whole_blocks_and_a_folder_one() {
        let mut budget = LayerBudget::new(LayerLimits { bytes: 3 * 4096, entries: 10 });
        assert!(budget.count_file(0).is_ok() && budget.count_file(1).is_ok());
        assert!(budget.count_folder().is_ok() && budget.count_file(4096).is_ok());
        assert_eq!(budget.used(), LayerSize { bytes: 3 * 4096, entries: 4 });
        assert!(budget.count_file(1).is_err());
        let mut entries = LayerBudget::new(LayerLimits { bytes: u64::MAX, entries: 1 });
        assert!(entries.count_file(u64::MAX).is_ok() && entries.count_file(0).is_err());
    }
}
