//! Names of images that only repetitions of builds get.

use hearth_base::Result;
use hearth_testkit::{Hearth, HearthShape, TestImage};
use http::Method;

use super::{create_owner, send_and_read};

#[tokio::test]
async fn ordinary_push_to_the_name_of_a_repetition_is_denied() -> Result<()> {
    let hearth = Hearth::start(HearthShape::TOGETHER_ON_FILES).await?;
    let operator = hearth.operator().await?;
    let (owner, _) = create_owner(&hearth, &operator, "hello").await?;
    for (method, path) in [
        (Method::POST, "/v2/tool-hello/web.rebuilt/blobs/uploads/"),
        (Method::PUT, "/v2/tool-hello/web.rebuilt/manifests/latest"),
    ] {
        let (status, _, body) = send_and_read(owner.build_call(method, path)).await?;
        let text = String::from_utf8_lossy(&body);
        assert_eq!(status.as_u16(), 403, "{path}: {text}");
        assert!(text.contains("DENIED") && text.contains("hearth build reproduce"), "{path}: {text}");
    }
    // Names that only look alike stay free.
    let image = TestImage::from_busybox(&[])?;
    for name in ["tool-hello/web-rebuilt", "tool-hello/rebuilt"] {
        image.push(&owner, name, "latest").await?;
    }
    hearth.stop().await
}
