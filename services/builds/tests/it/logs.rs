//! A build's log: a JSON object on each line.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::builds::BuildLogQuery;
use http::Method;
use http_body_util::BodyExt;
use serde_json::Value;

use crate::stage::{Stage, made, stage};

async fn text(stage: &Stage, build: hearth_base::BuildId, follow: bool) -> Result<Vec<String>> {
    let log = stage.viewer.builds().logs(&stage.tool, build, &BuildLogQuery { follow }).await?;
    assert!(log.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
    let bytes = log.into_body().collect().await.unwrap().to_bytes();
    let lines = String::from_utf8(bytes.to_vec()).unwrap();
    Ok(lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["line"].as_str().unwrap().to_owned())
        .collect())
}

fn write(stage: &Stage, instance: &str, text: &str) {
    stage.lines.lock().unwrap().push((instance.to_owned(), text.to_owned()));
}

async fn what_there_is_is_shown_and_then_it_ends(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let build = stage.start().await?.name;
    assert!(text(&stage, build, false).await?.is_empty());
    for number in 0..5 {
        write(&stage, "fetch", &format!("line {number} \"quoted\""));
    }
    let lines = text(&stage, build, false).await?;
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0], "[fetch] 2026-05-04T12:00:00Z line 0 \"quoted\"");
    Ok(())
}

async fn following_goes_on_until_the_build_is_over(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let build = stage.start().await?.name;
    let lease = stage.claim().await?.unwrap();
    write(&stage, "fetch", "first");
    let ending = async {
        tokio::task::yield_now().await;
        write(&stage, "image", "last");
        stage.finish(&lease, made()).await
    };
    let (lines, ended) = tokio::join!(text(&stage, build, true), ending);
    ended?;
    let lines = lines?;
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[1].ends_with("last"), "{lines:?}");
    Ok(())
}

async fn a_log_of_no_build_is_not_there(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let path = "/tool/hello/builds/build_01jd0w5e3mqk8v7h4c2x9s6tbn/logs";
    assert_eq!(Stage::send(&stage.viewer, Method::GET, path, None).await.0, 404);
    Ok(())
}

on_every_store!(
    what_there_is_is_shown_and_then_it_ends,
    following_goes_on_until_the_build_is_over,
    a_log_of_no_build_is_not_there,
);
