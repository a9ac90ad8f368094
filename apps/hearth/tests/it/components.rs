//! `hearth components …`: configuration, deployments and deploy token of a tool.

use crate::{fake_server::PreparedAnswers, home::Home};

const CONFIG_CALL: &str = "/components/v1/tool/dup-finder/config";
const TOKEN_CALL: &str = "/components/v1/tool/dup-finder/deployment/token";
const DEPLOYMENT_ID: &str = "deployment_00000000000000000000000009";

/// The stored configuration. As JSON it is YAML too, so that it is the text of both answers.
const CONFIG_JSON: &str = r#"{"data": {"config_version": "v1beta1", "components": {"web": {"component_type": "continuous",
    "build": {"repository": "https://example.org/dup.git", "ref": "main"}, "run": {"command": "web"}}}}, "messages":
    {"info": [], "warning": ["component web: use_latest_versions has no effect"], "error": []}}"#;

const TOKEN_JSON: &str = r#"{"data": {"token": "0190a4f0-0000-4000-8000-000000000001", "creation_date":
    "2026-01-02T03:04:05Z", "owner": "alice", "suspended": false}, "messages": {}}"#;

const DEPLOYMENT_JSON: &str = r#"{"data": {"deploy_id": "deployment_00000000000000000000000009",
    "creation_time": "2026-01-02T03:04:05Z", "description": "third try", "by": "user alice", "source": {"image": "x"},
    "builds": {"web": {"build_id": "no-build-needed", "build_status": "skipped", "build_image": "x",
    "build_long_status": ""}, "worker": {"build_id": "no-id-yet", "build_status": "failed", "build_image":
    "no-image-yet", "build_long_status": "no recipe"}}, "runs": {"web": {"run_status": "pending", "run_long_status": ""},
    "worker": {"run_status": "skipped", "run_long_status": ""}}, "status": "failed", "long_status": "worker: no recipe",
    "force_build": false, "force_run": false, "steps": [], "environment": "staging", "removed": ["old--staging"],
    "version": 1}, "messages": {"info": [], "warning": ["component web: retry has no effect"], "error": []}}"#;

fn build_home() -> Home {
    let refused = |message: &str, code: &str| {
        format!(r#"{{"messages": {{"error": ["{message}"]}}, "code": "{code}", "help": "use the API"}}"#)
    };
    let home = Home::linked_to_tool(PreparedAnswers::from([
        (&*format!("GET {CONFIG_CALL}"), (200, CONFIG_JSON.to_owned())),
        (&*format!("POST {CONFIG_CALL}"), (200, CONFIG_JSON.to_owned())),
        (&*format!("DELETE {CONFIG_CALL}"), (200, CONFIG_JSON.to_owned())),
        (&*format!("GET {CONFIG_CALL}/generate"), (200, CONFIG_JSON.to_owned())),
        (
            &*format!("POST {TOKEN_CALL}"),
            (409, refused("dup-finder has a deploy token", "deploy-token-exists")),
        ),
        (&*format!("PUT {TOKEN_CALL}"), (200, TOKEN_JSON.to_owned())),
        (&*format!("GET {TOKEN_CALL}"), (404, refused("there is no token", "no-such-deploy-token"))),
        (&*format!("DELETE {TOKEN_CALL}"), (200, TOKEN_JSON.to_owned())),
        ("POST /components/v1/tool/dup-finder/deployment", (200, DEPLOYMENT_JSON.to_owned())),
        (
            &*format!("GET /components/v1/tool/dup-finder/deployment/{DEPLOYMENT_ID}"),
            (200, DEPLOYMENT_JSON.to_owned()),
        ),
        (
            &*format!("DELETE /components/v1/tool/dup-finder/deployment/{DEPLOYMENT_ID}"),
            (200, DEPLOYMENT_JSON.to_owned()),
        ),
    ]));
    home.write("dup-finder/hearth.yaml", "tool: dup-finder\n# comment\ncomponents: {web: {}, worker: {}}\n");
    home
}

fn find_request(home: &Home, start: &str) -> String {
    home.read_requests().into_iter().find(|request| request.starts_with(start)).expect("the request was sent")
}

#[test]
fn configuration_is_stored_as_it_is_written() {
    let home = build_home();
    insta::assert_snapshot!(home.run_to_transcript(&["components", "config", "create", "hearth.yaml"]), @"
    out| ✓ the configuration of dup-finder is stored: 2 components: web, worker; nothing is deployed yet
    err| warning: component web: use_latest_versions has no effect
    err| next:  hearth deploy --stored
    ends with 0
    ");
    let stored = find_request(&home, "POST ");
    assert!(stored.ends_with("tool: dup-finder\n# comment\ncomponents: {web: {}, worker: {}}"), "{stored}");
    let home = build_home();
    home.run_with_input(&["components", "config", "create", "--json"], "components: {bot: {}}\n");
    assert!(find_request(&home, "POST ").ends_with("components: {bot: {}}"));
}

#[test]
fn equal_configuration_is_not_stored_again() {
    let home = build_home();
    home.write("dup-finder/same.yaml", CONFIG_JSON);
    let transcript = home.run_to_transcript(&["components", "config", "create", "same.yaml"]);
    assert!(
        transcript.contains("nothing to change") && transcript.ends_with("ends with 0\n"),
        "{transcript}"
    );
    assert!(home.read_requests().iter().all(|request| request.starts_with("GET ")));
}

#[test]
fn missing_configuration_names_a_file() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["components", "config", "create"]), @"
    err| error: no file is named, and standard input has no configuration [missing-argument]
    err| next:  hearth components config create hearth.yaml
    ends with 1
    ");
    let transcript = build_home().run_to_transcript(&["components", "config", "create", "absent.yaml"]);
    assert!(transcript.contains("absent.yaml cannot be read") && transcript.ends_with("ends with 1\n"));
}

