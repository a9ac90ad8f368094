//! Resources of previews on this host: a number with its range of host ids, and the build cache of their builds. Both end
//! when the runtime has no workload of the preview any more, also none that has ended and is not acknowledged: the steps
//! of a build share its cache, and between two of them no container runs.

use hearth_base::{Result, ToolId};
use hearth_runtime_api::engine::Engine;

use crate::{driver::ContainerManager, number_owner::NumberOwner, storage::DiscardedStorage};

/// Takes the numbers and build caches of ended previews back. What cannot be taken back now is left for the next call.
pub fn release_ended_previews(engine: &Engine, manager: &ContainerManager) {
    for preview in manager.tools.list_previews() {
        let owner = preview.to_owner();
        let release = || match manager.may_run_containers(owner, None) {
            // The last container has ended, and is being cleaned up.
            true => Ok(None),
            false => release_preview(manager, preview).map(Some),
        };
        // Files are deleted when `_discarded` is dropped, which takes time, so without the engine's lock.
        let _discarded = engine.with_absent_owner(owner, release).map(|released| {
            released.inspect_err(|error| {
                tracing::warn!(%error, %preview, "number of a preview not taken back; will retry");
            })
        });
    }
}

/// Takes the numbers and build caches of all previews of a tool back, none of which has a workload that has not ended.
/// The returned files must be deleted.
pub fn release_tool_previews(manager: &ContainerManager, tool: ToolId) -> Result<Vec<DiscardedStorage>> {
    let previews = manager.tools.list_previews().into_iter().filter(|preview| preview.tool == tool);
    previews.map(|preview| release_preview(manager, preview)).collect()
}

fn release_preview(manager: &ContainerManager, preview: NumberOwner) -> Result<DiscardedStorage> {
    let Some(number) = manager.tools.find_number(preview) else { return Ok(DiscardedStorage::default()) };
    // The storage is taken away before the number can be lent again, so that no other owner finds it.
    let discarded = manager.storage.discard_storage(number)?;
    manager.tools.release_number(preview).map(|()| discarded)
}
