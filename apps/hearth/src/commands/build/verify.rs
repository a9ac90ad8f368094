//! `hearth build verify [IMAGE|BUILD]`: checks the signed provenance of an image.

use std::path::PathBuf;

use hearth_base::{Digest, Error, Result};
use hearth_wire::builds::provenance::{ProvenanceResource, ProvenanceStatement};
use serde::{Deserialize, Serialize};

use super::{
    image_target::find_image_target,
    provenance::{SignedStatement, fetch_provenance},
    sbom::{fetch_signed_sbom, find_sbom_digest},
};
use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// The arguments of `hearth build verify`.
#[derive(Debug, clap::Args)]
pub struct VerifyBuildArgs {
    /// A build, or an image as NAME[:TAG] or NAME@DIGEST; default: the newest build
    image: Option<String>,
    /// Public key in PEM to trust, instead of the keys that this Hearth serves
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// Contents of the verified provenance of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct VerifiedImage {
    image: String,
    digest: Digest,
    /// URI of the source.
    source: String,
    /// Commit, or digest of the uploaded folder.
    revision: String,
    /// Plan and images that the build read, each with its digest.
    #[serde(default)]
    materials: Vec<String>,
    /// Digest of the list of packages, if there is one.
    #[serde(default)]
    sbom: Option<Digest>,
    /// Number of packages in the list; absent if it is not attached any more.
    #[serde(default)]
    packages: Option<usize>,
    build: String,
    builder: String,
    finished: Option<String>,
    keyid: String,
}

/// Verifies the provenance of the image, and the list of its packages.
pub async fn run(cx: &CommandContext, args: VerifyBuildArgs) -> Result<()> {
    let result = cx.printer.open_output::<VerifiedImage>()?;
    let session = cx.open_tool_session()?;
    let target = find_image_target(&session, args.image.as_deref()).await?;
    let signed = fetch_provenance(&session, &target, args.key.as_deref()).await?;
    let mut verified = describe_verified(&target.image, target.digest, signed)?;
    if let Some(digest) = verified.sbom {
        // Its content is checked against the signed digest.
        let sbom = fetch_signed_sbom(&session, &target, digest).await?;
        verified.packages = sbom.map(|sbom| sbom.components.len());
    }
    result.print_record(&verified, &build_table(&verified))
}

fn describe_verified(image: &str, digest: Digest, signed: SignedStatement) -> Result<VerifiedImage> {
    let SignedStatement { keyid, statement } = signed;
    let sbom = find_sbom_digest(&statement);
    let ProvenanceStatement { predicate, .. } = statement;
    let mut dependencies = predicate.build_definition.resolved_dependencies.into_iter();
    let source = dependencies
        .next()
        .ok_or_else(|| Error::invalid("provenance-invalid", "the provenance names no source"))?;
    let metadata = predicate.run_details.metadata;
    Ok(VerifiedImage {
        image: image.to_owned(),
        digest,
        source: source.uri.unwrap_or_default(),
        revision: source.digest.into_values().next().unwrap_or_default(),
        materials: dependencies.map(describe_material).collect(),
        sbom,
        packages: None,
        build: metadata.invocation_id,
        builder: predicate.run_details.builder.id,
        finished: metadata.finished_on,
        keyid,
    })
}

/// Describes a plan or an image with its digest.
fn describe_material(material: ProvenanceResource) -> String {
    let name = material.name.or(material.uri).unwrap_or_default();
    let digest = material.digest.iter().next();
    let digest = digest.map(|(algorithm, digest)| format!("{algorithm}:{digest}")).unwrap_or_default();
    format!("{name} {digest}")
}

fn build_table(verified: &VerifiedImage) -> Table {
    let row = |name, text: &str| (name, Cell::from(text));
    let mut rows = vec![
        row("verified", "the signature is valid, and the image is the one that was built"),
        row("image", &verified.image),
        row("digest", &verified.digest.to_string()),
        row("source", &verified.source),
        row("revision", &verified.revision),
    ];
    rows.extend(verified.materials.iter().map(|material| row("made from", material)));
    if let Some(digest) = verified.sbom {
        let contents = match verified.packages {
            Some(count) => format!("{count} packages, listed in the signed {digest}"),
            None => format!("the signed list {digest} is not attached to the image any more"),
        };
        rows.push(row("contents", &contents));
    }
    rows.extend([
        row("build", &verified.build),
        row("builder", &verified.builder),
        row("ended", verified.finished.as_deref().unwrap_or("-")),
        row("key", &verified.keyid),
    ]);
    Table::from_pairs(rows)
}
