//! What documents say of the API, held against what Hearth answers to whatever may be asked: Schemathesis makes the
//! requests from a document, and finds each answer that the document does not have.

use std::{collections::BTreeSet, fs, process::Command};

use hearth_base::{Result, Secret};
use hearth_testkit::{Hearth, Image, Shape};
use hearth_wire::tools::ToolCreate;
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::python;

const SCHEMATHESIS: &[&str] = &["schemathesis==4.32.5"];

/// Whose operations are asked for.
const SERVICES: &[&str] = &["jobs", "envvars", "logs", "notify"];

/// The protocol of Toolforge's jobs service in the project's own words, with what Hearth answers beyond it.
const TOOLFORGE: &str = include_str!("toolforge-jobs.yaml");

/// Operations that succeed nowhere here: exec opens a terminal, which is not HTTP any more, and the queues hold no item
/// but those of periodic tasks, which nobody can discard.
const NOT_ANSWERED: &[&str] = &[
    "POST /jobs/v1/tool/{tool}/jobs/{job}/exec",
    "DELETE /jobs/v1/queue/{task}/{item}",
    "DELETE /logs/v1/queue/{task}/{item}",
    "DELETE /notify/v1/queue/{task}/{item}",
];

#[tokio::test]
async fn hearths_own_document_has_every_answer() -> Result<()> {
    let asked = Asked::prepared().await?;
    let mut document: Value = asked.hearth.nobody()?.call(Method::GET, "/openapi.json").answer().await?;
    let wanted = only_what_is_written(&mut document);
    asked.write("document.json", &document.to_string());
    asked.asks("document.json", "");
    let done = asked.done().await?;
    let refused: Vec<_> = wanted.difference(&done).collect();
    assert!(refused.is_empty(), "whatever these were asked was refused: {refused:#?}");
    asked.hearth.stop().await
}

#[tokio::test]
async fn the_protocol_of_toolforges_jobs_has_every_answer() -> Result<()> {
    let asked = Asked::prepared().await?;
    asked.write("document.yaml", TOOLFORGE);
    asked.asks("document.yaml", "/jobs");
    asked.hearth.stop().await
}

/// A Hearth with a tool that has something of everything, and a folder for who asks.
struct Asked {
    hearth: Hearth,
    token: Secret,
    folder: TempDir,
}

impl Asked {
    async fn prepared() -> Result<Self> {
        let hearth = Hearth::start_with(Shape::UP, CONFIGURATION).await?;
        let operator = hearth.operator().await?;
        Image::busybox(&[])?.push(&operator.client, "hearth/bookworm", "latest").await?;
        let tool = ToolCreate { name: "hello".parse()?, description: String::new() };
        operator.client.tools().create(&tool).await?;
        let make = async |path: &str, body: Value| -> Result<Value> {
            operator.client.call(Method::POST, path).json(&body).answer().await
        };
        let jobs = "/jobs/v1/tool/hello/jobs";
        let talks = "while echo tick; do sleep 1; done";
        for (name, cmd, key, value) in [
            ("talks", talks, "continuous", json!(true)),
            ("scaled", talks, "continuous", json!(true)),
            ("once", "echo once", "emails", json!("none")),
            ("hourly", "echo hourly", "schedule", json!("@hourly")),
        ] {
            make(jobs, json!({"name": name, "imagename": "bookworm", "cmd": cmd, key: value})).await?;
        }
        let run = make(&format!("{jobs}/hourly/runs"), json!({})).await?;
        let ended = format!("{jobs}/hourly/runs/{}?wait=25", run["run"]["id"].as_str().unwrap());
        let _ended: Value = operator.client.call(Method::GET, &ended).answer().await?;
        make("/envvars/v1/tool/hello/envvars", json!({"name": "API_KEY", "value": "x"})).await?;
        let webhook = make("/notify/v1/tool/hello/webhooks", json!({"url": URL})).await?;
        let token = operator.token(&[]).await?;
        let asked = Self { hearth, token, folder: tempfile::tempdir().unwrap() };
        asked.write("schemathesis.toml", &settings(&run["run"]["id"], &webhook["data"]["webhook"]["id"]));
        Ok(asked)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// Asks all that follows from a document whose paths are below `base`, from one seed, so that what fails is of the
    /// change that is tested. What is deleted is missing from then on: that comes last.
    fn asks(&self, document: &str, base: &str) {
        let program = python::environment("schemathesis", SCHEMATHESIS).join("st");
        let in_turn: [&[&str]; 3] = [
            &["--exclude-method", "DELETE"],
            &["--include-method", "DELETE", "--exclude-path-regex", "/jobs$"],
            &["--include-path-regex", "/jobs$"],
        ];
        for which in in_turn {
            let asking = Command::new(&program)
                .args(["run", document, "--seed", "1"])
                .args(which)
                .args(["--url", &format!("{}{base}", self.hearth.url())])
                .args(["--header", &format!("Authorization: Bearer {}", self.token.reveal())])
                .current_dir(self.folder.path())
                .output()
                .unwrap();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            assert!(asking.status.success(), "{}{}", text(&asking.stdout), text(&asking.stderr));
        }
    }

    /// The methods and paths with which something was got or done, as Hearth has counted them.
    async fn done(&self) -> Result<BTreeSet<String>> {
        let mut done = BTreeSet::new();
        for service in SERVICES {
            let path = format!("/{service}/v1/metrics");
            let (_, counts) = self.hearth.nobody()?.call(Method::GET, &path).bytes().await?;
            let name = format!("hearth_{service}_http_requests_total");
            for line in String::from_utf8_lossy(&counts).lines().filter(|line| line.starts_with(&name)) {
                let [_, method, _, route, _, status, ..] = line.split('"').collect::<Vec<_>>()[..] else {
                    panic!("a count of another form: {line}")
                };
                if status.starts_with('2') {
                    done.insert(format!("{method} {route}"));
                }
            }
        }
        Ok(done)
    }
}

/// Leaves in a document the operations of the services, and of these only the answers that they have themselves, not
/// what is said of all others. Gives their methods and paths.
fn only_what_is_written(document: &mut Value) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    for (path, item) in document["paths"].as_object_mut().unwrap() {
        let item = item.as_object_mut().unwrap();
        item.retain(|_, operation| SERVICES.contains(&operation["tags"][0].as_str().unwrap()));
        for (method, operation) in item {
            operation["responses"].as_object_mut().unwrap().remove("default");
            let operation = format!("{} {path}", method.to_uppercase());
            if !NOT_ANSWERED.contains(&operation.as_str()) {
                wanted.insert(operation);
            }
        }
    }
    wanted
}

/// Nothing listens there.
const URL: &str = "http://127.0.0.1:9/hook";

const CONFIGURATION: &str = r#"
[jobs]
retry_pause = 1
grace = 2
[notify]
from = "Hearth <hearth@hearth.example>"
[outbound]
allow = ["127.0.0.1:9"]
"#;

/// What is known of the Hearth, so that not all is refused.
fn settings(run: &Value, webhook: &Value) -> String {
    format!(
        r#"
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

[dictionaries]
jobs.values = ["talks", "once", "hourly", "other"]
# The first stays continuous whatever others are changed to.
scalable.values = ["scaled", "once"]
envvars.values = ["API_KEY", "OTHER"]
images.values = ["bookworm"]
schedules.values = ["@hourly", "*/5 3 * * mon-fri"]
runs.values = [{run}]
webhooks.values = [{webhook}]
urls.values = ["{URL}"]
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
# An answer that does not end is not waited for.
"query.follow" = false

# Of what may be said of a job, little goes together.
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
