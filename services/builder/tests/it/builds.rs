//! Complete builds on a scripted runtime.

use hearth_base::{PreviewNumber, Result};
use hearth_runtime_api::{Isolation, MountSource, Owner, fake::ScriptStep};
use hearth_testkit::wait_until;
use hearth_wire::builds::internal::{BuildLeaseOutcome, BuildLeaseSource};
use serde_json::json;

use crate::{
    fixture::{BuilderFixture, IMAGE_DIGEST, start_fixture},
    source_fixture::{build_report, read_message, start_fixture_with},
};

#[tokio::test]
async fn source_becomes_an_image() -> Result<()> {
    let mut fixture =
        start_fixture_with(&[("requirements.txt", "flask\n"), ("Procfile", "web: ./serve\n")]).await?;
    let end = fixture.run_to_end().await?;
    let BuildLeaseOutcome::Succeeded { digest, image, processes, message, inputs: None, .. } = &end else {
        unreachable!("{end:?}")
    };
    assert_eq!(digest, IMAGE_DIGEST);
    assert_eq!(image, &format!("hearth.example/tool-hello/tool-hello:latest@{IMAGE_DIGEST}"));
    assert_eq!(processes["web"], "./serve");
    assert!(message.contains("Python") && message.ends_with("Its process is web."), "{message}");
    assert_eq!(fixture.runtime.list_started_steps(), ["fetch", "image", "push"]);
    wait_until("the runs to be acknowledged", || async {
        Ok((fixture.runtime.acknowledged.lock().unwrap().len() == 3).then_some(()))
    })
    .await?;
    let lines = fixture.state.lock().unwrap().lines.join("\n");
    for expected in ["fetch: Receiving objects", "detect: requirements.txt: Python", "image: STEP 1/3"] {
        assert!(lines.contains(expected), "{expected}: {lines}");
    }
    assert!(!lines.contains("hearth-text"), "{lines}");
    Ok(())
}

#[tokio::test]
async fn workloads_are_isolated_and_hold_no_secret() -> Result<()> {
    let mut fixture = start_fixture_with(&[("requirements.txt", "")]).await?;
    fixture.lease.envvars = [("A".to_owned(), "b c; id".to_owned())].into();
    fixture.run_to_end().await?;
    for step in ["fetch", "image", "push"] {
        let workload = fixture.runtime.find_workload(step);
        workload.check_workload()?;
        assert_eq!((workload.isolation, workload.read_only), (Isolation::Build, true));
        assert_eq!(
            workload.mounts.iter().map(|mount| mount.source.clone()).collect::<Vec<_>>(),
            [MountSource::BuildCache]
        );
        let text = format!("{:?}", workload.process.argv);
        let env: String = workload.process.env.values().map(|value| value.expose_secret()).collect();
        assert!(!text.contains("very-secret") && !env.contains("very-secret"));
    }
    let image = fixture.runtime.find_workload("image").process.argv;
    for option in ["--cap-drop=CAP_SYS_CHROOT", "--isolation=chroot", "--layers", "--build-arg=A=b c; id"] {
        assert!(image.iter().any(|argument| argument == option), "{option}: {image:?}");
    }
    assert!(!image[2].contains("b c; id"));
    let scopes = fixture.state.lock().unwrap().scopes.clone();
    assert_eq!(scopes, [json!(["images:read"]), json!(["images:write"])]);
    let fetch = fixture.runtime.find_workload("fetch").process.argv;
    assert_eq!(&fetch[4..6], ["https://git.example/hello".to_owned(), "a".repeat(40)]);
    Ok(())
}

