//! `hearth deploy`: checks come first, each step is printed, and the address is the result.

use crate::{fake_server::PreparedAnswers, home::Home};

const DEPLOYMENT_ID: &str = "deployment_00000000000000000000000001";
const SOURCE_JSON: &str = r#"{"source": {"id": "source_00000000000000000000000001", "digest": "sha256:01", "size": 9,
    "expires": "2026-01-03T00:00:00Z"}, "messages": {}}"#;

fn deployment_json(status: &str, steps: &str, more: &str) -> String {
    format!(
        r#"{{"data": {{"deploy_id": "{DEPLOYMENT_ID}", "creation_time": "2026-01-02T03:04:05Z", "description": "",
        "source": {{"upload": "source_00000000000000000000000001"}}, "builds": {{}}, "runs": {{}},
        "status": "{status}", "long_status": "web does not listen on 0.0.0.0", "force_build": false,
        "force_run": false, "steps": [{steps}], "version": 1 {more}}}, "messages": {{}}}}"#
    )
}

fn step_json(name: &str, state: &str, message: &str) -> String {
    format!(
        r#"{{"name": "{name}", "state": "{state}", "message": "{message}", "started": "2026-01-02T03:04:05Z",
        "ended": "2026-01-02T03:04:11.2Z"}}"#
    )
}

fn build_home(over: String) -> Home {
    let begun = deployment_json("running", &step_json("source", "running", ""), "");
    let home = Home::linked_to_tool(PreparedAnswers::from([
        ("POST /builds/v1/tool/dup-finder/sources", (200, SOURCE_JSON.to_owned())),
        ("POST /components/v1/tool/dup-finder/deployment", (200, begun)),
        (
            "GET /components/v1/tool/dup-finder/deployment/deployment_00000000000000000000000001",
            (200, over.clone()),
        ),
        ("GET /components/v1/tool/dup-finder/deployment/latest", (200, over)),
        ("GET /", (200, "<h1>hello</h1>".to_owned())),
    ]));
    home.write("dup-finder/index.html", "<h1>hello</h1>");
    home
}

fn successful_json() -> String {
    let steps = [
        step_json("source", "done", "a folder, 9 B"),
        step_json("build", "skipped", ""),
        step_json("check", "done", ""),
        step_json("start", "done", "web is ready"),
        step_json("switch", "done", ""),
    ];
    let more = r#", "revision": 3, "url": "http://dup-finder.hearth.example.org:8080/""#;
    deployment_json("successful", &steps.join(","), more)
}

