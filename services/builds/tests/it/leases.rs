//! Leases of builds: one per tool, reassigned after expiry, limited in time, ended once.

use hearth_base::{Clock, Entropy, ErrorKind, ProcessInstanceId, Result};
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::builds::{
    BuildQuery,
    internal::{BuildLeaseOutcome, BuilderProcess},
};
use jiff::SignedDuration;
use serde_json::json;

use crate::fixture::{build_success_end, start_fixture};

async fn tool_has_one_leased_build_at_a_time(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    fixture.start_build().await?;
    fixture.start_build().await?;
    let first = fixture.claim_lease().await?.unwrap();
    assert_eq!(fixture.claim_lease().await?, None);
    fixture.finish_lease(&first, build_success_end()).await?;
    let second = fixture.claim_lease().await?.unwrap();
    assert_ne!(first.build, second.build);
    fixture.finish_lease(&second, build_success_end()).await?;
    assert_eq!(fixture.claim_lease().await?, None);
    Ok(())
}

async fn restarted_builder_gets_its_lease_at_once(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    fixture.start_build().await?;
    let now = fixture.stand.clock.now();
    let life = |seconds, place: &str| {
        let begun = now + SignedDuration::from_secs(seconds);
        BuilderProcess { place: place.to_owned(), life: ProcessInstanceId::new(begun, &Entropy::System) }
    };
    let first = life(0, "here");
    let dead = fixture.claim_lease_as(&first).await?.unwrap();
    assert_eq!(fixture.claim_lease_as(&first).await?, None);
    assert_eq!(fixture.claim_lease_as(&life(1, "there")).await?, None);
    let successor = fixture.claim_lease_as(&life(1, "here")).await?.unwrap();
    assert_eq!((successor.build, successor.attempt), (dead.build, dead.attempt));
    assert_eq!(fixture.heartbeat(&dead).await.err().unwrap().code(), "lease-lost");
    fixture.finish_lease(&successor, build_success_end()).await
}

async fn expired_lease_is_reassigned_with_the_same_attempt(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    fixture.start_build().await?;
    let dead = fixture.claim_lease().await?.unwrap();
    fixture.stand.advance_clock(SignedDuration::from_secs(20));
    fixture.heartbeat(&dead).await?;
    fixture.stand.advance_clock(SignedDuration::from_secs(20));
    assert_eq!(fixture.claim_lease().await?, None);
    fixture.stand.advance_clock(SignedDuration::from_secs(11));
    let successor = fixture.claim_lease().await?.unwrap();
    assert_eq!(
        (successor.build, successor.attempt, successor.deadline),
        (dead.build, dead.attempt, dead.deadline)
    );
    // Calls with the expired ticket are refused.
    for refused in [
        fixture.heartbeat(&dead).await.map(|_| ()),
        fixture.finish_lease(&dead, build_success_end()).await,
        fixture.finish_lease(&dead, BuildLeaseOutcome::Failed { message: "late".to_owned() }).await,
    ] {
        let refused = refused.err().unwrap();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "lease-lost"));
    }
    assert!(fixture.list_pin_requests().is_empty());
    fixture.finish_lease(&successor, build_success_end()).await?;
    assert_eq!(fixture.show_build(successor.build).await["status"], "BUILD_SUCCESS");
    Ok(())
}

async fn build_is_finished_once(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    fixture.start_build().await?;
    let lease = fixture.claim_lease().await?.unwrap();
    fixture.finish_lease(&lease, build_success_end()).await?;
    let again = fixture
        .finish_lease(&lease, BuildLeaseOutcome::Failed { message: "no".to_owned() })
        .await
        .err()
        .unwrap();
    assert_eq!(again.code(), "lease-lost");
    assert_eq!(fixture.show_build(lease.build).await["status"], "BUILD_SUCCESS");
    Ok(())
}

async fn transient_failure_is_retried_up_to_the_limit(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    for attempt in 1..=3 {
        let lease = fixture.claim_lease().await?.unwrap();
        assert_eq!((lease.build, lease.attempt), (build, attempt));
        fixture
            .finish_lease(&lease, BuildLeaseOutcome::Retry { message: "The disk is full.".to_owned() })
            .await?;
        assert_eq!(fixture.claim_lease().await?, None);
        fixture.stand.advance_clock(SignedDuration::from_secs(60));
    }
    let shown = fixture.show_build(build).await;
    assert_eq!((&shown["status"], &shown["message"]), (&json!("BUILD_FAILURE"), &json!("The disk is full.")));
    Ok(())
}

