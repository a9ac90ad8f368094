//! `hearth jobs dump` and `load`: files of jobs.

use crate::jobs::build_home;

#[test]
fn dumped_jobs_are_loaded_and_only_differences_change() {
    let home = build_home();
    insta::assert_snapshot!(home.run_to_transcript(&["jobs", "dump"]), @r#"
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
    insta::assert_snapshot!(home.run_to_transcript(&["jobs", "load", "jobs.yaml", "--prune", "--dry-run"]), @"
    out| tidy	would be changed
    out| new	would be added
    out| web	would be deleted
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["jobs", "load", "jobs.yaml", "--prune"]), @"
    out| tidy	changed
    out| new	added
    out| web	deleted
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["jobs", "load", "jobs.yaml", "--job", "nwe"]), @"
    err| error: jobs.yaml has no job nwe [no-such-job]
    err|        Its jobs are tidy, new.
    ends with 1
    ");
}

#[test]
fn invalid_job_file_is_refused_before_any_change() {
    let home = build_home();
    home.write("dup-finder/jobs.yaml", "- {name: a, image: x, comand: y}\n");
    insta::assert_snapshot!(home.run_to_transcript(&["jobs", "load", "jobs.yaml"]), @"
    err| error: jobs.yaml cannot be used: line 1 column 23: unknown field `comand`, expected one of name, command, image, schedule, continuous, webservice, mem, cpu, disk, port, publish, retry, replicas, health-check-http, health-check-script, health-check-tcp, health-check, checks, start-within, stop-signal, grace, timeout, timezone, concurrency, starting-deadline, auto-update, sleep-after, variables, envvars, mount, emails, filelog, no-filelog, filelog-stdout, filelog-stderr [job-file]
    err| next:  write a list of jobs, each with a name, an image and a command
    ends with 1
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["jobs", "load", "none.yaml"]), @"
    err| error: none.yaml cannot be used: no such file or folder [job-file]
    err| next:  name a file with jobs, as hearth jobs dump prints them
    ends with 1
    ");
    assert!(home.read_requests().is_empty());
}

#[test]
fn existing_dump_file_is_replaced_only_with_yes() {
    let home = build_home();
    home.write("dup-finder/jobs.yaml", "mine\n");
    insta::assert_snapshot!(home.run_to_transcript(&["jobs", "dump", "-f", "jobs.yaml"]), @"
    err| error: jobs.yaml exists with other content [file-exists]
    err| next:  hearth jobs dump -f jobs.yaml --yes
    ends with 1
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["jobs", "dump", "-f", "jobs.yaml", "--yes"]), @"
    out| ✓ 2 jobs are written to jobs.yaml
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["jobs", "dump", "-f", "jobs.yaml"]), @"
    out| nothing to change: jobs.yaml has this content already
    ends with 0
    ");
}
