//! The door: what it lets through, and what it says.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use hearth_base::{Clock, Identity, Result, Role, RoleKey, SystemClock};
use hearth_client::{body, headers};
use hearth_testkit::{Hearth, Shape, in_every_shape, until};
use hearth_wire::{reply::Refusal, tools::ToolCreate};
use http::{HeaderName, Method, StatusCode, header};
use http_body_util::BodyExt;

async fn status_and_refusal(call: hearth_client::Call<'_>) -> Result<(StatusCode, Refusal)> {
    let (head, body) = call.raw().await?.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Ok((head.status, serde_json::from_slice(&body).unwrap_or_default()))
}

async fn an_identity_from_outside_is_worth_nothing(hearth: Hearth) -> Result<()> {
    let forged = RoleKey::generate(Role::Gateway)?;
    let identity = Identity::of_service(Role::Gateway, Role::Accounts, SystemClock.now()).sign(&forged)?;
    let nobody = hearth.nobody()?;
    for path in ["/accounts/v1/me", "/accounts/v1/internal/events/access", "/accounts/v1/users"] {
        let call = nobody.call(Method::GET, path).header(headers::IDENTITY, &identity);
        let (status, refusal) = status_and_refusal(call).await?;
        assert_eq!((status, refusal.code.as_str()), (StatusCode::UNAUTHORIZED, "not-signed-in"), "{path}");
    }
    Ok(())
}

async fn every_answer_has_a_request_id_of_the_doors_own(hearth: Hearth) -> Result<()> {
    let call = hearth.nobody()?;
    let chosen = "req_01jd0w5e3mqk8v7h4c2x9s6tbn";
    let call = call.call(Method::GET, "/accounts/v1/healthz").header(headers::REQUEST_ID, chosen);
    let answer = call.raw().await?;
    let id = answer.headers()[headers::REQUEST_ID].to_str().unwrap();
    assert!(id.starts_with("req_") && id != chosen, "{id}");
    Ok(())
}

