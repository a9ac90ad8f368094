//! Rules, without HTTP and SQL.

mod change;
mod names;
mod restart_notes;
mod run_envvars;
mod values;

pub mod rotate;

pub use change::{ChangeOutcome, apply_change};
pub use restart_notes::build_restart_notes;
pub use run_envvars::{compute_revisions, list_for_run};

use hearth_base::{Error, ErrorKind, Result, Secret, ToolId};
use hearth_kit::tool_state::lock_existing_tool;
use hearth_wire::envvars::{Envvar, EnvvarsQuery, EnvvarsQuota};

use crate::{
    context::EnvvarsContext,
    envvar_key::EnvvarKey,
    store::{StoredEnvvar, StoredValue},
};

/// Lists variables of a tool or a job, by name.
pub async fn list(cx: &EnvvarsContext, tool: ToolId, query: &EnvvarsQuery) -> Result<Vec<Envvar>> {
    select_envvars(cx, tool, query).await?.map(|stored| open_envvar(cx, stored)).collect()
}

/// Lists variables with empty values.
pub async fn list_names(cx: &EnvvarsContext, tool: ToolId, query: &EnvvarsQuery) -> Result<Vec<Envvar>> {
    Ok(select_envvars(cx, tool, query)
        .await?
        .map(|stored| to_wire_envvar(stored, Secret::default()))
        .collect())
}

async fn select_envvars(
    cx: &EnvvarsContext,
    tool: ToolId,
    query: &EnvvarsQuery,
) -> Result<impl Iterator<Item = StoredEnvvar>> {
    let EnvvarsQuery { job, all } = query.clone();
    Ok(cx.store.list(tool).await?.into_iter().filter(move |stored| all || stored.key.job == job))
}

/// Shows a variable; a secret has no value.
pub async fn show(cx: &EnvvarsContext, key: &EnvvarKey) -> Result<Envvar> {
    open_envvar(cx, cx.store.find_envvar(key).await?.ok_or_else(|| build_not_found(key))?)
}

/// Deletes a variable with its former values, and returns its last value, except for a secret.
pub async fn delete(cx: &EnvvarsContext, key: &EnvvarKey) -> Result<Envvar> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, key.tool).await?;
    let stored = cx.store.find_in(&tx, key).await?.ok_or_else(|| build_not_found(key))?;
    let envvar = open_envvar(cx, stored)?;
    cx.store.delete(&tx, key).await?;
    cx.store.delete_former_values(&tx, key).await?;
    tx.commit().await?;
    Ok(envvar)
}

/// Shows the quota and the number of a tool's variables.
pub async fn show_quota(cx: &EnvvarsContext, tool: ToolId) -> Result<EnvvarsQuota> {
    let used = cx.store.list(tool).await?.len();
    Ok(EnvvarsQuota { quota: cx.fetch_quota(tool).await?, used: u32::try_from(used).unwrap_or(u32::MAX) })
}

/// Erases the variables of a deleted tool.
pub async fn erase_tool(cx: &EnvvarsContext, tool: ToolId) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.erase_tool(&tx, tool).await?;
    tx.commit().await
}

fn open_envvar(cx: &EnvvarsContext, stored: StoredEnvvar) -> Result<Envvar> {
    let value = match &stored.value {
        StoredValue::Encrypted(encrypted) => cx.vault.decrypt_value(&stored.key, encrypted)?,
        StoredValue::Sealed(_) => Secret::default(),
    };
    Ok(to_wire_envvar(stored, value))
}

fn to_wire_envvar(stored: StoredEnvvar, value: Secret) -> Envvar {
    let secret = stored.is_secret();
    let EnvvarKey { tool: _, job, name } = stored.key;
    Envvar { name, value, secret, job }
}

fn build_not_found(key: &EnvvarKey) -> Error {
    let EnvvarKey { tool: _, job, name } = key;
    let build = |public: String| Error::new(ErrorKind::NotFound, "no-such-envvar", public);
    match job {
        None => build(format!("there is no variable {name}")).help("hearth envvars list"),
        Some(job) => build(format!("there is no variable {name} for the job {job}"))
            .help(format!("hearth envvars list --job {job}")),
    }
}
