//! Announcement of a build to its outside builder: a signed webhook, without redirects, repeated a few times.
//!
//! | answer | effect |
//! |---|---|
//! | 2xx | the builder has the build |
//! | 4xx except 408, 425 and 429 | refused: the build fails or returns to this Hearth's builders |
//! | another status, or none | repeated after a pause; the last time as refused |

use std::time::Duration;

use bytes::Bytes;
use hearth_base::{BuildId, Error, Result, Role, Secret};
use hearth_kit::{db::Tx, outbound::FetchLimits, queue::ItemOutcome, signed_webhooks::build_signed_headers};
use hearth_wire::{
    accounts::internal::{TriggerOwner, TriggerOwnerCheck},
    builds::{
        BuildStatus, BuildStep,
        outside::{AnnouncedApi, AnnouncedBuild, AnnouncedSource, BUILD_REQUESTED, BuildAnnouncement},
    },
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use super::fail_build;
use crate::{
    app::{build_task::BUILD_TASK, credentials, time_limit},
    context::BuildsContext,
    store::{Build, BuilderOwner, OutsideBuild, OutsideBuilder, format_secret_context},
};

/// Time limit of a request, and the bytes of its answer that are read; they are not used.
const RECEIVER_LIMITS: FetchLimits = FetchLimits { max_bytes: 1024, timeout: Duration::from_secs(10) };
/// Pauses between the announcements of an attempt, in seconds.
const RETRY_PAUSES: [i64; 3] = [5, 30, 120];
/// Pause of a build whose tool uses its share of the lanes for announcements.
const BUSY_LANES_PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// Next step of the user when the builder does not take the build.
const REFUSED_NEXT_STEP: &str = "Check that the builder answers at its address (hearth build builders list), then start \
                                 the build again; --builder hearth builds it here.";

/// Result of an announcement.
#[derive(Debug)]
pub enum AnnouncementResult {
    /// There is nothing to announce: the build has ended, or its builder has it.
    Nothing,
    /// The tool uses its share of the lanes: later.
    Later(Timestamp),
    /// The builder has answered, or cannot be asked.
    Announced {
        /// Announced attempt: a report may have begun another one before the answer is recorded.
        attempt: u32,
        /// Reason why the builder has not accepted the build; `None` if it has.
        refusal: Option<AnnouncementRefusal>,
    },
}

/// Reason why a builder has not accepted a build.
#[derive(Debug)]
pub struct AnnouncementRefusal {
    reason: String,
    /// True if it would not accept a repeated announcement either.
    is_final: bool,
}

/// Announces a build. May be repeated: the message has the same id and credential then.
pub async fn announce_build(cx: &BuildsContext, id: BuildId) -> Result<AnnouncementResult> {
    let Some((build, outside)) = begin_announcement(cx, id).await? else {
        return Ok(AnnouncementResult::Nothing);
    };
    // Other tools have lanes left while the builder of this one is slow.
    let Some(_lane) = cx.announcement_lanes.try_acquire(build.tool) else {
        return Ok(AnnouncementResult::Later(cx.now() + BUSY_LANES_PAUSE));
    };
    let attempt = build.attempt;
    let refuse = |reason: String| {
        let refusal = Some(AnnouncementRefusal { reason, is_final: true });
        Ok(AnnouncementResult::Announced { attempt, refusal })
    };
    let Some(builder) = cx.store.find_outside_builder(outside.builder).await? else {
        return refuse("it was removed".to_owned());
    };
    if let Some(reason) = find_lost_owner(cx, &builder).await? {
        return refuse(reason);
    }
    let Some(credential) = provide_credential(cx, id, attempt).await? else {
        return Ok(AnnouncementResult::Nothing);
    };
    let announcement = build_announcement(cx, &build, &outside, credential);
    let refusal = post_announcement(cx, &builder, &announcement?, &build).await?;
    Ok(AnnouncementResult::Announced { attempt, refusal })
}

/// Begins the build, unless it has begun; `None` if there is nothing to announce.
async fn begin_announcement(cx: &BuildsContext, id: BuildId) -> Result<Option<(Build, OutsideBuild)>> {
    let tx = cx.store.begin().await?;
    let build = cx.store.lock_build(&tx, id).await?.filter(|build| !build.has_ended());
    let outside = cx.store.lock_outside_build(&tx, id).await?.filter(|outside| !outside.accepted);
    let (Some(mut build), Some(outside)) = (build, outside) else { return tx.commit().await.map(|()| None) };
    if build.status == BuildStatus::BuildPending {
        build.status = BuildStatus::BuildRunning;
        build.started = Some(cx.now());
        time_limit::set_deadline(cx, &tx, &mut build).await?;
    }
    build.message =
        format!("Announcing the build to {}.", build.outside_builder.as_deref().unwrap_or_default());
    cx.store.update_build(&tx, &build).await?;
    tx.commit().await?;
    Ok(Some((build, outside)))
}

/// Returns the reason if the person behind a builder of a tool may no longer change the tool.
async fn find_lost_owner(cx: &BuildsContext, builder: &OutsideBuilder) -> Result<Option<String>> {
    let (BuilderOwner::Tool(tool), Some(owner)) = (builder.owner, builder.trigger_owner.clone()) else {
        return Ok(None);
    };
    let accounts = cx.clients.create_client(Role::Accounts)?;
    let check = TriggerOwnerCheck { tool, owner };
    let TriggerOwner { name, active } = accounts.accounts_internal().check_trigger_owner(&check).await?;
    let who =
        name.map_or_else(|| "who registered it".to_owned(), |name| format!("{name}, who registered it,"));
    Ok((!active).then(|| format!("{who} may no longer change the tool; remove it and add it again")))
}

/// Returns the credential of the attempt, and creates it before the first announcement; `None` if the build or the attempt
/// has ended, or its builder has it.
async fn provide_credential(cx: &BuildsContext, id: BuildId, attempt: u32) -> Result<Option<Secret>> {
    let build = cx.store.find_build_by_id(id).await?.filter(|build| build.attempt == attempt);
    let Some(build) = build else { return Ok(None) };
    let context = format_credential_context(id, build.attempt);
    let Some(outside) = cx.store.find_outside_build(id).await? else { return Ok(None) };
    if let Some(sealed) = &outside.credential {
        return cx.vault.decrypt_value(context, sealed).map(Some);
    }
    let (token, secret) = credentials::create_credential(cx, &build).await?;
    let sealed = cx.vault.encrypt_value(context, &secret)?;
    let tx = cx.store.begin().await?;
    cx.store.insert_build_token(&tx, id, token).await?;
    let open =
        cx.store.lock_build(&tx, id).await?.filter(|now| !now.has_ended() && now.attempt == build.attempt);
    let outside =
        cx.store.lock_outside_build(&tx, id).await?.filter(|now| !now.accepted && now.token.is_none());
    let usable = match (open, outside) {
        (Some(_), Some(mut outside)) => {
            (outside.token, outside.credential) = (Some(token), Some(sealed));
            cx.store.save_outside_build(&tx, &outside).await?;
            true
        }
        _ => {
            credentials::mark_credential_revoked(cx, &tx, id, token).await?;
            false
        }
    };
    tx.commit().await?;
    Ok(usable.then_some(secret))
}

/// Formats the context that the seal of a credential is bound to.
pub fn format_credential_context(id: BuildId, attempt: u32) -> String {
    format!("credentials/{id}/{attempt}")
}

fn build_announcement(
    cx: &BuildsContext,
    build: &Build,
    outside: &OutsideBuild,
    credential: Secret,
) -> Result<BuildAnnouncement> {
    let parameters = &build.parameters;
    let host = &cx.public_authority;
    let scheme = if cx.public_tls { "https" } else { "http" };
    let reports = format!("{scheme}://{host}/builds/v1/reports/{}", build.id);
    let source = match parameters.upload {
        Some(_) => AnnouncedSource::Upload {
            url: format!("{reports}/source"),
            digest: build.resolved_ref.clone(),
            size: build.source_size,
        },
        None => AnnouncedSource::Git {
            url: parameters.source_url.clone(),
            commit: build.resolved_ref.clone(),
            reference: build.full_ref.clone(),
        },
    };
    let data = AnnouncedBuild {
        build: build.id,
        attempt: build.attempt,
        tool: build.tool_name.clone(),
        source,
        folder: parameters.folder.clone(),
        recipe: parameters.recipe,
        process: parameters.process.clone(),
        variables: parameters.envvars.clone(),
        plan: outside.plan.clone(),
        image: format!("{host}/tool-{}/{}:latest", build.tool_name, parameters.image_name),
        api: AnnouncedApi { reports, registry: host.clone(), registry_tls: cx.public_tls },
        deadline: build.deadline.ok_or_else(|| Error::internal("a running build has no deadline"))?,
        credential,
    };
    Ok(BuildAnnouncement { event_type: BUILD_REQUESTED.to_owned(), timestamp: build.created, data })
}

/// Sends an announcement. Returns why the builder did not accept it.
async fn post_announcement(
    cx: &BuildsContext,
    builder: &OutsideBuilder,
    announcement: &BuildAnnouncement,
    build: &Build,
) -> Result<Option<AnnouncementRefusal>> {
    let address = builder.url.parse().map_err(Error::internal)?;
    let secret = cx.vault.decrypt_value(format_secret_context(builder.id), &builder.secret)?;
    let body = serde_json::to_string(announcement).map_err(Error::internal)?;
    let id = format!("{}.{}", build.id, build.attempt);
    let headers = build_signed_headers(&secret, &id, cx.now(), &body)?;
    let answer = cx.outbound.post_document(&address, headers, Bytes::from(body), RECEIVER_LIMITS).await;
    Ok(match answer {
        Ok(answer) if answer.status.is_success() => None,
        Ok(answer) => Some(describe_refusal(answer.status)),
        Err(error) => {
            Some(AnnouncementRefusal { reason: error.public_message().to_owned(), is_final: false })
        }
    })
}

fn describe_refusal(status: StatusCode) -> AnnouncementRefusal {
    let may_accept_later =
        [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    AnnouncementRefusal {
        reason: format!("it answered {}", status.as_u16()),
        is_final: status.is_client_error() && !may_accept_later,
    }
}

/// Records the result of an announcement.
pub async fn record_announcement(
    cx: &BuildsContext,
    tx: &Tx,
    id: BuildId,
    result: &AnnouncementResult,
) -> Result<ItemOutcome> {
    if let AnnouncementResult::Later(due) = result {
        return Ok(ItemOutcome::DueAt(*due));
    }
    let build = cx.store.lock_build(tx, id).await?.filter(|build| !build.has_ended());
    // A report may have arrived before the answer.
    let outside = cx.store.lock_outside_build(tx, id).await?.filter(|outside| !outside.accepted);
    let (Some(mut build), Some(mut outside)) = (build, outside) else { return Ok(ItemOutcome::Finished) };
    let AnnouncementResult::Announced { attempt, refusal } = result else { return Ok(ItemOutcome::Finished) };
    if build.attempt != *attempt {
        // The builder gave the announced attempt up before its answer was recorded: the next one is enqueued already.
        return Ok(ItemOutcome::Finished);
    }
    let name = build.outside_builder.clone().unwrap_or_default();
    match refusal {
        None => {
            outside.mark_accepted();
            build.message = format!("The outside builder {name} has the build.");
            cx.store.save_outside_build(tx, &outside).await?;
            cx.store.update_build(tx, &build).await?;
            Ok(ItemOutcome::Finished)
        }
        Some(AnnouncementRefusal { reason, is_final }) => {
            let failures = usize::try_from(outside.tries).unwrap_or(usize::MAX);
            let pause = RETRY_PAUSES.get(failures).filter(|_| !is_final);
            let Some(pause) = pause else {
                give_up_announcement(cx, tx, build, &outside, reason).await?;
                return Ok(ItemOutcome::Finished);
            };
            outside.tries += 1;
            build.message =
                format!("The outside builder {name} did not accept the build: {reason}. Again in {pause} s.");
            cx.store.save_outside_build(tx, &outside).await?;
            cx.store.update_build(tx, &build).await?;
            Ok(ItemOutcome::DueAt(cx.now() + SignedDuration::from_secs(*pause)))
        }
    }
}

/// Returns the build to the builders of this Hearth, or fails it.
async fn give_up_announcement(
    cx: &BuildsContext,
    tx: &Tx,
    mut build: Build,
    outside: &OutsideBuild,
    reason: &str,
) -> Result<()> {
    let builder = cx.store.find_outside_builder(outside.builder).await?;
    if builder.is_none_or(|builder| !builder.falls_back) {
        return fail_build(cx, tx, build, reason, REFUSED_NEXT_STEP).await;
    }
    credentials::release_outside_build(cx, tx, &mut build).await?;
    let name = build.outside_builder.take().unwrap_or_default();
    build.status = BuildStatus::BuildPending;
    build.step = BuildStep::Waiting;
    build.message =
        format!("The outside builder {name} did not accept the build: {reason}. It is built here instead.");
    (build.started, build.deadline) = (None, None);
    cx.store.update_build(tx, &build).await?;
    // Its claim revokes the credential before the builder begins.
    let key = build.tool.to_string();
    cx.store.queue.enqueue_in_place(tx, BUILD_TASK, &key, &build.tool, cx.now()).await
}
