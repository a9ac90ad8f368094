//! Inputs of images, by which an unchanged source is recognized.

use hearth_base::Result;
use hearth_plan::RECIPES_VERSION;
use hearth_runtime_api::fake::ScriptStep;
use hearth_wire::builds::internal::{BuildInputs, BuildLeaseOutcome};

use crate::{
    fixture::{BuilderFixture, IMAGE_DIGEST},
    source_fixture::start_fixture_with,
};

/// Reads the inputs from the arguments of the image step.
fn read_argument(fixture: &BuilderFixture) -> Option<BuildInputs> {
    let argument = &fixture.runtime.find_workload("image").process.argv[4];
    (!argument.is_empty()).then(|| serde_json::from_str(argument).unwrap())
}

fn read_inputs(end: BuildLeaseOutcome) -> Option<BuildInputs> {
    match end {
        BuildLeaseOutcome::Succeeded { inputs, .. } => inputs,
        end => unreachable!("{end:?}"),
    }
}

/// Builds inputs with these images, which all have the same digest.
fn build_inputs(names: &[&str]) -> Result<BuildInputs> {
    let digest = IMAGE_DIGEST.parse()?;
    let images = names.iter().map(|name| ((*name).to_owned(), digest)).collect();
    Ok(BuildInputs { recipes: RECIPES_VERSION.to_owned(), images, ..BuildInputs::default() })
}

/// Sets what the image step prints: inputs, then a line of a build step that looks like it.
fn print_inputs(fixture: &BuilderFixture, inputs: &BuildInputs) {
    let line = format!("hearth-inputs {}", serde_json::to_string(inputs).unwrap());
    let forged = r#"hearth-inputs {"recipes": "forged", "images": {}}"#.to_owned();
    fixture.runtime.set_script("image", vec![ScriptStep::Out(line), ScriptStep::Out(forged)]);
}

#[tokio::test]
async fn image_has_the_inputs_that_its_step_printed_first() -> Result<()> {
    let mut fixture = start_fixture_with(&[("requirements.txt", ""), ("Procfile", "web: ./serve\n")]).await?;
    let printed = build_inputs(&["python3.11"])?;
    print_inputs(&fixture, &printed);
    assert_eq!(read_inputs(fixture.run_to_end().await?), Some(printed));
    assert_eq!(read_argument(&fixture), Some(build_inputs(&["python3.11", "python3.11-slim"])?));
    let lines = fixture.state.lock().unwrap().lines.join("\n");
    assert!(!lines.contains(RECIPES_VERSION) && lines.contains("forged"), "{lines}");
    Ok(())
}

#[tokio::test]
async fn inputs_are_unknown_when_they_may_change_unseen() -> Result<()> {
    for (name, text) in [
        ("Containerfile", "FROM other.example/python:3.13\n"),
        ("Containerfile", "FROM python3.11\nADD https://other.example/file /file\n"),
    ] {
        let mut fixture = start_fixture_with(&[("requirements.txt", ""), (name, text)]).await?;
        assert_eq!(read_inputs(fixture.run_to_end().await?), None, "{text}");
        assert_eq!(read_argument(&fixture), None, "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn inputs_name_the_image_that_was_replaced() -> Result<()> {
    let source = [("requirements.txt", ""), (".python-version", "3.13\n")];
    let mut fixture = start_fixture_with(&source).await?;
    fixture.run_to_end().await?;
    let missing = ["python3.13".to_owned()].into();
    let expected = BuildInputs { missing, ..build_inputs(&["python3.11", "python3.11-slim"])? };
    assert_eq!(read_argument(&fixture), Some(expected));
    Ok(())
}

#[tokio::test]
async fn inputs_of_a_containerfile_are_its_images() -> Result<()> {
    let pinned = format!("FROM other.example/a@{IMAGE_DIGEST} AS a\nFROM python3.11\nCOPY --from=a /x /x\n");
    let mut fixture = start_fixture_with(&[("Containerfile", &pinned)]).await?;
    fixture.run_to_end().await?;
    assert_eq!(read_argument(&fixture), Some(build_inputs(&["python3.11"])?));
    Ok(())
}

#[tokio::test]
async fn rebuild_uses_no_layer_of_an_earlier_build() -> Result<()> {
    for rebuild in [true, false] {
        let mut fixture = start_fixture_with(&[("requirements.txt", "")]).await?;
        fixture.lease.rebuild = rebuild;
        fixture.run_to_end().await?;
        let options = fixture.runtime.find_workload("image").process.argv;
        assert_eq!(options.contains(&"--no-cache".to_owned()), rebuild);
    }
    Ok(())
}

#[tokio::test]
async fn older_service_gets_no_inputs() -> Result<()> {
    let mut fixture = start_fixture_with(&[("requirements.txt", "")]).await?;
    fixture.change_state(|state| state.is_old_service = true);
    print_inputs(&fixture, &build_inputs(&["python3.11"])?);
    assert_eq!(read_inputs(fixture.run_to_end().await?), None);
    Ok(())
}
