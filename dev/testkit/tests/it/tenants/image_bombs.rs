//! Tiny images that unpack to a gigabyte, beside a page of another tool.

use std::{fs, time::Duration};

use hearth_base::{Error, Result};
use hearth_client::Client;
use hearth_testkit::{Hearth, HearthShape, PAGE_COMMAND, TestImage, list_all_runs, wait_until_within};
use hearth_wire::{
    jobs::{JobCreate, JobType, RunEnd},
    tools::ToolCreate,
};
use http::{Method, StatusCode};
use serde_json::json;

use super::{compute_digest, push_blob, send_to_registry, sum_file_sizes};
use crate::end_to_end::Visitor;

/// Bytes that a refused layer may leave in the state folder of the runtime: files of its images and runs.
const MAX_REMAINING_BYTES: u64 = 16 << 20;

/// Archives a file of a gigabyte of zeros with these options of GNU tar.
fn build_bomb(options: &[&str]) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let file = fs::File::create(folder.path().join("zeros")).map_err(Error::internal)?;
    file.set_len(1 << 30).map_err(Error::internal)?;
    let mut command = std::process::Command::new("tar");
    command.arg("-C").arg(folder.path()).args(options).args(["--owner=0", "--group=0", "-cf", "-", "zeros"]);
    Ok(command.output().map_err(Error::internal)?.stdout)
}

/// Pushes an image of a tool with one layer, whose diff id is a mere claim.
async fn push_image(client: &Client, repository: &str, media_type: &str, layer: Vec<u8>) -> Result<()> {
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": [compute_digest(b"a claim")]}});
    let config = config.to_string().into_bytes();
    let describe = |media_type: &str, content: &[u8]| json!({"mediaType": media_type, "size": content.len(), "digest": compute_digest(content)});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": describe("application/vnd.oci.image.config.v1+json", &config),
        "layers": [describe(media_type, &layer)],
    });
    for blob in [config, layer] {
        assert_eq!(push_blob(client, repository, blob).await?.0, StatusCode::CREATED);
    }
    let call = client.build_call(Method::PUT, &format!("/v2/{repository}/manifests/latest"));
    let manifest = manifest.to_string();
    let put = call.content_bytes("application/vnd.oci.image.manifest.v1+json", manifest);
    assert_eq!(send_to_registry(put).await?.0, StatusCode::CREATED);
    Ok(())
}

#[tokio::test]
async fn tiny_images_of_a_gigabyte_are_refused_and_leave_nothing() -> Result<()> {
    // Compressing a gigabyte takes longer than a client's connection may be idle.
    let bombs = [
        ("packed", "application/vnd.oci.image.layer.v1.tar+gzip", build_bomb(&["-I", "gzip -1"])?),
        ("sparse", "application/vnd.oci.image.layer.v1.tar", build_bomb(&["--sparse", "--format=gnu"])?),
    ];
    let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, "[jobs]\ngrace = 1\n").await?;
    let client = hearth.operator().await?.client;
    TestImage::from_busybox(&[])?.push(&client, "hearth/bookworm", "latest").await?;
    for tool in ["page", "bombs"] {
        client.tools().create(&ToolCreate { name: tool.parse()?, description: String::new() }).await?;
    }
    let page = JobCreate {
        job_type: Some(JobType::Webservice),
        ..JobCreate::new("page".parse()?, "bookworm", PAGE_COMMAND)
    };
    client.jobs().create(&"page".parse()?, &page).await?;
    let visitor = Visitor::for_url(hearth.url())?;
    let is_open = async || Ok(visitor.visit_page("page").await?.0.is_success().then_some(()));
    wait_until_within(Duration::from_secs(100), "the page answers", is_open).await?;
    let state = hearth.runtime_state();
    let before = sum_file_sizes(&state.join("layers"));

    let tool = "bombs".parse()?;
    for (name, media_type, layer) in bombs {
        assert!(layer.len() < 5 << 20, "{name}");
        push_image(&client, &format!("tool-bombs/{name}"), media_type, layer).await?;
        let job = JobCreate::new(name.parse()?, format!("tool-bombs/{name}:latest"), "true");
        client.jobs().create(&tool, &job).await?;
        let find_end = async || {
            let runs = list_all_runs(&client, &tool, &name.parse()?).await?;
            Ok(runs.into_iter().find(|run| run.end.is_some()))
        };
        let run = wait_until_within(Duration::from_secs(100), "the run ends", find_end).await?;
        assert_eq!(run.end, Some(RunEnd::NotStarted), "{name}: {run:?}");
        assert!(run.reason.as_ref().is_some_and(|reason| reason.contains("unpacks to more than")), "{run:?}");
        assert!(visitor.visit_page("page").await?.0.is_success());
    }
    assert_eq!(sum_file_sizes(&state.join("layers")), before);
    assert!(
        sum_file_sizes(&state.join("partial")) + sum_file_sizes(&state.join("images")) < MAX_REMAINING_BYTES
    );
    client.jobs().flush(&tool).await?;
    client.jobs().flush(&"page".parse()?).await?;
    hearth.stop().await
}
