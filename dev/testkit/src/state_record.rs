//! A Hearth with data of every kind, and what its API answered about them: a later release that opens the same
//! state must answer the same.

use std::{fs, path::Path, process::Command, time::Duration};

use hearth_base::{BuildId, Error, JobName, Result, Role, Secret, ToolName};
use hearth_client::{Body, Client};
use hearth_wire::{
    builds::{
        BuildCreate, BuildCreateQuery,
        internal::{BuildClaim, BuildFinish, BuildLeaseOutcome},
    },
    components::{DeploySource, DeploymentCreate, DeploymentCreateQuery, DeploymentQuery, DeploymentState},
    envvars::{EnvvarCreate, EnvvarsScope},
    jobs::{JobCreate, JobType, Run, RunEnd, RunQuery},
    logs::LogsQuery,
    notify::WebhookCreate,
    tools::{QuotaPatch, ToolCreate},
};
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt, Full};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{DatabaseKind, Hearth, HearthShape, Person, TestImage, wait_until, wait_until_within};

const TOOL_NAME: &str = "site";
const SECRET_VALUE: &str = "open sesame";

/// The receiver of a webhook; nothing listens there.
const WEBHOOK_URL: &str = "http://127.0.0.1:9/hearth";

/// Paths whose answers are recorded.
const RECORDED_PATHS: [&str; 14] = [
    "/tools/v1/tool/site",
    "/tools/v1/tool/site/quota",
    "/tools/v1/tool/site/tokens",
    "/accounts/v1/users",
    "/envvars/v1/tool/site/envvars",
    "/jobs/v1/tool/site/jobs?include_unset=false",
    "/jobs/v1/tool/site/jobs/once/runs",
    "/jobs/v1/tool/site/jobs/nightly/history",
    "/logs/v1/tool/site/job/once/logs?lines=100",
    "/images/v1/tool/site/images",
    "/builds/v1/tool/site/builds",
    "/components/v1/tool/site/deployment",
    "/components/v1/tool/site/revisions",
    "/notify/v1/tool/site/webhooks",
];

/// Keys whose values change while nothing is done, or name another call.
const VOLATILE_KEYS: [&str; 6] = ["last_used", "request_id", "messages", "next", "usage", "used"];

/// Keys of listed jobs that describe their containers at the time of the request, and one that release 0.1.0
/// leaves out.
const VOLATILE_JOB_KEYS: [&str; 4] = ["status", "status_short", "status_long", "port_protocol"];

/// Keys of listed webhooks that change at the first event: those of release 0.1.0 have no owner, and are switched off.
const VOLATILE_WEBHOOK_KEYS: [&str; 2] = ["enabled", "reason"];

/// A recorded state: a credential, and answers of the API.
#[derive(Debug, Serialize, Deserialize)]
pub struct StateRecord {
    /// A token of the operator, in clear: it opens nothing but this state.
    token: String,
    build: BuildId,
    image_digest: String,
    /// The answer to each of [`RECORDED_PATHS`], without volatile keys.
    answers: Vec<(String, Value)>,
}

impl StateRecord {
    /// The shape that [`StateRecord::create`] and [`StateRecord::unpack_archive`] need: the builder is a process of
    /// its own, which can be killed, and all durable data are files.
    pub const HEARTH_SHAPE: HearthShape =
        HearthShape { split: true, database_kind: DatabaseKind::Sqlite, containers: true };

    /// Settings under which a recorded state stays complete, however old it is, and its webhook is accepted.
    pub const HEARTH_SETTINGS: &str =
        "[logs]\ndays = 36500\n[jobs]\nruns_kept = 36500\n[outbound]\nallow = [\"127.0.0.1:9\"]\n";

