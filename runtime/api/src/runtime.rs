//! What every runtime can be asked.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use hearth_base::{Digest, Result, SealingKey, ToolId};

use crate::{
    Bytes, Cursor, Exec, ExecSession, Feature, FileRefresh, FileSession, Image, InstanceId, LayerDescriptor,
    LogPage, Observation, Report, Usage, Version, Workload, WorkloadId,
};

/// Runs workloads. Every call may be repeated: the second time it changes nothing.
#[async_trait]
pub trait Runtime: Send + Sync + 'static {
    /// Makes a workload wanted. When this returns it is kept on the disk and survives the runtime's end.
    ///
    /// A version lower than the last one is refused (`generation-superseded`), and so is a run that has been
    /// acknowledged (`run-already-done`). A run that was started is not started again, whatever changes. One whose
    /// image is not there whole is refused (`image-missing`): ensure the image, and apply again. One that needs what
    /// this runtime does not support is refused by that feature's code ([`Feature::code`]).
    async fn apply(&self, workload: Workload) -> Result<()>;

    /// Makes a workload unwanted: its stop signal, and after `grace` the kill. One that was never applied is
    /// remembered as stopped, so that a late [`Runtime::apply`] with a lower version is refused.
    async fn stop(&self, id: WorkloadId, version: Version, grace: Duration) -> Result<()>;

    /// What has changed since `after`, as soon as something has, or after `wait` with nothing.
    async fn observe(&self, after: Option<Cursor>, wait: Duration) -> Result<Observation>;

    /// Forgets a workload that is done, with its outcomes and logs. One that is not done is refused
    /// (`not-done`).
    async fn acknowledge(&self, id: WorkloadId) -> Result<()>;

    /// Lines of an instance's log from `sequence` on, as soon as there are any, or after `wait` none.
    ///
    /// Asking says that all lines before have been taken: they may go when room is needed. Of a container that
    /// writes more than is taken, the rest is lost, and counted in a line of the runtime's own.
    async fn logs(&self, instance: InstanceId, sequence: u64, wait: Duration) -> Result<LogPage>;

    /// Starts a second program in a running container.
    async fn exec(&self, exec: Exec) -> Result<ExecSession>;

    /// What the running containers use now.
    async fn usage(&self) -> Result<Vec<Usage>>;

    /// Makes an image known, and counts as its use. The layers that the caller must add before a workload can use the
    /// image, each once; none where the runtime fetches images itself. An image that is known with other layers is
    /// refused (`image-differs`): a digest means one list for ever.
    async fn ensure_image(&self, image: &Image) -> Result<Vec<LayerDescriptor>>;

    /// Takes in a layer of an image that was ensured; another one is refused (`layer-unknown`). It is there whole, or
    /// not at all. Bytes that do not have the descriptor's size and digest, or that unpack to something that does not
    /// have its `diff_id`, are refused (`layer-digest`), and so is what cannot be unpacked (`layer-content`).
    async fn add_layer(&self, layer: &LayerDescriptor, bytes: Bytes<'_>) -> Result<()>;

    /// Forgets every image that is not in `keep`, that no workload uses and that nobody has ensured or applied for
    /// `unused_for`; then removes layers of which no image is left. The digests of the forgotten images' manifests.
    async fn remove_images(&self, keep: &BTreeSet<Digest>, unused_for: Duration) -> Result<Vec<Digest>>;

    /// Gives a refreshed file of a workload new content; its containers go on.
    async fn refresh_file(&self, _refresh: FileRefresh) -> Result<()> {
        Err(Feature::RefreshedFile.unsupported())
    }

    /// Opens a session on files from outside a container; its streams carry the session's protocol.
    async fn open_files(&self, _session: FileSession) -> Result<ExecSession> {
        Err(Feature::FileSession.unsupported())
    }

    /// Removes all that is stored for a tool: home, build cache, networks. Refused while something of it runs
    /// (`tool-still-runs`).
    async fn erase(&self, tool: ToolId) -> Result<()>;

    /// The key that seals what only this runtime opens ([`crate::Process::sealed`]). It may be another one after a
    /// restart; what was sealed to a former one still opens.
    async fn sealing_key(&self) -> Result<SealingKey>;

    /// What the host offers, and what to install or change.
    async fn doctor(&self) -> Result<Report>;
}
