//! API documents compared with replies: Schemathesis generates requests from a document and reports each
//! reply that the document does not declare.

mod builds;
mod components;

use std::{collections::BTreeSet, fs, process::Command};

use hearth_base::{Result, Secret};
use hearth_testkit::{Hearth, HearthShape, TestImage};
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::python;

const SCHEMATHESIS_PACKAGES: &[&str] = &["schemathesis==4.32.5"];

/// The services whose operations are called in the test with jobs.
const JOB_SERVICES: &[&str] = &["jobs", "envvars", "logs", "notify"];

/// A document of Toolforge's jobs protocol, written for this project, with the replies that Hearth adds.
const TOOLFORGE_JOBS_DOCUMENT: &str = include_str!("toolforge-jobs.yaml");

/// Operations that cannot succeed here: exec switches from HTTP to a terminal protocol, the queues contain
/// only items of periodic tasks, which cannot be discarded, and mails of `accounts` need a mail server.
const UNANSWERABLE_OPERATIONS: &[&str] = &[
    "POST /jobs/v1/tool/{tool}/jobs/{job}/exec",
    "DELETE /jobs/v1/queue/{task}/{item}",
    "DELETE /logs/v1/queue/{task}/{item}",
    "DELETE /notify/v1/queue/{task}/{item}",
    "POST /notify/v1/internal/account-mails",
];

/// Passes over the document of jobs. Deletions come last, because later requests would miss the deleted objects.
const JOB_PASSES: &[&[&str]] = &[
    &["--exclude-method", "DELETE"],
    &["--include-method", "DELETE", "--exclude-path-regex", "/jobs$"],
    &["--include-path-regex", "/jobs$"],
];

#[tokio::test]
async fn merged_document_declares_every_reply() -> Result<()> {
    let checker = DocumentChecker::start_with_jobs().await?;
    checker.check_merged_document(JOB_SERVICES, UNANSWERABLE_OPERATIONS, JOB_PASSES).await?;
    checker.hearth.stop().await
}

#[tokio::test]
async fn toolforge_jobs_document_declares_every_reply() -> Result<()> {
    let checker = DocumentChecker::start_with_jobs().await?;
    checker.write_file("document.yaml", TOOLFORGE_JOBS_DOCUMENT);
    checker.run_schemathesis("document.yaml", "/jobs", JOB_PASSES);
    checker.hearth.stop().await
}

/// A Hearth with objects of a tool, and the working folder of Schemathesis.
struct DocumentChecker {
    hearth: Hearth,
    token: Secret,
    folder: TempDir,
}

impl DocumentChecker {
    /// A Hearth with a tool that has jobs, runs, variables and a webhook.
    async fn start_with_jobs() -> Result<Self> {
        let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, SCHEMATHESIS_CONFIGURATION).await?;
        let operator = hearth.operator().await?;
        TestImage::from_busybox(&[])?.push(&operator.client, "hearth/bookworm", "latest").await?;
        operator.create_tool("hello").await?;
        let make = async |path: &str, body: Value| -> Result<Value> {
            operator.client.build_call(Method::POST, path).json(&body).fetch_json().await
        };
        let jobs = "/jobs/v1/tool/hello/jobs";
        let talks = "while echo tick; do sleep 1; successful";
        for (name, cmd, key, value) in [
            ("talks", talks, "continuous", json!(true)),
            ("scaled", talks, "continuous", json!(true)),
            ("once", "echo once", "emails", json!("none")),
            ("hourly", "echo hourly", "schedule", json!("@hourly")),
        ] {
            // Without `filelog` the output of a provided image goes to files, and the job has no log.
            let job =
                json!({"name": name, "imagename": "bookworm", "cmd": cmd, "filelog": false, key: value});
            make(jobs, job).await?;
        }
        let run = make(&format!("{jobs}/hourly/runs"), json!({})).await?;
        let ended = format!("{jobs}/hourly/runs/{}?wait=25", run["run"]["id"].as_str().unwrap());
        let _ended: Value = operator.client.build_call(Method::GET, &ended).fetch_json().await?;
        make("/envvars/v1/tool/hello/envvars", json!({"name": "API_KEY", "value": "x"})).await?;
        let webhook = make("/notify/v1/tool/hello/webhooks", json!({"url": WEBHOOK_URL})).await?;
        let token = operator.create_token(&[]).await?;
        let settings = build_job_settings(&run["run"]["id"], &webhook["data"]["webhook"]["id"]);
        Ok(Self::new(hearth, token, &settings))
    }

    fn new(hearth: Hearth, token: Secret, settings: &str) -> Self {
        let checker = Self { hearth, token, folder: tempfile::tempdir().unwrap() };
        checker.write_file("schemathesis.toml", &format!("{COMMON_SETTINGS}{settings}"));
        checker
    }

    /// Calls the operations of some services in the merged document. Each must succeed at least once, except the
    /// `unanswerable` ones.
    async fn check_merged_document(
        &self,
        services: &[&str],
        unanswerable: &[&str],
        passes: &[&[&str]],
    ) -> Result<()> {
        let mut document: Value =
            self.hearth.anonymous()?.build_call(Method::GET, "/openapi.json").fetch_json().await?;
        let mut expected = select_operations(&mut document, services);
        expected.retain(|operation| !unanswerable.contains(&operation.as_str()));
        self.write_file("document.json", &document.to_string());
        self.run_schemathesis("document.json", "", passes);
        let successful = self.read_successful_operations(services).await?;
        let refused: Vec<_> = expected.difference(&successful).collect();
        assert!(refused.is_empty(), "operations without a successful reply: {refused:#?}");
        Ok(())
    }

    fn write_file(&self, name: &str, content: &str) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// Runs Schemathesis on a document whose paths are below `base`, once with each of the filters. The fixed seed
    /// makes failures depend on the tested change only.
    fn run_schemathesis(&self, document: &str, base: &str, passes: &[&[&str]]) {
        let program = python::install_environment("schemathesis", SCHEMATHESIS_PACKAGES).join("st");
        for filters in passes {
            let output = Command::new(&program)
                .args(["run", document, "--seed", "1"])
                .args(*filters)
                .args(["--url", &format!("{}{base}", self.hearth.url())])
                .args(["--header", &format!("Authorization: Bearer {}", self.token.expose_secret())])
                .current_dir(self.folder.path())
                .output()
                .unwrap();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
        }
    }

    /// Reads the methods and paths with successful replies from Hearth's metrics.
    async fn read_successful_operations(&self, services: &[&str]) -> Result<BTreeSet<String>> {
        let mut successful = BTreeSet::new();
        for service in services {
            let path = format!("/{service}/v1/metrics");
            let (_, counts) = self.hearth.anonymous()?.build_call(Method::GET, &path).fetch_bytes().await?;
            let name = format!("hearth_{service}_http_requests_total");
            for line in String::from_utf8_lossy(&counts).lines().filter(|line| line.starts_with(&name)) {
                let [_, method, _, route, _, status, ..] = line.split('"').collect::<Vec<_>>()[..] else {
                    panic!("unexpected metric: {line}")
                };
                if status.starts_with('2') {
                    successful.insert(format!("{method} {route}"));
                }
            }
        }
        Ok(successful)
    }
}

