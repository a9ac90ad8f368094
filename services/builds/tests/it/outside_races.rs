//! Races of outside builders, and the rotation of the key of their credentials.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::{ReceiverReply, on_every_store, wait_until};
use hearth_wire::builds::internal::BuildLeaseOutcome;

use crate::{
    fixture::rotate_key,
    outside_fixture::{build_made_outcome, start_outside_fixture},
};

async fn loser_of_a_race_for_the_end_revokes_only_the_credentials_of_its_build(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    fixture.fakes.lock_state().is_pushed = true;
    let (raced, other) = (fixture.start_build().await?, fixture.start_build().await?);
    let (first, other) = (fixture.take_build(raced, 1).await?, fixture.take_build(other, 1).await?);
    first.report_outcome(BuildLeaseOutcome::Retry { message: "The forge is full.".to_owned() }).await?;
    fixture.advance_clock(6);
    let second = fixture.take_build(raced, 2).await?;
    // The builder of the former attempt works on, and both report the end.
    let failed = BuildLeaseOutcome::Failed { message: "The source is wrong.".to_owned() };
    let reports = tokio::join!(
        first.report_outcome(build_made_outcome()),
        second.report_outcome(build_made_outcome()),
        second.report_outcome(failed),
    );
    let codes = [reports.0, reports.1, reports.2]
        .map(|report| report.err().map_or("accepted".to_owned(), |error| error.code().to_owned()));
    assert!(["attempt-ended", "build-ended"].contains(&codes[0].as_str()), "{codes:?}");
    let mut of_second = codes[1..].to_vec();
    of_second.sort();
    assert_eq!(of_second, ["accepted", "build-ended"]);

    let expected = [fixture.find_credential(&first.build)?, fixture.find_credential(&second.build)?];
    for credential in expected {
        fixture.wait_for_revocation(credential).await?;
    }
    let of_other = fixture.find_credential(&other.build)?;
    assert!(!fixture.fakes.lock_state().revoked.contains(&of_other), "only its own end revokes it");
    assert!(!other.heartbeat().await?, "the other build goes on");
    other.report_outcome(build_made_outcome()).await?;
    fixture.wait_for_revocation(of_other).await?;
    let revoked = fixture.fakes.lock_state().revoked.clone();
    assert!(
        revoked.iter().all(|credential| expected.contains(credential) || *credential == of_other),
        "{revoked:?}"
    );
    Ok(())
}

async fn credential_of_a_pending_announcement_survives_a_rotation_of_the_key(db: Db) -> Result<()> {
    let mut fixture = start_outside_fixture(db, false).await?;
    fixture.receiver.set_reply(ReceiverReply { status: "503 No", ..ReceiverReply::default() });
    let build = fixture.start_build().await?;
    fixture.wait_for_requests(build, 1).await?;
    wait_until("the record of the answer", async || {
        let message = fixture.show_build(build).await["message"].as_str().unwrap_or_default().to_owned();
        Ok(message.contains("Again in").then_some(()))
    })
    .await?;

    rotate_key(&mut fixture.base.stand).await?;
    fixture.receiver.set_reply(ReceiverReply::default());
    fixture.advance_clock(6);
    let requests = fixture.wait_for_requests(build, 2).await?;
    assert_eq!(requests[0].body, requests[1].body, "the same credential");
    let announced = fixture.take_build(build, 1).await?;
    assert!(!announced.heartbeat().await?);
    Ok(())
}

on_every_store!(
    loser_of_a_race_for_the_end_revokes_only_the_credentials_of_its_build,
    credential_of_a_pending_announcement_survives_a_rotation_of_the_key,
);
