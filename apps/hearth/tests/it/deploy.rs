//! `hearth deploy`: everything is checked first, the steps are told, and the address is the result.

use crate::{door::Answers, home::Home};

const ID: &str = "deployment_00000000000000000000000001";
const SOURCE: &str = r#"{"source": {"id": "source_00000000000000000000000001", "digest": "sha256:01", "size": 9,
    "expires": "2026-01-03T00:00:00Z"}, "messages": {}}"#;

fn deployment(status: &str, steps: &str, more: &str) -> String {
    format!(
        r#"{{"data": {{"deploy_id": "{ID}", "creation_time": "2026-01-02T03:04:05Z", "description": "",
        "source": {{"upload": "source_00000000000000000000000001"}}, "builds": {{}}, "runs": {{}},
        "status": "{status}", "long_status": "web does not listen on 0.0.0.0", "force_build": false,
        "force_run": false, "steps": [{steps}], "version": 1 {more}}}, "messages": {{}}}}"#
    )
}

fn step(name: &str, state: &str, message: &str) -> String {
    format!(
        r#"{{"name": "{name}", "state": "{state}", "message": "{message}", "started": "2026-01-02T03:04:05Z",
        "ended": "2026-01-02T03:04:11.2Z"}}"#
    )
}

fn home(over: String) -> Home {
    let begun = deployment("running", &step("source", "running", ""), "");
    let home = Home::of_tool(Answers::from([
        ("POST /builds/v1/tool/dup-finder/sources", (200, SOURCE.to_owned())),
        ("POST /components/v1/tool/dup-finder/deployment", (200, begun)),
        (
            "GET /components/v1/tool/dup-finder/deployment/deployment_00000000000000000000000001",
            (200, over.clone()),
        ),
        ("GET /components/v1/tool/dup-finder/deployment/latest", (200, over)),
        ("GET /", (200, "<h1>hello</h1>".to_owned())),
    ]));
    home.write("dup-finder/index.html", "<h1>hello</h1>");
    home
}

fn successful() -> String {
    let steps = [
        step("source", "done", "a folder, 9 B"),
        step("build", "skipped", ""),
        step("check", "done", ""),
        step("start", "done", "web is ready"),
        step("switch", "done", ""),
    ];
    let more = r#", "revision": 3, "url": "http://dup-finder.hearth.example.org:8080/""#;
    deployment("successful", &steps.join(","), more)
}

