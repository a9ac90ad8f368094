//! Outside builders: signed announcements, and reports that only the credential of the current attempt may make.

use hearth_base::{ErrorKind, Result};
use hearth_kit::db::Db;
use hearth_testkit::{ReceiverReply, on_every_store, wait_until};
use hearth_wire::builds::{
    BuildCreate,
    internal::{BuildLeaseOutcome, BuildLogReport},
    outside::{AnnouncedSource, BuilderChoice, OutsideBuilderCreate},
};
use http::Method;
use serde_json::{Value, json};

use crate::{
    fixture::{BuildsFixture, IMAGE_DIGEST},
    outside_fixture::{BuildReporter, build_made_outcome, read_announcement, start_outside_fixture},
};

async fn announcement_is_signed_and_names_the_build(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    let plan = Some("FROM hearth/static\n".to_owned());
    let envvars = Some([("MODE".to_owned(), "fast".to_owned())].into());
    let build = fixture.start_build_with(BuildCreate { plan, envvars, ..BuildCreate::default() }).await?;
    let request = fixture.wait_for_requests(build, 1).await?.remove(0);
    assert!(fixture.is_signed(&request), "{request:?}");
    assert_eq!(request.header_value("webhook-id"), format!("{build}.1"));
    let announced = read_announcement(&request)?;
    assert_eq!((announced.build, announced.attempt, announced.tool.as_str()), (build, 1, "hello"));
    let AnnouncedSource::Git { url, commit, .. } = &announced.source else { unreachable!("a repository") };
    assert_eq!((url, commit), (&fixture.base.git.repository_url("hello"), &fixture.base.commit));
    assert_eq!(announced.plan.as_deref(), Some("FROM hearth/static\n"));
    assert_eq!(announced.variables["MODE"], "fast");
    assert!(announced.image.ends_with("/tool-hello/tool-hello:latest"), "{}", announced.image);
    assert!(announced.api.reports.ends_with(&format!("/builds/v1/reports/{build}")));
    let (.., create) = fixture.fakes.lock_state().created[0].clone();
    let grant = create.build.unwrap();
    assert_eq!((grant.build, grant.image.unwrap().as_str()), (build, "tool-hello"));
    assert_eq!(create.scopes.iter().count(), 0);
    let shown = fixture.show_build(build).await;
    assert_eq!(shown["outside_builder"], "tool-hello/ci");
    // No builder of this Hearth gets it.
    assert_eq!(fixture.base.claim_lease().await?, None);
    Ok(())
}

async fn outside_builder_reports_to_the_end(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    let build = fixture.start_build().await?;
    let announced = fixture.take_build(build, 1).await?;
    assert!(!announced.heartbeat().await?);
    let lines = |first, text: &str| BuildLogReport { first, lines: vec![text.to_owned()] };
    let reports = announced.client.builds();
    assert_eq!(reports.send_log_lines(build, &lines(1, "Step 1\u{1b}[0m")).await?.next, 2);
    assert_eq!(fixture.fakes.lock_state().lines, ["Step 1\u{1b}[0m"]);
    // The image must be in the registry.
    let refused = announced.report_outcome(build_made_outcome()).await.err().unwrap();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Invalid, "image-not-pushed"));
    fixture.fakes.lock_state().is_pushed = true;
    announced.report_outcome(build_made_outcome()).await?;
    let shown = fixture.show_build(build).await;
    assert_eq!((&shown["status"], &shown["processes"]["web"]), (&json!("BUILD_SUCCESS"), &json!("./serve")));
    let image = shown["destination_image"].as_str().unwrap();
    assert!(image.ends_with(&format!("/tool-hello/tool-hello:latest@{IMAGE_DIGEST}")), "{image}");
    assert_eq!(fixture.fakes.lock_state().pins, [format!("PUT builds:{build}")]);
    fixture.wait_for_revocation(fixture.find_credential(&announced.build)?).await?;
    let attached =
        wait_until("the provenance", async || Ok(fixture.fakes.lock_state().attached.pop())).await?;
    let builder = read_builder_id(&attached);
    assert!(builder.ends_with("/builds/v1/outside-builders/tool-hello/ci"), "{builder}");
    Ok(())
}

