//! `hearth build …`.

use crate::{fake_server::PreparedAnswers, home::Home};

const BUILD_ID: &str = "build_00000000000000000000000001";

fn build_json(status: &str, message: &str) -> String {
    format!(
        r#"{{"build_id": "{BUILD_ID}", "status": "{status}", "message": "{message}", "start_time": "2026-01-02T03:04:05Z",
        "end_time": "", "parameters": {{"source_url": "https://example.org/dup.git", "ref": "main", "envvars": {{}},
        "image_name": "tool-dup-finder", "use_latest_versions": false, "use_deprecated_versions": false}},
        "destination_image": "tool-dup-finder/tool-dup-finder@sha256:0123", "resolved_ref": "9f3c2ab4d5",
        "step": "done", "processes": {{"web": "python app.py"}}, "created": "2026-01-02T03:04:00Z"}}"#
    )
}

fn build_home(status: &str, message: &str) -> Home {
    let one = format!(r#"{{"build": {}, "messages": {{}}}}"#, build_json(status, message));
    let new = format!(
        r#"{{"new_build": {{"name": "{BUILD_ID}", "resolved_ref": "9f3c2ab4d5", "parameters": {{"source_url": "",
        "ref": "", "envvars": {{}}, "image_name": "", "use_latest_versions": false,
        "use_deprecated_versions": false}}}}, "messages": {{}}}}"#
    );
    let source = r#"{"source": {"id": "source_00000000000000000000000001", "digest": "sha256:01", "size": 9,
        "expires": "2026-01-03T00:00:00Z"}, "messages": {}}"#;
    let log = "{\"line\": \"Collecting flask\"}\n{\"line\": \"\\u001b[32mdone\\u001b[0m\"}\n";
    let changed = format!(r#"{{"id": "{BUILD_ID}", "messages": {{}}}}"#);
    Home::linked_to_tool(PreparedAnswers::from([
        (
            "GET /builds/v1/tool/dup-finder/builds",
            (200, format!(r#"{{"builds": [{}], "messages": {{}}}}"#, build_json(status, message))),
        ),
        ("GET /builds/v1/tool/dup-finder/builds/latest", (200, one.clone())),
        ("GET /builds/v1/tool/dup-finder/builds/build_00000000000000000000000001", (200, one)),
        (
            "GET /builds/v1/tool/dup-finder/builds/build_00000000000000000000000001/logs",
            (200, log.to_owned()),
        ),
        ("POST /builds/v1/tool/dup-finder/builds", (200, new)),
        ("POST /builds/v1/tool/dup-finder/sources", (200, source.to_owned())),
        (
            "PUT /builds/v1/tool/dup-finder/builds/build_00000000000000000000000001/cancel",
            (200, changed.clone()),
        ),
        ("DELETE /builds/v1/tool/dup-finder/builds/build_00000000000000000000000001", (200, changed)),
        ("POST /builds/v1/tool/dup-finder/clean", (200, r#"{"messages": {}}"#.to_owned())),
    ]))
}

#[test]
fn build_start_shows_the_log_and_the_outcome() {
    let home = build_home("BUILD_SUCCESS", "");
    let words = ["build", "start", "https://example.org/dup.git", "--ref", "main", "-e", "A=b=c", "-i", "x"];
    insta::assert_snapshot!(home.run_to_transcript(&words), @"
    out| ✓ tool-dup-finder/tool-dup-finder@sha256:0123 is built from https://example.org/dup.git main (9f3c2ab)
    err| Collecting flask
    err| done
    ends with 0
    ");
    insta::assert_snapshot!(home.read_requests().join("\n"), @r#"
    POST /builds/v1/tool/dup-finder/builds?queue=false {"source_url":"https://example.org/dup.git","ref":"main","envvars":{"A":"b=c"},"image_name":"x","use_latest_versions":false,"use_deprecated_versions":false}
    GET /builds/v1/tool/dup-finder/builds/build_00000000000000000000000001/logs?follow=true
    GET /builds/v1/tool/dup-finder/builds/build_00000000000000000000000001
    "#);
    let failed = self::build_home("BUILD_FAILURE", "pip ended with 1");
    insta::assert_snapshot!(failed.run_to_transcript(&["build", "start", "-q"]), @"
    err| error: build build_00000000000000000000000001: pip ended with 1 [build-failed]
    err| next:  hearth build logs build_00000000000000000000000001
    ends with 1
    ");
}

#[test]
fn folder_is_uploaded_without_ignored_files() {
    let home = build_home("BUILD_PENDING", "");
    home.write("dup-finder/.gitignore", "secret\n");
    home.write("dup-finder/secret", "x");
    insta::assert_snapshot!(home.hide_amounts(&home.run_to_transcript(&["build", "start", ".", "--detach"])), @"
    out| ✓ build build_00000000000000000000000001 of https://example.org/dup.git main (9f3c2ab) continues
    err| uploading 2 files (N B packed)
    err| next:  hearth build logs -f
    ends with 0
    ");
    let requests = home.read_requests();
    let uploads: Vec<_> = requests.iter().filter(|request| request.contains("/sources")).collect();
    assert_eq!(uploads, ["POST /builds/v1/tool/dup-finder/sources (bytes)"]);
    assert!(
        requests.iter().any(|request| request.contains(r#""upload":"source_00000000000000000000000001""#))
    );
}

#[test]
fn builds_are_listed_and_shown_with_logs() {
    insta::assert_snapshot!(build_home("BUILD_SUCCESS", "").run_to_transcript(&["build", "list"]), @"
    out| build_00000000000000000000000001	done	2026-01-02T03:04:05Z	https://example.org/dup.git main (9f3c2ab)
    ends with 0
    ");
    insta::assert_snapshot!(build_home("BUILD_FAILURE", "pip ended with 1").run_to_transcript(&["build", "show"]), @"
    out| build	build_00000000000000000000000001
    out| state	failed
    out| source	https://example.org/dup.git main (9f3c2ab)
    out| began	2026-01-02T03:04:05Z
    out| ended	-
    out| image	tool-dup-finder/tool-dup-finder@sha256:0123
    out| message	pip ended with 1
    out| process	web: python app.py
    err| next:  hearth build logs build_00000000000000000000000001
    ends with 0
    ");
    insta::assert_snapshot!(build_home("BUILD_SUCCESS", "").run_to_transcript(&["build", "logs", BUILD_ID]), @"
    out| Collecting flask
    out| done
    ends with 0
    ");
}

#[test]
fn flag_all_selects_applicable_builds() {
    insta::assert_snapshot!(build_home("BUILD_SUCCESS", "").run_to_transcript(&["build", "cancel", "--all"]), @"
    err| nothing to change: there is no build to cancel
    ends with 0
    ");
    insta::assert_snapshot!(build_home("BUILD_RUNNING", "").run_to_transcript(&["build", "cancel", "--all"]), @"
    err| error: confirmation is missing: cancel build build_00000000000000000000000001 [not-confirmed]
    err|        hearth asks no questions without a terminal.
    err| next:  hearth build cancel --all --yes
    ends with 1
    ");
    insta::assert_snapshot!(build_home("BUILD_RUNNING", "").run_to_transcript(&["build", "cancel", BUILD_ID, "--yes-i-know"]), @"
    out| build_00000000000000000000000001	cancelled
    ends with 0
    ");
    insta::assert_snapshot!(build_home("BUILD_SUCCESS", "").run_to_transcript(&["build", "delete", "--all", "-y"]), @"
    out| build_00000000000000000000000001	deleted
    ends with 0
    ");
    insta::assert_snapshot!(build_home("BUILD_SUCCESS", "").run_to_transcript(&["build", "clean", "-y"]), @"
    out| ✓ deleted: 1 finished build and the unused images
    ends with 0
    ");
    insta::assert_snapshot!(build_home("BUILD_SUCCESS", "").run_to_transcript(&["build", "cancel"]), @"
    err| error: the command names no build [build-ambiguous]
    err| next:  hearth build cancel --all
    ends with 1
    ");
}

#[test]
fn build_plan_needs_no_server() {
    let home = Home::new();
    home.write("dup-finder/requirements.txt", "flask==3.1.3\n");
    home.write("dup-finder/Procfile", "web: gunicorn app:app\n");
    insta::assert_snapshot!(home.run_to_transcript(&["build", "plan"]), @"
    out| kind	Python
    out| base image	python3.11-slim
    out| process	web: gunicorn app:app
    out| reason	requirements.txt: Python; its packages are installed before the other files are copied, and again only when it changes.
    out| reason	Procfile: the processes are web.
    err| next:  hearth deploy
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["build", "plan", "nowhere"]), @"
    err| error: nowhere is not a folder [no-folder]
    err| next:  hearth build plan FOLDER
    ends with 1
    ");
}

#[test]
fn plan_names_the_next_step_of_a_program_without_a_page() {
    let home = Home::new();
    for (folder, procfile, next) in [
        ("bot", None, "for a program without a page: hearth deploy bot --command COMMAND --continuous"),
        (
            "one",
            Some("worker: python3 bot.py\n"),
            "next:  for a program without a page: hearth deploy one --continuous, or --schedule @daily",
        ),
        (
            "two",
            Some("a: ./a\nb: ./b\n"),
            "next:  for a program without a page: hearth deploy two --component a --continuous",
        ),
        ("page", Some("web: ./a\nb: ./b\n"), "next:  hearth deploy page\n"),
    ] {
        home.write(&format!("dup-finder/{folder}/requirements.txt"), "");
        if let Some(text) = procfile {
            home.write(&format!("dup-finder/{folder}/Procfile"), text);
        }
        let transcript = home.run_to_transcript(&["build", "plan", folder]);
        assert!(transcript.contains(next), "{transcript}");
    }
}

#[test]
fn printed_containerfile_names_images_that_a_build_finds() {
    let site = r#"{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "5"}}"#;
    for (folder, file, text, images) in [
        (
            "python",
            "requirements.txt",
            "flask\n",
            &["hearth/python3.11 AS build", "hearth/python3.11-slim"][..],
        ),
        ("node", "server.js", "", &["hearth/node18-slim"]),
        ("site", "package.json", site, &["hearth/node18 AS build", "hearth/static"]),
        ("php", "index.php", "", &["hearth/php8.2"]),
        ("static", "index.html", "", &["hearth/static"]),
    ] {
        let home = Home::new();
        home.write(&format!("dup-finder/{folder}/{file}"), text);
        if folder == "node" {
            home.write("dup-finder/node/package.json", "{}");
        }
        let output = home.run(&["build", "plan", folder, "--containerfile"]);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let named: Vec<&str> = printed.lines().filter_map(|line| line.strip_prefix("FROM ")).collect();
        assert_eq!(named, images, "{printed}");
    }
}

#[test]
fn waiting_build_shows_its_place_in_the_queue() {
    let place = r#""created": "2026-01-02T03:04:00Z", "queue": {"position": 3, "expected_wait": 130}"#;
    let waiting = build_json("BUILD_PENDING", "").replace(r#""created": "2026-01-02T03:04:00Z""#, place);
    let home = Home::linked_to_tool(PreparedAnswers::from([
        (
            "GET /builds/v1/tool/dup-finder/builds",
            (200, format!(r#"{{"builds": [{waiting}], "messages": {{}}}}"#)),
        ),
        (
            "GET /builds/v1/tool/dup-finder/builds/latest",
            (200, format!(r#"{{"build": {waiting}, "messages": {{}}}}"#)),
        ),
    ]));
    let listed = home.run_to_transcript(&["build", "list"]);
    assert!(listed.contains("waiting, place 3"), "{listed}");
    let shown = home.run_to_transcript(&["build", "show"]);
    assert!(shown.contains("queue\tplace 3; begins in about 3 min"), "{shown}");
}

#[test]
fn failed_build_shows_cause_line_and_next_step() {
    let failure = r#""created": "2026-01-02T03:04:00Z", "failure": {"class": "dependency-not-found",
        "line": "ERROR: No matching distribution found for nosuch", "next_step": "Correct the name."}"#;
    let failed = build_json("BUILD_FAILURE", "").replace(r#""created": "2026-01-02T03:04:00Z""#, failure);
    let home = Home::linked_to_tool(PreparedAnswers::from([(
        "GET /builds/v1/tool/dup-finder/builds/latest",
        (200, format!(r#"{{"build": {failed}, "messages": {{}}}}"#)),
    )]));
    let shown = home.run_to_transcript(&["build", "show"]);
    for row in [
        "cause\ta dependency was not found",
        "line\tERROR: No matching distribution found for nosuch",
        "to do\tCorrect the name.",
    ] {
        assert!(shown.contains(row), "{row}: {shown}");
    }
}
