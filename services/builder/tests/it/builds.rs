//! Whole builds against a runtime that plays.

use base64::{Engine, prelude::BASE64_STANDARD};
use hearth_base::Result;
use hearth_runtime_api::{Isolation, MountSource, fake::Step};
use hearth_testkit::until;
use hearth_wire::builds::internal::{LeaseEnd, LeaseSource};
use serde_json::json;

use crate::play::{DIGEST, Play, play};

/// What the fetch script says of a source with these files.
fn report(files: &[(&str, &str)]) -> Vec<Step> {
    let mut steps = vec![Step::Err("Receiving objects".to_owned())];
    for (name, text) in files {
        steps.push(Step::Out(format!("hearth-name {}", BASE64_STANDARD.encode(name))));
        steps.push(Step::Out(format!("hearth-file {name}")));
        steps.push(Step::Out(format!("hearth-text {}", BASE64_STANDARD.encode(text))));
    }
    steps.push(Step::Out("hearth-end".to_owned()));
    steps
}

/// A builder whose source has these files, and whose image is made and stored.
async fn good(files: &[(&str, &str)]) -> Result<Play> {
    let play = play("").await?;
    play.runtime.script("fetch", report(files));
    play.runtime.script("image", vec![Step::Out("STEP 1/3: FROM".to_owned())]);
    play.runtime.script("push", vec![Step::Out(format!("hearth-digest {DIGEST}"))]);
    Ok(play)
}

fn message(end: &LeaseEnd) -> &str {
    match end {
        LeaseEnd::Made { message, .. } | LeaseEnd::Failed { message } | LeaseEnd::Again { message } => {
            message
        }
        LeaseEnd::Stopped => "stopped",
    }
}

#[tokio::test]
async fn a_source_becomes_an_image() -> Result<()> {
    let mut play = good(&[("requirements.txt", "flask\n"), ("Procfile", "web: ./serve\n")]).await?;
    let end = play.end().await?;
    let LeaseEnd::Made { digest, image, processes, message } = &end else { unreachable!("{end:?}") };
    assert_eq!(digest, DIGEST);
    assert_eq!(image, &format!("hearth.example/tool-hello/tool-hello:latest@{DIGEST}"));
    assert_eq!(processes["web"], "./serve");
    assert!(message.contains("Python") && message.ends_with("Its process is web."), "{message}");
    assert_eq!(play.runtime.steps(), ["fetch", "image", "push"]);
    until("the runs to be forgotten", || async {
        Ok((play.runtime.acknowledged.lock().unwrap().len() == 3).then_some(()))
    })
    .await?;
    let lines = play.state.lock().unwrap().lines.join("\n");
    for said in ["fetch: Receiving objects", "detect: requirements.txt: Python", "image: STEP 1/3"] {
        assert!(lines.contains(said), "{said}: {lines}");
    }
    assert!(!lines.contains("hearth-text"), "{lines}");
    Ok(())
}

#[tokio::test]
async fn what_is_asked_of_the_runtime_is_closed_in_and_holds_no_secret() -> Result<()> {
    let mut play = good(&[("requirements.txt", "")]).await?;
    play.lease.envvars = [("A".to_owned(), "b c; id".to_owned())].into();
    play.end().await?;
    for step in ["fetch", "image", "push"] {
        let workload = play.runtime.of(step);
        workload.check()?;
        assert_eq!((workload.isolation, workload.read_only), (Isolation::Build, true));
        assert_eq!(
            workload.mounts.iter().map(|mount| mount.source.clone()).collect::<Vec<_>>(),
            [MountSource::BuildCache]
        );
        let text = format!("{:?}", workload.process.argv);
        let env: String = workload.process.env.values().map(|value| value.reveal()).collect();
        assert!(!text.contains("very-secret") && !env.contains("very-secret"));
    }
    let image = play.runtime.of("image").process.argv;
    for option in ["--cap-drop=CAP_SYS_CHROOT", "--isolation=chroot", "--layers", "--build-arg=A=b c; id"] {
        assert!(image.iter().any(|argument| argument == option), "{option}: {image:?}");
    }
    assert!(!image[2].contains("b c; id"));
    let scopes = play.state.lock().unwrap().scopes.clone();
    assert_eq!(scopes, [json!(["images:read"]), json!(["images:write"])]);
    let fetch = play.runtime.of("fetch").process.argv;
    assert_eq!(&fetch[4..6], ["https://git.example/hello".to_owned(), "a".repeat(40)]);
    Ok(())
}

