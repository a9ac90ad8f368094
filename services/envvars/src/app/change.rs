//! Creation and update of variables: one or many, all or none.

use std::collections::BTreeSet;

use hearth_base::{EnvvarName, Error, ErrorKind, JobName, Result, SealingKey, ToolId};
use hearth_kit::tool_state::lock_existing_tool;
use hearth_wire::envvars::{EnvvarCreate, EnvvarWanted, EnvvarsChange, EnvvarsChanged};
use jiff::Timestamp;

use super::{names, values};
use crate::{
    context::EnvvarsContext,
    envvar_key::EnvvarKey,
    store::{EnvvarStore, StoredEnvvar, StoredValue},
};

/// Maximum number of variables in one change.
const MAX_ENVVARS_PER_CHANGE: usize = 1000;

/// Outcome of a change.
#[derive(Debug, Default)]
pub struct ChangeOutcome {
    pub changes: EnvvarsChanged,
    /// Warnings for the caller.
    pub warnings: Vec<String>,
}

/// Applies a change to the variables of the whole tool, or of `job`. Everything is validated first. The
/// tool's lock serializes concurrent changes.
pub async fn apply_change(
    cx: &EnvvarsContext,
    tool: ToolId,
    job: Option<&JobName>,
    change: EnvvarsChange,
) -> Result<ChangeOutcome> {
    let EnvvarsChange { envvars, prune, delete, dry_run } = change;
    let (envvars, mut warnings) = check_envvars(envvars)?;
    let quota = cx.fetch_quota(tool).await?;
    let sealing = fetch_sealing_key_if_needed(cx, tool, job, &envvars).await?;
    let writer = EnvvarWriter { cx, sealing: sealing.as_ref() };
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    let mut current = EnvvarStore::list_in(&tx, tool).await?;
    let mut changes = EnvvarsChanged::default();
    let is_unnamed = |stored: &StoredEnvvar| {
        stored.key.job.as_ref() == job && !envvars.iter().any(|envvar| envvar.name == stored.key.name)
    };
    let is_deleted =
        |stored: &StoredEnvvar| delete.contains(&stored.key.name) || (prune && !stored.is_secret());
    for stored in current.extract_if(.., |stored| is_unnamed(stored) && is_deleted(stored)) {
        cx.store.delete(&tx, &stored.key).await?;
        cx.store.delete_former_values(&tx, &stored.key).await?;
        changes.deleted.push(stored.key.name);
    }
    let kept_secrets =
        current.iter().filter(|stored| prune && is_unnamed(stored)).map(|stored| stored.key.name.as_str());
    let kept_secrets: Vec<&str> = kept_secrets.collect();
    if !kept_secrets.is_empty() {
        let kept_secrets = kept_secrets.join(", ");
        warnings
            .push(format!("unnamed secrets are kept: {kept_secrets}; delete one with hearth envvars delete"));
    }
    for envvar in envvars {
        let key = EnvvarKey { tool, job: job.cloned(), name: envvar.name.clone() };
        let at = current.iter().position(|stored| stored.key == key);
        let before = at.map(|at| current.swap_remove(at));
        let name = envvar.name.clone();
        let (stored, names) = match before {
            Some(stored) if writer.is_same(&stored, &envvar)? => (stored, &mut changes.unchanged),
            Some(stored) => {
                let (was_secret, created) = (stored.is_secret(), stored.created);
                (writer.build_envvar(key, envvar, was_secret, created)?, &mut changes.changed)
            }
            None => (writer.build_envvar(key, envvar, false, Some(cx.now()))?, &mut changes.created),
        };
        names.push(name);
        current.push(stored);
    }
    for stored in current.iter().filter(|stored| stored.key.job.as_ref() == job) {
        let is_new = changes.created.contains(&stored.key.name);
        if is_new || changes.changed.contains(&stored.key.name) {
            if !is_new {
                cx.store.keep_former_value(&tx, &stored.key).await?;
            }
            cx.store.save_envvar(&tx, stored, is_new).await?;
        }
    }
    if !changes.created.is_empty() {
        check_count(current.len(), quota)?;
    }
    values::check_total_size(current.iter().map(|stored| stored.size))?;
    if !dry_run {
        tx.commit().await?;
    }
    Ok(ChangeOutcome { changes, warnings })
}