/// Reads the builder from an attached provenance.
fn read_builder_id(attached: &Value) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let envelope: Value = serde_json::from_str(attached["content"].as_str().unwrap()).unwrap();
    let statement = BASE64_STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let statement: Value = serde_json::from_slice(&statement).unwrap();
    statement["predicate"]["runDetails"]["builder"]["id"].as_str().unwrap().to_owned()
}

/// Sends every report with a credential, and returns the codes of the refusals.
async fn collect_refusals(announced: &BuildReporter) -> Vec<String> {
    let build = announced.build.build;
    let reports = announced.client.builds();
    let lines = BuildLogReport { first: 1, lines: vec!["a line".to_owned()] };
    let results = [
        announced.heartbeat().await.map(drop),
        reports.send_log_lines(build, &lines).await.map(drop),
        reports.open_build_source(build).await.map(drop),
        announced.report_outcome(build_made_outcome()).await,
        announced.report_outcome(BuildLeaseOutcome::Failed { message: "no".to_owned() }).await,
    ];
    results
        .into_iter()
        .map(|result| result.err().map_or("accepted".to_owned(), |error| error.code().to_owned()))
        .collect()
}

async fn late_and_repeated_reports_change_nothing(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    fixture.fakes.lock_state().is_pushed = true;
    let (done, cancelled) = (fixture.start_build().await?, fixture.start_build().await?);
    let (done, cancelled) = (fixture.take_build(done, 1).await?, fixture.take_build(cancelled, 1).await?);
    done.report_outcome(build_made_outcome()).await?;
    fixture.base.maintainer.builds().cancel(&fixture.base.tool, cancelled.build.build).await?;
    let overdue = fixture.take_build(fixture.start_build().await?, 1).await?;
    fixture.advance_clock(31 * 60);
    fixture.wait_for_status(overdue.build.build, "BUILD_TIMEOUT").await?;
    for (announced, status) in
        [(&done, "BUILD_SUCCESS"), (&cancelled, "BUILD_CANCELLED"), (&overdue, "BUILD_TIMEOUT")]
    {
        let build = announced.build.build;
        let (before, pins) = (fixture.show_build(build).await, fixture.fakes.lock_state().pins.clone());
        assert_eq!(collect_refusals(announced).await, ["build-ended"; 5], "{status}");
        assert_eq!(fixture.show_build(build).await, before);
        assert_eq!((&before["status"], &fixture.fakes.lock_state().pins), (&json!(status), &pins));
        fixture.wait_for_revocation(fixture.find_credential(&announced.build)?).await?;
        // No reader waits for more lines, whoever ended the build.
        let part = |instance: &str| (format!("{build}.1"), instance.to_owned());
        let parts = [part("outside"), part("build")];
        let completed = wait_until("the log is complete", async || {
            let completed = &fixture.fakes.lock_state().completed;
            Ok(parts.iter().all(|part| completed.contains(part)).then_some(()))
        });
        completed.await?;
    }
    assert!(!fixture.fakes.lock_state().lines.contains(&"a line".to_owned()));
    Ok(())
}

async fn image_stays_pinned_when_two_reports_of_one_builder_race(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    fixture.fakes.lock_state().is_pushed = true;
    let build = fixture.start_build().await?;
    let announced = fixture.take_build(build, 1).await?;
    let report = || announced.report_outcome(build_made_outcome());
    let reports = tokio::join!(report(), report(), report());
    let accepted = [&reports.0, &reports.1, &reports.2].iter().filter(|report| report.is_ok()).count();
    assert_eq!(accepted, 1, "{reports:?}");
    fixture.wait_for_revocation(fixture.find_credential(&announced.build)?).await?;
    let pins = fixture.fakes.lock_state().pins.clone();
    assert!(pins.iter().all(|pin| *pin == format!("PUT builds:{build}")), "{pins:?}");
    Ok(())
}

