//! Static pages: what browsers keep, and what is not served.

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, HearthShape};
use http::{StatusCode, header};

use super::{Visitor, images::provide_images, write_files};

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
        let (status, _, text) = visitor.fetch_page("page", path, &[]).await?;
        assert_eq!((status, text.as_str()), (StatusCode::NOT_FOUND, "<p>lost</p>"), "{path}");
    }
    assert_eq!(visitor.fetch_page("page", "/.well-known/security.txt", &[]).await?.2, "contact");
    let (status, headers, text) =
        visitor.fetch_page("page", "/files/a.txt", &[(header::RANGE, "bytes=2-3")]).await?;
    assert_eq!((status, text.as_str()), (StatusCode::PARTIAL_CONTENT, "23"));
    assert_eq!(headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");

    let (_, headers, _) = visitor.fetch_page("page", "/", &[]).await?;
    assert_eq!(headers[header::CACHE_CONTROL], "no-cache");
    let tag = headers[header::ETAG].to_str().unwrap().to_owned();
    let is_known = [(header::IF_NONE_MATCH, tag.as_str())];
    assert_eq!(visitor.fetch_page("page", "/", &is_known).await?.0, StatusCode::NOT_MODIFIED);
    // The new content has the same length, and the browser also sends a time.
    write_files(folder.path(), &[("index.html", "<p>new</p>")])?;
    deploy(&[]).await?;
    let in_the_future = (header::IF_MODIFIED_SINCE, "Sun, 06 Nov 2094 08:49:37 GMT");
    let (status, _, text) = visitor.fetch_page("page", "/", &[is_known[0].clone(), in_the_future]).await?;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "<p>new</p>"));
    hearth.stop().await
}