#[test]
fn the_steps_are_told_and_the_address_is_the_result() {
    let home = home(successful());
    let said = home.hide_amounts(&home.says(&["deploy"]));
    insta::assert_snapshot!(said, @r#"
    out| http://dup-finder.hearth.example.org:8080/   revision 3
    err| … plan
    err| ✓ plan    index.html: static files; web: exec python3 -m http.server "${PORT:-8000}"
    err| uploading 2 files, N B packed
    err| … source
    err| ✓ source  a folder, N B  N s
    err| ✓ build   not needed
    err| ✓ check   N s
    err| ✓ start   web is ready  N s
    err| ✓ switch  N s
    err| … answer
    err| ✓ answer  N s
    ends with 0
    "#);
    let asked = home.asked();
    assert!(asked[0].starts_with("POST /builds/v1/tool/dup-finder/sources"), "{asked:?}");
    assert_eq!(
        asked[1],
        r#"POST /components/v1/tool/dup-finder/deployment?force-build=false&force-run=false&queue=false {"description":"","source":{"upload":"source_00000000000000000000000001"}}"#
    );
    assert_eq!(
        asked.last().map(String::as_str),
        Some("GET /"),
        "the page was asked for, at the server's door"
    );
}

#[test]
fn what_the_build_said_is_shown_when_it_failed() {
    let at = |version: u32, builds: &str, state: &str| {
        let text = deployment("running", &step("build", state, ""), "");
        text.replace(r#""version": 1"#, &format!(r#""version": {version}"#))
            .replace(r#""builds": {}"#, &format!(r#""builds": {{{builds}}}"#))
    };
    let built = r#""web": {"build_id": "build_00000000000000000000000001", "build_status": "running",
        "build_image": "no-image-yet", "build_long_status": ""}"#;
    let more = r#", "code": "build-failed", "help": "hearth build logs build_00000000000000000000000001""#;
    let failed = deployment("failed", &step("build", "failed", "x"), more).replace(
        "web does not listen on 0.0.0.0",
        "Making the image failed with status 1:\\nlast but one\\nlast",
    );
    let show = "GET /components/v1/tool/dup-finder/deployment/deployment_00000000000000000000000001";
    let log = [
        "[build] 2026-01-02T03:04:05Z attempt 1",
        "[image] 2026-01-02T03:04:05Z Collecting flask",
        "\\u001b[2Jno",
    ];
    let log: String = log.iter().map(|line| format!("{{\"line\": \"{line}\"}}\n")).collect();
    let home = Home::of_tool(Answers::from([
        ("GET /components/v1/tool/dup-finder/deployment/latest", (200, at(1, "", "waiting"))),
        (&format!("{show}?wait=25&after=1"), (200, at(2, built, "running"))),
        (&format!("{show}?wait=25&after=2"), (200, failed)),
        ("GET /builds/v1/tool/dup-finder/builds/build_00000000000000000000000001/logs", (200, log)),
    ]));
    let said = home.says(&["deploy", "--follow"]);
    insta::assert_snapshot!(home.hide_amounts(&said), @r"
    err| … build
    err|   │ Collecting flask
    err|   │ \u{1b}[2Jno
    err| ✗ build   N s
    err| error: Making the image failed with status 1: last [build-failed]
    err|        Nothing else changed; no earlier revision was running.
    err| next:  hearth build logs build_00000000000000000000000001
    ends with 1
    ");
}

#[test]
fn what_went_wrong_says_first_what_still_runs() {
    let steps = [step("source", "done", ""), step("start", "failed", "nobody answers at port 8000")];
    let more = r#", "code": "port-unreachable", "help": "listen on 0.0.0.0:$PORT, then hearth deploy""#;
    let home = home(deployment("failed", &steps.join(","), more));
    insta::assert_snapshot!(home.says(&["deploy", "--quiet"]), @"
    err| error: web does not listen on 0.0.0.0 [port-unreachable]
    err|        Nothing else changed; no earlier revision was running.
    err| next:  listen on 0.0.0.0:$PORT, then hearth deploy
    ends with 1
    ");
    let more = format!(r#"{more}, "still_running": 2"#);
    let home = self::home(deployment("failed", &steps.join(","), &more));
    insta::assert_snapshot!(home.says(&["deploy", "--follow", "--quiet"]), @"
    err| error: web does not listen on 0.0.0.0 [port-unreachable]
    err|        Nothing changed: revision 2 runs as before.
    err| next:  listen on 0.0.0.0:$PORT, then hearth deploy
    ends with 1
    ");
}

#[test]
fn a_folder_without_a_tool_is_refused_and_none_is_made() {
    let home = home(successful());
    std::fs::remove_file(home.path("dup-finder/hearth.yaml")).expect("it was linked");
    insta::assert_snapshot!(home.says(&["deploy"]), @"
    err| error: this folder belongs to no tool, and none was named [no-tool]
    err|        A tool is named by --tool NAME, by HEARTH_TOOL, or by hearth.yaml in this folder.
    err| next:  hearth new dup-finder
    ends with 1
    ");
    assert!(home.asked().is_empty(), "{:?}", home.asked());
}

#[test]
fn another_folder_is_deployed_as_its_own_tool_and_is_the_one_that_is_linked() {
    let made = r#"{"data": {"id": "tool_00000000000000000000000002", "name": "second", "description": "",
        "state": "active", "role": "owner", "created": "2026-01-02T03:04:05Z"}}"#;
    let home = Home::of_tool(Answers::from([
        ("POST /tools/v1/tools", (201, made.to_owned())),
        ("POST /builds/v1/tool/second/sources", (200, SOURCE.to_owned())),
        ("POST /components/v1/tool/second/deployment", (200, successful())),
        ("GET /", (200, String::new())),
    ]));
    home.write("dup-finder/pages/index.html", "<h1>second</h1>");
    insta::assert_snapshot!(home.says(&["deploy", "pages", "--new", "second", "-q"]), @"
    out| http://dup-finder.hearth.example.org:8080/   revision 3
    ends with 0
    ");
    let link = std::fs::read_to_string(home.path("dup-finder/pages/hearth.yaml")).expect("it is linked");
    assert_eq!(link, "tool: second\n");
    let said = home.says(&["deploy", "pages", "-q"]);
    assert!(said.contains("revision 3"), "the folder's own link decides: {said}");
}

#[test]
fn what_cannot_be_built_is_refused_before_anything_is_made() {
    let home = home(successful());
    std::fs::remove_file(home.path("dup-finder/index.html")).expect("it was there");
    std::fs::remove_file(home.path("dup-finder/hearth.yaml")).expect("it was linked");
    home.write("dup-finder/requirements.txt", "");
    home.write("dup-finder/Procfile", "report: python report.py\n");
    insta::assert_snapshot!(home.says(&["deploy", "--new", "fresh"]), @"
    err| … plan
    err| ✗ plan    nothing was changed
    err| error: the folder has no process web: only report [no-such-process]
    err|        For jobs alone, build the image and make the jobs yourself.
    err| next:  hearth build start .
    ends with 1
    ");
    assert!(home.asked().is_empty(), "{:?}", home.asked());
}

#[test]
fn only_saying_what_would_be_done_uploads_nothing() {
    let home = home(successful());
    insta::assert_snapshot!(home.says(&["deploy", "--dry-run"]), @r#"
    out| would deploy . as dup-finder
    err| … plan
    err| ✓ plan    index.html: static files; web: exec python3 -m http.server "${PORT:-8000}"
    ends with 0
    "#);
    insta::assert_snapshot!(home.says(&["deploy", ".", "--ref", "main"]), @"
    err| error: a folder has no branches: it is deployed as it is [ref-of-folder]
    err| next:  leave --ref out, or name the repository's address
    ends with 1
    ");
    assert!(home.asked().is_empty(), "{:?}", home.asked());
}

#[test]
fn the_page_is_named_where_there_is_one() {
    let list = |items: &str| format!(r#"{{"data": {{"deployments": [{items}]}}, "messages": {{}}}}"#);
    let one = successful();
    let one = one.strip_prefix(r#"{"data": "#).and_then(|rest| rest.strip_suffix(r#", "messages": {}}"#));
    for (items, says) in [(one.unwrap_or_default(), true), ("", false)] {
        let path = "GET /components/v1/tool/dup-finder/deployment";
        let home = Home::of_tool(Answers::from([(path, (200, list(items)))]));
        let said = home.says(&["open"]);
        assert_eq!(said.contains("out| http://dup-finder.hearth.example.org:8080/"), says, "{said}");
        assert_eq!(said.contains("next:  hearth deploy"), !says, "{said}");
    }
}
