//! Invalid requests are refused before a deployment is stored.

use axum::http::Method;
use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use serde_json::{Value, json};

use crate::fixture::{ComponentsFixture, start_components};

async fn send_invalid(fixture: &ComponentsFixture, path: &str, document: Value) -> (u16, String, String) {
    let (status, refusal) =
        ComponentsFixture::send(&fixture.maintainer, Method::POST, path, Some(document.clone())).await;
    let code = refusal["code"].as_str().unwrap_or_default().to_owned();
    (status, code, refusal["messages"]["error"].to_string())
}

async fn error_names_the_invalid_field(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let image = json!({"image": "web-only"});
    let long = "x".repeat(501);
    for (document, status, code, named) in [
        (json!({"source": image, "colour": "red"}), 422, "invalid-fields", "there is no field colour"),
        (json!({"source": image, "component": "A_b"}), 422, "invalid-fields", "field component:"),
        (json!({"source": image, "component": ""}), 422, "invalid-fields", "field component:"),
        (json!({"source": image, "port": 70000}), 422, "invalid-fields", "field port:"),
        (json!({"source": image, "port": "80"}), 422, "invalid-fields", "field port:"),
        (json!({"source": image, "port": 0}), 400, "port", "invalid port 0: expected 1 to 65535"),
        (json!({"source": image, "publish": "yes"}), 422, "invalid-fields", "field publish:"),
        (json!({"source": image, "description": long}), 400, "text-length", "the description"),
        (json!({"source": image, "description": "\u{1b}[31m"}), 400, "text-control", "the description"),
        (json!({"source": image, "command": " "}), 400, "text-length", "the command"),
        (json!({}), 422, "no-source", "names no source"),
        (json!({"source": null}), 422, "no-source", "names no source"),
        (json!({"source": {}}), 422, "invalid-fields", "field source"),
        (json!({"source": "web-only"}), 422, "invalid-fields", "field source"),
        (
            json!({"source": {"image": "web-only", "git": {"url": "https://code.example/a"}}}),
            422,
            "invalid-fields",
            "field source",
        ),
        (json!({"source": {"folder": "."}}), 422, "invalid-fields", "field source"),
        (json!({"source": {"upload": "nothing"}}), 422, "invalid-fields", "field source.upload"),
        (json!({"source": {"image": ""}}), 400, "text-length", "the image"),
        (json!({"source": {"image": long}}), 400, "text-length", "the image"),
        (json!({"source": {"git": {}}}), 422, "invalid-fields", "field source.git"),
        (json!({"source": {"git": {"url": ""}}}), 400, "text-length", "the address of the repository"),
        (
            json!({"source": {"git": {"url": "https://code.example/a", "branch": "main"}}}),
            422,
            "invalid-fields",
            "there is no field source.branch",
        ),
        (
            json!({"source": {"git": {"url": "https://code.example/a", "ref": "x".repeat(251)}}}),
            400,
            "text-length",
            "the ref",
        ),
        (json!("web-only"), 422, "invalid-fields", "invalid type"),
    ] {
        let (found, found_code, message) = send_invalid(&fixture, "hello/deployment", document.clone()).await;
        assert_eq!((found, &*found_code), (status, code), "{document} {message}");
        assert!(message.contains(named), "{document} {message}");
    }
    let (status, _, message) =
        send_invalid(&fixture, "hello/deployment?quick=1", json!({"source": image})).await;
    assert!(status == 422 && message.contains("there is no query parameter quick"), "{message}");
    // No deployment was started.
    assert_eq!(fixture.services.count_calls("POST accounts mandates"), 0);
    assert_eq!(
        fixture.maintainer.components().show_latest(&fixture.tool).await.unwrap_err().code(),
        "no-such-deployment"
    );
    Ok(())
}

async fn invalid_query_is_refused(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    for (path, named) in [
        ("hello/deployment?limit=0", "query parameter limit:"),
        ("hello/deployment?limit=1001", "query parameter limit:"),
        ("hello/deployment?cursor=nothing", "the cursor belongs to another list"),
        ("hello/revisions?cursor=nothing", "the cursor belongs to another list"),
        ("hello/deployment?colour=red", "there is no query parameter colour"),
        ("hello/deployment/one", "is not the id of a deployment"),
        ("hello/deployment/deployment_00000000000000000000000007?wait=soon", "query parameter wait:"),
        ("hello/revisions/first", "invalid revision"),
    ] {
        let (status, refusal) = ComponentsFixture::send(&fixture.viewer, Method::GET, path, None).await;
        let message = refusal["messages"]["error"].to_string();
        let expected = if named.contains("query parameter") { 422 } else { 400 };
        assert!(status == expected && message.contains(named), "{path} {status} {message}");
    }
    Ok(())
}

on_every_store!(error_names_the_invalid_field, invalid_query_is_refused);
