//! What a terminal is shown otherwise than a pipe: progress, colours, cut tables, times as people say them.

use crate::{
    door::{self, Answers},
    home::Home,
};

const DEPLOYMENT: &str = r#"{"data": {"deploy_id": "deployment_00000000000000000000000001",
    "creation_time": "2026-01-02T03:04:05Z", "description": "", "source": {"upload": "source_00000000000000000000000001"}, "builds": {},
    "runs": {}, "status": "STATUS", "long_status": "", "force_build": false, "force_run": false, "version": VERSION,
    "steps": [{"name": "source", "state": "STATE", "message": "a folder", "started": "2026-01-02T03:04:05Z",
    "ended": "2026-01-02T03:04:06Z"}]}, "messages": {}}"#;
const LONG: &str = "Running for 2 days, and before that for longer than anybody remembers";

fn deploying() -> Home {
    let at = |status: &str, state: &str, version: &str| {
        DEPLOYMENT.replace("STATUS", status).replace("STATE", state).replace("VERSION", version)
    };
    let deployment = "GET /components/v1/tool/dup-finder/deployment";
    Home::of_tool(Answers::from([
        (&*format!("{deployment}/latest"), (200, at("running", "running", "1"))),
        (
            &*format!("{deployment}/deployment_00000000000000000000000001"),
            (200, at("successful", "done", "2")),
        ),
    ]))
}

fn listing() -> Home {
    let jobs = format!(
        r#"{{"jobs": [{{"name": "web", "job_type": "continuous", "imagename": "x", "image": "x",
        "image_state": "stable", "cmd": "web", "status_short": "Running", "status_long": "{LONG}",
        "status": {{"short": "running", "messages": [], "duration": "2d", "up_to_date": true}}}}], "messages": {{}}}}"#
    );
    let alice =
        r#"{"data": {"items": [{"user": "alice", "role": "owner", "since": "2020-01-02T03:04:05Z"}]}}"#;
    let tool = r#"{"data": {"id": "tool_00000000000000000000000001", "name": "dup-finder", "description": "",
        "state": "active", "role": "owner", "created": "2020-01-02T03:04:05Z"}}"#;
    Home::of_tool(Answers::from([
        ("GET /jobs/v1/tool/dup-finder/jobs", (200, jobs.as_str())),
        ("GET /tools/v1/tool/dup-finder", (200, tool)),
        ("GET /tools/v1/tool/dup-finder/members", (200, alice)),
        ("GET /accounts/v1/me", (401, door::NOT_GOOD)),
    ]))
}

#[test]
fn progress_is_drawn_in_place_and_what_is_over_stays() {
    let home = deploying();
    let seen = home.types_at(80, &["deploy", "--follow"], &[("NO_COLOR", "1")]).ends();
    let seen = home.hide_amounts(&seen.replace("\r\u{1b}[K", "\nredrawn: "));
    // A slow machine draws it more often.
    let mut lines: Vec<&str> = seen.lines().collect();
    lines.dedup();
    insta::assert_snapshot!(lines.join("\n"), @"

    redrawn: · source  N s
    redrawn: · source  N s  a folder
    redrawn: ✓ source  a folder  N s
    it runs, and is not published
    ends with 0
    ");
}

#[test]
fn where_nothing_can_be_drawn_each_step_has_a_line_at_its_start_and_its_end() {
    let home = deploying();
    let seen = home.types_at(80, &["deploy", "--follow"], &[("TERM", "dumb")]).ends();
    insta::assert_snapshot!(home.hide_amounts(&seen), @"
    … source
    ✓ source  a folder  N s
    it runs, and is not published
    ends with 0
    ");
    insta::assert_snapshot!(home.hide_amounts(&home.says(&["deploy", "--follow"])), @"
    out| it runs, and is not published
    err| … source
    err| ✓ source  a folder  N s
    ends with 0
    ");
}

#[test]
fn colours_are_shown_at_a_terminal_unless_nobody_wants_them() {
    for (words, variables, colored) in [
        (&["whoami"][..], &[][..], true),
        (&["whoami"], &[("NO_COLOR", "1")], false),
        (&["whoami"], &[("NO_COLOR", "")], true),
        (&["whoami"], &[("TERM", "dumb")], false),
        (&["whoami", "--color", "never"], &[], false),
        (&["whoami", "--color", "always"], &[("NO_COLOR", "1")], true),
        (&["whoam", "--color=never"], &[], false),
        (&["whoam", "--color", "never"], &[], false),
        (&["whoami", "--colr", "--color", "never"], &[], false),
        (&["whoam"], &[], true),
    ] {
        let seen = listing().types_at(80, words, variables).ends();
        assert!(seen.contains("error:"), "{seen}");
        assert_eq!(seen.contains('\u{1b}'), colored, "{words:?} {variables:?} {seen:?}");
    }
}

#[test]
fn a_table_is_cut_to_the_terminal_and_nowhere_else() {
    let home = listing();
    let plain = &[("NO_COLOR", "1")];
    insta::assert_snapshot!(home.types_at(40, &["jobs", "list"], plain).ends(), @"
    job  type        how it is
    web  continuous  Running for 2 days, an…
    ends with 0
    ");
    assert!(home.types_at(200, &["jobs", "list"], plain).ends().contains(LONG));
    assert!(home.says(&["jobs", "list"]).contains(LONG));
}

#[test]
fn times_are_relative_at_a_terminal_and_exact_in_a_pipe() {
    let seen = listing().types(&["tool", "show"]).ends();
    assert!(seen.contains(" years ago") && !seen.contains("2020"), "{seen}");
    let said = listing().says(&["tool", "show"]);
    assert!(said.contains("out| made\t2020-01-02T03:04:05Z\n") && !said.contains("ago"), "{said}");
}

#[test]
fn alone_it_says_where_you_are_and_what_comes_next() {
    let home = listing();
    insta::assert_snapshot!(home.types_at(120, &[], &[("NO_COLOR", "1")]).ends(), @"
    server  [SERVER]  user ~/.config/hearth/credentials.toml
    user    alice                   user ~/.config/hearth/credentials.toml  the token shown is not good
    tool    dup-finder              folder ~/dup-finder/hearth.yaml

    next:  hearth login
    More: hearth -h
    ends with 0
    ");
}
