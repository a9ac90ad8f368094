//! Layers of images: compressed archives.

use hearth_runtime_api::Compression;
use hearth_runtime_local::fuzzing::read_layer;

/// The most bytes and entries of a layer here.
const CAPS: (u64, u64) = (1 << 20, 1000);

/// First byte: the compression. The rest: the layer.
pub fn layers(input: &[u8]) {
    let Some((kind, layer)) = input.split_first() else { return };
    let compression = match kind % 3 {
        0 => Compression::None,
        1 => Compression::Gzip,
        _ => Compression::Zstd,
    };
    let (mut bytes, mut entries) = (0, 0);
    // That a layer is refused is well; what was read before is checked either way.
    let _ = read_layer(compression, layer, CAPS, |entry| {
        bytes += entry.bytes;
        entries += 1;
        for part in entry.path.iter().chain(entry.link.iter().flatten()) {
            assert!(!matches!(part.as_slice(), b"" | b"." | b".."), "a path leads elsewhere: {part:?}");
            assert!(!part.contains(&b'/') && !part.contains(&0), "a part of a path is none: {part:?}");
            assert!(part.len() <= 255, "a part of a path is too long");
        }
    });
    assert!(bytes <= CAPS.0, "{bytes} bytes are written");
    assert!(entries <= CAPS.1, "{entries} entries are written");
}
