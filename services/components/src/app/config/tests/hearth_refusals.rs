//! Configurations in Hearth's format that are refused.

use super::assert_problems;

macro_rules! with_components {
    ($components:literal) => {
        concat!("config_version: hearth/v1\ncomponents:\n", $components)
    };
}

#[test]
fn value_outside_its_range_is_named() {
    assert_problems(&[
        (
            with_components!("  web: {type: daemon}\n"),
            &[
                "line 3, column 15: component web: type is \"daemon\"; expected continuous, scheduled or one-off",
            ],
        ),
        (
            with_components!("  web: {run: sometimes}\n"),
            &["line 3, column 14: component web: run is \"sometimes\"; expected before or after"],
        ),
        (
            with_components!("  web: {port: '80x'}\n"),
            &["line 3, column 15: component web: port is \"80x\"; expected a number from 1 to 65535"],
        ),
        (
            with_components!("  web: {publish: /sub}\n"),
            &["line 3, column 18: component web: publish is \"/sub\"; expected true, false or \"/\""],
        ),
        (
            with_components!("  web: {publish: true, sleep_after: 5s}\n"),
            &[
                "line 3, column 37: component web: sleep_after is \"5s\"; expected 0, or 10 to 604800 seconds, as in 90s, 30m or 2h",
            ],
        ),
        (
            with_components!("  web: {publish: true, sleep_after: soon}\n"),
            &[
                "line 3, column 37: component web: sleep_after is \"soon\"; expected 0, or 10 to 604800 seconds, as in 90s, 30m or 2h",
            ],
        ),
        (
            with_components!("  web: {disk: '-1'}\n"),
            &[
                "line 3, column 15: component web: disk is \"-1\"; expected an amount of memory, as in 512Mi or 2Gi",
            ],
        ),
        (
            with_components!("  web: {schedule: '@daily', concurrency: queue}\n"),
            &[
                "line 3, column 42: component web: concurrency is \"queue\"; expected forbid, replace or allow",
            ],
        ),
        (
            with_components!("  web: {image: 3.11}\n"),
            &["line 3, column 16: component web: image is 3.11; expected text; write it in quotes"],
        ),
        (
            with_components!("  web: {build: {folder: ../x}}\n"),
            &[
                "line 3, column 25: component web: build.folder is \"../x\"; expected a folder of the source: letters, digits and ._- between slashes",
            ],
        ),
        (
            with_components!("  web: {build: {recipe: magic}}\n"),
            &[
                "line 3, column 25: component web: build.recipe is \"magic\"; expected containerfile, detected or dockerfile",
            ],
        ),
        (
            with_components!("  web: {build: {builder: 'A B'}}\n"),
            &[
                "line 3, column 26: component web: build.builder is \"A B\"; expected 1 to 40 lower-case letters, digits and hyphens, beginning and ending with a letter or digit, as in a-b",
            ],
        ),
        (
            with_components!("  web: {health_check: /healthz, port: 80}\n"),
            &[
                "line 3, column 23: component web: health_check is \"/healthz\"; expected a map of keys and values",
            ],
        ),
        (
            with_components!("  web: {port: 80, health_check: {type: http}}\n"),
            &[
                "line 3, column 33: component web: health_check.path is missing; expected the path of a request",
            ],
        ),
        (
            with_components!("  web: {port: 80, health_check: {type: tcp, path: /, interval: 301}}\n"),
            &[
                "line 3, column 51: component web: health_check.path is not allowed for a check of type tcp; leave it out",
                "line 3, column 64: component web: health_check.interval is 301; expected a number from 1 to 300",
            ],
        ),
        (
            with_components!("  web: {checks: {start_within: 0, ready: {type: tcp}}}\n"),
            &[
                "line 3, column 32: component web: checks.start_within is 0; expected a number from 1 to 3600",
                "line 3, column 35: component web: there is no key checks.ready; did you mean readiness?",
            ],
        ),
        (
            with_components!("  web: {stop: {signal: KILL, grace: 301}}\n"),
            &[
                "line 3, column 24: component web: stop.signal is \"KILL\"; expected HUP, INT, QUIT, TERM, USR1, USR2 or WINCH",
                "line 3, column 37: component web: stop.grace is 301; expected a number from 0 to 300",
            ],
        ),
    ]);
}

