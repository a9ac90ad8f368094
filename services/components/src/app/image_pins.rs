//! Pins of images: a deployment pins the images of its components, so that `images` keeps them.

use std::collections::BTreeSet;

use hearth_base::{JobName, Result, Role};
use hearth_wire::components::DeploymentId;

use crate::context::ComponentsContext;

/// Formats the holder name of the pin of a deployment's primary component, which release 0.1.0 knows. The revision of the
/// deployment uses the same pin.
pub fn format_pin_holder(id: DeploymentId) -> String {
    format!("components:{id}")
}

/// Formats the holder name of the pin of another component.
pub fn format_component_pin(id: DeploymentId, component: &JobName) -> String {
    format!("components:{id}:{component}")
}

/// Unpins the images of a deployment's components.
pub async fn unpin_images(
    cx: &ComponentsContext,
    id: DeploymentId,
    components: impl Iterator<Item = &JobName>,
) -> Result<()> {
    let images = cx.clients.create_client(Role::Images)?;
    images.images_internal().unpin_image(&format_pin_holder(id)).await?;
    for component in components.collect::<BTreeSet<_>>() {
        images.images_internal().unpin_image(&format_component_pin(id, component)).await?;
    }
    Ok(())
}
