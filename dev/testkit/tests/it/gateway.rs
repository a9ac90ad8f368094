//! Requests at the gateway: authentication, limits and refusals.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use hearth_base::{Clock, Identity, Result, Role, RoleKey, SystemClock};
use hearth_client::{box_body, headers};
use hearth_testkit::{Hearth, HearthShape, in_every_shape, wait_until};
use hearth_wire::reply::Refusal;
use http::{HeaderName, Method, StatusCode, header};
use http_body_util::BodyExt;

async fn status_and_refusal(call: hearth_client::Call<'_>) -> Result<(StatusCode, Refusal)> {
    let (head, body) = call.send_raw().await?.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Ok((head.status, serde_json::from_slice(&body).unwrap_or_default()))
}

async fn forged_identity_from_outside_is_ignored(hearth: Hearth) -> Result<()> {
    let forged = RoleKey::generate_for_role(Role::Gateway)?;
    let identity = Identity::for_service(Role::Gateway, Role::Accounts, SystemClock.now()).sign(&forged)?;
    let anonymous = hearth.anonymous()?;
    for path in ["/accounts/v1/me", "/accounts/v1/internal/events/access", "/accounts/v1/users"] {
        let call = anonymous.build_call(Method::GET, path).header(headers::IDENTITY_HEADER, &identity);
        let (status, refusal) = status_and_refusal(call).await?;
        assert_eq!((status, refusal.code.as_str()), (StatusCode::UNAUTHORIZED, "not-signed-in"), "{path}");
    }
    Ok(())
}

async fn every_reply_has_a_request_id_from_the_gateway(hearth: Hearth) -> Result<()> {
    let call = hearth.anonymous()?;
    let chosen = "req_01jd0w5e3mqk8v7h4c2x9s6tbn";
    let call =
        call.build_call(Method::GET, "/accounts/v1/healthz").header(headers::REQUEST_ID_HEADER, chosen);
    let answer = call.send_raw().await?;
    let id = answer.headers()[headers::REQUEST_ID_HEADER].to_str().unwrap();
    assert!(id.starts_with("req_") && id != chosen, "{id}");
    Ok(())
}

async fn unknown_paths_have_an_error_code_and_help(hearth: Hearth) -> Result<()> {
    let anonymous = hearth.anonymous()?;
    for (method, path, status, code) in [
        (Method::GET, "/", StatusCode::NOT_FOUND, "no-such-endpoint"),
        (Method::GET, "/nothing/v1/x", StatusCode::NOT_FOUND, "no-such-endpoint"),
        (Method::GET, "/accounts/v1/nothing", StatusCode::NOT_FOUND, "no-such-endpoint"),
        (Method::GET, "/accounts/v1/../v1/me", StatusCode::NOT_FOUND, "no-such-endpoint"),
        (Method::PUT, "/accounts/v1/sessions", StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"),
    ] {
        let (actual, refusal) = status_and_refusal(anonymous.build_call(method, path)).await?;
        assert_eq!((actual, refusal.code.as_str()), (status, code), "{path}");
        assert!(refusal.help.is_some() && refusal.request_id.starts_with("req_"), "{refusal:?}");
    }
    Ok(())
}

async fn browser_at_the_root_gets_a_page_and_programs_get_an_error(hearth: Hearth) -> Result<()> {
    let anonymous = hearth.anonymous()?;
    let visit = |accept: &str| anonymous.build_call(Method::GET, "/").header(header::ACCEPT, accept);
    let reply = visit("text/html,application/xhtml+xml,*/*;q=0.8").send_raw().await?;
    assert_eq!(reply.status(), StatusCode::OK);
    assert!(reply.headers().contains_key(header::CONTENT_SECURITY_POLICY));
    let page = reply.into_body().collect().await.unwrap().to_bytes();
    let page = String::from_utf8_lossy(&page);
    assert!(page.contains(&format!("<pre>hearth login {}</pre>", hearth.url())), "{page}");
    assert_eq!(visit("*/*").send_raw().await?.status(), StatusCode::NOT_FOUND);
    Ok(())
}

/// Each operation whose document requires a body or limits a query parameter refuses what the document excludes.
async fn inputs_outside_of_the_document_are_refused(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    operator.create_tool("hello").await?;
    let document: serde_json::Value =
        hearth.anonymous()?.build_call(Method::GET, "/openapi.json").fetch_json().await?;
    let (mut bodies, mut ranges) = (0, 0);
    for (path, item) in document["paths"].as_object().unwrap() {
        let target = path.replace("{tool}", "hello").replace(['{', '}'], "x");
        if path.contains("/internal/") || target.contains("x") && path.replace("{tool}", "").contains('{') {
            continue;
        }
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_ascii_uppercase().parse::<Method>() else { continue };
            let is_json = !operation["requestBody"]["content"]["application/json"].is_null();
            if operation["requestBody"]["required"] == true && is_json {
                let status = operator.client.build_call(method.clone(), &target).send_raw().await?.status();
                assert!(matches!(status.as_u16(), 400 | 422), "{method} {path} without a body: {status}");
                bodies += 1;
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let Some(maximum) = parameter["schema"]["maximum"].as_u64() else { continue };
                let name = parameter["name"].as_str().unwrap();
                let query = format!("{target}?{name}={}", maximum + 1);
                let status = operator.client.build_call(method.clone(), &query).send_raw().await?.status();
                assert!(matches!(status.as_u16(), 400 | 422), "{method} {query}: {status}");
                ranges += 1;
            }
        }
    }
    assert!(bodies > 5 && ranges > 5, "{bodies} bodies, {ranges} ranges");
    Ok(())
}

