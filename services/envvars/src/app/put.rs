//! Making a variable, or giving it another value.

use hearth_base::{Error, Result, ToolId};
use hearth_wire::envvars::Envvar;

use super::{names, values};
use crate::{
    cx::Cx,
    store::{Kept, Store},
};

/// What became of a variable.
#[derive(Debug)]
pub struct Put {
    /// It, as it is now.
    pub envvar: Envvar,
    /// Whether there was none of that name.
    pub created: bool,
    /// What is to be said about it.
    pub warnings: Vec<String>,
}

/// Makes a variable, or gives it another value. Two at once are counted one after the other.
pub async fn put(cx: &Cx, tool: ToolId, envvar: Envvar) -> Result<Put> {
    let warnings = names::check(&envvar.name)?;
    values::check(&envvar.name, &envvar.value)?;
    let quota = cx.quota(tool).await?;
    let kept = Kept {
        closed: cx.vault.close(tool, &envvar.name, &envvar.value)?,
        size: values::size(&envvar.name, &envvar.value),
        name: envvar.name.clone(),
    };
    let tx = cx.store.begin().await?;
    cx.store.tool_locked(&tx, tool).await?;
    let others = Store::list_in(&tx, tool).await?;
    let created = !others.iter().any(|other| other.name == kept.name);
    let others = others.iter().filter(|other| other.name != kept.name);
    if created && others.clone().count() >= usize::try_from(quota).unwrap_or(usize::MAX) {
        let public = format!("the tool has {quota} envvars, and that is its quota");
        return Err(Error::conflict("envvars-quota", public)
            .help("delete one that is not needed (hearth envvars delete), or ask whoever runs this Hearth"));
    }
    values::check_all(others.map(|other| other.size).chain([kept.size]))?;
    cx.store.put(&tx, tool, &kept, created, cx.clock.now()).await?;
    tx.commit().await?;
    Ok(Put { envvar, created, warnings })
}
