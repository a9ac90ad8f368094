//! `hearth build verify [IMAGE|BUILD]`: checks the signed provenance of an image.

use std::path::{Path, PathBuf};

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_compact::{PublicKey, Signature};
use hearth_base::{BuildId, Digest, Error, ErrorKind, Result, ToolName};
use hearth_wire::{
    builds::{
        Build,
        provenance::{
            DsseEnvelope, PROVENANCE_MEDIA_TYPE, PROVENANCE_PREDICATE_TYPE, ProvenanceKey,
            ProvenanceStatement, STATEMENT_MEDIA_TYPE, STATEMENT_TYPE, encode_signed_bytes,
        },
    },
    reply::Paging,
};
use serde::{Deserialize, Serialize};

use super::image_layers::find_image_digest;
use crate::{
    context::CommandContext,
    printer::{Cell, Table},
    tool_session::ToolSession,
};

/// Beginning of the DER form of an Ed25519 public key (RFC 8410, section 4).
const PUBLIC_KEY_DER_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// Largest envelope, in bytes.
const MAX_ENVELOPE_BYTES: u64 = 1 << 20;
/// Id that is shown of a key given by `--key`.
const GIVEN_KEY_ID: &str = "the key of --key";

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
    build: String,
    builder: String,
    finished: Option<String>,
    keyid: String,
}

/// Image to verify, with the build that must have made it.
struct VerifyTarget {
    image: String,
    digest: Digest,
    build: Option<Build>,
}

/// Verifies the provenance of the image.
pub async fn run(cx: &CommandContext, args: VerifyBuildArgs) -> Result<()> {
    let result = cx.printer.open_output::<VerifiedImage>()?;
    let session = cx.open_tool_session()?;
    let target = find_target(&session, args.image.as_deref()).await?;
    let keys = match &args.key {
        Some(path) => vec![read_key_file(path)?],
        None => session.send(session.client().builds().list_provenance_keys()).await?.keys,
    };
    let envelopes = fetch_envelopes(&session, &target).await?;
    let verified = verify_envelopes(&target, &envelopes, &keys)?;
    result.print_record(&verified, &build_table(&verified))
}

/// Finds the image that a build made, or that a name and a tag or digest say.
async fn find_target(session: &ToolSession<'_>, text: Option<&str>) -> Result<VerifyTarget> {
    let Some(text) = text.filter(|text| text.parse::<BuildId>().is_err()) else {
        let id = text.map(str::parse::<BuildId>).transpose()?;
        let build = super::find_build(session, id).await?;
        let digest = find_image_digest(&build).ok_or_else(|| {
            let message = format!("the build {} has made no image", build.build_id);
            Error::conflict("no-image", message).help(format!("hearth build show {}", build.build_id))
        })?;
        let image = build.parameters.image_name.clone();
        return Ok(VerifyTarget { image, digest, build: Some(build) });
    };
    let (image, reference) = split_image_name(text, session.tool_name())?;
    let digest = match reference {
        ImageVersion::Digest(digest) => digest,
        ImageVersion::Tag(tag) => {
            let images = session.client().images();
            let tags =
                session.send(images.list_tags(session.tool_name(), &image, &Paging::default())).await?;
            let found = tags.items.into_iter().find(|known| known.tag == tag);
            found.ok_or_else(|| Error::not_found("image", text).help("hearth build list"))?.digest
        }
    };
    Ok(VerifyTarget { image, digest, build: None })
}

#[derive(Debug, PartialEq, Eq)]
enum ImageVersion {
    Tag(String),
    Digest(Digest),
}

/// Splits `[[HOST/]tool-TOOL/]NAME[:TAG][@DIGEST]`.
fn split_image_name(text: &str, tool: &ToolName) -> Result<(String, ImageVersion)> {
    let (path, digest) = match text.split_once('@') {
        Some((path, digest)) => (path, Some(digest.parse()?)),
        None => (text, None),
    };
    let mut parts = path.rsplit('/');
    let last = parts.next().unwrap_or_default();
    if let Some(space) = parts.next()
        && space.strip_prefix("tool-") != Some(tool.as_str())
    {
        let message = format!("the image {text:?} is not one of the tool {tool}");
        return Err(Error::invalid("image-name", message).help("name its tool: --tool TOOL"));
    }
    let (name, tag) = last.split_once(':').unwrap_or((last, "latest"));
    let version = digest.map_or_else(|| ImageVersion::Tag(tag.to_owned()), ImageVersion::Digest);
    Ok((name.to_owned(), version))
}

