//! `hearth jobs …`: the requests to the server, and the output for its answers.

use crate::{fake_server::PreparedAnswers, home::Home};

const TIDY_JSON: &str = r#"{"name": "tidy", "job_type": "scheduled", "imagename": "python3.11", "image": "python3.11",
    "image_state": "stable", "cmd": "./tidy.sh", "status_short": "Waiting", "status_long": "Waiting for 03:14",
    "schedule": "@daily", "filelog": false, "memory": "512Mi",
    "status": {"short": "pending", "messages": [], "duration": "1h", "up_to_date": true,
    "next_schedule": "2026-01-02T03:14:00Z"}}"#;
const WEB_JSON: &str = r#"{"name": "web", "job_type": "continuous", "imagename": "tool-dup-finder/tool-dup-finder:latest",
    "image": "tool-dup-finder/tool-dup-finder:latest", "image_state": "stable", "cmd": "web",
    "status_short": "Running", "status_long": "Running for 2 days", "port": 8000, "publish": "/",
    "status": {"short": "running", "messages": [], "duration": "2d", "up_to_date": true}}"#;
const HISTORY_JSON: &str = r#"{"history": [
    {"due": "2026-01-02T03:14:00Z", "until": "2026-01-04T03:14:00Z", "count": 3, "outcome": "missed",
        "reason": "Hearth was not running"},
    {"due": "2026-01-01T03:14:00Z", "until": "2026-01-01T03:14:00Z", "count": 1, "outcome": "ran", "run": {
        "id": "run_1", "job": "tidy", "cause": "schedule", "attempt": 1, "state": "ended", "end": "exited",
        "exit_code": 3, "created": "2026-01-01T03:14:00Z", "cpu_micros": 1, "peak_memory": 1, "ready": false}}
    ], "messages": {}}"#;
const SCHEDULE_JSON: &str = r#"{"schedule": {"schedule_actual": "14 3 * * *", "timezone": "Europe/Berlin", "due": [
    {"at": "2026-01-02T02:14:00Z", "local": "2026-01-02T03:14:00+01:00"},
    {"at": "2026-01-03T02:14:00Z", "local": "2026-01-03T03:14:00+01:00"}]}, "messages": {}}"#;
/// Metrics of a past time, so that they are all at the left.
const METRICS_JSON: &str = r#"{"metrics": {"step": 60, "samples": [
    {"at": "2026-01-01T03:14:00Z", "memory": 35651584, "disk": 3500000, "cpu_micros": 1500000, "containers": 1, "restarts": 2}
    ]}, "messages": {}}"#;
const DONE_JSON: &str = r#"{"messages": {}}"#;
const NO_JOB_JSON: &str =
    r#"{"error": ["there is no job tdy"], "code": "no-such-job", "request_id": "req_4"}"#;

fn list_json() -> String {
    format!(r#"{{"jobs": [{TIDY_JSON}, {WEB_JSON}], "messages": {{}}}}"#)
}

fn job_json(job: &str) -> String {
    format!(r#"{{"job": {job}, "messages": {{}}}}"#)
}

pub fn build_home() -> Home {
    Home::linked_to_tool(PreparedAnswers::from([
        ("GET /jobs/v1/tool/dup-finder/jobs", (200, list_json())),
        ("GET /jobs/v1/tool/dup-finder/jobs/tidy", (200, job_json(TIDY_JSON))),
        ("GET /jobs/v1/tool/dup-finder/jobs/web/metrics", (200, METRICS_JSON.to_owned())),
        ("GET /jobs/v1/tool/dup-finder/jobs/tdy", (404, NO_JOB_JSON.to_owned())),
        ("POST /jobs/v1/tool/dup-finder/jobs", (201, job_json(TIDY_JSON))),
        ("PATCH /jobs/v1/tool/dup-finder/jobs", (200, r#"{"job_changed": true, "messages": {}}"#.to_owned())),
        ("POST /jobs/v1/tool/dup-finder/jobs/tidy/restart", (200, DONE_JSON.to_owned())),
        ("POST /jobs/v1/tool/dup-finder/jobs/tidy/pause", (200, job_json(TIDY_JSON))),
        ("POST /jobs/v1/tool/dup-finder/jobs/web/stop", (200, job_json(WEB_JSON))),
        ("PUT /jobs/v1/tool/dup-finder/jobs/web/replicas", (200, job_json(WEB_JSON))),
        ("GET /jobs/v1/tool/dup-finder/jobs/tdy/history", (404, NO_JOB_JSON.to_owned())),
        ("GET /jobs/v1/tool/dup-finder/jobs/tidy/history", (200, HISTORY_JSON.to_owned())),
        ("GET /jobs/v1/tool/dup-finder/schedule", (200, SCHEDULE_JSON.to_owned())),
        ("GET /jobs/v1/tool/dup-finder/jobs/web", (200, job_json(WEB_JSON))),
        ("DELETE /jobs/v1/tool/dup-finder/jobs/tidy", (200, DONE_JSON.to_owned())),
        ("DELETE /jobs/v1/tool/dup-finder/jobs/web", (200, DONE_JSON.to_owned())),
        ("DELETE /jobs/v1/tool/dup-finder/jobs", (200, DONE_JSON.to_owned())),
    ]))
}

#[test]
fn list_shows_the_state_of_each_job() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "list"]), @"
    out| tidy	scheduled (@daily)	Waiting for 03:14
    out| web	continuous	Running for 2 days
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "list", "-o", "long"]), @"
    out| tidy	scheduled (@daily)	python3.11	512Mi	-	./tidy.sh	Waiting for 03:14
    out| web	continuous	tool-dup-finder/tool-dup-finder:latest	-	-	web	Running for 2 days
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "list", "--output", "name"]), @"
    out| tidy
    out| web
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "list", "--json=name,port"]), @r#"
    out| [
    out|   {
    out|     "name": "tidy",
    out|     "port": null
    out|   },
    out|   {
    out|     "name": "web",
    out|     "port": 8000
    out|   }
    out| ]
    ends with 0
    "#);
}