#[tokio::test]
async fn runs_of_a_preview_belong_to_the_preview() -> Result<()> {
    let mut fixture = start_fixture_with(&[("requirements.txt", "")]).await?;
    let number = PreviewNumber::new(7)?;
    fixture.lease.preview = Some(number);
    fixture.lease.image_name = "tool-hello.pr-7".to_owned();
    fixture.run_to_end().await?;
    for step in ["fetch", "image", "push"] {
        let workload = fixture.runtime.find_workload(step);
        workload.check_workload()?;
        assert_eq!(workload.owner, Owner::Preview { tool: fixture.lease.tool, number });
        assert!(workload.network.grants.is_empty() && workload.files.is_empty(), "{workload:?}");
    }
    let push = fixture.runtime.find_workload("push").process.argv;
    assert!(push.contains(&"docker://hearth.internal:80/tool-hello/tool-hello.pr-7:latest".to_owned()));
    Ok(())
}

/// Starts a build whose image step does not end by itself, and waits until that step runs.
async fn start_until_image_step() -> Result<BuilderFixture> {
    let mut fixture = start_fixture_with(&[("requirements.txt", "")]).await?;
    fixture.runtime.set_script("image", vec![ScriptStep::Out("begun".to_owned()), ScriptStep::Stubborn]);
    fixture.begin();
    wait_until("the image step to start", || async {
        Ok(fixture.runtime.list_started_steps().contains(&"image").then_some(()))
    })
    .await?;
    Ok(fixture)
}

#[tokio::test]
async fn stop_request_ends_the_running_step() -> Result<()> {
    let fixture = start_until_image_step().await?;
    fixture.change_state(|state| state.stop = true);
    assert_eq!(fixture.wait_for_end().await?, BuildLeaseOutcome::Stopped);
    assert_eq!(fixture.runtime.list_started_steps(), ["fetch", "image"]);
    Ok(())
}

#[tokio::test]
async fn cancelled_lease_starts_no_step() -> Result<()> {
    let mut fixture = start_fixture_with(&[("requirements.txt", "")]).await?;
    fixture.lease.stop = true;
    assert_eq!(fixture.run_to_end().await?, BuildLeaseOutcome::Stopped);
    assert!(fixture.runtime.list_started_steps().is_empty());
    Ok(())
}

#[tokio::test]
async fn restarted_builder_adopts_running_steps() -> Result<()> {
    let mut fixture = start_fixture_with(&[("requirements.txt", "")]).await?;
    fixture.runtime.set_script(
        "image",
        vec![ScriptStep::Out("begun".to_owned()), ScriptStep::Await("later".to_owned())],
    );
    fixture.begin();
    wait_until("the image step to start", || async {
        Ok(fixture.state.lock().unwrap().lines.iter().any(|line| line == "image: begun").then_some(()))
    })
    .await?;
    fixture.restart().await?;
    assert!(fixture.state.lock().unwrap().ends.is_empty());
    fixture.begin();
    wait_until("the image step to be adopted", || async {
        Ok((fixture.runtime.list_started_steps().iter().filter(|step| **step == "image").count() == 2)
            .then_some(()))
    })
    .await?;
    // The run that continued ends by itself: no step was started twice.
    let runs: std::collections::BTreeSet<_> =
        fixture.runtime.started.lock().unwrap().iter().map(hearth_runtime_api::Workload::id).collect();
    assert_eq!(runs.len(), 2);
    let image = fixture.runtime.find_workload("image").id();
    fixture.runtime.release_runs(image, "later").await?;
    assert!(matches!(fixture.wait_for_end().await?, BuildLeaseOutcome::Succeeded { .. }));
    assert_eq!(fixture.state.lock().unwrap().ends.len(), 1);
    Ok(())
}

#[tokio::test]
async fn lost_lease_leaves_the_runs_to_its_successor() -> Result<()> {
    let fixture = start_until_image_step().await?;
    fixture.change_state(|state| state.lost = true);
    wait_until("the builder to claim other work", || async {
        let mut state = fixture.state.lock().unwrap();
        // A second lease is claimed once the first is lost.
        if state.leases.is_empty() && state.lost {
            state.lost = false;
            let other = hearth_wire::builds::internal::BuildLease {
                build: "build_01jd0w5e3mqk8v7h4c2x9s6tbp".parse()?,
                stop: true,
                ..fixture.lease.clone()
            };
            state.leases.push(other);
        }
        Ok((!state.ends.is_empty()).then_some(()))
    })
    .await?;
    assert_eq!(fixture.state.lock().unwrap().ends, [BuildLeaseOutcome::Stopped]);
    Ok(())
}

