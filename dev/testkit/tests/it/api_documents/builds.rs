//! The documents of builds and images.

use hearth_base::Result;
use hearth_testkit::{GitServer, Hearth, HearthShape, Person, TestImage, wait_until};
use http::Method;
use serde_json::{Value, json};

use super::{DocumentChecker, WEBHOOK_URL};

const BUILD_SERVICES: &[&str] = &["builds", "images"];

/// Operations that cannot succeed here: only the credential of a build reports about it, only a build with complete inputs is
/// repeated, and the queues contain only items of periodic tasks, which cannot be discarded.
const UNANSWERABLE_OPERATIONS: &[&str] = &[
    "GET /builds/v1/reports/{build}/source",
    "POST /builds/v1/reports/{build}/finish",
    "POST /builds/v1/reports/{build}/heartbeat",
    "POST /builds/v1/reports/{build}/log",
    "POST /builds/v1/tool/{tool}/builds/{build}/reproduce",
    "DELETE /builds/v1/queue/{task}/{item}",
    "DELETE /images/v1/queue/{task}/{item}",
];

/// Passes over the document. Schemathesis cannot make archives. Deletions come last, because later requests would miss
/// the deleted objects.
const DOCUMENT_PASSES: &[&[&str]] =
    &[&["--exclude-method", "DELETE", "--exclude-path-regex", "/sources$"], &["--include-method", "DELETE"]];

/// The smallest text that is an OpenPGP public key in ASCII armor.
const ARCHIVE_KEY: &str =
    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQABBA==\n-----END PGP PUBLIC KEY BLOCK-----\n";

/// Address of the repositories that a source credential is for.
const CREDENTIAL_ADDRESS: &str = "https://git.example/team";

/// Builds that are there when the requests begin, one for each of the changes that end a build.
const BUILD_COUNT: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn merged_document_declares_every_reply_of_builds_and_images() -> Result<()> {
    let git = GitServer::start().await?;
    git.commit_files("hello", &[("index.html", "hello")])?;
    let config = format!(
        "[gateway]\ncaller_requests = 1000000\naddress_requests = 1000000\n[outbound]\nallow = [\"127.0.0.1:9\", \
         \"{}\"]\n",
        git.address()
    );
    let hearth = Hearth::start_with(HearthShape::TOGETHER_ON_FILES, &config).await?;
    let operator = hearth.operator().await?;
    operator.create_tool("hello").await?;
    for tag in ["latest", "other", "unused"] {
        TestImage::from_busybox(&[])?.push(&operator.client, "tool-hello/web", tag).await?;
    }
    let names = make_objects(&operator, &git).await?;
    let token = operator.create_token(&[]).await?;
    let checker = DocumentChecker::new(hearth, token, &names.build_settings(&git));
    checker.check_merged_document(BUILD_SERVICES, UNANSWERABLE_OPERATIONS, DOCUMENT_PASSES).await?;
    checker.hearth.stop().await
}

/// Names and ids of existing objects.
struct ObjectNames {
    builds: Vec<Value>,
    builder: Value,
}

