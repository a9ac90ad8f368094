//! Commands about what was deployed: `revisions`, `rollback`, `deployment`, and files of the home.

use crate::{fake_server::PreparedAnswers, home::Home};

const LIST_REVISIONS_CALL: &str = "GET /components/v1/tool/dup-finder/revisions";
const DEPLOY_CALL: &str = "POST /components/v1/tool/dup-finder/deployment";
const SHOW_DEPLOYMENT_CALL: &str =
    "GET /components/v1/tool/dup-finder/deployment/deployment_00000000000000000000000009";

fn revision_json(number: u32, component: &str, image: &str, more: &str) -> String {
    format!(
        r#"{{"number": {number}, "deployment": "deployment_0000000000000000000000000{number}",
        "created": "2026-01-02T03:04:05Z", "by": "user alice", "description": "", "source": {{"image": "x"}},
        "resolved_ref": "", "image": "{image}", "component": "{component}", "command": "{component}"{more}}}"#
    )
}

fn page_json(number: u32, image: &str, kept: bool) -> String {
    revision_json(number, "web", image, &format!(r#", "port": 8000, "publish": true, "kept": {kept}"#))
}

fn deployment_json(status: &str) -> String {
    format!(
        r#"{{"data": {{"deploy_id": "deployment_00000000000000000000000009", "creation_time": "2026-01-02T03:04:05Z",
        "description": "", "source": {{"image": "x"}}, "builds": {{}}, "runs": {{}}, "status": "{status}",
        "long_status": "", "force_build": false, "force_run": false, "steps": [], "revision": 3, "version": 1}},
        "messages": {{}}}}"#
    )
}

fn build_home(revisions: &[String]) -> Home {
    let revisions = format!(r#"{{"data": {{"revisions": [{}]}}, "messages": {{}}}}"#, revisions.join(","));
    Home::linked_to_tool(PreparedAnswers::from([
        (LIST_REVISIONS_CALL, (200, revisions)),
        (DEPLOY_CALL, (200, deployment_json("running"))),
        (SHOW_DEPLOYMENT_CALL, (200, deployment_json("successful"))),
        ("GET /components/v1/tool/dup-finder/deployment/latest", (200, deployment_json("running"))),
        (
            "PUT /components/v1/tool/dup-finder/deployment/deployment_00000000000000000000000009/cancel",
            (200, deployment_json("cancelling")),
        ),
    ]))
}

#[test]
fn rollback_deploys_the_image_of_the_revision_before() {
    let home = build_home(&[page_json(2, "b@sha256:02", true), page_json(1, "a@sha256:01", true)]);
    let transcript = home.run_to_transcript(&["rollback"]);
    assert!(transcript.contains("revision 3") && transcript.ends_with("ends with 0\n"), "{transcript}");
    let requests = home.read_requests();
    let deployed = requests.iter().find(|request| request.starts_with(DEPLOY_CALL)).expect("a deployment");
    let body = r#"{"description":"roll back to revision 1","source":{"image":"a@sha256:01"},"component":"web","command":"web","port":8000,"publish":true}"#;
    assert!(deployed.ends_with(body), "{deployed}");
}

#[test]
fn rollback_of_a_scheduled_program_keeps_its_schedule() {
    let schedule = r#", "port": 0, "publish": false, "kept": true, "schedule": "@daily""#;
    let home =
        build_home(&[revision_json(2, "nightly", "b", schedule), revision_json(1, "nightly", "a", schedule)]);
    home.run_to_transcript(&["rollback", "1"]);
    let requests = home.read_requests();
    let deployed = requests.iter().find(|request| request.starts_with(DEPLOY_CALL)).expect("a deployment");
    assert!(deployed.ends_with(r#""command":"nightly","schedule":"@daily"}"#), "{deployed}");
}

#[test]
fn rollback_to_a_deleted_image_is_refused_before_any_change() {
    let home = build_home(&[page_json(2, "b", true), page_json(1, "a", false)]);
    let transcript = home.run_to_transcript(&["rollback"]);
    assert!(transcript.contains("[revision-not-kept]"), "{transcript}");
    let requests = home.read_requests();
    assert!(requests.iter().all(|request| request.starts_with("GET ")), "{requests:?}");
}

#[test]
fn newest_deployment_is_cancelled_by_default() {
    let home = build_home(&[]);
    let transcript = home.run_to_transcript(&["deployment", "cancel"]);
    assert!(transcript.contains("is being cancelled and rolled back"), "{transcript}");
    assert!(home.read_requests().iter().any(|request| request.starts_with("PUT ")));
}

#[test]
fn copy_without_the_home_names_both_forms() {
    let home = build_home(&[]);
    insta::assert_snapshot!(home.run_to_transcript(&["files", "copy", "a", "b"]), @"
    err| error: neither path is in the tool's home [no-home-path]
    err| next:  hearth files copy a home:b
    ends with 1
    ");
}
