//! Open streams end when the right behind them ends.

use std::time::Duration;

use hearth_base::{Clock, Error, Result, Secret, SystemClock, ToolRole};
use hearth_client::Body;
use hearth_testkit::{Hearth, in_every_shape};
use hearth_wire::{accounts::TokenCreate, tools::MemberPut};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use jiff::SignedDuration;

/// Time within which a stream must have ended; far below its limit of 15 minutes.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Opens a stream of the lines of all jobs of the tool `hello`.
async fn open_log_stream(hearth: &Hearth, secret: &Secret) -> Result<Body> {
    let client = hearth.client_with_token(secret)?;
    let reply = client.build_call(Method::GET, "/logs/v1/tool/hello/logs_stream").send_raw().await?;
    assert_eq!(reply.status(), StatusCode::OK);
    Ok(reply.into_body())
}

/// Reads a stream to its end. A stream whose right ended is incomplete.
async fn wait_for_broken_end(mut stream: Body) -> Result<()> {
    let reading = async {
        loop {
            match stream.frame().await {
                Some(Ok(_)) => {}
                Some(Err(_)) => return Ok(()),
                None => return Err(Error::internal("the stream ended as if it were complete")),
            }
        }
    };
    tokio::time::timeout(MAX_WAIT, reading).await.map_err(|_| Error::internal("the stream goes on"))?
}

async fn stream_ends_when_its_token_is_revoked(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    operator.create_tool("hello").await?;
    let accounts = operator.client.accounts();
    let create = |label: &str| TokenCreate { label: label.to_owned(), scopes: None, expires: None };
    let (revoked, other) =
        (accounts.create_token(&create("revoked")).await?, accounts.create_token(&create("other")).await?);
    let stream = open_log_stream(&hearth, &revoked.secret).await?;
    let mut continues = open_log_stream(&hearth, &other.secret).await?;
    accounts.revoke_token(revoked.token.id).await?;
    wait_for_broken_end(stream).await?;
    let next = tokio::time::timeout(Duration::from_millis(100), continues.frame()).await;
    assert!(next.is_err(), "a stream of another token ended: {next:?}");
    Ok(())
}

async fn stream_ends_when_its_token_expires(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    operator.create_tool("hello").await?;
    let expires = SystemClock.now() + SignedDuration::from_secs(3);
    let create = TokenCreate { label: "short".to_owned(), scopes: None, expires: Some(expires) };
    let token = operator.client.accounts().create_token(&create).await?;
    wait_for_broken_end(open_log_stream(&hearth, &token.secret).await?).await
}

async fn stream_ends_when_its_reader_leaves_the_tool(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let ann = hearth.invite_person(&operator, "ann").await?;
    let tool = operator.create_tool("hello").await?;
    let viewer = MemberPut { role: ToolRole::Viewer };
    operator.client.tools().set_member(&tool, &ann.name, &viewer).await?;
    ann.client.accounts().accept_membership(&tool).await?;
    let stream = open_log_stream(&hearth, &ann.session).await?;
    operator.client.tools().remove_member(&tool, &ann.name).await?;
    wait_for_broken_end(stream).await
}

in_every_shape!(
    stream_ends_when_its_token_is_revoked,
    stream_ends_when_its_token_expires,
    stream_ends_when_its_reader_leaves_the_tool,
);
