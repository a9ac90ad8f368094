//! A Hearth with one tool, `site`, and an image to run.

use hearth_base::Result;
use hearth_testkit::{Hearth, Image, Keyboard, Person, Shape};

/// It, whoever runs it, and their keyboard.
pub async fn site() -> Result<(Hearth, Person, Keyboard)> {
    let hearth = Hearth::start(Shape::UP).await?;
    let person = hearth.operator().await?;
    Image::busybox(&[])?.push(&person.client, "hearth/bookworm", "latest").await?;
    let keyboard = person.keyboard(&hearth).await?;
    keyboard.done(&["new", "site"]).await?;
    Ok((hearth, person, keyboard))
}