async fn reports_of_a_former_attempt_change_nothing(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    fixture.fakes.lock_state().is_pushed = true;
    let build = fixture.start_build().await?;
    let first = fixture.take_build(build, 1).await?;
    first.report_outcome(BuildLeaseOutcome::Retry { message: "The forge is full.".to_owned() }).await?;
    fixture.wait_for_revocation(fixture.find_credential(&first.build)?).await?;
    assert_eq!(collect_refusals(&first).await, ["attempt-ended"; 5]);
    fixture.advance_clock(6);
    let second = fixture.take_build(build, 2).await?;
    assert_ne!(fixture.find_credential(&first.build)?, fixture.find_credential(&second.build)?);
    assert_eq!(collect_refusals(&first).await, ["attempt-ended"; 5]);
    assert!(!second.heartbeat().await?);
    second.report_outcome(build_made_outcome()).await?;
    assert_eq!(fixture.show_build(build).await["status"], "BUILD_SUCCESS");
    Ok(())
}

async fn foreign_and_unsigned_reports_change_nothing(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    let (one, other) = (fixture.start_build().await?, fixture.start_build().await?);
    let (one, other) = (fixture.take_build(one, 1).await?, fixture.take_build(other, 1).await?);
    // After a report, the record of the answer to the announcement changes nothing more.
    assert!(!one.heartbeat().await?);
    let before = fixture.show_build(one.build.build).await;
    // The credential of another build of the same tool.
    let foreign = BuildReporter { build: one.build.clone(), client: other.client };
    assert_eq!(collect_refusals(&foreign).await, ["foreign-build"; 5]);
    // Callers of other kinds: members of the tool and of others, other services.
    let base = &fixture.base;
    for client in [&base.maintainer, &base.stranger, &base.jobs] {
        let foreign = BuildReporter { build: one.build.clone(), client: client.clone() };
        assert_eq!(collect_refusals(&foreign).await, ["forbidden"; 5]);
    }
    // A builder of this Hearth needs the ticket of a lease.
    let own = BuildReporter { build: one.build.clone(), client: base.builder.clone() };
    assert_eq!(
        collect_refusals(&own).await,
        ["ticket", "no-credential", "no-credential", "ticket", "ticket"]
    );
    // The credential reaches nothing else of the service.
    for (method, path) in [
        (Method::GET, "/tool/hello/builds".to_owned()),
        (Method::POST, "/tool/hello/builds".to_owned()),
        (Method::PUT, format!("/tool/hello/builds/{}/cancel", one.build.build)),
        (Method::POST, "/internal/claims".to_owned()),
        (Method::GET, "/builders".to_owned()),
    ] {
        let (status, answer) = BuildsFixture::send(&one.client, method, &path, Some(json!({}))).await;
        assert_eq!((status, &answer["code"]), (403, &json!("forbidden")), "{path}");
    }
    assert_eq!(fixture.show_build(one.build.build).await, before);
    assert!(!one.heartbeat().await?);
    Ok(())
}

async fn upload_is_fetched_with_the_credential(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    let tool = &fixture.base.tool;
    let archive = hearth_client::box_body(http_body_util::Full::new("an archive".into()));
    let upload = fixture.base.maintainer.builds().upload(tool, archive).await?;
    let create = BuildCreate { upload: Some(upload.id), ..BuildCreate::default() };
    let build = fixture.base.maintainer.builds().start(tool, &create, &Default::default()).await?.name;
    let announced = fixture.take_build(build, 1).await?;
    let AnnouncedSource::Upload { url, digest, size } = &announced.build.source else {
        unreachable!("an upload")
    };
    assert!(url.ends_with(&format!("/builds/v1/reports/{build}/source")), "{url}");
    assert_eq!((digest, *size), (&upload.digest, 10));
    let mut source = announced.client.builds().open_build_source(build).await?;
    let content = http_body_util::BodyExt::collect(source.body_mut()).await.unwrap().to_bytes();
    assert_eq!(content, "an archive");
    Ok(())
}

