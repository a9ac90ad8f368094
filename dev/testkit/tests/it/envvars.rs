//! Environment variables, through the gateway.

use std::{fs, path::Path};

use hearth_base::{ErrorKind, Result, Role, Secret, ToolName, ToolRole};
use hearth_testkit::{Hearth, HearthShape, Person, in_every_shape, wait_until};
use hearth_wire::{
    envvars::{Envvar, EnvvarCreate, EnvvarsQuery, EnvvarsQuota, EnvvarsScope},
    tools::{QuotaPatch, ToolCreate},
};

fn build_envvar(name: &str, value: &str) -> Envvar {
    Envvar { name: name.parse().unwrap(), value: Secret::new(value), secret: false, job: None }
}

async fn set_envvar(person: &Person, tool: &ToolName, name: &str, value: &str) -> Result<Envvar> {
    let create = EnvvarCreate { name: name.parse()?, value: Secret::new(value), secret: None };
    let made = person.client.envvars().create(tool, &create, &EnvvarsScope::default()).await?;
    Ok(made.content.envvar)
}

async fn list_envvars(person: &Person, tool: &ToolName) -> Result<Vec<Envvar>> {
    let list = person.client.envvars().list(tool, &EnvvarsQuery::default()).await?;
    Ok(list.content.envvars)
}

fn build_tool_create(name: &str) -> ToolCreate {
    ToolCreate { name: name.parse().unwrap(), description: String::new() }
}

async fn variables_survive_a_kill(mut hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let tool = operator.client.tools().create(&build_tool_create("hello")).await?.name;
    let one = build_envvar("API_KEY", "s3cret");
    assert_eq!(set_envvar(&operator, &tool, "API_KEY", "s3cret").await?, one);
    hearth.kill(Role::Envvars).await?;
    hearth.restart_role(Role::Envvars).await?;
    let again = wait_until("the gateway replies", async || Ok(list_envvars(&operator, &tool).await.ok()));
    assert_eq!(again.await?, std::slice::from_ref(&one));
    let (envvars, whole) = (operator.client.envvars(), EnvvarsScope::default());
    assert_eq!(envvars.delete(&tool, &one.name, &whole).await?.content.envvar, one);
    assert_eq!(envvars.show(&tool, &one.name, &whole).await.unwrap_err().kind(), ErrorKind::NotFound);
    hearth.stop().await
}

async fn viewers_see_no_values_and_strangers_see_nothing(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (viewer, stranger) = (
        hearth.invite_person(&operator, "viewer").await?,
        hearth.invite_person(&operator, "stranger").await?,
    );
    let tool = operator.client.tools().create(&build_tool_create("hello")).await?.name;
    operator.add_member(&tool, &viewer, ToolRole::Viewer).await?;
    set_envvar(&operator, &tool, "API_KEY", "s3cret").await?;
    let seen =
        wait_until("the viewer can list the variables", async || Ok(list_envvars(&viewer, &tool).await.ok()));
    assert_eq!(seen.await?, [build_envvar("API_KEY", "")]);
    let refused = set_envvar(&viewer, &tool, "API_KEY", "mine").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    assert_eq!(list_envvars(&stranger, &tool).await.unwrap_err().kind(), ErrorKind::Forbidden);
    Ok(())
}

async fn quota_change_takes_effect_at_once(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let tool = operator.client.tools().create(&build_tool_create("hello")).await?.name;
    let patch: QuotaPatch = serde_json::from_str(r#"{"envvars": 1}"#).unwrap();
    operator.client.tools().update_quota(&tool, &patch).await?;
    set_envvar(&operator, &tool, "ONE_1", "x").await?;
    assert_eq!(set_envvar(&operator, &tool, "TWO_2", "x").await.unwrap_err().code(), "envvars-quota");
    assert_eq!(operator.client.envvars().show_quota(&tool).await?, EnvvarsQuota { quota: 1, used: 1 });
    Ok(())
}

async fn new_tool_of_the_same_name_has_no_variables(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let tools = operator.client.tools();
    let tool = tools.create(&build_tool_create("hello")).await?.name;
    set_envvar(&operator, &tool, "API_KEY", "s3cret").await?;
    tools.delete(&tool).await?;
    wait_until("the name is free", async || Ok(tools.create(&build_tool_create("hello")).await.ok())).await?;
    wait_until("the new tool answers", async || {
        Ok(list_envvars(&operator, &tool).await.ok().filter(|envvars| envvars.is_empty()))
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn state_folder_and_log_contain_no_plain_values() -> Result<()> {
    let hearth = Hearth::start(HearthShape::TOGETHER_ON_FILES).await?;
    let operator = hearth.operator().await?;
    let tool = operator.client.tools().create(&build_tool_create("hello")).await?.name;
    const SECRET_VALUE: &str = "correct-horse-battery-staple";
    set_envvar(&operator, &tool, "API_KEY", SECRET_VALUE).await?;
    operator.client.envvars().show(&tool, &"API_KEY".parse()?, &EnvvarsScope::default()).await?;
    set_envvar(&operator, &tool, "API_KEY", &format!("{SECRET_VALUE}\0")).await.unwrap_err();
    let (mut searched, mut named) = (0, false);
    let mut check_bytes = |bytes: &[u8]| {
        searched += bytes.len();
        named |= contains_bytes(bytes, b"API_KEY");
        assert!(!contains_bytes(bytes, SECRET_VALUE.as_bytes()));
    };
    check_bytes(hearth.read_log("hearth").as_bytes());
    visit_files(&hearth.state_folder(), &mut check_bytes);
    assert!(searched > 0 && named, "no searched file contains the variable's name");
    Ok(())
}

fn contains_bytes(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

fn visit_files(folder: &Path, check_bytes: &mut impl FnMut(&[u8])) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            visit_files(&entry, check_bytes);
        } else if let Ok(bytes) = fs::read(&entry) {
            check_bytes(&bytes);
        }
    }
}

in_every_shape!(
    variables_survive_a_kill,
    viewers_see_no_values_and_strangers_see_nothing,
    quota_change_takes_effect_at_once,
    new_tool_of_the_same_name_has_no_variables,
);
