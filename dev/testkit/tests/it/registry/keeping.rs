//! The end of a tool.

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, Image, in_every_shape, until};
use hearth_wire::tools::ToolCreate;
use http::Method;

use super::{owner_of, refusal};

async fn an_ended_tool_leaves_no_image_to_the_next_of_its_name(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, _) = owner_of(&hearth, &operator, "hello").await?;
    let name = "hello".parse()?;
    Image::busybox(&[])?.push(&owner, "tool-hello/web", "latest").await?;
    owner.tools().delete(&name).await?;
    let again = ToolCreate { name: name.clone(), description: String::new() };
    until("the name is free again", async || match owner.tools().create(&again).await {
        Ok(_) => Ok(Some(())),
        Err(error) if error.code() == "tool-name-taken" => Ok(None),
        Err(error) => Err(Error::internal(error)),
    })
    .await?;
    let call = owner.call(Method::GET, "/v2/tool-hello/web/manifests/latest");
    assert_eq!(refusal(call).await?, (404, "NAME_UNKNOWN".to_owned()));
    Ok(())
}

in_every_shape!(an_ended_tool_leaves_no_image_to_the_next_of_its_name);
