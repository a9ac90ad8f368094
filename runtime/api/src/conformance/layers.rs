//! Layers: whole or not at all, and not removed while used.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::{Compression, LayerId, LayerSource, conformance::Bench, fake::Step::Exit};

/// An archive without entries: two blocks of zeros, and more of them to tell one from another.
fn archive(blocks: usize) -> (LayerId, Vec<u8>) {
    let bytes = vec![0; 512 * (2 + blocks)];
    (LayerId::new(Sha256::digest(&bytes).into()), bytes)
}

async fn add(bench: &Bench, id: LayerId, bytes: &[u8]) -> hearth_base::Result<()> {
    let source = LayerSource { id, compression: Compression::None };
    bench.runtime().add_layer(source, Box::new(std::io::Cursor::new(bytes.to_vec()))).await
}

/// Adding it twice is as good as once.
pub async fn a_layer_is_missing_until_added(bench: &Bench) {
    let (id, bytes) = archive(1);
    let runtime = bench.runtime();
    assert_eq!(runtime.missing_layers(&[id]).await.expect("missing"), [id]);
    for _ in 0..2 {
        add(bench, id, &bytes).await.expect("add");
        assert!(runtime.missing_layers(&[id]).await.expect("missing").is_empty());
    }
}

/// And is not there afterwards.
pub async fn a_layer_that_is_not_what_it_says_is_refused(bench: &Bench) {
    let (id, _) = archive(1);
    let refused = add(bench, id, &archive(2).1).await.err();
    assert_eq!(refused.as_ref().map(|error| error.code()), Some("layer-digest"), "{refused:?}");
    assert_eq!(bench.runtime().missing_layers(&[id]).await.expect("missing"), [id]);
}

/// Whatever the caller keeps.
pub async fn a_used_layer_stays(bench: &Bench) {
    let (kept, bytes) = archive(1);
    add(bench, kept, &bytes).await.expect("add");
    let (old, bytes) = archive(2);
    add(bench, old, &bytes).await.expect("add");
    let workload = bench.once(&[Exit(0)]);
    bench.outcome(&workload).await;
    let runtime = bench.runtime();
    let removed = runtime.remove_layers(&BTreeSet::from([kept])).await.expect("remove");
    assert_eq!(removed, [old]);
    assert!(runtime.missing_layers(&workload.layers).await.expect("missing").is_empty());
    runtime.acknowledge(workload.id()).await.expect("acknowledge");
    let removed = runtime.remove_layers(&BTreeSet::new()).await.expect("remove");
    assert_eq!(removed.len(), 1 + workload.layers.len());
}

/// It could not start.
pub async fn a_workload_without_its_layers_is_refused(bench: &Bench) {
    let mut workload = bench.once(&[Exit(0)]);
    workload.layers.push(archive(7).0);
    let refused = bench.runtime().apply(workload).await.err();
    assert_eq!(refused.as_ref().map(|error| error.code()), Some("layer-missing"));
}
