//! Values, variables and patterns of files in configurations.

use hearth_base::Result;
use hearth_wire::components::{DeploySource, GitSource};
use serde_json::json;

use super::{
    super::{ConfigContext, check_config, check_json_config, read_config},
    assert_problems, read_text,
};
use crate::spec::ComponentImage;

const WITH_VALUES: &str = "config_version: hearth/v1
values: {HOST: code.example, LEVEL: info, COPIES: 2}
build: {repository: 'https://${HOST}/x', ref: main, processes: {web: 'run ${kept}'}}
components:
  web:
    publish: true
    replicas: '${COPIES}'
    command: serve --level ${LEVEL} --cost $$5 $PORT
    variables: {LOG: '${LEVEL}', PRICE: '$$1'}
environments:
  staging:
    branch: develop
    values: {LEVEL: debug, HOST: mirror.example}
    components:
      web: {memory: 256Mi}
  test:
    values: {COPIES: 1}
";

fn read_environment(environment: Option<&str>) -> Result<crate::spec::ToolSpec> {
    let context = ConfigContext { environment: environment.map(str::to_owned), ..ConfigContext::default() };
    Ok(read_config(WITH_VALUES, &context)?.spec)
}

#[test]
fn values_are_filled_in_for_each_environment() -> Result<()> {
    for (environment, name, host, level, copies) in [
        (None, "web", "code.example", "info", 2),
        (Some("staging"), "web--staging", "mirror.example", "debug", 2),
        (Some("test"), "web--test", "code.example", "info", 1),
    ] {
        let spec = read_environment(environment)?;
        let web = &spec.components[&name.parse()?];
        assert_eq!(web.job.cmd, format!("serve --level {level} --cost $5 $PORT"), "{name}");
        assert_eq!(web.job.replicas, Some(copies), "{name}");
        let variables = json!(web.job.variables);
        assert_eq!(variables, json!({"LOG": level, "PRICE": "$1"}), "{name}");
        let ComponentImage::Build(build) = &web.image else { unreachable!("{:?}", web.image) };
        let reference = if environment == Some("staging") { "develop" } else { "main" };
        let source = GitSource { url: format!("https://{host}/x"), reference: Some(reference.to_owned()) };
        assert_eq!(build.source, DeploySource::Git(source), "{name}");
    }
    Ok(())
}

#[test]
fn document_with_its_values_filled_in_is_read_as_the_same() -> Result<()> {
    let document = check_config(WITH_VALUES)?.document;
    let shown = json!(document);
    assert!(shown.get("values").is_none(), "{shown}");
    // The builder reads the keys of the image from the file, as they are.
    assert_eq!(shown["build"]["processes"], json!({"web": "run ${kept}"}));
    assert_eq!(shown["environments"]["test"], json!({"components": {"web": {"replicas": 1}}}));
    let (checked, _) = check_json_config(shown)?;
    assert_eq!(checked.document, document);
    Ok(())
}

#[test]
fn dollar_signs_stay_in_a_file_without_values() -> Result<()> {
    let text = "config_version: hearth/v1\ncomponents: {web: {image: x, command: 'run $$ ${PORT:-8000}'}}\n";
    let spec = read_text(text)?.spec;
    assert_eq!(spec.components[&"web".parse()?].job.cmd, "run $$ ${PORT:-8000}");
    Ok(())
}

#[test]
fn problems_of_values_are_named_with_their_place() {
    let head = "config_version: hearth/v1\ncomponents:\n  web: {image: x, command: '${LEVEL} ${NONE}'}\n";
    let with = |more: &str| format!("{head}{more}");
    assert_problems(&[
        (
            &with("values: {LEVEL: info}\n"),
            &["line 3, column 28: there is no value NONE; expected LEVEL, or write $$ for a dollar sign"],
        ),
        (
            &with("environments:\n  test: {values: {LEVEL: info, NONE: x}}\n"),
            &[
                "line 3, column 28: there is no value LEVEL; add it below values, or write $$ for a dollar sign",
            ],
        ),
        (
            &with("values: {LEVEL: [], NONE: x, 1A: y}\n"),
            &[
                "line 3, column 28: there is no value LEVEL; expected NONE, or write $$ for a dollar sign",
                "line 4, column 17: values.LEVEL is a list; expected text",
                "line 4, column 34: values.1A is no name of a value; expected letters, digits and underscores, not \
                 beginning with a digit",
            ],
        ),
        (
            &with("values: 5\n"),
            &[
                "line 3, column 28: there is no value LEVEL; add it below values, or write $$ for a dollar sign",
                "line 4, column 9: values is 5; expected a map of names and texts",
            ],
        ),
    ]);
}

