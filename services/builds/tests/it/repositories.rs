//! Resolution of sources before a build is accepted.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::builds::internal::BuildLeaseSource;
use http::Method;
use serde_json::{Value, json};

use crate::fixture::{BuildsFixture, start_fixture};

async fn post_build(fixture: &BuildsFixture, create: Value) -> (u16, Value) {
    BuildsFixture::send(&fixture.maintainer, Method::POST, "/tool/hello/builds", Some(create)).await
}

async fn branches_tags_and_commits_resolve_to_a_commit(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let url = fixture.git.repository_url("hello");
    fixture.git.run_git("hello", &["tag", "--annotate", "v1", "--message=one"])?;
    let newer = fixture.git.commit_files("hello", &[("new", "x")])?;
    fixture.git.run_git("hello", &["branch", "feature/x"])?;
    for (reference, commit) in [
        ("v1", &fixture.commit),
        ("main", &newer),
        ("feature/x", &newer),
        ("refs/heads/main", &newer),
        (fixture.commit.as_str(), &fixture.commit),
    ] {
        let (status, started) = post_build(&fixture, json!({"source_url": url, "ref": reference})).await;
        assert_eq!((status, &started["new_build"]["resolved_ref"]), (200, &json!(commit)), "{reference}");
        let id: hearth_base::BuildId = started["new_build"]["name"].as_str().unwrap().parse()?;
        fixture.maintainer.builds().cancel(&fixture.tool, id).await?;
    }
    Ok(())
}

async fn mirror_is_queried_and_the_address_is_unchanged(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let url = "https://code.example/team/hello";
    let (status, started) = post_build(&fixture, json!({"source_url": url})).await;
    assert_eq!((status, &started["new_build"]["resolved_ref"]), (200, &json!(fixture.commit)), "{started}");
    assert_eq!(started["new_build"]["parameters"]["source_url"], url);
    let lease = fixture.claim_lease().await?.unwrap();
    let there = fixture.git.repository_url("hello");
    assert!(
        matches!(&lease.source, BuildLeaseSource::Git { url: named, mirror: Some(mirror), .. } if named == url && *mirror == there),
        "{:?}",
        lease.source
    );
    let latest = fixture.maintainer.builds().show(&fixture.tool, lease.build).await?;
    assert_eq!(latest.parameters.source_url, url);

    let (status, refused) =
        post_build(&fixture, json!({"source_url": "https://code.example/team/none"})).await;
    let message = refused["error"][0].as_str().unwrap();
    assert!(status == 400 && message.contains("at https://code.example/team/none"), "{refused}");
    Ok(())
}

async fn unreadable_sources_are_refused_at_once(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let place = fixture.git.address();
    for (create, code) in [
        (json!({"source_url": fixture.git.repository_url("none")}), "repository-unreadable"),
        (json!({"source_url": fixture.git.repository_url("hello"), "ref": "none"}), "no-such-ref"),
        (json!({"source_url": fixture.git.repository_url("hello"), "ref": "--upload-pack=x"}), "ref-name"),
        (json!({"source_url": fixture.git.repository_url("hello"), "ref": "a\nb"}), "ref-name"),
        (json!({"source_url": "--upload-pack=x"}), "source-url"),
        (json!({"source_url": "file:///etc"}), "source-url"),
        (json!({"source_url": format!("http://user:secret@{place}/hello")}), "source-url"),
        (json!({"source_url": "http://127.0.0.1:1/hello"}), "repository-unreadable"),
        (json!({"source_url": "http://[::ffff:10.0.0.1]/hello"}), "repository-unreadable"),
        (json!({"source_url": "http://[::1]/hello"}), "repository-unreadable"),
        (json!({"source_url": "http://169.254.169.254/latest"}), "repository-unreadable"),
        (json!({"source_url": "http://localhost:1/hello"}), "repository-unreadable"),
        (json!({"source_url": fixture.git.repository_url("hello"), "image_name": "../x"}), "image-name"),
        (json!({"source_url": fixture.git.repository_url("hello"), "envvars": {"A=B": "c"}}), "envvar-name"),
        (json!({}), "no-source"),
    ] {
        let (status, refused) = post_build(&fixture, create.clone()).await;
        assert_eq!((status, &refused["code"]), (400, &json!(code)), "{create}: {refused}");
        let message = refused["error"][0].as_str().unwrap();
        assert!(!message.contains("secret") && !message.contains('\n'), "{message}");
    }
    let (_, listed) = BuildsFixture::send(&fixture.viewer, Method::GET, "/tool/hello/builds", None).await;
    assert_eq!(listed["builds"], json!([]));
    Ok(())
}

async fn redirect_to_a_private_address_is_not_followed(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    for place in [
        "http://127.0.0.1:9/x",
        "http://[::ffff:127.0.0.1]:9/x",
        "http://192.168.0.1/x",
        "file:///etc/passwd",
    ] {
        fixture.git.redirect_to(place);
        let (status, refused) =
            post_build(&fixture, json!({"source_url": fixture.git.repository_url("hello")})).await;
        assert_eq!((status, &refused["code"]), (400, &json!("repository-unreadable")), "{place}");
    }
    fixture.git.redirect_to(&fixture.git.repository_url("hello"));
    let (status, refused) =
        post_build(&fixture, json!({"source_url": fixture.git.repository_url("hello")})).await;
    assert_eq!(status, 400, "{refused}");
    assert!(refused["error"][0].as_str().unwrap().contains("redirects too often"), "{refused}");
    Ok(())
}

on_every_store!(
    branches_tags_and_commits_resolve_to_a_commit,
    mirror_is_queried_and_the_address_is_unchanged,
    unreadable_sources_are_refused_at_once,
    redirect_to_a_private_address_is_not_followed,
);
