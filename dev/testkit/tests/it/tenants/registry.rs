//! A tool fills its quota of the registry; another tool pushes and pulls on.

use hearth_base::{Memory, Result};
use hearth_client::Client;
use hearth_testkit::{Hearth, HearthShape, Person, in_every_shape};
use hearth_wire::tools::{QuotaPatch, ToolCreate};
use http::{Method, StatusCode};

use super::{begin_upload, compute_digest, push_blob, send_to_registry, sum_file_sizes};

/// Registry quota of the greedy tool.
const GREEDY_QUOTA_BYTES: u64 = 1 << 20;

async fn create_tool(hearth: &Hearth, operator: &Person, name: &str) -> Result<Client> {
    let owner = hearth.invite_person(operator, &format!("owner-of-{name}")).await?;
    owner.client.tools().create(&ToolCreate { name: name.parse()?, description: String::new() }).await?;
    hearth.client_with_token(&owner.create_token(&[]).await?)
}

async fn create_greedy_tool(hearth: &Hearth, operator: &Person) -> Result<Client> {
    let client = create_tool(hearth, operator, "greedy").await?;
    let patch = QuotaPatch {
        image_storage: Some(Some(Memory::from_bytes(GREEDY_QUOTA_BYTES))),
        ..QuotaPatch::default()
    };
    operator.client.tools().update_quota(&"greedy".parse()?, &patch).await?;
    Ok(client)
}

async fn registry_of_a_tool_ends_at_its_quota(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let greedy = create_greedy_tool(&hearth, &operator).await?;
    let modest = create_tool(&hearth, &operator, "modest").await?;
    let first = vec![1; 600_000];
    assert_eq!(push_blob(&greedy, "tool-greedy/web", first.clone()).await?.0, StatusCode::CREATED);
    // Finished and unfinished uploads count, in one request or in pieces, in any repository.
    let (status, code) = push_blob(&greedy, "tool-greedy/web", vec![2; 600_000]).await?;
    assert_eq!((status, code.as_str()), (StatusCode::FORBIDDEN, "DENIED"));
    for number in 0..20_u8 {
        let Ok(location) = begin_upload(&greedy, "tool-greedy/worker").await? else { break };
        for _ in 0..3 {
            let call = greedy.build_call(Method::PATCH, &location);
            send_to_registry(call.content_bytes("application/octet-stream", vec![number; 150_000])).await?;
        }
    }
    let blobs = hearth.state_folder().join("blobs/images");
    let stored = sum_file_sizes(&blobs);
    assert!(stored <= GREEDY_QUOTA_BYTES, "{stored} bytes are stored");

    assert_eq!(push_blob(&modest, "tool-modest/web", vec![3; 600_000]).await?.0, StatusCode::CREATED);
    let pull =
        greedy.build_call(Method::GET, &format!("/v2/tool-greedy/web/blobs/{}", compute_digest(&first)));
    assert_eq!(send_to_registry(pull).await?.0, StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn number_of_unfinished_uploads_of_a_tool_is_limited() -> Result<()> {
    let config = "[images]\ntool_uploads = 5\ntool_images = 3\n";
    let hearth = Hearth::start_with(HearthShape::TOGETHER_ON_FILES, config).await?;
    let operator = hearth.operator().await?;
    let greedy = create_tool(&hearth, &operator, "greedy").await?;
    let modest = create_tool(&hearth, &operator, "modest").await?;
    for _ in 0..5 {
        assert!(begin_upload(&greedy, "tool-greedy/web").await?.is_ok());
    }
    assert_eq!(begin_upload(&greedy, "tool-greedy/web").await?.err(), Some(StatusCode::FORBIDDEN));
    for name in ["a", "b", "c"] {
        assert!(begin_upload(&modest, &format!("tool-modest/{name}")).await?.is_ok());
    }
    assert_eq!(begin_upload(&modest, "tool-modest/d").await?.err(), Some(StatusCode::FORBIDDEN));
    Ok(())
}

in_every_shape!(registry_of_a_tool_ends_at_its_quota);