/// Fetches the signed envelopes that are attached to the image.
async fn fetch_envelopes(session: &ToolSession<'_>, target: &VerifyTarget) -> Result<Vec<DsseEnvelope>> {
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

/// Returns what the first envelope says that one of the keys signed about this image.
fn verify_envelopes(
    target: &VerifyTarget,
    envelopes: &[DsseEnvelope],
    keys: &[ProvenanceKey],
) -> Result<VerifiedImage> {
    let VerifyTarget { image, digest, build } = target;
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
            Ok(()) => return describe_verified(image, *digest, keyid, &statement),
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

fn describe_verified(
    image: &str,
    digest: Digest,
    keyid: String,
    statement: &ProvenanceStatement,
) -> Result<VerifiedImage> {
    let predicate = &statement.predicate;
    let source = predicate.build_definition.resolved_dependencies.first();
    let source =
        source.ok_or_else(|| Error::invalid("provenance-invalid", "the provenance names no source"))?;
    let metadata = &predicate.run_details.metadata;
    Ok(VerifiedImage {
        image: image.to_owned(),
        digest,
        source: source.uri.clone().unwrap_or_default(),
        revision: source.digest.values().next().cloned().unwrap_or_default(),
        build: metadata.invocation_id.clone(),
        builder: predicate.run_details.builder.id.clone(),
        finished: metadata.finished_on.clone(),
        keyid,
    })
}

fn build_table(verified: &VerifiedImage) -> Table {
    let row = |name, text: &str| (name, Cell::from(text));
    Table::from_pairs(vec![
        row("verified", "the signature is valid, and the image is the one that was built"),
        row("image", &verified.image),
        row("digest", &verified.digest.to_string()),
        row("source", &verified.source),
        row("revision", &verified.revision),
        row("build", &verified.build),
        row("builder", &verified.builder),
        row("ended", verified.finished.as_deref().unwrap_or("-")),
        row("key", &verified.keyid),
    ])
}

/// Reads a public key in PEM.
fn read_key_file(path: &Path) -> Result<ProvenanceKey> {
    let text = std::fs::read_to_string(path).map_err(|cause| {
        Error::invalid("key-file", format!("{} cannot be read: {cause}", path.display())).with_cause(cause)
    })?;
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

    fn target(digest: Digest) -> VerifyTarget {
        VerifyTarget { image: "web".to_owned(), digest, build: None }
    }

    #[test]
    fn signed_statement_about_the_image_is_accepted() -> Result<()> {
        let ((other, other_key), (pair, key)) = (create_key(1), create_key(2));
        let digest = Digest::new([5; 32]);
        let envelopes = [sign_statement(&other, digest), sign_statement(&pair, digest)];
        let verified = verify_envelopes(&target(digest), &envelopes, &[key])?;
        assert_eq!((verified.revision.as_str(), verified.keyid.as_str()), ("1234", "key 2"));
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

    #[test]
    fn image_names_with_tag_or_digest_are_split() -> Result<()> {
        let tool: ToolName = "hello".parse()?;
        let tag = |tag: &str| ImageVersion::Tag(tag.to_owned());
        assert_eq!(split_image_name("web", &tool)?, ("web".to_owned(), tag("latest")));
        assert_eq!(split_image_name("h.example:80/tool-hello/web:v1", &tool)?, ("web".to_owned(), tag("v1")));
        let digest = Digest::new([5; 32]);
        let named = split_image_name(&format!("tool-hello/web:v1@{digest}"), &tool)?;
        assert_eq!(named, ("web".to_owned(), ImageVersion::Digest(digest)));
        assert!(split_image_name("tool-other/web", &tool).is_err());
        assert!(split_image_name("web@sha256:00", &tool).is_err());
        Ok(())
    }
}
