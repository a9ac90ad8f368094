//! The registry protocol, request by request (OCI distribution specification).

use base64::{Engine, engine::general_purpose::STANDARD};
use hearth_base::{Digest, Result};
use hearth_client::Client;
use hearth_testkit::{Hearth, TestImage, in_every_shape};
use hearth_wire::reply::Paging;
use http::{HeaderName, Method, StatusCode, header};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{create_owner, send_and_read, send_and_read_refusal};

const OCTET_STREAM: &str = "application/octet-stream";

fn compute_digest(content: &[u8]) -> Digest {
    Digest::new(Sha256::digest(content).into())
}

/// Starts an upload and returns its location.
async fn begin_upload(client: &Client, repository: &str) -> Result<String> {
    let (status, headers, _) =
        send_and_read(client.build_call(Method::POST, &format!("/v2/{repository}/blobs/uploads/"))).await?;
    assert_eq!(status, StatusCode::ACCEPTED);
    Ok(headers[header::LOCATION].to_str().unwrap().to_owned())
}

async fn unauthorized_clients_receive_the_token_address(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (_, token) = create_owner(&hearth, &operator, "hello").await?;
    let anonymous = hearth.anonymous()?;
    for path in ["/v2/", "/v2", "/v2/tool-hello/web/manifests/latest", "/v2/hearth/bookworm/tags/list"] {
        let (status, headers, body) = send_and_read(anonymous.build_call(Method::GET, path)).await?;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        let expected = format!("Bearer realm=\"{}/v2/token\",service=\"hearth\"", hearth.url());
        assert_eq!(headers[header::WWW_AUTHENTICATE], expected.as_str(), "{path}");
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["errors"][0]["code"], "UNAUTHORIZED", "{path}");
    }
    let basic = |secret: &str| format!("Basic {}", STANDARD.encode(format!("me:{secret}")));
    let token_path = "/v2/token?service=hearth&scope=repository:tool-hello/web:pull";
    let good = anonymous
        .build_call(Method::GET, token_path)
        .header(header::AUTHORIZATION, &basic(token.expose_secret()));
    let (status, headers, body) = send_and_read(good).await?;
    assert_eq!((status, headers[header::CACHE_CONTROL].to_str().unwrap()), (StatusCode::OK, "no-store"));
    let body: Value = serde_json::from_slice(&body).unwrap();
    let bearer = format!("Bearer {}", body["token"].as_str().unwrap());
    for authorization in [&bearer, &basic(token.expose_secret())] {
        let (status, _, _) = send_and_read(
            anonymous.build_call(Method::GET, "/v2/").header(header::AUTHORIZATION, authorization),
        )
        .await?;
        assert_eq!(status, StatusCode::OK);
    }
    for (name, authorization) in [
        (header::AUTHORIZATION, basic("hearth_token_wrong")),
        (header::COOKIE, format!("hearth_session={}", operator.session.expose_secret())),
        (header::ACCEPT, "*/*".to_owned()),
    ] {
        let (status, headers, _) =
            send_and_read(anonymous.build_call(Method::GET, token_path).header(name, &authorization)).await?;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(headers[header::WWW_AUTHENTICATE], "Basic realm=\"hearth\"");
    }
    Ok(())
}

async fn blob_is_uploaded_in_chunks_and_downloaded_in_ranges(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, _) = create_owner(&hearth, &operator, "hello").await?;
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let location = begin_upload(&owner, "tool-hello/web").await?;
    let (first, second) = content.split_at(2_000_000);
    let range = |text: &str| (header::CONTENT_RANGE, text.to_owned());
    let patch = |(name, value): (HeaderName, String), body: &[u8]| {
        owner
            .build_call(Method::PATCH, &location)
            .header(name, &value)
            .content_bytes(OCTET_STREAM, body.to_vec())
    };
    let (status, headers, _) = send_and_read(patch(range("0-1999999"), first)).await?;
    assert_eq!((status, headers[header::RANGE].to_str().unwrap()), (StatusCode::ACCEPTED, "0-1999999"));
    // A repeated chunk and a chunk with a gap are refused, and the upload is unchanged.
    for wrong in ["0-1999999", "2000001-3000000"] {
        assert_eq!(
            send_and_read_refusal(patch(range(wrong), second)).await?,
            (416, "BLOB_UPLOAD_INVALID".to_owned())
        );
    }
    let (status, headers, _) = send_and_read(owner.build_call(Method::GET, &location)).await?;
    assert_eq!((status, headers[header::RANGE].to_str().unwrap()), (StatusCode::NO_CONTENT, "0-1999999"));
    let last = owner.build_call(Method::PUT, &format!("{location}?digest={}", compute_digest(&content)));
    let (status, headers, _) = send_and_read(last.content_bytes(OCTET_STREAM, second.to_vec())).await?;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(
        send_and_read_refusal(owner.build_call(Method::GET, &location)).await?,
        (404, "BLOB_UPLOAD_UNKNOWN".to_owned())
    );

    let blob = headers[header::LOCATION].to_str().unwrap();
    let (status, headers, body) = send_and_read(owner.build_call(Method::HEAD, blob)).await?;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
    assert_eq!(headers[header::CONTENT_LENGTH], "3000000");
    let (_, _, body) = send_and_read(owner.build_call(Method::GET, blob)).await?;
    assert!(body == content);
    let range_request = owner.build_call(Method::GET, blob).header(header::RANGE, "bytes=1999999-2000001");
    let (status, headers, body) = send_and_read(range_request).await?;
    assert_eq!((status, &body[..]), (StatusCode::PARTIAL_CONTENT, &content[1_999_999..2_000_002]));
    assert_eq!(headers[header::CONTENT_RANGE], "bytes 1999999-2000001/3000000");
    let beyond = owner.build_call(Method::GET, blob).header(header::RANGE, "bytes=3000000-");
    assert_eq!(send_and_read(beyond).await?.0, StatusCode::RANGE_NOT_SATISFIABLE);
    Ok(())
}

