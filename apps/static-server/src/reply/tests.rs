//! The promises of the server, by requests to a site in a folder.

use std::{fs, os::unix::fs::symlink};

use http::{HeaderName, Request};

use super::*;

/// A site in a folder that is deleted with this value.
struct SiteFixture {
    folder: tempfile::TempDir,
    site: StaticSite,
}

/// A received reply.
struct ReceivedReply {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl ReceivedReply {
    fn read_header(&self, name: HeaderName) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

impl SiteFixture {
    fn with_files(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self { site: StaticSite::open(folder.path()).unwrap(), folder }
    }

    async fn request(&self, method: Method, path: &str, headers: &[(HeaderName, &str)]) -> ReceivedReply {
        let request = Request::builder().method(method).uri(path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, *value));
        let (head, body) =
            self.site.build_reply(&request.body(()).unwrap().into_parts().0).await.into_parts();
        let content = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&content).into_owned();
        ReceivedReply { status: head.status.as_u16(), headers: head.headers, text }
    }

    async fn get(&self, path: &str) -> ReceivedReply {
        self.request(Method::GET, path, &[]).await
    }
}

#[tokio::test]
async fn path_means_a_file_a_page_or_the_index_of_a_folder() {
    let site = SiteFixture::with_files(&[
        ("index.html", "top"),
        ("a/index.html", "folder"),
        ("b.html", "page"),
        ("c d.txt", "space"),
        ("empty/x.txt", "x"),
    ]);
    for (path, status, text) in [
        ("/", 200, "top"),
        ("/index.html", 200, "top"),
        ("/a/", 200, "folder"),
        ("/b", 200, "page"),
        ("/c%20d.txt", 200, "space"),
        ("/b.html?query=1", 200, "page"),
        ("/empty/", 404, "There is no page here.\n"),
        ("/empty", 404, "There is no page here.\n"),
        ("/d", 404, "There is no page here.\n"),
    ] {
        let reply = site.get(path).await;
        assert_eq!((reply.status, reply.text.as_str()), (status, text), "{path}");
    }
    let moved = site.get("/a?query=1").await;
    assert_eq!((moved.status, moved.read_header(header::LOCATION)), (301, "a/?query=1"));
}

#[tokio::test]
async fn hidden_and_foreign_files_are_not_served() {
    let outside = SiteFixture::with_files(&[("secret.txt", "secret")]);
    let site = SiteFixture::with_files(&[
        (".env", "secret"),
        (".git/config", "secret"),
        ("a/.hidden", "secret"),
        ("Procfile", "secret"),
        ("hearth.yaml", "secret"),
        ("a/hearth.yaml", "public"),
        (".well-known/security.txt", "public"),
        (".well-known/.x", "secret"),
    ]);
    let root = site.folder.path();
    symlink(outside.folder.path().join("secret.txt"), root.join("link.txt")).unwrap();
    symlink(root.join(".env"), root.join("settings.txt")).unwrap();
    symlink("a/hearth.yaml", root.join("inside.txt")).unwrap();
    let secret = outside.folder.path().join("secret.txt").display().to_string();
    for path in [
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/a/.hidden",
        "/Procfile",
        "/PROCFILE",
        "/hearth.yaml",
        "/.well-known/.x",
        "/a/../.env",
        "/a/%2e%2e/.env",
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc/passwd",
        "/link.txt",
        "/settings.txt",
        "/a/",
        "/a%00",
        &format!("/{secret}"),
    ] {
        let reply = site.get(path).await;
        assert_eq!((reply.status, reply.text.contains("secret")), (404, false), "{path}: {}", reply.text);
    }
    for path in ["/a/hearth.yaml", "/.well-known/security.txt", "/inside.txt"] {
        assert_eq!(site.get(path).await.text, "public", "{path}");
    }
}

#[tokio::test]
async fn redirect_to_a_folder_stays_on_the_site() {
    let site = SiteFixture::with_files(&[("a:b/index.html", "page"), ("docs/index.html", "page")]);
    for (path, location) in [("/docs?x=1", "docs/?x=1"), ("/a:b", "./a:b/"), ("//docs", "docs/")] {
        let reply = site.get(path).await;
        assert_eq!((reply.status, reply.read_header(header::LOCATION)), (301, location), "{path}");
    }
    let reply = site.get("/docs?x=\u{e4}").await;
    let location = reply.headers.get(header::LOCATION).map(HeaderValue::as_bytes);
    assert_eq!(location, Some("docs/?x=\u{e4}".as_bytes()));
}

