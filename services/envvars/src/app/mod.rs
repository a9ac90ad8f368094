//! The rules. No HTTP, no SQL.

mod names;
mod put;
mod values;

pub mod rotate;

pub use put::{Put, put};

use hearth_base::{EnvvarName, Error, Result, Secret, ToolId};
use hearth_wire::envvars::{Envvar, EnvvarsQuota};

use crate::{cx::Cx, store::Kept};

/// All variables of a tool, by name.
pub async fn list(cx: &Cx, tool: ToolId) -> Result<Vec<Envvar>> {
    cx.store.list(tool).await?.into_iter().map(|kept| opened(cx, tool, kept)).collect()
}

/// The names of a tool's variables, with empty values.
pub async fn names(cx: &Cx, tool: ToolId) -> Result<Vec<Envvar>> {
    let hidden = |kept: Kept| Envvar { name: kept.name, value: Secret::default() };
    Ok(cx.store.list(tool).await?.into_iter().map(hidden).collect())
}

/// One variable.
pub async fn show(cx: &Cx, tool: ToolId, name: &EnvvarName) -> Result<Envvar> {
    let kept = cx.store.one(tool, name).await?.ok_or_else(|| missing(name))?;
    opened(cx, tool, kept)
}

/// Deletes a variable, and gives its last value.
pub async fn delete(cx: &Cx, tool: ToolId, name: &EnvvarName) -> Result<Envvar> {
    let tx = cx.store.begin().await?;
    cx.store.tool_locked(&tx, tool).await?;
    let kept = cx.store.one_in(&tx, tool, name).await?.ok_or_else(|| missing(name))?;
    let envvar = opened(cx, tool, kept)?;
    cx.store.delete(&tx, tool, name).await?;
    tx.commit().await?;
    Ok(envvar)
}

/// How many variables a tool may have, and has.
pub async fn quota(cx: &Cx, tool: ToolId) -> Result<EnvvarsQuota> {
    let used = cx.store.list(tool).await?.len();
    Ok(EnvvarsQuota { quota: cx.quota(tool).await?, used: u32::try_from(used).unwrap_or(u32::MAX) })
}

/// Erases what an ended tool had. Whoever is still at it finds that the tool is over.
pub async fn erase(cx: &Cx, tool: ToolId) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.tool_over(&tx, tool).await?;
    tx.commit().await
}

fn opened(cx: &Cx, tool: ToolId, kept: Kept) -> Result<Envvar> {
    let Kept { name, closed, size: _ } = kept;
    let value = cx.vault.open_value(tool, &name, &closed)?;
    Ok(Envvar { name, value })
}

fn missing(name: &EnvvarName) -> Error {
    Error::not_found("envvar", name).help("hearth envvars list")
}
