//! Builders: even sharing between tools, labels, slots, and builders that keep failing.

use hearth_base::{ErrorKind, Result, Role};
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::builds::{
    BuildFailure, BuildFailureClass, BuilderState,
    internal::{BuildClaim, BuildFinish, BuildLeaseOutcome},
};
use jiff::SignedDuration;
use serde_json::json;

use crate::fixture::{BuildsFixture, RequestLog, build_success_end, record_requests, start_fixture};

fn build_transient_end() -> BuildLeaseOutcome {
    BuildLeaseOutcome::Retry { message: "The disk is full.".to_owned() }
}

async fn tools_take_turns_for_any_number_of_queued_builds(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let (greedy, modest) = (fixture.add_tool("greedy")?, fixture.add_tool("modest")?);
    for _ in 0..4 {
        fixture.start_build_of(&greedy).await?;
        fixture.stand.advance_clock(SignedDuration::from_secs(1));
    }
    fixture.start_build_of(&modest).await?;
    let builder = fixture.create_builder("one");
    let mut order = Vec::new();
    while let Some(lease) = fixture.claim_lease_with(&builder).await? {
        order.push(lease.tool_name.to_string());
        fixture.stand.advance_clock(SignedDuration::from_secs(1));
        // A tool that starts more builds keeps its place, and wins none.
        if order.len() == 1 {
            fixture.start_build_of(&greedy).await?;
            fixture.start_build_of(&modest).await?;
        }
        fixture.finish_lease(&lease, build_success_end()).await?;
    }
    assert_eq!(order, ["greedy", "modest", "greedy", "modest", "greedy", "greedy", "greedy"]);
    Ok(())
}

async fn builder_gets_no_more_builds_than_its_slots(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    for name in ["one", "two", "three"] {
        fixture.start_build_of(&fixture.add_tool(name)?).await?;
    }
    let builder = BuildClaim { slots: 2, ..fixture.create_builder("a") };
    let first = fixture.claim_lease_with(&builder).await?.unwrap();
    fixture.claim_lease_with(&builder).await?.unwrap();
    assert_eq!(fixture.claim_lease_with(&builder).await?, None);
    fixture.finish_lease(&first, build_success_end()).await?;
    assert!(fixture.claim_lease_with(&builder).await?.is_some());
    Ok(())
}

async fn tool_bound_to_a_label_waits_for_a_builder_with_it(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    fixture.start_build_of(&fixture.add_tool("bound")?).await?;
    let plain = fixture.create_builder("plain");
    assert_eq!(fixture.claim_lease_with(&plain).await?, None);
    let large = BuildClaim { labels: vec!["large".to_owned()], ..fixture.create_builder("large") };
    assert_eq!(fixture.claim_lease_with(&large).await?.unwrap().tool_name.as_str(), "bound");
    Ok(())
}

async fn builder_that_keeps_failing_is_suspended_and_reported(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let (bad, good) = (fixture.create_builder("bad"), fixture.create_builder("good"));
    assert_eq!(fixture.claim_lease_with(&good).await?, None);
    for name in ["one", "two", "three"] {
        fixture.start_build_of(&fixture.add_tool(name)?).await?;
        let lease = fixture.claim_lease_with(&bad).await?.unwrap();
        fixture.finish_lease(&lease, build_transient_end()).await?;
    }
    fixture.stand.advance_clock(SignedDuration::from_secs(30));
    assert_eq!(fixture.claim_lease_with(&bad).await?, None);
    let operator = fixture.stand.operator()?;
    let listed = operator.builds().list_builders().await?;
    let states: Vec<_> = listed.iter().map(|one| (one.id.as_str(), one.state, one.failures)).collect();
    assert_eq!(states, [("bad", BuilderState::Suspended, 3), ("good", BuilderState::Active, 0)]);
    assert_eq!(listed[0].last_error.as_deref(), Some("The disk is full."));
    // The other builder continues the builds. When no other one is there, the failing one gets builds again.
    let lease = fixture.claim_lease_with(&good).await?.unwrap();
    fixture.finish_lease(&lease, build_success_end()).await?;
    fixture.stand.advance_clock(SignedDuration::from_secs(61));
    let lease = fixture.claim_lease_with(&bad).await?.unwrap();
    fixture.finish_lease(&lease, build_success_end()).await?;
    assert_eq!(operator.builds().list_builders().await?[0].failures, 0);
    Ok(())
}

