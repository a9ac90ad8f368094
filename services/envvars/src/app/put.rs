//! Making variables, and giving them other values: one or many, all or nothing.

use std::collections::BTreeSet;

use hearth_base::{EnvvarName, Error, JobName, Kind, Result, SealingKey, ToolId};
use hearth_kit::tool_state::lock_existing_tool;
use hearth_wire::envvars::{EnvvarCreate, EnvvarWanted, EnvvarsChange, EnvvarsChanged};

use super::{names, values};
use crate::{
    cx::Cx,
    place::Place,
    store::{Held, Kept, Store},
};

/// The most variables that are changed together.
const AT_ONCE: usize = 1000;

/// What became of variables.
#[derive(Debug, Default)]
pub struct Put {
    pub changes: EnvvarsChanged,
    /// What is to be said about them.
    pub warnings: Vec<String>,
}

/// Makes each variable of the whole tool, or of `job`, or gives it its value. All is checked first; others wait until
/// it is through.
pub async fn put(cx: &Cx, tool: ToolId, job: Option<&JobName>, change: EnvvarsChange) -> Result<Put> {
    let EnvvarsChange { envvars, prune, delete, dry_run } = change;
    let (envvars, mut warnings) = check(envvars)?;
    let quota = cx.quota(tool).await?;
    let sealing = sealing_key(cx, tool, job, &envvars).await?;
    let by = By { cx, sealing: sealing.as_ref() };
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    let mut known = Store::list_in(&tx, tool).await?;
    let mut changes = EnvvarsChanged::default();
    let unnamed = |kept: &Kept| {
        kept.place.job.as_ref() == job && !envvars.iter().any(|envvar| envvar.name == kept.place.name)
    };
    let goes = |kept: &Kept| delete.contains(&kept.place.name) || (prune && !kept.is_secret());
    for kept in known.extract_if(.., |kept| unnamed(kept) && goes(kept)) {
        cx.store.delete(&tx, &kept.place).await?;
        changes.deleted.push(kept.place.name);
    }
    let stay = known.iter().filter(|kept| prune && unnamed(kept)).map(|kept| kept.place.name.as_str());
    let stay: Vec<&str> = stay.collect();
    if !stay.is_empty() {
        let stay = stay.join(", ");
        warnings.push(format!("secrets that are not named stay: {stay}; hearth envvars delete deletes one"));
    }
    for envvar in envvars {
        let place = Place { tool, job: job.cloned(), name: envvar.name.clone() };
        let at = known.iter().position(|kept| kept.place == place);
        let before = at.map(|at| known.swap_remove(at));
        let name = envvar.name.clone();
        let (kept, became) = match before {
            Some(kept) if by.is_same(&kept, &envvar)? => (kept, &mut changes.unchanged),
            Some(kept) => (by.written(place, envvar, kept.is_secret())?, &mut changes.changed),
            None => (by.written(place, envvar, false)?, &mut changes.created),
        };
        became.push(name);
        known.push(kept);
    }
    for kept in known.iter().filter(|kept| kept.place.job.as_ref() == job) {
        let is_new = changes.created.contains(&kept.place.name);
        if is_new || changes.changed.contains(&kept.place.name) {
            cx.store.put(&tx, kept, is_new).await?;
        }
    }
    if !changes.created.is_empty() {
        check_count(known.len(), quota)?;
    }
    values::check_all(known.iter().map(|kept| kept.size))?;
    if !dry_run {
        tx.commit().await?;
    }
    Ok(Put { changes, warnings })
}

/// Refuses names and values that cannot be, all of them at once, and gives what is to be said about the rest.
fn check(envvars: Vec<EnvvarWanted>) -> Result<(Vec<EnvvarCreate>, Vec<String>)> {
    if envvars.len() > AT_ONCE {
        let public = format!("{} variables come together, and the most is {AT_ONCE}", envvars.len());
        return Err(Error::new(Kind::TooLarge, "envvars-at-once", public).help("send them in parts"));
    }
    let (mut all, mut warnings): (Vec<EnvvarCreate>, _) = (Vec::new(), Vec::new());
    let mut refused: Option<Error> = None;
    let mut seen = BTreeSet::new();
    for EnvvarWanted { name, value, secret } in envvars {
        let checked = name.parse::<EnvvarName>().and_then(|name| {
            if !seen.insert(name.clone()) {
                return Err(Error::invalid("envvar-twice", format!("{name} is there twice")));
            }
            warnings.extend(names::check(&name)?);
            values::check(&name, &value)?;
            Ok(name)
        });
        match (checked, refused.take()) {
            (Ok(name), first) => {
                all.push(EnvvarCreate { name, value, secret });
                refused = first;
            }
            (Err(error), Some(first)) => refused = Some(first.also(error.public())),
            (Err(error), None) => refused = Some(error),
        }
    }
    refused.map_or(Ok((all, warnings)), Err)
}

/// Refuses more variables than a tool may have.
fn check_count(count: usize, quota: u32) -> Result<()> {
    if count <= usize::try_from(quota).unwrap_or(usize::MAX) {
        return Ok(());
    }
    let public = format!("the tool would have {count} envvars, and its quota is {quota}");
    Err(Error::conflict("envvars-quota", public)
        .help("delete one that is not needed (hearth envvars delete), or ask whoever runs this Hearth"))
}

/// The key that seals, when something is to be sealed.
async fn sealing_key(
    cx: &Cx,
    tool: ToolId,
    job: Option<&JobName>,
    envvars: &[EnvvarCreate],
) -> Result<Option<SealingKey>> {
    let known = cx.store.list(tool).await?;
    let of_scope = |kept: &&Kept| kept.place.job.as_ref() == job;
    let secrets = known.iter().filter(|kept| kept.is_secret()).filter(of_scope).map(|kept| &kept.place.name);
    let secrets: BTreeSet<&EnvvarName> = secrets.collect();
    let is_secret = |envvar: &EnvvarCreate| envvar.secret.unwrap_or(secrets.contains(&envvar.name));
    Ok(if envvars.iter().any(is_secret) { Some(cx.sealing_key().await?) } else { None })
}

/// What values are written by.
struct By<'a> {
    cx: &'a Cx,
    sealing: Option<&'a SealingKey>,
}

impl By<'_> {
    /// Whether a variable is already as it is to be. Of a secret nobody can say.
    fn is_same(&self, kept: &Kept, envvar: &EnvvarCreate) -> Result<bool> {
        match &kept.held {
            Held::Closed(closed) if envvar.secret != Some(true) => {
                Ok(self.cx.vault.open_value(&kept.place, closed)? == envvar.value)
            }
            Held::Closed(_) | Held::Sealed(_) => Ok(false),
        }
    }

    /// A variable with its value, which is sealed when it is to be a secret, or was one and stays so.
    fn written(&self, place: Place, envvar: EnvvarCreate, was_secret: bool) -> Result<Kept> {
        let EnvvarCreate { name, value, secret } = envvar;
        let came_between = || {
            Error::conflict("envvar-changed", format!("{name} has just become a secret"))
                .help("try again: the value is sealed then")
        };
        let held = match secret.unwrap_or(was_secret) {
            true => {
                let key = self.sealing.ok_or_else(came_between)?;
                Held::Sealed(key.seal(place.sealed_for(), &value)?)
            }
            false => Held::Closed(self.cx.vault.close(&place, &value)?),
        };
        Ok(Kept { held, size: values::size(&name, &value), changed: self.cx.now(), place })
    }
}