async fn what_is_not_there_is_told_in_words(hearth: Hearth) -> Result<()> {
    let nobody = hearth.nobody()?;
    for (method, path, status, code) in [
        (Method::GET, "/", StatusCode::NOT_FOUND, "no-such-endpoint"),
        (Method::GET, "/nothing/v1/x", StatusCode::NOT_FOUND, "no-such-endpoint"),
        (Method::GET, "/accounts/v1/nothing", StatusCode::NOT_FOUND, "no-such-endpoint"),
        (Method::GET, "/accounts/v1/../v1/me", StatusCode::NOT_FOUND, "no-such-endpoint"),
        (Method::PUT, "/accounts/v1/sessions", StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"),
    ] {
        let (found, refusal) = status_and_refusal(nobody.call(method, path)).await?;
        assert_eq!((found, refusal.code.as_str()), (status, code), "{path}");
        assert!(refusal.help.is_some() && refusal.request_id.starts_with("req_"), "{refusal:?}");
    }
    Ok(())
}

async fn one_slash_more_never_matters(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    for path in [
        "/accounts/v1/me/",
        "/tools/v1/tools/",
        "/tools/v1/tools/?limit=1",
        "/accounts/v1/healthz/",
        "/openapi.json/",
    ] {
        assert_eq!(operator.client.call(Method::GET, path).raw().await?.status(), StatusCode::OK, "{path}");
    }
    let twice = operator.client.call(Method::GET, "/accounts/v1/me//").raw().await?;
    assert_eq!(twice.status(), StatusCode::NOT_FOUND);
    Ok(())
}

async fn a_body_that_is_too_large_is_refused(hearth: Hearth) -> Result<()> {
    let nobody = hearth.nobody()?;
    let large = serde_json::json!({"name": "x".repeat(2 << 20)});
    let call = nobody.call(Method::POST, "/accounts/v1/sessions").json(&large);
    let (status, refusal) = status_and_refusal(call).await?;
    assert_eq!((status, refusal.code.as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large"));
    Ok(())
}

async fn a_path_that_only_looks_like_an_uploads_has_the_usual_limit(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    operator
        .client
        .tools()
        .create(&ToolCreate { name: "hello".parse()?, description: String::new() })
        .await?;
    let send =
        |path: &str| operator.client.call(Method::POST, path).content("application/gzip", vec![0; 2 << 20]);
    for path in
        ["/builds/v1/tool/hello/sources", "/builds/v1/tool/hello/sources/", "/builds/v1/tool/%68ello/sources"]
    {
        let (status, refusal) = status_and_refusal(send(path)).await?;
        assert_eq!((status, refusal.code.as_str()), (StatusCode::CREATED, ""), "{path}");
    }
    for path in [
        "/builds/v1/tool/hello/sources//",
        "/builds/v1/tool/hello//sources",
        "/builds/v1/tool/hello/%73ources",
        "/builds/v1/tool/hello/Sources",
        "/builds/v1/tool/hello/sources/x",
        "/builds/v1/tool/hello/sources%2F",
        "/builds/v1/tool/hello/builds",
        "/builds/v1/tool/a/../hello/sources",
        "/v2/tool-hello//blobs/uploads",
        "/v2/tool-hello/web/blobs/Uploads",
        "/images/v1/tool/hello/images",
    ] {
        let (status, _) = status_and_refusal(send(path)).await?;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
    for path in
        ["//builds/v1/tool/hello/sources", "/%62uilds/v1/tool/hello/sources", "/Builds/v1/tool/hello/sources"]
    {
        let (status, _) = status_and_refusal(send(path)).await?;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_service_that_is_restarted_with_another_limit_has_that_one_at_the_door() -> Result<()> {
    let mut hearth = Hearth::start_with(Shape::SPLIT_ON_FILES, "[builds]\nupload_limit = 2000000\n").await?;
    let operator = hearth.operator().await?;
    operator
        .client
        .tools()
        .create(&ToolCreate { name: "hello".parse()?, description: String::new() })
        .await?;
    let path = "/builds/v1/tool/hello/sources";
    let send =
        |size: usize| operator.client.call(Method::POST, path).content("application/gzip", vec![0; size]);
    // Nothing announces how long it is.
    let send_chunked = |size: usize| {
        let chunks = stream::iter([Ok::<_, Infallible>(Bytes::from(vec![0; size]))]);
        operator.client.call(Method::POST, path).body(body(Body::from_stream(chunks)))
    };
    assert_eq!(send(1_900_000).raw().await?.status(), StatusCode::CREATED);
    assert_eq!(send(2_900_000).raw().await?.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(send_chunked(2_900_000).raw().await?.status(), StatusCode::PAYLOAD_TOO_LARGE);
    for (former, limit, chunked) in [(2_000_000, 3_000_000, false), (3_000_000, 4_000_000, true)] {
        hearth.replace_in_config(&format!("upload_limit = {former}"), &format!("upload_limit = {limit}"))?;
        hearth.kill(Role::Builds).await?;
        hearth.revive(Role::Builds).await?;
        // The first of them may come within the second for which the gateway does not ask again.
        until("the larger folder is taken", async || {
            let size = limit - 100_000;
            let call = if chunked { send_chunked(size) } else { send(size) };
            let status = call.raw().await?.status();
            assert!(
                matches!(
                    status,
                    StatusCode::CREATED | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::SERVICE_UNAVAILABLE
                ),
                "{status}"
            );
            Ok((status == StatusCode::CREATED).then_some(()))
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_part_that_is_away_is_told_from_a_path_that_nobody_answers() -> Result<()> {
    let mut hearth = Hearth::start(Shape::SPLIT_ON_FILES).await?;
    let nobody = hearth.nobody()?;
    hearth.kill(Role::Builds).await?;
    for (path, status) in [
        ("/builds/v1/tool/hello/builds", StatusCode::SERVICE_UNAVAILABLE),
        // It may be a path of what is away.
        ("/nothing/v1/x", StatusCode::SERVICE_UNAVAILABLE),
        ("/tools/v1/tools", StatusCode::UNAUTHORIZED),
    ] {
        let (found, refusal) = status_and_refusal(nobody.call(Method::GET, path)).await?;
        assert_eq!(found, status, "{path}: {refusal:?}");
    }
    hearth.revive(Role::Builds).await?;
    for (path, status) in
        [("/builds/v1/tool/hello/builds", StatusCode::UNAUTHORIZED), ("/nothing/v1/x", StatusCode::NOT_FOUND)]
    {
        until(path, async || {
            let found = nobody.call(Method::GET, path).raw().await?.status();
            Ok((found == status).then_some(()))
        })
        .await?;
    }
    Ok(())
}

async fn an_answer_tells_outsiders_nothing_of_releases(hearth: Hearth) -> Result<()> {
    let nobody = hearth.nobody()?;
    for path in ["/tools/v1/tools", "/accounts/openapi.json", "/openapi.json", "/nothing"] {
        let answer = nobody.call(Method::GET, path).raw().await?;
        assert!(!answer.headers().contains_key(headers::DOCUMENT), "{path}");
    }
    Ok(())
}

async fn every_refused_field_is_named(hearth: Hearth) -> Result<()> {
    let nobody = hearth.nobody()?;
    let body = serde_json::json!({"name": "-x", "password": 1, "colour": "red"});
    let call = nobody.call(Method::POST, "/accounts/v1/sessions").json(&body);
    let (status, refusal) = status_and_refusal(call).await?;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let sentences = refusal.messages.unwrap_or_default().error;
    for field in ["field name:", "field password:", "there is no field colour"] {
        assert!(sentences.iter().any(|sentence| sentence.starts_with(field)), "{sentences:?}");
    }
    Ok(())
}

async fn basic_and_cookie_are_taken_and_other_sites_are_not(hearth: Hearth) -> Result<()> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let operator = hearth.operator().await?;
    let nobody = hearth.nobody()?;
    let basic = format!("Basic {}", STANDARD.encode(format!("anything:{}", operator.session.reveal())));
    let call = nobody.call(Method::GET, "/accounts/v1/me").header(header::AUTHORIZATION, &basic);
    assert_eq!(call.raw().await?.status(), StatusCode::OK);

    let cookie = format!("hearth_session={}", operator.session.reveal());
    let with_cookie = |method| nobody.call(method, "/accounts/v1/me").header(header::COOKIE, &cookie);
    assert_eq!(with_cookie(Method::GET).raw().await?.status(), StatusCode::OK);
    let site = HeaderName::from_static("sec-fetch-site");
    let change = nobody
        .call(Method::POST, "/tools/v1/tools")
        .header(header::COOKIE, &cookie)
        .header(site, "same-site")
        .json(&serde_json::json!({"name": "hello"}));
    let (status, refusal) = status_and_refusal(change).await?;
    assert_eq!((status, refusal.code.as_str()), (StatusCode::FORBIDDEN, "cross-site"));
    Ok(())
}

async fn a_bad_token_does_not_stand_in_the_way_of_signing_in(hearth: Hearth) -> Result<()> {
    let stale = hearth.showing(&hearth_base::Secret::new("hearth_token_stale"))?;
    let body = serde_json::json!({"name": "nobody", "password": "wrong"});
    let (status, refusal) =
        status_and_refusal(stale.call(Method::POST, "/accounts/v1/sessions").json(&body)).await?;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(refusal.code, "wrong-password");
    let (_, refusal) = status_and_refusal(stale.call(Method::GET, "/accounts/v1/me")).await?;
    assert_eq!(refusal.code, "credential-refused");
    Ok(())
}

async fn the_merged_document_is_served_to_anyone(hearth: Hearth) -> Result<()> {
    let document: serde_json::Value = hearth.nobody()?.call(Method::GET, "/openapi.json").answer().await?;
    assert_eq!(document["openapi"], "3.1.0");
    for path in ["/accounts/v1/me", "/tools/v1/tool/{tool}", "/openapi.json", "/tools/v1/healthz"] {
        assert!(document["paths"].get(path).is_some(), "{path}");
    }
    Ok(())
}

in_every_shape!(
    an_identity_from_outside_is_worth_nothing,
    every_answer_has_a_request_id_of_the_doors_own,
    what_is_not_there_is_told_in_words,
    one_slash_more_never_matters,
    a_body_that_is_too_large_is_refused,
    a_path_that_only_looks_like_an_uploads_has_the_usual_limit,
    an_answer_tells_outsiders_nothing_of_releases,
    every_refused_field_is_named,
    basic_and_cookie_are_taken_and_other_sites_are_not,
    a_bad_token_does_not_stand_in_the_way_of_signing_in,
    the_merged_document_is_served_to_anyone,
);