async fn blob_is_uploaded_in_one_request_and_mounted_elsewhere(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, _) = create_owner(&hearth, &operator, "hello").await?;
    let (other, _) = create_owner(&hearth, &operator, "other").await?;
    let digest = compute_digest(b"hello");
    let whole = owner.build_call(Method::POST, &format!("/v2/tool-hello/one/blobs/uploads?digest={digest}"));
    assert_eq!(send_and_read(whole.content_bytes(OCTET_STREAM, "hello")).await?.0, StatusCode::CREATED);
    let mount =
        |client: &'static str| format!("/v2/{client}/blobs/uploads?mount={digest}&from=tool-hello/one");
    let own = owner.build_call(Method::POST, &mount("tool-hello/two"));
    assert_eq!(send_and_read(own).await?.0, StatusCode::CREATED);
    let (_, _, body) =
        send_and_read(owner.build_call(Method::GET, &format!("/v2/tool-hello/two/blobs/{digest}"))).await?;
    assert_eq!(body, b"hello");
    // A mount from an unreadable repository starts an upload instead, and creates no blob.
    let foreign = other.build_call(Method::POST, &mount("tool-other/two"));
    assert_eq!(send_and_read(foreign).await?.0, StatusCode::ACCEPTED);
    let unknown = other.build_call(Method::GET, &format!("/v2/tool-other/two/blobs/{digest}"));
    assert_eq!(send_and_read_refusal(unknown).await?, (404, "BLOB_UNKNOWN".to_owned()));
    Ok(())
}

async fn tags_are_listed_in_pages_and_deleted(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, _) = create_owner(&hearth, &operator, "hello").await?;
    let image = TestImage::from_busybox(&[])?;
    for tag in ["b", "a", "c"] {
        image.push(&owner, "tool-hello/web", tag).await?;
    }
    let page = async |path: &str| {
        let (status, headers, body) = send_and_read(owner.build_call(Method::GET, path)).await?;
        assert_eq!(status, StatusCode::OK, "{path}");
        let body: Value = serde_json::from_slice(&body).unwrap();
        let link = headers.get(header::LINK).map(|link| link.to_str().unwrap().to_owned());
        Ok::<_, hearth_base::Error>((body["tags"].clone(), link))
    };
    let (tags, link) = page("/v2/tool-hello/web/tags/list?n=2").await?;
    assert_eq!(tags, serde_json::json!(["a", "b"]));
    let next = "/v2/tool-hello/web/tags/list?n=2&last=b";
    assert_eq!(link.unwrap(), format!("<{next}>; rel=\"next\""));
    assert_eq!(page(next).await?, (serde_json::json!(["c"]), None));

    let (name, paging) = ("hello".parse()?, Paging::default());
    let tags = owner.images().list_tags(&name, "web", &paging).await?;
    assert_eq!(tags.items.iter().map(|tag| tag.tag.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    owner.images().delete_tag(&name, "web", "b").await?;
    assert_eq!(owner.images().list_tags(&name, "web", &paging).await?.items.len(), 2);
    let listed = owner.images().list(&name, &paging).await?.items;
    assert!(listed[0].size > 500_000, "{listed:?}");
    assert_eq!(operator.client.images().list_all(&paging).await?.items, listed);
    owner.images().delete(&name, "web").await?;
    assert_eq!(owner.images().list(&name, &paging).await?.items, []);
    Ok(())
}

in_every_shape!(
    unauthorized_clients_receive_the_token_address,
    blob_is_uploaded_in_chunks_and_downloaded_in_ranges,
    blob_is_uploaded_in_one_request_and_mounted_elsewhere,
    tags_are_listed_in_pages_and_deleted,
);