#[test]
fn job_is_shown_with_its_settings() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "show", "tidy"]), @"
    out| job	tidy
    out| type	scheduled (@daily)
    out| status	Waiting for 03:14
    out| next due	2026-01-02T03:14:00Z
    out| image	python3.11
    out| command	./tidy.sh
    out| memory	512Mi
    err| next:  hearth logs tidy
    ends with 0
    ");
}

#[test]
fn missing_job_is_answered_with_the_nearest_name() {
    let shown = build_home().run_to_transcript(&["jobs", "show", "web"]);
    let all = "used memory/up to 34Mi in 3 hours/used CPU/up to 0.02/used disk/up to 3Mi/2 in 3 hours";
    assert!(all.split('/').all(|text| shown.contains(text)), "{shown}");
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "show", "tdy"]), @"
    err| error: there is no job tdy [no-such-job]
    err| next:  hearth jobs show tidy
    ends with 1
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "delete", "tdy", "-v"]), @"
    err| error: there is no job tdy [no-such-job]
    err|        The request id is req_4.
    err| next:  hearth jobs delete tidy -v
    ends with 1
    ");
}

#[test]
fn flags_of_jobs_run_become_the_request() {
    let home = build_home();
    let words = [
        "jobs",
        "run",
        "tidy",
        "--image",
        "python3.11",
        "--command",
        "./tidy.sh",
        "--schedule",
        "@daily",
        "--mem",
        "512Mi",
        "--cpu",
        "0.5",
        "--disk",
        "4Gi",
        "--no-filelog",
        "--emails",
        "onfailure",
        "--retry",
        "2",
        "--timeout",
        "60",
    ];
    insta::assert_snapshot!(home.run_to_transcript(&words), @"
    out| ✓ scheduled (@daily) job tidy is created
    err| next:  hearth logs -f tidy
    ends with 0
    ");
    insta::assert_snapshot!(home.read_requests().join("\n"), @r#"POST /jobs/v1/tool/dup-finder/jobs {"name":"tidy","imagename":"python3.11","cmd":"./tidy.sh","job_type":"scheduled","schedule":"@daily","filelog":false,"emails":"onfailure","retry":2,"timeout":60,"memory":"512Mi","cpu":"500m","disk":"4Gi"}"#);
}

#[test]
fn continuous_job_can_be_published() {
    let home = build_home();
    let words = [
        "jobs",
        "run",
        "web",
        "--image=x",
        "--command=web",
        "--continuous",
        "-p",
        "8000/tcp",
        "--publish",
        "--replicas=2",
        "--health-check-http=/healthz",
        "--dry-run",
    ];
    insta::assert_snapshot!(home.run_to_transcript(&words), @"
    out| would create the continuous job web from x
    ends with 0
    ");
    assert!(home.read_requests().is_empty(), "there was no request");
}

#[test]
fn dry_run_shows_the_next_due_times() {
    let words = ["jobs", "run", "tidy", "--image=x", "--command=y", "--schedule=@daily", "--dry-run"];
    insta::assert_snapshot!(build_home().run_to_transcript(&[&words[..], &["--timezone", "Europe/Berlin"]].concat()), @"
    out| would create the scheduled job tidy from x
    err| The schedule is 14 3 * * * (Europe/Berlin); the next due times:
    err|   2026-01-02T03:14:00+01:00
    err|   2026-01-03T03:14:00+01:00
    ends with 0
    ");
}

#[test]
fn history_lists_the_outcome_of_each_due_time() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "history", "tidy"]), @"
    out| 2026-01-02T03:14:00Z to 2026-01-04T03:14:00Z	missed, 3 times	Hearth was not running
    out| 2026-01-01T03:14:00Z	ran	failed: exit status 3
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "history", "tdy"]), @"
    err| error: there is no job tdy [no-such-job]
    err| next:  hearth jobs history tidy
    ends with 1
    ");
}

