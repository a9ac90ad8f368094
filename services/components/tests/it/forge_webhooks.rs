//! Webhooks of forges: which are accepted, refused and ignored.

use hearth_base::{Result, Secret};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::components::{
    DeploymentState, ForgeDeliveryOutcome, ForgeKind, RepositoryLink, RepositoryLinkPatch,
};
use serde_json::json;

use crate::{
    fixture::start_components,
    forge_deliveries::{
        ALL_FORGES, MAIN_BRANCH_REF, PUSHED_COMMIT, REPOSITORY_URL, SentDelivery, link_repository,
        list_built_refs, list_deliveries, push_event, send, sign_body, wait_for_deliveries,
    },
};

async fn push_deploys_the_newest_commit_of_the_branch_in_the_name_of_the_owner(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    for (count, forge) in ALL_FORGES.into_iter().enumerate() {
        let (link, secret) = link_repository(&fixture, forge).await?;
        let push =
            SentDelivery::push(forge, "72d3162e-cc78-11e3-81ab-4c9367dc0958", MAIN_BRANCH_REF, PUSHED_COMMIT);
        let (status, answer) = send(&fixture, &push, (&link, &secret)).await?;
        assert_eq!((status, &answer["data"]["outcome"]), (202, &json!("waiting")), "{answer}");
        let log = wait_for_deliveries(&fixture, link.id).await?;
        assert_eq!(log.len(), 1, "{log:?}");
        let delivery = &log[0];
        assert_eq!(
            (delivery.outcome, &*delivery.event, &*delivery.reference, &*delivery.commit, delivery.count),
            (ForgeDeliveryOutcome::Deployed, push_event(forge), MAIN_BRANCH_REF, PUSHED_COMMIT, 1)
        );
        assert_eq!(delivery.forge_id, "72d3162e-cc78-11e3-81ab-4c9367dc0958");
        let deployed = fixture.wait_for_end(delivery.deployment.unwrap()).await?;
        assert_eq!(deployed.status, DeploymentState::Successful, "{}", deployed.long_status);
        assert_eq!((&*deployed.by, &*deployed.description), ("user somebody", "push to main"));
        assert_eq!(deployed.repository_link, Some(link.id));
        // The ref is built and not the commit that the forge named.
        assert_eq!(
            list_built_refs(&fixture).first(),
            Some(&(REPOSITORY_URL.to_owned(), MAIN_BRANCH_REF.to_owned()))
        );
        assert_eq!(fixture.list_revisions().await?.len(), count + 1);
    }
    fixture.wait_until_finalized(2).await
}

async fn unsigned_delivery_is_refused_and_counted(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    for forge in ALL_FORGES {
        let (link, secret) = link_repository(&fixture, forge).await?;
        let push = SentDelivery::push(forge, "one", MAIN_BRANCH_REF, PUSHED_COMMIT);
        send(&fixture, &push, (&link, &secret)).await?;
        wait_for_deliveries(&fixture, link.id).await?;
        let again = push.with_id("two");
        let body = again.payload.to_string();
        let other_secret = Secret::new("hfs_other");
        let mut wrong = vec![None, Some(sign_body(forge, &other_secret, &body)?)];
        let (name, _) = sign_body(forge, &secret, &body)?;
        wrong.extend([Some((name, String::new())), Some((name, "sha256=zz".to_owned()))]);
        if forge != ForgeKind::Gitlab {
            wrong.push(Some(sign_body(forge, &secret, &format!("{body} "))?));
        }
        let count = u32::try_from(wrong.len()).unwrap();
        for signature in wrong {
            let (status, answer) = again.send_body(&fixture.stranger, &link, body.clone(), signature).await?;
            assert_eq!((status, &answer["code"]), (401, &json!("forge-signature")), "{answer}");
        }
        let log = list_deliveries(&fixture, link.id).await?;
        assert_eq!(log.len(), 2, "one row counts them: {log:?}");
        let (refused, valid) = (&log[0], &log[1]);
        assert_eq!((refused.outcome, refused.count), (ForgeDeliveryOutcome::Refused, count));
        assert_eq!((&*refused.forge_id, &*refused.event), ("", ""));
        assert_eq!(valid.outcome, ForgeDeliveryOutcome::Deployed);
        // A stranger has not used up the id of a delivery that is still to come.
        let (status, _) = send(&fixture, &again, (&link, &secret)).await?;
        assert_eq!(status, 202);
        wait_for_deliveries(&fixture, link.id).await?;
    }
    Ok(())
}

