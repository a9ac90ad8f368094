//! Provenance of images: what was built, from which source, by whom. An in-toto statement with the predicate of
//! SLSA v1, in a signed DSSE envelope (<https://github.com/secure-systems-lab/dsse>).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Type of the artifact with the provenance of an image, and of its only layer.
pub const PROVENANCE_MEDIA_TYPE: &str = "application/vnd.in-toto.provenance+dsse";
/// Type of the payload of an envelope.
pub const STATEMENT_MEDIA_TYPE: &str = "application/vnd.in-toto+json";
/// Type of a statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// Type of the predicate of a statement.
pub const PROVENANCE_PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";

/// Signed envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::DsseEnvelope)]
#[serde(rename_all = "camelCase")]
pub struct DsseEnvelope {
    /// Statement, in Base64.
    pub payload: String,
    /// Type of the statement.
    pub payload_type: String,
    /// Signatures.
    pub signatures: Vec<DsseSignature>,
}

/// Signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::DsseSignature)]
pub struct DsseSignature {
    /// Id of the key.
    pub keyid: String,
    /// Ed25519 signature (RFC 8032), in Base64.
    pub sig: String,
}

/// Encodes the bytes that a signature signs: DSSE's pre-authentication encoding.
pub fn encode_signed_bytes(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// Statement about an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvenanceStatement {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The image.
    pub subject: Vec<ProvenanceResource>,
    /// [`PROVENANCE_PREDICATE_TYPE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// How it was made.
    pub predicate: ProvenancePredicate,
}

/// Predicate of SLSA v1 (<https://slsa.dev/spec/v1.0/provenance>).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvenancePredicate {
    /// Inputs of the build.
    pub build_definition: BuildDefinition,
    /// Builder, and its run.
    pub run_details: BuildRunDetails,
}

/// Inputs of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildDefinition {
    /// URI that says how to read the parameters.
    pub build_type: String,
    /// Parameters of the request, without the values of environment variables.
    pub external_parameters: serde_json::Value,
    /// The source, the plan and the images that the build read, with their digests; the source is the first.
    pub resolved_dependencies: Vec<ProvenanceResource>,
}

/// Builder, and one run of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRunDetails {
    /// The builder.
    pub builder: BuilderIdentity,
    /// The run.
    pub metadata: BuildRunMetadata,
    /// Documents that the run made besides the image: its SBOM.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub byproducts: Vec<ProvenanceResource>,
}

/// Builder that vouches for a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuilderIdentity {
    /// URI of the Hearth.
    pub id: String,
}

/// Facts about one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildRunMetadata {
    /// Id of the build.
    pub invocation_id: String,
    /// Start of the build (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_on: Option<String>,
    /// End of the build (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finished_on: Option<String>,
}

/// Software with its digest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvenanceResource {
    /// Name of an image, or of the document's role.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// URI of a source, a plan or an image.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uri: Option<String>,
    /// Type of a document.
    #[serde(rename = "mediaType", skip_serializing_if = "Option::is_none", default)]
    pub media_type: Option<String>,
    /// Digests in hexadecimal digits, by algorithm: `sha256`, or `gitCommit` for a commit.
    pub digest: std::collections::BTreeMap<String, String>,
}

/// Public keys that verify the provenance of images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::ProvenanceKeys)]
pub struct ProvenanceKeys {
    /// The keys; the first one signs, the others signed before.
    pub keys: Vec<ProvenanceKey>,
}

/// Public key that verifies the provenance of images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::ProvenanceKey)]
pub struct ProvenanceKey {
    /// Id of the key: the SHA-256 digest of its DER form, in hexadecimal digits.
    pub keyid: String,
    /// Ed25519 public key in PEM (RFC 8410).
    pub public_key: String,
}