async fn build_that_builders_stop_is_retried_up_to_the_limit(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    for attempt in 1..=10 {
        let lease = fixture.claim_lease().await?.unwrap();
        assert_eq!((lease.build, lease.attempt, lease.stop), (build, attempt, false));
        fixture.finish_lease(&lease, BuildLeaseOutcome::Stopped).await?;
        fixture.stand.advance_clock(SignedDuration::from_secs(60));
    }
    assert_eq!(fixture.claim_lease().await?, None);
    let shown = fixture.show_build(build).await;
    assert_eq!(shown["status"], "BUILD_FAILURE");
    assert!(shown["message"].as_str().unwrap().contains("each of 10 attempts"), "{shown}");
    Ok(())
}

async fn build_ends_at_its_deadline_despite_heartbeats(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    let lease = fixture.claim_lease().await?.unwrap();
    for _ in 0..65 {
        fixture.stand.advance_clock(SignedDuration::from_secs(28));
        fixture.heartbeat(&lease).await?;
    }
    wait_until("the build to end", || async {
        Ok((fixture.show_build(build).await["status"] == "BUILD_TIMEOUT").then_some(()))
    })
    .await?;
    assert!(fixture.show_build(build).await["message"].as_str().unwrap().contains("30 minutes"));
    assert!(fixture.heartbeat(&lease).await?);
    fixture.finish_lease(&lease, BuildLeaseOutcome::Stopped).await?;
    assert_eq!(fixture.show_build(build).await["status"], "BUILD_TIMEOUT");
    Ok(())
}

async fn build_cancelled_without_a_builder_is_leased_to_be_stopped(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    let dead = fixture.claim_lease().await?.unwrap();
    fixture.maintainer.builds().cancel(&fixture.tool, build).await?;
    let later = fixture.start_build().await?.name;
    fixture.stand.advance_clock(SignedDuration::from_secs(31));
    let successor = fixture.claim_lease().await?.unwrap();
    assert_eq!((successor.build, successor.stop, dead.stop), (build, true, false));
    fixture.finish_lease(&successor, BuildLeaseOutcome::Stopped).await?;
    let next = fixture.claim_lease().await?.unwrap();
    assert_eq!((next.build, next.stop), (later, false));
    Ok(())
}

async fn waiting_request_returns_at_the_end_of_the_build(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    let lease = fixture.claim_lease().await?.unwrap();
    let query = BuildQuery { wait: Some(25) };
    let viewer = fixture.viewer.builds();
    let (seen, finished) = tokio::join!(
        viewer.wait(&fixture.tool, build, &query),
        fixture.finish_lease(&lease, build_success_end())
    );
    finished?;
    assert_eq!(seen?.status, hearth_wire::builds::BuildStatus::BuildSuccess);
    Ok(())
}

async fn forged_ticket_is_refused(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    fixture.start_build().await?;
    let lease = fixture.claim_lease().await?.unwrap();
    for ticket in ["", "x", "e30", "bnVsbA"] {
        let forged = hearth_wire::builds::internal::BuildLease { ticket: ticket.to_owned(), ..lease.clone() };
        assert!(fixture.heartbeat(&forged).await.is_err());
        assert!(fixture.finish_lease(&forged, build_success_end()).await.is_err());
    }
    assert_eq!(fixture.show_build(lease.build).await["status"], "BUILD_RUNNING");
    Ok(())
}

on_every_store!(
    tool_has_one_leased_build_at_a_time,
    restarted_builder_gets_its_lease_at_once,
    expired_lease_is_reassigned_with_the_same_attempt,
    build_is_finished_once,
    transient_failure_is_retried_up_to_the_limit,
    build_that_builders_stop_is_retried_up_to_the_limit,
    build_ends_at_its_deadline_despite_heartbeats,
    build_cancelled_without_a_builder_is_leased_to_be_stopped,
    waiting_request_returns_at_the_end_of_the_build,
    forged_ticket_is_refused,
);
