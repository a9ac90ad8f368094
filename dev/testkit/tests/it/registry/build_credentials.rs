//! The credential of one build, of an outside builder: it pushes one image and reports about one build, until the build
//! ends.

use hearth_base::{ErrorKind, Result, Secret};
use hearth_client::{Client, box_body};
use hearth_testkit::{Hearth, HearthShape, TestImage, WebhookReceiver, wait_until};
use hearth_wire::builds::{
    BuildCreate, BuildStatus,
    internal::{BuildFinish, BuildLogReport},
    outside::{AnnouncedBuild, BuildAnnouncement, OutsideBuilderCreate},
};
use http::Method;
use http_body_util::Full;
use serde_json::json;

use super::{create_owner, send_and_read, send_and_read_refusal};

/// Waits for the newest announcement of a build.
async fn wait_for_announcement(receiver: &WebhookReceiver, build: &str) -> Result<AnnouncedBuild> {
    wait_until("the announcement", async || {
        let request = receiver.requests().into_iter().rev().find(|request| request.body.contains(build));
        Ok(request.map(|request| serde_json::from_str::<BuildAnnouncement>(&request.body).unwrap().data))
    })
    .await
}

/// Starts a build of an uploaded folder by the outside builder `ci`.
async fn start_build(owner: &Client, receiver: &WebhookReceiver, tool: &str) -> Result<AnnouncedBuild> {
    let tool = tool.parse()?;
    let upload = owner.builds().upload(&tool, box_body(Full::new("an archive".into()))).await?;
    let builder = Some("ci".parse()?);
    let create = BuildCreate { upload: Some(upload.id), builder, ..BuildCreate::default() };
    let build = owner.builds().start(&tool, &create, &Default::default()).await?.name;
    wait_for_announcement(receiver, &build.to_string()).await
}

fn build_client(hearth: &Hearth, announced: &AnnouncedBuild) -> Result<Client> {
    hearth.client_with_token(&Secret::new(announced.credential.expose_secret()))
}

#[tokio::test]
async fn credential_of_a_build_reaches_its_image_and_its_reports_only() -> Result<()> {
    let receiver = WebhookReceiver::start().await?;
    let config = format!("[outbound]\nallow = [\"{}\"]\n", receiver.address());
    let hearth = Hearth::start_with(HearthShape::TOGETHER_ON_FILES, &config).await?;
    let operator = hearth.operator().await?;
    let (owner, _) = create_owner(&hearth, &operator, "hello").await?;
    let (other, _) = create_owner(&hearth, &operator, "other").await?;
    let create = OutsideBuilderCreate { name: "ci".parse()?, url: receiver.url(), falls_back: false };
    operator.client.builds().add_outside_builder(&create).await?;
    let image = TestImage::from_busybox(&[("motd", "made outside")])?;
    image.push(&operator.client, "hearth/bookworm", "latest").await?;
    image.push(&owner, "tool-hello/secret", "latest").await?;

    let announced = start_build(&owner, &receiver, "hello").await?;
    let client = build_client(&hearth, &announced)?;
    // It reads what Hearth provides, and the source of its build.
    let manifest = client.build_call(Method::GET, "/v2/hearth/bookworm/manifests/latest");
    assert_eq!(send_and_read(manifest).await?.0, 200);
    let source = client.build_call(Method::GET, &format!("/builds/v1/reports/{}/source", announced.build));
    assert_eq!(send_and_read(source).await?.2, b"an archive");
    // It reaches no other image, of its tool or of others, and deletes nothing.
    for (method, path) in [
        (Method::GET, "/v2/tool-hello/secret/manifests/latest"),
        (Method::GET, "/v2/tool-hello/secret/tags/list"),
        (Method::POST, "/v2/tool-hello/secret/blobs/uploads/"),
        (Method::PUT, "/v2/tool-hello/secret/manifests/latest"),
        (Method::GET, "/v2/tool-other/tool-hello/tags/list"),
        (Method::POST, "/v2/tool-other/tool-hello/blobs/uploads/"),
        (Method::POST, "/v2/hearth/bookworm/blobs/uploads/"),
        (Method::DELETE, "/v2/tool-hello/tool-hello/manifests/latest"),
    ] {
        let refused = send_and_read_refusal(client.build_call(method.clone(), path)).await?;
        assert_eq!(refused, (403, "DENIED".to_owned()), "{method} {path}");
    }
    for path in ["/jobs/v1/tool/hello/jobs", "/envvars/v1/tool/hello/envvars", "/builds/v1/tool/hello/builds"]
    {
        assert_eq!(send_and_read(client.build_call(Method::GET, path)).await?.0, 403, "{path}");
    }
    // A build of another tool has a credential of its own.
    let foreign = build_client(&hearth, &start_build(&other, &receiver, "other").await?)?;
    assert!(image.push(&foreign, "tool-hello/tool-hello", "latest").await.is_err());
    let lines = BuildLogReport { first: 1, lines: vec!["Step 1".to_owned()] };
    let refused = foreign.builds().send_log_lines(announced.build, &lines).await.err().unwrap();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "foreign-build"));

    // The image is pushed, the log streamed and the outcome reported.
    client.builds().send_log_lines(announced.build, &lines).await?;
    let digest = image.push(&client, "tool-hello/tool-hello", "latest").await?;
    let outcome = json!({"kind": "succeeded", "digest": digest, "processes": {"web": "/bin/sh"}});
    let finish: BuildFinish = serde_json::from_value(json!({ "outcome": outcome })).unwrap();
    client.builds().finish_build(announced.build, &finish).await?;
    let built = owner.builds().show(&"hello".parse()?, announced.build).await?;
    assert_eq!((built.status, built.outside_builder.as_deref()), (BuildStatus::BuildSuccess, Some("ci")));
    assert!(
        built.destination_image.ends_with(&format!("/tool-hello/tool-hello:latest@{digest}")),
        "{built:?}"
    );
    let log = format!("/builds/v1/tool/hello/builds/{}/logs", announced.build);
    let log = send_and_read(owner.build_call(Method::GET, &log)).await?.2;
    assert!(String::from_utf8_lossy(&log).contains("Step 1"), "{log:?}");
    // Then the credential has ended, for pushes and reports.
    wait_until("the end of the credential", async || {
        let refused = send_and_read(client.build_call(Method::GET, "/v2/")).await?.0;
        Ok((refused == 401).then_some(()))
    })
    .await?;
    assert!(image.push(&client, "tool-hello/tool-hello", "late").await.is_err());
    let late = client.builds().finish_build(announced.build, &finish).await.err().unwrap();
    assert_eq!(late.kind(), ErrorKind::Unauthenticated);
    hearth.stop().await
}
