//! Lists of the tags of an upstream's repositories, which are not stored.

use std::time::Duration;

use axum::http::{Method, header};
use hearth_base::Result;
use hearth_kit::outbound::FetchLimits;
use serde::Deserialize;

use crate::{
    context::ImagesContext,
    names::TagName,
    upstream::{Upstream, UpstreamRepository, UpstreamRequest, build_invalid_answer_error},
};

/// Limits of the answer of an upstream with a list of tags.
const TAG_LIST_LIMITS: FetchLimits = FetchLimits { max_bytes: 8 << 20, timeout: Duration::from_secs(60) };

/// A page of a list of tags.
pub struct TagPage {
    pub tags: Vec<TagName>,
    /// True when the upstream has more.
    pub has_more: bool,
}

#[derive(Deserialize)]
struct TagListAnswer {
    tags: Option<Vec<String>>,
}

/// Lists at most `count` tags of a repository after `last`; as many as the upstream sends without a count.
pub async fn list_tags(
    cx: &ImagesContext,
    upstream: &Upstream<'_>,
    repository: &UpstreamRepository,
    caller: &str,
    (count, last): (Option<u32>, Option<&TagName>),
) -> Result<TagPage> {
    let mut query = Vec::new();
    query.extend(count.map(|count| format!("n={count}")));
    query.extend(last.map(|last| format!("last={last}")));
    let question = if query.is_empty() { "" } else { "?" };
    let request = UpstreamRequest {
        method: Method::GET,
        repository,
        resource: format!("tags/list{question}{}", query.join("&")),
        accept: "application/json",
        wanted: format!("repository {repository}"),
        unknown_code: "name-unknown",
        limits: TAG_LIST_LIMITS,
    };
    let _permit = super::acquire_question_permit(cx, caller).await?;
    let mut answer = cx.upstreams.client.open_resource(upstream, &request, cx.now()).await?;
    let mut content = Vec::new();
    while let Some(chunk) = answer.next_chunk().await? {
        content.extend_from_slice(&chunk);
    }
    let list: TagListAnswer = serde_json::from_slice(&content).map_err(|cause| {
        build_invalid_answer_error(upstream, "its list of tags cannot be read").with_cause(cause)
    })?;
    // Names that are no tags cannot be pulled.
    let tags = list.tags.unwrap_or_default().iter().filter_map(|tag| tag.parse().ok()).collect();
    Ok(TagPage { tags, has_more: answer.headers.contains_key(header::LINK) })
}