#[test]
fn keys_of_other_types_are_refused() {
    assert_problems(&[
        (
            with_components!("  tick: {schedule: '@daily', port: 80}\n"),
            &[
                "line 3, column 30: component tick: port is not allowed for a scheduled component; continuous ones only",
            ],
        ),
        (
            with_components!("  migrate: {run: before, publish: true}\n"),
            &[
                "line 3, column 26: component migrate: publish is not allowed for a one-off component; continuous ones only",
            ],
        ),
        (
            with_components!("  web: {retry: 2}\n"),
            &[
                "line 3, column 9: component web: retry is not allowed for a continuous component; scheduled and one-off ones only",
            ],
        ),
        (
            with_components!("  web: {timezone: Europe/Berlin}\n"),
            &[
                "line 3, column 9: component web: timezone is not allowed for a continuous component; scheduled ones only",
            ],
        ),
        (
            with_components!("  web: {type: continuous, run: after}\n"),
            &[
                "line 3, column 27: component web: run is not allowed for a continuous component; one-off ones only",
            ],
        ),
        (
            with_components!("  tick: {type: scheduled}\n"),
            &[
                "line 3, column 3: component tick: schedule is missing; expected five fields, or @hourly and the like",
            ],
        ),
        (
            with_components!("  web: {sleep_after: 30m}\n"),
            &[
                "line 3, column 9: component web: sleep_after needs a page whose visits wake it; add publish: true, or leave it out",
            ],
        ),
        (
            with_components!("  web: {port_protocol: udp}\n"),
            &["line 3, column 9: component web: port_protocol has no port; add port, or leave it out"],
        ),
        (
            with_components!("  web: {port: 53, port_protocol: udp, publish: true}\n"),
            &[
                "line 3, column 19: component web: port_protocol is \"udp\"; expected tcp for a published component",
            ],
        ),
        (
            with_components!("  web: {checks: {liveness: {type: tcp}}}\n"),
            &["line 3, column 18: component web: checks.liveness needs a port; add port"],
        ),
    ]);
}

#[test]
fn image_has_one_source() {
    assert_problems(&[
        (
            with_components!("  web: {build: {}, image: x}\n"),
            &[
                "line 3, column 27: component web: image stands beside build; expected one of build, reuse_from and image",
            ],
        ),
        (
            with_components!("  web: {reuse_from: x, image: z}\n  x: {}\n"),
            &[
                "line 3, column 31: component web: image stands beside reuse_from; expected one of build, reuse_from and image",
            ],
        ),
        (
            with_components!("  web: {build: {reuse_from: x}}\n  x: {}\n"),
            &[
                "line 3, column 17: component web: there is no key build.reuse_from; write reuse_from beside build, without build",
            ],
        ),
        (
            with_components!("  web: {reuse_from: nothing}\n  x: {}\n"),
            &[
                "line 3, column 3: component web: reuse_from is nothing, which does not exist; expected one of x",
            ],
        ),
        (
            with_components!("  web: {build: {ref: main}}\n"),
            &[
                "line 3, column 17: component web: build.ref has no repository; add repository, or leave ref out",
            ],
        ),
        (
            "config_version: hearth/v1\nbuild: {ref: main}\ncomponents: {web: }\n",
            &["line 2, column 14: build.ref has no repository; add repository, or leave ref out"],
        ),
    ]);
}

#[test]
fn section_build_is_checked_as_the_builder_does() {
    assert_problems(&[
        (
            "config_version: hearth/v1\nbuild: {language: cobol, packages: ['a;b'], colour: red}\ncomponents: {web: }\n",
            &[
                "line 2, column 8: build: language \"cobol\" is none of python, php, go, rust, java, ruby, node, site-generator, static",
                "line 2, column 8: build: \"a;b\" is not the name of a Debian package",
                "line 2, column 45: there is no key build.colour; expected front_end, repository, ref, folder, recipe, builder, language, packages, commands, static or processes",
            ],
        ),
        (
            "config_version: hearth/v1\nbuild: {front_end: a/b, commands: x}\ncomponents: {web: }\n",
            &[
                "line 2, column 8: build: front_end a/b is deeper than one folder; name a folder of the top folder",
                "line 2, column 35: build.commands is \"x\"; expected a list of texts",
            ],
        ),
    ]);
}

