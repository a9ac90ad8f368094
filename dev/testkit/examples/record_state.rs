//! Records the state folder of a release as an archive, which `mixed::state_of_every_release_is_opened` opens ever
//! after: `cargo xtask release` runs it.

use std::path::PathBuf;

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, ReleasePlan, StateRecord};

#[tokio::main]
async fn main() -> Result<()> {
    let archive = std::env::args_os().nth(1).map(PathBuf::from);
    let archive = archive.ok_or_else(|| Error::internal("the path of the archive is missing"))?;
    let settings = StateRecord::HEARTH_SETTINGS;
    let mut hearth =
        Hearth::start_in_releases(StateRecord::HEARTH_SHAPE, settings, ReleasePlan::ALL_PREVIOUS).await?;
    let record = StateRecord::create(&mut hearth).await?;
    hearth.kill_all().await?;
    record.write_archive(&hearth.durable_folder(), &archive)
}