async fn operators_are_notified_once_of_a_builder_that_keeps_failing(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let notices = RequestLog::default();
    let accounts = record_requests(notices.clone(), |_| json!({"data": {}}));
    fixture.stand.set_fake_service(Role::Accounts, accounts);
    let count = || notices.lock().unwrap().iter().filter(|line| line.contains("operator-notices")).count();
    let (bad, good) = (fixture.create_builder("bad"), fixture.create_builder("good"));
    // After the suspension the first further failure suspends the builder again.
    for names in [&["one", "two", "three"][..], &["four"]] {
        assert_eq!(fixture.claim_lease_with(&good).await?, None);
        for name in names {
            fixture.start_build_of(&fixture.add_tool(name)?).await?;
            let lease = fixture.claim_lease_with(&bad).await?.unwrap();
            fixture.finish_lease(&lease, build_transient_end()).await?;
        }
        wait_until("the notice is sent", async || Ok((count() > 0).then_some(()))).await?;
        // The other builder ends the builds, and the suspension ends.
        fixture.stand.advance_clock(SignedDuration::from_secs(30));
        while let Some(lease) = fixture.claim_lease_with(&good).await? {
            fixture.finish_lease(&lease, build_success_end()).await?;
        }
        fixture.stand.advance_clock(SignedDuration::from_mins(30));
    }
    assert_eq!(count(), 1);
    let sent = notices.lock().unwrap().join("\n");
    assert!(
        sent.contains("The builder bad failed 3 builds in a row") && sent.contains("The disk is full."),
        "{sent}"
    );
    Ok(())
}

async fn attempts_of_one_build_count_as_one_failure_of_the_builder(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let builder = fixture.create_builder("one");
    fixture.start_build_of(&fixture.add_tool("unlucky")?).await?;
    for _ in 0..3 {
        let lease = fixture.claim_lease_with(&builder).await?.unwrap();
        fixture.finish_lease(&lease, build_transient_end()).await?;
        fixture.stand.advance_clock(SignedDuration::from_secs(30));
    }
    let listed = fixture.stand.operator()?.builds().list_builders().await?;
    assert_eq!((listed[0].failures, listed[0].state), (1, BuilderState::Active));
    Ok(())
}

async fn operator_suspends_a_builder_and_returns_it(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let (builder, operator) = (fixture.create_builder("one"), fixture.stand.operator()?);
    assert_eq!(fixture.claim_lease_with(&builder).await?, None);
    let suspended = operator.builds().suspend_builder("one").await?;
    assert_eq!(suspended.suspension_reason.as_deref(), Some("operator suspended it"));
    fixture.start_build_of(&fixture.add_tool("tool")?).await?;
    assert_eq!(fixture.claim_lease_with(&builder).await?, None);
    assert_eq!(operator.builds().return_builder("one").await?.state, BuilderState::Active);
    assert!(fixture.claim_lease_with(&builder).await?.is_some());
    let missing = operator.builds().return_builder("nosuch").await.err().unwrap();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let refused = fixture.maintainer.builds().list_builders().await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    Ok(())
}

async fn builder_that_loses_its_lease_is_counted_as_failing(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let (dead, heir) = (fixture.create_builder("dead"), fixture.create_builder("heir"));
    fixture.start_build_of(&fixture.add_tool("tool")?).await?;
    let lost = fixture.claim_lease_with(&dead).await?.unwrap();
    fixture.stand.advance_clock(SignedDuration::from_secs(31));
    let lease = fixture.claim_lease_with(&heir).await?.unwrap();
    assert_eq!((lease.build, lease.attempt), (lost.build, lost.attempt));
    let listed = fixture.stand.operator()?.builds().list_builders().await?;
    assert_eq!((listed[0].id.as_str(), listed[0].failures), ("dead", 1));
    assert!(listed[0].last_error.as_deref().unwrap().contains("lost its lease"));
    Ok(())
}

async fn explanation_of_a_failure_is_shown_with_the_build(db: Db) -> Result<()> {
    let fixture: BuildsFixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    let lease = fixture.claim_lease().await?.unwrap();
    let failure = BuildFailure {
        class: BuildFailureClass::DependencyNotFound,
        line: Some("ERROR: No matching distribution found for nosuch".to_owned()),
        next_step: "Correct the name.".to_owned(),
    };
    let outcome = BuildLeaseOutcome::Failed { message: "Building the image failed.".to_owned() };
    let finish = BuildFinish { ticket: lease.ticket.clone(), outcome, failure: Some(failure) };
    fixture.builder.builds().finish_build(build, &finish).await?;
    let expected = json!({
        "class": "dependency-not-found",
        "line": "ERROR: No matching distribution found for nosuch",
        "next_step": "Correct the name.",
    });
    assert_eq!(fixture.show_build(build).await["failure"], expected);
    Ok(())
}

on_every_store!(
    tools_take_turns_for_any_number_of_queued_builds,
    builder_gets_no_more_builds_than_its_slots,
    tool_bound_to_a_label_waits_for_a_builder_with_it,
    builder_that_keeps_failing_is_suspended_and_reported,
    operators_are_notified_once_of_a_builder_that_keeps_failing,
    attempts_of_one_build_count_as_one_failure_of_the_builder,
    operator_suspends_a_builder_and_returns_it,
    builder_that_loses_its_lease_is_counted_as_failing,
    explanation_of_a_failure_is_shown_with_the_build,
);
