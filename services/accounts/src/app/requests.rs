//! Requests of tools to the operators: one table for all kinds.
//!
//! | state | changes to | by |
//! |---|---|---|
//! | open | accepted, refused | an operator |
//! | open | withdrawn | a maintainer of the tool, or the deletion of the tool |
//! | accepted, refused | nothing, and is deleted after `request_days` | |
//! | withdrawn | nothing, and is deleted after a day, for which it counts against the limit | |
//!
//! An accepted request for a quota is carried out in the transaction of its acceptance. One for a package source is carried
//! out by `builds`, which reads the event of the same transaction.

use hearth_base::{
    Error, ErrorKind, Result, Role, ToolId, ToolName, ToolRequestId, ToolRole, UserId, check_plain_text,
};
use hearth_kit::db::Tx;
use hearth_wire::{
    accounts::{
        PackageSourceRequest, RequestAcceptance, RequestKind, RequestRefusal, RequestState, ToolRequestCreate,
    },
    tools::QuotaPatch,
};
use jiff::{SignedDuration, Timestamp};

use super::{quota, request_notices};
use crate::{
    context::{AccountsContext, RequestActor},
    store::{RequestDetails, RequestFilter, StoredRequest},
};

/// Longest reason and answer, in characters.
const MAX_TEXT_CHARACTERS: usize = 1000;
/// Longest address of a package source, in characters.
const MAX_URL_CHARACTERS: usize = 500;
/// Requests that a tool may make within a day, for each request that it may have open: a request that was withdrawn
/// counts too, because operators have got mail about it.
const DAILY_REQUESTS_PER_OPEN_REQUEST: u64 = 3;

/// Creates a request of a tool.
pub async fn create_request(
    cx: &AccountsContext,
    actor: &RequestActor,
    tool: (ToolId, &ToolName),
    create: ToolRequestCreate,
) -> Result<StoredRequest> {
    let ToolRequestCreate { kind, reason, quota, package_source } = create;
    check_plain_text("reason", &reason, 1..=MAX_TEXT_CHARACTERS)?;
    let request = StoredRequest {
        id: ToolRequestId::new(actor.now, &cx.entropy),
        tool: tool.0,
        user: match actor.user {
            None => cx.store.find_first_owner(tool.0).await?,
            user => user,
        },
        author: actor.who.clone(),
        reason,
        details: check_details(kind, quota, package_source)?,
        state: RequestState::Open,
        created: actor.now,
        decided: None,
        decided_by: None,
        answer: String::new(),
    };
    let tx = cx.store.begin().await?;
    let stored = cx.store.lock_tool(&tx, tool.0).await?;
    if stored.deleting {
        return Err(Error::conflict("tool-deleting", format!("the tool {} is being deleted", tool.1)));
    }
    cx.require_role(&tx, actor, tool.0, ToolRole::Maintainer).await?;
    check_limits(cx, &tx, &request).await?;
    cx.store.insert_request(&tx, &request).await?;
    let subject = format!("{} {}", kind.as_str(), request.id);
    cx.record_audit_entry(&tx, actor, "request.create", Some(tool), subject).await?;
    request_notices::announce_request(cx, &tx, actor, tool.1, &request).await?;
    tx.commit().await?;
    Ok(request)
}

/// Checks that a request has the field of its kind and no other one.
fn check_details(
    kind: RequestKind,
    quota: Option<QuotaPatch>,
    package_source: Option<PackageSourceRequest>,
) -> Result<RequestDetails> {
    match (kind, quota, package_source) {
        (RequestKind::Quota, Some(quota), None) if quota != QuotaPatch::default() => {
            Ok(RequestDetails::Quota(quota))
        }
        (RequestKind::PackageSource, None, Some(source)) => {
            if let Some(url) = &source.url {
                check_plain_text("url", url, 1..=MAX_URL_CHARACTERS)?;
                let is_web = url.starts_with("https://") || url.starts_with("http://");
                if !is_web || url.contains(char::is_whitespace) {
                    return Err(Error::invalid(
                        "request-details",
                        "the url is not an address with http or https",
                    ));
                }
            }
            Ok(RequestDetails::PackageSource(source))
        }
        (RequestKind::Quota, ..) => Err(Error::invalid(
            "request-details",
            "a request of the kind quota has the field quota with at least one limit, and no other field",
        )),
        (RequestKind::PackageSource, ..) => Err(Error::invalid(
            "request-details",
            "a request of the kind package-source has the field package_source, and no other field",
        )),
    }
}

