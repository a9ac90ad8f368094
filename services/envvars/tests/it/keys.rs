//! Values outlive restarts and changes of keys.

use std::fs;

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::envvars::EnvvarsQuery;

use crate::stage::{Stage, envvar, stage};

async fn a_restart_with_a_new_first_key_closes_every_value_anew(db: Db) -> Result<()> {
    let mut stage = stage(db).await?;
    stage.set("API_KEY", "s3cret").await?;
    let Stage { stand, id, tool, .. } = &mut stage;
    let file = stand.kit.state.keys().join("envvars.values");
    let former = fs::read_to_string(&file).unwrap();
    let new = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n";
    fs::write(&file, format!("{new}{former}")).unwrap();
    stand.mount(hearth_envvars::mount).await?;
    // The former key is not needed any more.
    fs::write(&file, new).unwrap();
    stand.mount(hearth_envvars::mount).await?;
    let again = stand.member(*id, tool, hearth_base::Access::Write)?;
    let listed = again.envvars().list(tool, &EnvvarsQuery::default()).await?;
    assert_eq!(listed.content.envvars, [envvar("API_KEY", "s3cret")]);
    // And without the key that is, nothing starts.
    fs::write(&file, former).unwrap();
    assert_eq!(stand.mount(hearth_envvars::mount).await.unwrap_err().code(), "envvars-keys");
    Ok(())
}

on_every_store!(a_restart_with_a_new_first_key_closes_every_value_anew);
