//! `hearth envvars …`: values come from standard input and are never printed back.

use crate::{fake_server::PreparedAnswers, home::Home};

const API_KEY_JSON: &str = r#"{"envvar": {"name": "API_KEY", "value": "s3cret"}, "messages": {}}"#;
const NO_ENVVAR_JSON: &str =
    r#"{"error": ["there is no variable API_KEZ"], "code": "no-such-envvar", "request_id": "req_5"}"#;
const CREATED_JSON: &str = r#"{"envvar": {"name": "fresh", "value": "new"},
    "messages": {"info": [], "warning": ["Toolforge would not take this name"], "error": []}}"#;

fn build_home() -> Home {
    Home::linked_to_tool(PreparedAnswers::from([
        (
            "GET /envvars/v1/tool/dup-finder/envvars",
            (200, r#"{"envvars": [{"name": "API_KEY", "value": "s3cret"}], "messages": {}}"#.to_owned()),
        ),
        ("GET /envvars/v1/tool/dup-finder/envvars/API_KEY", (200, API_KEY_JSON.to_owned())),
        ("GET /envvars/v1/tool/dup-finder/envvars/API_KEZ", (404, NO_ENVVAR_JSON.to_owned())),
        ("GET /envvars/v1/tool/dup-finder/envvars/fresh", (404, NO_ENVVAR_JSON.to_owned())),
        ("POST /envvars/v1/tool/dup-finder/envvars", (200, CREATED_JSON.to_owned())),
        ("DELETE /envvars/v1/tool/dup-finder/envvars/API_KEY", (200, API_KEY_JSON.to_owned())),
        (
            "GET /envvars/v1/tool/dup-finder/quotas",
            (200, r#"{"quota": {"quota": 20, "used": 1}, "messages": {}}"#.to_owned()),
        ),
    ]))
}

#[test]
fn list_shows_values_only_on_demand() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["envvars", "list"]), @"
    out| API_KEY
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["envvars", "list", "--show-values", "--truncate"]), @"
    out| API_KEY	s3cret
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["envvars", "show", "API_KEY", "--raw"]), @"
    out| s3cret
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["envvars", "show", "API_KEZ"]), @"
    err| error: there is no variable API_KEZ [no-such-envvar]
    err| next:  hearth envvars show API_KEY
    ends with 1
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["envvars", "quota"]), @"
    out| Variables	variables	1	20
    ends with 0
    ");
}

#[test]
fn value_from_standard_input_is_saved_and_not_printed() {
    let home = build_home();
    insta::assert_snapshot!(home.run_with_input(&["envvars", "create", "fresh"], "two\nlines\n"), @"
    out| ✓ variable fresh is set for new runs
    err| warning: Toolforge would not take this name
    ends with 0
    ");
    insta::assert_snapshot!(home.read_requests().join("\n"), @r#"
    GET /envvars/v1/tool/dup-finder/envvars
    POST /envvars/v1/tool/dup-finder/envvars {"name":"fresh","value":"two\nlines"}
    "#);
}

#[test]
fn secret_value_as_an_argument_causes_a_warning() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["envvars", "create", "API_KEY", "other"]), @"
    out| ✓ variable API_KEY is changed for new runs
    err| warning: other users of this machine may have seen the value of API_KEY; omit it, and hearth asks for it
    err| warning: Toolforge would not take this name
    ends with 0
    ");
    assert!(
        !build_home()
            .run_to_transcript(&["envvars", "create", "fresh", "other"])
            .contains("other users of this machine")
    );
}

#[test]
fn same_value_changes_nothing() {
    insta::assert_snapshot!(build_home().run_with_input(&["envvars", "create", "API_KEY"], "s3cret\n"), @"
    out| nothing to change: API_KEY has this value already
    ends with 0
    ");
}

#[test]
fn invalid_name_is_answered_with_a_valid_one_and_without_the_value() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["envvars", "create", "API-KEY", "s3cret"]), @r#"
    err| error: "API-KEY" cannot be a variable's name: 1 to 128 letters, digits and underscores, not beginning with a digit [envvar-name]
    err| next:  hearth envvars create API_KEY VALUE
    ends with 1
    "#);
}