#[tokio::test]
async fn log_is_limited_to_the_configured_lines() -> Result<()> {
    let mut fixture = start_fixture("[builder]\nlog_lines = 10\n").await?;
    fixture.runtime.set_script("fetch", build_report(&[("requirements.txt", "")]));
    fixture
        .runtime
        .set_script("image", (0..500).map(|number| ScriptStep::Out(format!("line {number}"))).collect());
    fixture.runtime.set_script("push", vec![ScriptStep::Out(format!("hearth-digest {IMAGE_DIGEST}"))]);
    assert!(matches!(fixture.run_to_end().await?, BuildLeaseOutcome::Succeeded { .. }));
    let lines = fixture.state.lock().unwrap().lines.clone();
    assert!(lines.iter().any(|line| line.contains("further lines are not stored")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("line 20")), "{lines:?}");
    Ok(())
}

#[tokio::test]
async fn expired_upload_fails_the_build() -> Result<()> {
    let mut fixture = start_fixture_with(&[]).await?;
    fixture.lease.source = BuildLeaseSource::Upload {
        id: "source_01jd0w5e3mqk8v7h4c2x9s6tbn".parse()?,
        digest: IMAGE_DIGEST.to_owned(),
        size: 10,
    };
    let end = fixture.run_to_end().await?;
    assert!(!matches!(end, BuildLeaseOutcome::Succeeded { .. }), "{end:?}");
    Ok(())
}

#[tokio::test]
async fn registry_tokens_are_revoked_when_a_build_ends() -> Result<()> {
    for (step, status) in [("push", 0), ("image", 1), ("push", 1)] {
        let mut fixture = start_fixture_with(&[("requirements.txt", "")]).await?;
        if status != 0 {
            fixture.runtime.set_script(step, vec![ScriptStep::Exit(status)]);
        }
        fixture.run_to_end().await?;
        let state = fixture.state.lock().unwrap();
        assert_eq!(state.revoked_tokens, state.scopes.len(), "{step}: {:?}", state.scopes);
        assert!(state.revoked_tokens > 0);
    }
    Ok(())
}

#[tokio::test]
async fn credential_is_only_there_while_images_are_pulled() -> Result<()> {
    let text = "FROM python3.11 AS one\nFROM localhost:8080/hearth/python3.11\nFROM public.example/alpine:3\nCOPY --from=one a b\n";
    let mut fixture = start_fixture_with(&[("Containerfile", text)]).await?;
    fixture.run_to_end().await?;
    let arguments = fixture.runtime.find_workload("image").process.argv;
    // The script pulls them, deletes the credential, and only then starts buildah with the rest.
    let script = &arguments[2];
    let (deleted, built) = (script.find("\nrm -f /tmp/in/auth.json\n"), script.find("\nexec buildah "));
    assert!(deleted.is_some() && deleted < built, "{script}");
    let first = arguments.iter().position(|argument| argument == "bud").unwrap();
    let pulled = &arguments[5..first];
    assert_eq!(&pulled[..3], ["3", "python3.11", ""]);
    assert_eq!(&pulled[5..], ["public.example/alpine:3", "public.example"]);
    assert!(!arguments[first..].iter().any(|argument| argument.contains("auth")), "{arguments:?}");
    // Nothing is pulled later, and no step can leave its root.
    for option in ["--pull=false", "--isolation=chroot", "--cap-drop=CAP_SYS_CHROOT"] {
        assert!(arguments[first..].iter().any(|argument| argument == option), "{option}: {arguments:?}");
    }
    Ok(())
}

