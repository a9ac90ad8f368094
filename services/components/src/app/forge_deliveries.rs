//! Deliveries of forges: their check and their log.
//!
//! | delivery | answer | log |
//! |---|---|---|
//! | of an unknown link | 404 | |
//! | without a valid signature | 401 | counted: one row for each day |
//! | too many of them from one address | 429 | |
//! | valid, but too many for the link | 429 | |
//! | valid, received before | 200 | |
//! | valid, of another repository or unreadable | 422 | refused |
//! | valid, of an event or ref that deploys nothing | 200 | ignored |
//! | valid push to a branch of the link | 202 | waiting, and a task deploys the newest commit of the branch |
//! | valid, a merge request for a branch of the link | 202 | waiting, and a task deploys or deletes its preview |
//! | valid, a merge request beyond the limit of previews | 200 | refused, and the forge shows it beside the commit |

use std::net::IpAddr;

use axum::http::HeaderMap;
use hearth_base::{Error, ErrorKind, Result, to_single_line};
use hearth_kit::tool_state::lock_existing_tool;
use hearth_wire::components::{
    ForgeDelivery, ForgeDeliveryOutcome, ForgeReceipt, PreviewSource, RepositoryLinkId,
};
use jiff::tz::TimeZone;

use super::{
    commit_statuses::enqueue_refusal_status,
    preview_changes::{PreviewChange, PreviewRequest, apply_request},
    push_deployments::{PUSH_TASK, PushKey},
};
use crate::{
    context::ComponentsContext,
    forge::{
        ForgeEvent, MergeRequestAction, MergeRequestEvent, PushEvent, SignatureCheck, check_signature,
        format_merge_request_ref, is_same_repository, matches_any, parse_event, read_delivery_id, read_event,
    },
    store::{DELIVERY_REPEATED_CODE, DeliveryKey, StoredDelivery, StoredLink},
};

/// The reason for which a link without previews ignores a merge request.
const NO_PREVIEWS_REASON: &str = "merge requests deploy nothing; this link has no previews";

/// A request of a forge.
#[derive(Debug)]
pub struct ForgeRequest<'a> {
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    /// The address of the sender, if it is known.
    pub client: Option<IpAddr>,
}

/// The content of a valid delivery, and its outcome.
struct ReadDelivery {
    reference: String,
    commit: String,
    outcome: ForgeDeliveryOutcome,
    reason: String,
    /// The change of a preview; with it, the outcome is that of the change.
    preview: Option<PreviewRequest>,
    /// The error that the forge receives.
    error: Option<Error>,
}

/// Receives a delivery: checks it, records it, and lets a push be deployed.
pub async fn receive_delivery(
    cx: &ComponentsContext,
    id: RepositoryLinkId,
    request: ForgeRequest<'_>,
) -> Result<ForgeReceipt> {
    let missing = || {
        Error::not_found("repository link", id)
            .help("delete the webhook at the forge, or link the repository again: hearth repository link")
    };
    let link = cx.store.find_link(id).await?.ok_or_else(missing)?;
    let secret = cx.vault.decrypt_value(link.secret_place(), &link.secret)?;
    let check = check_signature(link.forge, request.headers, request.body, &secret)?;
    if check != SignatureCheck::Valid {
        return refuse_unsigned_delivery(cx, &link, check, request.client).await;
    }
    cx.forge_limits.take_for_link(id, cx.now())?;
    let forge_id = read_delivery_id(link.forge, request.headers)?;
    let event = read_event(link.forge, request.headers);
    let read = read_delivery(&link, &event, request.body);
    let delivery = StoredDelivery {
        id: cx.generate_id(),
        tool: link.tool,
        link: id,
        key: DeliveryKey::ForgeId(forge_id),
        event,
        reference: read.reference,
        commit: read.commit,
        received_at: cx.now(),
        outcome: read.outcome,
        reason: read.reason,
        deployment: None,
        count: 1,
    };
    let receipt = record_delivery(cx, &link, delivery, read.preview).await?;
    match read.error {
        Some(error) if !receipt.is_repeated => Err(error),
        _ => Ok(receipt),
    }
}

