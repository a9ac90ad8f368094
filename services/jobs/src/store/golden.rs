//! Golden files prove that stored forms stay readable: one file per form and version, never changed after a
//! release.

use std::fmt::Debug;

use hearth_base::{Error, Result, ToolId};
use serde::{Serialize, de::DeserializeOwned};

/// Checks that a golden file deserializes to `expected`, and that `expected` survives a round trip.
pub fn check_golden_file<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    name: &str,
    expected: &T,
) -> Result<()> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let stored = std::fs::read_to_string(path).map_err(Error::internal)?;
    assert_eq!(&serde_json::from_str::<T>(&stored).map_err(Error::internal)?, expected, "{name}");
    let written = serde_json::to_value(expected).map_err(Error::internal)?;
    assert_eq!(&serde_json::from_value::<T>(written).map_err(Error::internal)?, expected);
    Ok(())
}

/// The tool id in golden files.
pub fn golden_tool_id() -> ToolId {
    "tool_01m7y17883gp14c8thc31b43dg".parse().unwrap()
}
