//! `hearth plan` and `hearth apply`: what a deployment would change, and a deployment without a build.

use crate::{fake_server::PreparedAnswers, home::Home};

const CONFIG_TEXT: &str = "config_version: hearth/v1\ntool: dup-finder\ncomponents: {web: {publish: true}, worker: {reuse_from: web}}\n";

const PLAN_CALL: &str = "POST /components/v1/tool/dup-finder/plan";

const PLAN_JSON: &str = r#"{"data": {"components": [
    {"name": "new", "action": "create", "image": "a build of the uploaded folder", "needs_build": true, "changes": [
        {"field": "cmd", "to": "./new"}, {"field": "variables.LEVEL", "to": "set"}]},
    {"name": "old", "action": "remove", "needs_build": false, "changes": []},
    {"name": "web", "action": "update", "image": "the image that it has", "needs_build": false, "changes": [
        {"field": "publish", "to": "/"}, {"field": "replicas", "from": 1, "to": 2}]}]},
    "messages": {"info": [], "warning": ["component web: retry has no effect"], "error": []}}"#;

const KEPT_JSON: &str = r#"{"data": {"components": [
    {"name": "web", "action": "keep", "image": "the image that it has", "needs_build": false, "changes": []}]},
    "messages": {}}"#;

/// A job that runs with variables from before a change.
const JOBS_JSON: &str = r#"{"jobs": [{"name": "bot", "job_type": "continuous", "imagename": "x", "image": "x", "image_state":
    "stable", "cmd": "y", "status_short": "Running", "status_long": "Running", "status": {"short": "running", "messages": [],
    "duration": "2d", "up_to_date": true, "envvars_changed": true}}], "messages": {}}"#;

const DEPLOYMENT_JSON: &str = r#"{"data": {"deploy_id": "deployment_00000000000000000000000001",
    "creation_time": "2026-01-02T03:04:05Z", "description": "", "source": {"image": "x"}, "builds": {}, "runs": {"web":
    {"run_status": "successful", "run_long_status": ""}}, "status": "successful", "long_status": "revision 4 runs",
    "force_build": false, "force_run": false, "steps": [], "revision": 4, "version": 1}, "messages": {}}"#;

