//! SBOMs of built images: attached during the lease, and signed by the provenance.

use base64::{Engine, prelude::BASE64_STANDARD};
use hearth_base::{ErrorKind, Result};
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::builds::{
    SBOM_MEDIA_TYPE,
    internal::{BuildLeaseOutcome, BuildMaterials, SbomUpload},
    provenance::{DsseEnvelope, PROVENANCE_MEDIA_TYPE},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::fixture::{BuildsFixture, IMAGE_DIGEST, build_success_end, start_fixture};

const SBOM_TEXT: &str = "{\"bomFormat\":\"CycloneDX\"}";
/// Beginning of the recorded request that attaches a document.
const ATTACH_REQUEST: &str = "POST /images/v1/internal/artifacts ";

fn list_attached(fixture: &BuildsFixture, artifact_type: &str) -> Vec<Value> {
    let requests = fixture.list_pin_requests();
    let attached = requests.iter().filter_map(|request| request.strip_prefix(ATTACH_REQUEST));
    let attached = attached.map(|content| serde_json::from_str::<Value>(content).unwrap());
    attached.filter(|content| content["artifact_type"] == artifact_type).collect()
}

fn build_upload(ticket: &str) -> Result<SbomUpload> {
    let image = IMAGE_DIGEST.parse()?;
    Ok(SbomUpload { ticket: ticket.to_owned(), image, packages: 3, content: SBOM_TEXT.to_owned() })
}

async fn provenance_signs_the_sbom_and_the_materials(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    let lease = fixture.claim_lease().await?.unwrap();
    fixture.builder.builds().store_sbom(build, &build_upload(&lease.ticket)?).await?;
    let attached = list_attached(&fixture, SBOM_MEDIA_TYPE);
    assert_eq!((&attached[0]["subject"], &attached[0]["content"]), (&json!(IMAGE_DIGEST), &json!(SBOM_TEXT)));
    let mut end = build_success_end();
    if let BuildLeaseOutcome::Succeeded { materials, .. } = &mut end {
        let images = [("hearth/python3.11".to_owned(), IMAGE_DIGEST.parse()?)].into();
        let plan = Some(IMAGE_DIGEST.parse()?);
        *materials = Some(BuildMaterials { plan, images, source_time: Some(1) }.into());
    }
    fixture.finish_lease(&lease, end).await?;
    let signed = wait_until("the provenance", || async {
        Ok(list_attached(&fixture, PROVENANCE_MEDIA_TYPE).into_iter().next())
    });
    let signed = signed.await?;
    let envelope: DsseEnvelope = serde_json::from_str(signed["content"].as_str().unwrap()).unwrap();
    let statement = BASE64_STANDARD.decode(&envelope.payload).unwrap();
    let statement: Value = serde_json::from_slice(&statement).unwrap();
    let digest: String = Sha256::digest(SBOM_TEXT).iter().map(|byte| format!("{byte:02x}")).collect();
    let sbom = &statement["predicate"]["runDetails"]["byproducts"][0];
    assert_eq!((&sbom["mediaType"], &sbom["digest"]["sha256"]), (&json!(SBOM_MEDIA_TYPE), &json!(digest)));
    let dependencies = &statement["predicate"]["buildDefinition"]["resolvedDependencies"];
    let hex = IMAGE_DIGEST.trim_start_matches("sha256:");
    assert_eq!(dependencies[0]["digest"]["gitCommit"], fixture.commit);
    assert_eq!(
        (&dependencies[1]["uri"], &dependencies[1]["digest"]["sha256"]),
        (&json!("urn:hearth:plan"), &json!(hex))
    );
    assert_eq!(
        (&dependencies[2]["name"], &dependencies[2]["digest"]["sha256"]),
        (&json!("hearth/python3.11"), &json!(hex))
    );
    let shown = fixture.maintainer.builds().show(&fixture.tool, build).await?;
    assert_eq!(shown.sbom.map(|sbom| sbom.packages), Some(3));
    Ok(())
}

async fn sbom_without_the_lease_of_a_running_build_is_refused(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    let lease = fixture.claim_lease().await?.unwrap();
    let forged = fixture.builder.builds().store_sbom(build, &build_upload("forged")?).await.unwrap_err();
    assert_eq!(forged.code(), "ticket");
    fixture.finish_lease(&lease, build_success_end()).await?;
    let late = fixture.builder.builds().store_sbom(build, &build_upload(&lease.ticket)?).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Conflict);
    let stranger = fixture.maintainer.builds().store_sbom(build, &build_upload(&lease.ticket)?).await;
    assert!(stranger.is_err());
    assert!(list_attached(&fixture, SBOM_MEDIA_TYPE).is_empty());
    Ok(())
}

async fn build_is_repeated_from_its_record(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    let lease = fixture.claim_lease().await?.unwrap();
    let refused = fixture.maintainer.builds().reproduce_build(&fixture.tool, build).await.unwrap_err();
    assert_eq!(refused.code(), "not-reproducible");
    let mut end = build_success_end();
    if let BuildLeaseOutcome::Succeeded { materials, .. } = &mut end {
        *materials = Some(BuildMaterials { source_time: Some(7), ..BuildMaterials::default() }.into());
    }
    fixture.finish_lease(&lease, end).await?;
    let repeated = fixture.maintainer.builds().reproduce_build(&fixture.tool, build).await?;
    assert_eq!(repeated.resolved_ref, fixture.commit);
    let lease = fixture.claim_lease().await?.unwrap();
    let original = lease.original_build.clone().unwrap();
    assert_eq!((original.build, original.image.to_string().as_str()), (build, IMAGE_DIGEST));
    assert_eq!(original.materials.source_time, Some(7));
    assert!(lease.rebuild && lease.build == repeated.name);
    // A builder of an earlier release does not read `original_build`: the name alone keeps it from the tags of the
    // original.
    assert_eq!((&*original.image_name, &*lease.image_name), ("tool-hello", "tool-hello.rebuilt"));
    fixture.finish_lease(&lease, build_success_end()).await?;
    let shown = fixture.maintainer.builds().show(&fixture.tool, repeated.name).await?;
    assert_eq!(shown.reproduction.map(|reproduction| reproduction.build), Some(build));
    Ok(())
}

on_every_store!(
    provenance_signs_the_sbom_and_the_materials,
    sbom_without_the_lease_of_a_running_build_is_refused,
    build_is_repeated_from_its_record,
);
