//! Images and layers: atomic storage, sharing between images, and no removal while in use.

use std::{collections::BTreeSet, time::Duration};

use hearth_base::{Digest, Result};
use sha2::{Digest as _, Sha256};

use crate::{
    Compression, ImageReference, LayerDescriptor, ResolvedImage,
    conformance::Bench,
    fake::ScriptStep::{Exit, Forever},
};

/// Builds a layer of an archive without entries: two zero blocks, and further ones to distinguish layers.
fn build_zero_layer(blocks: usize) -> (LayerDescriptor, Vec<u8>) {
    let bytes = vec![0; 512 * (2 + blocks)];
    let digest = Digest::new(Sha256::digest(&bytes).into());
    let size = bytes.len() as u64;
    (LayerDescriptor { digest, size, compression: Compression::None, diff_id: Some(digest) }, bytes)
}

/// Builds an image of the given layers.
fn build_image(number: u8, layers: &[&LayerDescriptor]) -> ResolvedImage {
    let reference = ImageReference::new("example/image", Digest::new([number; 32])).expect("a reference");
    ResolvedImage { reference, layers: layers.iter().copied().cloned().collect() }
}

async fn add_layer(bench: &Bench, layer: &LayerDescriptor, bytes: &[u8]) -> Result<()> {
    bench.runtime().add_layer(layer, Box::new(std::io::Cursor::new(bytes.to_vec()))).await
}

async fn find_missing(bench: &Bench, image: &ResolvedImage) -> Vec<Digest> {
    let missing = bench.runtime().ensure_image(image).await.expect("ensure");
    missing.iter().map(|layer| layer.digest).collect()
}

async fn remove_images(bench: &Bench, keep: &[&ResolvedImage], unused_for: Duration) -> Vec<Digest> {
    let keep = keep.iter().map(|image| image.reference.digest()).collect::<BTreeSet<_>>();
    bench.runtime().remove_images(&keep, unused_for).await.expect("remove")
}

fn error_code<T>(result: Result<T>) -> Option<String> {
    result.err().map(|error| error.code().to_owned())
}

/// Adding a layer is idempotent.
pub async fn a_layer_is_missing_until_added(bench: &Bench) {
    let (one, bytes) = build_zero_layer(1);
    let image = build_image(1, &[&one, &one]);
    assert_eq!(find_missing(bench, &image).await, [one.digest]);
    for _ in 0..2 {
        add_layer(bench, &one, &bytes).await.expect("add");
        assert!(find_missing(bench, &image).await.is_empty());
    }
}

/// The layer stays missing afterwards.
pub async fn bytes_of_another_layer_are_refused(bench: &Bench) {
    let ((one, bytes), (_, others)) = (build_zero_layer(1), build_zero_layer(2));
    let image = build_image(1, &[&one]);
    find_missing(bench, &image).await;
    assert_eq!(error_code(add_layer(bench, &one, &others).await).as_deref(), Some("layer-digest"));
    let mut changed = bytes.clone();
    *changed.last_mut().expect("bytes") = 1;
    assert_eq!(error_code(add_layer(bench, &one, &changed).await).as_deref(), Some("layer-digest"));
    assert_eq!(find_missing(bench, &image).await, [one.digest]);
    add_layer(bench, &one, &bytes).await.expect("the right bytes");
}

/// A partial layer is never stored.
pub async fn a_truncated_layer_is_refused(bench: &Bench) {
    let (one, bytes) = build_zero_layer(8);
    let image = build_image(1, &[&one]);
    find_missing(bench, &image).await;
    for part in [0, 512, bytes.len() - 512, bytes.len() - 1] {
        assert_eq!(
            error_code(add_layer(bench, &one, &bytes[..part]).await).as_deref(),
            Some("layer-digest"),
            "{part}"
        );
        assert_eq!(find_missing(bench, &image).await, [one.digest]);
    }
}

/// The digest matches, but the unpacked archive differs from `diff_id`.
pub async fn a_layer_that_unpacks_to_something_else_is_refused(bench: &Bench) {
    let ((one, bytes), (other, _)) = (build_zero_layer(1), build_zero_layer(2));
    let one = LayerDescriptor { diff_id: other.diff_id, ..one };
    let image = build_image(1, &[&one]);
    find_missing(bench, &image).await;
    assert_eq!(error_code(add_layer(bench, &one, &bytes).await).as_deref(), Some("layer-digest"));
    assert_eq!(find_missing(bench, &image).await, [one.digest]);
}

/// The error has the code `layer-unknown`.
pub async fn a_layer_of_no_known_image_is_refused(bench: &Bench) {
    let (one, bytes) = build_zero_layer(1);
    assert_eq!(error_code(add_layer(bench, &one, &bytes).await).as_deref(), Some("layer-unknown"));
}

