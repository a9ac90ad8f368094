//! Restarts and key rotation.

use std::fs;

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::envvars::EnvvarsQuery;

use crate::stage::{EnvvarsStage, build_envvar, start_stage};

async fn restart_with_a_new_key_re_encrypts_every_value(db: Db) -> Result<()> {
    let mut stage = start_stage(db).await?;
    stage.set("API_KEY", "s3cret").await?;
    let EnvvarsStage { stand, id, tool, .. } = &mut stage;
    let file = stand.kit.state.keys_folder().join("envvars.values");
    let former = fs::read_to_string(&file).unwrap();
    let new = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n";
    fs::write(&file, format!("{new}{former}")).unwrap();
    stand.mount(hearth_envvars::mount).await?;
    // The former key is not needed any more.
    fs::write(&file, new).unwrap();
    stand.mount(hearth_envvars::mount).await?;
    let again = stand.member(*id, tool, hearth_base::Access::Write)?;
    let listed = again.envvars().list(tool, &EnvvarsQuery::default()).await?;
    assert_eq!(listed.content.envvars, [build_envvar("API_KEY", "s3cret")]);
    // Without the current key, the service does not start.
    fs::write(&file, former).unwrap();
    assert_eq!(stand.mount(hearth_envvars::mount).await.unwrap_err().code(), "envvars-keys");
    Ok(())
}

on_every_store!(restart_with_a_new_key_re_encrypts_every_value);
