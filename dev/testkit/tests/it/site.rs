//! A Hearth with one tool, `site`, and an image to run.

use hearth_base::Result;
use hearth_testkit::{CliSession, Hearth, HearthShape, Person, TestImage};

/// Starts the Hearth. Returns it with its operator and a session of the command line.
pub async fn start_site() -> Result<(Hearth, Person, CliSession)> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    let person = hearth.operator().await?;
    TestImage::from_busybox(&[])?.push(&person.client, "hearth/bookworm", "latest").await?;
    let cli = person.open_cli_session(&hearth).await?;
    cli.run_successfully(&["new", "site"]).await?;
    Ok((hearth, person, cli))
}
