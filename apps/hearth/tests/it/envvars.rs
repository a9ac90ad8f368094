//! `hearth envvars …`: values come from standard input and are never repeated.

use crate::{door::Answers, home::Home};

const API_KEY: &str = r#"{"envvar": {"name": "API_KEY", "value": "s3cret"}, "messages": {}}"#;
const NONE: &str =
    r#"{"error": ["there is no variable API_KEZ"], "code": "no-such-envvar", "request_id": "req_5"}"#;
const TOLD: &str = r#"{"envvar": {"name": "fresh", "value": "new"},
    "messages": {"info": [], "warning": ["Toolforge would not take this name"], "error": []}}"#;

fn home() -> Home {
    Home::of_tool(Answers::from([
        (
            "GET /envvars/v1/tool/dup-finder/envvars",
            (200, r#"{"envvars": [{"name": "API_KEY", "value": "s3cret"}], "messages": {}}"#.to_owned()),
        ),
        ("GET /envvars/v1/tool/dup-finder/envvars/API_KEY", (200, API_KEY.to_owned())),
        ("GET /envvars/v1/tool/dup-finder/envvars/API_KEZ", (404, NONE.to_owned())),
        ("GET /envvars/v1/tool/dup-finder/envvars/fresh", (404, NONE.to_owned())),
        ("POST /envvars/v1/tool/dup-finder/envvars", (200, TOLD.to_owned())),
        ("DELETE /envvars/v1/tool/dup-finder/envvars/API_KEY", (200, API_KEY.to_owned())),
        (
            "GET /envvars/v1/tool/dup-finder/quotas",
            (200, r#"{"quota": {"quota": 20, "used": 1}, "messages": {}}"#.to_owned()),
        ),
    ]))
}

#[test]
fn a_list_shows_values_only_when_asked() {
    insta::assert_snapshot!(home().says(&["envvars", "list"]), @"
    out| API_KEY
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["envvars", "list", "--show-values", "--truncate"]), @"
    out| API_KEY	s3cret
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["envvars", "show", "API_KEY", "--raw"]), @"
    out| s3cret
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["envvars", "show", "API_KEZ"]), @"
    err| error: there is no variable API_KEZ [no-such-envvar]
    err| next:  hearth envvars show API_KEY
    ends with 1
    ");
    insta::assert_snapshot!(home().says(&["envvars", "quota"]), @"
    out| Variables	variables	1	20
    ends with 0
    ");
}

#[test]
fn a_value_from_standard_input_is_kept_and_not_repeated() {
    let home = home();
    insta::assert_snapshot!(home.says_given(&["envvars", "create", "fresh"], "two\nlines\n"), @"
    out| ✓ variable fresh is set; runs that start from now on have it
    err| warning: Toolforge would not take this name
    ends with 0
    ");
    insta::assert_snapshot!(home.asked().join("\n"), @r#"
    GET /envvars/v1/tool/dup-finder/envvars
    POST /envvars/v1/tool/dup-finder/envvars {"name":"fresh","value":"two\nlines"}
    "#);
}

#[test]
fn a_value_as_an_argument_is_taken_with_a_warning_when_it_is_a_secret() {
    insta::assert_snapshot!(home().says(&["envvars", "create", "API_KEY", "other"]), @"
    out| ✓ variable API_KEY is changed; runs that start from now on have its new value
    err| warning: others on this machine may have seen the value of API_KEY: leave it out, and it is asked for
    err| warning: Toolforge would not take this name
    ends with 0
    ");
    assert!(!home().says(&["envvars", "create", "fresh", "other"]).contains("others on this machine"));
}

#[test]
fn the_same_value_again_changes_nothing() {
    insta::assert_snapshot!(home().says_given(&["envvars", "create", "API_KEY"], "s3cret\n"), @"
    out| nothing to change: API_KEY has this value already
    ends with 0
    ");
}

#[test]
fn a_name_that_cannot_be_is_answered_with_one_that_can_and_without_the_value() {
    insta::assert_snapshot!(home().says(&["envvars", "create", "API-KEY", "s3cret"]), @r#"
    err| error: "API-KEY" cannot be a variable's name: 1 to 128 letters, digits and underscores, not beginning with a digit [envvar-name]
    err| next:  hearth envvars create API_KEY VALUE
    ends with 1
    "#);
}

#[test]
fn without_a_value_the_way_to_give_one_is_told() {
    insta::assert_snapshot!(home().says(&["envvars", "create", "API_KEY"]), @"
    err| error: API_KEY needs a value, and standard input is empty [no-value]
    err| next:  hearth envvars create API_KEY < FILE
    ends with 1
    ");
}

#[test]
fn deleting_wants_a_yes() {
    let home = home();
    insta::assert_snapshot!(home.says(&["envvars", "delete", "API_KEY"]), @"
    err| error: nobody confirmed to delete the variable API_KEY and its value [not-confirmed]
    err|        Nothing is asked, because there is no terminal.
    err| next:  hearth envvars delete API_KEY --yes
    ends with 1
    ");
    assert!(!home.asked().iter().any(|asked| asked.starts_with("DELETE")));
    for yes in ["--yes", "-y", "--yes-im-sure"] {
        assert!(home.says(&["envvars", "delete", "API_KEY", yes]).contains("are deleted"), "{yes}");
    }
    insta::assert_snapshot!(home.says(&["envvars", "delete", "API_KEY", "--yes", "--json"]), @r#"
    out| {
    out|   "name": "API_KEY",
    out|   "deleted": true,
    out|   "restarted": []
    out| }
    ends with 0
    "#);
}

#[test]
fn a_variable_of_one_job_is_made_listed_shown_and_deleted() {
    let of_web = r#"{"name": "API_KEY", "value": "webs", "job": "web"}"#;
    let all =
        format!(r#"{{"envvars": [{{"name": "API_KEY", "value": "s3cret"}}, {of_web}], "messages": {{}}}}"#);
    let one = format!(r#"{{"envvar": {of_web}, "messages": {{}}}}"#);
    let home = Home::of_tool(Answers::from([
        ("GET /envvars/v1/tool/dup-finder/envvars?all=true", (200, all)),
        (
            "GET /envvars/v1/tool/dup-finder/envvars?job=web",
            (200, format!(r#"{{"envvars": [{of_web}], "messages": {{}}}}"#)),
        ),
        ("GET /envvars/v1/tool/dup-finder/envvars/API_KEY?job=web", (200, one.clone())),
        ("POST /envvars/v1/tool/dup-finder/envvars?job=web", (200, one.clone())),
        ("DELETE /envvars/v1/tool/dup-finder/envvars/API_KEY?job=web", (200, one)),
    ]));
    insta::assert_snapshot!(home.says(&["envvars", "list"]), @"
    out| API_KEY
    out| API_KEY	web
    ends with 0
    ");
    insta::assert_snapshot!(home.says(&["envvars", "list", "--job", "web", "--show-values"]), @"
    out| API_KEY	webs	web
    ends with 0
    ");
    insta::assert_snapshot!(home.says(&["envvars", "show", "API_KEY", "--job", "web"]), @"
    out| variable	API_KEY
    out| value	webs
    out| job	web
    ends with 0
    ");
    insta::assert_snapshot!(home.says_given(&["envvars", "create", "API_KEY", "--job", "web"], "other\n"), @"
    out| ✓ variable API_KEY of the job web is changed; runs that start from now on have its new value
    ends with 0
    ");
    insta::assert_snapshot!(home.says(&["envvars", "delete", "API_KEY", "--job", "web"]), @"
    err| error: nobody confirmed to delete the variable API_KEY of the job web and its value [not-confirmed]
    err|        Nothing is asked, because there is no terminal.
    err| next:  hearth envvars delete API_KEY --job web --yes
    ends with 1
    ");
    insta::assert_snapshot!(home.says(&["envvars", "delete", "API_KEY", "--job", "web", "--yes"]), @"
    out| ✓ the variable API_KEY of the job web and its value are deleted; runs that have it keep it
    ends with 0
    ");
}

#[test]
fn a_secret_is_sealed_and_its_value_never_shown() {
    let secret = r#"{"name": "API_KEY", "value": "", "secret": true}"#;
    let home = Home::of_tool(Answers::from([
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
    insta::assert_snapshot!(home.says(&["envvars", "list"]), @"
    out| API_KEY	secret
    out| URL
    ends with 0
    ");
    insta::assert_snapshot!(home.says(&["envvars", "list", "--show-values"]), @"
    out| API_KEY	(secret)
    out| URL	x
    ends with 0
    ");
    insta::assert_snapshot!(home.says(&["envvars", "show", "API_KEY"]), @"
    out| variable	API_KEY
    out| value	(secret)
    ends with 0
    ");
    insta::assert_snapshot!(home.says(&["envvars", "show", "API_KEY", "--raw"]), @"
    err| error: API_KEY is a secret: nobody reads its value back [envvar-secret]
    err| next:  hearth envvars create API_KEY   (gives it another one)
    ends with 1
    ");
    insta::assert_snapshot!(home.says_given(&["envvars", "create", "API_KEY"], "new\n"), @"
    out| ✓ variable API_KEY is changed; runs that start from now on have its new value
    ends with 0
    ");
    insta::assert_snapshot!(home.says(&["envvars", "create", "WORD", "new", "--secret"]), @"
    out| ✓ variable WORD is set; runs that start from now on have it
    err| warning: others on this machine may have seen the value of WORD: leave it out, and it is asked for
    ends with 0
    ");
    insta::assert_snapshot!(home.says(&["envvars", "create", "API_KEY", "new", "--secret=false"]), @"
    out| ✓ variable API_KEY is changed; runs that start from now on have its new value
    err| warning: others on this machine may have seen the value of API_KEY: leave it out, and it is asked for
    ends with 0
    ");
    let posts: Vec<_> = home.asked().into_iter().filter(|asked| asked.starts_with("POST")).collect();
    insta::assert_snapshot!(posts.join("\n"), @r#"
    POST /envvars/v1/tool/dup-finder/envvars {"name":"API_KEY","value":"new"}
    POST /envvars/v1/tool/dup-finder/envvars {"name":"WORD","value":"new","secret":true}
    POST /envvars/v1/tool/dup-finder/envvars {"name":"API_KEY","value":"new","secret":false}
    "#);
}

#[test]
fn what_runs_with_former_variables_is_named_and_restarted_when_asked() {
    let job = |name: &str, changed: bool| {
        format!(
            r#"{{"name": "{name}", "job_type": "continuous", "imagename": "x", "image": "x", "image_state": "stable",
            "cmd": "x", "status_short": "Running", "status_long": "Running", "status": {{"short": "running",
            "messages": [], "duration": "2d", "up_to_date": true, "envvars_changed": {changed}}}}}"#
        )
    };
    let told = r#"{"envvar": {"name": "API_KEY", "value": "new"}, "messages": {"warning": [], "error": [],
        "info": ["web still runs with the former variables; to give it the new ones: hearth jobs restart web"]}}"#;
    let home = Home::of_tool(Answers::from([
        ("GET /envvars/v1/tool/dup-finder/envvars", (200, r#"{"envvars": [], "messages": {}}"#.to_owned())),
        ("POST /envvars/v1/tool/dup-finder/envvars", (201, told.to_owned())),
        (
            "GET /jobs/v1/tool/dup-finder/jobs",
            (200, format!(r#"{{"jobs": [{}, {}], "messages": {{}}}}"#, job("bot", false), job("web", true))),
        ),
        ("POST /jobs/v1/tool/dup-finder/jobs/web/restart", (200, r#"{"messages": {}}"#.to_owned())),
    ]));
    insta::assert_snapshot!(home.says_given(&["envvars", "create", "API_KEY"], "new\n"), @"
    out| ✓ variable API_KEY is set; runs that start from now on have it
    err| web still runs with the former variables; to give it the new ones: hearth jobs restart web
    ends with 0
    ");
    let restart = ["envvars", "create", "API_KEY", "--restart"];
    insta::assert_snapshot!(home.says_given(&restart, "new\n"), @"
    out| ✓ variable API_KEY is set; runs that start from now on have it
    err| web still runs with the former variables; to give it the new ones: hearth jobs restart web
    err| web starts anew
    ends with 0
    ");
    let restarted = home.says_given(&[&restart[..], &["--json"]].concat(), "new\n");
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
    let posts = home.asked().into_iter().filter(|asked| asked.contains("/restart")).count();
    assert_eq!(posts, 2);
}
