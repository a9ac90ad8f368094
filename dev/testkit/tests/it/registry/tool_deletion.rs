//! Images after the deletion of their tool.

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, TestImage, in_every_shape, wait_until};
use hearth_wire::tools::ToolCreate;
use http::Method;

use super::{create_owner, send_and_read_refusal};

async fn new_tool_of_the_same_name_has_no_images(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, _) = create_owner(&hearth, &operator, "hello").await?;
    let name = "hello".parse()?;
    TestImage::from_busybox(&[])?.push(&owner, "tool-hello/web", "latest").await?;
    owner.tools().delete(&name).await?;
    let create = ToolCreate { name: name.clone(), description: String::new() };
    // The name of a deleted tool is a tombstone, which only an operator gives again.
    wait_until("the name is free again", async || match operator.client.tools().create(&create).await {
        Ok(_) => Ok(Some(())),
        Err(error) if error.code() == "tool-name-taken" => Ok(None),
        Err(error) => Err(Error::internal(error)),
    })
    .await?;
    let call = operator.client.build_call(Method::GET, "/v2/tool-hello/web/manifests/latest");
    assert_eq!(send_and_read_refusal(call).await?, (404, "NAME_UNKNOWN".to_owned()));
    Ok(())
}

in_every_shape!(new_tool_of_the_same_name_has_no_images);
