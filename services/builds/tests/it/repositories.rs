//! What can be built is found out before a build is accepted.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::builds::internal::LeaseSource;
use http::Method;
use serde_json::{Value, json};

use crate::stage::{Stage, stage};

async fn post(stage: &Stage, create: Value) -> (u16, Value) {
    Stage::send(&stage.maintainer, Method::POST, "/tool/hello/builds", Some(create)).await
}

async fn a_branch_a_tag_and_a_commit_lead_to_their_commit(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let url = stage.git.url("hello");
    stage.git.git("hello", &["tag", "--annotate", "v1", "--message=one"])?;
    let newer = stage.git.commit("hello", &[("new", "x")])?;
    stage.git.git("hello", &["branch", "feature/x"])?;
    for (reference, commit) in [
        ("v1", &stage.commit),
        ("main", &newer),
        ("feature/x", &newer),
        ("refs/heads/main", &newer),
        (stage.commit.as_str(), &stage.commit),
    ] {
        let (status, started) = post(&stage, json!({"source_url": url, "ref": reference})).await;
        assert_eq!((status, &started["new_build"]["resolved_ref"]), (200, &json!(commit)), "{reference}");
        let id: hearth_base::BuildId = started["new_build"]["name"].as_str().unwrap().parse()?;
        stage.maintainer.builds().cancel(&stage.tool, id).await?;
    }
    Ok(())
}

async fn a_mirror_is_asked_and_the_address_stays(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let url = "https://code.example/team/hello";
    let (status, started) = post(&stage, json!({"source_url": url})).await;
    assert_eq!((status, &started["new_build"]["resolved_ref"]), (200, &json!(stage.commit)), "{started}");
    assert_eq!(started["new_build"]["parameters"]["source_url"], url);
    let lease = stage.claim().await?.unwrap();
    let there = stage.git.url("hello");
    assert!(
        matches!(&lease.source, LeaseSource::Git { url: named, mirror: Some(mirror), .. } if named == url && *mirror == there),
        "{:?}",
        lease.source
    );
    let latest = stage.maintainer.builds().show(&stage.tool, lease.build).await?;
    assert_eq!(latest.parameters.source_url, url);

    let (status, refused) = post(&stage, json!({"source_url": "https://code.example/team/none"})).await;
    let said = refused["error"][0].as_str().unwrap();
    assert!(status == 400 && said.contains("at https://code.example/team/none"), "{refused}");
    Ok(())
}

async fn what_cannot_be_read_is_refused_at_once(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let place = stage.git.place();
    for (create, code) in [
        (json!({"source_url": stage.git.url("none")}), "repository-unreadable"),
        (json!({"source_url": stage.git.url("hello"), "ref": "none"}), "no-such-ref"),
        (json!({"source_url": stage.git.url("hello"), "ref": "--upload-pack=x"}), "ref-name"),
        (json!({"source_url": stage.git.url("hello"), "ref": "a\nb"}), "ref-name"),
        (json!({"source_url": "--upload-pack=x"}), "source-url"),
        (json!({"source_url": "file:///etc"}), "source-url"),
        (json!({"source_url": format!("http://user:secret@{place}/hello")}), "source-url"),
        (json!({"source_url": "http://127.0.0.1:1/hello"}), "repository-unreadable"),
        (json!({"source_url": "http://[::ffff:10.0.0.1]/hello"}), "repository-unreadable"),
        (json!({"source_url": "http://[::1]/hello"}), "repository-unreadable"),
        (json!({"source_url": "http://169.254.169.254/latest"}), "repository-unreadable"),
        (json!({"source_url": "http://localhost:1/hello"}), "repository-unreadable"),
        (json!({"source_url": stage.git.url("hello"), "image_name": "../x"}), "image-name"),
        (json!({"source_url": stage.git.url("hello"), "envvars": {"A=B": "c"}}), "envvar-name"),
        (json!({}), "no-source"),
    ] {
        let (status, refused) = post(&stage, create.clone()).await;
        assert_eq!((status, &refused["code"]), (400, &json!(code)), "{create}: {refused}");
        let said = refused["error"][0].as_str().unwrap();
        assert!(!said.contains("secret") && !said.contains('\n'), "{said}");
    }
    let (_, listed) = Stage::send(&stage.viewer, Method::GET, "/tool/hello/builds", None).await;
    assert_eq!(listed["builds"], json!([]));
    Ok(())
}

async fn a_redirect_to_a_private_place_is_not_followed(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    for place in [
        "http://127.0.0.1:9/x",
        "http://[::ffff:127.0.0.1]:9/x",
        "http://192.168.0.1/x",
        "file:///etc/passwd",
    ] {
        stage.git.redirect(place);
        let (status, refused) = post(&stage, json!({"source_url": stage.git.url("hello")})).await;
        assert_eq!((status, &refused["code"]), (400, &json!("repository-unreadable")), "{place}");
    }
    stage.git.redirect(&stage.git.url("hello"));
    let (status, refused) = post(&stage, json!({"source_url": stage.git.url("hello")})).await;
    assert_eq!(status, 400, "{refused}");
    assert!(refused["error"][0].as_str().unwrap().contains("redirected again and again"), "{refused}");
    Ok(())
}

on_every_store!(
    a_branch_a_tag_and_a_commit_lead_to_their_commit,
    a_mirror_is_asked_and_the_address_stays,
    what_cannot_be_read_is_refused_at_once,
    a_redirect_to_a_private_place_is_not_followed,
);
