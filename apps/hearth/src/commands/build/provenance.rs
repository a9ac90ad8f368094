//! Signed provenance of images: fetched from the registry, and verified.

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_compact::{PublicKey, Signature};
use hearth_base::{Digest, Error, ErrorKind, Result};
use hearth_wire::builds::{
    Build,
    provenance::{
        DsseEnvelope, PROVENANCE_MEDIA_TYPE, PROVENANCE_PREDICATE_TYPE, ProvenanceKey, ProvenanceStatement,
        STATEMENT_MEDIA_TYPE, STATEMENT_TYPE, encode_signed_bytes,
    },
};

use super::image_target::ImageTarget;
use crate::{local_file::read_limited_file, tool_session::ToolSession};

/// Beginning of the DER form of an Ed25519 public key (RFC 8410, section 4).
const PUBLIC_KEY_DER_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// Largest envelope, in bytes.
const MAX_ENVELOPE_BYTES: u64 = 1 << 20;
/// Largest file with a key, in bytes.
const MAX_KEY_FILE_BYTES: usize = 64 << 10;
/// Id that is shown of a key given by `--key`.
const GIVEN_KEY_ID: &str = "the key of --key";

/// A statement that a trusted key has signed.
pub struct SignedStatement {
    pub keyid: String,
    pub statement: ProvenanceStatement,
}

/// Fetches the provenance of an image and verifies it, with the key of a file or those that this Hearth serves.
pub async fn fetch_provenance(
    session: &ToolSession<'_>,
    target: &ImageTarget,
    key: Option<&Path>,
) -> Result<SignedStatement> {
    let keys = match key {
        Some(path) => vec![read_key_file(path)?],
        None => session.send(session.client().builds().list_provenance_keys()).await?.keys,
    };
    let envelopes = fetch_envelopes(session, target).await?;
    verify_envelopes(target, &envelopes, &keys)
}

/// Fetches the signed envelopes that are attached to the image.
async fn fetch_envelopes(session: &ToolSession<'_>, target: &ImageTarget) -> Result<Vec<DsseEnvelope>> {
    let registry = session.client().image_registry(session.tool_name(), &target.image);
    let referrers = session.send(registry.list_referrers(target.digest, PROVENANCE_MEDIA_TYPE)).await?;
    let mut envelopes = Vec::new();
    for listed in referrers {
        let manifest = session.send(registry.fetch_manifest(listed.digest)).await?;
        for layer in manifest.layers.iter().filter(|layer| layer.size <= MAX_ENVELOPE_BYTES) {
            let content = session.send(registry.fetch_blob(layer.digest)).await?;
            // Anyone who may push may attach what is no envelope; it proves nothing.
            envelopes.extend(serde_json::from_slice::<DsseEnvelope>(&content));
        }
    }
    Ok(envelopes)
}

/// Returns the statement of the first envelope that a trusted key signed about this image.
fn verify_envelopes(
    target: &ImageTarget,
    envelopes: &[DsseEnvelope],
    keys: &[ProvenanceKey],
) -> Result<SignedStatement> {
    let ImageTarget { image, digest, build } = target;
    if envelopes.is_empty() {
        let message = format!("the image {image}@{digest} has no provenance");
        return Err(Error::new(ErrorKind::NotFound, "no-provenance", message).help(
            "build it by this Hearth: hearth build start; a moment after the end of a build it is there",
        ));
    }
    let mut reason = "none of the trusted keys signed it".to_owned();
    for envelope in envelopes {
        let Some((keyid, statement)) = open_envelope(envelope, keys)? else { continue };
        match check_statement(&statement, *digest, build.as_ref()) {
            Ok(()) => return Ok(SignedStatement { keyid, statement }),
            Err(why) => reason = why,
        }
    }
    let message = format!("the provenance of the image {image}@{digest} is invalid: {reason}");
    Err(Error::new(ErrorKind::Forbidden, "provenance-invalid", message)
        .help("do not run this image; build it again"))
}

/// Returns the statement of an envelope with the id of the key that signed it; `None` if none of the keys did.
fn open_envelope(
    envelope: &DsseEnvelope,
    keys: &[ProvenanceKey],
) -> Result<Option<(String, ProvenanceStatement)>> {
    let Ok(payload) = BASE64_STANDARD.decode(&envelope.payload) else { return Ok(None) };
    let signed = encode_signed_bytes(&envelope.payload_type, &payload);
    for key in keys {
        let public = parse_public_key(&key.public_key)?;
        let is_signed = envelope.signatures.iter().any(|signature| {
            let bytes = BASE64_STANDARD.decode(&signature.sig).unwrap_or_default();
            Signature::from_slice(&bytes).is_ok_and(|signature| public.verify(&signed, &signature).is_ok())
        });
        if is_signed && envelope.payload_type == STATEMENT_MEDIA_TYPE {
            return Ok(serde_json::from_slice(&payload).ok().map(|statement| (key.keyid.clone(), statement)));
        }
    }
    Ok(None)
}