/// Removes the operations of other services and the default replies from a document. Returns the methods and
/// paths of the remaining ones.
fn select_operations(document: &mut Value, services: &[&str]) -> BTreeSet<String> {
    let mut expected = BTreeSet::new();
    for (path, item) in document["paths"].as_object_mut().unwrap() {
        let item = item.as_object_mut().unwrap();
        item.retain(|_, operation| services.contains(&operation["tags"][0].as_str().unwrap()));
        for (method, operation) in item {
            operation["responses"].as_object_mut().unwrap().remove("default");
            expected.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    expected
}

/// An address without a listener.
const WEBHOOK_URL: &str = "http://127.0.0.1:9/hook";

const SCHEMATHESIS_CONFIGURATION: &str = r#"
[gateway]
caller_requests = 1000000
address_requests = 1000000
[jobs]
retry_pause = 1
grace = 2
[notify]
from = "Hearth <hearth@hearth.example>"
[outbound]
allow = ["127.0.0.1:9"]
"#;

/// Settings of Schemathesis for every document.
const COMMON_SETTINGS: &str = r#"
color = false
continue-on-failure = true
request-timeout = 20
max-stream-events = 1

[generation]
max-examples = 15

[phases]
examples.enabled = false
stateful.enabled = false

[checks]
enabled = false
not_a_server_error.enabled = true
status_code_conformance.enabled = true
content_type_conformance.enabled = true
response_headers_conformance.enabled = true
response_schema_conformance.enabled = true
"#;

/// Builds the settings for jobs, with existing names so that some requests succeed.
fn build_job_settings(run: &Value, webhook: &Value) -> String {
    format!(
        r#"
[dictionaries]
jobs.values = ["talks", "once", "hourly", "other"]
# The first job is never changed, so it stays continuous.
scalable.values = ["scaled", "once"]
envvars.values = ["API_KEY", "OTHER"]
images.values = ["bookworm"]
schedules.values = ["@hourly", "*/5 3 * * mon-fri"]
runs.values = [{run}]
webhooks.values = [{webhook}]
urls.values = ["{WEBHOOK_URL}"]
numbers.values = [1, 2]
tasks.values = ["housekeeping"]
items.values = ["turn"]

[parameters]
"path.tool" = "hello"
"path.tool_name" = "hello"
"path.job" = {{ dictionary = "jobs", probability = 0.8 }}
"path.id" = {{ dictionary = "jobs", probability = 0.8 }}
"path.envvar" = {{ dictionary = "envvars", probability = 0.8 }}
"path.run" = {{ dictionary = "runs", probability = 0.8 }}
"path.webhook" = {{ dictionary = "webhooks", probability = 0.8 }}
"path.task" = {{ dictionary = "tasks", probability = 0.9 }}
"path.item" = {{ dictionary = "items", probability = 0.9 }}
"query.schedule" = {{ dictionary = "schedules", probability = 0.8 }}
"body.imagename" = {{ dictionary = "images", probability = 0.9 }}
"body.schedule" = {{ dictionary = "schedules", probability = 0.9 }}
"body.name" = {{ dictionary = "jobs", probability = 0.6 }}
"body.replicas" = {{ dictionary = "numbers", probability = 0.9 }}
"body.url" = {{ dictionary = "urls", probability = 0.9 }}
# Replies that follow a log would not end.
"query.follow" = false

# Few combinations of the fields of a job are valid, so more examples are generated.
[[operations]]
include-operation-id = ["jobs.create", "jobs.update"]
generation.max-examples = 60

[[operations]]
include-operation-id = ["jobs.scale"]
parameters = {{ "path.job" = {{ dictionary = "scalable", probability = 0.8 }} }}

[[operations]]
include-path-regex = "/runs/"
parameters = {{ "path.job" = "hourly" }}

[[operations]]
include-path-regex = "logs_stream$"
headers = {{ Accept = "text/event-stream" }}
request-timeout = 3
"#
    )
}
