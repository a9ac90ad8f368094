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
    out|   "deleted": true
    out| }
    ends with 0
    "#);
}