    /// Creates data of every kind in a new Hearth, and records the answers. Kills the builder.
    pub async fn create(hearth: &mut Hearth) -> Result<Self> {
        let operator = hearth.operator().await?;
        hearth.invite_person(&operator, "second").await?;
        let client = &operator.client;
        let tool: ToolName = TOOL_NAME.parse()?;
        client.tools().create(&ToolCreate { name: tool.clone(), description: "a page".to_owned() }).await?;
        let quota = QuotaPatch { envvars: Some(Some(32)), ..QuotaPatch::default() };
        client.tools().update_quota(&tool, &quota).await?;
        create_variables(client, &tool).await?;
        TestImage::from_tiny_shell()?.push(client, "hearth/bookworm", "latest").await?;
        let image_digest = TestImage::from_tiny_shell()?.push(client, "tool-site/page", "latest").await?;
        let webhook = WebhookCreate { url: WEBHOOK_URL.to_owned(), events: Vec::new() };
        client.notify().create_webhook(&tool, &webhook).await?;
        let build = build_with_this_test(hearth, &operator, &tool, &image_digest.to_string()).await?;
        deploy_page(client, &tool).await?;
        create_jobs(client, &tool).await?;
        run_and_check_job(client, &tool).await?;
        let token = operator.create_token(&[]).await?.expose_secret().to_owned();
        let mut record = Self { token, build, image_digest: image_digest.to_string(), answers: Vec::new() };
        for path in RECORDED_PATHS {
            let answer = fetch_answer(client, path).await?;
            record.answers.push((path.to_owned(), answer));
        }
        Ok(record)
    }

    /// Checks that a Hearth with this state answers the same, and that its tools still work.
    pub async fn check_answers(&self, hearth: &Hearth) -> Result<()> {
        let client = hearth.client_with_token(&Secret::new(self.token.clone()))?;
        let tool: ToolName = TOOL_NAME.parse()?;
        let signed_in = hearth.sign_in("operator".parse()?).await?;
        for (path, recorded) in &self.answers {
            let answer = fetch_answer(&signed_in.client, path).await?;
            let mut recorded = recorded.clone();
            remove_volatile_keys(path, &mut recorded);
            if !contains(&answer, &recorded) {
                return Err(Error::internal(format!("{path}: {recorded}\nis not contained in\n{answer}")));
            }
        }
        let built = client.builds().show(&tool, self.build).await?;
        if !built.destination_image.ends_with(&self.image_digest) {
            return Err(Error::internal(format!("the image of the build is {}", built.destination_image)));
        }
        let manifest = format!("/v2/tool-site/page/manifests/{}", self.image_digest);
        client.build_call(Method::GET, &manifest).fetch_bytes().await?;
        wait_until_within(Duration::from_secs(60), "the page answers", async || {
            Ok((visit_page(hearth).await? == StatusCode::OK).then_some(()))
        })
        .await?;
        run_and_check_job(&client, &tool).await
    }

    /// Writes a state folder and its record into an archive (tar, gzip), without the disks of containers: a
    /// restart of the host ends the containers.
    pub fn write_archive(&self, state: &Path, archive: &Path) -> Result<()> {
        let record = serde_json::to_vec_pretty(self).map_err(Error::internal)?;
        fs::write(state.join("record.json"), record).map_err(Error::internal)?;
        let mut options = vec!["--create", "--gzip", "--numeric-owner", "--sort=name"];
        options.extend(["--exclude=./runtime/uppers/*", "--exclude=./runtime/disk-templates/*"]);
        run_tar(&options, archive, state)
    }

    /// Unpacks an archive into the state folder of a Hearth that has not been started, and returns its record.
    pub fn unpack_archive(archive: &Path, hearth: &Hearth) -> Result<Self> {
        let state = hearth.durable_folder();
        fs::create_dir_all(&state).map_err(Error::internal)?;
        run_tar(&["--extract", "--gzip", "--numeric-owner", "--preserve-permissions"], archive, &state)?;
        let record = fs::read(state.join("record.json")).map_err(Error::internal)?;
        serde_json::from_slice(&record).map_err(Error::internal)
    }
}

