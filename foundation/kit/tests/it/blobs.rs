//! Content in a folder.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use hearth_base::{BlobId, Clock, Entropy, Error, Result, Role, SystemClock};
use hearth_kit::blobs::{Blobs, Content};

type Pieces = Vec<Result<Bytes, std::io::Error>>;

fn new_id() -> BlobId {
    BlobId::new(SystemClock.now(), &Entropy::System)
}

fn pieces(bytes: &[u8], size: usize) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> + use<> {
    stream::iter(bytes.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect::<Pieces>())
}

async fn whole(content: Option<Content>) -> Result<Vec<u8>> {
    let content = content.ok_or_else(|| Error::internal("no content"))?;
    content
        .try_fold(Vec::new(), async |mut all, bytes| {
            all.extend_from_slice(&bytes);
            Ok(all)
        })
        .await
}

#[tokio::test]
async fn content_reads_back_whole_and_in_part() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::in_folder(folder.path(), Role::Images)?;
    // More than two of the parts in which it travels.
    let large: Vec<u8> = (0..12_000_000_u32).map(|number| (number % 251) as u8).collect();
    let id = new_id();
    let written = blobs.write(id, pieces(&large, 70_001), u64::MAX).await?;
    assert_eq!(written.size, large.len() as u64);
    assert!(whole(blobs.read(id, None).await?).await? == large);
    assert_eq!(whole(blobs.read(id, Some(5_999_998..6_000_003)).await?).await?, large[5_999_998..6_000_003]);
    blobs.delete(id).await?;
    blobs.delete(id).await?;
    assert!(blobs.read(id, None).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn content_has_the_digest_that_the_standard_says() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::in_folder(folder.path(), Role::Images)?;
    // FIPS 180-2, appendix B.1; and the empty message.
    for (text, digest) in [
        ("abc", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ] {
        let id = new_id();
        assert_eq!(blobs.write(id, pieces(text.as_bytes(), 2), 3).await?.digest.to_string(), digest);
        assert_eq!(whole(blobs.read(id, None).await?).await?, text.as_bytes());
    }
    Ok(())
}

#[tokio::test]
async fn what_breaks_off_or_is_too_large_leaves_nothing() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::in_folder(folder.path(), Role::Images)?;
    let broken: Pieces = vec![Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("gone"))];
    let error = blobs.write(new_id(), stream::iter(broken), 100).await.unwrap_err();
    assert_eq!(error.code(), "body-broken");
    let error = blobs.write(new_id(), pieces(b"12345", 1), 4).await.unwrap_err();
    assert_eq!(error.code(), "content-too-large");
    assert_eq!(blobs.list().count().await, 0);
    Ok(())
}

#[tokio::test]
async fn each_service_lists_its_own() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let images = Blobs::in_folder(folder.path(), Role::Images)?;
    let logs = Blobs::in_folder(folder.path(), Role::Logs)?;
    let id = new_id();
    images.write(id, pieces(b"x", 1), 1).await?;
    let listed: Vec<_> = images.list().try_collect().await?;
    assert_eq!(listed.iter().map(|listed| listed.id).collect::<Vec<_>>(), [id]);
    assert_eq!(logs.list().count().await, 0);
    assert!(logs.read(id, None).await?.is_none());
    Ok(())
}
