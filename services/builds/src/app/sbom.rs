//! SBOMs of images: attached to an image while its builder holds the lease of the build.

use hearth_base::{BuildId, Digest, Error, Result, Role};
use hearth_wire::{
    builds::{BuildSbom, MAX_SBOM_BYTES, SBOM_MEDIA_TYPE, internal::SbomUpload},
    images::internal::ArtifactAttach,
};
use sha2::{Digest as _, Sha256};

use super::{build_task::BUILD_TASK, ticket::decode_ticket};
use crate::{
    context::BuildsContext,
    store::{AttachedSbom, Build},
};

/// Attaches an SBOM to the image that a leased build has pushed, and records its digest, which the provenance signs. The
/// builder itself has no right to attach anything: it names neither the tool nor the image, only the digest. May be
/// repeated.
pub async fn store_sbom(cx: &BuildsContext, id: BuildId, upload: SbomUpload) -> Result<()> {
    let SbomUpload { ticket, image, packages, content } = upload;
    let item = decode_ticket(&ticket)?.into_item(BUILD_TASK);
    cx.store.queue.heartbeat(&item).await?;
    if content.len() > MAX_SBOM_BYTES {
        let message = format!("the SBOM has {} bytes; allowed are {MAX_SBOM_BYTES}", content.len());
        return Err(
            Error::invalid("sbom-size", message).help("leave packages out, and mark it as incomplete")
        );
    }
    let is_leased = |build: &Build| !build.has_ended() && build.tool.to_string() == item.key;
    let build = cx.store.find_build_by_id(id).await?.filter(is_leased).ok_or_else(build_ended_error)?;
    let digest = Digest::new(Sha256::digest(&content).into());
    let attach = ArtifactAttach {
        tool: build.tool,
        image: build.parameters.image_name.parse()?,
        subject: image,
        artifact_type: SBOM_MEDIA_TYPE.to_owned(),
        content,
    };
    cx.clients.create_client(Role::Images)?.images_internal().attach_artifact(&attach).await?;
    let tx = cx.store.begin().await?;
    let build = cx.store.lock_build(&tx, id).await?.filter(is_leased);
    let mut build = build.ok_or_else(build_ended_error)?;
    build.image_record.sbom = Some(AttachedSbom { image, document: BuildSbom { digest, packages } });
    cx.store.update_build(&tx, &build).await?;
    tx.commit().await
}

fn build_ended_error() -> Error {
    Error::conflict("lease-lost", "the lease is not for a build that is running")
}