#[test]
fn jobs_are_paused_resumed_stopped_and_scaled() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "pause", "tidy"]), @"
    out| ✓ tidy is paused: its due times are skipped; a current run continues
    err| next:  hearth jobs resume tidy
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "resume", "tidy"]), @"
    out| nothing to change: tidy is not paused
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "stop", "web"]), @"
    out| ✓ web is stopping, until it is resumed
    err| next:  hearth jobs resume web
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "scale", "web", "3"]), @"
    out| ✓ web has 3 replicas instead of 1
    err| next:  hearth jobs show web
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "stop", "tidy"]), @"
    out| nothing to change: tidy is not running
    ends with 0
    ");
}

#[test]
fn invalid_flags_are_refused_before_any_request() {
    let home = build_home();
    let base = ["jobs", "run", "a", "--image", "x", "--command", "y"];
    for (more, code) in [
        (&["--continuous", "--schedule", "@daily"][..], "[conflicting-arguments]"),
        (&["--retry", "6"], "[invalid-value]"),
        (&["--mem", "lots"], "[memory]"),
        (&["--port", "0"], "[port]"),
        (&["--publish", "/sub"], "[publish]"),
        (&["--emails", "never"], "[invalid-value]"),
        (&["--wait", "--continuous"], "[conflicting-arguments]"),
    ] {
        let transcript = home.run_to_transcript(&[&base, more].concat());
        assert!(transcript.contains(code) && transcript.ends_with("ends with 1\n"), "{transcript}");
    }
    assert!(home.read_requests().is_empty(), "{:?}", home.read_requests());
}

#[test]
fn waiting_ends_with_the_outcome_of_the_job() {
    let over = |short: &str, long: &str| {
        let job = TIDY_JSON.replace("pending", short).replace("Waiting for 03:14", long);
        Home::linked_to_tool(PreparedAnswers::from([
            ("POST /jobs/v1/tool/dup-finder/jobs", (201, job_json(TIDY_JSON))),
            ("GET /jobs/v1/tool/dup-finder/jobs/tidy", (200, job_json(&job))),
        ]))
        .run_to_transcript(&[
            "jobs",
            "run",
            "tidy",
            "--image",
            "x",
            "--command",
            "y",
            "--wait",
            "--quiet",
        ])
    };
    insta::assert_snapshot!(over("succeeded", "Ended well"), @"
    out| ✓ tidy ended: Ended well
    ends with 0
    ");
    insta::assert_snapshot!(over("failed", "Ended with exit status 3"), @"
    err| error: tidy failed: Ended with exit status 3 [job-failed]
    err| next:  hearth logs tidy
    ends with 1
    ");
}

#[test]
fn restarted_and_deleted_jobs_are_named() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "restart", "tidy"]), @"
    out| ✓ tidy runs now; its schedule is unchanged
    err| next:  hearth logs -f tidy
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "restart", "tidy", "--dry-run"]), @"
    out| tidy would run now; its schedule is unchanged
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "delete", "tidy"]), @"
    out| ✓ the scheduled (@daily) job tidy (Waiting) is stopped and deleted
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "flush", "--dry-run"]), @"
    out| would stop and delete tidy, web
    ends with 0
    ");
    insta::assert_snapshot!(build_home().run_to_transcript(&["jobs", "flush"]), @"
    out| ✓ stopped and deleted: tidy, web
    ends with 0
    ");
}

#[test]
fn interactive_job_requires_a_terminal() {
    let home = Home::linked_to_tool(PreparedAnswers::from([("GET /", (200, ""))]));
    insta::assert_snapshot!(home.run_to_transcript(&["jobs", "run", "-it", "--rm", "--image", "x"]), @"
    err| error: there is no terminal to attach [no-terminal]
    err| next:  omit -t
    ends with 1
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["jobs", "run", "-t", "--image", "x"]), @"
    err| error: hearth jobs run needs --interactive [missing-argument]
    err| next:  hearth jobs run tidy --image python3.11 --command ./tidy.sh --schedule @daily
    ends with 1
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["jobs", "run", "a", "--rm", "--continuous", "--image", "x"]), @"
    err| error: --rm and --continuous cannot be combined [conflicting-arguments]
    err| next:  hearth jobs run -h
    ends with 1
    ");
    assert_eq!(home.read_requests(), Vec::<String>::new());
}