#[tokio::test]
async fn a_source_that_nothing_is_known_of_fails_with_what_to_add() -> Result<()> {
    let mut play = good(&[("README.md", "hello")]).await?;
    let end = play.end().await?;
    assert!(matches!(end, LeaseEnd::Failed { .. }), "{end:?}");
    let said = message(&end);
    assert!(
        said.contains("nothing in the source says how to build it") && said.contains("add a Procfile"),
        "{said}"
    );
    assert_eq!(play.runtime.steps(), ["fetch"]);
    Ok(())
}

#[tokio::test]
async fn a_failed_build_shows_its_last_lines() -> Result<()> {
    let mut play = good(&[("requirements.txt", "nosuch\n")]).await?;
    let lines = (0..30).map(|number| Step::Err(format!("line {number}")));
    play.runtime.script("image", lines.chain([Step::Exit(1)]).collect());
    let end = play.end().await?;
    assert!(matches!(end, LeaseEnd::Failed { .. }), "{end:?}");
    assert!(message(&end).ends_with("line 28\nline 29") && !message(&end).contains("line 20\n"), "{end:?}");
    Ok(())
}

#[tokio::test]
async fn what_is_no_fault_of_the_source_is_for_another_attempt() -> Result<()> {
    for (step, steps, said) in [
        ("image", vec![Step::Err("write /x: no space left on device".to_owned()), Step::Exit(125)], "disk"),
        ("push", vec![Step::Err("Error: x".to_owned()), Step::Exit(125)], "Storing the image"),
        ("fetch", vec![Step::Missing], "could not be started"),
        ("fetch", vec![Step::Exit(0)], "was lost"),
    ] {
        let mut play = good(&[("requirements.txt", "")]).await?;
        play.runtime.script(step, steps);
        let end = play.end().await?;
        assert!(matches!(&end, LeaseEnd::Again { message } if message.contains(said)), "{step}: {end:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_build_that_needs_too_much_memory_says_so() -> Result<()> {
    let mut play = good(&[("requirements.txt", "")]).await?;
    play.runtime.script("image", vec![Step::Hoard]);
    let end = play.end().await?;
    assert!(
        matches!(&end, LeaseEnd::Failed { message } if message.contains("more memory than the 2Gi")),
        "{end:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_repository_that_cannot_be_fetched_says_why() -> Result<()> {
    let mut play = good(&[]).await?;
    play.runtime.script("fetch", vec![Step::Err("fatal: no such commit".to_owned()), Step::Exit(71)]);
    let end = play.end().await?;
    let said = "The repository could not be fetched.\nfatal: no such commit";
    assert!(matches!(&end, LeaseEnd::Failed { message } if message == said), "{end:?}");
    Ok(())
}

#[tokio::test]
async fn the_order_to_stop_ends_what_runs() -> Result<()> {
    let mut play = good(&[("requirements.txt", "")]).await?;
    play.runtime.script("image", vec![Step::Out("begun".to_owned()), Step::Stubborn]);
    play.begin();
    until("the image to be begun", || async { Ok(play.runtime.steps().contains(&"image").then_some(())) })
        .await?;
    play.change(|state| state.stop = true);
    assert_eq!(play.ended().await?, LeaseEnd::Stopped);
    assert_eq!(play.runtime.steps(), ["fetch", "image"]);
    Ok(())
}

#[tokio::test]
async fn what_was_cancelled_before_is_only_stopped() -> Result<()> {
    let mut play = good(&[("requirements.txt", "")]).await?;
    play.lease.stop = true;
    assert_eq!(play.end().await?, LeaseEnd::Stopped);
    assert!(play.runtime.steps().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_builder_that_dies_is_followed_by_one_that_goes_on_with_the_same_runs() -> Result<()> {
    let mut play = good(&[("requirements.txt", "")]).await?;
    play.runtime.script("image", vec![Step::Out("begun".to_owned()), Step::Await("later".to_owned())]);
    play.begin();
    until("the image to be begun", || async {
        Ok(play.state.lock().unwrap().lines.iter().any(|line| line == "image: begun").then_some(()))
    })
    .await?;
    play.restart().await?;
    assert!(play.state.lock().unwrap().ends.is_empty());
    play.begin();
    until("the image to be asked for again", || async {
        Ok((play.runtime.steps().iter().filter(|step| **step == "image").count() == 2).then_some(()))
    })
    .await?;
    // The run that went on meanwhile ends by itself: nothing was started twice.
    let runs: std::collections::BTreeSet<_> =
        play.runtime.started.lock().unwrap().iter().map(hearth_runtime_api::Workload::id).collect();
    assert_eq!(runs.len(), 2);
    let image = play.runtime.of("image").id();
    play.runtime.open(image, "later").await?;
    assert!(matches!(play.ended().await?, LeaseEnd::Made { .. }));
    assert_eq!(play.state.lock().unwrap().ends.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_lost_lease_leaves_the_runs_to_whoever_has_it() -> Result<()> {
    let mut play = good(&[("requirements.txt", "")]).await?;
    play.runtime.script("image", vec![Step::Out("begun".to_owned()), Step::Stubborn]);
    play.begin();
    until("the image to be begun", || async { Ok(play.runtime.steps().contains(&"image").then_some(())) })
        .await?;
    play.change(|state| state.lost = true);
    until("the builder to ask for other work", || async {
        let mut state = play.state.lock().unwrap();
        // A second lease is taken once the first is given up.
        if state.leases.is_empty() && state.lost {
            state.lost = false;
            let other = hearth_wire::builds::internal::Lease {
                build: "build_01jd0w5e3mqk8v7h4c2x9s6tbp".parse()?,
                stop: true,
                ..play.lease.clone()
            };
            state.leases.push(other);
        }
        Ok((!state.ends.is_empty()).then_some(()))
    })
    .await?;
    assert_eq!(play.state.lock().unwrap().ends, [LeaseEnd::Stopped]);
    Ok(())
}

#[tokio::test]
async fn a_flood_of_lines_is_cut_off() -> Result<()> {
    let mut play = play("[builder]\nlog_lines = 10\n").await?;
    play.runtime.script("fetch", report(&[("requirements.txt", "")]));
    play.runtime.script("image", (0..500).map(|number| Step::Out(format!("line {number}"))).collect());
    play.runtime.script("push", vec![Step::Out(format!("hearth-digest {DIGEST}"))]);
    assert!(matches!(play.end().await?, LeaseEnd::Made { .. }));
    let lines = play.state.lock().unwrap().lines.clone();
    assert!(lines.iter().any(|line| line.contains("further lines are not kept")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("line 20")), "{lines:?}");
    Ok(())
}

#[tokio::test]
async fn an_upload_that_has_been_forgotten_fails_with_a_sentence() -> Result<()> {
    let mut play = good(&[]).await?;
    play.lease.source = LeaseSource::Upload {
        id: "source_01jd0w5e3mqk8v7h4c2x9s6tbn".parse()?,
        digest: DIGEST.to_owned(),
        size: 10,
    };
    let end = play.end().await?;
    assert!(!matches!(end, LeaseEnd::Made { .. }), "{end:?}");
    Ok(())
}
