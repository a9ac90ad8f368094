//! The protocol, request by request (OCI distribution specification).

use base64::{Engine, engine::general_purpose::STANDARD};
use hearth_base::{Digest, Result};
use hearth_client::Client;
use hearth_testkit::{Hearth, Image, in_every_shape};
use hearth_wire::reply::Paging;
use http::{HeaderName, Method, StatusCode, header};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{answer, owner_of, refusal};

const BYTES: &str = "application/octet-stream";

fn digest(content: &[u8]) -> Digest {
    Digest::new(Sha256::digest(content).into())
}

/// Begins an upload, and gives the place where it goes on.
async fn begin(client: &Client, repository: &str) -> Result<String> {
    let (status, headers, _) =
        answer(client.call(Method::POST, &format!("/v2/{repository}/blobs/uploads/"))).await?;
    assert_eq!(status, StatusCode::ACCEPTED);
    Ok(headers[header::LOCATION].to_str().unwrap().to_owned())
}

async fn clients_are_told_where_to_sign_in(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (_, token) = owner_of(&hearth, &operator, "hello").await?;
    let nobody = hearth.nobody()?;
    for path in ["/v2/", "/v2", "/v2/tool-hello/web/manifests/latest", "/v2/hearth/bookworm/tags/list"] {
        let (status, headers, body) = answer(nobody.call(Method::GET, path)).await?;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        let wanted = format!("Bearer realm=\"{}/v2/token\",service=\"hearth\"", hearth.url());
        assert_eq!(headers[header::WWW_AUTHENTICATE], wanted.as_str(), "{path}");
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["errors"][0]["code"], "UNAUTHORIZED", "{path}");
    }
    let basic = |secret: &str| format!("Basic {}", STANDARD.encode(format!("me:{secret}")));
    let at = "/v2/token?service=hearth&scope=repository:tool-hello/web:pull";
    let good = nobody.call(Method::GET, at).header(header::AUTHORIZATION, &basic(token.reveal()));
    let (status, headers, body) = answer(good).await?;
    assert_eq!((status, headers[header::CACHE_CONTROL].to_str().unwrap()), (StatusCode::OK, "no-store"));
    let body: Value = serde_json::from_slice(&body).unwrap();
    let bearer = format!("Bearer {}", body["token"].as_str().unwrap());
    for shown in [&bearer, &basic(token.reveal())] {
        let (status, _, _) =
            answer(nobody.call(Method::GET, "/v2/").header(header::AUTHORIZATION, shown)).await?;
        assert_eq!(status, StatusCode::OK);
    }
    for (name, shown) in [
        (header::AUTHORIZATION, basic("hearth_token_wrong")),
        (header::COOKIE, format!("hearth_session={}", operator.session.reveal())),
        (header::ACCEPT, "*/*".to_owned()),
    ] {
        let (status, headers, _) = answer(nobody.call(Method::GET, at).header(name, &shown)).await?;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(headers[header::WWW_AUTHENTICATE], "Basic realm=\"hearth\"");
    }
    Ok(())
}

