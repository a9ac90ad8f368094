//! `hearth webservice` with the arguments of Toolforge's `webservice`.

use crate::{fake_server::PreparedAnswers, home::Home};

fn build_home(jobs: &str) -> Home {
    Home::linked_to_tool(PreparedAnswers::from([
        ("GET /jobs/v1/tool/dup-finder/jobs", (200, format!(r#"{{"jobs": [{jobs}], "messages": {{}}}}"#))),
        ("PATCH /jobs/v1/tool/dup-finder/jobs", (200, r#"{"job_changed": true, "messages": {}}"#.to_owned())),
        ("POST /jobs/v1/tool/dup-finder/jobs/web/restart", (200, r#"{"messages": {}}"#.to_owned())),
        ("DELETE /jobs/v1/tool/dup-finder/jobs/web", (200, r#"{"messages": {}}"#.to_owned())),
    ]))
}

const WEB_JSON: &str = r#"{"name": "web", "job_type": "webservice", "imagename": "x", "image": "x",
    "image_state": "stable", "cmd": "web", "status_short": "Running", "status_long": "Running for 2 days",
    "port": 8000, "publish": "/",
    "status": {"short": "running", "messages": [], "duration": "2d", "up_to_date": true, "ready": 1}}"#;

#[test]
fn webservice_start_requests_a_job_and_writes_a_manifest() {
    let home = build_home("");
    home.write("dup-finder/service.template", "type: python3.11\nmem: 512Mi\nreplicas: 2\n");
    insta::assert_snapshot!(home.run_to_transcript(&["webservice", "--backend=kubernetes", "start", "-m", "1Gi"]), @"
    out| ✓ Starting webservice on python3.11
    err| the backend kubernetes is ignored: there is only one
    err| next:  hearth webservice status
    ends with 0
    ");
    insta::assert_snapshot!(home.read_requests().join("\n"), @r#"PATCH /jobs/v1/tool/dup-finder/jobs {"name":"webservice","imagename":"python3.11","job_type":"webservice","filelog":false,"memory":"1Gi","replicas":2}"#);
    let manifest =
        std::fs::read_to_string(home.path_below("dup-finder/service.manifest")).expect("the manifest exists");
    insta::assert_snapshot!(manifest, @"
    type: python3.11
    mem: 1Gi
    replicas: 2
    ");
}

#[test]
fn buildservice_uses_the_image_of_the_tool() {
    let home = build_home("");
    insta::assert_snapshot!(home.run_to_transcript(&["webservice", "buildservice", "start", "--dry-run"]), @"
    out| would run webservice on tool-dup-finder/tool-dup-finder:latest
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["webservice", "start"]), @"
    err| error: the web service has no type [no-type]
    err|        A type is buildservice, or an image from hearth jobs images.
    err| next:  hearth webservice buildservice start
    ends with 1
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["webservice"]), @"
    err| error: hearth webservice needs ACTION [missing-argument]
    err| next:  hearth webservice buildservice start
    ends with 1
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["webservice", "strat"]), @r#"
    err| error: invalid value "strat" for ACTION [invalid-value]
    err|        The values are start, stop, restart, status, logs, shell.
    err| next:  hearth webservice start
    ends with 1
    "#);
}

#[test]
fn status_restart_and_stop_apply_to_the_published_job() {
    insta::assert_snapshot!(build_home(WEB_JSON).run_to_transcript(&["webservice", "status"]), @"
    out| Your webservice of type x is running (web: Running for 2 days)
    ends with 0
    ");
    insta::assert_snapshot!(build_home("").run_to_transcript(&["webservice", "status"]), @"
    out| Your webservice is not running
    ends with 0
    ");
    insta::assert_snapshot!(build_home(WEB_JSON).run_to_transcript(&["webservice", "restart"]), @"
    out| ✓ Restarting webservice: web
    ends with 0
    ");
    insta::assert_snapshot!(build_home(WEB_JSON).run_to_transcript(&["webservice", "stop"]), @"
    out| ✓ Stopping webservice: web is deleted
    ends with 0
    ");
    insta::assert_snapshot!(build_home("").run_to_transcript(&["webservice", "stop"]), @"
    out| Your webservice is not running
    ends with 0
    ");
    insta::assert_snapshot!(build_home("").run_to_transcript(&["webservice", "restart"]), @"
    err| error: dup-finder has no published job [no-webservice]
    err| next:  hearth deploy
    ends with 1
    ");
}

#[test]
fn missing_type_is_the_newest_php_image() {
    let images = r#"{"images": [{"shortname": "node18", "image": "node18"}, {"shortname": "php7.4", "image": "php7.4"},
        {"shortname": "php8.2", "image": "php8.2"}], "messages": {}}"#;
    let home = Home::linked_to_tool(PreparedAnswers::from([
        ("GET /jobs/v1/tool/dup-finder/images", (200, images.to_owned())),
        ("PATCH /jobs/v1/tool/dup-finder/jobs", (200, r#"{"job_changed": true, "messages": {}}"#.to_owned())),
    ]));
    insta::assert_snapshot!(home.run_to_transcript(&["webservice", "start", "-q"]), @"
    out| ✓ Starting webservice on php8.2
    ends with 0
    ");
}

#[test]
fn unknown_keys_of_a_template_are_named_and_ignored() {
    let home = build_home("");
    home.write("dup-finder/service.template", "type: node18\nmemory: 1Gi\nport: 80\n");
    insta::assert_snapshot!(home.run_to_transcript(&["webservice", "start", "-q"]), @"
    out| ✓ Starting webservice on node18
    err| warning: service.template contains unknown keys, which are ignored: memory, port
    ends with 0
    ");
}

#[test]
fn command_of_a_webservice_comes_from_arguments_or_template() {
    let start = |words: &[&str], template: &str| {
        let home = build_home("");
        home.write("dup-finder/service.template", template);
        let transcript = home.run_to_transcript(&[&["webservice", "node18", "start"], words].concat());
        assert!(transcript.ends_with("ends with 0\n"), "{transcript}");
        let manifest = std::fs::read_to_string(home.path_below("dup-finder/service.manifest"))
            .expect("the manifest exists");
        (home.read_requests().join("\n"), manifest)
    };
    let (requests, manifest) = start(&["--", "./serve", "--title", "it's $HOME"], "extra_args: [other]\n");
    insta::assert_snapshot!(requests, @r#"PATCH /jobs/v1/tool/dup-finder/jobs {"name":"webservice","imagename":"node18","cmd":"./serve --title \"it's \"'$HOME'","job_type":"webservice","filelog":false}"#);
    insta::assert_snapshot!(manifest, @r#"
    type: node18
    extra_args: ./serve --title "it's "'$HOME'
    "#);
    insta::assert_snapshot!(start(&[], "extra_args: [./serve, two words]\n").0, @r#"PATCH /jobs/v1/tool/dup-finder/jobs {"name":"webservice","imagename":"node18","cmd":"./serve 'two words'","job_type":"webservice","filelog":false}"#);
    insta::assert_snapshot!(start(&[], "extra_args: ./serve $PORT\n").0, @r#"PATCH /jobs/v1/tool/dup-finder/jobs {"name":"webservice","imagename":"node18","cmd":"./serve $PORT","job_type":"webservice","filelog":false}"#);
}
