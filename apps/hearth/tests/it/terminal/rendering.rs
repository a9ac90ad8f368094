//! Output that differs between a terminal and a pipe: progress, colours, cut tables, relative times.

use crate::{
    fake_server::{self, PreparedAnswers},
    home::Home,
};

const DEPLOYMENT_JSON: &str = r#"{"data": {"deploy_id": "deployment_00000000000000000000000001",
    "creation_time": "2026-01-02T03:04:05Z", "description": "", "source": {"upload": "source_00000000000000000000000001"}, "builds": {},
    "runs": {}, "status": "STATUS", "long_status": "", "force_build": false, "force_run": false, "version": VERSION,
    "steps": [{"name": "source", "state": "STATE", "message": "a folder", "started": "2026-01-02T03:04:05Z",
    "ended": "2026-01-02T03:04:06Z"}]}, "messages": {}}"#;
const LONG_STATUS: &str = "Running for 2 days, and before that for longer than anybody remembers";

fn build_deploying_home() -> Home {
    let at = |status: &str, state: &str, version: &str| {
        DEPLOYMENT_JSON.replace("STATUS", status).replace("STATE", state).replace("VERSION", version)
    };
    let deployment = "GET /components/v1/tool/dup-finder/deployment";
    Home::linked_to_tool(PreparedAnswers::from([
        (&*format!("{deployment}/latest"), (200, at("running", "running", "1"))),
        (
            &*format!("{deployment}/deployment_00000000000000000000000001"),
            (200, at("successful", "done", "2")),
        ),
    ]))
}

fn build_listing_home() -> Home {
    let jobs = format!(
        r#"{{"jobs": [{{"name": "web", "job_type": "continuous", "imagename": "x", "image": "x",
        "image_state": "stable", "cmd": "web", "status_short": "Running", "status_long": "{LONG_STATUS}",
        "status": {{"short": "running", "messages": [], "duration": "2d", "up_to_date": true}}}}], "messages": {{}}}}"#
    );
    let alice =
        r#"{"data": {"items": [{"user": "alice", "role": "owner", "since": "2020-01-02T03:04:05Z"}]}}"#;
    let tool = r#"{"data": {"id": "tool_00000000000000000000000001", "name": "dup-finder", "description": "",
        "state": "active", "role": "owner", "created": "2020-01-02T03:04:05Z"}}"#;
    Home::linked_to_tool(PreparedAnswers::from([
        ("GET /jobs/v1/tool/dup-finder/jobs", (200, jobs.as_str())),
        ("GET /tools/v1/tool/dup-finder", (200, tool)),
        ("GET /tools/v1/tool/dup-finder/members", (200, alice)),
        ("GET /accounts/v1/me", (401, fake_server::INVALID_TOKEN_JSON)),
    ]))
}

#[test]
fn progress_is_redrawn_in_place_and_finished_steps_stay() {
    let home = build_deploying_home();
    let seen = home.run_at_terminal_with(80, &["deploy", "--follow"], &[("NO_COLOR", "1")]).read_to_end();
    let seen = home.hide_amounts(&seen.replace("\r\u{1b}[K", "\nredrawn: "));
    // A slow machine redraws the line more often.
    let mut lines: Vec<&str> = seen.lines().collect();
    lines.dedup();
    insta::assert_snapshot!(lines.join("\n"), @"

    redrawn: · source  N s
    redrawn: · source  N s  a folder
    redrawn: ✓ source  a folder  N s
    the tool runs and is not published
    ends with 0
    ");
}

#[test]
fn dumb_terminal_prints_a_line_at_start_and_end_of_each_step() {
    let home = build_deploying_home();
    let seen = home.run_at_terminal_with(80, &["deploy", "--follow"], &[("TERM", "dumb")]).read_to_end();
    insta::assert_snapshot!(home.hide_amounts(&seen), @"
    … source
    ✓ source  a folder  N s
    the tool runs and is not published
    ends with 0
    ");
    insta::assert_snapshot!(home.hide_amounts(&home.run_to_transcript(&["deploy", "--follow"])), @"
    out| the tool runs and is not published
    err| … source
    err| ✓ source  a folder  N s
    ends with 0
    ");
}

#[test]
fn terminal_has_colours_unless_they_are_disabled() {
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
        let seen = build_listing_home().run_at_terminal_with(80, words, variables).read_to_end();
        assert!(seen.contains("error:"), "{seen}");
        assert_eq!(seen.contains('\u{1b}'), colored, "{words:?} {variables:?} {seen:?}");
    }
}

#[test]
fn table_is_cut_to_the_width_of_a_terminal_only() {
    let home = build_listing_home();
    let plain = &[("NO_COLOR", "1")];
    insta::assert_snapshot!(home.run_at_terminal_with(40, &["jobs", "list"], plain).read_to_end(), @"
    job  type        status
    web  continuous  Running for 2 days, an…
    ends with 0
    ");
    assert!(home.run_at_terminal_with(200, &["jobs", "list"], plain).read_to_end().contains(LONG_STATUS));
    assert!(home.run_to_transcript(&["jobs", "list"]).contains(LONG_STATUS));
}

#[test]
fn terminal_times_are_relative_and_piped_ones_exact() {
    let seen = build_listing_home().run_at_terminal(&["tool", "show"]).read_to_end();
    assert!(seen.contains(" years ago") && !seen.contains("2020"), "{seen}");
    let transcript = build_listing_home().run_to_transcript(&["tool", "show"]);
    assert!(
        transcript.contains("out| created\t2020-01-02T03:04:05Z\n") && !transcript.contains("ago"),
        "{transcript}"
    );
}

#[test]
fn hearth_alone_shows_settings_and_the_next_command() {
    let home = build_listing_home();
    insta::assert_snapshot!(home.run_at_terminal_with(120, &[], &[("NO_COLOR", "1")]).read_to_end(), @"
    server  [SERVER]  user ~/.config/hearth/credentials.toml
    user    alice                   user ~/.config/hearth/credentials.toml  the token shown is not good
    tool    dup-finder              folder ~/dup-finder/hearth.yaml

    next:  hearth login
    More: hearth -h
    ends with 0
    ");
}