fn run_tar(options: &[&str], archive: &Path, folder: &Path) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.args(options).arg("--file").arg(archive).arg("--directory").arg(folder);
    if options.contains(&"--create") {
        tar.arg(".");
    }
    let output = tar.output().map_err(Error::internal)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Error::internal(format!("tar failed: {}", String::from_utf8_lossy(&output.stderr)))),
    }
}

async fn create_variables(client: &Client, tool: &ToolName) -> Result<()> {
    for (name, value, secret) in [("PLAIN", "a value", false), ("OPENED", SECRET_VALUE, true)] {
        let create = EnvvarCreate { name: name.parse()?, value: Secret::new(value), secret: Some(secret) };
        client.envvars().create(tool, &create, &EnvvarsScope::default()).await?;
    }
    Ok(())
}

/// Builds an uploaded folder, with this test in place of the builder.
async fn build_with_this_test(
    hearth: &mut Hearth,
    operator: &Person,
    tool: &ToolName,
    digest: &str,
) -> Result<BuildId> {
    hearth.kill(Role::Builder).await?;
    let url = hearth.role_address(Role::Builds).ok_or_else(|| Error::internal("builds has no address"))?;
    let builder = hearth.service_client(&format!("http://{url}"), Role::Builds, Role::Builder)?;
    let builds = operator.client.builds();
    let upload = builds.upload(tool, pack_folder()?).await?;
    let create = BuildCreate { upload: Some(upload.id), ..BuildCreate::default() };
    let build = builds.start(tool, &create, &BuildCreateQuery::default()).await?.name;
    let claim = BuildClaim { wait: 20, ..BuildClaim::default() };
    let lease = builder.builds().claim_build(&claim).await?.lease;
    let lease = lease.ok_or_else(|| Error::internal("the build was not claimed"))?;
    let outcome = BuildLeaseOutcome::Succeeded {
        digest: digest.to_owned(),
        image: format!("tool-site/page@{digest}"),
        processes: [("web".to_owned(), "serve".to_owned())].into(),
        message: "a plan".to_owned(),
        inputs: None,
        materials: None,
        comparison: None,
    };
    builder
        .builds()
        .finish_build(build, &BuildFinish { ticket: lease.ticket, outcome, failure: None })
        .await?;
    Ok(build)
}

/// Packs a folder with one file, compressed by gzip.
fn pack_folder() -> Result<Body> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    fs::write(folder.path().join("Procfile"), "web: serve\n").map_err(Error::internal)?;
    let archive = tempfile::NamedTempFile::new().map_err(Error::internal)?;
    run_tar(&["--create", "--gzip"], archive.path(), folder.path())?;
    let bytes = fs::read(archive.path()).map_err(Error::internal)?;
    Ok(Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync())
}

async fn deploy_page(client: &Client, tool: &ToolName) -> Result<()> {
    let create = DeploymentCreate {
        source: Some(DeploySource::Image("tool-site/page:latest".to_owned())),
        command: Some("serve".to_owned()),
        ..DeploymentCreate::default()
    };
    let components = client.components();
    let started = components.create_deployment(tool, &create, &DeploymentCreateQuery::default()).await?;
    let ended = wait_until_within(Duration::from_secs(60), "the deployment ends", async || {
        let shown = components.show(tool, started.deploy_id, &DeploymentQuery::default()).await?;
        Ok(shown.status.has_ended().then_some(shown))
    })
    .await?;
    match ended.status {
        DeploymentState::Successful => Ok(()),
        _ => Err(Error::internal(format!("the deployment failed: {}", ended.long_status))),
    }
}

async fn create_jobs(client: &Client, tool: &ToolName) -> Result<()> {
    let once = JobCreate {
        job_type: Some(JobType::OneOff),
        filelog: Some(false),
        ..JobCreate::new("once".parse()?, "bookworm", "print")
    };
    client.jobs().create(tool, &once).await?;
    let nightly = JobCreate {
        schedule: Some("17 3 * * *".to_owned()),
        timezone: Some("Europe/Berlin".to_owned()),
        retry: Some(2),
        ..JobCreate::new("nightly".parse()?, "bookworm", "print")
    };
    client.jobs().create(tool, &nightly).await.map(drop)
}

