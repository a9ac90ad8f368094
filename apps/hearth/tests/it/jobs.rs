//! `hearth jobs …`: what is asked of the server, and what is said of its answer.

use crate::{door::Answers, home::Home};

const TIDY: &str = r#"{"name": "tidy", "job_type": "scheduled", "imagename": "python3.11", "image": "python3.11",
    "image_state": "stable", "cmd": "./tidy.sh", "status_short": "Waiting", "status_long": "Waiting for 03:14",
    "schedule": "@daily", "filelog": false, "memory": "512Mi",
    "status": {"short": "pending", "messages": [], "duration": "1h", "up_to_date": true,
    "next_schedule": "2026-01-02T03:14:00Z"}}"#;
const WEB: &str = r#"{"name": "web", "job_type": "continuous", "imagename": "tool-dup-finder/tool-dup-finder:latest",
    "image": "tool-dup-finder/tool-dup-finder:latest", "image_state": "stable", "cmd": "web",
    "status_short": "Running", "status_long": "Running for 2 days", "port": 8000, "publish": "/",
    "status": {"short": "running", "messages": [], "duration": "2d", "up_to_date": true}}"#;
const HISTORY: &str = r#"{"history": [
    {"due": "2026-01-02T03:14:00Z", "until": "2026-01-04T03:14:00Z", "count": 3, "outcome": "missed",
        "reason": "Hearth was not running"},
    {"due": "2026-01-01T03:14:00Z", "until": "2026-01-01T03:14:00Z", "count": 1, "outcome": "ran", "run": {
        "id": "run_1", "job": "tidy", "cause": "schedule", "attempt": 1, "state": "ended", "end": "exited",
        "exit_code": 3, "created": "2026-01-01T03:14:00Z", "cpu_micros": 1, "peak_memory": 1, "ready": false}}
    ], "messages": {}}"#;
const PLAN: &str = r#"{"schedule": {"schedule_actual": "14 3 * * *", "timezone": "Europe/Berlin", "due": [
    {"at": "2026-01-02T02:14:00Z", "local": "2026-01-02T03:14:00+01:00"},
    {"at": "2026-01-03T02:14:00Z", "local": "2026-01-03T03:14:00+01:00"}]}, "messages": {}}"#;
/// Of a time that is long gone: it is all at the left.
const METRICS: &str = r#"{"metrics": {"step": 60, "samples": [
    {"at": "2026-01-01T03:14:00Z", "memory": 35651584, "disk": 3500000, "cpu_micros": 1500000, "containers": 1, "restarts": 2}
    ]}, "messages": {}}"#;
const DONE: &str = r#"{"messages": {}}"#;
const NO_JOB: &str = r#"{"error": ["there is no job tdy"], "code": "no-such-job", "request_id": "req_4"}"#;

