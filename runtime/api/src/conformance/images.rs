//! Images and layers: whole or not at all, shared, and not removed while used.

use std::{collections::BTreeSet, time::Duration};

use hearth_base::{Digest, Result};
use sha2::{Digest as _, Sha256};

use crate::{
    Compression, Image, ImageReference, LayerDescriptor,
    conformance::Bench,
    fake::Step::{Exit, Forever},
};

/// A layer of an archive without entries: two blocks of zeros, and more of them to tell one from another.
fn layer_of_zeros(blocks: usize) -> (LayerDescriptor, Vec<u8>) {
    let bytes = vec![0; 512 * (2 + blocks)];
    let digest = Digest::new(Sha256::digest(&bytes).into());
    let size = bytes.len() as u64;
    (LayerDescriptor { digest, size, compression: Compression::None, diff_id: Some(digest) }, bytes)
}

/// An image of such layers.
fn image_of(number: u8, layers: &[&LayerDescriptor]) -> Image {
    let reference = ImageReference::new("example/image", Digest::new([number; 32])).expect("a reference");
    Image { reference, layers: layers.iter().copied().cloned().collect() }
}

async fn add_layer(bench: &Bench, layer: &LayerDescriptor, bytes: &[u8]) -> Result<()> {
    bench.runtime().add_layer(layer, Box::new(std::io::Cursor::new(bytes.to_vec()))).await
}

async fn find_missing(bench: &Bench, image: &Image) -> Vec<Digest> {
    let missing = bench.runtime().ensure_image(image).await.expect("ensure");
    missing.iter().map(|layer| layer.digest).collect()
}

async fn remove_images(bench: &Bench, keep: &[&Image], unused_for: Duration) -> Vec<Digest> {
    let keep = keep.iter().map(|image| image.reference.digest()).collect::<BTreeSet<_>>();
    bench.runtime().remove_images(&keep, unused_for).await.expect("remove")
}

fn error_code<T>(result: Result<T>) -> Option<String> {
    result.err().map(|error| error.code().to_owned())
}

/// Adding it twice is as good as once.
pub async fn a_layer_is_missing_until_added(bench: &Bench) {
    let (one, bytes) = layer_of_zeros(1);
    let image = image_of(1, &[&one, &one]);
    assert_eq!(find_missing(bench, &image).await, [one.digest]);
    for _ in 0..2 {
        add_layer(bench, &one, &bytes).await.expect("add");
        assert!(find_missing(bench, &image).await.is_empty());
    }
}

/// And is not there afterwards.
pub async fn bytes_of_another_layer_are_refused(bench: &Bench) {
    let ((one, bytes), (_, others)) = (layer_of_zeros(1), layer_of_zeros(2));
    let image = image_of(1, &[&one]);
    find_missing(bench, &image).await;
    assert_eq!(error_code(add_layer(bench, &one, &others).await).as_deref(), Some("layer-digest"));
    let mut changed = bytes.clone();
    *changed.last_mut().expect("bytes") = 1;
    assert_eq!(error_code(add_layer(bench, &one, &changed).await).as_deref(), Some("layer-digest"));
    assert_eq!(find_missing(bench, &image).await, [one.digest]);
    add_layer(bench, &one, &bytes).await.expect("the right bytes");
}

