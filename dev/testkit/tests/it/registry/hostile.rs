//! Malicious and malformed requests.

use hearth_base::Result;
use hearth_testkit::{Hearth, TestImage, in_every_shape};
use http::{Method, StatusCode};
use serde_json::json;

use super::{create_owner, send_and_read, send_and_read_refusal};

const MANIFEST_MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const HELLO_DIGEST: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

async fn names_that_contain_paths_are_refused(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, _) = create_owner(&hearth, &operator, "hello").await?;
    for name in ["..", "%2e%2e", "..%2f..%2fetc", "%2Fetc", "a%00b", "-x", "A", "web%2F..", "%C3%A4"] {
        let call = owner.build_call(Method::POST, &format!("/v2/tool-hello/{name}/blobs/uploads"));
        let (status, code) = send_and_read_refusal(call).await?;
        assert!(status == 400 && code == "NAME_INVALID", "{name}: {status} {code}");
    }
    for digest in ["sha256:..", "sha256:../../x", "md5:00", "sha256:2CF24D"] {
        let call = owner
            .build_call(Method::GET, &format!("/v2/tool-hello/web/blobs/{}", digest.replace('/', "%2F")));
        assert_eq!(send_and_read_refusal(call).await?, (400, "DIGEST_INVALID".to_owned()), "{digest}");
    }
    for space in ["tool-..", "tool-other", "tool-", "hearth%2f", "HEARTH", "library", "tool-hello%00"] {
        let call = owner.build_call(Method::GET, &format!("/v2/{space}/web/tags/list"));
        assert_eq!(send_and_read_refusal(call).await?, (403, "DENIED".to_owned()), "{space}");
    }
    let (status, _, _) = send_and_read(owner.build_call(Method::GET, "/v2/tool-hello/a/b/tags/list")).await?;
    assert_eq!(status, StatusCode::NOT_FOUND);
    Ok(())
}

async fn content_with_another_digest_is_refused(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, _) = create_owner(&hearth, &operator, "hello").await?;
    let call =
        owner.build_call(Method::POST, &format!("/v2/tool-hello/web/blobs/uploads?digest={HELLO_DIGEST}"));
    let wrong = call.content_bytes("application/octet-stream", "hullo");
    assert_eq!(send_and_read_refusal(wrong).await?, (400, "DIGEST_INVALID".to_owned()));
    let unknown = owner.build_call(Method::GET, &format!("/v2/tool-hello/web/blobs/{HELLO_DIGEST}"));
    assert_eq!(send_and_read_refusal(unknown).await?, (404, "BLOB_UNKNOWN".to_owned()));

    let put_manifest = |reference: &str, content: String| {
        let path = format!("/v2/tool-hello/web/manifests/{reference}");
        owner.build_call(Method::PUT, &path).content_bytes(MANIFEST_MEDIA_TYPE, content)
    };
    let descriptor = json!({"mediaType": "application/octet-stream", "size": 5, "digest": HELLO_DIGEST});
    let missing =
        json!({"schemaVersion": 2, "mediaType": MANIFEST_MEDIA_TYPE, "config": descriptor, "layers": []});
    assert_eq!(
        send_and_read_refusal(put_manifest("v1", missing.to_string())).await?,
        (404, "MANIFEST_BLOB_UNKNOWN".to_owned())
    );
    assert_eq!(
        send_and_read_refusal(put_manifest(HELLO_DIGEST, missing.to_string())).await?,
        (400, "DIGEST_INVALID".to_owned())
    );
    for content in ["", "{}", "[]", "not json", "{\"schemaVersion\": 1}"] {
        let (status, code) = send_and_read_refusal(put_manifest("v1", content.to_owned())).await?;
        assert_eq!((status, code.as_str()), (400, "MANIFEST_INVALID"), "{content}");
    }
    let huge = "x".repeat(5 << 20);
    assert_eq!(send_and_read_refusal(put_manifest("v1", huge)).await?, (413, "SIZE_INVALID".to_owned()));
    assert_eq!(
        send_and_read_refusal(put_manifest("..%2Fv1", "{}".to_owned())).await?,
        (400, "MANIFEST_INVALID".to_owned())
    );
    Ok(())
}

async fn blobs_above_the_configured_limit_are_refused(hearth: Hearth) -> Result<()> {
    drop(hearth);
    let shape = hearth_testkit::HearthShape::TOGETHER_ON_FILES;
    let hearth = Hearth::start_with(shape, "[images]\nblob_limit = 5000000\n").await?;
    let operator = hearth.operator().await?;
    let (owner, _) = create_owner(&hearth, &operator, "hello").await?;
    let path = "/v2/tool-hello/web/blobs/uploads";
    let send = |size: usize| {
        let call = owner.build_call(Method::POST, &format!("{path}?digest={HELLO_DIGEST}"));
        call.content_bytes("application/octet-stream", vec![0; size])
    };
    // The limit of blobs is larger than the default limit of bodies.
    assert_eq!(send_and_read_refusal(send(4_900_000)).await?, (400, "DIGEST_INVALID".to_owned()));
    assert_eq!(send_and_read_refusal(send(5_000_001)).await?, (413, "SIZE_INVALID".to_owned()));
    Ok(())
}

async fn viewer_can_pull_and_cannot_push(hearth: Hearth) -> Result<()> {
    use hearth_base::ToolRole;
    use hearth_wire::tools::MemberPut;
    let operator = hearth.operator().await?;
    let (owner, _) = create_owner(&hearth, &operator, "hello").await?;
    let viewer = hearth.invite_person(&operator, "viewer").await?;
    let put = MemberPut { role: ToolRole::Viewer };
    owner.tools().set_member(&"hello".parse()?, &viewer.name, &put).await?;
    viewer.client.accounts().accept_membership(&"hello".parse()?).await?;
    TestImage::from_busybox(&[])?.push(&owner, "tool-hello/web", "latest").await?;
    let path = "/v2/tool-hello/web/manifests/latest";
    assert_eq!(send_and_read(viewer.client.build_call(Method::GET, path)).await?.0, StatusCode::OK);
    for (method, path) in [
        (Method::DELETE, path),
        (Method::PUT, path),
        (Method::POST, "/v2/tool-hello/web/blobs/uploads"),
        (Method::POST, "/v2/hearth/bookworm/blobs/uploads"),
    ] {
        assert_eq!(
            send_and_read_refusal(viewer.client.build_call(method, path)).await?,
            (403, "DENIED".to_owned()),
            "{path}"
        );
    }
    Ok(())
}

in_every_shape!(
    names_that_contain_paths_are_refused,
    content_with_another_digest_is_refused,
    viewer_can_pull_and_cannot_push,
);

mod together_on_sqlite_limits {
    hearth_testkit::in_shape!(blobs_above_the_configured_limit_are_refused, TOGETHER_ON_FILES);
}