/// Refuses a request beside too many open ones, or beside an open one for the same thing.
async fn check_limits(cx: &AccountsContext, tx: &Tx, request: &StoredRequest) -> Result<()> {
    let open = cx.store.list_open_requests(tx, request.tool).await?;
    if let Some(same) = open.iter().find(|other| is_about_the_same(&other.details, &request.details)) {
        let what = format!("the request {} asks for the same, and is open", same.id);
        return Err(Error::conflict("request-open", what).help(format!("hearth request show {}", same.id)));
    }
    let of_tool = cx.settings.open_requests_per_tool;
    if open.len() >= of_tool as usize {
        return Err(build_limit_error(format!(
            "the tool has {} open requests; at most {of_tool}",
            open.len()
        )));
    }
    let day_ago = request.created - SignedDuration::from_hours(24);
    let filter = RequestFilter { tool: Some(request.tool), ..RequestFilter::default() };
    let count = cx.store.count_requests_since(tx, filter, day_ago).await?;
    let per_day = u64::from(of_tool) * DAILY_REQUESTS_PER_OPEN_REQUEST;
    if count >= per_day {
        return Err(build_daily_limit_error(format!(
            "the tool has made {count} requests within a day; at most {per_day}"
        )));
    }
    match request.user {
        Some(user) => check_limits_of_user(cx, tx, user, day_ago).await,
        None => Ok(()),
    }
}

/// Refuses a request of a person who has made too many for all tools: one member of many tools must not fill the
/// operators' queue.
async fn check_limits_of_user(cx: &AccountsContext, tx: &Tx, user: UserId, day_ago: Timestamp) -> Result<()> {
    let (open, per_day) = (cx.settings.open_requests_per_user, cx.settings.daily_requests_per_user);
    // The row lock makes the counts exact: one request of the user at a time.
    let Some(person) = cx.store.lock_user_by_id(tx, user).await? else { return Ok(()) };
    let count = cx.store.count_open_requests_of_user(tx, user).await?;
    if count >= u64::from(open) {
        let what = format!("{} has {count} open requests for all tools; at most {open}", person.name);
        return Err(build_limit_error(what));
    }
    let filter = RequestFilter { user: Some(user), ..RequestFilter::default() };
    let count = cx.store.count_requests_since(tx, filter, day_ago).await?;
    if count >= u64::from(per_day) {
        return Err(build_daily_limit_error(format!(
            "{} has made {count} requests for all tools within a day; at most {per_day}",
            person.name
        )));
    }
    Ok(())
}

fn build_daily_limit_error(what: String) -> Error {
    Error::new(ErrorKind::Exhausted, "too-many-requests-today", what).help("try again tomorrow")
}

fn is_about_the_same(one: &RequestDetails, other: &RequestDetails) -> bool {
    match (one, other) {
        (RequestDetails::Quota(one), RequestDetails::Quota(other)) => one == other,
        (RequestDetails::PackageSource(one), RequestDetails::PackageSource(other)) => one.name == other.name,
        _ => false,
    }
}

fn build_limit_error(what: String) -> Error {
    Error::new(ErrorKind::Exhausted, "too-many-requests-open", what)
        .help("wait until an operator has decided some, or withdraw one: hearth request withdraw ID")
}

/// Finds a request of a tool.
pub async fn find_tool_request(
    cx: &AccountsContext,
    tool: ToolId,
    id: ToolRequestId,
) -> Result<(StoredRequest, ToolName)> {
    let found = cx.store.find_request(id).await?.filter(|(request, _)| request.tool == tool);
    found.ok_or_else(|| build_missing_error(id, "hearth request list"))
}

