//! Variables, through the door.

use std::{fs, path::Path};

use hearth_base::{Kind, Result, Role, Secret, ToolName, ToolRole};
use hearth_testkit::{Hearth, Person, Shape, in_every_shape, until};
use hearth_wire::{
    envvars::{Envvar, EnvvarCreate, EnvvarsQuery, EnvvarsQuota, EnvvarsScope},
    tools::{MemberPut, QuotaPatch, ToolCreate},
};

fn envvar(name: &str, value: &str) -> Envvar {
    Envvar { name: name.parse().unwrap(), value: Secret::new(value), secret: false, job: None }
}

async fn set(person: &Person, tool: &ToolName, name: &str, value: &str) -> Result<Envvar> {
    let create = EnvvarCreate { name: name.parse()?, value: Secret::new(value), secret: None };
    let made = person.client.envvars().create(tool, &create, &EnvvarsScope::default()).await?;
    Ok(made.content.envvar)
}

async fn listed(person: &Person, tool: &ToolName) -> Result<Vec<Envvar>> {
    let list = person.client.envvars().list(tool, &EnvvarsQuery::default()).await?;
    Ok(list.content.envvars)
}

fn create(name: &str) -> ToolCreate {
    ToolCreate { name: name.parse().unwrap(), description: String::new() }
}

async fn variables_outlive_a_kill(mut hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let tool = operator.client.tools().create(&create("hello")).await?.name;
    let one = envvar("API_KEY", "s3cret");
    assert_eq!(set(&operator, &tool, "API_KEY", "s3cret").await?, one);
    hearth.kill(Role::Envvars).await?;
    hearth.revive(Role::Envvars).await?;
    let again = until("the door answers", async || Ok(listed(&operator, &tool).await.ok()));
    assert_eq!(again.await?, std::slice::from_ref(&one));
    let (envvars, whole) = (operator.client.envvars(), EnvvarsScope::default());
    assert_eq!(envvars.delete(&tool, &one.name, &whole).await?.content.envvar, one);
    assert_eq!(envvars.show(&tool, &one.name, &whole).await.unwrap_err().kind(), Kind::NotFound);
    hearth.stop().await
}

async fn a_viewer_sees_no_values_and_a_stranger_nothing(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (viewer, stranger) =
        (hearth.person(&operator, "viewer").await?, hearth.person(&operator, "stranger").await?);
    let tool = operator.client.tools().create(&create("hello")).await?.name;
    let put = MemberPut { role: ToolRole::Viewer };
    operator.client.tools().member_put(&tool, &viewer.name, &put).await?;
    set(&operator, &tool, "API_KEY", "s3cret").await?;
    let seen = until("the viewer may look", async || Ok(listed(&viewer, &tool).await.ok()));
    assert_eq!(seen.await?, [envvar("API_KEY", "")]);
    let refused = set(&viewer, &tool, "API_KEY", "mine").await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Forbidden);
    assert_eq!(listed(&stranger, &tool).await.unwrap_err().kind(), Kind::Forbidden);
    Ok(())
}

async fn an_operators_quota_counts_at_once(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let tool = operator.client.tools().create(&create("hello")).await?.name;
    let patch: QuotaPatch = serde_json::from_str(r#"{"envvars": 1}"#).unwrap();
    operator.client.tools().quota_patch(&tool, &patch).await?;
    set(&operator, &tool, "ONE_1", "x").await?;
    assert_eq!(set(&operator, &tool, "TWO_2", "x").await.unwrap_err().code(), "envvars-quota");
    assert_eq!(operator.client.envvars().quota(&tool).await?, EnvvarsQuota { quota: 1, used: 1 });
    Ok(())
}

async fn a_tool_of_the_same_name_inherits_no_variables(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let tools = operator.client.tools();
    let tool = tools.create(&create("hello")).await?.name;
    set(&operator, &tool, "API_KEY", "s3cret").await?;
    tools.delete(&tool).await?;
    until("the name is free", async || Ok(tools.create(&create("hello")).await.ok())).await?;
    until("the new tool answers", async || {
        Ok(listed(&operator, &tool).await.ok().filter(|envvars| envvars.is_empty()))
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn no_value_lies_plainly_in_the_state_folder_or_the_log() -> Result<()> {
    let hearth = Hearth::start(Shape::TOGETHER_ON_FILES).await?;
    let operator = hearth.operator().await?;
    let tool = operator.client.tools().create(&create("hello")).await?.name;
    const VALUE: &str = "correct-horse-battery-staple";
    set(&operator, &tool, "API_KEY", VALUE).await?;
    operator.client.envvars().show(&tool, &"API_KEY".parse()?, &EnvvarsScope::default()).await?;
    set(&operator, &tool, "API_KEY", &format!("{VALUE}\0")).await.unwrap_err();
    let (mut searched, mut named) = (0, false);
    let mut look = |bytes: &[u8]| {
        searched += bytes.len();
        named |= holds(bytes, b"API_KEY");
        assert!(!holds(bytes, VALUE.as_bytes()));
    };
    look(hearth.log("hearth").as_bytes());
    every_file(&hearth.state(), &mut look);
    assert!(searched > 0 && named, "the variable's row was looked at");
    Ok(())
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

fn every_file(folder: &Path, look: &mut impl FnMut(&[u8])) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            every_file(&entry, look);
        } else if let Ok(bytes) = fs::read(&entry) {
            look(&bytes);
        }
    }
}

in_every_shape!(
    variables_outlive_a_kill,
    a_viewer_sees_no_values_and_a_stranger_nothing,
    an_operators_quota_counts_at_once,
    a_tool_of_the_same_name_inherits_no_variables,
);
