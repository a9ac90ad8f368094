//! Log of a build: one JSON object per line.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::builds::BuildLogQuery;
use http::Method;
use http_body_util::BodyExt;
use serde_json::Value;

use crate::fixture::{BuildsFixture, build_success_end, start_fixture};

async fn read_log(fixture: &BuildsFixture, build: hearth_base::BuildId, follow: bool) -> Result<Vec<String>> {
    let log = fixture.viewer.builds().stream_logs(&fixture.tool, build, &BuildLogQuery { follow }).await?;
    assert!(log.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
    let bytes = log.into_body().collect().await.unwrap().to_bytes();
    let lines = String::from_utf8(bytes.to_vec()).unwrap();
    Ok(lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["line"].as_str().unwrap().to_owned())
        .collect())
}

fn write_line(fixture: &BuildsFixture, instance: &str, text: &str) {
    fixture.lines.lock().unwrap().push((instance.to_owned(), text.to_owned()));
}

async fn log_without_follow_ends_after_existing_lines(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    assert!(read_log(&fixture, build, false).await?.is_empty());
    for number in 0..5 {
        write_line(&fixture, "fetch", &format!("line {number} \"quoted\""));
    }
    let lines = read_log(&fixture, build, false).await?;
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0], "[fetch] 2026-05-04T12:00:00Z line 0 \"quoted\"");
    Ok(())
}

async fn followed_log_ends_with_the_build(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    let lease = fixture.claim_lease().await?.unwrap();
    write_line(&fixture, "fetch", "first");
    let ending = async {
        tokio::task::yield_now().await;
        write_line(&fixture, "image", "last");
        fixture.finish_lease(&lease, build_success_end()).await
    };
    let (lines, ended) = tokio::join!(read_log(&fixture, build, true), ending);
    ended?;
    let lines = lines?;
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[1].ends_with("last"), "{lines:?}");
    Ok(())
}

async fn log_of_an_unknown_build_is_not_found(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let path = "/tool/hello/builds/build_01jd0w5e3mqk8v7h4c2x9s6tbn/logs";
    assert_eq!(BuildsFixture::send(&fixture.viewer, Method::GET, path, None).await.0, 404);
    Ok(())
}

on_every_store!(
    log_without_follow_ends_after_existing_lines,
    followed_log_ends_with_the_build,
    log_of_an_unknown_build_is_not_found,
);
