//! Provenance of built images: signed, and attached to the image in the registry.

use std::collections::BTreeMap;

use hearth_base::{BuildId, Error, ErrorKind, Result, Role};
use hearth_kit::{log_error, queue::TaskName};
use hearth_wire::{
    builds::{
        BuildSbom, SBOM_MEDIA_TYPE,
        provenance::{
            BuildDefinition, BuildRunDetails, BuildRunMetadata, BuilderIdentity, PROVENANCE_MEDIA_TYPE,
            PROVENANCE_PREDICATE_TYPE, ProvenancePredicate, ProvenanceResource, ProvenanceStatement,
            STATEMENT_TYPE,
        },
    },
    images::internal::ArtifactAttach,
};
use serde_json::json;

use crate::{context::BuildsContext, store::Build};

/// Task that signs and attaches the provenance of a built image.
pub const PROVENANCE_TASK: TaskName<BuildId> = TaskName::new("provenance");

/// URI of an uploaded folder as a source.
const UPLOAD_URI: &str = "urn:hearth:upload";
/// URI of the Containerfile by which an image was made.
const PLAN_URI: &str = "urn:hearth:plan";
/// Name of the SBOM among the documents of a build.
const SBOM_NAME: &str = "sbom";
/// URI of the build type: how to read the parameters of a statement (`docs/building.md`).
const BUILD_TYPE: &str = "urn:hearth:build:v1";

/// Signs the provenance of a build's image, and attaches it to the image. May be repeated: the result is the same. A
/// build or an image that has been deleted meanwhile needs none.
pub async fn attach_provenance(cx: &BuildsContext, id: BuildId) -> Result<()> {
    let Some(build) = cx.store.find_build_by_id(id).await? else { return Ok(()) };
    let Some(digest) = build.digest else { return Ok(()) };
    let statement = build_statement(&build, &digest.to_hex(), &cx.public_authority);
    let statement = serde_json::to_vec(&statement).map_err(Error::internal)?;
    let envelope = cx.signing_keys.sign_statement(&statement)?;
    let attach = ArtifactAttach {
        tool: build.tool,
        image: build.parameters.image_name.parse()?,
        subject: digest,
        artifact_type: PROVENANCE_MEDIA_TYPE.to_owned(),
        content: serde_json::to_string(&envelope).map_err(Error::internal)?,
    };
    match cx.clients.create_client(Role::Images)?.images_internal().attach_artifact(&attach).await {
        Ok(_) => Ok(()),
        Err(error) if error.code() == "manifest-unknown" => Ok(()),
        // The image works without it: the tool's quota of images is used up.
        Err(error) if error.kind() == ErrorKind::Forbidden => {
            log_error!(&error, build = %id, "provenance of an image not stored");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Builds the statement about a build's image. `host` is the public host of this Hearth.
fn build_statement(build: &Build, digest: &str, host: &str) -> ProvenanceStatement {
    let parameters = &build.parameters;
    // Values of variables may be secret; the readers of an image need not be the maintainers of the tool.
    let variables: Vec<&String> = parameters.envvars.keys().collect();
    let mut external_parameters = json!({
        "source": parameters.source_url, "ref": parameters.reference, "folder": parameters.folder,
        "image": parameters.image_name, "recipe": parameters.recipe, "process": parameters.process,
        "variables": variables,
    });
    if let Some(preview) = parameters.preview {
        external_parameters["preview"] = preview.as_u32().into();
    }
    let image = format!("{host}/tool-{}/{}", build.tool_name, parameters.image_name);
    let subject =
        ProvenanceResource { name: Some(image), digest: sha256_set(digest), ..ProvenanceResource::default() };
    ProvenanceStatement {
        statement_type: STATEMENT_TYPE.to_owned(),
        subject: vec![subject],
        predicate_type: PROVENANCE_PREDICATE_TYPE.to_owned(),
        predicate: ProvenancePredicate {
            build_definition: BuildDefinition {
                build_type: BUILD_TYPE.to_owned(),
                external_parameters,
                resolved_dependencies: list_dependencies(build),
            },
            run_details: BuildRunDetails {
                builder: BuilderIdentity { id: format_builder_id(build, host) },
                metadata: BuildRunMetadata {
                    invocation_id: build.id.to_string(),
                    started_on: build.started.map(|time| time.to_string()),
                    finished_on: build.ended.map(|time| time.to_string()),
                },
                byproducts: build
                    .image_record
                    .find_sbom(build.digest)
                    .map(describe_sbom)
                    .into_iter()
                    .collect(),
            },
        },
    }
}

/// Formats the URI of the builder that vouches for the build: an outside builder is not this Hearth.
fn format_builder_id(build: &Build, host: &str) -> String {
    let own = format!("https://{host}/builds/v1");
    match &build.outside_builder {
        None => own,
        Some(name) => format!("{own}/outside-builders/{name}"),
    }
}

/// Lists what the image was made from: the source first, then the plan and the images that the build read.
fn list_dependencies(build: &Build) -> Vec<ProvenanceResource> {
    let mut dependencies = vec![describe_source(build)];
    let Some(materials) = &build.image_record.materials else { return dependencies };
    if let Some(plan) = materials.plan {
        let (uri, digest) = (Some(PLAN_URI.to_owned()), sha256_set(&plan.to_hex()));
        dependencies.push(ProvenanceResource { uri, digest, ..ProvenanceResource::default() });
    }
    dependencies.extend(materials.images.iter().map(|(name, digest)| ProvenanceResource {
        name: Some(name.clone()),
        uri: Some(format!("oci://{name}")),
        digest: sha256_set(&digest.to_hex()),
        ..ProvenanceResource::default()
    }));
    dependencies
}

/// Describes the SBOM by its digest. The signature of the statement is also that of the SBOM.
fn describe_sbom(sbom: &BuildSbom) -> ProvenanceResource {
    ProvenanceResource {
        name: Some(SBOM_NAME.to_owned()),
        media_type: Some(SBOM_MEDIA_TYPE.to_owned()),
        digest: sha256_set(&sbom.digest.to_hex()),
        ..ProvenanceResource::default()
    }
}

fn sha256_set(digest: &str) -> BTreeMap<String, String> {
    build_digest_set("sha256", digest)
}

/// Describes the commit or the uploaded archive that was built.
fn describe_source(build: &Build) -> ProvenanceResource {
    let url = &build.parameters.source_url;
    let (uri, digest) = match (build.resolved_ref.strip_prefix("sha256:"), &build.full_ref) {
        (Some(archive), _) => (UPLOAD_URI.to_owned(), sha256_set(archive)),
        (None, Some(reference)) => {
            (format!("git+{url}@{reference}"), build_digest_set("gitCommit", &build.resolved_ref))
        }
        (None, None) => (format!("git+{url}"), build_digest_set("gitCommit", &build.resolved_ref)),
    };
    ProvenanceResource { uri: Some(uri), digest, ..ProvenanceResource::default() }
}

fn build_digest_set(algorithm: &str, digest: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(algorithm.to_owned(), digest.to_owned())])
}