/// Each path parameter declares its syntax, and each operation refuses what the syntax excludes.
async fn path_parameters_outside_of_the_document_are_refused(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    operator.create_tool("hello").await?;
    let document: serde_json::Value =
        hearth.anonymous()?.build_call(Method::GET, "/openapi.json").fetch_json().await?;
    let mut parameters = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_ascii_uppercase().parse::<Method>() else { continue };
            let declared = operation["parameters"].as_array().into_iter().flatten();
            for parameter in declared.filter(|parameter| parameter["in"] == "path") {
                let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
                let has_syntax = schema["pattern"].is_string() || schema["type"] == "integer";
                assert!(has_syntax, "{method} {path}: the parameter {name} has no pattern");
                if path.contains("/internal/") {
                    continue;
                }
                // No syntax allows a control character.
                let target = path.replace(&format!("{{{name}}}"), "%01").replace("{tool}", "hello");
                let target = target.replace("{space}", "tool-hello").replace(['{', '}'], "");
                let status = operator.client.build_call(method.clone(), &target).send_raw().await?.status();
                // A tool that the caller may not see is refused before its name is parsed.
                assert!(matches!(status.as_u16(), 400 | 403 | 404 | 422), "{method} {target}: {status}");
                parameters += 1;
            }
        }
    }
    assert!(parameters > 50, "{parameters} parameters");
    Ok(())
}

async fn one_trailing_slash_is_ignored(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    for path in [
        "/accounts/v1/me/",
        "/tools/v1/tools/",
        "/tools/v1/tools/?limit=1",
        "/accounts/v1/healthz/",
        "/openapi.json/",
    ] {
        assert_eq!(
            operator.client.build_call(Method::GET, path).send_raw().await?.status(),
            StatusCode::OK,
            "{path}"
        );
    }
    let twice = operator.client.build_call(Method::GET, "/accounts/v1/me//").send_raw().await?;
    assert_eq!(twice.status(), StatusCode::NOT_FOUND);
    Ok(())
}