#[tokio::test]
async fn unknown_image_of_this_hearth_is_named_before_the_build() -> Result<()> {
    for name in ["hearth/nosuch", "hearth.internal:80/hearth/nosuch:1"] {
        let mut fixture = start_fixture_with(&[("Dockerfile", &format!("FROM {name}\n"))]).await?;
        let end = fixture.run_to_end().await?;
        let message = read_message(&end);
        assert!(matches!(end, BuildLeaseOutcome::Failed { .. }), "{end:?}");
        assert!(message.contains(name) && message.contains("python3.11"), "{message}");
        assert_eq!(fixture.runtime.list_started_steps(), ["fetch"]);
    }
    Ok(())
}

#[tokio::test]
async fn silent_registry_fails_the_build_at_once() -> Result<()> {
    let mut fixture = start_fixture_with(&[("Dockerfile", "FROM quay.example/a/b\n")]).await?;
    let reason = "The registry quay.example does not answer: (28) Connection timed out".to_owned();
    fixture.runtime.set_script("image", vec![ScriptStep::Err(reason.clone()), ScriptStep::Exit(72)]);
    let end = fixture.run_to_end().await?;
    assert!(
        matches!(&end, BuildLeaseOutcome::Failed { message } if message.contains(&reason) && message.contains("python3.11")),
        "{end:?}"
    );
    Ok(())
}

#[tokio::test]
async fn source_without_the_required_process_is_refused_before_the_build() -> Result<()> {
    for (files, suggestion) in [
        (vec![("requirements.txt", ""), ("Procfile", "tidy: x\n")], "it has tidy"),
        (vec![("requirements.txt", "fastapi"), ("main.py", "app = FastAPI()\n")], "uvicorn main:app"),
    ] {
        let mut fixture = start_fixture_with(&files).await?;
        fixture.lease.process = Some("web".to_owned());
        let end = fixture.run_to_end().await?;
        assert!(
            matches!(&end, BuildLeaseOutcome::Failed { message } if message.contains(suggestion)),
            "{end:?}"
        );
        assert_eq!(fixture.runtime.list_started_steps(), ["fetch"]);
    }
    Ok(())
}

#[tokio::test]
async fn missing_version_of_a_language_is_replaced_with_a_note() -> Result<()> {
    let mut fixture = start_fixture_with(&[("requirements.txt", ""), (".python-version", "3.13\n")]).await?;
    assert!(matches!(fixture.run_to_end().await?, BuildLeaseOutcome::Succeeded { .. }));
    let lines = fixture.state.lock().unwrap().lines.join("\n");
    assert!(lines.contains("no image python3.13: python3.11 is used"), "{lines}");
    Ok(())
}

#[tokio::test]
async fn folder_of_the_source_is_the_context() -> Result<()> {
    let mut fixture = start_fixture_with(&[("Dockerfile", "FROM python3.11\n")]).await?;
    fixture.lease.folder = Some("apps/api".to_owned());
    fixture.run_to_end().await?;
    assert_eq!(fixture.runtime.find_workload("fetch").process.argv[7], "apps/api");
    let image = fixture.runtime.find_workload("image").process.argv;
    assert_eq!(image.last().map(String::as_str), Some("/var/lib/containers/hearth-source/apps/api"));
    assert!(image.contains(&"--file=/var/lib/containers/hearth-source/apps/api/Dockerfile".to_owned()));
    Ok(())
}

#[tokio::test]
async fn dockerignore_applies_to_the_own_containerfile_of_a_source_only() -> Result<()> {
    for (file, is_own) in [("requirements.txt", false), ("Containerfile", true), ("Dockerfile", true)] {
        let mut fixture = start_fixture_with(&[(file, "FROM scratch\n"), (".dockerignore", "*\n")]).await?;
        fixture.run_to_end().await?;
        let image = fixture.runtime.find_workload("image").process.argv;
        // An empty file of Hearth's instead of the source's.
        let replaced = image.iter().any(|argument| argument == "--ignorefile=/tmp/in/ignorefile");
        assert_eq!(replaced, !is_own, "{file}: {image:?}");
    }
    Ok(())
}