/// Finds a request of any tool, for operators.
pub async fn find_request(cx: &AccountsContext, id: ToolRequestId) -> Result<(StoredRequest, ToolName)> {
    let found = cx.store.find_request(id).await?;
    found.ok_or_else(|| build_missing_error(id, "hearth admin requests list"))
}

fn build_missing_error(id: ToolRequestId, help: &str) -> Error {
    Error::not_found("request", id).help(help)
}

/// Withdraws an open request of a tool.
pub async fn withdraw_request(
    cx: &AccountsContext,
    actor: &RequestActor,
    tool: (ToolId, &ToolName),
    id: ToolRequestId,
) -> Result<StoredRequest> {
    find_tool_request(cx, tool.0, id).await?;
    let tx = cx.store.begin().await?;
    cx.store.lock_tool(&tx, tool.0).await?;
    cx.require_role(&tx, actor, tool.0, ToolRole::Maintainer).await?;
    let mut request = lock_open_request(cx, &tx, id).await?;
    close_request(cx, &tx, actor, tool.1, &mut request, (RequestState::Withdrawn, String::new())).await?;
    tx.commit().await?;
    Ok(request)
}

/// Accepts a request: in the same transaction, a quota changes, or the event is written by which another service grants
/// what was asked for.
pub async fn accept_request(
    cx: &AccountsContext,
    actor: &RequestActor,
    id: ToolRequestId,
    acceptance: RequestAcceptance,
) -> Result<(StoredRequest, ToolName)> {
    let RequestAcceptance { answer, package_source } = acceptance;
    check_plain_text("answer", &answer, 0..=MAX_TEXT_CHARACTERS)?;
    let (mut request, tool) = find_request(cx, id).await?;
    if let Some(name) = package_source {
        let RequestDetails::PackageSource(asked) = &mut request.details else {
            return Err(Error::invalid(
                "request-details",
                "only the acceptance of a request of the kind package-source names a package source",
            ));
        };
        asked.name = name;
    }
    let details = request.details;
    if let RequestDetails::PackageSource(PackageSourceRequest { name, .. }) = &details {
        check_source_exists(cx, name.as_str()).await?;
    }
    let tx = cx.store.begin().await?;
    cx.store.lock_tool(&tx, request.tool).await?;
    cx.require_operator(&tx, actor).await?;
    let mut request = lock_open_request(cx, &tx, id).await?;
    request.details = details;
    if let RequestDetails::Quota(patch) = &request.details {
        quota::apply_patch(cx, &tx, actor, (request.tool, &tool), patch).await?;
    }
    close_request(cx, &tx, actor, &tool, &mut request, (RequestState::Accepted, answer)).await?;
    tx.commit().await?;
    Ok((request, tool))
}

/// Refuses a request.
pub async fn refuse_request(
    cx: &AccountsContext,
    actor: &RequestActor,
    id: ToolRequestId,
    refusal: RequestRefusal,
) -> Result<(StoredRequest, ToolName)> {
    let RequestRefusal { answer } = refusal;
    check_plain_text("answer", &answer, 1..=MAX_TEXT_CHARACTERS)?;
    let (found, tool) = find_request(cx, id).await?;
    let tx = cx.store.begin().await?;
    cx.store.lock_tool(&tx, found.tool).await?;
    cx.require_operator(&tx, actor).await?;
    let mut request = lock_open_request(cx, &tx, id).await?;
    close_request(cx, &tx, actor, &tool, &mut request, (RequestState::Refused, answer)).await?;
    tx.commit().await?;
    Ok((request, tool))
}

/// Checks at `builds` that a package source exists, so that nothing is accepted that cannot be granted.
async fn check_source_exists(cx: &AccountsContext, name: &str) -> Result<()> {
    let builds = cx.clients.create_client(Role::Builds)?;
    match builds.builds().check_package_source(&name.parse()?).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let what = format!("there is no package source {name}");
            Err(Error::conflict("no-package-source", what).help(format!(
                "add it first: hearth admin package-sources add {name} --file FILE --key KEYFILE; or grant another one: \
                 --source NAME"
            )))
        }
        checked => checked,
    }
}

