//! Provenance of built images: signed, and attached to the image in the registry.

use std::collections::BTreeMap;

use hearth_base::{BuildId, Error, ErrorKind, Result, Role};
use hearth_kit::{log_error, queue::TaskName};
use hearth_wire::{
    builds::provenance::{
        BuildDefinition, BuildRunDetails, BuildRunMetadata, BuilderIdentity, PROVENANCE_MEDIA_TYPE,
        PROVENANCE_PREDICATE_TYPE, ProvenancePredicate, ProvenanceResource, ProvenanceStatement,
        STATEMENT_TYPE,
    },
    images::internal::ArtifactAttach,
};
use serde_json::json;

use crate::{context::BuildsContext, store::Build};

/// Task that signs and attaches the provenance of a built image.
pub const PROVENANCE_TASK: TaskName<BuildId> = TaskName::new("provenance");

/// URI of an uploaded folder as a source.
const UPLOAD_URI: &str = "urn:hearth:upload";
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
    let external_parameters = json!({
        "source": parameters.source_url, "ref": parameters.reference, "folder": parameters.folder,
        "image": parameters.image_name, "recipe": parameters.recipe, "process": parameters.process,
        "variables": variables,
    });
    let image = format!("{host}/tool-{}/{}", build.tool_name, parameters.image_name);
    let subject =
        ProvenanceResource { name: Some(image), uri: None, digest: build_digest_set("sha256", digest) };
    ProvenanceStatement {
        statement_type: STATEMENT_TYPE.to_owned(),
        subject: vec![subject],
        predicate_type: PROVENANCE_PREDICATE_TYPE.to_owned(),
        predicate: ProvenancePredicate {
            build_definition: BuildDefinition {
                build_type: BUILD_TYPE.to_owned(),
                external_parameters,
                resolved_dependencies: vec![describe_source(build)],
            },
            run_details: BuildRunDetails {
                builder: BuilderIdentity { id: format!("https://{host}/builds/v1") },
                metadata: BuildRunMetadata {
                    invocation_id: build.id.to_string(),
                    started_on: build.started.map(|time| time.to_string()),
                    finished_on: build.ended.map(|time| time.to_string()),
                },
            },
        },
    }
}

/// Describes the commit or the uploaded archive that was built.
fn describe_source(build: &Build) -> ProvenanceResource {
    let url = &build.parameters.source_url;
    let (uri, digest) = match (build.resolved_ref.strip_prefix("sha256:"), &build.full_ref) {
        (Some(archive), _) => (UPLOAD_URI.to_owned(), build_digest_set("sha256", archive)),
        (None, Some(reference)) => {
            (format!("git+{url}@{reference}"), build_digest_set("gitCommit", &build.resolved_ref))
        }
        (None, None) => (format!("git+{url}"), build_digest_set("gitCommit", &build.resolved_ref)),
    };
    ProvenanceResource { name: None, uri: Some(uri), digest }
}

fn build_digest_set(algorithm: &str, digest: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(algorithm.to_owned(), digest.to_owned())])
}
