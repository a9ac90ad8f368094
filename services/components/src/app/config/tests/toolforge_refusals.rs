//! Configurations in Toolforge's format that are refused.

use super::assert_problems;

/// A valid build in one line.
macro_rules! with_web {
    ($run:literal) => {
        concat!(
            "components:\n  web:\n    build: {repository: 'https://h/x', ref: main}\n    run: ",
            $run,
            "\n"
        )
    };
}

#[test]
fn value_outside_its_range_is_named() {
    assert_problems(&[
        (
            with_web!("{command: web, port: 70000}"),
            &["line 4, column 31: component web: run.port is 70000; expected a number from 1 to 65535"],
        ),
        (
            with_web!("{command: web, port: eighty}"),
            &["line 4, column 31: component web: run.port is \"eighty\"; expected a number from 1 to 65535"],
        ),
        (
            with_web!("{command: web, port: 80, port_protocol: sctp}"),
            &["line 4, column 50: component web: run.port_protocol is \"sctp\"; expected tcp or udp"],
        ),
        (
            with_web!("{command: web, replicas: 0}"),
            &["line 4, column 35: component web: run.replicas is 0; expected a number from 1 to 65535"],
        ),
        (
            with_web!("{command: web, replicas: 1.5}"),
            &["line 4, column 35: component web: run.replicas is 1.5; expected a number from 1 to 65535"],
        ),
        (
            with_web!("{command: web, publish: /sub}"),
            &["line 4, column 34: component web: run.publish is \"/sub\"; expected /"],
        ),
        (
            with_web!("{command: web, publish: true}"),
            &["line 4, column 34: component web: run.publish is true; expected /"],
        ),
        (
            with_web!("{command: web, memory: lots}"),
            &[
                "line 4, column 33: component web: run.memory is \"lots\"; expected an amount of memory, as in 512Mi or 2Gi",
            ],
        ),
        (
            with_web!("{command: web, cpu: [1]}"),
            &[
                "line 4, column 30: component web: run.cpu is a list; expected a number of CPUs, as in 0.5, 2 or 500m",
            ],
        ),
        (
            with_web!("{command: web, emails: sometimes}"),
            &[
                "line 4, column 33: component web: run.emails is \"sometimes\"; expected none, all, onfinish or onfailure",
            ],
        ),
        (
            with_web!("{command: web, mount: home}"),
            &["line 4, column 32: component web: run.mount is \"home\"; expected all or none"],
        ),
        (
            with_web!("{command: web, filelog: 'yes'}"),
            &["line 4, column 34: component web: run.filelog is \"yes\"; expected true or false"],
        ),
        (
            with_web!("{command: web, filelog_stdout: ../x}"),
            &[
                "line 4, column 41: component web: run.filelog_stdout is \"../x\"; expected a path in the tool's home, as in logs/job.out",
            ],
        ),
        (
            with_web!("{command: web, filelog: false, filelog_stderr: x}"),
            &[
                "line 4, column 57: component web: run.filelog_stderr is set, but filelog is false; expected filelog: true, or no file",
            ],
        ),
        (
            with_web!("{command: web, port: 80, health_check_http: healthz}"),
            &[
                "line 4, column 54: component web: run.health_check_http is \"healthz\"; expected a path that begins with a slash, as in /healthz",
            ],
        ),
        (
            with_web!("{command: web, schedule: '@daily', retry: 6}"),
            &["line 4, column 52: component web: run.retry is 6; expected a number from 0 to 5"],
        ),
        (
            with_web!("{command: web, schedule: '@daily', timeout: -1}"),
            &["line 4, column 54: component web: run.timeout is -1; expected a number from 0 to 4294967295"],
        ),
        (
            with_web!("{command: 5}"),
            &["line 4, column 20: component web: run.command is 5; expected text; write it in quotes"],
        ),
        (
            with_web!("{command: '  '}"),
            &["line 4, column 20: component web: run.command is empty; expected 1 to 4000 characters"],
        ),
        (
            with_web!("{command: \"a\\x07\"}"),
            &[
                "line 4, column 20: component web: run.command is \"a\\u{7}\"; expected text without control characters",
            ],
        ),
    ]);
}

