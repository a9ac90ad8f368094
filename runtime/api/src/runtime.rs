//! The operations of a container runtime.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use hearth_base::{Digest, Result, SealingKey, ToolId};

use crate::{
    ByteStream, Cursor, ExecRequest, ExecSession, Feature, FileRefresh, FileSession, HostReport, InstanceId,
    LayerDescriptor, LogPage, Observation, ResolvedImage, Usage, Version, Workload, WorkloadId,
};

/// Runs workloads. Every call is idempotent and may be repeated.
#[async_trait]
pub trait Runtime: Send + Sync + 'static {
    /// Declares a workload as wanted. When the call returns, the workload is on disk and survives a restart
    /// of the runtime.
    ///
    /// Errors: `generation-superseded` for a version lower than the last one; `run-already-done` for an
    /// acknowledged run; `image-missing` when the runtime lacks the image or a layer of it (ensure the image
    /// and apply again); the feature's code ([`Feature::to_error_code`]) when the workload needs an
    /// unsupported feature. A run that was started is never started a second time.
    async fn apply(&self, workload: Workload) -> Result<()>;

    /// Stops a workload: its containers receive the stop signal, and SIGKILL after `grace`. The version of a
    /// workload that was never applied is stored as well, so that a late [`Runtime::apply`] with a lower
    /// version is refused.
    async fn stop(&self, id: WorkloadId, version: Version, grace: Duration) -> Result<()>;

    /// Long-polls for workload changes after the cursor `after`. Returns at the first change, or empty after
    /// `wait`.
    async fn observe_workloads(&self, after: Option<Cursor>, wait: Duration) -> Result<Observation>;

    /// Deletes a finished workload with its outcomes and logs. Error `not-done` while it can still run.
    async fn acknowledge_workload(&self, id: WorkloadId) -> Result<()>;

    /// Long-polls for log lines of an instance from `sequence` on. Returns at the first line, or empty after
    /// `wait`.
    ///
    /// The call acknowledges all lines before `sequence`; the runtime may delete these when it needs space.
    /// The runtime drops lines when a container writes faster than its log is read, and adds one line with
    /// their number.
    async fn read_logs(&self, instance: InstanceId, sequence: u64, wait: Duration) -> Result<LogPage>;

    /// Starts a second program in a running container.
    async fn exec(&self, exec: ExecRequest) -> Result<ExecSession>;

    /// The current resource usage of all running containers.
    async fn read_usage(&self) -> Result<Vec<Usage>>;

    /// Registers an image and marks it as used now. Returns the missing layers, each once, which the caller
    /// must add before a workload can use the image; always empty in a runtime that pulls images itself.
    /// Error `image-differs` when the digest is registered with other layers: a digest never changes its
    /// meaning.
    async fn ensure_image(&self, image: &ResolvedImage) -> Result<Vec<LayerDescriptor>>;

    /// Stores one layer of an ensured image, atomically. Errors: `layer-unknown` when no ensured image lists
    /// the layer; `layer-digest` when the bytes differ from the descriptor's size or digest, or the unpacked
    /// archive from its `diff_id`; `layer-content` when the bytes cannot be unpacked.
    async fn add_layer(&self, layer: &LayerDescriptor, bytes: ByteStream<'_>) -> Result<()>;

    /// Garbage-collects images. Deletes each image that is not in `keep`, that no workload uses and that was
    /// neither ensured nor applied for `unused_for`; then deletes the layers that no image lists. Returns the
    /// manifest digests of the deleted images.
    async fn remove_images(&self, keep: &BTreeSet<Digest>, unused_for: Duration) -> Result<Vec<Digest>>;

    /// Replaces the content of a refreshed file of a workload. The containers continue to run.
    async fn refresh_file(&self, _refresh: FileRefresh) -> Result<()> {
        Err(Feature::RefreshedFile.to_unsupported_error())
    }

    /// Opens a file session outside of any container. The session's streams carry its protocol.
    async fn open_files(&self, _session: FileSession) -> Result<ExecSession> {
        Err(Feature::FileSession.to_unsupported_error())
    }

    /// Deletes the stored data of a tool: home, build cache, networks. Error `tool-still-runs` while a
    /// workload of the tool runs.
    async fn erase_tool(&self, tool: ToolId) -> Result<()>;

    /// The public key for values that only this runtime can open ([`crate::Process::sealed`]). It may change
    /// when the runtime restarts; values sealed with an earlier key can still be opened.
    async fn sealing_key(&self) -> Result<SealingKey>;

    /// Checks the host: available features, and advice on missing ones.
    async fn check_host(&self) -> Result<HostReport>;
}
