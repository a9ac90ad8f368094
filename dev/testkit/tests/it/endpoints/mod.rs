//! Every endpoint of the merged document, for every kind of caller: exactly the declared answer.
//!
//! The document says who has the right (`x-needs`); the walk calls each endpoint as everybody and compares who
//! was let in. Whoever is let in may still be refused, but only with an answer that the document declares.

mod callers;
mod document;

use hearth_base::{Result, ToolName};
use hearth_testkit::{Hearth, Person, Shape, until};
use hearth_wire::tools::{MemberPut, ToolCreate, ToolState};
use http::{Method, StatusCode};

use callers::{Caller, Cast};
use document::Endpoint;

/// Endpoints whose own refusal looks like the guard's: a wrong code is 403, a wrong password 401,
/// a token that would make tokens 403. What is here
/// is tested elsewhere by name; the list may only shrink.
const REFUSE_BY_THEMSELVES: &[&str] = &[
    "accounts.join",
    "accounts.session_create",
    "accounts.token_create",
    "registry.token",
    "tools.token_create",
];

#[tokio::test]
async fn together_every_endpoint_answers_every_caller_as_declared() -> Result<()> {
    walk(Hearth::start(Shape::TOGETHER_ON_FILES).await?).await
}

#[tokio::test]
async fn split_every_endpoint_answers_every_caller_as_declared() -> Result<()> {
    walk(Hearth::start(Shape::SPLIT_ON_POSTGRES).await?).await
}

#[tokio::test]
async fn head_and_options_let_nobody_in() -> Result<()> {
    let hearth = Hearth::start(Shape::TOGETHER_ON_FILES).await?;
    let (nobody, tool) = (hearth.nobody()?, "stage".parse()?);
    for endpoint in document::endpoints(&hearth).await?.iter().filter(|endpoint| endpoint.needs != "nothing")
    {
        for method in [Method::HEAD, Method::OPTIONS, Method::TRACE] {
            let status = nobody.call(method.clone(), &endpoint.path(&tool)).raw().await?.status();
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {}", endpoint.id);
        }
    }
    Ok(())
}

async fn walk(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let cast = Cast::gather(&hearth, &operator).await?;
    let endpoints = document::endpoints(&hearth).await?;
    assert!(endpoints.len() > 30, "the document is short: {}", endpoints.len());
    let mut wrong = Vec::new();
    let mut changed = true;
    for endpoint in &endpoints {
        for caller in &cast.callers {
            if changed {
                stage(&operator, &cast).await?;
            }
            let status = call(endpoint, caller, &cast.tool).await?;
            changed = endpoint.method != Method::GET && !status.is_client_error();
            wrong.extend(verdict(endpoint, caller, status));
        }
    }
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

/// The tool, with everybody in their role: the last call may have ended it, or changed them. An end takes until
/// every service has erased what it had.
async fn stage(operator: &Person, cast: &Cast) -> Result<()> {
    let tools = operator.client.tools();
    let create = ToolCreate { name: cast.tool.clone(), description: String::new() };
    let there = async || match tools.create(&create).await {
        Ok(_) => Ok(Some(())),
        Err(error) if error.code() == "tool-name-taken" => {
            let found = tools.show(&cast.tool).await.ok();
            Ok(found.filter(|tool| tool.state == ToolState::Active).map(drop))
        }
        Err(error) => Err(error),
    };
    until("the tool is there", there).await?;
    for (user, role) in &cast.members {
        // What the door knew of the tool before is forgotten a moment after.
        let put = MemberPut { role: *role };
        until("they have their role", async || Ok(tools.member_put(&cast.tool, user, &put).await.ok()))
            .await?;
    }
    Ok(())
}

async fn call(endpoint: &Endpoint, caller: &Caller, tool: &ToolName) -> Result<StatusCode> {
    let call = caller.client.call(endpoint.method.clone(), &endpoint.path(tool));
    let call = if endpoint.method == Method::GET { call } else { call.json(&serde_json::json!({})) };
    Ok(call.raw().await?.status())
}

fn verdict(endpoint: &Endpoint, caller: &Caller, status: StatusCode) -> Option<String> {
    let Endpoint { id, needs, declared, .. } = endpoint;
    let told = |expected: &str| {
        Some(format!("{id} (needs {needs}) told {} {status}, and should tell {expected}", caller.name))
    };
    if REFUSE_BY_THEMSELVES.contains(&id.as_str()) && caller.may(needs) {
        return if status.is_server_error() { told("no fault of its own") } else { None };
    }
    match (caller.known, caller.may(needs)) {
        (_, true) if matches!(status.as_u16(), 401 | 403 | 405) || status.is_server_error() => {
            told("something else")
        }
        // What is sent here says nothing of what the endpoint takes: it may be refused for that, in either dialect.
        (_, true) if matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY) => None,
        (_, true) if !declared.contains(&status.as_u16()) => told(&format!("one of {declared:?}")),
        (false, false) if status != StatusCode::UNAUTHORIZED => told("401"),
        (true, false) if status != StatusCode::FORBIDDEN => told("403"),
        _ => None,
    }
}
