//! Required rights of each endpoint.

use axum::http::Method;
use hearth_base::{ErrorKind, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use serde_json::json;

use crate::{
    fake_services::BuildMode,
    fixture::{ComponentsFixture, build_git_deployment, start_components},
};

async fn viewer_reads_and_changes_nothing(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let id = fixture.deploy_to_end(&build_git_deployment()).await?.deploy_id;
    let (calls, tool) = (fixture.viewer.components(), &fixture.tool);
    assert_eq!(calls.list(tool, &Default::default()).await?.deployments.len(), 1);
    assert_eq!(calls.show_latest(tool).await?.deploy_id, id);
    assert_eq!(calls.list_revisions(tool, &Default::default()).await?.revisions.len(), 1);
    for (right, refused) in [
        (
            "components:deploy",
            calls.create_deployment(tool, &build_git_deployment(), &Default::default()).await.err(),
        ),
        ("components:write", calls.cancel(tool, id).await.err()),
        ("components:write", calls.delete(tool, id).await.err()),
    ] {
        let refused = refused.unwrap();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "forbidden"));
        assert!(refused.public_message().contains(right), "{}", refused.public_message());
    }
    let cancel = "hello/deployment/latest/cancel";
    assert_eq!(ComponentsFixture::send(&fixture.viewer, Method::PUT, cancel, None).await.0, 403);
    assert_eq!(fixture.show_deployment(id).await?.deploy_id, id);
    Ok(())
}

async fn stranger_reads_nothing(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let id = fixture.deploy_to_end(&build_git_deployment()).await?.deploy_id;
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
        let (status, refused) = ComponentsFixture::send(&fixture.stranger, method, &path, None).await;
        assert_eq!((status, &refused["code"]), (403, &json!("forbidden")), "{path}");
    }
    Ok(())
}

async fn deployments_of_another_tool_are_not_found(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.deploy_to_end(&build_git_deployment()).await?;
    fixture.services.change_state(|state| state.builds.mode = BuildMode::Manual);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    for (method, path) in [
        (Method::GET, format!("other/deployment/{id}")),
        (Method::PUT, format!("other/deployment/{id}/cancel")),
        (Method::DELETE, format!("other/deployment/{id}")),
        (Method::GET, "other/deployment/latest".to_owned()),
        (Method::GET, "other/revisions/1".to_owned()),
    ] {
        assert_eq!(ComponentsFixture::send(&fixture.other, method, &path, None).await.0, 404, "{path}");
    }
    let (_, listed) = ComponentsFixture::send(&fixture.other, Method::GET, "other/deployment", None).await;
    assert_eq!(listed["data"]["deployments"], json!([]));
    let (_, listed) = ComponentsFixture::send(&fixture.other, Method::GET, "other/revisions", None).await;
    assert_eq!(listed["data"]["revisions"], json!([]));
    fixture.deploy_other_tool().await?;
    let revision = fixture.other.components().show_revision(&"other".parse()?, 1).await?;
    assert_eq!((revision.number, fixture.list_revisions().await?.len()), (1, 1));
    assert!(!fixture.show_deployment(id).await?.status.has_ended());
    Ok(())
}

on_every_store!(
    viewer_reads_and_changes_nothing,
    stranger_reads_nothing,
    deployments_of_another_tool_are_not_found
);
