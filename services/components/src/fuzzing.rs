//! Access of the fuzz targets to the parsers of configurations and of webhooks.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, HeaderValue};
use hearth_base::{Result, Secret};
use hearth_wire::components::{DeploySource, ForgeKind, GitSource};

use crate::{
    app::config::{self, ConfigContext},
    forge::{
        ForgeEvent, SignatureCheck, check_signature, format_merge_request_ref, matches_any, parse_event,
        parse_repository,
    },
    spec::ComponentImage,
};

/// A parsed configuration.
#[derive(Debug)]
pub struct ReadConfig {
    /// The names of the jobs.
    pub jobs: BTreeSet<String>,
    /// The jobs whose images other ones use.
    pub reused: BTreeSet<String>,
    /// The number of published jobs.
    pub published: usize,
    /// True if the configuration in JSON, as the API shows it, is read as the same.
    pub is_shown_faithfully: bool,
}

/// Reads a configuration for a deployment of a repository, in one of its environments or in production.
pub fn read_config(text: &str, environment: Option<&str>) -> Result<ReadConfig> {
    let source = GitSource { url: "https://git.example.org/a/b".to_owned(), reference: None };
    let context = ConfigContext {
        source: Some(DeploySource::Git(source)),
        environment: environment.map(str::to_owned),
        ..ConfigContext::default()
    };
    let parsed = config::read_config(text, &context)?;
    let shown = serde_json::to_value(&parsed.document).ok().map(config::check_json_config);
    let components = &parsed.spec.components;
    let reused = components.values().filter_map(|component| match &component.image {
        ComponentImage::ReuseFrom(name) => Some(name.to_string()),
        ComponentImage::Build(_) | ComponentImage::Image(_) => None,
    });
    Ok(ReadConfig {
        jobs: components.keys().map(ToString::to_string).collect(),
        reused: reused.collect(),
        published: components.values().filter(|component| component.job.publish == Some(true)).count(),
        is_shown_faithfully: matches!(shown, Some(Ok((checked, _))) if checked.document == parsed.document),
    })
}

/// All kinds of forges.
pub const FORGE_KINDS: [ForgeKind; 3] = [ForgeKind::Github, ForgeKind::Gitlab, ForgeKind::Gitea];

/// A webhook of a forge, as it was read.
#[derive(Debug)]
pub struct ReadForgeEvent {
    /// Ref and commit of a push, or of a merge request.
    pub push: Option<(String, String)>,
    /// The reason for which an event is ignored or refused.
    pub reason: String,
    /// True if the signature is valid.
    pub is_signed: bool,
    /// Scheme and authority of the address of the repository.
    pub origin: Option<String>,
    /// True if the ref matches the pattern.
    pub is_matched: bool,
}

/// Reads a webhook with a signature header, the address of a repository and a pattern.
pub fn read_forge_event(
    forge: ForgeKind,
    event: &str,
    payload: &[u8],
    signature: &str,
    address: &str,
    pattern: &str,
) -> ReadForgeEvent {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(signature) {
        for name in ["x-hub-signature-256", "x-gitlab-token", "x-gitea-signature"] {
            headers.insert(name, value.clone());
        }
    }
    let secret = Secret::new("hfs_a-secret-that-no-input-has");
    let check = check_signature(forge, &headers, payload, &secret);
    let (push, reason) = match parse_event(forge, event, payload) {
        Ok(ForgeEvent::Push(push)) => (Some((push.reference, push.commit)), String::new()),
        Ok(ForgeEvent::MergeRequest { request: Ok(request), .. }) => {
            (Some((format_merge_request_ref(forge, request.number), request.commit)), request.target_branch)
        }
        Ok(ForgeEvent::MergeRequest { request: Err(error), .. }) => (None, error.public_message().to_owned()),
        Ok(ForgeEvent::Ignored { reason, .. }) => (None, reason),
        Err(error) => (None, error.public_message().to_owned()),
    };
    let reference = push.as_ref().map_or(event, |(reference, _)| reference);
    ReadForgeEvent {
        is_matched: matches_any(&[pattern.to_owned()], reference),
        push,
        reason,
        is_signed: matches!(check, Ok(SignatureCheck::Valid)),
        origin: parse_repository(address).ok().map(|place| place.origin),
    }
}