#[test]
fn filled_in_texts_are_limited() {
    let value = "v".repeat(4000);
    let many = "${A}".repeat(60);
    let components: String =
        (0..5).map(|number| format!("  c{number}: {{image: x, command: '{many}'}}\n")).collect();
    let text = format!("config_version: hearth/v1\nvalues: {{A: {value}}}\ncomponents:\n{components}");
    let problems = super::list_problems(&text);
    assert!(problems.iter().any(|problem| problem.contains("more than 1048576 bytes")), "{problems:?}");
}

#[test]
fn variables_are_checked_and_their_values_are_not_repeated() {
    let with = |component: &str| {
        format!("config_version: hearth/v1\ncomponents:\n  web: {{image: x, {component}}}\n")
    };
    assert_problems(&[
        (&with("variables: {LEVEL: debug, EMPTY: ''}, envvars: [API_KEY]"), &[]),
        (&with("envvars: []"), &[]),
        (
            &with("variables: {LEVEL: 5, A-B: x, PORT: '1', DEEP: {}}"),
            &[
                "line 3, column 38: component web: variables.LEVEL is no text; expected text; write it in quotes",
                "line 3, column 46: component web: variables.A-B is no name of a variable; expected letters, digits and \
                 underscores, not beginning with a digit",
                "line 3, column 55: component web: variables.PORT is set by Hearth in every run; expected another name",
                "line 3, column 66: component web: variables.DEEP is no text; expected text, which may be empty: \"\"",
            ],
        ),
        (
            &with("envvars: [1A]"),
            &[
                "line 3, column 28: component web: envvars has \"1A\"; expected names of variables: letters, digits and \
               underscores, not beginning with a digit",
            ],
        ),
        (
            &with("secrets: [A]"),
            &[
                "line 3, column 19: component web: there is no key secrets; write envvars: the names of the tool's \
               variables and secrets",
            ],
        ),
        (
            &with("when_changed: ['web/**']"),
            &[
                "line 3, column 19: component web: when_changed stands beside image; only components with a build of \
               their own have it",
            ],
        ),
        (
            "config_version: hearth/v1\ncomponents:\n  web: {when_changed: ['../x', '/x']}\n",
            &[
                "line 3, column 23: component web: when_changed has \"../x\"; expected paths of the source with *, ? and \
                 **, as in web/**",
                "line 3, column 23: component web: when_changed has \"/x\"; expected paths of the source with *, ? and \
                 **, as in web/**",
            ],
        ),
    ]);
}

#[test]
fn environment_changes_only_the_variables_that_it_names() -> Result<()> {
    let text = "config_version: hearth/v1
components:
  web: {image: x, command: run, variables: {A: '1', B: '2'}, envvars: [KEY]}
environments:
  test: {components: {web: {variables: {B: '3', C: '4'}}}}
";
    let context = ConfigContext { environment: Some("test".to_owned()), ..ConfigContext::default() };
    let spec = read_config(text, &context)?.spec;
    let job = &spec.components[&"web--test".parse()?].job;
    assert_eq!(json!(job.variables), json!({"A": "1", "B": "3", "C": "4"}));
    assert_eq!(json!(job.envvars), json!(["KEY"]));
    Ok(())
}

#[test]
fn variable_with_the_name_of_a_secret_is_warned_of() -> Result<()> {
    let text = "config_version: hearth/v1\ncomponents:\n  web: {image: x, command: run, variables: {API_KEY: z, LEVEL: a}}\n";
    let warnings = check_config(text)?.warnings;
    assert_eq!(
        warnings,
        [
            "component web: variables are no secrets, and API_KEY has the name of one; set it with hearth envvars create \
          API_KEY and leave it out here"
        ]
    );
    Ok(())
}