/// Makes an object of each kind, and once each request that random data cannot make.
async fn make_objects(operator: &Person, git: &GitServer) -> Result<ObjectNames> {
    let send = async |method: Method, path: &str, body: Value| -> Result<Value> {
        operator.client.build_call(method, path).json(&body).fetch_json().await
    };
    let fetch = async |path: &str| -> Result<Value> {
        operator.client.build_call(Method::GET, path).fetch_json().await
    };
    let tool = "/builds/v1/tool/hello";
    let mut builds = Vec::new();
    for number in 0..BUILD_COUNT {
        let start =
            json!({"source_url": git.repository_url("hello"), "image_name": format!("image-{number}")});
        let started = send(Method::POST, &format!("{tool}/builds"), start).await?;
        builds.push(started["new_build"]["name"].clone());
        let path = format!("{tool}/builds/{}", builds[number].as_str().unwrap());
        send(Method::PUT, &format!("{path}/cancel"), json!({})).await?;
        wait_until("the build has ended", async || {
            let status = fetch(&path).await?["build"]["status"].clone();
            Ok((status == "BUILD_CANCELLED").then_some(()))
        })
        .await?;
    }
    for method in [Method::POST, Method::PUT] {
        let upload = operator.client.build_call(method, &format!("{tool}/sources"));
        let uploaded: Value = upload.content_bytes("application/gzip", "an archive").fetch_json().await?;
        assert!(uploaded["source"]["id"].is_string(), "{uploaded}");
    }
    let source = json!({
        "file": "Types: deb\nURIs: http://pond.example/debian\nSuites: stable\nComponents: main\n",
        "key": ARCHIVE_KEY,
    });
    send(Method::PUT, "/builds/v1/package-sources/pond", source).await?;
    let granted = format!("{tool}/package-sources/pond");
    for (method, path) in [
        (Method::PUT, granted.as_str()),
        (Method::DELETE, granted.as_str()),
        (Method::DELETE, "/images/v1/tool/hello/images/web/tags/unused"),
    ] {
        let _changed: Value = operator.client.build_call(method, path).fetch_json().await?;
    }
    let credentials = format!("{tool}/source-credentials");
    let credential = json!({"address": CREDENTIAL_ADDRESS, "secret": "a token"});
    let credential = send(Method::PUT, &credentials, credential).await?["source_credential"]["id"].clone();
    let credential = format!("{credentials}/{}", credential.as_str().unwrap());
    let _deleted: Value = operator.client.build_call(Method::DELETE, &credential).fetch_json().await?;
    // The last one waited when it was cancelled. The first one is kept until its builder has stopped, which needs a
    // runtime.
    let last = format!("{tool}/builds/{}", builds.pop().unwrap().as_str().unwrap());
    wait_until("the build can be deleted", async || {
        Ok(operator.client.build_call(Method::DELETE, &last).fetch_json::<Value>().await.ok())
    })
    .await?;
    let outside = json!({"name": "forge", "url": WEBHOOK_URL});
    send(Method::POST, &format!("{tool}/builders"), outside.clone()).await?;
    send(Method::POST, "/builds/v1/outside-builders", outside).await?;
    let builder = wait_until("the builder claims builds", async || {
        Ok(fetch("/builds/v1/builders").await?["builders"].get(0).map(|builder| builder["id"].clone()))
    });
    Ok(ObjectNames { builder: builder.await?, builds })
}

impl ObjectNames {
    fn build_settings(&self, git: &GitServer) -> String {
        let builds = Value::from(self.builds.clone());
        let (builder, repository) = (&self.builder, git.repository_url("hello"));
        format!(
            r#"
[dictionaries]
builds.values = {builds}
builders.values = [{builder}]
addresses.values = ["{CREDENTIAL_ADDRESS}"]
outside.values = ["forge"]
repositories.values = ["{repository}"]
images.values = ["web", "other"]
tags.values = ["latest", "other"]
sources.values = ["pond"]
urls.values = ["{WEBHOOK_URL}"]
tasks.values = ["housekeeping", "collect"]
items.values = ["turn"]

[parameters]
"path.tool" = "hello"
"path.build" = {{ dictionary = "builds", probability = 0.8 }}
"path.builder" = {{ dictionary = "builders", probability = 0.8 }}
"path.package_source" = {{ dictionary = "sources", probability = 0.8 }}
"path.name" = {{ dictionary = "images", probability = 0.8 }}
"path.tag" = {{ dictionary = "tags", probability = 0.8 }}
"path.task" = {{ dictionary = "tasks", probability = 0.9 }}
"path.item" = {{ dictionary = "items", probability = 0.9 }}
"body.source_url" = {{ dictionary = "repositories", probability = 0.8 }}
"body.address" = {{ dictionary = "addresses", probability = 0.8 }}
"body.url" = {{ dictionary = "urls", probability = 0.9 }}
# Replies that follow a log would not end, and waits would be long.
"query.follow" = false
"query.wait" = 0

[[operations]]
include-path-regex = "/(outside-builders/|tool/{{tool}}/builders/)"
parameters = {{ "path.builder" = {{ dictionary = "outside", probability = 0.8 }} }}

[[operations]]
include-operation-id = "builds.tool_builder_choose"
parameters = {{ "body.builder" = {{ dictionary = "outside", probability = 0.5 }} }}
"#
        )
    }
}
