//! Calls every endpoint of the merged document as every kind of caller and compares the reply with the
//! document.
//!
//! The document declares the required permission (`x-needs`). A caller without it must be refused by the
//! guard. A caller with it may still be refused by the endpoint, but only with a declared status.

mod callers;
mod document;

use hearth_base::{Result, ToolName};
use hearth_testkit::{Hearth, HearthShape, Person, wait_until};
use hearth_wire::tools::{ToolCreate, ToolState};
use http::{Method, StatusCode};

use callers::{CALLER_WITH_SESSION, TestCaller, TestCallers};
use document::Endpoint;

/// Endpoints whose own refusals look like those of the guard: a wrong code is 403, a wrong password 401. Other tests
/// cover these endpoints by name; the list may only shrink.
const ENDPOINTS_WITH_OWN_REFUSALS: &[&str] =
    &["accounts.join", "accounts.session_create", "registry.token", "tools.token_create"];

/// Endpoints that the runtime answers. A Hearth without a runtime, as here, replies 503.
const ENDPOINTS_OF_THE_RUNTIME: &[&str] = &["storage.file_list", "storage.home", "storage.volume_list"];

/// The callers with an invalid token call every endpoint from one address.
const MANY_CALLS_SETTINGS: &str = "[gateway]\ninvalid_credentials = 100000\n";

/// The endpoint that the caller with a session does not call, because it needs the session for the others.
const ENDPOINT_THAT_ENDS_THE_SESSION: &str = "accounts.session_end";

#[tokio::test]
async fn every_endpoint_answers_every_caller_as_declared_in_one_process() -> Result<()> {
    check_all_endpoints(Hearth::start_with(HearthShape::TOGETHER_ON_FILES, MANY_CALLS_SETTINGS).await?).await
}

#[tokio::test]
async fn every_endpoint_answers_every_caller_as_declared_in_split_processes() -> Result<()> {
    check_all_endpoints(Hearth::start_with(HearthShape::SPLIT_ON_POSTGRES, MANY_CALLS_SETTINGS).await?).await
}

#[tokio::test]
async fn head_and_options_requests_are_authorized_too() -> Result<()> {
    let hearth = Hearth::start(HearthShape::TOGETHER_ON_FILES).await?;
    let (anonymous, tool) = (hearth.anonymous()?, "stage".parse()?);
    for endpoint in
        document::list_endpoints(&hearth).await?.iter().filter(|endpoint| endpoint.needs != "nothing")
    {
        for method in [Method::HEAD, Method::OPTIONS, Method::TRACE] {
            let status =
                anonymous.build_call(method.clone(), &endpoint.fill_path(&tool)).send_raw().await?.status();
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {}", endpoint.id);
        }
    }
    Ok(())
}