async fn repeated_delivery_starts_nothing(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    for (count, forge) in ALL_FORGES.into_iter().enumerate() {
        let (link, secret) = link_repository(&fixture, forge).await?;
        let push = SentDelivery::push(forge, "one", MAIN_BRANCH_REF, PUSHED_COMMIT);
        let (_, first) = send(&fixture, &push, (&link, &secret)).await?;
        let log = wait_for_deliveries(&fixture, link.id).await?;
        fixture.wait_for_end(log[0].deployment.unwrap()).await?;
        for _ in 0..2 {
            let (status, again) = send(&fixture, &push, (&link, &secret)).await?;
            assert_eq!((status, &again["messages"]["info"]), (200, &json!(["already received"])));
            assert_eq!(again["data"]["is_repeated"], json!(true));
            assert_eq!(again["data"]["id"], first["data"]["id"]);
        }
        assert_eq!(list_deliveries(&fixture, link.id).await?, log);
        assert_eq!(list_built_refs(&fixture).len(), count + 1);
    }
    Ok(())
}

async fn late_delivery_deploys_the_newest_commit(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    for forge in ALL_FORGES {
        let (link, secret) = link_repository(&fixture, forge).await?;
        let old_commit = "0123456789abcdef0123456789abcdef01234567";
        for (id, commit) in [("newer", PUSHED_COMMIT), ("older", old_commit)] {
            let push = SentDelivery::push(forge, id, MAIN_BRANCH_REF, commit);
            assert_eq!(send(&fixture, &push, (&link, &secret)).await?.0, 202);
            let log = wait_for_deliveries(&fixture, link.id).await?;
            fixture.wait_for_end(log[0].deployment.unwrap()).await?;
        }
    }
    let refs = list_built_refs(&fixture);
    assert!(refs.iter().all(|(_, reference)| reference == MAIN_BRANCH_REF) && refs.len() == 6, "{refs:?}");
    Ok(())
}

async fn delivery_of_another_repository_is_refused(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    for forge in ALL_FORGES {
        let (link, secret) = link_repository(&fixture, forge).await?;
        for (id, other) in [
            ("one", "https://code.example/eve/hello"),
            ("two", "https://evil.example/ada/hello"),
            ("three", "https://code.example/ada/hello/../../eve/hello"),
        ] {
            let push = SentDelivery::push_of(forge, id, MAIN_BRANCH_REF, PUSHED_COMMIT, other);
            let (status, answer) = send(&fixture, &push, (&link, &secret)).await?;
            assert_eq!((status, &answer["code"]), (422, &json!("forge-repository")), "{answer}");
        }
        let mut unnamed = SentDelivery::push(forge, "four", MAIN_BRANCH_REF, PUSHED_COMMIT);
        for object in ["repository", "project"] {
            unnamed.payload.as_object_mut().unwrap().remove(object);
        }
        assert_eq!(send(&fixture, &unnamed, (&link, &secret)).await?.0, 422);
        let log = list_deliveries(&fixture, link.id).await?;
        assert!(log.iter().all(|one| one.outcome == ForgeDeliveryOutcome::Refused) && log.len() == 4);
        assert!(log[1].reason.contains(REPOSITORY_URL), "{log:?}");
    }
    assert!(list_built_refs(&fixture).is_empty());
    Ok(())
}

