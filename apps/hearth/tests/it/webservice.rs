//! `hearth webservice`, as Toolforge's is typed.

use crate::{door::Answers, home::Home};

fn home(jobs: &str) -> Home {
    Home::of_tool(Answers::from([
        ("GET /jobs/v1/tool/dup-finder/jobs", (200, format!(r#"{{"jobs": [{jobs}], "messages": {{}}}}"#))),
        ("PATCH /jobs/v1/tool/dup-finder/jobs", (200, r#"{"job_changed": true, "messages": {}}"#.to_owned())),
        ("POST /jobs/v1/tool/dup-finder/jobs/web/restart", (200, r#"{"messages": {}}"#.to_owned())),
        ("DELETE /jobs/v1/tool/dup-finder/jobs/web", (200, r#"{"messages": {}}"#.to_owned())),
    ]))
}

const WEB: &str = r#"{"name": "web", "job_type": "webservice", "imagename": "x", "image": "x",
    "image_state": "stable", "cmd": "web", "status_short": "Running", "status_long": "Running for 2 days",
    "port": 8000, "publish": "/",
    "status": {"short": "running", "messages": [], "duration": "2d", "up_to_date": true}}"#;

#[test]
fn starting_asks_for_a_job_and_leaves_a_manifest() {
    let home = home("");
    home.write("dup-finder/service.template", "type: python3.11\nmem: 512Mi\nreplicas: 2\n");
    insta::assert_snapshot!(home.says(&["webservice", "--backend=kubernetes", "start", "-m", "1Gi"]), @"
    out| ✓ webservice starts on python3.11
    err| the backend kubernetes is left out: there is one
    err| next:  hearth webservice status
    ends with 0
    ");
    insta::assert_snapshot!(home.asked().join("\n"), @r#"PATCH /jobs/v1/tool/dup-finder/jobs {"name":"webservice","imagename":"python3.11","job_type":"webservice","memory":"1Gi","replicas":2}"#);
    let manifest = std::fs::read_to_string(home.path("dup-finder/service.manifest")).expect("it was left");
    insta::assert_snapshot!(manifest, @"
    type: python3.11
    mem: 1Gi
    replicas: 2
    ");
}

#[test]
fn a_built_image_is_the_tools_own() {
    let home = home("");
    insta::assert_snapshot!(home.says(&["webservice", "buildservice", "start", "--dry-run"]), @"
    out| would run webservice on tool-dup-finder/tool-dup-finder:latest
    ends with 0
    ");
    insta::assert_snapshot!(home.says(&["webservice", "start"]), @"
    err| error: nothing says what the webservice runs on [no-type]
    err|        A type is buildservice, or an image of hearth jobs images.
    err| next:  hearth webservice buildservice start
    ends with 1
    ");
    insta::assert_snapshot!(home.says(&["webservice", "strat"]), @r#"
    err| error: "strat" cannot be given as ACTION [invalid-value]
    err|        It takes start, stop, restart, status, logs, shell.
    err| next:  hearth webservice start
    ends with 1
    "#);
}

#[test]
fn the_rest_is_about_the_tools_page() {
    insta::assert_snapshot!(home(WEB).says(&["webservice", "status"]), @"
    out| web: Running for 2 days
    ends with 0
    ");
    insta::assert_snapshot!(home(WEB).says(&["webservice", "restart"]), @"
    out| ✓ web starts anew
    ends with 0
    ");
    insta::assert_snapshot!(home(WEB).says(&["webservice", "stop"]), @"
    out| ✓ web is stopped and deleted
    ends with 0
    ");
    insta::assert_snapshot!(home("").says(&["webservice", "stop"]), @"
    err| error: dup-finder has nothing that is published [no-webservice]
    err| next:  hearth deploy
    ends with 1
    ");
}

#[test]
fn what_is_started_may_be_said() {
    let start = |words: &[&str], template: &str| {
        let home = home("");
        home.write("dup-finder/service.template", template);
        let said = home.says(&[&["webservice", "node18", "start"], words].concat());
        assert!(said.ends_with("ends with 0\n"), "{said}");
        let manifest =
            std::fs::read_to_string(home.path("dup-finder/service.manifest")).expect("it was left");
        (home.asked().join("\n"), manifest)
    };
    let (asked, manifest) = start(&["--", "./serve", "--title", "it's $HOME"], "extra_args: [other]\n");
    insta::assert_snapshot!(asked, @r#"PATCH /jobs/v1/tool/dup-finder/jobs {"name":"webservice","imagename":"node18","cmd":"./serve --title \"it's \"'$HOME'","job_type":"webservice"}"#);
    insta::assert_snapshot!(manifest, @r#"
    type: node18
    extra_args: ./serve --title "it's "'$HOME'
    "#);
    insta::assert_snapshot!(start(&[], "extra_args: [./serve, two words]\n").0, @r#"PATCH /jobs/v1/tool/dup-finder/jobs {"name":"webservice","imagename":"node18","cmd":"./serve 'two words'","job_type":"webservice"}"#);
    insta::assert_snapshot!(start(&[], "extra_args: ./serve $PORT\n").0, @r#"PATCH /jobs/v1/tool/dup-finder/jobs {"name":"webservice","imagename":"node18","cmd":"./serve $PORT","job_type":"webservice"}"#);
}
