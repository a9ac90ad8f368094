//! `toolforge components`.

use std::{fs, time::Duration};

use hearth_base::Result;
use hearth_testkit::{GitServer, Hearth, HearthShape, wait_until_within};
use serde_json::Value;

use super::Terminal;
use crate::{end_to_end::provide_images, python};

/// A release that is a year older than the newest one.
const OLDER_CLIENT: &[&str] = &["toolforge-cli==0.3.4", "toolforge-components-cli==0.0.15"];

/// The maximum duration of a deployment with a build.
const MAX_DEPLOYMENT_DURATION: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread")]
async fn every_command_and_flag_of_toolforge_components() -> Result<()> {
    let git = GitServer::start().await?;
    let allow = format!("[outbound]\nallow = [\"{}\"]", git.address());
    let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, &allow).await?;
    provide_images(&hearth, &["builder", "static", "python3.11", "python3.11-slim"])?;
    git.commit_files("hello", &[("index.html", "hello")])?;
    // A build that does not end by itself.
    let project = "[project]\nname = \"slow\"\nversion = \"1\"\n\
                   [build-system]\nrequires = []\nbuild-backend = \"slow\"\nbackend-path = [\".\"]\n";
    git.commit_files("slow", &[("pyproject.toml", project), ("slow.py", "import signal; signal.pause()")])?;
    let operator = hearth.operator().await?;
    let older = python::install_environment("older-components-client", OLDER_CLIENT);
    let older = Terminal::open(&hearth, &operator, "hello").await?.with_programs(older);
    ComponentsClient { terminal: older, git: &git, create_flags: &[] }.run_every_command().await?;
    let newest = Terminal::open(&hearth, &operator, "second").await?.with_newest_clients();
    let create_flags = &["--description", "the first page"];
    ComponentsClient { terminal: newest, git: &git, create_flags }.run_every_command().await?;
    hearth.stop().await
}

/// A release of the client, as far as the releases differ.
struct ComponentsClient<'a> {
    terminal: Terminal,
    git: &'a GitServer,
    /// Flags of `deployment create` that not every release has.
    create_flags: &'a [&'a str],
}