#[test]
fn missing_and_contradicting_keys_are_named() {
    assert_problems(&[
        ("", &["line 1, column 1: components is missing or empty; expected at least one component"]),
        (
            "components: {}",
            &["line 1, column 13: components is missing or empty; expected at least one component"],
        ),
        (
            "components: [web]",
            &["line 1, column 13: components is a list; expected a map of components by name"],
        ),
        ("- web", &["line 1, column 1: the configuration is a list; expected a map of keys and values"]),
        ("web", &["line 1, column 1: the configuration is \"web\"; expected a map of keys and values"]),
        (
            "config_version: v2\ncomponents: {}",
            &["line 1, column 17: config_version is \"v2\"; expected v1beta1 or hearth/v1"],
        ),
        (
            "components: {web: }",
            &[
                "line 1, column 17: component web: build is missing; expected build with repository and ref, or with reuse_from",
                "line 1, column 17: component web: run is missing; expected run with at least a command",
            ],
        ),
        (
            "components: {web: {build: {}, run: {}}}",
            &[
                "line 1, column 27: component web: build.repository is missing; expected the address of a git repository, or reuse_from",
                "line 1, column 27: component web: build.ref is missing; expected a branch, a tag or a commit",
                "line 1, column 36: component web: run.command is missing; expected a shell command line, or the name of a process of the image",
            ],
        ),
        (
            with_web!("{command: web, retry: 1}"),
            &[
                "line 4, column 32: component web: run.retry is not allowed for a continuous component; leave it out, or change component_type",
            ],
        ),
        (
            with_web!("{command: web, schedule: '@daily', port: 80}"),
            &[
                "line 4, column 51: component web: run.port is not allowed for a scheduled component; leave it out, or change component_type",
            ],
        ),
        (
            with_web!("{command: web}\n    component_type: scheduled"),
            &[
                "line 4, column 10: component web: run.schedule is missing; expected five fields, or @hourly and the like",
            ],
        ),
        (
            with_web!("{command: web, schedule: '@daily'}\n    component_type: continuous"),
            &[
                "line 4, column 35: component web: run.schedule is not allowed for a continuous component; leave it out, or change component_type",
            ],
        ),
        (
            with_web!("{command: web}\n    component_type: one-off"),
            &[
                "line 5, column 21: component web: component_type is \"one-off\"; expected continuous or scheduled",
            ],
        ),
        (
            with_web!("{command: web, port_protocol: tcp}"),
            &["line 4, column 40: component web: run.port_protocol has no port; add port, or leave it out"],
        ),
        (
            with_web!("{command: web, port: 53, port_protocol: udp, publish: /}"),
            &[
                "line 4, column 50: component web: run.port_protocol is \"udp\"; expected tcp for a published component",
            ],
        ),
        (
            with_web!("{command: web, health_check_http: /}"),
            &["line 4, column 44: component web: run.health_check_http needs a port; add port"],
        ),
        (
            with_web!("{command: web, port: 80, health_check_http: /, health_check_script: x}"),
            &[
                "line 4, column 54: component web: run.health_check_http stands beside health_check_script; expected one of them",
            ],
        ),
        (
            "components:\n  a:\n    build: {repository: 'https://h/x', ref: v1, reuse_from: b}\n    run: {command: x}\n  \
             b:\n    build: {repository: 'https://h/x', ref: v1}\n    run: {command: x}\n",
            &[
                "line 3, column 25: component a: build.repository stands beside reuse_from; expected one of them",
            ],
        ),
    ]);
}

#[test]
fn unknown_key_is_answered_with_the_nearest_one() {
    assert_problems(&[
        (
            with_web!("{command: web, prot: 80}"),
            &["line 4, column 25: component web: there is no key run.prot; did you mean port?"],
        ),
        (
            with_web!("{command: web}\n    bild: x"),
            &["line 5, column 5: component web: there is no key bild; did you mean build?"],
        ),
        (
            with_web!("{command: web}\n    colour: red"),
            &[
                "line 5, column 5: component web: there is no key colour; expected component_type, build or run",
            ],
        ),
        (
            concat!("tool: x\n", with_web!("{command: web}")),
            &["line 1, column 1: there is no key tool; add the line config_version: hearth/v1"],
        ),
        (
            concat!("\"\\x1b[31m\": x\n", with_web!("{command: web}")),
            &[
                "line 1, column 1: there is no key \"\\u{1b}[31m\"; expected config_version, Warning, source_url or components",
            ],
        ),
    ]);
}

#[test]
fn address_of_a_repository_is_checked_and_no_password_repeated() {
    let with_repository = |address: &str| {
        format!("components: {{web: {{build: {{repository: '{address}', ref: v1}}, run: {{command: x}}}}}}")
    };
    for (address, expected) in [
        (
            "git@host:a/b",
            "has a user name or another form; expected the address of a public server, as in https://…",
        ),
        ("https://ada:secret@h/x", "has a user name or password; expected a public address without them"),
        ("ftp://h/x", "is \"ftp://h/x\"; expected an address, as in https://…"),
        ("--upload-pack=x", "is \"--upload-pack=x\"; expected an address, as in https://…"),
        ("https:///x", "is \"https:///x\"; expected an address, as in https://…"),
        ("https://h/a b", "is \"https://h/a b\"; expected an address, as in https://…"),
    ] {
        let expected = format!("line 1, column 40: component web: build.repository {expected}");
        assert_eq!(super::list_problems(&with_repository(address)), [expected], "{address}");
    }
}

#[test]
fn names_of_components_and_links_between_them_are_checked() {
    assert_problems(&[
        (
            "components: {Web_1: {build: {reuse_from: x}, run: {command: x}}}",
            &[
                "line 1, column 14: component \"Web_1\": the name is refused; expected 1 to 52 lower-case letters, digits and hyphens, beginning and ending with a letter or digit, as in web-1",
            ],
        ),
        (
            "components: {a: {build: {reuse_from: b}, run: {command: x}}}",
            &[
                "line 1, column 14: component a: reuse_from is b, which does not exist; the configuration has no other component",
            ],
        ),
        (
            "components: {a: {build: {reuse_from: a}, run: {command: x}}}",
            &["line 1, column 14: component a: reuse_from is a, which is itself; expected another component"],
        ),
        (
            "components:\n  a: {build: {reuse_from: b}, run: {command: x}}\n  b: {build: {reuse_from: c}, run: {command: x}}\n  \
             c: {build: {repository: 'https://h/x', ref: v1}, run: {command: x}}\n",
            &["line 2, column 3: component a: reuse_from is b, whose image is that of c; expected c"],
        ),
        (
            "components:\n  a: {build: {repository: 'https://h/x', ref: v1}, run: {command: x, publish: /}}\n  \
             b: {build: {reuse_from: a}, run: {command: x, publish: /}}\n",
            &[
                "line 3, column 3: component b: publish is set, and component a is published too; expected one published component",
            ],
        ),
    ]);
}
