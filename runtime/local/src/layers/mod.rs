//! Layer store: layers are identified by the digest of their bytes, unpacked once and shared by all tools. A
//! layer is either complete or absent.

pub mod archive;
pub mod budget;
pub mod entry;
pub mod sandbox;
mod sizes;
mod transfer;
pub mod unpack;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

use hearth_base::{Digest, Error, Result};
use hearth_runtime_api::{ByteStream, LayerDescriptor};
use tokio::{io::AsyncReadExt, process::Command, sync::Semaphore};

use crate::{
    LocalRuntimeSettings,
    cgroup::limited::{CgroupLimits, LimitedCgroup},
    disk_floor::DiskFloor,
    host_error::HostErrorContext,
    reexec::{self, Subprocess},
    settings::LayerLimits,
    state_files::{self, StateLayout},
    sys::ids::STORED_ID_BASE,
};

use budget::LayerSize;
use sizes::LayerSizes;
use transfer::{build_digest_error, transfer_bytes};
use unpack::{UnpackFailure, UnpackResult};

/// Limits of the process that unpacks a layer. It has one process, and a child of it for a moment.
const UNPACKER_LIMITS: CgroupLimits = CgroupLimits { memory: 512 << 20, processes: 2 };
/// Maximum number of layers that are unpacked at the same time, which bounds the memory for them.
const MAX_CONCURRENT_UNPACKS: usize = 8;

/// Layers of one Hearth.
#[derive(Debug)]
pub struct LayerStore {
    layout: StateLayout,
    instance: String,
    floor: DiskFloor,
    sizes: LayerSizes,
    unpacks: Semaphore,
    next: AtomicU64,
}

impl LayerStore {
    /// Opens the store and removes incomplete layers of an earlier process.
    pub fn open(layout: StateLayout, settings: &LocalRuntimeSettings) -> Result<Self> {
        state_files::remove_path(&layout.partial_layers_folder())
            .with_context("removing incomplete layers")?;
        state_files::make_folder(&layout.partial_layers_folder(), 0o700)
            .with_context("making the folder of incomplete layers")?;
        let store = Self {
            instance: settings.instance.clone(),
            floor: DiskFloor::new(layout.layers_folder(), settings.min_free_disk),
            sizes: LayerSizes::open(layout.clone())?,
            unpacks: Semaphore::new(MAX_CONCURRENT_UNPACKS),
            next: AtomicU64::new(0),
            layout,
        };
        store.sizes.remove_stale_sizes(|layer| store.has_layer(layer))?;
        Ok(store)
    }

    pub fn has_layer(&self, layer: Digest) -> bool {
        self.layout.layer_folder(layer).is_dir()
    }

    /// Sums the unpacked sizes of the layers that are present, each once.
    pub fn sum_sizes<'a>(&self, layers: impl IntoIterator<Item = &'a LayerDescriptor>) -> LayerSize {
        let mut seen = BTreeSet::new();
        let present =
            layers.into_iter().filter(|layer| self.has_layer(layer.digest) && seen.insert(layer.digest));
        present.map(|layer| self.sizes.find_size(layer)).fold(LayerSize::default(), LayerSize::add_size)
    }

    /// Unpacks a layer within `limits` in a sandbox and moves it to its final folder. After an error nothing
    /// of it is left.
    ///
    /// Errors: `layer-content` and `layer-digest` (invalid), `disk-low`, `layer-source` and `layer-sandbox`
    /// (unavailable).
    pub async fn add_layer(
        &self,
        layer: &LayerDescriptor,
        bytes: ByteStream<'_>,
        limits: LayerLimits,
    ) -> Result<(), AddLayerError> {
        if self.has_layer(layer.digest) {
            return Ok(());
        }
        let _permit = self.unpacks.acquire().await.map_err(Error::internal)?;
        self.floor.check()?;
        // Dropped in reverse order: the group ends its processes before the folder is removed.
        let partial = self.new_partial();
        let group = self.create_group(&partial)?;
        state_files::make_folder(&partial.0, 0o755).with_context("making a folder for a layer")?;
        std::os::unix::fs::chown(&partial.0, Some(STORED_ID_BASE), Some(STORED_ID_BASE))
            .with_context("making a folder for a layer")?;
        let task = unpack::UnpackTask {
            target: partial.0.clone(),
            compression: layer.compression,
            limits,
            cgroup: group.cgroup_path().to_owned(),
        };
        let size = tokio::select! {
            unpacked = unpack_layer(&task, &group, layer, bytes) => unpacked?,
            low = self.floor.wait_until_low() => return Err(low.into()),
        };
        drop(group);
        self.sizes.record_size(layer.digest, size)?;
        let place = self.layout.layer_folder(layer.digest);
        match fs::rename(&partial.0, &place) {
            // Another call has added the same layer meanwhile.
            Err(_) if place.is_dir() => {}
            renamed => renamed.with_context(format_args!("storing the layer {}", layer.digest))?,
        }
        state_files::sync_parent_folder(&place)
            .with_context(format_args!("keeping layer {}", layer.digest))
            .map_err(AddLayerError::from)
    }

    fn create_group(&self, partial: &TempFolder) -> Result<LimitedCgroup> {
        let number = partial.0.file_name().unwrap_or_default().to_string_lossy();
        let path = format!("/hearth/{}/unpack.{number}", self.instance);
        LimitedCgroup::create(path, UNPACKER_LIMITS).with_context("making the control group of a layer")
    }

    /// Moves all layers except these out of their places. They are deleted when the returned folders are
    /// dropped, which takes time.
    pub fn remove_all_but(&self, keep: &BTreeSet<Digest>) -> Result<Vec<TempFolder>> {
        let mut trash = Vec::new();
        for entry in fs::read_dir(self.layout.layers_folder()).with_context("listing the layers")? {
            let entry = entry.with_context("listing the layers")?;
            let name = entry.file_name();
            let layer = format!("sha256:{}", name.to_string_lossy()).parse::<Digest>();
            if layer.is_ok_and(|layer| keep.contains(&layer)) {
                continue;
            }
            // A rename is atomic, so a crash leaves no incomplete layer.
            let partial = self.new_partial();
            fs::rename(entry.path(), &partial.0)
                .with_context(format_args!("removing layer {}", name.to_string_lossy()))?;
            trash.push(partial);
        }
        self.sizes.remove_stale_sizes(|layer| keep.contains(&layer))?;
        Ok(trash)
    }

    fn new_partial(&self) -> TempFolder {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        TempFolder(self.layout.partial_layers_folder().join(number.to_string()))
    }
}