/// Validates names and values. The error reports all invalid ones; otherwise returns warnings.
fn check_envvars(envvars: Vec<EnvvarWanted>) -> Result<(Vec<EnvvarCreate>, Vec<String>)> {
    if envvars.len() > MAX_ENVVARS_PER_CHANGE {
        let public =
            format!("too many variables in one change: {}; at most {MAX_ENVVARS_PER_CHANGE}", envvars.len());
        return Err(Error::new(ErrorKind::TooLarge, "envvars-at-once", public).help("send them in parts"));
    }
    let (mut all, mut warnings): (Vec<EnvvarCreate>, _) = (Vec::new(), Vec::new());
    let mut refused: Option<Error> = None;
    let mut seen = BTreeSet::new();
    for EnvvarWanted { name, value, secret } in envvars {
        let checked = name.parse::<EnvvarName>().and_then(|name| {
            if !seen.insert(name.clone()) {
                return Err(Error::invalid("envvar-twice", format!("{name} is defined twice"))
                    .help("name each variable once"));
            }
            warnings.extend(names::check_name(&name)?);
            values::check_value(&name, &value)?;
            Ok(name)
        });
        match (checked, refused.take()) {
            (Ok(name), first) => {
                all.push(EnvvarCreate { name, value, secret });
                refused = first;
            }
            (Err(error), Some(first)) => refused = Some(first.and_message(error.public_message())),
            (Err(error), None) => refused = Some(error),
        }
    }
    refused.map_or(Ok((all, warnings)), Err)
}

/// Rejects more variables than the quota allows.
fn check_count(count: usize, quota: u32) -> Result<()> {
    if count <= usize::try_from(quota).unwrap_or(usize::MAX) {
        return Ok(());
    }
    let public = format!("the quota of variables is exceeded: {count}; at most {quota}");
    Err(Error::conflict("envvars-quota", public).help(
        "delete unused ones (hearth envvars delete), or ask an operator of this Hearth for a higher quota",
    ))
}

/// Fetches the sealing key, if the change contains a secret.
async fn fetch_sealing_key_if_needed(
    cx: &EnvvarsContext,
    tool: ToolId,
    job: Option<&JobName>,
    envvars: &[EnvvarCreate],
) -> Result<Option<SealingKey>> {
    let current = cx.store.list(tool).await?;
    let of_scope = |stored: &&StoredEnvvar| stored.key.job.as_ref() == job;
    let secrets =
        current.iter().filter(|stored| stored.is_secret()).filter(of_scope).map(|stored| &stored.key.name);
    let secrets: BTreeSet<&EnvvarName> = secrets.collect();
    let is_secret = |envvar: &EnvvarCreate| envvar.secret.unwrap_or(secrets.contains(&envvar.name));
    Ok(if envvars.iter().any(is_secret) { Some(cx.fetch_sealing_key().await?) } else { None })
}

/// Encryption of values.
struct EnvvarWriter<'a> {
    cx: &'a EnvvarsContext,
    sealing: Option<&'a SealingKey>,
}

impl EnvvarWriter<'_> {
    /// True when a variable already has the requested value. A secret cannot be compared.
    fn is_same(&self, stored: &StoredEnvvar, envvar: &EnvvarCreate) -> Result<bool> {
        match &stored.value {
            StoredValue::Encrypted(encrypted) if envvar.secret != Some(true) => {
                Ok(self.cx.vault.decrypt_value(&stored.key, encrypted)? == envvar.value)
            }
            StoredValue::Encrypted(_) | StoredValue::Sealed(_) => Ok(false),
        }
    }

    /// Builds a variable with its value, which is sealed for a new secret, and for an existing secret that
    /// stays one.
    fn build_envvar(
        &self,
        key: EnvvarKey,
        envvar: EnvvarCreate,
        was_secret: bool,
        created: Option<Timestamp>,
    ) -> Result<StoredEnvvar> {
        let EnvvarCreate { name, value, secret } = envvar;
        let became_secret = || {
            Error::conflict("envvar-changed", format!("{name} became a secret during the change"))
                .help("try again; the value will be sealed")
        };
        let stored_value = match secret.unwrap_or(was_secret) {
            true => {
                let sealing_key = self.sealing.ok_or_else(became_secret)?;
                StoredValue::Sealed(sealing_key.seal_value(key.seal_context(), &value)?)
            }
            false => StoredValue::Encrypted(self.cx.vault.encrypt_value(&key, &value)?),
        };
        let size = values::compute_size(&name, &value);
        Ok(StoredEnvvar { value: stored_value, size, changed: self.cx.now(), created, key })
    }
}