fn build_home(plan: &str) -> Home {
    let home = Home::linked_to_tool(PreparedAnswers::from([
        (PLAN_CALL, (200, plan.to_owned())),
        ("GET /jobs/v1/tool/dup-finder/jobs", (200, JOBS_JSON.to_owned())),
        ("POST /jobs/v1/tool/dup-finder/jobs/bot/restart", (200, r#"{"messages": {}}"#.to_owned())),
        ("POST /components/v1/tool/dup-finder/deployment", (200, DEPLOYMENT_JSON.to_owned())),
        (
            "GET /components/v1/tool/dup-finder/deployment/deployment_00000000000000000000000001",
            (200, DEPLOYMENT_JSON.to_owned()),
        ),
    ]));
    home.write("dup-finder/hearth.yaml", CONFIG_TEXT);
    home
}

fn find_request(home: &Home, start: &str) -> String {
    home.read_requests().into_iter().find(|request| request.starts_with(start)).expect("the request was sent")
}

#[test]
fn plan_of_the_folder_lists_each_change_without_an_upload() {
    let home = build_home(PLAN_JSON);
    insta::assert_snapshot!(home.run_to_transcript(&["plan"]), @"
    out| new	create	image		a build of the uploaded folder
    out| new		command	-	./new
    out| new		variables.LEVEL	-	set
    out| old	remove
    out| web	change	image		the image that it has
    out| web		page	-	/
    out| web		replicas	1	2
    err| warning: component web: retry has no effect
    err| next:  hearth deploy
    ends with 0
    ");
    let text = CONFIG_TEXT.replace('\n', "\\n");
    let body = format!(r#"{PLAN_CALL}?folder=true {{"description":"","config":"{text}"}}"#);
    assert_eq!(home.read_requests(), [body]);
}

#[test]
fn plan_in_json_is_that_of_the_server() {
    let transcript = build_home(PLAN_JSON).run_to_transcript(&["plan", "--json=components"]);
    assert!(transcript.contains(r#"out|       "action": "create""#), "{transcript}");
    assert!(transcript.contains(r#"out|           "field": "variables.LEVEL""#), "{transcript}");
}

#[test]
fn stored_configuration_environment_and_repository_are_planned() {
    let home = build_home(KEPT_JSON);
    let transcript = home.run_to_transcript(&["plan", "--stored", "--environment", "staging"]);
    assert!(transcript.contains("Nothing would change."), "{transcript}");
    assert!(find_request(&home, "POST ").ends_with(r#"/plan {"description":"","environment":"staging"}"#));
    let home = build_home(KEPT_JSON);
    home.run_to_transcript(&["plan", "https://example.org/dup.git", "--ref", "main"]);
    let body = r#""source":{"git":{"url":"https://example.org/dup.git","ref":"main"}}}"#;
    assert!(find_request(&home, "POST ").ends_with(body), "{:?}", home.read_requests());
    let transcript = home.run_to_transcript(&["plan", "--ref", "main"]);
    assert!(transcript.contains("[ref-of-folder]"), "{transcript}");
}

#[test]
fn digests_of_selected_files_are_sent() {
    let home = build_home(KEPT_JSON);
    let text =
        "config_version: hearth/v1\ntool: dup-finder\ncomponents: {web: {when_changed: [web/**]}, api: {}}\n";
    home.write("dup-finder/hearth.yaml", text);
    home.write("dup-finder/web/index.js", "1\n");
    home.run_to_transcript(&["plan"]);
    let planned = find_request(&home, "POST ");
    assert!(planned.contains(r#""source_digests":{"web":"sha256:"#), "{planned}");
}

#[test]
fn apply_shows_the_plan_and_keeps_the_images() {
    let home = build_home(PLAN_JSON);
    insta::assert_snapshot!(home.run_to_transcript(&["apply", "-m", "two replicas"]), @"
    out| the tool runs and is not published   revision 4
    err| warning: component web: retry has no effect
    err| new	create	image		a build of the uploaded folder
    err| new		command	-	./new
    err| new		variables.LEVEL	-	set
    err| old	remove
    err| web	change	image		the image that it has
    err| web		page	-	/
    err| web		replicas	1	2
    ends with 0
    ");
    let text = CONFIG_TEXT.replace('\n', "\\n");
    let sent = find_request(&home, "POST /components/v1/tool/dup-finder/deployment");
    let body = format!(r#"{{"description":"two replicas","config":"{text}","keep_images":true}}"#);
    assert!(sent.ends_with(&body), "{sent}");
}

#[test]
fn apply_of_an_equal_configuration_deploys_nothing() {
    let home = build_home(KEPT_JSON);
    let transcript = home.run_to_transcript(&["apply"]);
    assert!(
        transcript.contains("nothing to change") && transcript.ends_with("ends with 0\n"),
        "{transcript}"
    );
    assert!(home.read_requests().iter().all(|request| !request.contains("/deployment")));
    home.write("dup-finder/hearth.yaml", "tool: dup-finder\n");
    let transcript = home.run_to_transcript(&["apply"]);
    assert!(transcript.contains("names no components [no-components]"), "{transcript}");
}

#[test]
fn apply_restarts_what_runs_with_former_variables() {
    let home = build_home(&KEPT_JSON.replace("web", "bot"));
    let transcript = home.run_to_transcript(&["apply"]);
    assert!(transcript.contains("out| ✓ restarted bot"), "{transcript}");
    let requests = home.read_requests();
    assert!(requests.iter().any(|request| request.starts_with("POST ") && request.contains("/bot/restart")));
    assert!(requests.iter().all(|request| !request.contains("/deployment")), "{requests:?}");
}
