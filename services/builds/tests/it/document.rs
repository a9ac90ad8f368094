//! Responses have each key of the published API document, even when its value is empty.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use http::Method;
use serde_json::{Value, json};

use crate::fixture::{BuildsFixture, IMAGE_DIGEST, build_success_end, start_fixture};

fn list_keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Keys in the published document of the builds API, version 2.4.0.
const BUILD_KEYS: [&str; 8] = [
    "build_id",
    "start_time",
    "end_time",
    "status",
    "message",
    "parameters",
    "destination_image",
    "resolved_ref",
];
const PARAMETER_KEYS: [&str; 6] =
    ["source_url", "ref", "envvars", "image_name", "use_latest_versions", "use_deprecated_versions"];

async fn every_documented_key_is_present_in_each_response(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let create = json!({"source_url": fixture.git.repository_url("hello")});
    let (status, started) =
        BuildsFixture::send(&fixture.maintainer, Method::POST, "/tool/hello/builds", Some(create)).await;
    assert_eq!(status, 200, "{started}");
    assert_eq!(started["messages"], json!({"info": [], "warning": [], "error": []}));
    let new = &started["new_build"];
    assert_eq!(new["resolved_ref"], json!(fixture.commit));
    PARAMETER_KEYS
        .iter()
        .for_each(|key| assert!(list_keys(&new["parameters"]).contains(key), "{key}: {new}"));

    let id = new["name"].as_str().unwrap().parse()?;
    let waiting = fixture.show_build(id).await;
    BUILD_KEYS.iter().for_each(|key| assert!(list_keys(&waiting).contains(key), "{key}: {waiting}"));
    PARAMETER_KEYS.iter().for_each(|key| assert!(list_keys(&waiting["parameters"]).contains(key), "{key}"));
    for empty in ["start_time", "end_time", "message", "destination_image"] {
        assert_eq!(waiting[empty], "", "{empty}");
    }
    assert_eq!((&waiting["parameters"]["ref"], &waiting["status"]), (&json!(""), &json!("BUILD_PENDING")));
    assert_eq!(waiting["parameters"]["image_name"], "tool-hello");

    let lease = fixture.claim_lease().await?.unwrap();
    let running = fixture.show_build(id).await;
    assert_eq!(
        (&running["status"], &running["start_time"]),
        (&json!("BUILD_RUNNING"), &json!("2026-05-04T12:00:00Z"))
    );
    fixture.finish_lease(&lease, build_success_end()).await?;
    let (_, latest) =
        BuildsFixture::send(&fixture.viewer, Method::GET, "/tool/hello/builds/latest", None).await;
    let done = &latest["build"];
    assert_eq!(
        (&done["status"], &done["end_time"]),
        (&json!("BUILD_SUCCESS"), &json!("2026-05-04T12:00:00Z"))
    );
    assert!(done["destination_image"].as_str().unwrap().ends_with(&format!("@{IMAGE_DIGEST}")), "{done}");
    assert_eq!(done["processes"], json!({"web": "./serve"}));
    let (_, listed) = BuildsFixture::send(&fixture.viewer, Method::GET, "/tool/hello/builds", None).await;
    assert_eq!(listed["builds"], json!([done]));
    Ok(())
}

async fn quota_is_a_table_of_texts(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    fixture.start_build().await?;
    let (status, answer) =
        BuildsFixture::send(&fixture.viewer, Method::GET, "/tool/hello/quotas", None).await;
    let item =
        json!({"name": "Running builds", "limit": "2", "used": "1", "available": "1", "capacity": "50%"});
    assert_eq!((status, &answer["quota"]["categories"][0]["items"]), (200, &json!([item])));
    Ok(())
}

async fn refusals_are_in_the_dialect_of_named_keys(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let (status, missing) =
        BuildsFixture::send(&fixture.viewer, Method::GET, "/tool/hello/builds/latest", None).await;
    assert_eq!((status, &missing["error"]), (404, &json!(["there is no build latest"])));
    assert!(missing["help"].is_string() && missing["code"].is_string(), "{missing}");
    let unknown = json!({"source_url": "https://git.example/x", "colour": 1});
    let (status, refused) =
        BuildsFixture::send(&fixture.maintainer, Method::POST, "/tool/hello/builds", Some(unknown)).await;
    assert_eq!((status, &refused["error"]), (400, &json!(["there is no field colour"])));
    Ok(())
}

async fn rights_are_checked_before_the_body(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let create = Some(json!({"source_url": 7}));
    let post = |client, create| BuildsFixture::send(client, Method::POST, "/tool/hello/builds", create);
    assert_eq!(post(&fixture.viewer, create.clone()).await.0, 403);
    assert_eq!(post(&fixture.maintainer, create).await.0, 400);
    for (client, status) in [(&fixture.maintainer, 403), (&fixture.jobs, 403), (&fixture.builder, 200)] {
        assert_eq!(
            BuildsFixture::send(client, Method::POST, "/internal/claims", Some(json!({}))).await.0,
            status
        );
    }
    Ok(())
}

on_every_store!(
    every_documented_key_is_present_in_each_response,
    quota_is_a_table_of_texts,
    refusals_are_in_the_dialect_of_named_keys,
    rights_are_checked_before_the_body,
);