impl ComponentsClient<'_> {
    /// Runs every command and flag of a release.
    async fn run_every_command(&self) -> Result<()> {
        self.check_empty_tool();
        self.check_configuration();
        self.check_deployment().await?;
        self.check_generated_configuration();
        self.check_cancellation_and_deletion();
        self.check_deploy_token();
        self.check_deletion_of_configuration();
        let version = self.run(&["--version"]);
        assert!(version.starts_with("Toolforge Components CLI, version "), "{version}");
        self.terminal.check_all_options_used(&["components"]);
        Ok(())
    }

    /// Runs `toolforge components`, requires success and returns standard output.
    fn run(&self, words: &[&str]) -> String {
        self.terminal.run_successfully(&[&["components"], words].concat())
    }

    /// Like [`Self::run`], with `--json`.
    fn run_json(&self, words: &[&str]) -> Value {
        let printed = self.run(&[words, &["--json"]].concat());
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{words:?}: {error}\n{printed}"))
    }

    /// Runs `toolforge components`, requires the status of a user error and returns all output.
    fn run_refused(&self, words: &[&str]) -> String {
        let refused = self.terminal.run_toolforge(&[&["components"], words].concat());
        let printed = format!("{}{}", refused.out, refused.err);
        assert_eq!(refused.status, Some(1), "{words:?}\n{printed}");
        printed
    }

    /// Runs `toolforge components`, requires success and returns all output.
    fn run_with_messages(&self, words: &[&str]) -> String {
        let done = self.terminal.run_toolforge(&[&["components"], words].concat());
        let printed = format!("{}{}", done.out, done.err);
        assert_eq!(done.status, Some(0), "{words:?}\n{printed}");
        printed
    }

    /// Writes a configuration of a page that is built from a repository, and a scheduled program in the same image.
    fn write_config(&self, repository: &str) -> String {
        let text = format!(
            "config_version: v1beta1\ncomponents:\n  web:\n    component_type: continuous\n    build:\n      \
             repository: {}\n      ref: main\n    run:\n      command: web\n      port: 8000\n      publish: /\n  \
             nightly:\n    component_type: scheduled\n    build: {{reuse_from: web}}\n    run:\n      command: web\n      \
             schedule: \"@daily\"\n",
            self.git.repository_url(repository)
        );
        let file = self.terminal.file_path(&format!("{repository}.yaml"));
        fs::write(&file, text).unwrap();
        file.display().to_string()
    }

    fn check_empty_tool(&self) {
        let sample = self.run_with_messages(&["config", "generate"]);
        assert!(sample.contains("a sample set of them is returned instead"), "{sample}");
        assert!(sample.contains("please double check and validate before using it"), "{sample}");
        assert!(self.run_json(&["config", "generate"])["components"].is_object());
        assert!(self.run_refused(&["config", "show"]).contains("has no configuration"));
        assert!(self.run_refused(&["deployment", "create"]).contains("no stored configuration"));
        let listed = self.run_with_messages(&["deployment", "list"]);
        assert!(!listed.contains("deployment_"), "{listed}");
        assert!(self.run_refused(&["deploy-token", "show"]).contains("Unable to find"));
    }

    fn check_configuration(&self) {
        let file = self.write_config("hello");
        let created = self.run_with_messages(&["config", "create", &file]);
        assert!(created.contains("updated successfully"), "{created}");
        let created = self.run_json(&["config", "create", &file]);
        assert_eq!(created["data"]["components"]["nightly"]["build"]["reuse_from"], "web", "{created}");
        let url = self.git.repository_url("hello");
        assert!(self.run(&["config", "show"]).contains(&format!("repository: {url}")));
        assert_eq!(self.run_json(&["config", "show"])["components"]["web"]["build"]["repository"], *url);
        let wrong = self.terminal.file_path("wrong.yaml");
        fs::write(&wrong, "components: {web: {run: {command: web}}}\n").unwrap();
        let refused = self.run_refused(&["config", "create", &wrong.display().to_string()]);
        assert!(refused.contains("web"), "{refused}");
    }

    async fn check_deployment(&self) -> Result<()> {
        let create = ["deployment", "create", "--force-build", "--force-run"];
        let created = self.run_json(&[&create[..], self.create_flags].concat());
        let id = created["data"]["deploy_id"].as_str().unwrap().to_owned();
        for part in ["builds", "runs"] {
            let named = created["data"][part].as_object().unwrap();
            assert!(named.contains_key("web") && named.contains_key("nightly"), "{created}");
        }
        assert_eq!(created["data"]["force_build"], true);
        // One deployment is active at a time.
        self.run_refused(&["deployment", "create"]);
        let show = ["deployment", "show", &*id];
        wait_until_within(MAX_DEPLOYMENT_DURATION, "the deployment succeeds", async || {
            let shown = self.run_json(&show);
            let status = shown["status"].as_str().unwrap_or_default().to_owned();
            assert!(!matches!(&*status, "failed" | "timed_out" | "cancelled"), "{shown}");
            Ok((status == "successful").then_some(()))
        })
        .await?;
        let shown = self.run(&["deployment", "show"]);
        for text in ["Deployment ID: ", &*id, "web(successful)", "nightly(successful)"] {
            assert!(shown.contains(text), "{text}\n{shown}");
        }
        let listed = self.run(&["deployment", "list"]);
        assert!(listed.contains(&*id) && listed.contains("successful"), "{listed}");
        if let [_, description] = self.create_flags {
            assert!(shown.contains(description) && listed.contains(description), "{shown}\n{listed}");
        }
        assert_eq!(self.run_json(&["deployment", "list"])["data"]["deployments"][0]["deploy_id"], *id);
        // What has ended is not cancelled.
        self.run_refused(&["deployment", "cancel", &id]);
        Ok(())
    }

    /// A configuration from the jobs of the deployment is accepted as it is printed.
    fn check_generated_configuration(&self) {
        let generated = self.run(&["config", "generate"]);
        assert!(generated.contains(&self.git.repository_url("hello")), "{generated}");
        let file = self.terminal.file_path("generated.yaml");
        fs::write(&file, &generated).unwrap();
        self.run(&["config", "create", &file.display().to_string()]);
        let shown = self.run_json(&["config", "show"]);
        assert_eq!(shown["components"]["nightly"]["run"]["schedule"], "@daily", "{shown}");
    }

    fn check_cancellation_and_deletion(&self) {
        self.run(&["config", "create", &self.write_config("slow")]);
        let create = || -> String {
            let printed = self.run(&["deployment", "create"]);
            let line = printed.lines().find_map(|line| line.strip_prefix("Deployment ID: "));
            line.unwrap_or_else(|| panic!("{printed}")).to_owned()
        };
        // A cancelled or deleted deployment does not hold back the next one.
        let first = create();
        let cancelled = self.run(&["deployment", "cancel"]);
        assert!(cancelled.contains(&first) && cancelled.contains("cancel"), "{cancelled}");
        let second = create();
        let cancelled = self.run_json(&["deployment", "cancel", &second]);
        assert!(cancelled["status"].as_str().unwrap().starts_with("cancel"), "{cancelled}");
        let third = create();
        let unsure = self.terminal.run_toolforge(&["components", "deployment", "delete", &third]);
        assert!(unsure.status != Some(0) && unsure.out.contains("Are you sure"), "{unsure:?}");
        let deleted = self.run(&["deployment", "delete", &third, "--yes-im-sure"]);
        assert!(deleted.contains("Deleted deployment:") && deleted.contains(&third), "{deleted}");
        let fourth = create();
        let deleted = self.run_json(&["deployment", "delete", &fourth, "--yes-im-sure"]);
        assert_eq!(deleted["deploy_id"], *fourth);
        let listed = self.run(&["deployment", "list"]);
        assert!(
            listed.contains(&second) && !listed.contains(&third) && !listed.contains(&fourth),
            "{listed}"
        );
    }

    fn check_deploy_token(&self) {
        let token = |words: &[&str]| self.run_json(words)["token"].as_str().unwrap().to_owned();
        let created = self.run(&["deploy-token", "create"]);
        let first = token(&["deploy-token", "show"]);
        assert!(created.contains(&format!("Token: {first}")), "{created}");
        assert!(self.run(&["deploy-token", "show"]).contains(&first));
        self.run_refused(&["deploy-token", "create"]);
        let unsure = self.terminal.run_toolforge(&["components", "deploy-token", "refresh"]);
        assert!(unsure.status != Some(0) && unsure.out.contains("Are you sure"), "{unsure:?}");
        let refreshed = self.run(&["deploy-token", "refresh", "--yes-im-sure"]);
        assert!(refreshed.contains("New deployment token:") && !refreshed.contains(&first), "{refreshed}");
        let third = token(&["deploy-token", "refresh", "--yes-im-sure"]);
        assert!(!refreshed.contains(&third), "{refreshed}");
        let deleted = self.run(&["deploy-token", "delete", "--yes-im-sure"]);
        assert!(deleted.contains("Deleted deployment token:") && deleted.contains(&third), "{deleted}");
        let fourth = token(&["deploy-token", "create"]);
        assert_eq!(token(&["deploy-token", "delete", "--yes-im-sure"]), fourth);
        assert!(self.run_refused(&["deploy-token", "show"]).contains("Unable to find"));
    }

    fn check_deletion_of_configuration(&self) {
        let unsure = self.terminal.run_toolforge(&["components", "config", "delete"]);
        assert!(unsure.status != Some(0) && unsure.out.contains("Are you sure"), "{unsure:?}");
        let deleted = self.run_with_messages(&["config", "delete", "--yes-im-sure"]);
        assert!(deleted.contains("deleted successfully") && deleted.contains("nightly"), "{deleted}");
        self.run(&["config", "create", &self.write_config("hello")]);
        let deleted = self.run_json(&["config", "delete", "--yes-im-sure"]);
        assert!(deleted["components"]["web"].is_object(), "{deleted}");
        assert!(self.run_refused(&["config", "show"]).contains("has no configuration"));
    }
}