/// Locks a request. Error `request-decided` (conflict) when it is not open.
async fn lock_open_request(cx: &AccountsContext, tx: &Tx, id: ToolRequestId) -> Result<StoredRequest> {
    let request = cx.store.lock_request(tx, id).await?;
    let request = request.ok_or_else(|| build_missing_error(id, "hearth request list"))?;
    match request.state {
        RequestState::Open => Ok(request),
        state => {
            let what = format!("the request {id} is {} already", state.as_str());
            Err(Error::conflict("request-decided", what).help(format!("hearth request show {id}")))
        }
    }
}

/// Closes a locked request, with its audit entry and its event.
async fn close_request(
    cx: &AccountsContext,
    tx: &Tx,
    actor: &RequestActor,
    tool: &ToolName,
    request: &mut StoredRequest,
    (state, answer): (RequestState, String),
) -> Result<()> {
    request.state = state;
    request.decided = Some(actor.now);
    request.decided_by = Some(actor.who.clone());
    request.answer = answer;
    cx.store.update_request(tx, request).await?;
    let action = match state {
        RequestState::Accepted => "request.accept",
        RequestState::Refused => "request.refuse",
        RequestState::Open | RequestState::Withdrawn => "request.withdraw",
    };
    let subject = format!("{} {}", request.details.request_kind().as_str(), request.id);
    cx.record_audit_entry(tx, actor, action, Some((request.tool, tool)), subject).await?;
    request_notices::announce_decision(cx, tx, actor, tool, request).await
}

#[cfg(test)]
mod tests {
    use hearth_kit::{config::HearthConfig, db::Db};
    use hearth_testkit::on_every_store;

    use super::*;
    use crate::{
        AccountsSettings,
        context::test_context::{build_test_context, insert_maintainer},
        store::StoredTool,
    };

    async fn member_of_many_tools_makes_a_limited_number_of_requests_a_day(db: Db) -> Result<()> {
        let mut config = HearthConfig::default();
        config.change_section(|accounts: &mut AccountsSettings| accounts.daily_requests_per_user = 2);
        let (cx, _stand) = build_test_context(db, config).await?;
        let (ann, first) = insert_maintainer(&cx, None).await?;
        let mut tools = vec![first];
        let tx = cx.store.begin().await?;
        for name in ["second", "third"] {
            let id = ToolId::new(cx.now(), &cx.entropy);
            tools.push(StoredTool { id, name: name.parse()?, ..tools[0].clone() });
            cx.store.insert_tool(&tx, &tools[tools.len() - 1]).await?;
            cx.store.set_member(&tx, id, ann.id, ToolRole::Owner, cx.now()).await?;
        }
        tx.commit().await?;
        let of_token = cx.build_system_actor();
        let of_ann = RequestActor { user: Some(ann.id), ..of_token.clone() };
        let create = |actor: &RequestActor, tool: &StoredTool| {
            let (cx, actor, tool) = (cx.clone(), actor.clone(), tool.clone());
            async move {
                let request = ToolRequestCreate {
                    kind: RequestKind::PackageSource,
                    reason: "the index needs it".to_owned(),
                    quota: None,
                    package_source: Some(PackageSourceRequest { name: "pond".parse()?, url: None }),
                };
                create_request(&cx, &actor, (tool.id, &tool.name), request).await
            }
        };
        let withdrawn = create(&of_ann, &tools[0]).await?;
        // A withdrawn request counts, and so does one that a tool of hers made with a token of its own.
        withdraw_request(&cx, &of_ann, (tools[0].id, &tools[0].name), withdrawn.id).await?;
        create(&of_token, &tools[1]).await?;
        for actor in [&of_ann, &of_token] {
            let refused = create(actor, &tools[2]).await.unwrap_err();
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::Exhausted, "too-many-requests-today"));
            assert!(refused.public_message().contains("ann has made 2 requests for all tools"), "{refused}");
        }
        Ok(())
    }

    on_every_store!(member_of_many_tools_makes_a_limited_number_of_requests_a_day);
}
