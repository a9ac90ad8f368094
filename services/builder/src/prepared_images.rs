//! Worker that delivers images to the runtime before builds and programs need them: the first deployment does not wait
//! until they are unpacked.

use std::time::Duration;

use hearth_base::{Entropy, ErrorKind, Result, Role, ToolId};
use hearth_kit::tasks::ShutdownSignal;

use crate::{context::BuilderContext, pipeline::BUILDER_IMAGE};

/// Pause after all images were delivered. It is less than the hour after which the runtime removes unused images.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(20 * 60);
/// Pause while the builder image has not been made, or a service does not answer.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Delivers the images again and again until `stop`.
pub async fn run(cx: BuilderContext, stop: ShutdownSignal) {
    loop {
        let pause = match stop.run_until_shutdown(prepare_images(&cx)).await {
            None => return,
            Some(Ok(())) => RENEWAL_INTERVAL,
            Some(Err(error)) => {
                tracing::debug!(%error, "images not delivered to the runtime in advance; will retry");
                RETRY_INTERVAL
            }
        };
        if stop.pause(pause).await {
            return;
        }
    }
}

/// Delivers the builder image, and those of `builder.prepared_images` that have been made.
async fn prepare_images(cx: &BuilderContext) -> Result<()> {
    prepare_image(cx, BUILDER_IMAGE).await?;
    for name in &cx.settings.prepared_images {
        match prepare_image(cx, name).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            prepared => prepared?,
        }
    }
    Ok(())
}

async fn prepare_image(cx: &BuilderContext, name: &str) -> Result<()> {
    // An id that no tool has: it may use provided images only.
    let reader = ToolId::new(cx.clock.now(), &Entropy::System);
    let images = cx.create_client(Role::Images)?;
    let found = images.images_internal().resolve(reader, name).await?;
    cx.controller.prepare_image(reader.into(), &found.reference.parse()?).await
}