#[test]
fn missing_value_is_answered_with_the_command() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["envvars", "create", "API_KEY"]), @"
    err| error: API_KEY needs a value, and standard input is empty [no-value]
    err| next:  hearth envvars create API_KEY < FILE
    ends with 1
    ");
}

#[test]
fn deletion_requires_a_yes() {
    let home = build_home();
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "delete", "API_KEY"]), @"
    err| error: confirmation is missing: delete the variable API_KEY and its value [not-confirmed]
    err|        hearth asks no questions without a terminal.
    err| next:  hearth envvars delete API_KEY --yes
    ends with 1
    ");
    assert!(!home.read_requests().iter().any(|request| request.starts_with("DELETE")));
    for yes in ["--yes", "-y", "--yes-im-sure"] {
        assert!(
            home.run_to_transcript(&["envvars", "delete", "API_KEY", yes]).contains("are deleted"),
            "{yes}"
        );
    }
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "delete", "API_KEY", "--yes", "--json"]), @r#"
    out| {
    out|   "name": "API_KEY",
    out|   "deleted": true,
    out|   "restarted": []
    out| }
    ends with 0
    "#);
}

#[test]
fn variable_of_a_job_is_created_listed_shown_and_deleted() {
    let of_web = r#"{"name": "API_KEY", "value": "webs", "job": "web"}"#;
    let all =
        format!(r#"{{"envvars": [{{"name": "API_KEY", "value": "s3cret"}}, {of_web}], "messages": {{}}}}"#);
    let one = format!(r#"{{"envvar": {of_web}, "messages": {{}}}}"#);
    let home = Home::linked_to_tool(PreparedAnswers::from([
        ("GET /envvars/v1/tool/dup-finder/envvars?all=true", (200, all)),
        (
            "GET /envvars/v1/tool/dup-finder/envvars?job=web",
            (200, format!(r#"{{"envvars": [{of_web}], "messages": {{}}}}"#)),
        ),
        ("GET /envvars/v1/tool/dup-finder/envvars/API_KEY?job=web", (200, one.clone())),
        ("POST /envvars/v1/tool/dup-finder/envvars?job=web", (200, one.clone())),
        ("DELETE /envvars/v1/tool/dup-finder/envvars/API_KEY?job=web", (200, one)),
    ]));
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "list"]), @"
    out| API_KEY
    out| API_KEY	web
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "list", "--job", "web", "--show-values"]), @"
    out| API_KEY	webs	web
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "show", "API_KEY", "--job", "web"]), @"
    out| variable	API_KEY
    out| value	webs
    out| job	web
    ends with 0
    ");
    insta::assert_snapshot!(home.run_with_input(&["envvars", "create", "API_KEY", "--job", "web"], "other\n"), @"
    out| ✓ variable API_KEY of the job web is changed for new runs
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "delete", "API_KEY", "--job", "web"]), @"
    err| error: confirmation is missing: delete the variable API_KEY of the job web and its value [not-confirmed]
    err|        hearth asks no questions without a terminal.
    err| next:  hearth envvars delete API_KEY --job web --yes
    ends with 1
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "delete", "API_KEY", "--job", "web", "--yes"]), @"
    out| ✓ the variable API_KEY of the job web and its value are deleted; current runs keep the value
    ends with 0
    ");
}

