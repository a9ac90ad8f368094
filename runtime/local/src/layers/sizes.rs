//! Unpacked sizes of the stored layers, one file each, for the limits of images.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Mutex, MutexGuard, PoisonError},
};

use hearth_base::{Digest, Result};
use hearth_runtime_api::LayerDescriptor;
use serde::{Deserialize, Serialize};

use super::budget::LayerSize;
use crate::{
    host_error::HostErrorContext,
    state_files::{self, StateLayout},
};

/// Format version of a size file.
const SIZE_FILE_VERSION: u32 = 1;

/// Content of a size file.
#[derive(Serialize, Deserialize)]
struct StoredSize {
    file_version: u32,
    #[serde(flatten)]
    size: LayerSize,
}

/// Unpacked sizes of layers.
#[derive(Debug)]
pub struct LayerSizes {
    layout: StateLayout,
    sizes: Mutex<BTreeMap<Digest, LayerSize>>,
}

impl LayerSizes {
    /// Reads the size files. An unreadable one is skipped.
    pub fn open(layout: StateLayout) -> Result<Self> {
        let mut sizes = BTreeMap::new();
        for entry in fs::read_dir(layout.layer_sizes_folder()).with_context("listing the layer sizes")? {
            let path = entry.with_context("listing the layer sizes")?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let stored =
                fs::read(&path).ok().and_then(|text| serde_json::from_slice::<StoredSize>(&text).ok());
            if let (Ok(layer), Some(stored)) = (format!("sha256:{name}").parse(), stored) {
                sizes.insert(layer, stored.size);
            }
        }
        Ok(Self { layout, sizes: Mutex::new(sizes) })
    }

    /// Stores the size of a layer.
    pub fn record_size(&self, layer: Digest, size: LayerSize) -> Result<()> {
        let stored = StoredSize { file_version: SIZE_FILE_VERSION, size };
        state_files::replace_file(&self.layout.layer_size_path(layer), &stored)
            .with_context(format_args!("storing the size of the layer {layer}"))?;
        self.lock_sizes().insert(layer, size);
        Ok(())
    }

    /// Finds the size of a layer. Of a layer that an earlier release unpacked, only the packed size is known.
    pub fn find_size(&self, layer: &LayerDescriptor) -> LayerSize {
        let found = self.lock_sizes().get(&layer.digest).copied();
        found.unwrap_or(LayerSize { bytes: layer.size, entries: 0 })
    }

    /// Removes the sizes of the layers that `has_layer` lacks.
    pub fn remove_stale_sizes(&self, has_layer: impl Fn(Digest) -> bool) -> Result<()> {
        let mut sizes = self.lock_sizes();
        let stale: Vec<Digest> = sizes.keys().copied().filter(|layer| !has_layer(*layer)).collect();
        for layer in stale {
            state_files::remove_path(&self.layout.layer_size_path(layer))
                .with_context(format_args!("removing the size of the layer {layer}"))?;
            sizes.remove(&layer);
        }
        Ok(())
    }

    fn lock_sizes(&self) -> MutexGuard<'_, BTreeMap<Digest, LayerSize>> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