#[test]
fn keys_of_the_other_format_are_answered_with_this_ones() {
    assert_problems(&[
        (
            with_components!("  web: {component_type: continuous, health_check_http: /}\n"),
            &[
                "line 3, column 9: component web: there is no key component_type; write type",
                "line 3, column 37: component web: there is no key health_check_http; write health_check: {type: http, path: …}",
            ],
        ),
        (
            "config_version: hearth/v1\nsource_url: https://h/x\ncomponents: {web: }\n",
            &["line 2, column 1: there is no key source_url; it is a key of v1beta1"],
        ),
        (
            "config_version: hearth/v1\ntool: x\n",
            &["line 1, column 1: components is missing or empty; expected at least one component"],
        ),
    ]);
}

#[test]
fn environments_are_checked_with_their_changes() {
    assert_problems(&[
        (
            "config_version: hearth/v1\ncomponents: {web: }\nenvironments: {production: , pr-7: , Staging: , a--b: }\n",
            &[
                "line 3, column 16: environment \"production\": the name is refused; production is the configuration itself; change components",
                "line 3, column 30: environment \"pr-7\": the name is refused; pr- and a number are the name of a preview; expected another name",
                "line 3, column 38: environment \"Staging\": the name is refused; expected 1 to 20 lower-case letters, digits and single hyphens, beginning with a letter, ending with a letter or digit",
                "line 3, column 49: environment \"a--b\": the name is refused; expected 1 to 20 lower-case letters, digits and single hyphens, beginning with a letter, ending with a letter or digit",
            ],
        ),
        (
            "config_version: hearth/v1\ncomponents: {web: {port: 80}}\nenvironments:\n  staging:\n    components:\n      \
             web: {schedule: '@daily'}\n      x: {comand: red}\n    branches: x\n",
            &[
                "line 2, column 20: environment staging, component web: port is not allowed for a scheduled component; continuous ones only",
                "line 7, column 11: environment staging, component x: there is no key comand; did you mean command?",
                "line 8, column 5: environment staging: there is no key branches; did you mean branch?",
            ],
        ),
        (
            "config_version: hearth/v1\ncomponents: {web: {publish: true}}\nenvironments:\n  staging: {components: {admin: {publish: true}}}\n",
            &[
                "line 2, column 14: environment staging, component web: publish is set, and component admin is published too; expected one published component",
            ],
        ),
        (
            "config_version: hearth/v1\ncomponents: {web--staging: }\nenvironments: {staging: }\n",
            &[
                "line 2, column 14: component web--staging: the name ends in --staging, as the jobs of environment staging; expected another name",
            ],
        ),
        (
            "config_version: hearth/v1\ncomponents: {a234567890123456789012345678901234567890123456: }\nenvironments: {staging: }\n",
            &[
                "line 2, column 14: environment staging, component a234567890123456789012345678901234567890123456: its job \"a234567890123456789012345678901234567890123456--staging\" has a name that is refused; expected 1 to 52 lower-case letters, digits and hyphens, beginning and ending with a letter or digit",
            ],
        ),
    ]);
}

#[test]
fn previews_are_checked_with_line_and_column() {
    let lifetime = "expected 1 hour to 30 days, as in 12h or 7d";
    assert_problems(&[
        (
            "config_version: hearth/v1\ncomponents: {web: }\npreviews:\n  expire_after: 59m\n",
            &[&*format!("line 4, column 17: previews.expire_after is \"59m\"; {lifetime}")],
        ),
        (
            "config_version: hearth/v1\ncomponents: {web: }\npreviews: {expire_after: 31d}\n",
            &[&*format!("line 3, column 26: previews.expire_after is \"31d\"; {lifetime}")],
        ),
        (
            "config_version: hearth/v1\ncomponents: {web: }\npreviews: {expire_after: 99999999999999999999d}\n",
            &[&*format!("line 3, column 26: previews.expire_after is \"99999999999999999999d\"; {lifetime}")],
        ),
        (
            "config_version: hearth/v1\ncomponents: {web: }\npreviews: {variables: {PORT: 1}, envvars: [a b], expires: 7d}\n",
            &[
                "line 3, column 30: previews.variables.PORT is set by Hearth in every run; expected another name",
                "line 3, column 43: previews.envvars has \"a b\"; expected names of variables: letters, digits and underscores, not beginning with a digit",
                "line 3, column 50: there is no key previews.expires; did you mean expire_after?",
            ],
        ),
        (
            "config_version: hearth/v1\ncomponents: {web: }\npreviews: true\n",
            &["line 3, column 11: previews is true; expected a map of keys and values"],
        ),
    ]);
}