/// The layers of a digest never change. Images without layers, or with too many, are refused as well.
pub async fn an_image_with_other_layers_is_refused(bench: &Bench) {
    let ((one, _), (other, _)) = (build_zero_layer(1), build_zero_layer(2));
    find_missing(bench, &build_image(1, &[&one])).await;
    let runtime = bench.runtime();
    let refused = runtime.ensure_image(&build_image(1, &[&other])).await;
    assert_eq!(error_code(refused).as_deref(), Some("image-differs"));
    let many = vec![&one; 129];
    for layers in [&[][..], &many] {
        let refused = runtime.ensure_image(&build_image(2, layers)).await;
        assert_eq!(error_code(refused).as_deref(), Some("image-layers"));
    }
    assert_eq!(find_missing(bench, &build_image(1, &[&one])).await, [one.digest]);
}

/// After the image is ensured and its layers are added, the same workload is accepted.
pub async fn a_workload_of_a_missing_image_is_refused(bench: &Bench) {
    let (top, bytes) = build_zero_layer(7);
    let base = bench.image();
    let layers: Vec<_> = base.layers.iter().chain([&top]).collect();
    let image = build_image(1, &layers);
    let mut workload = bench.build_run(&[Exit(0)]);
    workload.image = image.reference.clone();
    let runtime = bench.runtime();
    assert_eq!(error_code(runtime.apply(workload.clone()).await).as_deref(), Some("image-missing"));
    assert_eq!(find_missing(bench, &image).await, [top.digest]);
    assert_eq!(error_code(runtime.apply(workload.clone()).await).as_deref(), Some("image-missing"));
    add_layer(bench, &top, &bytes).await.expect("add");
    bench.run_to_end(&workload).await;
}

/// A shared layer is stored once, and kept while any image lists it.
pub async fn two_images_share_a_layer(bench: &Bench) {
    let ((shared, shared_bytes), (own, own_bytes)) = (build_zero_layer(1), build_zero_layer(2));
    let (first, second) = (build_image(1, &[&shared]), build_image(2, &[&shared, &own]));
    find_missing(bench, &first).await;
    add_layer(bench, &shared, &shared_bytes).await.expect("add");
    assert_eq!(find_missing(bench, &second).await, [own.digest]);
    add_layer(bench, &own, &own_bytes).await.expect("add");
    assert_eq!(
        remove_images(bench, &[&bench.image(), &first], Duration::ZERO).await,
        [second.reference.digest()]
    );
    assert!(find_missing(bench, &first).await.is_empty());
    assert_eq!(find_missing(bench, &second).await, [own.digest]);
    remove_images(bench, &[&bench.image()], Duration::ZERO).await;
    assert_eq!(find_missing(bench, &first).await, [shared.digest]);
}

/// An image that a workload uses is not removed, even if it is not in `keep`.
pub async fn a_used_image_stays(bench: &Bench) {
    let ((one, bytes), (two, other_bytes)) = (build_zero_layer(1), build_zero_layer(2));
    let (kept, old) = (build_image(1, &[&one]), build_image(2, &[&two]));
    for (image, layer, bytes) in [(&kept, &one, &bytes), (&old, &two, &other_bytes)] {
        find_missing(bench, image).await;
        add_layer(bench, layer, bytes).await.expect("add");
    }
    let workload = bench.build_run(&[Exit(0)]);
    bench.run_to_end(&workload).await;
    assert_eq!(remove_images(bench, &[&kept], Duration::ZERO).await, [old.reference.digest()]);
    assert!(find_missing(bench, &bench.image()).await.is_empty());
    bench.runtime().acknowledge_workload(workload.id()).await.expect("acknowledge");
    let mut removed = remove_images(bench, &[], Duration::ZERO).await;
    let mut all = [kept.reference.digest(), bench.image().reference.digest()];
    removed.sort_unstable();
    all.sort_unstable();
    assert_eq!(removed, all);
    assert_eq!(find_missing(bench, &bench.image()).await.len(), bench.image().layers.len());
}

/// An image that was used recently is kept, since a caller may be about to apply it.
pub async fn an_image_that_was_used_lately_stays(bench: &Bench) {
    let (one, bytes) = build_zero_layer(1);
    let image = build_image(1, &[&one]);
    find_missing(bench, &image).await;
    assert!(remove_images(bench, &[], Duration::from_secs(3600)).await.is_empty());
    add_layer(bench, &one, &bytes).await.expect("its image is still registered");
    assert!(remove_images(bench, &[], Duration::from_secs(3600)).await.is_empty());
    assert!(find_missing(bench, &image).await.is_empty());
}

/// Stored layers stay, and missing ones can still be added.
pub async fn images_survive_a_restart(bench: &Bench) {
    let ((one, bytes), (two, other_bytes)) = (build_zero_layer(1), build_zero_layer(2));
    let image = build_image(1, &[&one, &two]);
    find_missing(bench, &image).await;
    add_layer(bench, &one, &bytes).await.expect("add");
    let workload = bench.build_set(1, &[Forever]);
    bench.start_instances(&workload, 1).await;
    bench.restart().await;
    add_layer(bench, &two, &other_bytes).await.expect("its image is still registered");
    assert!(find_missing(bench, &image).await.is_empty());
    assert_eq!(remove_images(bench, &[], Duration::ZERO).await, [image.reference.digest()]);
    assert!(find_missing(bench, &bench.image()).await.is_empty(), "the workload uses it");
    bench.start_instances(&bench.build_set(1, &[Forever]), 1).await;
}
