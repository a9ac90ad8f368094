//! The document of deployments.

use hearth_base::Result;
use hearth_testkit::{Hearth, HearthShape, Person, TestImage, wait_until};
use http::{HeaderName, Method};
use serde_json::{Value, json};

use super::{DocumentChecker, SCHEMATHESIS_CONFIGURATION};

/// Operations that cannot succeed here: the queue contains only items of periodic tasks, which cannot be discarded.
const UNANSWERABLE_OPERATIONS: &[&str] = &["DELETE /components/v1/queue/{task}/{item}"];

/// Passes over the document. Deletions come last, because later requests would miss the deleted objects.
const DOCUMENT_PASSES: &[&[&str]] = &[&["--exclude-method", "DELETE"], &["--include-method", "DELETE"]];

const TOOL_PATH: &str = "/components/v1/tool/hello";

/// A configuration whose jobs exist once it was deployed.
const STORED_CONFIG: &str = "config_version: hearth/v1
components:
  worker: {image: bookworm, command: sleep 3600}
environments:
  staging: {}
";

#[tokio::test(flavor = "multi_thread")]
async fn merged_document_declares_every_reply_of_components() -> Result<()> {
    let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, SCHEMATHESIS_CONFIGURATION).await?;
    let operator = hearth.operator().await?;
    TestImage::from_busybox(&[])?.push(&operator.client, "hearth/bookworm", "latest").await?;
    operator.create_tool("hello").await?;
    let (deployments, link) = make_objects(&operator).await?;
    let token = operator.create_token(&[]).await?;
    let checker = DocumentChecker::new(hearth, token, &build_settings(&deployments, &link));
    checker.check_merged_document(&["components"], UNANSWERABLE_OPERATIONS, DOCUMENT_PASSES).await?;
    checker.hearth.stop().await
}

/// Makes an object of each kind, and once each request that random data cannot make. Returns the ids of the deployments and
/// of the linked repository.
async fn make_objects(operator: &Person) -> Result<(Vec<Value>, Value)> {
    let send = async |method: Method, path: &str, body: Value| -> Result<Value> {
        operator.client.build_call(method, &format!("{TOOL_PATH}/{path}")).json(&body).fetch_json().await
    };
    let fetch = async |path: &str| -> Result<Value> {
        operator.client.build_call(Method::GET, &format!("{TOOL_PATH}/{path}")).fetch_json().await
    };
    let stored = operator.client.build_call(Method::POST, &format!("{TOOL_PATH}/config"));
    let _stored: Value = stored.content_bytes("application/yaml", STORED_CONFIG).fetch_json().await?;
    send(Method::POST, "plan", json!({})).await?;
    let mut deployments = Vec::new();
    for create in [json!({}), json!({"environment": "staging"})] {
        let made = send(Method::POST, "deployment", create).await?["data"]["deploy_id"].clone();
        let path = format!("deployment/{}", made.as_str().unwrap());
        wait_until("the deployment has succeeded", async || {
            let shown = fetch(&path).await?["data"].take();
            assert_ne!(shown["status"], "failed", "{shown}");
            Ok((shown["status"] == "successful").then_some(()))
        })
        .await?;
        deployments.push(made);
    }
    // Each is cancelled before its program could have run for long enough.
    for path in ["latest/cancel", "ID/cancel"] {
        let made = send(Method::POST, "deployment?queue=true&force-run=true", json!({})).await?;
        let id = made["data"]["deploy_id"].clone();
        send(Method::PUT, &format!("deployment/{}", path.replace("ID", id.as_str().unwrap())), json!({}))
            .await?;
        deployments.push(id);
    }
    let link =
        json!({"forge": "gitlab", "repository": "https://code.example/ada/hello", "branches": ["main"]});
    let made = send(Method::POST, "repository-links", link).await?["data"].take();
    let link = made["link"]["id"].clone();
    let path = format!("/components/v1/forge-webhooks/{}", link.as_str().unwrap());
    let ignored = operator.client.build_call(Method::POST, &path);
    let secret = made["secret"].as_str().unwrap();
    let ignored =
        [("x-gitlab-event", "Issue Hook"), ("x-gitlab-event-uuid", "one"), ("x-gitlab-token", secret)]
            .into_iter()
            .fold(ignored, |call, (name, value)| call.header(HeaderName::from_static(name), value));
    let _received: Value = ignored.json(&json!({"object_kind": "issue"})).fetch_json().await?;
    Ok((deployments, link))
}

/// Builds the settings with existing names, so that some requests succeed.
fn build_settings(deployments: &[Value], link: &Value) -> String {
    let deployments = Value::from(deployments);
    format!(
        r#"
[dictionaries]
deployments.values = {deployments}
links.values = [{link}]
revisions.values = [1, 2]
environments.values = ["staging", "production"]
images.values = ["bookworm"]
tasks.values = ["housekeeping"]
items.values = ["turn"]

[parameters]
"path.tool" = "hello"
"path.deployment" = {{ dictionary = "deployments", probability = 0.8 }}
"path.revision" = {{ dictionary = "revisions", probability = 0.8 }}
"path.environment" = {{ dictionary = "environments", probability = 0.8 }}
"path.link" = {{ dictionary = "links", probability = 0.8 }}
"path.task" = {{ dictionary = "tasks", probability = 0.9 }}
"path.item" = {{ dictionary = "items", probability = 0.9 }}
"body.environment" = {{ dictionary = "environments", probability = 0.8 }}
"body.revision" = {{ dictionary = "revisions", probability = 0.8 }}
# Waits would be long.
"query.wait" = 0
"#
    )
}