/// Error of adding a layer.
pub enum AddLayerError {
    /// The layer's own bytes cannot be used, so that no other try succeeds.
    Unusable(Error),
    /// Any other error, also when other bytes than the layer's arrived.
    Failed(Error),
}

impl From<Error> for AddLayerError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Unpacks a layer's bytes in a sandbox, and returns the unpacked size.
async fn unpack_layer(
    task: &unpack::UnpackTask,
    group: &LimitedCgroup,
    layer: &LayerDescriptor,
    bytes: ByteStream<'_>,
) -> Result<LayerSize, AddLayerError> {
    let mut command = Command::from(reexec::build_command(Subprocess::Unpacker));
    command.arg(serde_json::to_string(task).map_err(Error::internal)?);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context("starting the sandbox of a layer")?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::internal("the child has no standard streams").into());
    };
    let answer = async {
        let mut answer = Vec::new();
        output.take(1 << 20).read_to_end(&mut answer).await.map(|_| answer)
    };
    let (passed, answer) = tokio::join!(transfer_bytes(bytes, input, layer.size), answer);
    let answer = answer.with_context("reading the result of a layer's sandbox")?;
    let status = child.wait().await.with_context("waiting for the sandbox of a layer")?;
    // The digest is checked first: errors in the content of wrong bytes do not matter.
    passed?.check_transfer(layer)?;
    let unpacked = serde_json::from_slice::<Result<UnpackResult, UnpackFailure>>(&answer)
        .map_err(|error| build_crash_error(layer, status, group.is_out_of_memory(), error))?;
    let unpacked = unpacked.map_err(|refused| build_content_error(layer, &refused.reason))?;
    let found = Digest::new(unpacked.digest);
    match layer.diff_id {
        Some(wanted) if wanted != found => {
            Err(AddLayerError::Unusable(build_digest_error(layer, &format!("has another diff id: {found}"))))
        }
        _ => Ok(unpacked.size),
    }
}

/// Builds the error for a sandbox that ended without a result. One that exceeded a limit of memory or file
/// size ends the same way each time.
fn build_crash_error(
    layer: &LayerDescriptor,
    status: ExitStatus,
    is_out_of_memory: bool,
    cause: serde_json::Error,
) -> AddLayerError {
    let exceeded = [libc::SIGABRT, libc::SIGXFSZ];
    if is_out_of_memory || status.signal().is_some_and(|signal| exceeded.contains(&signal)) {
        return build_content_error(layer, "unpacking it needs more memory or a larger file than is allowed");
    }
    let what = format!("the sandbox of layer {} has crashed: {status}", layer.digest);
    let error = Error::unavailable("layer-sandbox", what).with_cause(cause);
    error.help("try again; if it happens again, build the image again").into()
}

fn build_content_error(layer: &LayerDescriptor, reason: &str) -> AddLayerError {
    let why = format!("layer {} cannot be unpacked: {reason}", layer.digest);
    let error = Error::invalid("layer-content", why).help("remove the cause and build the image again");
    AddLayerError::Unusable(error)
}

/// Temporary folder that is deleted when this value is dropped, unless it has been moved.
pub struct TempFolder(PathBuf);

impl Drop for TempFolder {
    fn drop(&mut self) {
        if let Err(error) = state_files::remove_path(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "folder of a layer not removed; the next start removes it");
        }
    }
}
