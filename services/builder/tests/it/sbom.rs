//! SBOMs of built images, and repetitions of builds, on a scripted runtime.

use hearth_base::Result;
use hearth_runtime_api::fake::ScriptStep;
use hearth_wire::builds::internal::{BuildLeaseOutcome, BuildMaterials, OriginalBuild};
use serde_json::Value;

use crate::{
    fixture::{BuilderFixture, IMAGE_DIGEST},
    source_fixture::start_fixture_with,
};

const PACKAGE_LINE: &str =
    r#"hearth-package {"kind":"pypi","name":"flask","version":"3.1.0","location":"opt/venv/METADATA"}"#;
const SUMMARY_LINE: &str = r#"hearth-packages {"count":1,"is_complete":true}"#;
/// Digest of the image that is built again.
const OTHER_DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000001";

fn print_lines(lines: &[&str]) -> Vec<ScriptStep> {
    lines.iter().map(|line| ScriptStep::Out((*line).to_owned())).collect()
}

async fn start_python_fixture(push: &[&str]) -> Result<BuilderFixture> {
    let fixture = start_fixture_with(&[("requirements.txt", "flask\n")]).await?;
    let digest = format!("hearth-digest {IMAGE_DIGEST}");
    let lines: Vec<&str> = std::iter::once(digest.as_str()).chain(push.iter().copied()).collect();
    fixture.runtime.set_script("push", print_lines(&lines));
    Ok(fixture)
}

#[tokio::test]
async fn packages_of_the_image_become_its_sbom() -> Result<()> {
    let mut fixture = start_python_fixture(&[PACKAGE_LINE, "hearth-package nonsense", SUMMARY_LINE]).await?;
    assert!(matches!(fixture.run_to_end().await?, BuildLeaseOutcome::Succeeded { .. }));
    let state = fixture.state.lock().unwrap();
    let [upload] = state.sboms.as_slice() else { unreachable!("{:?}", state.sboms) };
    assert_eq!((&upload["image"], &upload["packages"]), (&IMAGE_DIGEST.into(), &1.into()));
    let sbom: Value = serde_json::from_str(upload["content"].as_str().unwrap()).unwrap();
    assert_eq!((&sbom["bomFormat"], &sbom["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    assert_eq!(sbom["components"][0]["purl"], "pkg:pypi/flask@3.1.0");
    let lines = state.lines.join("\n");
    assert!(lines.contains("sbom: The image has 1 packages") && !lines.contains("hearth-package"), "{lines}");
    Ok(())
}

#[tokio::test]
async fn image_without_a_list_of_packages_is_still_made() -> Result<()> {
    for (lines, is_old) in [([PACKAGE_LINE].as_slice(), false), (&[PACKAGE_LINE, SUMMARY_LINE], true)] {
        let mut fixture = start_python_fixture(lines).await?;
        fixture.change_state(|state| state.is_old_service = is_old);
        assert!(matches!(fixture.run_to_end().await?, BuildLeaseOutcome::Succeeded { .. }));
        let state = fixture.state.lock().unwrap();
        assert!(state.sboms.is_empty());
        assert!(state.lines.iter().any(|line| line.starts_with("sbom: ")), "{:?}", state.lines);
    }
    Ok(())
}

#[tokio::test]
async fn credential_is_gone_before_the_packages_are_listed() -> Result<()> {
    let mut fixture = start_python_fixture(&[]).await?;
    fixture.run_to_end().await?;
    let script = fixture.runtime.find_workload("push").process.argv[2].clone();
    let (deleted, listed) = (script.find("\nrm -f /tmp/in/auth.json\n"), script.find("\nlist_packages "));
    assert!(deleted.is_some() && deleted < listed, "{script}");
    Ok(())
}

#[tokio::test]
async fn layers_have_the_time_of_the_source() -> Result<()> {
    let mut fixture = start_python_fixture(&[]).await?;
    let report = ["hearth-file requirements.txt", "hearth-time 1700000000", "hearth-end"];
    fixture.runtime.set_script("fetch", print_lines(&report));
    let materials =
        format!(r#"hearth-materials {{"plan":"{IMAGE_DIGEST}","images":{{}},"source_time":1700000000}}"#);
    let base = format!("hearth-base hearth.internal:80/hearth/python3.11 {OTHER_DIGEST}");
    fixture.runtime.set_script("image", print_lines(&[&materials, &base, "hearth-pulled", "STEP 1/3: FROM"]));
    let end = fixture.run_to_end().await?;
    let image = fixture.runtime.find_workload("image").process.argv;
    // The steps get the first of the month, so that the next commit finds their layers.
    for option in ["--timestamp=1700000000", "--build-arg=SOURCE_DATE_EPOCH=1698796800"] {
        assert!(image.contains(&option.to_owned()), "{option}: {image:?}");
    }
    let BuildLeaseOutcome::Succeeded { materials: Some(materials), .. } = end else {
        unreachable!("{end:?}")
    };
    assert_eq!(materials.source_time, Some(1_700_000_000));
    assert_eq!(materials.images["hearth/python3.11"].to_string(), OTHER_DIGEST);
    Ok(())
}

#[tokio::test]
async fn repeated_build_names_the_files_that_differ() -> Result<()> {
    let difference = r#"hearth-difference {"path":"app/stamp","kind":"content"}"#;
    let summary = r#"hearth-differences {"count":1,"time_count":0}"#;
    for (original, expected) in [(IMAGE_DIGEST, "is the same"), (OTHER_DIGEST, "One file differs")] {
        let mut fixture = start_python_fixture(&[difference, summary]).await?;
        fixture.lease.image_name = "tool-hello.rebuilt".to_owned();
        fixture.lease.original_build = Some(OriginalBuild {
            build: "build_01jd0w5e3mqk8v7h4c2x9s6tbp".parse()?,
            image_name: "tool-hello".to_owned(),
            image: original.parse()?,
            materials: BuildMaterials {
                images: [("hearth/python3.11".to_owned(), OTHER_DIGEST.parse()?)].into(),
                ..BuildMaterials::default()
            },
        });
        let end = fixture.run_to_end().await?;
        let BuildLeaseOutcome::Succeeded { message, comparison, .. } = end else { unreachable!("{end:?}") };
        assert!(message.contains(expected), "{message}");
        let files = comparison.map(|comparison| comparison.files).unwrap_or_default();
        assert_eq!(files.iter().any(|file| file.path == "app/stamp"), original == OTHER_DIGEST);
        // The recorded base image, and not the newest one.
        let pulled = fixture.runtime.find_workload("image").process.argv;
        let recorded = format!("hearth.internal:80/hearth/python3.11@{OTHER_DIGEST}");
        assert!(pulled.contains(&recorded), "{pulled:?}");
        let push = fixture.runtime.find_workload("push").process.argv;
        assert!(
            push.contains(&"docker://hearth.internal:80/tool-hello/tool-hello.rebuilt:latest".to_owned())
        );
        let compared = format!("hearth.internal:80/tool-hello/tool-hello@{original}");
        assert_eq!(push.last(), Some(&compared));
    }
    Ok(())
}