#[test]
fn configuration_is_shown_as_text_and_as_json() {
    let home = build_home();
    let transcript = home.run_to_transcript(&["components", "config", "show"]);
    assert!(transcript.contains(r#"out| {"data""#), "the text is not changed: {transcript}");
    assert!(transcript.contains("err| warning: component web"), "{transcript}");
    let transcript = home.run_to_transcript(&["components", "config", "show", "--json=config_version"]);
    assert!(transcript.contains(r#"out|   "config_version": "v1beta1""#), "{transcript}");
    let transcript = home.run_to_transcript(&["components", "config", "show", "--json=component"]);
    assert!(transcript.contains("config_version, tool, source_url, build, components"), "{transcript}");
}

#[test]
fn generated_configuration_is_the_only_output() {
    let output = build_home().run(&["components", "config", "generate"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("config_version: v1beta1\ncomponents:\n  web:\n"), "{text}");
    assert!(!text.contains("warning"), "{text}");
}

#[test]
fn deletions_are_confirmed_and_name_the_loss() {
    for (words, lost) in [
        (&["components", "config", "delete"][..], "its components keep running"),
        (&["components", "deploy-token", "delete"], "pipelines that have the present one are refused"),
        (&["components", "deploy-token", "refresh"], "pipelines that have the present one are refused"),
        (
            &["components", "deployment", "delete", DEPLOYMENT_ID],
            "its revision and the running components stay",
        ),
        (&["deployment", "delete", DEPLOYMENT_ID], "its revision and the running components stay"),
    ] {
        let home = build_home();
        let transcript = home.run_to_transcript(words);
        assert!(transcript.contains("[not-confirmed]") && transcript.contains(lost), "{transcript}");
        assert!(transcript.ends_with("ends with 1\n"), "{transcript}");
        assert!(home.read_requests().iter().all(|request| request.starts_with("GET ")), "{words:?}");
        // The flag of Toolforge's client.
        let transcript = home.run_to_transcript(&[words, &["--yes-im-sure"]].concat());
        assert!(transcript.ends_with("ends with 0\n"), "{transcript}");
        assert!(home.read_requests().iter().any(|request| !request.starts_with("GET ")), "{words:?}");
    }
}

#[test]
fn deploy_token_is_not_shown_before_its_end() {
    let home = build_home();
    home.run_to_transcript(&["components", "deploy-token", "refresh", "--yes"]);
    home.run_to_transcript(&["components", "deploy-token", "delete", "--yes"]);
    let requests = home.read_requests();
    assert!(!requests.iter().any(|request| request.starts_with("GET ")), "{requests:?}");
}

#[test]
fn refusals_about_the_deploy_token_name_the_next_command() {
    let home = build_home();
    insta::assert_snapshot!(home.run_to_transcript(&["components", "deploy-token", "create"]), @"
    err| error: dup-finder has a deploy token [deploy-token-exists]
    err|        hearth components deploy-token refresh replaces it, delete deletes it.
    err| next:  hearth components deploy-token show
    ends with 1
    ");
    let transcript = home.run_to_transcript(&["components", "deploy-token", "show"]);
    assert!(transcript.contains("next:  hearth components deploy-token create\n"), "{transcript}");
    let transcript = home.run_to_transcript(&["components", "deploy-token", "refresh", "--yes"]);
    assert!(transcript.contains("0190a4f0-0000-4000-8000-000000000001"), "{transcript}");
}

#[test]
fn deployment_of_the_stored_configuration_has_no_source() {
    let flags = ["--force-build", "--force-run", "--description", "third try"];
    let home = build_home();
    let transcript = home.run_to_transcript(&[&["components", "deployment", "create"], &flags[..]].concat());
    assert_eq!(
        find_request(&home, "POST "),
        r#"POST /components/v1/tool/dup-finder/deployment?force-build=true&force-run=true&queue=false {"description":"third try"}"#
    );
    let short = build_home().run_to_transcript(&[&["deployment", "create"], &flags[..]].concat());
    assert_eq!(short, transcript);
    insta::assert_snapshot!(transcript, @"
    out| deployment	deployment_00000000000000000000000009
    out| state	failed
    out| message	worker: no recipe
    out| began	2026-01-02T03:04:05Z
    out| by	user alice
    out| source	x
    out| description	third try
    out| environment	staging
    out| component	web  build not needed  start waiting
    out| component	worker  build failed  no recipe  start not needed
    out| removed	old--staging
    err| warning: component web: retry has no effect
    err| next:  hearth deploy --follow
    ends with 0
    ");
}

#[test]
fn version_of_the_group_is_printed() {
    let transcript = Home::new().run_to_transcript(&["components", "--version"]);
    assert!(
        transcript.contains(env!("CARGO_PKG_VERSION")) && transcript.ends_with("ends with 0\n"),
        "{transcript}"
    );
}
