//! The rules. No HTTP, no SQL.

mod given;
mod names;
mod outdated;
mod put;
mod values;

pub mod rotate;

pub use given::{given, revisions};
pub use outdated::say;
pub use put::{Put, put};

use hearth_base::{Error, Result, Secret, ToolId};
use hearth_kit::tool_state::lock_existing_tool;
use hearth_wire::envvars::{Envvar, EnvvarsQuery, EnvvarsQuota};

use crate::{
    cx::Cx,
    place::Place,
    store::{Held, Kept},
};

/// Variables of a tool or a job, by name.
pub async fn list(cx: &Cx, tool: ToolId, query: &EnvvarsQuery) -> Result<Vec<Envvar>> {
    wanted(cx, tool, query).await?.map(|kept| opened(cx, kept)).collect()
}

/// The same, with empty values.
pub async fn names(cx: &Cx, tool: ToolId, query: &EnvvarsQuery) -> Result<Vec<Envvar>> {
    Ok(wanted(cx, tool, query).await?.map(|kept| shown(kept, Secret::default())).collect())
}

async fn wanted(cx: &Cx, tool: ToolId, query: &EnvvarsQuery) -> Result<impl Iterator<Item = Kept>> {
    let EnvvarsQuery { job, all } = query.clone();
    Ok(cx.store.list(tool).await?.into_iter().filter(move |kept| all || kept.place.job == job))
}

/// One variable; a secret without its value.
pub async fn show(cx: &Cx, place: &Place) -> Result<Envvar> {
    opened(cx, cx.store.one(place).await?.ok_or_else(|| missing(place))?)
}

/// Deletes a variable, and gives its last value, but of a secret.
pub async fn delete(cx: &Cx, place: &Place) -> Result<Envvar> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, place.tool).await?;
    let kept = cx.store.one_in(&tx, place).await?.ok_or_else(|| missing(place))?;
    let envvar = opened(cx, kept)?;
    cx.store.delete(&tx, place).await?;
    tx.commit().await?;
    Ok(envvar)
}

/// How many variables a tool may have, and has.
pub async fn quota(cx: &Cx, tool: ToolId) -> Result<EnvvarsQuota> {
    let used = cx.store.list(tool).await?.len();
    Ok(EnvvarsQuota { quota: cx.quota(tool).await?, used: u32::try_from(used).unwrap_or(u32::MAX) })
}

/// Erases what a deleted tool had.
pub async fn erase(cx: &Cx, tool: ToolId) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.erase_tool(&tx, tool).await?;
    tx.commit().await
}

fn opened(cx: &Cx, kept: Kept) -> Result<Envvar> {
    let value = match &kept.held {
        Held::Closed(closed) => cx.vault.open_value(&kept.place, closed)?,
        Held::Sealed(_) => Secret::default(),
    };
    Ok(shown(kept, value))
}

fn shown(kept: Kept, value: Secret) -> Envvar {
    let secret = kept.is_secret();
    let Place { tool: _, job, name } = kept.place;
    Envvar { name, value, secret, job }
}

fn missing(place: &Place) -> Error {
    let Place { tool: _, job, name } = place;
    match job {
        None => Error::not_found("envvar", name).help("hearth envvars list"),
        Some(job) => Error::not_found("envvar", format!("{name} for the job {job}"))
            .help(format!("hearth envvars list --job {job}")),
    }
}