async fn builder_that_refuses_fails_the_build_with_the_next_step(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    fixture.receiver.set_reply(ReceiverReply { status: "403 No", ..ReceiverReply::default() });
    let build = fixture.start_build().await?;
    let shown = fixture.wait_for_status(build, "BUILD_FAILURE").await?;
    assert_eq!(shown["failure"]["class"], "network");
    assert!(shown["message"].as_str().unwrap().contains("it answered 403"), "{shown}");
    assert!(shown["failure"]["next_step"].as_str().unwrap().contains("hearth build builders list"));
    let announced = fixture.take_build(build, 1).await?;
    fixture.wait_for_revocation(fixture.find_credential(&announced.build)?).await?;
    assert_eq!(collect_refusals(&announced).await, ["build-ended"; 5]);
    Ok(())
}

async fn silent_builder_gets_the_same_message_again_until_the_limit(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    fixture.receiver.set_reply(ReceiverReply { status: "500 No", ..ReceiverReply::default() });
    let build = fixture.start_build().await?;
    for (count, pause) in [(1, 5), (2, 30), (3, 120)] {
        fixture.wait_for_requests(build, count).await?;
        wait_until("the record of the answer", async || {
            let shown = fixture.show_build(build).await;
            let message = shown["message"].as_str().unwrap_or_default().to_owned();
            Ok(message.contains(&format!("Again in {pause} s")).then_some(()))
        })
        .await?;
        fixture.advance_clock(pause + 1);
    }
    let requests = fixture.wait_for_requests(build, 4).await?;
    fixture.wait_for_status(build, "BUILD_FAILURE").await?;
    assert_eq!(requests.len(), 4);
    for request in &requests {
        assert!(fixture.is_signed(request));
        assert_eq!(
            (request.header_value("webhook-id"), &request.body),
            (format!("{build}.1").as_str(), &requests[0].body)
        );
    }
    assert_eq!(fixture.fakes.lock_state().created.len(), 1, "one credential");
    Ok(())
}

async fn refused_build_falls_back_as_declared(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, true).await?;
    fixture.receiver.set_reply(ReceiverReply { status: "410 Gone", ..ReceiverReply::default() });
    let build = fixture.start_build().await?;
    wait_until("the fall-back", async || {
        Ok((fixture.show_build(build).await["outside_builder"] == Value::Null).then_some(()))
    })
    .await?;
    assert_eq!(fixture.show_build(build).await["status"], "BUILD_PENDING");
    let announced = fixture.take_build(build, 1).await?;
    let lease = wait_until("the lease", async || fixture.base.claim_lease().await).await?;
    assert_eq!(lease.build, build);
    let credential = fixture.find_credential(&announced.build)?;
    assert!(fixture.fakes.lock_state().revoked.contains(&credential), "before the lease");
    assert_eq!(collect_refusals(&announced).await, ["attempt-ended"; 5]);
    // It has its whole time from here on.
    fixture.advance_clock(20);
    assert!(!fixture.base.heartbeat(&lease).await?);
    Ok(())
}

async fn builder_of_a_person_who_left_gets_no_builds(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    fixture.fakes.lock_state().has_owner_left = true;
    let build = fixture.start_build().await?;
    let shown = fixture.wait_for_status(build, "BUILD_FAILURE").await?;
    assert!(shown["message"].as_str().unwrap().contains("ann"), "{shown}");
    assert!(fixture.receiver.requests().is_empty());
    assert!(fixture.fakes.lock_state().created.is_empty());
    Ok(())
}

async fn builder_is_removed_with_the_builds_that_it_has(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, true).await?;
    let announced = fixture.take_build(fixture.start_build().await?, 1).await?;
    let (builds, tool) = (fixture.base.maintainer.builds(), &fixture.base.tool);
    builds.remove_tool_builder(tool, &"ci".parse()?).await?;
    fixture.wait_for_status(announced.build.build, "BUILD_FAILURE").await?;
    assert_eq!(collect_refusals(&announced).await, ["build-ended"; 5]);
    // The tool's choice is no longer there: the message says what to do.
    let refused = fixture.start_build().await.err().unwrap();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Invalid, "no-such-builder"));
    builds.choose_tool_builder(tool, &BuilderChoice { builder: Some("hearth".parse()?) }).await?;
    let build = fixture.start_build().await?;
    assert_eq!(fixture.base.claim_lease().await?.unwrap().build, build);
    Ok(())
}