async fn oversized_body_is_refused(hearth: Hearth) -> Result<()> {
    let anonymous = hearth.anonymous()?;
    let large = serde_json::json!({"name": "x".repeat(2 << 20)});
    let call = anonymous.build_call(Method::POST, "/accounts/v1/sessions").json(&large);
    let (status, refusal) = status_and_refusal(call).await?;
    assert_eq!((status, refusal.code.as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large"));
    Ok(())
}

async fn paths_similar_to_upload_paths_have_the_default_limit(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    operator.create_tool("hello").await?;
    let send = |path: &str| {
        operator.client.build_call(Method::POST, path).content_bytes("application/gzip", vec![0; 2 << 20])
    };
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
async fn gateway_applies_the_changed_limit_of_a_restarted_service() -> Result<()> {
    let mut hearth =
        Hearth::start_with(HearthShape::SPLIT_ON_FILES, "[builds]\nupload_limit = 2000000\n").await?;
    let operator = hearth.operator().await?;
    operator.create_tool("hello").await?;
    let path = "/builds/v1/tool/hello/sources";
    let send = |size: usize| {
        operator.client.build_call(Method::POST, path).content_bytes("application/gzip", vec![0; size])
    };
    // A chunked body does not announce its length.
    let send_chunked = |size: usize| {
        let chunks = stream::iter([Ok::<_, Infallible>(Bytes::from(vec![0; size]))]);
        operator.client.build_call(Method::POST, path).body(box_body(Body::from_stream(chunks)))
    };
    assert_eq!(send(1_900_000).send_raw().await?.status(), StatusCode::CREATED);
    assert_eq!(send(2_900_000).send_raw().await?.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(send_chunked(2_900_000).send_raw().await?.status(), StatusCode::PAYLOAD_TOO_LARGE);
    for (former, limit, chunked) in [(2_000_000, 3_000_000, false), (3_000_000, 4_000_000, true)] {
        hearth.replace_in_config(&format!("upload_limit = {former}"), &format!("upload_limit = {limit}"))?;
        hearth.kill(Role::Builds).await?;
        hearth.restart_role(Role::Builds).await?;
        // The gateway reads the document at most once a second: the first request may still get the former
        // limit.
        wait_until("the larger folder is accepted", async || {
            let size = limit - 100_000;
            let call = if chunked { send_chunked(size) } else { send(size) };
            let status = call.send_raw().await?.status();
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
async fn unavailable_service_is_distinguished_from_an_unknown_path() -> Result<()> {
    let mut hearth = Hearth::start(HearthShape::SPLIT_ON_FILES).await?;
    let anonymous = hearth.anonymous()?;
    hearth.kill(Role::Builds).await?;
    for (path, status) in [
        ("/builds/v1/tool/hello/builds", StatusCode::SERVICE_UNAVAILABLE),
        // It may be a path of the unavailable service.
        ("/nothing/v1/x", StatusCode::SERVICE_UNAVAILABLE),
        ("/tools/v1/tools", StatusCode::UNAUTHORIZED),
    ] {
        let (actual, refusal) = status_and_refusal(anonymous.build_call(Method::GET, path)).await?;
        assert_eq!(actual, status, "{path}: {refusal:?}");
    }
    hearth.restart_role(Role::Builds).await?;
    for (path, status) in
        [("/builds/v1/tool/hello/builds", StatusCode::UNAUTHORIZED), ("/nothing/v1/x", StatusCode::NOT_FOUND)]
    {
        wait_until(path, async || {
            let actual = anonymous.build_call(Method::GET, path).send_raw().await?.status();
            Ok((actual == status).then_some(()))
        })
        .await?;
    }
    Ok(())
}

async fn replies_do_not_reveal_releases(hearth: Hearth) -> Result<()> {
    let anonymous = hearth.anonymous()?;
    for path in ["/tools/v1/tools", "/accounts/openapi.json", "/openapi.json", "/nothing"] {
        let answer = anonymous.build_call(Method::GET, path).send_raw().await?;
        assert!(!answer.headers().contains_key(headers::DOCUMENT_RELEASE_HEADER), "{path}");
    }
    Ok(())
}

async fn every_refused_field_is_named(hearth: Hearth) -> Result<()> {
    let anonymous = hearth.anonymous()?;
    let body = serde_json::json!({"name": "-x", "password": 1, "colour": "red"});
    let call = anonymous.build_call(Method::POST, "/accounts/v1/sessions").json(&body);
    let (status, refusal) = status_and_refusal(call).await?;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let sentences = refusal.messages.unwrap_or_default().error;
    for field in ["field name:", "field password:", "there is no field colour"] {
        assert!(sentences.iter().any(|sentence| sentence.starts_with(field)), "{sentences:?}");
    }
    Ok(())
}

async fn basic_and_cookie_credentials_are_accepted_and_cross_site_changes_are_refused(
    hearth: Hearth,
) -> Result<()> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let operator = hearth.operator().await?;
    let anonymous = hearth.anonymous()?;
    let basic =
        format!("Basic {}", STANDARD.encode(format!("anything:{}", operator.session.expose_secret())));
    let call = anonymous.build_call(Method::GET, "/accounts/v1/me").header(header::AUTHORIZATION, &basic);
    assert_eq!(call.send_raw().await?.status(), StatusCode::OK);

    let cookie = format!("hearth_session={}", operator.session.expose_secret());
    let with_cookie =
        |method| anonymous.build_call(method, "/accounts/v1/me").header(header::COOKIE, &cookie);
    assert_eq!(with_cookie(Method::GET).send_raw().await?.status(), StatusCode::OK);
    let site = HeaderName::from_static("sec-fetch-site");
    let change = anonymous
        .build_call(Method::POST, "/tools/v1/tools")
        .header(header::COOKIE, &cookie)
        .header(site, "same-site")
        .json(&serde_json::json!({"name": "hello"}));
    let (status, refusal) = status_and_refusal(change).await?;
    assert_eq!((status, refusal.code.as_str()), (StatusCode::FORBIDDEN, "cross-site"));
    Ok(())
}

async fn invalid_token_does_not_prevent_sign_in(hearth: Hearth) -> Result<()> {
    let stale = hearth.client_with_token(&hearth_base::Secret::new("hearth_token_stale"))?;
    let body = serde_json::json!({"name": "nobody", "password": "wrong"});
    let (status, refusal) =
        status_and_refusal(stale.build_call(Method::POST, "/accounts/v1/sessions").json(&body)).await?;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(refusal.code, "wrong-password");
    let (_, refusal) = status_and_refusal(stale.build_call(Method::GET, "/accounts/v1/me")).await?;
    assert_eq!(refusal.code, "credential-refused");
    Ok(())
}

async fn merged_document_is_public(hearth: Hearth) -> Result<()> {
    let document: serde_json::Value =
        hearth.anonymous()?.build_call(Method::GET, "/openapi.json").fetch_json().await?;
    assert_eq!(document["openapi"], "3.1.0");
    for path in ["/accounts/v1/me", "/tools/v1/tool/{tool}", "/openapi.json", "/tools/v1/healthz"] {
        assert!(document["paths"].get(path).is_some(), "{path}");
    }
    Ok(())
}

in_every_shape!(
    forged_identity_from_outside_is_ignored,
    every_reply_has_a_request_id_from_the_gateway,
    unknown_paths_have_an_error_code_and_help,
    browser_at_the_root_gets_a_page_and_programs_get_an_error,
    inputs_outside_of_the_document_are_refused,
    path_parameters_outside_of_the_document_are_refused,
    one_trailing_slash_is_ignored,
    oversized_body_is_refused,
    paths_similar_to_upload_paths_have_the_default_limit,
    replies_do_not_reveal_releases,
    every_refused_field_is_named,
    basic_and_cookie_credentials_are_accepted_and_cross_site_changes_are_refused,
    invalid_token_does_not_prevent_sign_in,
    merged_document_is_public,
);
