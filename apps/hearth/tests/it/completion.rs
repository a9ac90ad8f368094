//! What a shell offers behind a key: commands, flags, and names that the server knows. Never a word of trouble.

use std::process::Command;

use crate::{
    door::{self, Answers, CLOSED},
    home::Home,
};

/// The shell that is tested here. It sees nothing but what this file gives it.
const TESTED: &str = "bash";

const JOBS: &str = r#"{"jobs": [
    {"name": "tidy", "job_type": "scheduled", "imagename": "python3.11", "image": "python3.11",
     "image_state": "stable", "cmd": "x", "status_short": "Waiting", "status_long": "Waiting",
     "status": {"short": "pending", "messages": [], "duration": "1h", "up_to_date": true}},
    {"name": "web", "job_type": "continuous", "imagename": "x", "image": "x",
     "image_state": "stable", "cmd": "x", "status_short": "Running", "status_long": "Running",
     "status": {"short": "running", "messages": [], "duration": "1h", "up_to_date": true}}], "messages": {}}"#;
const IMAGES: &str = r#"{"images": [
    {"shortname": "python3.11", "image": "python3.11"},
    {"shortname": "tool-dup-finder/tool-dup-finder:latest", "image": "x"},
    {"shortname": "$(touch broken)", "image": "x"},
    {"shortname": "a\nb", "image": "x"},
    {"shortname": "-rf", "image": "x"}], "messages": {}}"#;
const ENVVARS: &str = r#"{"envvars": [{"name": "API_KEY", "value": "s3cret"}], "messages": {}}"#;
const BUILDS: &str = r#"{"builds": [{"build_id": "build_00000000000000000000000001", "status": "BUILD_SUCCESS",
    "message": "", "start_time": "", "end_time": "", "parameters": {"source_url": "", "ref": "", "envvars": {},
    "image_name": "", "use_latest_versions": false, "use_deprecated_versions": false},
    "destination_image": "", "resolved_ref": "", "step": "done", "processes": {},
    "created": "2026-01-02T03:04:00Z"}], "messages": {}}"#;

fn home() -> Home {
    Home::of_tool(Answers::from([
        ("GET /tools/v1/tools", (200, door::MY_TOOLS)),
        ("GET /jobs/v1/tool/dup-finder/jobs", (200, JOBS)),
        ("GET /jobs/v1/tool/other/jobs", (403, door::NO_RIGHT)),
        ("GET /jobs/v1/tool/dup-finder/images", (200, IMAGES)),
        ("GET /builds/v1/tool/dup-finder/builds", (200, BUILDS)),
        ("GET /envvars/v1/tool/dup-finder/envvars", (200, ENVVARS)),
    ]))
}

/// bash in the folder, with nothing of the machine's own, and with this program on its search path.
fn shell(home: &Home) -> Command {
    let hearth = home.command(&[], &[]);
    let folder = std::path::Path::new(hearth.get_program()).parent().expect("its folder");
    let mut command = Command::new(TESTED);
    command.args(["--norc", "--noprofile"]).current_dir(home.path("dup-finder"));
    command.env_clear().env("HOME", home.path(""));
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    command
}