/// Starts a run, and waits until its log shows the secret that the runtime has opened.
async fn run_and_check_job(client: &Client, tool: &ToolName) -> Result<()> {
    let line = format!("OPENED={SECRET_VALUE}");
    run_job_for_line(client, tool, &"once".parse()?, &line).await
}

/// Starts a run of a job, and waits until it has ended well and its log has the line.
pub async fn run_job_for_line(client: &Client, tool: &ToolName, job: &JobName, line: &str) -> Result<()> {
    let run = wait_until("a run starts", async || Ok(client.jobs().start_run(tool, job).await.ok())).await?;
    let ended: Run = wait_until("the run ends", async || {
        let shown = client.jobs().show_run(tool, job, &run.id, &RunQuery::default()).await?;
        Ok(shown.end.is_some().then_some(shown))
    })
    .await?;
    if (ended.end, ended.exit_code) != (Some(RunEnd::Exited), Some(0)) {
        return Err(Error::internal(format!("the run failed: {ended:?}")));
    }
    wait_until("the log has the lines of the run", async || {
        let query = LogsQuery { lines: Some(1000), ..LogsQuery::default() };
        let logs = client.logs().list(tool, job, &query).await?.data.logs;
        Ok(logs.iter().any(|entry| entry.run == run.id && entry.message == line).then_some(()))
    })
    .await
}

async fn visit_page(hearth: &Hearth) -> Result<StatusCode> {
    let client = hearth.anonymous()?;
    let call = client.build_call(Method::GET, "/").header(header::HOST, &format!("{TOOL_NAME}.localhost"));
    Ok(call.send_raw().await?.status())
}

async fn fetch_answer(client: &Client, path: &str) -> Result<Value> {
    let mut answer: Value = client.build_call(Method::GET, path).fetch_json().await?;
    remove_volatile_keys(path, &mut answer);
    Ok(answer)
}

/// Removes the volatile keys from the answer to `path`, at every depth.
fn remove_volatile_keys(path: &str, value: &mut Value) {
    let is_volatile = |key: &str| {
        VOLATILE_KEYS.contains(&key)
            || (path.starts_with("/jobs/v1/tool/site/jobs?") && VOLATILE_JOB_KEYS.contains(&key))
            || (path.ends_with("/webhooks") && VOLATILE_WEBHOOK_KEYS.contains(&key))
    };
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| !is_volatile(key));
            fields.values_mut().for_each(|field| remove_volatile_keys(path, field));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| remove_volatile_keys(path, item)),
        _ => {}
    }
}

/// True if `answer` has every field and every list item of `recorded`; it may have more.
fn contains(answer: &Value, recorded: &Value) -> bool {
    match (answer, recorded) {
        (Value::Object(answer), Value::Object(recorded)) => recorded
            .iter()
            .all(|(key, recorded)| answer.get(key).is_some_and(|answer| contains(answer, recorded))),
        (Value::Array(answer), Value::Array(recorded)) => {
            recorded.iter().all(|recorded| answer.iter().any(|answer| contains(answer, recorded)))
        }
        (answer, recorded) => answer == recorded,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answer_may_have_more_but_not_less() {
        let recorded = json!({"a": 1, "list": [{"b": 2}]});
        assert!(contains(&json!({"a": 1, "c": 3, "list": [{"d": 1}, {"b": 2, "e": 4}]}), &recorded));
        for less in
            [json!({"list": [{"b": 2}]}), json!({"a": 1, "list": [{"b": 3}]}), json!({"a": 2, "list": []})]
        {
            assert!(!contains(&less, &recorded), "{less}");
        }
    }

    #[test]
    fn volatile_keys_are_removed_at_every_depth() {
        let mut value = json!({"last_used": 1, "list": [{"messages": {}, "a": 1}]});
        remove_volatile_keys("/tools", &mut value);
        assert_eq!(value, json!({"list": [{"a": 1}]}));
    }
}
