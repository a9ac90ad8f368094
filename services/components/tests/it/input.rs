//! What cannot be deployed is refused by name, before anything begins.

use axum::http::Method;
use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use serde_json::{Value, json};

use crate::stage::{Stage, stage};

async fn refused(stage: &Stage, path: &str, document: Value) -> (u16, String, String) {
    let (status, refused) = Stage::send(&stage.maintainer, Method::POST, path, Some(document.clone())).await;
    let code = refused["code"].as_str().unwrap_or_default().to_owned();
    (status, code, refused["messages"]["error"].to_string())
}

async fn what_breaks_a_rule_is_named(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let image = json!({"image": "web-only"});
    let long = "x".repeat(501);
    for (document, status, code, named) in [
        (json!({"source": image, "colour": "red"}), 422, "invalid-fields", "there is no field colour"),
        (json!({"source": image, "component": "A_b"}), 422, "invalid-fields", "field component:"),
        (json!({"source": image, "component": ""}), 422, "invalid-fields", "field component:"),
        (json!({"source": image, "port": 70000}), 422, "invalid-fields", "field port:"),
        (json!({"source": image, "port": "80"}), 422, "invalid-fields", "field port:"),
        (json!({"source": image, "port": 0}), 400, "port", "a port is a number from 1 to 65535"),
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
        let (found, word, said) = refused(&stage, "hello/deployment", document.clone()).await;
        assert_eq!((found, &*word), (status, code), "{document} {said}");
        assert!(said.contains(named), "{document} {said}");
    }
    let (status, _, said) = refused(&stage, "hello/deployment?quick=1", json!({"source": image})).await;
    assert!(status == 422 && said.contains("there is no query parameter quick"), "{said}");
    // Nothing was begun.
    assert_eq!(stage.neighbours.times("POST accounts mandates"), 0);
    assert_eq!(
        stage.maintainer.components().latest(&stage.tool).await.unwrap_err().code(),
        "no-such-deployment"
    );
    Ok(())
}

async fn what_cannot_be_looked_for_is_refused(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    for (path, named) in [
        ("hello/deployment?limit=0", "query parameter limit:"),
        ("hello/deployment?limit=1001", "query parameter limit:"),
        ("hello/deployment?cursor=nothing", "this cursor is not one of this list"),
        ("hello/revisions?cursor=nothing", "this cursor is not one of this list"),
        ("hello/deployment?colour=red", "there is no query parameter colour"),
        ("hello/deployment/one", "is not the id of a deployment"),
        ("hello/deployment/deployment_00000000000000000000000007?wait=soon", "query parameter wait:"),
        ("hello/revisions/first", "is not the number of a revision"),
    ] {
        let (status, refused) = Stage::send(&stage.viewer, Method::GET, path, None).await;
        let said = refused["messages"]["error"].to_string();
        let expected = if named.contains("query parameter") { 422 } else { 400 };
        assert!(status == expected && said.contains(named), "{path} {status} {said}");
    }
    Ok(())
}

on_every_store!(what_breaks_a_rule_is_named, what_cannot_be_looked_for_is_refused);
