//! Who may do what.

use axum::http::Method;
use hearth_base::{Kind, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use serde_json::json;

use crate::{
    neighbours::Pace,
    stage::{Stage, git, stage},
};

async fn a_viewer_looks_and_changes_nothing(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let id = stage.deployed(&git()).await?.deploy_id;
    let (calls, tool) = (stage.viewer.components(), &stage.tool);
    assert_eq!(calls.list(tool, &Default::default()).await?.deployments.len(), 1);
    assert_eq!(calls.latest(tool).await?.deploy_id, id);
    assert_eq!(calls.revisions(tool, &Default::default()).await?.revisions.len(), 1);
    for refused in [
        calls.deploy(tool, &git(), &Default::default()).await.err(),
        calls.cancel(tool, id).await.err(),
        calls.delete(tool, id).await.err(),
    ] {
        let refused = refused.unwrap();
        assert_eq!((refused.kind(), refused.code()), (Kind::Forbidden, "forbidden"));
        assert!(refused.public().contains("components:write"), "{}", refused.public());
    }
    let cancel = "hello/deployment/latest/cancel";
    assert_eq!(Stage::send(&stage.viewer, Method::PUT, cancel, None).await.0, 403);
    assert_eq!(stage.shown(id).await?.deploy_id, id);
    Ok(())
}

async fn a_stranger_sees_nothing(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let id = stage.deployed(&git()).await?.deploy_id;
    for (method, path) in [
        (Method::GET, "hello/deployment".to_owned()),
        (Method::POST, "hello/deployment".to_owned()),
        (Method::GET, "hello/deployment/latest".to_owned()),
        (Method::PUT, "hello/deployment/latest/cancel".to_owned()),
        (Method::GET, format!("hello/deployment/{id}")),
        (Method::PUT, format!("hello/deployment/{id}/cancel")),
        (Method::DELETE, format!("hello/deployment/{id}")),
        (Method::GET, "hello/revisions".to_owned()),
        (Method::GET, "hello/revisions/1".to_owned()),
    ] {
        let (status, refused) = Stage::send(&stage.stranger, method, &path, None).await;
        assert_eq!((status, &refused["code"]), (403, &json!("forbidden")), "{path}");
    }
    Ok(())
}

async fn another_tool_has_its_own(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.deployed(&git()).await?;
    stage.neighbours.change(|known| known.builds.pace = Pace::Slow);
    let id = stage.deploy(&git()).await?.deploy_id;
    for (method, path) in [
        (Method::GET, format!("other/deployment/{id}")),
        (Method::PUT, format!("other/deployment/{id}/cancel")),
        (Method::DELETE, format!("other/deployment/{id}")),
        (Method::GET, "other/deployment/latest".to_owned()),
        (Method::GET, "other/revisions/1".to_owned()),
    ] {
        assert_eq!(Stage::send(&stage.other, method, &path, None).await.0, 404, "{path}");
    }
    let (_, listed) = Stage::send(&stage.other, Method::GET, "other/deployment", None).await;
    assert_eq!(listed["data"]["deployments"], json!([]));
    let (_, listed) = Stage::send(&stage.other, Method::GET, "other/revisions", None).await;
    assert_eq!(listed["data"]["revisions"], json!([]));
    stage.others_deploy().await?;
    let revision = stage.other.components().revision(&"other".parse()?, 1).await?;
    assert_eq!((revision.number, stage.revisions().await?.len()), (1, 1));
    assert!(!stage.shown(id).await?.status.is_over());
    Ok(())
}

on_every_store!(a_viewer_looks_and_changes_nothing, a_stranger_sees_nothing, another_tool_has_its_own);