#[tokio::test]
async fn missing_page_of_the_site_replaces_the_text() {
    let site = SiteFixture::with_files(&[("404.html", "<p>lost</p>")]);
    let reply = site.get("/nothing").await;
    assert_eq!((reply.status, reply.text.as_str()), (404, "<p>lost</p>"));
    assert_eq!(reply.read_header(header::CONTENT_TYPE), "text/html; charset=utf-8");
}

#[tokio::test]
async fn tag_follows_the_content_alone() {
    let site = SiteFixture::with_files(&[("a.txt", "old"), ("b.txt", "old")]);
    let first = site.get("/a.txt").await;
    let tag = first.read_header(header::ETAG).to_owned();
    assert_eq!(first.read_header(header::CACHE_CONTROL), "no-cache");
    assert_eq!(site.get("/b.txt").await.read_header(header::ETAG), tag);
    for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        let reply = site.request(Method::GET, "/a.txt", &[(header::IF_NONE_MATCH, &known)]).await;
        assert_eq!((reply.status, reply.text.as_str()), (304, ""), "{known}");
    }
    // The new content has the same length.
    fs::write(site.folder.path().join("a.txt"), "new").unwrap();
    let future = (header::IF_MODIFIED_SINCE, "Sun, 06 Nov 2094 08:49:37 GMT");
    let reply = site.request(Method::GET, "/a.txt", &[(header::IF_NONE_MATCH, &tag), future]).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, "new"));
    assert_ne!(reply.read_header(header::ETAG), tag);
}

#[tokio::test]
async fn one_range_is_served_and_others_are_the_whole_file() {
    let site = SiteFixture::with_files(&[("a.txt", "0123456789"), ("empty", "")]);
    for (range, status, text, content_range) in [
        ("bytes=2-3", 206, "23", "bytes 2-3/10"),
        ("bytes=8-", 206, "89", "bytes 8-9/10"),
        ("bytes=8-99", 206, "89", "bytes 8-9/10"),
        ("bytes=-3", 206, "789", "bytes 7-9/10"),
        ("bytes=-99", 206, "0123456789", "bytes 0-9/10"),
        ("bytes=10-", 416, "", "bytes */10"),
        ("bytes=-0", 416, "", "bytes */10"),
        ("bytes=3-2", 200, "0123456789", ""),
        ("bytes=0-1,4-5", 200, "0123456789", ""),
        ("bytes=-", 200, "0123456789", ""),
        ("lines=1-2", 200, "0123456789", ""),
    ] {
        let reply = site.request(Method::GET, "/a.txt", &[(header::RANGE, range)]).await;
        assert_eq!((reply.status, reply.text.as_str()), (status, text), "{range}");
        assert_eq!(reply.read_header(header::CONTENT_RANGE), content_range, "{range}");
    }
    assert_eq!(site.request(Method::GET, "/empty", &[(header::RANGE, "bytes=-1")]).await.status, 416);
    let range = (header::RANGE, "bytes=2-3");
    let old = site.request(Method::GET, "/a.txt", &[range.clone(), (header::IF_RANGE, "\"old\"")]).await;
    assert_eq!((old.status, old.text.as_str()), (200, "0123456789"));
    let tag = old.read_header(header::ETAG).to_owned();
    assert_eq!(site.request(Method::GET, "/a.txt", &[range, (header::IF_RANGE, &tag)]).await.status, 206);
}

#[tokio::test]
async fn head_has_the_headers_of_the_file_and_other_methods_are_refused() {
    let site = SiteFixture::with_files(&[("a.txt", "0123456789")]);
    let reply = site.request(Method::HEAD, "/a.txt", &[]).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, ""));
    assert_eq!(reply.read_header(header::CONTENT_LENGTH), "10");
    let refused = site.request(Method::POST, "/a.txt", &[]).await;
    assert_eq!((refused.status, refused.read_header(header::ALLOW)), (405, "GET, HEAD"));
}

#[tokio::test]
async fn long_file_is_served_whole() {
    let long = "0123456789abcde\n".repeat(20_000);
    let site = SiteFixture::with_files(&[("long.txt", &long)]);
    let reply = site.get("/long.txt").await;
    assert_eq!(reply.read_header(header::CONTENT_LENGTH), long.len().to_string());
    assert!(reply.text == long);
}