/// A deploy token creates deployments of its tool. No other endpoint accepts it, of the tool or without one.
#[tokio::test]
async fn deploy_token_is_refused_by_every_endpoint_but_one() -> Result<()> {
    let hearth = Hearth::start_with(HearthShape::TOGETHER_ON_FILES, MANY_CALLS_SETTINGS).await?;
    let operator = hearth.operator().await?;
    let tool = operator.create_tool("stage").await?;
    let token = operator.client.components().create_deploy_token(&tool).await?.token.unwrap();
    let client = hearth.client_with_token(&token)?;
    let (mut wrong, mut of_tools) = (Vec::new(), 0);
    for endpoint in document::list_endpoints(&hearth).await?.iter().filter(|one| one.needs != "nothing") {
        let path = endpoint.fill_path(&tool);
        let call = client.build_call(endpoint.method.clone(), &path).json(&serde_json::json!({}));
        let status = call.send_raw().await?.status();
        let expected = if endpoint.names_tool { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
        let is_right = match endpoint.id.as_str() {
            "components.deployment_create" => {
                !matches!(status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED)
            }
            _ => status == expected,
        };
        of_tools += usize::from(endpoint.names_tool);
        if !is_right {
            wrong.push(format!("{} {path} ({}) replied {status}", endpoint.method, endpoint.id));
        }
    }
    assert!(wrong.is_empty() && of_tools > 30, "{of_tools} of tools, wrong:\n{}", wrong.join("\n"));
    Ok(())
}

async fn check_all_endpoints(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let test_callers = TestCallers::create(&hearth, &operator).await?;
    let endpoints = document::list_endpoints(&hearth).await?;
    assert!(endpoints.len() > 30, "document has too few endpoints: {}", endpoints.len());
    let mut wrong = Vec::new();
    let mut changed = true;
    for endpoint in &endpoints {
        for caller in &test_callers.callers {
            if endpoint.id == ENDPOINT_THAT_ENDS_THE_SESSION && caller.name == CALLER_WITH_SESSION {
                continue;
            }
            if changed {
                restore_tool_and_members(&operator, &test_callers).await?;
            }
            let status = call_endpoint(endpoint, caller, &test_callers.tool).await?;
            changed = endpoint.method != Method::GET && !status.is_client_error();
            wrong.extend(describe_wrong_reply(endpoint, caller, status));
        }
    }
    assert!(wrong.is_empty(), "{} wrong replies:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

/// Creates the tool again and restores the roles of its members, because the previous call may have deleted
/// or changed them. The name is free once every service has erased its data.
async fn restore_tool_and_members(operator: &Person, test_callers: &TestCallers) -> Result<()> {
    let tools = operator.client.tools();
    let create = ToolCreate { name: test_callers.tool.clone(), description: String::new() };
    let create_or_find = async || match tools.create(&create).await {
        Ok(_) => Ok(Some(())),
        Err(error) if error.code() == "tool-name-taken" => {
            let found = tools.show(&test_callers.tool).await.ok();
            Ok(found.filter(|tool| tool.state == ToolState::Active).map(drop))
        }
        Err(error) => Err(error),
    };
    wait_until("the tool exists", create_or_find).await?;
    for (person, role) in &test_callers.members {
        // The gateway may still use a cached identity of the former tool.
        wait_until("the member has the role", async || {
            Ok(operator.add_member(&test_callers.tool, person, *role).await.ok())
        })
        .await?;
    }
    Ok(())
}

async fn call_endpoint(endpoint: &Endpoint, caller: &TestCaller, tool: &ToolName) -> Result<StatusCode> {
    let call = caller.client.build_call(endpoint.method.clone(), &endpoint.fill_path(tool));
    let call = if endpoint.method == Method::GET { call } else { call.json(&serde_json::json!({})) };
    Ok(call.send_raw().await?.status())
}

fn describe_wrong_reply(endpoint: &Endpoint, caller: &TestCaller, status: StatusCode) -> Option<String> {
    let Endpoint { id, needs, declared, .. } = endpoint;
    let describe_mismatch = |expected: &str| {
        Some(format!("{id} (needs {needs}) replied {status} to {}; expected {expected}", caller.name))
    };
    if ENDPOINTS_WITH_OWN_REFUSALS.contains(&id.as_str()) && caller.is_allowed(needs) {
        return if status.is_server_error() { describe_mismatch("no server error") } else { None };
    }
    if ENDPOINTS_OF_THE_RUNTIME.contains(&id.as_str())
        && caller.is_allowed(needs)
        && status == StatusCode::SERVICE_UNAVAILABLE
    {
        return None;
    }
    match (caller.authenticated, caller.is_allowed(needs)) {
        (_, true) if matches!(status.as_u16(), 401 | 403 | 405) || status.is_server_error() => {
            describe_mismatch("another status")
        }
        // The empty body of the request may be invalid for the endpoint.
        (_, true) if matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY) => None,
        (_, true) if !declared.contains(&status.as_u16()) => {
            describe_mismatch(&format!("one of {declared:?}"))
        }
        (false, false) if status != StatusCode::UNAUTHORIZED => describe_mismatch("401"),
        (true, false) if status != StatusCode::FORBIDDEN => describe_mismatch("403"),
        _ => None,
    }
}
