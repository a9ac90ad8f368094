//! The disk reaches the floor of free space: new content is refused, all that is there is served on.

use hearth_base::{Error, JobName, Result};
use hearth_client::box_body;
use hearth_testkit::{Hearth, HearthShape, PAGE_COMMAND, TestImage, wait_until};
use hearth_wire::{
    jobs::{JobCreate, JobType},
    tools::ToolCreate,
};
use http::StatusCode;
use http_body_util::Full;

use super::push_blob;
use crate::end_to_end::Visitor;

#[tokio::test]
async fn hearth_serves_on_when_its_disk_is_almost_full() -> Result<()> {
    let mut hearth =
        Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, "[disk]\nmin_free = 1000\n[jobs]\ngrace = 1\n")
            .await?;
    let client = hearth.operator().await?.client;
    TestImage::from_busybox(&[])?.push(&client, "hearth/bookworm", "latest").await?;
    let name = "page".parse()?;
    client.tools().create(&ToolCreate { name, description: String::new() }).await?;
    let name = "page".parse()?;
    let job: JobName = "page".parse()?;
    let create =
        JobCreate { job_type: Some(JobType::Webservice), ..JobCreate::new(job, "bookworm", PAGE_COMMAND) };
    client.jobs().create(&name, &create).await?;
    let visitor = Visitor::for_url(hearth.url())?;
    let is_open = async || Ok(visitor.visit_page("page").await?.0.is_success().then_some(()));
    wait_until("the page answers", is_open).await?;

    // No disk has this much free space.
    hearth.replace_in_config("min_free = 1000", "min_free = 9000000000000000000")?;
    hearth.kill_all().await?;
    hearth.start_missing_processes().await?;
    wait_until("the page answers again", is_open).await?;
    let (status, _) = push_blob(&client, "tool-page/web", b"new".to_vec()).await?;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let upload = client.builds().upload(&name, box_body(Full::new(vec![7; 100].into()))).await;
    assert_eq!(upload.err().as_ref().map(Error::code), Some("disk-low"));
    // The databases are written, and what is there is read and started.
    client.tools().create(&ToolCreate { name: "another".parse()?, description: String::new() }).await?;
    client.jobs().restart(&name, &"page".parse()?).await?;
    wait_until("the page answers after its restart", is_open).await?;
    assert!(client.images().list_provided().await?.items.iter().any(|image| image.digest.is_some()));
    client.jobs().flush(&name).await?;
    hearth.stop().await
}