#[test]
fn secret_value_is_never_shown() {
    let secret = r#"{"name": "API_KEY", "value": "", "secret": true}"#;
    let home = Home::linked_to_tool(PreparedAnswers::from([
        (
            "GET /envvars/v1/tool/dup-finder/envvars",
            (200, format!(r#"{{"envvars": [{secret}, {{"name": "URL", "value": "x"}}], "messages": {{}}}}"#)),
        ),
        (
            "GET /envvars/v1/tool/dup-finder/envvars/API_KEY",
            (200, format!(r#"{{"envvar": {secret}, "messages": {{}}}}"#)),
        ),
        (
            "POST /envvars/v1/tool/dup-finder/envvars",
            (200, format!(r#"{{"envvar": {secret}, "messages": {{}}}}"#)),
        ),
    ]));
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "list"]), @"
    out| API_KEY	secret
    out| URL
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "list", "--show-values"]), @"
    out| API_KEY	(secret)
    out| URL	x
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "show", "API_KEY"]), @"
    out| variable	API_KEY
    out| value	(secret)
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "show", "API_KEY", "--raw"]), @"
    err| error: API_KEY is a secret; its value cannot be read [envvar-secret]
    err| next:  hearth envvars create API_KEY   (sets a new value)
    ends with 1
    ");
    insta::assert_snapshot!(home.run_with_input(&["envvars", "create", "API_KEY"], "new\n"), @"
    out| ✓ variable API_KEY is changed for new runs
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "create", "WORD", "new", "--secret"]), @"
    out| ✓ variable WORD is set for new runs
    err| warning: other users of this machine may have seen the value of WORD; omit it, and hearth asks for it
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "create", "API_KEY", "new", "--secret=false"]), @"
    out| ✓ variable API_KEY is changed for new runs
    err| warning: other users of this machine may have seen the value of API_KEY; omit it, and hearth asks for it
    ends with 0
    ");
    let posts: Vec<_> =
        home.read_requests().into_iter().filter(|request| request.starts_with("POST")).collect();
    insta::assert_snapshot!(posts.join("\n"), @r#"
    POST /envvars/v1/tool/dup-finder/envvars {"name":"API_KEY","value":"new"}
    POST /envvars/v1/tool/dup-finder/envvars {"name":"WORD","value":"new","secret":true}
    POST /envvars/v1/tool/dup-finder/envvars {"name":"API_KEY","value":"new","secret":false}
    "#);
}

#[test]
fn jobs_with_former_variables_are_named_and_restarted_on_demand() {
    let job = |name: &str, changed: bool| {
        format!(
            r#"{{"name": "{name}", "job_type": "continuous", "imagename": "x", "image": "x", "image_state": "stable",
            "cmd": "x", "status_short": "Running", "status_long": "Running", "status": {{"short": "running",
            "messages": [], "duration": "2d", "up_to_date": true, "envvars_changed": {changed}}}}}"#
        )
    };
    let created = r#"{"envvar": {"name": "API_KEY", "value": "new"}, "messages": {"warning": [], "error": [],
        "info": ["web still runs with outdated variables; apply the current ones with: hearth jobs restart web"]}}"#;
    let home = Home::linked_to_tool(PreparedAnswers::from([
        ("GET /envvars/v1/tool/dup-finder/envvars", (200, r#"{"envvars": [], "messages": {}}"#.to_owned())),
        ("POST /envvars/v1/tool/dup-finder/envvars", (201, created.to_owned())),
        (
            "GET /jobs/v1/tool/dup-finder/jobs",
            (200, format!(r#"{{"jobs": [{}, {}], "messages": {{}}}}"#, job("bot", false), job("web", true))),
        ),
        ("POST /jobs/v1/tool/dup-finder/jobs/web/restart", (200, r#"{"messages": {}}"#.to_owned())),
    ]));
    insta::assert_snapshot!(home.run_with_input(&["envvars", "create", "API_KEY"], "new\n"), @"
    out| ✓ variable API_KEY is set for new runs
    err| web still runs with outdated variables; apply the current ones with: hearth jobs restart web
    ends with 0
    ");
    let restart = ["envvars", "create", "API_KEY", "--restart"];
    insta::assert_snapshot!(home.run_with_input(&restart, "new\n"), @"
    out| ✓ variable API_KEY is set for new runs
    err| web still runs with outdated variables; apply the current ones with: hearth jobs restart web
    err| web is restarting
    ends with 0
    ");
    let restarted = home.run_with_input(&[&restart[..], &["--json"]].concat(), "new\n");
    insta::assert_snapshot!(restarted, @r#"
    out| {
    out|   "name": "API_KEY",
    out|   "created": true,
    out|   "changed": false,
    out|   "restarted": [
    out|     "web"
    out|   ]
    out| }
    ends with 0
    "#);
    let posts = home.read_requests().into_iter().filter(|request| request.contains("/restart")).count();
    assert_eq!(posts, 2);
}
