//! Static pages: what browsers keep, and what is not served.

use std::{fs, path::Path};

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, HearthShape};
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use http_body_util::BodyExt;

use super::{Visitor, images::provide_images};

async fn fetch(
    visitor: &Visitor,
    path: &str,
    headers: &[(HeaderName, &str)],
) -> Result<(StatusCode, HeaderMap, String)> {
    let call = visitor.0.build_call(Method::GET, path).header(header::HOST, "page.localhost");
    let call = headers.iter().fold(call, |call, (name, value)| call.header(name.clone(), value));
    let (head, body) = call.send_raw().await?.into_parts();
    let content = body.collect().await.map_err(Error::internal)?.to_bytes();
    Ok((head.status, head.headers, String::from_utf8_lossy(&content).into_owned()))
}

fn write_files(folder: &Path, files: &[(&str, &str)]) -> Result<()> {
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).map_err(Error::internal)?;
        fs::write(path, text).map_err(Error::internal)?;
    }
    Ok(())
}

#[tokio::test]
async fn static_page_changes_with_its_content_and_hides_other_files() -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["builder", "static"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let visitor = Visitor::for_url(hearth.url())?;
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let files = [
        ("index.html", "<p>old</p>"),
        ("404.html", "<p>lost</p>"),
        (".hidden/key.txt", "secret"),
        (".well-known/security.txt", "contact"),
        ("files/a.txt", "0123456789"),
    ];
    write_files(folder.path(), &files)?;
    let deploy = async |words: &[&str]| {
        let printed = cli.run_in_folder(folder.path(), &[&["deploy"], words].concat()).await?;
        assert_eq!(printed.status, Some(0), "{printed:?}");
        Ok::<_, Error>(())
    };
    deploy(&["--new", "page"]).await?;

    for path in ["/.hidden/key.txt", "/%2ehidden/key.txt", "/hearth.yaml", "/files/", "/nothing"] {
        let (status, _, text) = fetch(&visitor, path, &[]).await?;
        assert_eq!((status, text.as_str()), (StatusCode::NOT_FOUND, "<p>lost</p>"), "{path}");
    }
    assert_eq!(fetch(&visitor, "/.well-known/security.txt", &[]).await?.2, "contact");
    let (status, headers, text) = fetch(&visitor, "/files/a.txt", &[(header::RANGE, "bytes=2-3")]).await?;
    assert_eq!((status, text.as_str()), (StatusCode::PARTIAL_CONTENT, "23"));
    assert_eq!(headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");

    let (_, headers, _) = fetch(&visitor, "/", &[]).await?;
    assert_eq!(headers[header::CACHE_CONTROL], "no-cache");
    let tag = headers[header::ETAG].to_str().unwrap().to_owned();
    let is_known = [(header::IF_NONE_MATCH, tag.as_str())];
    assert_eq!(fetch(&visitor, "/", &is_known).await?.0, StatusCode::NOT_MODIFIED);
    // The new content has the same length, and the browser also sends a time.
    write_files(folder.path(), &[("index.html", "<p>new</p>")])?;
    deploy(&[]).await?;
    let in_the_future = (header::IF_MODIFIED_SINCE, "Sun, 06 Nov 2094 08:49:37 GMT");
    let (status, _, text) = fetch(&visitor, "/", &[is_known[0].clone(), in_the_future]).await?;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "<p>new</p>"));
    hearth.stop().await
}