/// What bash offers for the last of these words, and what it says besides.
fn bash(home: &Home, words: &[&str]) -> String {
    let script = "source <(hearth completion bash); COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
        last=${!#}; [[ $last == = ]] && last=; _hearth hearth \"$last\"; \
        printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut command = shell(home);
    command.args(["-c", script, "bash", "hearth"]).args(words);
    let output = command.output().expect("bash starts");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8_lossy(&output.stdout).trim_end().replace('\n', " ")
}

#[test]
fn commands_and_flags_are_offered_without_a_server() {
    let home = Home::new();
    assert_eq!(bash(&home, &["env"]), "envvars");
    assert_eq!(bash(&home, &["who"]), "whoami", "what the short help leaves out is offered too");
    assert_eq!(bash(&home, &["jobs", "re"]), "restart resume");
    assert_eq!(bash(&home, &["jobs", "run", "--no-f"]), "--no-filelog");
    assert_eq!(bash(&home, &["status", "--color", "al"]), "always");
    home.write("dup-finder/jobs.yaml", "");
    assert_eq!(bash(&home, &["jobs", "load", "jo"]), "jobs.yaml");
}

#[test]
fn names_are_offered_where_a_command_takes_them() {
    for (words, offered) in [
        (&["jobs", "show", ""][..], "tidy web"),
        (&["jobs", "delete", "t"], "tidy"),
        (&["logs", "-f", "w"], "web"),
        (&["exec", "w"], "web"),
        (&["tool", "show", ""], "dup-finder"),
        (&["tool", "delete", "du"], "dup-finder"),
        (&["jobs", "list", "--tool", "d"], "dup-finder"),
        (&["jobs", "list", "--tool", "=", "d"], "dup-finder"),
        (&["jobs", "list", "--tool", "="], "dup-finder"),
        (&["--tool", "dup-finder", "jobs", "show", "t"], "tidy"),
        (&["envvars", "delete", ""], "API_KEY"),
        (&["envvars", "show", "A"], "API_KEY"),
        (&["build", "cancel", "b"], "build_00000000000000000000000001"),
        (&["build", "logs", "b"], "build_00000000000000000000000001"),
        (&["jobs", "run", "x", "--image", "py"], "python3.11"),
        (&["jobs", "run", "x", "--image", "tool-dup-finder/tool-dup-finder", ":", "l"], "latest"),
    ] {
        assert_eq!(bash(&home(), words), offered, "{words:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_key_completes_what_is_typed() {
    let home = home();
    home.write("dup-finder/sub/jobs.yaml", "");
    let mut command = shell(&home);
    command.arg("-i").env("PS1", "ready> ").env("TERM", "dumb");
    let mut terminal = home.starts_at(200, command);
    terminal.answers("ready> ", "source <(hearth completion bash)\r");
    for (typed, becomes) in [
        ("hearth jobs sh\tt\t", "hearth jobs show tidy "),
        ("hearth jobs list --tool=du\t", "hearth jobs list --tool=dup-finder "),
        ("hearth jobs run x --image tool-dup-finder/tool-dup-finder:l\t", "tool-dup-finder:latest "),
        ("hearth jobs load su\tjo\t", "hearth jobs load sub/jobs.yaml "),
    ] {
        terminal.presses(typed);
        terminal.until(becomes);
        terminal.presses("\u{15}");
    }
    terminal.presses("exit\r");
    assert!(terminal.ends().ends_with("ends with 0\n"));
}

#[test]
fn a_name_that_a_new_job_is_given_is_nobody_elses() {
    let home = home();
    assert_eq!(bash(&home, &["jobs", "run", "t"]), "");
    assert!(home.asked().is_empty(), "{:?}", home.asked());
}

#[test]
fn names_are_data() {
    let home = home();
    assert_eq!(
        bash(&home, &["jobs", "run", "x", "--image", ""]),
        "python3.11 tool-dup-finder/tool-dup-finder:latest"
    );
    assert_eq!(bash(&home, &["jobs", "show", "$(touch broken)"]), "");
    assert_eq!(bash(&home, &["jobs", "show", "t*"]), "");
    // A folder of somebody else's repository can have any name.
    std::fs::create_dir_all(home.path("dup-finder/x$(touch broken)")).expect("a folder");
    assert_eq!(bash(&home, &["deploy", "x"]), "");
    assert!(!home.path("dup-finder/broken").exists());
}

#[test]
fn where_no_names_are_to_be_had_nothing_is_said() {
    let closed = Home::new();
    closed.sign_in(CLOSED[0]);
    closed.write("dup-finder/hearth.yaml", "tool: dup-finder\n");
    let broken = Home::new();
    broken.write(".config/hearth/credentials.toml", "token = s3cret\n");
    for (home, words) in [
        (&Home::new(), &["tool", "show", ""][..]),
        (&closed, &["jobs", "show", ""]),
        (&broken, &["tool", "show", ""]),
        (&home(), &["--tool", "other", "jobs", "show", ""]),
        (&home(), &["--tool", "No Name", "jobs", "show", ""]),
    ] {
        assert_eq!(bash(home, words), "", "{words:?}");
        let asked = [&["completion", "fish", "--", "hearth"], words].concat();
        assert_eq!(home.says(&asked), "ends with 0\n", "{words:?}");
    }
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for() {
    let home = Home::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    home.sign_in(&format!("http://{}", silent.local_addr().expect("its address")));
    let asked = ["completion", "fish", "--", "hearth", "tool", "show", ""];
    assert_eq!(home.says(&asked), "ends with 0\n");
}

#[test]
fn no_more_names_are_offered_than_anybody_reads() {
    let image = |number: u32| format!(r#"{{"shortname": "image-{number}", "image": "x"}}"#);
    let images: Vec<_> = (0..1000).map(image).collect();
    let body = format!(r#"{{"images": [{}], "messages": {{}}}}"#, images.join(","));
    let home = Home::of_tool(Answers::from([("GET /jobs/v1/tool/dup-finder/images", (200, body))]));
    let asked = ["completion", "fish", "--", "hearth", "jobs", "run", "x", "--image", ""];
    assert_eq!(home.says(&asked).lines().filter(|line| line.starts_with("out| image-")).count(), 200);
}

#[test]
fn other_shells_are_told_what_a_name_is_of() {
    insta::assert_snapshot!(home().says(&["completion", "fish", "--", "hearth", "build", "show", "b"]), @"
    out| build_00000000000000000000000001	done
    ends with 0
    ");
    insta::assert_snapshot!(Home::new().says(&["completion", "zsh", "--", "hearth", "envvars", "q"]), @"
    out| quota	Say how many variables there may be, and are
    ends with 0
    ");
}

#[test]
fn a_program_on_the_search_path_is_offered_too() {
    let home = Home::new();
    home.write("bin/hearth-extra", "");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let program = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(home.path("bin/hearth-extra"), program).expect("the file is mine");
    }
    let path = home.path("bin").display().to_string();
    let said = home.says_with(&["completion", "bash", "--", "hearth", "ex"], &[("PATH", &path)]);
    assert_eq!(said, "out| exec\nout| extra\nends with 0\n");
}
