//! What no honest client sends.

use hearth_base::Result;
use hearth_testkit::{Hearth, Image, in_every_shape};
use http::{Method, StatusCode};
use serde_json::json;

use super::{answer, owner_of, refusal};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const HELLO: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

async fn names_that_would_be_paths_are_no_names(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, _) = owner_of(&hearth, &operator, "hello").await?;
    for name in ["..", "%2e%2e", "..%2f..%2fetc", "%2Fetc", "a%00b", "-x", "A", "web%2F..", "%C3%A4"] {
        let call = owner.call(Method::POST, &format!("/v2/tool-hello/{name}/blobs/uploads"));
        let (status, code) = refusal(call).await?;
        assert!(status == 400 && code == "NAME_INVALID", "{name}: {status} {code}");
    }
    for digest in ["sha256:..", "sha256:../../x", "md5:00", "sha256:2CF24D"] {
        let call =
            owner.call(Method::GET, &format!("/v2/tool-hello/web/blobs/{}", digest.replace('/', "%2F")));
        assert_eq!(refusal(call).await?, (400, "DIGEST_INVALID".to_owned()), "{digest}");
    }
    for space in ["tool-..", "tool-other", "tool-", "hearth%2f", "HEARTH", "library", "tool-hello%00"] {
        let call = owner.call(Method::GET, &format!("/v2/{space}/web/tags/list"));
        assert_eq!(refusal(call).await?, (403, "DENIED".to_owned()), "{space}");
    }
    let (status, _, _) = answer(owner.call(Method::GET, "/v2/tool-hello/a/b/tags/list")).await?;
    assert_eq!(status, StatusCode::NOT_FOUND);
    Ok(())
}

async fn content_that_is_not_what_it_says_is_refused(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, _) = owner_of(&hearth, &operator, "hello").await?;
    let call = owner.call(Method::POST, &format!("/v2/tool-hello/web/blobs/uploads?digest={HELLO}"));
    let wrong = call.content("application/octet-stream", "hullo");
    assert_eq!(refusal(wrong).await?, (400, "DIGEST_INVALID".to_owned()));
    let unknown = owner.call(Method::GET, &format!("/v2/tool-hello/web/blobs/{HELLO}"));
    assert_eq!(refusal(unknown).await?, (404, "BLOB_UNKNOWN".to_owned()));

    let put = |reference: &str, content: String| {
        let path = format!("/v2/tool-hello/web/manifests/{reference}");
        owner.call(Method::PUT, &path).content(MANIFEST, content)
    };
    let descriptor = json!({"mediaType": "application/octet-stream", "size": 5, "digest": HELLO});
    let missing = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor, "layers": []});
    assert_eq!(refusal(put("v1", missing.to_string())).await?, (404, "MANIFEST_BLOB_UNKNOWN".to_owned()));
    assert_eq!(refusal(put(HELLO, missing.to_string())).await?, (400, "DIGEST_INVALID".to_owned()));
    for content in ["", "{}", "[]", "not json", "{\"schemaVersion\": 1}"] {
        let (status, code) = refusal(put("v1", content.to_owned())).await?;
        assert_eq!((status, code.as_str()), (400, "MANIFEST_INVALID"), "{content}");
    }
    let huge = "x".repeat(5 << 20);
    assert_eq!(refusal(put("v1", huge)).await?, (413, "SIZE_INVALID".to_owned()));
    assert_eq!(refusal(put("..%2Fv1", "{}".to_owned())).await?, (400, "MANIFEST_INVALID".to_owned()));
    Ok(())
}

async fn blobs_are_as_large_as_the_operator_allows(hearth: Hearth) -> Result<()> {
    drop(hearth);
    let shape = hearth_testkit::Shape::TOGETHER_ON_FILES;
    let hearth = Hearth::start_with(shape, "[images]\nblob_limit = 5000000\n").await?;
    let operator = hearth.operator().await?;
    let (owner, _) = owner_of(&hearth, &operator, "hello").await?;
    let path = "/v2/tool-hello/web/blobs/uploads";
    let send = |size: usize| {
        let call = owner.call(Method::POST, &format!("{path}?digest={HELLO}"));
        call.content("application/octet-stream", vec![0; size])
    };
    // Larger than any other request may be.
    assert_eq!(refusal(send(4_900_000)).await?, (400, "DIGEST_INVALID".to_owned()));
    assert_eq!(refusal(send(5_000_001)).await?, (413, "SIZE_INVALID".to_owned()));
    Ok(())
}

async fn a_viewer_pulls_and_does_not_push(hearth: Hearth) -> Result<()> {
    use hearth_base::ToolRole;
    use hearth_wire::tools::MemberPut;
    let operator = hearth.operator().await?;
    let (owner, _) = owner_of(&hearth, &operator, "hello").await?;
    let viewer = hearth.person(&operator, "viewer").await?;
    let put = MemberPut { role: ToolRole::Viewer };
    owner.tools().member_put(&"hello".parse()?, &viewer.name, &put).await?;
    Image::busybox(&[])?.push(&owner, "tool-hello/web", "latest").await?;
    let path = "/v2/tool-hello/web/manifests/latest";
    assert_eq!(answer(viewer.client.call(Method::GET, path)).await?.0, StatusCode::OK);
    for (method, path) in [
        (Method::DELETE, path),
        (Method::PUT, path),
        (Method::POST, "/v2/tool-hello/web/blobs/uploads"),
        (Method::POST, "/v2/hearth/bookworm/blobs/uploads"),
    ] {
        assert_eq!(refusal(viewer.client.call(method, path)).await?, (403, "DENIED".to_owned()), "{path}");
    }
    Ok(())
}

in_every_shape!(
    names_that_would_be_paths_are_no_names,
    content_that_is_not_what_it_says_is_refused,
    a_viewer_pulls_and_does_not_push,
);

mod together_on_sqlite_limits {
    hearth_testkit::in_shape!(blobs_are_as_large_as_the_operator_allows, TOGETHER_ON_FILES);
}
