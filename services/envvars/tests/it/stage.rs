//! The service and those who call it.

use hearth_base::{Access, Entropy, Result, Role, Secret, ToolId, ToolName};
use hearth_client::Client;
use hearth_kit::{config::Config, db::Db};
use hearth_testkit::Stand;
use hearth_wire::{envvars::Envvar, tools::Quota};
use jiff::Timestamp;

/// The service, a tool, and those who call.
pub struct Stage {
    pub stand: Stand,
    pub id: ToolId,
    pub tool: ToolName,
    pub maintainer: Client,
    pub viewer: Client,
    pub jobs: Client,
}

/// Each tool may have three variables.
pub async fn stage(db: Db) -> Result<Stage> {
    let quota = Quota { envvars: 3, ..Quota::default() };
    let stand = Stand::of(Role::Envvars, db, hearth_envvars::mount, Config::default(), quota).await?;
    let (id, tool) = (ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System), "hello".parse()?);
    Ok(Stage {
        maintainer: stand.member(id, &tool, Access::Write)?,
        viewer: stand.member(id, &tool, Access::Read)?,
        jobs: stand.service(Role::Jobs)?,
        stand,
        id,
        tool,
    })
}

/// A variable.
pub fn envvar(name: &str, value: &str) -> Envvar {
    Envvar { name: name.parse().unwrap(), value: Secret::new(value) }
}