/// Records a delivery once, changes its preview, and enqueues its task in the same transaction. A repeated one returns the
/// outcome of the first.
async fn record_delivery(
    cx: &ComponentsContext,
    link: &StoredLink,
    mut delivery: StoredDelivery,
    preview: Option<PreviewRequest>,
) -> Result<ForgeReceipt> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, delivery.tool).await?;
    if let Some(first) = cx.store.find_delivery(&tx, delivery.link, &delivery.key).await? {
        let StoredDelivery { id, outcome, reason, .. } = first;
        return Ok(ForgeReceipt { id, outcome, reason, is_repeated: true });
    }
    if let Some(request) = preview {
        (delivery.outcome, delivery.reason) = apply_request(cx, &tx, link, request).await?;
    }
    match cx.store.insert_delivery(&tx, &delivery).await {
        Err(error) if error.code() == DELIVERY_REPEATED_CODE => {
            return Err(Error::unavailable("delivery-repeated", "the delivery is being received already"));
        }
        inserted => inserted?,
    }
    match delivery.outcome {
        ForgeDeliveryOutcome::Waiting => {
            let key = PushKey { link: delivery.link, reference: delivery.reference.clone() };
            cx.store.queue.enqueue(&tx, PUSH_TASK, &key.to_item_key(), &key, cx.now()).await?;
        }
        ForgeDeliveryOutcome::Refused if preview.is_some() => {
            enqueue_refusal_status(cx, &tx, link, delivery.id).await?;
        }
        _ => {}
    }
    tx.commit().await?;
    let StoredDelivery { id, outcome, reason, .. } = delivery;
    Ok(ForgeReceipt { id, outcome, reason, is_repeated: false })
}

/// Decides about a valid delivery.
fn read_delivery(link: &StoredLink, event: &str, body: &[u8]) -> ReadDelivery {
    let end = |outcome, reason: String| ReadDelivery {
        reference: String::new(),
        commit: String::new(),
        outcome,
        reason,
        preview: None,
        error: None,
    };
    let refuse = |error: Error| ReadDelivery {
        error: Some(error.clone()),
        ..end(ForgeDeliveryOutcome::Refused, error.public_message().to_owned())
    };
    match parse_event(link.forge, event, body) {
        Err(error) => refuse(error),
        Ok(
            ForgeEvent::Ignored { repositories, .. }
            | ForgeEvent::MergeRequest { repositories, .. }
            | ForgeEvent::Push(PushEvent { repositories, .. }),
        ) if !is_of_link(link, &repositories) && !repositories.is_empty() => {
            refuse(build_foreign_error(link, &repositories))
        }
        Ok(ForgeEvent::Ignored { reason, .. }) => end(ForgeDeliveryOutcome::Ignored, reason),
        Ok(ForgeEvent::MergeRequest { repositories, request }) => match request {
            Err(_) if link.content.previews.is_none() => {
                end(ForgeDeliveryOutcome::Ignored, NO_PREVIEWS_REASON.to_owned())
            }
            Err(error) => refuse(error),
            Ok(request) => match find_ignored_request_reason(link, &request) {
                Some(reason) => end(ForgeDeliveryOutcome::Ignored, reason),
                None if repositories.is_empty() => refuse(build_foreign_error(link, &repositories)),
                None => ReadDelivery {
                    reference: format_merge_request_ref(link.forge, request.number),
                    preview: Some(build_preview_request(&request)),
                    commit: request.commit,
                    ..end(ForgeDeliveryOutcome::Waiting, String::new())
                },
            },
        },
        Ok(ForgeEvent::Push(push)) if push.repositories.is_empty() => {
            refuse(build_foreign_error(link, &push.repositories))
        }
        Ok(ForgeEvent::Push(push)) => {
            let (outcome, reason) = match find_ignored_reason(link, &push) {
                Some(reason) => (ForgeDeliveryOutcome::Ignored, reason),
                None => (ForgeDeliveryOutcome::Waiting, String::new()),
            };
            ReadDelivery { reference: push.reference, commit: push.commit, ..end(outcome, reason) }
        }
    }
}

fn is_of_link(link: &StoredLink, repositories: &[String]) -> bool {
    repositories.iter().any(|address| is_same_repository(&link.repository, address))
}

fn build_preview_request(request: &MergeRequestEvent) -> PreviewRequest {
    let change = match request.action {
        MergeRequestAction::Close => PreviewChange::Close,
        MergeRequestAction::Update | MergeRequestAction::Other(_) => PreviewChange::Deploy,
    };
    PreviewRequest { number: request.number, change }
}

