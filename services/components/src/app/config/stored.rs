//! The stored configuration of a tool.

use hearth_base::{Error, ErrorKind, Result, ToolId, ToolName};
use hearth_kit::tool_state::lock_existing_tool;

use crate::{context::ComponentsContext, store::StoredConfig};

/// A condition on the version of the stored configuration, from `If-Match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionCondition {
    /// Any version, or none.
    None,
    /// There is a configuration.
    Exists,
    /// It has this version.
    Version(i64),
    /// A version that no configuration has.
    Unknown,
}

impl VersionCondition {
    /// Error `config-changed` (stale) if the condition is not met.
    fn check(self, stored: Option<&StoredConfig>) -> Result<()> {
        let is_met = match self {
            Self::None => true,
            Self::Exists => stored.is_some(),
            Self::Version(version) => stored.is_some_and(|stored| stored.version == version),
            Self::Unknown => false,
        };
        if is_met {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Stale, "config-changed", "the configuration was changed meanwhile")
            .help("read it again, then repeat the change"))
    }
}

/// Finds the configuration of a tool. Error `no-such-config` (not found).
pub async fn find_config(cx: &ComponentsContext, tool: ToolId, name: &ToolName) -> Result<StoredConfig> {
    cx.store.find_config(tool).await?.ok_or_else(|| build_missing_error(name))
}

/// Stores a checked configuration in the place of the former one.
pub async fn save_config(
    cx: &ComponentsContext,
    tool: ToolId,
    text: String,
    by: String,
    condition: VersionCondition,
) -> Result<StoredConfig> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    let former = cx.store.find_config_in(&tx, tool).await?;
    condition.check(former.as_ref())?;
    let version = former.map_or(1, |former| former.version + 1);
    let stored = StoredConfig { text, version, updated_at: cx.now(), updated_by: by };
    cx.store.save_config(&tx, tool, &stored).await?;
    tx.commit().await?;
    Ok(stored)
}

/// Deletes the configuration of a tool, and returns it. Error `no-such-config` (not found).
pub async fn delete_config(
    cx: &ComponentsContext,
    tool: ToolId,
    name: &ToolName,
    condition: VersionCondition,
) -> Result<StoredConfig> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    let former = cx.store.find_config_in(&tx, tool).await?;
    let former = former.ok_or_else(|| build_missing_error(name))?;
    condition.check(Some(&former))?;
    cx.store.delete_config(&tx, tool).await?;
    tx.commit().await?;
    Ok(former)
}

fn build_missing_error(tool: &ToolName) -> Error {
    Error::new(ErrorKind::NotFound, "no-such-config", format!("the tool {tool} has no configuration")).help(
        "hearth components config generate > hearth.yaml, then hearth components config create hearth.yaml",
    )
}
