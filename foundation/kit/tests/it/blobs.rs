//! Blob store in a folder.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use hearth_base::{BlobId, Clock, Entropy, Error, Result, Role, SystemClock};
use hearth_kit::{
    blobs::{BlobStore, ContentStream},
    config::DiskSettings,
};

type Pieces = Vec<Result<Bytes, std::io::Error>>;

fn new_id() -> BlobId {
    BlobId::new(SystemClock.now(), &Entropy::System)
}

fn split_into_pieces(
    bytes: &[u8],
    size: usize,
) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> + use<> {
    stream::iter(bytes.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect::<Pieces>())
}

async fn read_content(content: Option<ContentStream>) -> Result<Vec<u8>> {
    let content = content.ok_or_else(|| Error::internal("no content"))?;
    content
        .try_fold(Vec::new(), async |mut all, bytes| {
            all.extend_from_slice(&bytes);
            Ok(all)
        })
        .await
}

#[tokio::test]
async fn content_is_read_whole_and_by_range() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let blobs = BlobStore::open_folder(folder.path(), Role::Images, &DiskSettings::default())?;
    // More than two parts of a multipart upload.
    let large: Vec<u8> = (0..12_000_000_u32).map(|number| (number % 251) as u8).collect();
    let id = new_id();
    let written = blobs.write(id, split_into_pieces(&large, 70_001), u64::MAX).await?;
    assert_eq!(written.size, large.len() as u64);
    assert!(read_content(blobs.read(id, None).await?).await? == large);
    assert_eq!(
        read_content(blobs.read(id, Some(5_999_998..6_000_003)).await?).await?,
        large[5_999_998..6_000_003]
    );
    blobs.delete(id).await?;
    blobs.delete(id).await?;
    assert!(blobs.read(id, None).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn content_has_the_digest_of_the_standard() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let blobs = BlobStore::open_folder(folder.path(), Role::Images, &DiskSettings::default())?;
    // FIPS 180-2, appendix B.1; and the empty message.
    for (text, digest) in [
        ("abc", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ] {
        let id = new_id();
        assert_eq!(
            blobs.write(id, split_into_pieces(text.as_bytes(), 2), 3).await?.digest.to_string(),
            digest
        );
        assert_eq!(read_content(blobs.read(id, None).await?).await?, text.as_bytes());
    }
    Ok(())
}

#[tokio::test]
async fn interrupted_or_oversized_upload_leaves_no_blob() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let blobs = BlobStore::open_folder(folder.path(), Role::Images, &DiskSettings::default())?;
    let broken: Pieces = vec![Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("gone"))];
    let error = blobs.write(new_id(), stream::iter(broken), 100).await.unwrap_err();
    assert_eq!(error.code(), "body-broken");
    let error = blobs.write(new_id(), split_into_pieces(b"12345", 1), 4).await.unwrap_err();
    assert_eq!(error.code(), "content-too-large");
    assert_eq!(blobs.list().count().await, 0);
    Ok(())
}

#[tokio::test]
async fn service_lists_only_its_own_blobs() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let images = BlobStore::open_folder(folder.path(), Role::Images, &DiskSettings::default())?;
    let logs = BlobStore::open_folder(folder.path(), Role::Logs, &DiskSettings::default())?;
    let id = new_id();
    images.write(id, split_into_pieces(b"x", 1), 1).await?;
    let listed: Vec<_> = images.list().try_collect().await?;
    assert_eq!(listed.iter().map(|listed| listed.id).collect::<Vec<_>>(), [id]);
    assert_eq!(logs.list().count().await, 0);
    assert!(logs.read(id, None).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn content_is_refused_below_the_floor_of_free_space_and_read_on() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let blobs = BlobStore::open_folder(folder.path(), Role::Images, &DiskSettings::default())?;
    let id = new_id();
    blobs.write(id, split_into_pieces(b"there", 1), 5).await?;
    // No disk has this much free space.
    let full = DiskSettings { min_free: u64::MAX };
    let blobs = BlobStore::open_folder(folder.path(), Role::Images, &full)?;
    let error = blobs.write(new_id(), split_into_pieces(b"new", 1), 5).await.unwrap_err();
    assert_eq!(error.code(), "disk-low");
    assert_eq!(read_content(blobs.read(id, None).await?).await?, b"there");
    assert_eq!(blobs.list().count().await, 1);
    Ok(())
}
