//! Builds that fail: their messages and explanations.

use hearth_base::Result;
use hearth_runtime_api::fake::ScriptStep;
use hearth_wire::builds::internal::BuildLeaseOutcome;
use serde_json::json;

use crate::source_fixture::{read_message, start_fixture_with};

#[tokio::test]
async fn undetected_source_fails_with_a_suggestion() -> Result<()> {
    let mut fixture = start_fixture_with(&[("README.md", "hello")]).await?;
    let end = fixture.run_to_end().await?;
    assert!(matches!(end, BuildLeaseOutcome::Failed { .. }), "{end:?}");
    let expected = read_message(&end);
    assert!(
        expected.contains("the source has no file that defines its build")
            && expected.contains("add a Procfile"),
        "{expected}"
    );
    assert_eq!(fixture.runtime.list_started_steps(), ["fetch"]);
    Ok(())
}

#[tokio::test]
async fn failed_build_shows_its_last_lines() -> Result<()> {
    let mut fixture = start_fixture_with(&[("requirements.txt", "nosuch\n")]).await?;
    let lines = (0..30).map(|number| ScriptStep::Err(format!("line {number}")));
    fixture.runtime.set_script("image", lines.chain([ScriptStep::Exit(1)]).collect());
    let end = fixture.run_to_end().await?;
    assert!(matches!(end, BuildLeaseOutcome::Failed { .. }), "{end:?}");
    assert!(
        read_message(&end).ends_with("line 28\nline 29") && !read_message(&end).contains("line 20\n"),
        "{end:?}"
    );
    Ok(())
}

#[tokio::test]
async fn failure_is_explained_by_its_class_its_line_and_a_next_step() -> Result<()> {
    let missing = "ERROR: No matching distribution found for nosuch";
    let pip = vec![ScriptStep::Err(missing.to_owned()), ScriptStep::Exit(1)];
    let full = vec![ScriptStep::Err("write /x: no space left on device".to_owned()), ScriptStep::Exit(125)];
    for (files, step, script, class, line) in [
        (vec![("requirements.txt", "nosuch")], "image", pip, "dependency-not-found", Some(missing)),
        (
            vec![("requirements.txt", "")],
            "image",
            full,
            "out-of-disk",
            Some("write /x: no space left on device"),
        ),
        (vec![("requirements.txt", "")], "image", vec![ScriptStep::Exit(3)], "command-failed", None),
        (vec![("requirements.txt", "")], "fetch", vec![ScriptStep::Exit(71)], "source", None),
    ] {
        let mut fixture = start_fixture_with(&files).await?;
        fixture.runtime.set_script(step, script);
        fixture.run_to_end().await?;
        let failure = fixture.state.lock().unwrap().failures[0].clone();
        assert_eq!((failure["class"].as_str(), failure["line"].as_str()), (Some(class), line), "{failure}");
        assert!(failure["next_step"].as_str().is_some_and(|step| step.len() > 10), "{failure}");
    }
    Ok(())
}

#[tokio::test]
async fn build_service_of_an_earlier_release_gets_only_fields_that_it_knows() -> Result<()> {
    let mut fixture = start_fixture_with(&[("README.md", "hello")]).await?;
    fixture.change_state(|state| state.is_old_service = true);
    let end = fixture.run_to_end().await?;
    assert!(matches!(end, BuildLeaseOutcome::Failed { .. }), "{end:?}");
    assert_eq!(fixture.state.lock().unwrap().failures, [json!(null)]);
    Ok(())
}

#[tokio::test]
async fn infrastructure_failure_asks_for_another_attempt() -> Result<()> {
    for (step, steps, expected) in [
        (
            "image",
            vec![ScriptStep::Err("write /x: no space left on device".to_owned()), ScriptStep::Exit(125)],
            "disk",
        ),
        ("push", vec![ScriptStep::Err("Error: x".to_owned()), ScriptStep::Exit(125)], "Pushing the image"),
        ("fetch", vec![ScriptStep::Missing], "could not be started"),
        ("fetch", vec![ScriptStep::Exit(0)], "was lost"),
    ] {
        let mut fixture = start_fixture_with(&[("requirements.txt", "")]).await?;
        fixture.runtime.set_script(step, steps);
        let end = fixture.run_to_end().await?;
        assert!(
            matches!(&end, BuildLeaseOutcome::Retry { message } if message.contains(expected)),
            "{step}: {end:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn out_of_memory_build_reports_its_limit() -> Result<()> {
    let mut fixture = start_fixture_with(&[("requirements.txt", "")]).await?;
    fixture.runtime.set_script("image", vec![ScriptStep::Hoard]);
    let end = fixture.run_to_end().await?;
    assert!(
        matches!(&end, BuildLeaseOutcome::Failed { message } if message.contains("more memory than the 2Gi")),
        "{end:?}"
    );
    Ok(())
}

#[tokio::test]
async fn unfetchable_repository_reports_gits_error() -> Result<()> {
    let mut fixture = start_fixture_with(&[]).await?;
    fixture
        .runtime
        .set_script("fetch", vec![ScriptStep::Err("fatal: no such commit".to_owned()), ScriptStep::Exit(71)]);
    let end = fixture.run_to_end().await?;
    let expected = "The repository could not be fetched.\nfatal: no such commit";
    assert!(matches!(&end, BuildLeaseOutcome::Failed { message } if message == expected), "{end:?}");
    Ok(())
}