async fn a_blob_comes_in_chunks_and_goes_out_in_parts(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, _) = owner_of(&hearth, &operator, "hello").await?;
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let place = begin(&owner, "tool-hello/web").await?;
    let (first, second) = content.split_at(2_000_000);
    let range = |text: &str| (header::CONTENT_RANGE, text.to_owned());
    let patch = |(name, value): (HeaderName, String), body: &[u8]| {
        owner.call(Method::PATCH, &place).header(name, &value).content(BYTES, body.to_vec())
    };
    let (status, headers, _) = answer(patch(range("0-1999999"), first)).await?;
    assert_eq!((status, headers[header::RANGE].to_str().unwrap()), (StatusCode::ACCEPTED, "0-1999999"));
    // Once more, and with a gap: refused, and nothing is lost.
    for wrong in ["0-1999999", "2000001-3000000"] {
        assert_eq!(refusal(patch(range(wrong), second)).await?, (416, "BLOB_UPLOAD_INVALID".to_owned()));
    }
    let (status, headers, _) = answer(owner.call(Method::GET, &place)).await?;
    assert_eq!((status, headers[header::RANGE].to_str().unwrap()), (StatusCode::NO_CONTENT, "0-1999999"));
    let last = owner.call(Method::PUT, &format!("{place}?digest={}", digest(&content)));
    let (status, headers, _) = answer(last.content(BYTES, second.to_vec())).await?;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(refusal(owner.call(Method::GET, &place)).await?, (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));

    let blob = headers[header::LOCATION].to_str().unwrap();
    let (status, headers, body) = answer(owner.call(Method::HEAD, blob)).await?;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
    assert_eq!(headers[header::CONTENT_LENGTH], "3000000");
    let (_, _, body) = answer(owner.call(Method::GET, blob)).await?;
    assert!(body == content);
    let part = owner.call(Method::GET, blob).header(header::RANGE, "bytes=1999999-2000001");
    let (status, headers, body) = answer(part).await?;
    assert_eq!((status, &body[..]), (StatusCode::PARTIAL_CONTENT, &content[1_999_999..2_000_002]));
    assert_eq!(headers[header::CONTENT_RANGE], "bytes 1999999-2000001/3000000");
    let beyond = owner.call(Method::GET, blob).header(header::RANGE, "bytes=3000000-");
    assert_eq!(answer(beyond).await?.0, StatusCode::RANGE_NOT_SATISFIABLE);
    Ok(())
}

async fn a_blob_in_one_request_is_mounted_elsewhere_without_another(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, _) = owner_of(&hearth, &operator, "hello").await?;
    let (other, _) = owner_of(&hearth, &operator, "other").await?;
    let known = digest(b"hello");
    let whole = owner.call(Method::POST, &format!("/v2/tool-hello/one/blobs/uploads?digest={known}"));
    assert_eq!(answer(whole.content(BYTES, "hello")).await?.0, StatusCode::CREATED);
    let mount =
        |client: &'static str| format!("/v2/{client}/blobs/uploads?mount={known}&from=tool-hello/one");
    let own = owner.call(Method::POST, &mount("tool-hello/two"));
    assert_eq!(answer(own).await?.0, StatusCode::CREATED);
    let (_, _, body) = answer(owner.call(Method::GET, &format!("/v2/tool-hello/two/blobs/{known}"))).await?;
    assert_eq!(body, b"hello");
    // Who may not read a repository cannot mount from it: an upload begins, and nothing is there.
    let foreign = other.call(Method::POST, &mount("tool-other/two"));
    assert_eq!(answer(foreign).await?.0, StatusCode::ACCEPTED);
    let unknown = other.call(Method::GET, &format!("/v2/tool-other/two/blobs/{known}"));
    assert_eq!(refusal(unknown).await?, (404, "BLOB_UNKNOWN".to_owned()));
    Ok(())
}

async fn tags_are_listed_in_pages_and_taken_away(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, _) = owner_of(&hearth, &operator, "hello").await?;
    let image = Image::busybox(&[])?;
    for tag in ["b", "a", "c"] {
        image.push(&owner, "tool-hello/web", tag).await?;
    }
    let page = async |path: &str| {
        let (status, headers, body) = answer(owner.call(Method::GET, path)).await?;
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
    let tags = owner.images().tags(&name, "web", &paging).await?;
    assert_eq!(tags.items.iter().map(|tag| tag.tag.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    owner.images().tag_delete(&name, "web", "b").await?;
    assert_eq!(owner.images().tags(&name, "web", &paging).await?.items.len(), 2);
    let listed = owner.images().list(&name, &paging).await?.items;
    assert!(listed[0].size > 500_000, "{listed:?}");
    assert_eq!(operator.client.images().list_all(&paging).await?.items, listed);
    owner.images().delete(&name, "web").await?;
    assert_eq!(owner.images().list(&name, &paging).await?.items, []);
    Ok(())
}

in_every_shape!(
    clients_are_told_where_to_sign_in,
    a_blob_comes_in_chunks_and_goes_out_in_parts,
    a_blob_in_one_request_is_mounted_elsewhere_without_another,
    tags_are_listed_in_pages_and_taken_away,
);
