//! `hearth logs`: pages and streams, the oldest line first.

use crate::{fake_server::PreparedAnswers, home::Home};

fn entry_json(second: u32, text: &str, stream: &str) -> String {
    format!(
        r#"{{"pod": "web-1", "container": "web", "datetime": "2026-01-02T03:04:{second:02}Z", "message": "{text}",
        "stream": "{stream}", "run": "run_1", "cursor": "c{second}"}}"#
    )
    .replace('\n', "")
}

fn page_answer(entries: &[String], next: &str) -> (u16, String) {
    (200, format!(r#"{{"data": {{"logs": [{}]{next}}}, "messages": {{}}}}"#, entries.join(",")))
}

#[test]
fn newest_lines_are_printed_oldest_first_over_all_pages() {
    let next = r#", "next": {"url": "?cursor=c8"}"#;
    let home = Home::linked_to_tool(PreparedAnswers::from([
        (
            "GET /logs/v1/tool/dup-finder/job/web/logs?cursor=c8",
            page_answer(&[entry_json(7, "seven", "err")], ""),
        ),
        (
            "GET /logs/v1/tool/dup-finder/job/web/logs",
            page_answer(
                &[entry_json(9, r"10 %\r100 %\u001b[2J", "out"), entry_json(8, "2 lines lost", "note")],
                next,
            ),
        ),
    ]));
    insta::assert_snapshot!(home.run_to_transcript(&["logs", "web", "-l", "3"]), @r"
    out| 2026-01-02T03:04:07.000000Z seven
    out| 2026-01-02T03:04:08.000000Z [hearth] 2 lines lost
    out| 2026-01-02T03:04:09.000000Z 100 %\u{1b}[2J
    ends with 0
    ");
    insta::assert_snapshot!(home.read_requests().join("\n"), @"
    GET /logs/v1/tool/dup-finder/job/web/logs?lines=3&direction=newest_first
    GET /logs/v1/tool/dup-finder/job/web/logs?cursor=c8
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["jobs", "logs", "web", "--json=message,stream"]), @r#"
    out| {"message":"seven","stream":"err"}
    out| {"message":"2 lines lost","stream":"note"}
    out| {"message":"10 %\r100 %\u001b[2J","stream":"out"}
    ends with 0
    "#);
}

#[test]
fn stream_resumes_at_its_cursor_until_the_server_ends_it() {
    let end = r#"{"message": "this went on for long enough", "datetime": "2026-01-02T03:05:00Z", "pod": "",
        "container": "", "code": "stream-over", "cursor": "c2"}"#;
    let lost = r#"{"message": "the tool is being deleted", "datetime": "2026-01-02T03:05:00Z", "code": "tool-gone"}"#;
    let line = |json: &str| json.replace('\n', "") + "\n";
    let first = entry_json(1, "one", "out") + "\n\n" + &entry_json(2, "two", "out") + "\n" + &line(end);
    let home = Home::linked_to_tool(PreparedAnswers::from([
        ("GET /logs/v1/tool/dup-finder/job/web/logs_stream", (200, first)),
        (
            "GET /logs/v1/tool/dup-finder/job/web/logs_stream?lines=100&direction=newest_first&cursor=c2",
            (200, entry_json(3, "three", "out") + "\n" + &line(lost)),
        ),
    ]));
    insta::assert_snapshot!(home.run_to_transcript(&["logs", "-f", "web"]), @"
    out| 2026-01-02T03:04:01.000000Z one
    out| 2026-01-02T03:04:02.000000Z two
    out| 2026-01-02T03:04:03.000000Z three
    err| error: the tool is being deleted [stream-ended]
    err| next:  hearth logs -f web
    ends with 2
    ");
}

#[test]
fn job_without_logs_shows_the_message_of_the_server() {
    let nothing = r#"{"messages": {"error": ["web has not written anything yet"]}, "code": "no-logs",
        "help": "hearth jobs show web"}"#;
    let jobs = r#"{"jobs": [], "messages": {}}"#.to_owned();
    let home = Home::linked_to_tool(PreparedAnswers::from([
        ("GET /logs/v1/tool/dup-finder/job/web/logs", (404, nothing.to_owned())),
        ("GET /jobs/v1/tool/dup-finder/jobs", (200, jobs)),
    ]));
    insta::assert_snapshot!(home.run_to_transcript(&["logs", "web"]), @"
    err| error: web has not written anything yet [no-logs]
    err| next:  hearth jobs show web
    ends with 1
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["logs"]), @"
    err| error: dup-finder has no jobs [no-jobs]
    err| next:  hearth deploy
    ends with 1
    ");
}

#[test]
fn lines_of_all_jobs_are_filtered_and_prefixed_with_the_job() {
    let of = |job: &str, entry: String| {
        entry.replace(r#""container": "web""#, &format!(r#""container": "{job}""#))
    };
    let lines = [
        of("tidy", entry_json(9, r"\u001b]0;x\u0007nine", "out")),
        of("web", entry_json(8, "eight", "note")),
    ];
    let home = Home::linked_to_tool(PreparedAnswers::from([(
        "GET /logs/v1/tool/dup-finder/logs",
        page_answer(&lines, ""),
    )]));
    insta::assert_snapshot!(home.run_to_transcript(&["logs", "--all", "--regex", "^[en]i"]), @r"
    out| 2026-01-02T03:04:08.000000Z web | [hearth] eight
    out| 2026-01-02T03:04:09.000000Z tidy | \u{1b}]0;x\u{7}nine
    ends with 0
    ");
    insta::assert_snapshot!(home.read_requests().last().expect("there was a request"), @"GET /logs/v1/tool/dup-finder/logs?lines=100&direction=newest_first&regex=%5E%5Ben%5Di");
    insta::assert_snapshot!(home.run_to_transcript(&["logs", "web", "--all"]), @"
    err| error: NAME and --all cannot be combined [conflicting-arguments]
    err| next:  hearth logs -h
    ends with 1
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["logs", "--all", "--regex", "a", "--text", "b"]), @"
    err| error: --regex and --text cannot be combined [conflicting-arguments]
    err| next:  hearth logs -h
    ends with 1
    ");
}

/// A tool without jobs whose latest deployment failed, with the log of its component.
fn build_home_after_first_crash(job_answer: (u16, String)) -> Home {
    build_home_after_first_failure("web", "failed", "failed", job_answer)
}

/// The same for any component: `status` is the state of the deployment, `run_status` that of the component.
fn build_home_after_first_failure(
    component: &str,
    status: &str,
    run_status: &str,
    job_answer: (u16, String),
) -> Home {
    let failed = format!(
        r#"{{"data": {{"deploy_id": "deployment_00000000000000000000000001",
        "creation_time": "2026-01-02T03:04:05Z", "description": "", "source": {{"git": {{"url": "https://x.example/a"}}}},
        "builds": {{}}, "runs": {{"{component}": {{"run_status": "{run_status}", "run_long_status": ""}}}},
        "status": "{status}", "long_status": "it failed\\nImportError: no missing_thing", "force_build": false,
        "force_run": false, "steps": [], "version": 1}}, "messages": {{}}}}"#
    );
    let log = format!("GET /logs/v1/tool/dup-finder/job/{component}/logs");
    Home::linked_to_tool(PreparedAnswers::from([
        ("GET /jobs/v1/tool/dup-finder/jobs", (200, r#"{"jobs": [], "messages": {}}"#.to_owned())),
        ("GET /components/v1/tool/dup-finder/deployment/latest", (200, failed)),
        (log.as_str(), job_answer),
    ]))
}

#[test]
fn log_of_a_component_is_printed_although_its_first_deployment_left_no_job() {
    let lines = page_answer(&[entry_json(7, "ImportError: no missing_thing", "err")], "");
    let home = build_home_after_first_crash(lines);
    for words in [&["logs"][..], &["logs", "web"], &["jobs", "logs", "web"]] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(home.run_to_transcript(words), @"
            out| 2026-01-02T03:04:07.000000Z ImportError: no missing_thing
            ends with 0
            ");
        }
    }
}

#[test]
fn log_of_a_component_of_any_name_is_printed_after_any_failed_first_deployment() {
    for (component, status) in [("bot", "failed"), ("web", "timed_out"), ("worker", "cancelled")] {
        let lines = page_answer(&[entry_json(7, "ImportError: no missing_thing", "err")], "");
        let home = build_home_after_first_failure(component, status, "failed", lines);
        for words in [&["logs"][..], &["logs", component]] {
            let transcript = home.run_to_transcript(words);
            assert!(transcript.contains("out| 2026-01-02T03:04:07.000000Z ImportError"), "{transcript}");
        }
    }
}

#[test]
fn failed_build_is_named_where_the_log_of_its_component_is_asked_for() {
    let nothing = r#"{"messages": {"error": ["web has not written anything yet"]}, "code": "no-such-log"}"#;
    let home = build_home_after_first_failure("web", "failed", "skipped", (404, nothing.to_owned()));
    insta::assert_snapshot!(home.run_to_transcript(&["logs"]), @"
    err| error: dup-finder has no jobs: its newest deployment ended before it started one [no-jobs]
    err| next:  hearth build show
    ends with 1
    ");
}

#[test]
fn component_that_wrote_nothing_before_its_crash_is_named_in_the_error() {
    let nothing = r#"{"messages": {"error": ["web has not written anything yet"]}, "code": "no-such-log"}"#;
    let home = build_home_after_first_crash((404, nothing.to_owned()));
    let transcript = home.run_to_transcript(&["logs"]);
    assert!(transcript.contains("web has not written anything yet"), "{transcript}");
}

#[test]
fn following_does_not_wait_for_the_log_of_a_job_that_has_none() {
    let nothing = r#"{"messages": {"error": ["web has not written anything yet"]}, "code": "no-such-log"}"#;
    let stream = ("GET /logs/v1/tool/dup-finder/job/web/logs_stream", (404, nothing.to_owned()));
    let no_job = r#"{"messages": {"error": ["there is no job web"]}, "code": "no-such-job"}"#;
    let in_files = r#"{"job": {"name": "web", "image": "bookworm", "imagename": "bookworm", "image_state": "stable",
        "cmd": "./a", "job_type": "continuous", "filelog": true, "status_short": "Running", "status_long": "Running",
        "status": {"short": "running", "messages": [], "duration": "1s", "up_to_date": true}}, "messages": {}}"#;
    for job in [(404, no_job.to_owned()), (200, in_files.to_owned())] {
        let jobs = ("GET /jobs/v1/tool/dup-finder/jobs", (200, r#"{"jobs": [], "messages": {}}"#.to_owned()));
        let home = Home::linked_to_tool(PreparedAnswers::from([
            stream.clone(),
            ("GET /jobs/v1/tool/dup-finder/jobs/web", job),
            jobs,
        ]));
        let transcript = home.run_to_transcript(&["logs", "-f", "web"]);
        assert!(transcript.ends_with("ends with 1") || transcript.ends_with("ends with 1\n"), "{transcript}");
    }
}