#[test]
fn deploy_prints_each_step_and_the_address() {
    let home = build_home(successful_json());
    let transcript = home.hide_amounts(&home.run_to_transcript(&["deploy"]));
    insta::assert_snapshot!(transcript, @r#"
    out| http://dup-finder.hearth.example.org:8080/   revision 3
    err| … plan
    err| ✓ plan    index.html: static files; web: exec static-server "${PORT:-8000}" .
    err| uploading 2 files (N B packed)
    err| … source
    err| ✓ source  a folder, N B  N s
    err| ✓ build   not needed
    err| ✓ check   N s
    err| ✓ start   web is ready  N s
    err| ✓ switch  N s
    err| … answer
    err| ✓ answer  N s
    ends with 0
    "#);
    let requests = home.read_requests();
    assert!(
        requests[0].starts_with("GET /tools/v1/tools"),
        "the right is checked before the upload: {requests:?}"
    );
    assert!(requests[1].starts_with("POST /builds/v1/tool/dup-finder/sources"), "{requests:?}");
    assert_eq!(
        requests[2],
        r#"POST /components/v1/tool/dup-finder/deployment?force-build=false&force-run=false&queue=false {"description":"","source":{"upload":"source_00000000000000000000000001"}}"#
    );
    assert_eq!(
        requests.last().map(String::as_str),
        Some("GET /"),
        "the last request probes the page through the server's edge"
    );
}

#[test]
fn failed_build_shows_its_last_output() {
    let at = |version: u32, builds: &str, state: &str| {
        let text = deployment_json("running", &step_json("build", state, ""), "");
        text.replace(r#""version": 1"#, &format!(r#""version": {version}"#))
            .replace(r#""builds": {}"#, &format!(r#""builds": {{{builds}}}"#))
    };
    let built = r#""web": {"build_id": "build_00000000000000000000000001", "build_status": "running",
        "build_image": "no-image-yet", "build_long_status": ""}"#;
    let more = r#", "code": "build-failed", "help": "hearth build logs build_00000000000000000000000001""#;
    let failed = deployment_json("failed", &step_json("build", "failed", "x"), more).replace(
        "web does not listen on 0.0.0.0",
        "Building the image failed with status 1:\\nlast but one\\nlast",
    );
    let show = "GET /components/v1/tool/dup-finder/deployment/deployment_00000000000000000000000001";
    let log = [
        "[build] 2026-01-02T03:04:05Z attempt 1",
        "[image] 2026-01-02T03:04:05Z Collecting flask",
        "\\u001b[2Jno",
    ];
    let log: String = log.iter().map(|line| format!("{{\"line\": \"{line}\"}}\n")).collect();
    let home = Home::linked_to_tool(PreparedAnswers::from([
        ("GET /components/v1/tool/dup-finder/deployment/latest", (200, at(1, "", "waiting"))),
        (&format!("{show}?wait=25&after=1"), (200, at(2, built, "running"))),
        (&format!("{show}?wait=25&after=2"), (200, failed)),
        ("GET /builds/v1/tool/dup-finder/builds/build_00000000000000000000000001/logs", (200, log)),
    ]));
    let transcript = home.run_to_transcript(&["deploy", "--follow"]);
    insta::assert_snapshot!(home.hide_amounts(&transcript), @r"
    err| … build
    err|   │ Collecting flask
    err|   │ \u{1b}[2Jno
    err| ✗ build   N s
    err| error: Building the image failed with status 1: [build-failed]
    err|        last but one
    err|        last
    err|        Nothing else changed; no earlier revision was running.
    err| next:  hearth build logs build_00000000000000000000000001
    ends with 1
    ");
}

#[test]
fn failed_deployment_names_the_running_revision() {
    let steps =
        [step_json("source", "done", ""), step_json("start", "failed", "nobody answers at port 8000")];
    let more = r#", "code": "port-unreachable", "help": "listen on 0.0.0.0:$PORT, then hearth deploy""#;
    let home = build_home(deployment_json("failed", &steps.join(","), more));
    insta::assert_snapshot!(home.run_to_transcript(&["deploy", "--quiet"]), @"
    err| error: web does not listen on 0.0.0.0 [port-unreachable]
    err|        Nothing else changed; no earlier revision was running.
    err| next:  listen on 0.0.0.0:$PORT, then hearth deploy
    ends with 1
    ");
    let more = format!(r#"{more}, "still_running": 2"#);
    let home = self::build_home(deployment_json("failed", &steps.join(","), &more));
    insta::assert_snapshot!(home.run_to_transcript(&["deploy", "--follow", "--quiet"]), @"
    err| error: web does not listen on 0.0.0.0 [port-unreachable]
    err|        Nothing changed: revision 2 still runs.
    err| next:  listen on 0.0.0.0:$PORT, then hearth deploy
    ends with 1
    ");
}

#[test]
fn folder_without_a_tool_is_refused() {
    let home = build_home(successful_json());
    std::fs::remove_file(home.path_below("dup-finder/hearth.yaml")).expect("the link file exists");
    insta::assert_snapshot!(home.run_to_transcript(&["deploy"]), @"
    err| error: this folder belongs to no tool [no-tool]
    err|        --tool NAME, HEARTH_TOOL or hearth.yaml in this folder names a tool.
    err|        hearth tool list shows your tools.
    err| next:  hearth new dup-finder
    ends with 1
    ");
    assert!(home.read_requests().is_empty(), "{:?}", home.read_requests());
}

#[test]
fn other_folder_is_deployed_and_linked_as_its_own_tool() {
    let made = r#"{"data": {"id": "tool_00000000000000000000000002", "name": "second", "description": "",
        "state": "active", "role": "owner", "created": "2026-01-02T03:04:05Z"}}"#;
    let home = Home::linked_to_tool(PreparedAnswers::from([
        ("POST /tools/v1/tools", (201, made.to_owned())),
        ("POST /builds/v1/tool/second/sources", (200, SOURCE_JSON.to_owned())),
        ("POST /components/v1/tool/second/deployment", (200, successful_json())),
        ("GET /", (200, String::new())),
    ]));
    home.write("dup-finder/pages/index.html", "<h1>second</h1>");
    insta::assert_snapshot!(home.run_to_transcript(&["deploy", "pages", "--new", "second", "-q"]), @"
    out| http://dup-finder.hearth.example.org:8080/   revision 3
    ends with 0
    ");
    let link = std::fs::read_to_string(home.path_below("dup-finder/pages/hearth.yaml"))
        .expect("the link file exists");
    assert_eq!(link, "tool: second\n");
    let transcript = home.run_to_transcript(&["deploy", "pages", "-q"]);
    assert!(transcript.contains("revision 3"), "the folder's own link decides: {transcript}");
}

#[test]
fn unbuildable_folder_is_refused_before_any_change() {
    let home = build_home(successful_json());
    std::fs::remove_file(home.path_below("dup-finder/index.html")).expect("the file exists");
    std::fs::remove_file(home.path_below("dup-finder/hearth.yaml")).expect("the link file exists");
    home.write("dup-finder/requirements.txt", "");
    home.write("dup-finder/Procfile", "report: python report.py\n");
    insta::assert_snapshot!(home.run_to_transcript(&["deploy", "--new", "fresh"]), @"
    err| … plan
    err| ✗ plan    nothing was changed
    err| error: the folder has no process web: only report [no-such-process]
    err|        A program without a page runs with --continuous, or with --schedule @daily.
    err| next:  hearth deploy --new fresh --continuous
    ends with 1
    ");
    assert!(home.read_requests().is_empty(), "{:?}", home.read_requests());
}

#[test]
fn program_without_a_page_and_without_a_command_names_both_ways_to_give_one() {
    let home = build_home(successful_json());
    std::fs::remove_file(home.path_below("dup-finder/index.html")).expect("the file exists");
    home.write("dup-finder/requirements.txt", "");
    home.write("dup-finder/bot.py", "print(1)\n");
    insta::assert_snapshot!(home.run_to_transcript(&["deploy", "--schedule", "0 3 * * *"]), @"
    err| … plan
    err| ✗ plan    nothing was changed
    err| error: the folder has no process web: no processes [no-such-process]
    err|        A line bot: COMMAND in a Procfile is the command of each deployment.
    err| next:  hearth deploy --schedule '0 3 * * *' --command 'python bot.py'
    ends with 1
    ");
    assert!(home.read_requests().is_empty(), "{:?}", home.read_requests());
}

#[test]
fn file_is_refused_as_a_source_with_its_folder_as_the_next_step() {
    let home = build_home(successful_json());
    insta::assert_snapshot!(home.run_to_transcript(&["deploy", "./index.html"]), @"
    err| error: ./index.html is a file; expected a folder [no-folder]
    err| next:  name its folder: .
    ends with 1
    ");
}

#[test]
fn dry_run_of_deploy_uploads_nothing() {
    let home = build_home(successful_json());
    insta::assert_snapshot!(home.run_to_transcript(&["deploy", "--dry-run"]), @r#"
    out| would deploy . as dup-finder
    err| … plan
    err| ✓ plan    index.html: static files; web: exec static-server "${PORT:-8000}" .
    ends with 0
    "#);
    insta::assert_snapshot!(home.run_to_transcript(&["deploy", ".", "--ref", "main"]), @"
    err| error: --ref applies to repositories only; a folder is deployed as it is [ref-of-folder]
    err| next:  omit --ref, or give the address of the repository
    ends with 1
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["deploy", "no-folder"]), @"
    err| error: no-folder is neither a folder nor the address of a git repository [no-folder]
    err| next:  name a folder, or an address such as https://example.org/dup-finder.git
    ends with 1
    ");
    assert!(home.read_requests().is_empty(), "{:?}", home.read_requests());
}

#[test]
fn open_prints_the_page_of_a_published_tool() {
    let list = |items: &str| format!(r#"{{"data": {{"deployments": [{items}]}}, "messages": {{}}}}"#);
    let one = successful_json();
    let one = one.strip_prefix(r#"{"data": "#).and_then(|rest| rest.strip_suffix(r#", "messages": {}}"#));
    for (items, says) in [(one.unwrap_or_default(), true), ("", false)] {
        let path = "GET /components/v1/tool/dup-finder/deployment";
        let home = Home::linked_to_tool(PreparedAnswers::from([(path, (200, list(items)))]));
        let transcript = home.run_to_transcript(&["open"]);
        assert_eq!(
            transcript.contains("out| http://dup-finder.hearth.example.org:8080/"),
            says,
            "{transcript}"
        );
        assert_eq!(transcript.contains("next:  hearth deploy"), !says, "{transcript}");
    }
}

#[test]
fn deployment_of_a_scheduled_component_ends_with_its_schedule() {
    let steps = step_json("switch", "done", "whatever it says");
    let scheduled = deployment_json("successful", &steps, r#", "schedule": "30 4 * * *", "revision": 3"#);
    insta::assert_snapshot!(build_home(scheduled).run_to_transcript(&["deploy", "--follow", "--quiet"]), @"
    out| it runs at 30 4 * * *   revision 3
    ends with 0
    ");
    let unpublished = deployment_json("successful", &steps, r#", "revision": 3"#);
    insta::assert_snapshot!(build_home(unpublished).run_to_transcript(&["deploy", "--follow", "--quiet"]), @"
    out| the tool runs and is not published   revision 3
    ends with 0
    ");
}

#[test]
fn mistyped_component_is_answered_with_the_nearest_process() {
    let home = build_home(successful_json());
    home.write("dup-finder/Procfile", "web: ./serve\nworker: ./work\n");
    for (typed, next) in [
        ("weeb", "next:  hearth deploy --component web\n"),
        ("wroker", "next:  hearth deploy --component worker\n"),
        ("report", "next:  hearth deploy --component report --command"),
    ] {
        let transcript = home.run_to_transcript(&["deploy", "--component", typed]);
        assert!(transcript.contains(next), "{transcript}");
    }
}

#[test]
fn plan_recommends_a_deployment_only_where_deploy_accepts_it() {
    let vite = r#"{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "5"}}"#;
    let unknown = r#"{"scripts": {"build": "make"}}"#;
    let flask = "from flask import Flask\napp = Flask(__name__)\n";
    for (name, files, is_deployed) in [
        ("vite", &[("package.json", vite), ("index.html", "")][..], true),
        ("make", &[("package.json", unknown)], false),
        ("flask", &[("requirements.txt", "flask"), ("app.py", flask)], true),
        ("fastapi", &[("requirements.txt", "fastapi"), ("main.py", "app = FastAPI()\n")], false),
        ("bot", &[("requirements.txt", ""), ("Procfile", "tidy: python3 tidy.py\n")], false),
        (
            "command",
            &[("Containerfile", "FROM python3.11\nCMD [\"python3\", \"-m\", \"http.server\"]\n")],
            true,
        ),
        ("php", &[("index.php", "")], true),
        ("elixir", &[("mix.exs", ""), ("Procfile", "web: ./serve\n")], false),
        ("rust", &[("Cargo.toml", ""), ("Procfile", "web: serve\n")], true),
        ("go", &[("go.mod", "module x\n"), ("cmd/a/main.go", ""), ("cmd/b/main.go", "")], false),
    ] {
        let home = build_home(successful_json());
        for (file, text) in files {
            home.write(&format!("{name}/{file}"), text);
        }
        let folder = format!("../{name}");
        let plan = home.run_to_transcript(&["build", "plan", &folder]);
        let dry_run = home.run_to_transcript(&["deploy", &folder, "--new", name, "--dry-run"]);
        let is_recommended = plan.contains(&format!("next:  hearth deploy {folder}\n"));
        assert_eq!(is_recommended, is_deployed, "{name}: {plan}");
        assert_eq!(dry_run.contains("ends with 0"), is_deployed, "{name}: {dry_run}");
        assert!(home.read_requests().is_empty(), "{name}: {:?}", home.read_requests());
    }
}

#[test]
fn folder_with_one_application_in_a_subfolder_proposes_the_exact_command() {
    let home = build_home(successful_json());
    home.write("repository/README.md", "");
    home.write("repository/server/api/requirements.txt", "");
    home.write("repository/server/api/Procfile", "web: x\n");
    home.write("repository/server/README.md", "");
    let inner =
        home.run_to_transcript(&["deploy", "../repository/server", "--new", "pond", "--message", "a b"]);
    let proposal = "deploy ../repository/server --new pond --message 'a b' --folder api";
    assert!(inner.contains(proposal) && !inner.contains("ADDRESS"), "{inner}");
    let plan = home.run_to_transcript(&["build", "plan", "../repository", "--folder", "server"]);
    assert!(plan.contains("build plan ../repository --folder server/api"), "{plan}");
}
