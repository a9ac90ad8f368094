//! `hearth deploy` of a configuration: that of the folder, a named file, or the stored one.

use crate::{fake_server::PreparedAnswers, home::Home};

const CONFIG_TEXT: &str = "config_version: hearth/v1\ntool: dup-finder\ncomponents: {web: {publish: true}, worker: {reuse_from: web}}\n";

const SOURCE_JSON: &str = r#"{"source": {"id": "source_00000000000000000000000001", "digest": "sha256:01", "size": 9,
    "expires": "2026-01-03T00:00:00Z"}, "messages": {}}"#;

const STORED_JSON: &str =
    r#"{"data": {"config_version": "v1beta1"}, "messages": {}, "components": {"bot": {}}}"#;

fn deployment_json(status: &str, steps: &str, builds: &str) -> String {
    format!(
        r#"{{"data": {{"deploy_id": "deployment_00000000000000000000000001", "creation_time": "2026-01-02T03:04:05Z",
        "description": "", "source": {{"upload": "source_00000000000000000000000001"}}, "builds": {{{builds}}}, "runs":
        {{"web": {{"run_status": "successful", "run_long_status": ""}}, "worker": {{"run_status": "successful",
        "run_long_status": ""}}}}, "status": "{status}", "long_status": "worker: the build failed", "force_build": false,
        "force_run": false, "steps": [{steps}], "revision": 3, "removed": ["old"], "version": 1,
        "url": "http://dup-finder.hearth.example.org:8080/"}},
        "messages": {{"info": [], "warning": ["component web: retry has no effect"], "error": []}}}}"#
    )
}