async fn event_or_ref_that_deploys_nothing_is_ignored_with_its_reason(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    for forge in ALL_FORGES {
        let (link, secret) = link_repository(&fixture, forge).await?;
        let merge_request = if forge == ForgeKind::Gitlab { "Merge Request Hook" } else { "pull_request" };
        let ping = if forge == ForgeKind::Gitlab { "Note Hook" } else { "ping" };
        let mut deleted = SentDelivery::push(forge, "deleted", MAIN_BRANCH_REF, &"0".repeat(40));
        deleted.payload["commits"] = json!([]);
        for (delivery, reason) in [
            (SentDelivery::of_event(forge, "ping", ping, json!({})), ""),
            (SentDelivery::of_event(forge, "pr", merge_request, json!({"action": "opened"})), "no previews"),
            (SentDelivery::of_event(forge, "star", "star", json!({})), "the event \"star\" deploys nothing"),
            (deleted, "the branch main was deleted"),
            (
                SentDelivery::push(forge, "other", "refs/heads/develop", PUSHED_COMMIT),
                "is none of main, release/*",
            ),
            (SentDelivery::push(forge, "deep", "refs/heads/release/1/x", PUSHED_COMMIT), "is none of"),
            (SentDelivery::push(forge, "tag", "refs/tags/v1", PUSHED_COMMIT), "refs/tags/v1 is not a branch"),
        ] {
            let (status, answer) = send(&fixture, &delivery, (&link, &secret)).await?;
            assert_eq!((status, &answer["data"]["outcome"]), (200, &json!("ignored")), "{answer}");
            let shown = answer["data"]["reason"].as_str().unwrap();
            assert!(shown.contains(reason), "{}: {shown}", delivery.id);
        }
        let patch = RepositoryLinkPatch { paths: Some(vec!["docs/**".to_owned()]), ..Default::default() };
        let calls = fixture.maintainer.components();
        calls.update_repository_link(&fixture.tool, link.id, &patch).await?;
        let push = SentDelivery::push(forge, "path", MAIN_BRANCH_REF, PUSHED_COMMIT);
        let (status, answer) = send(&fixture, &push, (&link, &secret)).await?;
        assert_eq!(status, 200);
        assert_eq!(answer["data"]["reason"], json!("no changed file is one of docs/**"));
    }
    assert!(list_built_refs(&fixture).is_empty());
    Ok(())
}

async fn hostile_delivery_is_refused(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (link, secret) = link_repository(&fixture, ForgeKind::Github).await?;
    let push = SentDelivery::push(ForgeKind::Github, "one", MAIN_BRANCH_REF, PUSHED_COMMIT);
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    let signature = sign_body(ForgeKind::Github, &secret, &large)?;
    let (status, answer) = push.send_body(&fixture.stranger, &link, large, Some(signature)).await?;
    assert_eq!((status, &answer["code"]), (413, &json!("body")), "{answer}");
    for (id, body) in [("two", "{"), ("three", "payload=%7B%7D"), ("four", r#"{"ref": "main"}"#)] {
        let signature = sign_body(ForgeKind::Github, &secret, body)?;
        let broken = push.with_id(id);
        let (status, answer) =
            broken.send_body(&fixture.stranger, &link, body.to_owned(), Some(signature)).await?;
        assert_eq!((status, &answer["code"]), (422, &json!("forge-payload")), "{answer}");
    }
    for id in ["", "a b", &"x".repeat(101)] {
        let (status, answer) = send(&fixture, &push.with_id(id), (&link, &secret)).await?;
        assert_eq!((status, &answer["code"]), (400, &json!("forge-delivery-id")), "{answer}");
    }
    let unknown = RepositoryLink { id: "link_00000000000000000000000001".parse()?, ..link.clone() };
    let (status, answer) = send(&fixture, &push, (&unknown, &secret)).await?;
    assert_eq!((status, &answer["code"]), (404, &json!("no-such-repository-link")), "{answer}");
    assert!(list_built_refs(&fixture).is_empty());
    Ok(())
}

on_every_store!(
    push_deploys_the_newest_commit_of_the_branch_in_the_name_of_the_owner,
    unsigned_delivery_is_refused_and_counted,
    repeated_delivery_starts_nothing,
    late_delivery_deploys_the_newest_commit,
    delivery_of_another_repository_is_refused,
    event_or_ref_that_deploys_nothing_is_ignored_with_its_reason,
    hostile_delivery_is_refused,
);