async fn builders_are_chosen_by_request_tool_and_operator(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    let operator = fixture.base.stand.operator()?;
    let create = |name: &str, url: String| -> Result<OutsideBuilderCreate> {
        Ok(OutsideBuilderCreate { name: name.parse()?, url, falls_back: false })
    };
    let shared = create("forge", fixture.receiver.url())?;
    operator.builds().add_outside_builder(&shared).await?;
    let builds = fixture.base.maintainer.builds();
    let list = builds.list_tool_builders(&fixture.base.tool).await?;
    let seen: Vec<_> = list
        .builders
        .iter()
        .map(|builder| (builder.name.as_str(), builder.shared, builder.url.as_str()))
        .collect();
    assert_eq!(seen, [("ci", false, fixture.receiver.url().as_str()), ("forge", true, "127.0.0.1")]);
    let viewer = fixture.base.viewer.builds().list_tool_builders(&fixture.base.tool).await?;
    assert!(viewer.builders.iter().all(|builder| builder.url == "127.0.0.1"), "{viewer:?}");
    for (name, shown) in
        [(None, json!("tool-hello/ci")), (Some("forge"), json!("forge")), (Some("hearth"), Value::Null)]
    {
        let builder = name.map(str::parse).transpose()?;
        let build = fixture.start_build_with(BuildCreate { builder, ..BuildCreate::default() }).await?;
        assert_eq!(fixture.show_build(build).await["outside_builder"], shown);
        builds.cancel(&fixture.base.tool, build).await?;
    }
    for (refused, code) in [
        (create("ci", fixture.receiver.url())?, "builder-exists"),
        (create("hearth", fixture.receiver.url())?, "builder-name"),
        (create("inner", "http://10.0.0.1/".to_owned())?, "webhook-url"),
        (create("clear", "http://192.0.2.1/".to_owned())?, "webhook-url"),
        (create("clear", "http://1.1.1.1/".to_owned())?, "webhook-url"),
        (create("file", "file:///etc/passwd".to_owned())?, "webhook-url"),
    ] {
        let error = builds.add_tool_builder(&fixture.base.tool, &refused).await.err().unwrap();
        assert_eq!(error.code(), code);
    }
    assert_eq!(
        fixture
            .base
            .viewer
            .builds()
            .add_tool_builder(&fixture.base.tool, &shared)
            .await
            .err()
            .unwrap()
            .code(),
        "forbidden"
    );
    assert_eq!(
        fixture.base.maintainer.builds().add_outside_builder(&shared).await.err().unwrap().code(),
        "forbidden"
    );
    let twice = create("twice", fixture.receiver.url())?;
    let (first, second) = {
        let builds = operator.builds();
        tokio::join!(builds.add_outside_builder(&twice), builds.add_outside_builder(&twice))
    };
    let codes = [first.err(), second.err()].map(|error| error.map(|error| error.code().to_owned()));
    assert!(codes.contains(&None) && codes.contains(&Some("builder-exists".to_owned())), "{codes:?}");
    operator.builds().remove_outside_builder(&"forge".parse()?).await
}

on_every_store!(
    announcement_is_signed_and_names_the_build,
    outside_builder_reports_to_the_end,
    late_and_repeated_reports_change_nothing,
    image_stays_pinned_when_two_reports_of_one_builder_race,
    reports_of_a_former_attempt_change_nothing,
    foreign_and_unsigned_reports_change_nothing,
    upload_is_fetched_with_the_credential,
    builder_that_refuses_fails_the_build_with_the_next_step,
    silent_builder_gets_the_same_message_again_until_the_limit,
    refused_build_falls_back_as_declared,
    builder_of_a_person_who_left_gets_no_builds,
    builder_is_removed_with_the_builds_that_it_has,
    builders_are_chosen_by_request_tool_and_operator,
);