/// Returns the reason if an event of a merge request deploys nothing. A preview that exists is deleted in any case.
fn find_ignored_request_reason(link: &StoredLink, request: &MergeRequestEvent) -> Option<String> {
    if request.action == MergeRequestAction::Close {
        return None;
    }
    let shown = to_single_line(&request.target_branch, 80);
    match (link.content.previews, &request.action) {
        (PreviewSource::None, _) => Some(NO_PREVIEWS_REASON.to_owned()),
        (_, MergeRequestAction::Other(action)) => {
            Some(format!("the action {action:?} of a merge request brings no new commit"))
        }
        (PreviewSource::Repository, _) if request.is_fork => Some(
            "the merge request is of a fork; the link makes previews of branches of the repository only"
                .to_owned(),
        ),
        _ if !matches_any(&link.content.branches, &request.target_branch) => {
            let patterns = join_patterns(&link.content.branches);
            Some(format!("the merge request is for the branch {shown}, which is none of {patterns}"))
        }
        _ => None,
    }
}

/// Returns the reason if a push deploys nothing.
fn find_ignored_reason(link: &StoredLink, push: &PushEvent) -> Option<String> {
    let Some(branch) = push.find_branch() else {
        return Some(format!("{} is not a branch", to_single_line(&push.reference, 80)));
    };
    let shown = to_single_line(branch, 80);
    if push.is_deletion {
        return Some(format!("the branch {shown} was deleted"));
    }
    if !matches_any(&link.content.branches, branch) {
        return Some(format!("the branch {shown} is none of {}", join_patterns(&link.content.branches)));
    }
    let paths = &link.content.paths;
    let files = push.changed_files.as_ref().filter(|_| !paths.is_empty())?;
    let is_changed = files.iter().any(|file| matches_any(paths, file));
    (!is_changed).then(|| format!("no changed file is one of {}", join_patterns(paths)))
}

fn join_patterns(patterns: &[String]) -> String {
    to_single_line(&patterns.join(", "), 200)
}

/// Refuses a delivery without a valid signature. One row for each day counts them, so that a stranger can neither fill
/// the log nor displace the deliveries of the forge.
async fn refuse_unsigned_delivery<T>(
    cx: &ComponentsContext,
    link: &StoredLink,
    check: SignatureCheck,
    client: Option<IpAddr>,
) -> Result<T> {
    let now = cx.now();
    cx.forge_limits.take_for_refused(client, now)?;
    let reason = match check {
        SignatureCheck::Missing => "the delivery is not signed",
        SignatureCheck::Valid | SignatureCheck::Wrong => {
            "the signature of the delivery is wrong; the secret at the forge may be an old one"
        }
    };
    let key = DeliveryKey::RefusedOn(now.to_zoned(TimeZone::UTC).date().to_string());
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, link.tool).await?;
    match cx.store.find_delivery(&tx, link.id, &key).await? {
        Some(counted) => cx.store.count_refused_delivery(&tx, counted.id, reason).await?,
        None => {
            let first = StoredDelivery {
                id: cx.generate_id(),
                tool: link.tool,
                link: link.id,
                key,
                event: String::new(),
                reference: String::new(),
                commit: String::new(),
                received_at: now,
                outcome: ForgeDeliveryOutcome::Refused,
                reason: reason.to_owned(),
                deployment: None,
                count: 1,
            };
            cx.store.insert_delivery(&tx, &first).await?;
        }
    }
    tx.commit().await?;
    Err(Error::unauthenticated("forge-signature", reason)
        .help("store the current secret at the forge; hearth repository rotate makes a new one"))
}

fn build_foreign_error(link: &StoredLink, repositories: &[String]) -> Error {
    let named = match repositories.first() {
        None => "no repository".to_owned(),
        Some(address) => to_single_line(address, 100),
    };
    let what = format!("the delivery is about {named}; this link is for {}", link.repository);
    Error::new(ErrorKind::Unprocessable, "forge-repository", what)
        .help("link each repository of its own: hearth repository link ADDRESS")
}

/// Converts a delivery to its API type.
pub fn render_delivery(delivery: StoredDelivery) -> ForgeDelivery {
    let StoredDelivery {
        id,
        tool: _,
        link: _,
        key,
        event,
        reference,
        commit,
        received_at,
        outcome,
        reason,
        deployment,
        count,
    } = delivery;
    let forge_id = match key {
        DeliveryKey::ForgeId(id) => id,
        DeliveryKey::RefusedOn(_) => String::new(),
    };
    ForgeDelivery {
        id,
        forge_id,
        event,
        reference,
        commit,
        received: received_at,
        outcome,
        reason,
        deployment,
        count,
    }
}
