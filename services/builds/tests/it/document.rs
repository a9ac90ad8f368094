//! Every key of the published document is there, even when there is nothing to say.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use http::Method;
use serde_json::{Value, json};

use crate::stage::{DIGEST, Stage, made, stage};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// As in the published document of the builds API, version 2.4.0.
const BUILD: [&str; 8] = [
    "build_id",
    "start_time",
    "end_time",
    "status",
    "message",
    "parameters",
    "destination_image",
    "resolved_ref",
];
const PARAMETERS: [&str; 6] =
    ["source_url", "ref", "envvars", "image_name", "use_latest_versions", "use_deprecated_versions"];

async fn every_documented_key_is_there_from_the_first_answer_to_the_last(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let create = json!({"source_url": stage.git.url("hello")});
    let (status, started) =
        Stage::send(&stage.maintainer, Method::POST, "/tool/hello/builds", Some(create)).await;
    assert_eq!(status, 200, "{started}");
    assert_eq!(started["messages"], json!({"info": [], "warning": [], "error": []}));
    let new = &started["new_build"];
    assert_eq!(new["resolved_ref"], json!(stage.commit));
    PARAMETERS.iter().for_each(|key| assert!(keys(&new["parameters"]).contains(key), "{key}: {new}"));

    let id = new["name"].as_str().unwrap().parse()?;
    let waiting = stage.shown(id).await;
    BUILD.iter().for_each(|key| assert!(keys(&waiting).contains(key), "{key}: {waiting}"));
    PARAMETERS.iter().for_each(|key| assert!(keys(&waiting["parameters"]).contains(key), "{key}"));
    for empty in ["start_time", "end_time", "message", "destination_image"] {
        assert_eq!(waiting[empty], "", "{empty}");
    }
    assert_eq!((&waiting["parameters"]["ref"], &waiting["status"]), (&json!(""), &json!("BUILD_PENDING")));
    assert_eq!(waiting["parameters"]["image_name"], "tool-hello");

    let lease = stage.claim().await?.unwrap();
    let running = stage.shown(id).await;
    assert_eq!(
        (&running["status"], &running["start_time"]),
        (&json!("BUILD_RUNNING"), &json!("2026-05-04T12:00:00Z"))
    );
    stage.finish(&lease, made()).await?;
    let (_, latest) = Stage::send(&stage.viewer, Method::GET, "/tool/hello/builds/latest", None).await;
    let done = &latest["build"];
    assert_eq!(
        (&done["status"], &done["end_time"]),
        (&json!("BUILD_SUCCESS"), &json!("2026-05-04T12:00:00Z"))
    );
    assert!(done["destination_image"].as_str().unwrap().ends_with(&format!("@{DIGEST}")), "{done}");
    assert_eq!(done["processes"], json!({"web": "./serve"}));
    let (_, listed) = Stage::send(&stage.viewer, Method::GET, "/tool/hello/builds", None).await;
    assert_eq!(listed["builds"], json!([done]));
    Ok(())
}

async fn the_quota_is_a_table_of_texts(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.start().await?;
    let (status, answer) = Stage::send(&stage.viewer, Method::GET, "/tool/hello/quotas", None).await;
    let item =
        json!({"name": "Running builds", "limit": "2", "used": "1", "available": "1", "capacity": "50%"});
    assert_eq!((status, &answer["quota"]["categories"][0]["items"]), (200, &json!([item])));
    Ok(())
}

async fn refusals_are_in_the_dialect_of_named_keys(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let (status, missing) = Stage::send(&stage.viewer, Method::GET, "/tool/hello/builds/latest", None).await;
    assert_eq!((status, &missing["error"]), (404, &json!(["there is no build latest"])));
    assert!(missing["help"].is_string() && missing["code"].is_string(), "{missing}");
    let unknown = json!({"source_url": "https://git.example/x", "colour": 1});
    let (status, refused) =
        Stage::send(&stage.maintainer, Method::POST, "/tool/hello/builds", Some(unknown)).await;
    assert_eq!((status, &refused["error"]), (400, &json!(["there is no field colour"])));
    Ok(())
}

async fn rights_are_looked_at_first(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let create = Some(json!({"source_url": 7}));
    let post = |client, create| Stage::send(client, Method::POST, "/tool/hello/builds", create);
    assert_eq!(post(&stage.viewer, create.clone()).await.0, 403);
    assert_eq!(post(&stage.maintainer, create).await.0, 400);
    for (client, status) in [(&stage.maintainer, 403), (&stage.jobs, 403), (&stage.builder, 200)] {
        assert_eq!(Stage::send(client, Method::POST, "/internal/claims", Some(json!({}))).await.0, status);
    }
    Ok(())
}

on_every_store!(
    every_documented_key_is_there_from_the_first_answer_to_the_last,
    the_quota_is_a_table_of_texts,
    refusals_are_in_the_dialect_of_named_keys,
    rights_are_looked_at_first,
);