fn list() -> String {
    format!(r#"{{"jobs": [{TIDY}, {WEB}], "messages": {{}}}}"#)
}

fn one(job: &str) -> String {
    format!(r#"{{"job": {job}, "messages": {{}}}}"#)
}

fn home() -> Home {
    Home::of_tool(Answers::from([
        ("GET /jobs/v1/tool/dup-finder/jobs", (200, list())),
        ("GET /jobs/v1/tool/dup-finder/jobs/tidy", (200, one(TIDY))),
        ("GET /jobs/v1/tool/dup-finder/jobs/web/metrics", (200, METRICS.to_owned())),
        ("GET /jobs/v1/tool/dup-finder/jobs/tdy", (404, NO_JOB.to_owned())),
        ("POST /jobs/v1/tool/dup-finder/jobs", (201, one(TIDY))),
        ("PATCH /jobs/v1/tool/dup-finder/jobs", (200, r#"{"job_changed": true, "messages": {}}"#.to_owned())),
        ("POST /jobs/v1/tool/dup-finder/jobs/tidy/restart", (200, DONE.to_owned())),
        ("POST /jobs/v1/tool/dup-finder/jobs/tidy/pause", (200, one(TIDY))),
        ("POST /jobs/v1/tool/dup-finder/jobs/web/stop", (200, one(WEB))),
        ("PUT /jobs/v1/tool/dup-finder/jobs/web/replicas", (200, one(WEB))),
        ("GET /jobs/v1/tool/dup-finder/jobs/tdy/history", (404, NO_JOB.to_owned())),
        ("GET /jobs/v1/tool/dup-finder/jobs/tidy/history", (200, HISTORY.to_owned())),
        ("GET /jobs/v1/tool/dup-finder/schedule", (200, PLAN.to_owned())),
        ("GET /jobs/v1/tool/dup-finder/jobs/web", (200, one(WEB))),
        ("DELETE /jobs/v1/tool/dup-finder/jobs/tidy", (200, DONE.to_owned())),
        ("DELETE /jobs/v1/tool/dup-finder/jobs/web", (200, DONE.to_owned())),
        ("DELETE /jobs/v1/tool/dup-finder/jobs", (200, DONE.to_owned())),
    ]))
}

#[test]
fn a_list_says_how_each_job_is() {
    insta::assert_snapshot!(home().says(&["jobs", "list"]), @"
    out| tidy	scheduled (@daily)	Waiting for 03:14
    out| web	continuous	Running for 2 days
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["jobs", "list", "-o", "long"]), @"
    out| tidy	scheduled (@daily)	python3.11	512Mi	-	./tidy.sh	Waiting for 03:14
    out| web	continuous	tool-dup-finder/tool-dup-finder:latest	-	-	web	Running for 2 days
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["jobs", "list", "--output", "name"]), @"
    out| tidy
    out| web
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["jobs", "list", "--json=name,port"]), @r#"
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
fn a_job_is_shown_with_what_was_set() {
    insta::assert_snapshot!(home().says(&["jobs", "show", "tidy"]), @"
    out| job	tidy
    out| type	scheduled (@daily)
    out| how it is	Waiting for 03:14
    out| next due	2026-01-02T03:14:00Z
    out| image	python3.11
    out| command	./tidy.sh
    out| memory	512Mi
    err| next:  hearth logs tidy
    ends with 0
    ");
}

#[test]
fn of_a_job_that_is_not_there_the_nearest_is_proposed() {
    let shown = home().says(&["jobs", "show", "web"]);
    let all = "used memory/up to 34Mi in 3 hours/used processors/up to 0.02/used disk/up to 3Mi/2 in 3 hours";
    assert!(all.split('/').all(|told| shown.contains(told)), "{shown}");
    insta::assert_snapshot!(home().says(&["jobs", "show", "tdy"]), @"
    err| error: there is no job tdy [no-such-job]
    err| next:  hearth jobs show tidy
    ends with 1
    ");
    insta::assert_snapshot!(home().says(&["jobs", "delete", "tdy", "-v"]), @"
    err| error: there is no job tdy [no-such-job]
    err|        The request was req_4.
    err| next:  hearth jobs delete tidy -v
    ends with 1
    ");
}

#[test]
fn flags_become_what_is_asked_of_the_server() {
    let home = home();
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
    insta::assert_snapshot!(home.says(&words), @"
    out| ✓ scheduled (@daily) job tidy is made
    err| next:  hearth logs -f tidy
    ends with 0
    ");
    insta::assert_snapshot!(home.asked().join("\n"), @r#"POST /jobs/v1/tool/dup-finder/jobs {"name":"tidy","imagename":"python3.11","cmd":"./tidy.sh","job_type":"scheduled","schedule":"@daily","filelog":false,"emails":"onfailure","retry":2,"timeout":60,"memory":"512Mi","cpu":"500m","disk":"4Gi"}"#);
}

#[test]
fn a_continuous_job_takes_a_port_and_becomes_the_page() {
    let home = home();
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
    insta::assert_snapshot!(home.says(&words), @"
    out| would make the continuous job web from x
    ends with 0
    ");
    assert!(home.asked().is_empty(), "nothing was asked of the server");
}

#[test]
fn a_schedule_is_shown_before_it_is_saved() {
    let words = ["jobs", "run", "tidy", "--image=x", "--command=y", "--schedule=@daily", "--dry-run"];
    insta::assert_snapshot!(home().says(&[&words[..], &["--timezone", "Europe/Berlin"]].concat()), @"
    out| would make the scheduled job tidy from x
    err| It would be due at 14 3 * * * (Europe/Berlin), next:
    err|   2026-01-02T03:14:00+01:00
    err|   2026-01-03T03:14:00+01:00
    ends with 0
    ");
}

#[test]
fn what_became_of_each_due_time_is_listed() {
    insta::assert_snapshot!(home().says(&["jobs", "history", "tidy"]), @"
    out| 2026-01-02T03:14:00Z to 2026-01-04T03:14:00Z	missed, 3 times	Hearth was not running
    out| 2026-01-01T03:14:00Z	ran	failed: exit status 3
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["jobs", "history", "tdy"]), @"
    err| error: there is no job tdy [no-such-job]
    err| next:  hearth jobs history tidy
    ends with 1
    ");
}

#[test]
fn a_schedule_is_paused_and_goes_on() {
    insta::assert_snapshot!(home().says(&["jobs", "pause", "tidy"]), @"
    out| ✓ tidy is paused: its due times are left out; what runs goes on
    err| next:  hearth jobs resume tidy
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["jobs", "resume", "tidy"]), @"
    out| nothing to change: tidy is not paused
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["jobs", "stop", "web"]), @"
    out| ✓ what runs of web is being ended, until it is resumed
    err| next:  hearth jobs resume web
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["jobs", "scale", "web", "3"]), @"
    out| ✓ web has 3 side by side instead of 1
    err| next:  hearth jobs show web
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["jobs", "stop", "tidy"]), @"
    out| nothing to change: nothing of tidy runs
    ends with 0
    ");
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_asked() {
    let home = home();
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
        let said = home.says(&[&base, more].concat());
        assert!(said.contains(code) && said.ends_with("ends with 1\n"), "{said}");
    }
    assert!(home.asked().is_empty(), "{:?}", home.asked());
}

#[test]
fn waiting_ends_as_the_job_ends() {
    let over = |short: &str, long: &str| {
        let job = TIDY.replace("pending", short).replace("Waiting for 03:14", long);
        Home::of_tool(Answers::from([
            ("POST /jobs/v1/tool/dup-finder/jobs", (201, one(TIDY))),
            ("GET /jobs/v1/tool/dup-finder/jobs/tidy", (200, one(&job))),
        ]))
        .says(&["jobs", "run", "tidy", "--image", "x", "--command", "y", "--wait", "--quiet"])
    };
    insta::assert_snapshot!(over("succeeded", "Ended well"), @"
    out| ✓ tidy is over: Ended well
    ends with 0
    ");
    insta::assert_snapshot!(over("failed", "Ended with exit status 3"), @"
    err| error: tidy failed: Ended with exit status 3 [job-failed]
    err| next:  hearth logs tidy
    ends with 1
    ");
}

#[test]
fn what_is_restarted_or_deleted_is_named() {
    insta::assert_snapshot!(home().says(&["jobs", "restart", "tidy"]), @"
    out| ✓ tidy runs now; its schedule stays as it is
    err| next:  hearth logs -f tidy
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["jobs", "restart", "tidy", "--dry-run"]), @"
    out| tidy would run now; its schedule stays as it is
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["jobs", "delete", "tidy"]), @"
    out| ✓ the scheduled (@daily) job tidy (Waiting) is stopped and deleted
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["jobs", "flush", "--dry-run"]), @"
    out| would stop and delete tidy, web
    ends with 0
    ");
    insta::assert_snapshot!(home().says(&["jobs", "flush"]), @"
    out| ✓ stopped and deleted: tidy, web
    ends with 0
    ");
}

#[test]
fn what_is_dumped_is_loaded_and_changes_nothing_but_what_differs() {
    let home = home();
    insta::assert_snapshot!(home.says(&["jobs", "dump"]), @r#"
    out| - name: tidy
    out|   command: ./tidy.sh
    out|   image: python3.11
    out|   schedule: "@daily"
    out|   mem: 512Mi
    out|   no-filelog: true
    out| - name: web
    out|   command: web
    out|   image: tool-dup-finder/tool-dup-finder:latest
    out|   continuous: true
    out|   port: "8000"
    out|   publish: /
    ends with 0
    "#);
    let file = "
- {name: tidy, image: python3.11, command: ./tidy.sh, schedule: '@hourly', no-filelog: true, mem: 512Mi}
- {name: new, image: python3.11, command: ./new.sh}
";
    home.write("dup-finder/jobs.yaml", file);
    insta::assert_snapshot!(home.says(&["jobs", "load", "jobs.yaml", "--prune", "--dry-run"]), @"
    out| tidy	would be changed
    out| new	would be added
    out| web	would be deleted
    ends with 0
    ");
    insta::assert_snapshot!(home.says(&["jobs", "load", "jobs.yaml", "--prune"]), @"
    out| tidy	changed
    out| new	added
    out| web	deleted
    ends with 0
    ");
    insta::assert_snapshot!(home.says(&["jobs", "load", "jobs.yaml", "--job", "nwe"]), @"
    err| error: jobs.yaml has no job nwe [no-such-job]
    err|        Its jobs are tidy, new.
    ends with 1
    ");
}

#[test]
fn a_file_that_cannot_be_used_is_refused_before_anything_is_made() {
    let home = home();
    home.write("dup-finder/jobs.yaml", "- {name: a, image: x, comand: y}\n");
    insta::assert_snapshot!(home.says(&["jobs", "load", "jobs.yaml"]), @"
    err| error: jobs.yaml cannot be used: line 1 column 23: unknown field `comand`, expected one of name, command, image, schedule, continuous, webservice, mem, cpu, disk, port, publish, retry, replicas, health-check-http, health-check-script, health-check-tcp, health-check, checks, start-within, stop-signal, grace, timeout, timezone, concurrency, starting-deadline, auto-update, mount, emails, filelog, no-filelog, filelog-stdout, filelog-stderr [job-file]
    err| next:  write a list of jobs, each with a name, an image and a command
    ends with 1
    ");
    insta::assert_snapshot!(home.says(&["jobs", "load", "none.yaml"]), @"
    err| error: none.yaml cannot be used: there is no such file or folder [job-file]
    ends with 1
    ");
    assert!(home.asked().is_empty());
}

#[test]
fn a_file_that_says_something_else_is_replaced_only_on_demand() {
    let home = home();
    home.write("dup-finder/jobs.yaml", "mine\n");
    insta::assert_snapshot!(home.says(&["jobs", "dump", "-f", "jobs.yaml"]), @"
    err| error: jobs.yaml is there and says something else [file-exists]
    err| next:  hearth jobs dump -f jobs.yaml --yes
    ends with 1
    ");
    insta::assert_snapshot!(home.says(&["jobs", "dump", "-f", "jobs.yaml", "--yes"]), @"
    out| ✓ 2 jobs are written to jobs.yaml
    ends with 0
    ");
    insta::assert_snapshot!(home.says(&["jobs", "dump", "-f", "jobs.yaml"]), @"
    out| nothing to change: jobs.yaml says the same
    ends with 0
    ");
}

#[test]
fn a_terminal_is_handed_on_only_where_there_is_one() {
    let home = Home::of_tool(Answers::from([("GET /", (200, ""))]));
    insta::assert_snapshot!(home.says(&["jobs", "run", "-it", "--rm", "--image", "x"]), @"
    err| error: this is no terminal that a program could be given [no-terminal]
    err| next:  leave -t out
    ends with 1
    ");
    insta::assert_snapshot!(home.says(&["jobs", "run", "-t", "--image", "x"]), @"
    err| error: hearth jobs run needs --interactive [missing-argument]
    err| next:  hearth jobs run tidy --image python3.11 --command ./tidy.sh --schedule @daily
    ends with 1
    ");
    insta::assert_snapshot!(home.says(&["jobs", "run", "a", "--rm", "--continuous", "--image", "x"]), @"
    err| error: --rm and --continuous exclude each other [conflicting-arguments]
    err| next:  hearth jobs run -h
    ends with 1
    ");
    assert_eq!(home.asked(), Vec::<String>::new());
}
