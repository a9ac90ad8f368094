//! Provenance of built images: signed once, attached to the image, and verified by a program outside of Hearth.

use std::{fs, path::Path, process::Command};

use base64::{Engine, prelude::BASE64_STANDARD};
use hearth_base::{Error, Result};
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::builds::{
    internal::BuildLeaseOutcome,
    provenance::{DsseEnvelope, PROVENANCE_MEDIA_TYPE, encode_signed_bytes},
};
use serde_json::Value;

use crate::fixture::{BuildsFixture, IMAGE_DIGEST, build_success_end, start_fixture};

/// Beginning of the recorded request that attaches a document.
const ATTACH_REQUEST: &str = "POST /images/v1/internal/artifacts ";

/// Lists the documents that the service attached to images.
fn list_attached(fixture: &BuildsFixture) -> Vec<Value> {
    let requests = fixture.list_pin_requests();
    let attached = requests.iter().filter_map(|request| request.strip_prefix(ATTACH_REQUEST));
    attached.map(|content| serde_json::from_str(content).unwrap()).collect()
}

/// Returns true if openssl accepts the first signature of an envelope.
fn is_accepted_by_openssl(folder: &Path, key: &str, envelope: &DsseEnvelope) -> Result<bool> {
    let decode = |text: &str| BASE64_STANDARD.decode(text).map_err(Error::internal);
    let signed = encode_signed_bytes(&envelope.payload_type, &decode(&envelope.payload)?);
    let write = |name: &str, content: &[u8]| fs::write(folder.join(name), content).map_err(Error::internal);
    write("key.pem", key.as_bytes())?;
    write("signed", &signed)?;
    write("signature", &decode(&envelope.signatures[0].sig)?)?;
    let mut openssl = Command::new("openssl");
    openssl.current_dir(folder).args(["pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin"]);
    let output =
        openssl.args(["-in", "signed", "-sigfile", "signature"]).output().map_err(Error::internal)?;
    Ok(output.status.success())
}

async fn provenance_of_a_built_image_is_verified_by_openssl(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    let lease = fixture.claim_lease().await?.unwrap();
    fixture.finish_lease(&lease, build_success_end()).await?;
    let attached =
        wait_until("the provenance", || async { Ok(list_attached(&fixture).into_iter().next()) }).await?;
    assert_eq!(attached["subject"], IMAGE_DIGEST);
    assert_eq!(attached["artifact_type"], PROVENANCE_MEDIA_TYPE);
    let envelope: DsseEnvelope = serde_json::from_str(attached["content"].as_str().unwrap()).unwrap();

    // Anyone may read the keys.
    let keys = fixture.stranger.builds().list_provenance_keys().await?.keys;
    assert_eq!(envelope.signatures[0].keyid, keys[0].keyid);
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    assert!(is_accepted_by_openssl(folder.path(), &keys[0].public_key, &envelope)?);
    let statement = BASE64_STANDARD.decode(&envelope.payload).unwrap();
    let mut changed = envelope.clone();
    let text = String::from_utf8(statement.clone()).unwrap();
    changed.payload = BASE64_STANDARD.encode(text.replace(&fixture.commit, &"0".repeat(40)));
    assert_ne!(changed.payload, envelope.payload, "the statement names the commit");
    assert!(!is_accepted_by_openssl(folder.path(), &keys[0].public_key, &changed)?);

    let statement: Value = serde_json::from_slice(&statement).unwrap();
    assert_eq!(statement["subject"][0]["digest"]["sha256"], IMAGE_DIGEST.trim_start_matches("sha256:"));
    let predicate = &statement["predicate"];
    let source = &predicate["buildDefinition"]["resolvedDependencies"][0];
    assert_eq!(source["digest"]["gitCommit"], fixture.commit);
    assert!(source["uri"].as_str().unwrap().starts_with("git+"), "{source}");
    assert_eq!(predicate["runDetails"]["metadata"]["invocationId"], build.to_string());
    Ok(())
}

async fn failed_build_has_no_provenance(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    fixture.start_build().await?;
    let lease = fixture.claim_lease().await?.unwrap();
    fixture.finish_lease(&lease, BuildLeaseOutcome::Failed { message: "no".to_owned() }).await?;
    fixture.start_build().await?;
    let lease = fixture.claim_lease().await?.unwrap();
    fixture.finish_lease(&lease, build_success_end()).await?;
    let attached = wait_until("the provenance", || async {
        Ok(Some(list_attached(&fixture)).filter(|attached| !attached.is_empty()))
    });
    assert_eq!(attached.await?.len(), 1, "only that of the second build");
    Ok(())
}

on_every_store!(provenance_of_a_built_image_is_verified_by_openssl, failed_build_has_no_provenance);