/// Half of a layer is none.
pub async fn a_truncated_layer_is_refused(bench: &Bench) {
    let (one, bytes) = layer_of_zeros(8);
    let image = image_of(1, &[&one]);
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

/// The bytes are right, and their content is another.
pub async fn a_layer_that_unpacks_to_something_else_is_refused(bench: &Bench) {
    let ((one, bytes), (other, _)) = (layer_of_zeros(1), layer_of_zeros(2));
    let one = LayerDescriptor { diff_id: other.diff_id, ..one };
    let image = image_of(1, &[&one]);
    find_missing(bench, &image).await;
    assert_eq!(error_code(add_layer(bench, &one, &bytes).await).as_deref(), Some("layer-digest"));
    assert_eq!(find_missing(bench, &image).await, [one.digest]);
}

/// Nobody would use it.
pub async fn a_layer_of_no_known_image_is_refused(bench: &Bench) {
    let (one, bytes) = layer_of_zeros(1);
    assert_eq!(error_code(add_layer(bench, &one, &bytes).await).as_deref(), Some("layer-unknown"));
}

/// A digest means one list for ever; and an image without layers is none.
pub async fn an_image_with_other_layers_is_refused(bench: &Bench) {
    let ((one, _), (other, _)) = (layer_of_zeros(1), layer_of_zeros(2));
    find_missing(bench, &image_of(1, &[&one])).await;
    let runtime = bench.runtime();
    let refused = runtime.ensure_image(&image_of(1, &[&other])).await;
    assert_eq!(error_code(refused).as_deref(), Some("image-differs"));
    let many = vec![&one; 129];
    for layers in [&[][..], &many] {
        let refused = runtime.ensure_image(&image_of(2, layers)).await;
        assert_eq!(error_code(refused).as_deref(), Some("image-layers"));
    }
    assert_eq!(find_missing(bench, &image_of(1, &[&one])).await, [one.digest]);
}

/// It could not start. Ensured and applied again, it does.
pub async fn a_workload_of_a_missing_image_is_refused(bench: &Bench) {
    let (top, bytes) = layer_of_zeros(7);
    let base = bench.image();
    let layers: Vec<_> = base.layers.iter().chain([&top]).collect();
    let image = image_of(1, &layers);
    let mut workload = bench.once(&[Exit(0)]);
    workload.image = image.reference.clone();
    let runtime = bench.runtime();
    assert_eq!(error_code(runtime.apply(workload.clone()).await).as_deref(), Some("image-missing"));
    assert_eq!(find_missing(bench, &image).await, [top.digest]);
    assert_eq!(error_code(runtime.apply(workload.clone()).await).as_deref(), Some("image-missing"));
    add_layer(bench, &top, &bytes).await.expect("add");
    bench.outcome(&workload).await;
}

/// It lies there once, and stays as long as one of them does.
pub async fn two_images_share_a_layer(bench: &Bench) {
    let ((shared, shared_bytes), (own, own_bytes)) = (layer_of_zeros(1), layer_of_zeros(2));
    let (first, second) = (image_of(1, &[&shared]), image_of(2, &[&shared, &own]));
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

/// Whatever the caller keeps.
pub async fn a_used_image_stays(bench: &Bench) {
    let ((one, bytes), (two, other_bytes)) = (layer_of_zeros(1), layer_of_zeros(2));
    let (kept, old) = (image_of(1, &[&one]), image_of(2, &[&two]));
    for (image, layer, bytes) in [(&kept, &one, &bytes), (&old, &two, &other_bytes)] {
        find_missing(bench, image).await;
        add_layer(bench, layer, bytes).await.expect("add");
    }
    let workload = bench.once(&[Exit(0)]);
    bench.outcome(&workload).await;
    assert_eq!(remove_images(bench, &[&kept], Duration::ZERO).await, [old.reference.digest()]);
    assert!(find_missing(bench, &bench.image()).await.is_empty());
    bench.runtime().acknowledge(workload.id()).await.expect("acknowledge");
    let mut removed = remove_images(bench, &[], Duration::ZERO).await;
    let mut all = [kept.reference.digest(), bench.image().reference.digest()];
    removed.sort_unstable();
    all.sort_unstable();
    assert_eq!(removed, all);
    assert_eq!(find_missing(bench, &bench.image()).await.len(), bench.image().layers.len());
}

/// Somebody may be about to apply it.
pub async fn an_image_that_was_used_lately_stays(bench: &Bench) {
    let (one, bytes) = layer_of_zeros(1);
    let image = image_of(1, &[&one]);
    find_missing(bench, &image).await;
    assert!(remove_images(bench, &[], Duration::from_secs(3600)).await.is_empty());
    add_layer(bench, &one, &bytes).await.expect("its image is known still");
    assert!(remove_images(bench, &[], Duration::from_secs(3600)).await.is_empty());
    assert!(find_missing(bench, &image).await.is_empty());
}

/// Layers that were there are there, and missing ones can still be added.
pub async fn images_survive_a_restart(bench: &Bench) {
    let ((one, bytes), (two, other_bytes)) = (layer_of_zeros(1), layer_of_zeros(2));
    let image = image_of(1, &[&one, &two]);
    find_missing(bench, &image).await;
    add_layer(bench, &one, &bytes).await.expect("add");
    let workload = bench.keep(1, &[Forever]);
    bench.running(&workload, 1).await;
    bench.restart().await;
    add_layer(bench, &two, &other_bytes).await.expect("its image is known still");
    assert!(find_missing(bench, &image).await.is_empty());
    assert_eq!(remove_images(bench, &[], Duration::ZERO).await, [image.reference.digest()]);
    assert!(find_missing(bench, &bench.image()).await.is_empty(), "the workload uses it");
    bench.running(&bench.keep(1, &[Forever]), 1).await;
}