/// Checks a signed statement against the image and the build. The error says what differs.
fn check_statement(
    statement: &ProvenanceStatement,
    digest: Digest,
    build: Option<&Build>,
) -> Result<(), String> {
    if statement.statement_type != STATEMENT_TYPE || statement.predicate_type != PROVENANCE_PREDICATE_TYPE {
        return Err(format!("it is a statement of another type: {}", statement.predicate_type));
    }
    let is_subject = |known: &String| *known == digest.to_hex();
    if !statement.subject.iter().any(|subject| subject.digest.get("sha256").is_some_and(is_subject)) {
        return Err("it is about another image".to_owned());
    }
    let Some(build) = build else { return Ok(()) };
    let revision = build.resolved_ref.trim_start_matches("sha256:");
    let sources = &statement.predicate.build_definition.resolved_dependencies;
    if !sources.iter().any(|source| source.digest.values().any(|known| known == revision)) {
        return Err(format!("it names another source than the build {}", build.build_id));
    }
    Ok(())
}

/// Reads a public key in PEM.
fn read_key_file(path: &Path) -> Result<ProvenanceKey> {
    // What is not text is not a key in PEM either.
    let text = String::from_utf8_lossy(&read_limited_file(path, MAX_KEY_FILE_BYTES)?).into_owned();
    parse_public_key(&text)?;
    Ok(ProvenanceKey { keyid: GIVEN_KEY_ID.to_owned(), public_key: text })
}

/// Parses an Ed25519 public key in PEM (RFC 8410).
fn parse_public_key(pem: &str) -> Result<PublicKey> {
    let body: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let der = BASE64_STANDARD.decode(body).unwrap_or_default();
    let key =
        der.strip_prefix(PUBLIC_KEY_DER_PREFIX.as_slice()).and_then(|key| PublicKey::from_slice(key).ok());
    key.ok_or_else(|| {
        Error::invalid("key-file", "the key is not an Ed25519 public key in PEM")
            .help("curl HEARTH/builds/v1/provenance-keys shows the keys of a Hearth")
    })
}

#[cfg(test)]
mod tests {
    use ed25519_compact::{KeyPair, Seed};
    use hearth_wire::builds::provenance::DsseSignature;
    use serde_json::json;

    use super::*;

    fn create_key(seed: u8) -> (KeyPair, ProvenanceKey) {
        let pair = KeyPair::from_seed(Seed::new([seed; 32]));
        let der = [PUBLIC_KEY_DER_PREFIX.as_slice(), pair.pk.as_slice()].concat();
        let body = BASE64_STANDARD.encode(der);
        let public_key = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
        (pair, ProvenanceKey { keyid: format!("key {seed}"), public_key })
    }

    fn sign_statement(pair: &KeyPair, digest: Digest) -> DsseEnvelope {
        let statement = json!({
            "_type": STATEMENT_TYPE, "predicateType": PROVENANCE_PREDICATE_TYPE,
            "subject": [{"name": "web", "digest": {"sha256": digest.to_hex()}}],
            "predicate": {
                "buildDefinition": {"buildType": "x", "externalParameters": {}, "resolvedDependencies":
                    [{"uri": "git+https://code.example/x", "digest": {"gitCommit": "1234"}}]},
                "runDetails": {"builder": {"id": "https://hearth.example/builds/v1"},
                    "metadata": {"invocationId": "build_1"}},
            },
        });
        let payload = statement.to_string();
        let signed = encode_signed_bytes(STATEMENT_MEDIA_TYPE, payload.as_bytes());
        let sig = BASE64_STANDARD.encode(*pair.sk.sign(signed, None));
        DsseEnvelope {
            payload: BASE64_STANDARD.encode(payload),
            payload_type: STATEMENT_MEDIA_TYPE.to_owned(),
            signatures: vec![DsseSignature { keyid: "any".to_owned(), sig }],
        }
    }

    fn target(digest: Digest) -> ImageTarget {
        ImageTarget { image: "web".to_owned(), digest, build: None }
    }

    #[test]
    fn signed_statement_about_the_image_is_accepted() -> Result<()> {
        let ((other, other_key), (pair, key)) = (create_key(1), create_key(2));
        let digest = Digest::new([5; 32]);
        let envelopes = [sign_statement(&other, digest), sign_statement(&pair, digest)];
        let verified = verify_envelopes(&target(digest), &envelopes, &[key])?;
        let source = &verified.statement.predicate.build_definition.resolved_dependencies[0];
        assert_eq!((source.digest["gitCommit"].as_str(), verified.keyid.as_str()), ("1234", "key 2"));
        assert!(verify_envelopes(&target(digest), &envelopes[..1], &[other_key]).is_ok());
        Ok(())
    }

    #[test]
    fn foreign_changed_and_missing_provenance_is_refused() {
        let (pair, key) = create_key(1);
        let (_, stranger) = create_key(2);
        let digest = Digest::new([5; 32]);
        let good = sign_statement(&pair, digest);
        let code = |digest, envelopes: &[DsseEnvelope], keys: &[ProvenanceKey]| {
            verify_envelopes(&target(digest), envelopes, keys).err().map(|error| error.code().to_owned())
        };
        let key = [key];
        assert_eq!(code(digest, &[], &key).as_deref(), Some("no-provenance"));
        assert_eq!(
            code(digest, std::slice::from_ref(&good), &[stranger]).as_deref(),
            Some("provenance-invalid")
        );
        let other = Digest::new([6; 32]);
        assert_eq!(code(other, std::slice::from_ref(&good), &key).as_deref(), Some("provenance-invalid"));
        let mut changed = good.clone();
        changed.payload = sign_statement(&pair, other).payload;
        assert_eq!(code(other, &[changed], &key).as_deref(), Some("provenance-invalid"));
        let mut retyped = good;
        retyped.payload_type = "text/plain".to_owned();
        assert_eq!(code(digest, &[retyped], &key).as_deref(), Some("provenance-invalid"));
    }
}