fn step_json(name: &str, state: &str, message: &str) -> String {
    format!(r#"{{"name": "{name}", "state": "{state}", "message": "{message}"}}"#)
}

fn build_home(over: String) -> Home {
    let begun = deployment_json("running", &step_json("source", "running", ""), "");
    let log = |lines: &[&str]| -> String {
        lines.iter().map(|line| format!("{{\"line\": \"[image] 2026-01-02T03:04:05Z {line}\"}}\n")).collect()
    };
    let build_log = "GET /builds/v1/tool/dup-finder/builds/build_0000000000000000000000000";
    let home = Home::linked_to_tool(PreparedAnswers::from([
        ("POST /builds/v1/tool/dup-finder/sources", (200, SOURCE_JSON.to_owned())),
        ("POST /components/v1/tool/dup-finder/deployment", (200, begun)),
        (
            "GET /components/v1/tool/dup-finder/deployment/deployment_00000000000000000000000001",
            (200, over.clone()),
        ),
        ("GET /components/v1/tool/dup-finder/deployment/latest", (200, over)),
        ("GET /components/v1/tool/dup-finder/config", (200, STORED_JSON.to_owned())),
        (&*format!("{build_log}1/logs"), (200, log(&["Collecting flask"]))),
        (&*format!("{build_log}2/logs"), (200, log(&["no such package"]))),
        ("GET /", (200, "<h1>hello</h1>".to_owned())),
    ]));
    home.write("dup-finder/hearth.yaml", CONFIG_TEXT);
    home
}

fn successful_json() -> String {
    let steps =
        [step_json("build", "done", "web: 12 MB; worker: the image of web"), step_json("switch", "done", "")];
    deployment_json("successful", &steps.join(","), "")
}

fn find_deployment(home: &Home) -> String {
    let start = "POST /components/v1/tool/dup-finder/deployment";
    home.read_requests().into_iter().find(|request| request.starts_with(start)).expect("a deployment")
}

#[test]
fn folder_with_components_is_deployed_with_its_configuration() {
    let home = build_home(successful_json());
    insta::assert_snapshot!(home.hide_amounts(&home.run_to_transcript(&["deploy"])), @r"
    out| http://dup-finder.hearth.example.org:8080/   revision 3
    out|   components: web, worker
    out|   removed: old
    err| … plan
    err| ✓ plan    hearth.yaml: 2 components: web, worker
    err| uploading 1 file (N B packed)
    err| warning: component web: retry has no effect
    err| … source
    err| ✓ build   web: 12 MB; worker: the image of web
    err| ✓ switch  N s
    err| … answer
    err| ✓ answer  N s
    ends with 0
    ");
    let text = CONFIG_TEXT.replace('\n', "\\n");
    let body = format!(
        r#" {{"description":"","source":{{"upload":"source_00000000000000000000000001"}},"config":"{text}"}}"#
    );
    assert!(find_deployment(&home).ends_with(&body), "{}", find_deployment(&home));
}

#[test]
fn environment_and_file_are_flags() {
    let home = build_home(successful_json());
    home.write("dup-finder/other.yaml", "components: {bot: {}}\n");
    home.run_to_transcript(&["deploy", "--config", "other.yaml", "--environment", "staging"]);
    let deployed = find_deployment(&home);
    assert!(
        deployed.ends_with(r#""config":"components: {bot: {}}\n","environment":"staging"}"#),
        "{deployed}"
    );
    // A repository's own file is read by the server only.
    let home = build_home(successful_json());
    home.run_to_transcript(&["deploy", "https://example.org/dup.git"]);
    let deployed = find_deployment(&home);
    assert!(deployed.ends_with(r#""source":{"git":{"url":"https://example.org/dup.git"}}}"#), "{deployed}");
    let home = build_home(successful_json());
    home.run_to_transcript(&["deploy", "https://example.org/dup.git", "--config", "hearth.yaml"]);
    assert!(find_deployment(&home).contains(r#""config":"config_version"#));
}

#[test]
fn flags_about_one_component_are_refused_beside_a_configuration() {
    let home = build_home(successful_json());
    insta::assert_snapshot!(home.run_to_transcript(&["deploy", "--port", "9000", "--command", "./serve"]), @"
    err| error: hearth.yaml names the components; --port, --command cannot be combined with it [config-and-component]
    err| next:  set it in hearth.yaml, for each component, and omit the flag
    ends with 1
    ");
    home.write("dup-finder/hearth.yaml", "tool: dup-finder\n");
    let transcript = home.run_to_transcript(&["deploy", "--environment", "staging"]);
    assert!(
        transcript.contains("no configuration with components has the environment staging"),
        "{transcript}"
    );
    let transcript = home.run_to_transcript(&["deploy", "--config", "hearth.yaml"]);
    assert!(transcript.contains("hearth.yaml names no components"), "{transcript}");
    assert!(home.read_requests().is_empty(), "{:?}", home.read_requests());
}

#[test]
fn stored_configuration_is_deployed_without_a_source() {
    let home = build_home(successful_json());
    std::fs::remove_file(home.path_below("dup-finder/hearth.yaml")).expect("the link file exists");
    let stored = ["deploy", "--stored", "--tool", "dup-finder"];
    insta::assert_snapshot!(home.run_to_transcript(&[&stored[..], &["--dry-run"]].concat()), @"
    out| would deploy the stored configuration of dup-finder: component bot
    ends with 0
    ");
    let transcript = home.run_to_transcript(&[&stored[..], &["-m", "again", "--force-build"]].concat());
    assert!(transcript.contains("revision 3"), "{transcript}");
    assert_eq!(
        find_deployment(&home),
        r#"POST /components/v1/tool/dup-finder/deployment?force-build=true&force-run=false&queue=false {"description":"again"}"#
    );
    for words in [&["deploy", "sub", "--stored"][..], &["deploy", "--stored", "--port", "9000"]] {
        let transcript = home.run_to_transcript(words);
        assert!(transcript.contains("[conflicting-arguments]"), "{transcript}");
    }
}

#[test]
fn log_of_the_failed_build_of_several_is_shown() {
    let build = |name: &str, number: u8, state: &str| {
        format!(
            r#""{name}": {{"build_id": "build_0000000000000000000000000{number}", "build_status": "{state}",
            "build_image": "no-image-yet", "build_long_status": ""}}"#
        )
    };
    let builds = [build("web", 1, "successful"), build("worker", 2, "failed")].join(",");
    let failed = step_json("build", "failed", "worker: the build failed");
    let home = build_home(deployment_json("failed", &failed, &builds));
    let transcript = home.run_to_transcript(&["deploy", "--follow"]);
    assert!(transcript.contains("│ no such package") && !transcript.contains("flask"), "{transcript}");
    assert!(transcript.contains("error: worker: the build failed"), "{transcript}");
}
