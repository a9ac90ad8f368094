//! Layers of images: compressed archives.

use hearth_runtime_api::Compression;
use hearth_runtime_local::fuzzing::read_layer;

/// Maximum bytes and entries of a layer.
const LAYER_LIMITS: (u64, u64) = (1 << 20, 1000);

/// Input: the compression as the first byte, and the layer as the rest.
pub fn run_target(input: &[u8]) {
    let Some((kind, layer)) = input.split_first() else { return };
    let compression = match kind % 3 {
        0 => Compression::None,
        1 => Compression::Gzip,
        _ => Compression::Zstd,
    };
    let (mut bytes, mut entries) = (0, 0);
    // An error of the layer is no finding; entries before it are checked in any case.
    let _ = read_layer(compression, layer, LAYER_LIMITS, |entry| {
        bytes += entry.bytes;
        entries += 1;
        for part in entry.path.iter().chain(entry.link.iter().flatten()) {
            assert!(
                !matches!(part.as_slice(), b"" | b"." | b".."),
                "a path component leads out of the layer: {part:?}"
            );
            assert!(
                !part.contains(&b'/') && !part.contains(&0),
                "a path component contains '/' or a NUL byte: {part:?}"
            );
            assert!(part.len() <= 255, "a path component is too long");
        }
    });
    assert!(bytes <= LAYER_LIMITS.0, "{bytes} bytes are written");
    assert!(entries <= LAYER_LIMITS.1, "{entries} entries are written");
}
