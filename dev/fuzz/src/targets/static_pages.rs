//! Requests to the server of static pages: paths, ranges and conditions.
#![expect(clippy::panic, reason = "a panic is a finding")]

use std::{env, fs, os::unix::fs::symlink, path::PathBuf, process, sync::LazyLock};

use hearth_static_server::StaticSite;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;
use tokio::runtime::{Builder, Runtime};

use super::{decode_text, split_records};

/// Content of the files that the site must not show.
const HIDDEN_CONTENT: &str = "hidden-from-visitors";
/// Content of the page that requests ask parts of.
const PAGE_CONTENT: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

/// Headers of a request, in the order of the records.
const REQUEST_HEADERS: [HeaderName; 3] = [header::RANGE, header::IF_RANGE, header::IF_NONE_MATCH];

static TEST_SITE: LazyLock<(StaticSite, Runtime)> = LazyLock::new(|| {
    let folder = build_site_folder().unwrap_or_else(|error| panic!("the site cannot be made: {error}"));
    let site = StaticSite::open(&folder).unwrap_or_else(|error| panic!("the site cannot be opened: {error}"));
    let executor = Builder::new_current_thread().enable_all().build();
    (site, executor.unwrap_or_else(|error| panic!("the executor cannot be built: {error}")))
});

/// Builds a folder with a site, beside a file and a folder outside of it.
fn build_site_folder() -> std::io::Result<PathBuf> {
    let outside = env::temp_dir().join(format!("hearth-fuzz-static-{}", process::id()));
    let site = outside.join("site");
    for folder in ["docs", "a:b", ".git", ".well-known", "empty"] {
        fs::create_dir_all(site.join(folder))?;
    }
    for (name, content) in [
        ("index.html", PAGE_CONTENT),
        ("page.html", PAGE_CONTENT),
        ("docs/index.html", PAGE_CONTENT),
        ("a:b/index.html", PAGE_CONTENT),
        (".well-known/security.txt", PAGE_CONTENT),
        ("none.txt", ""),
        ("hearth.yaml", HIDDEN_CONTENT),
        (".git/config", HIDDEN_CONTENT),
        (".env", HIDDEN_CONTENT),
        ("docs/.hidden", HIDDEN_CONTENT),
        ("../secret", HIDDEN_CONTENT),
    ] {
        fs::write(site.join(name), content)?;
    }
    for (link, target) in [("out", "../secret"), ("up", ".."), ("docs/env", "../.env")] {
        let _exists = symlink(target, site.join(link));
    }
    Ok(site)
}

/// Input: the path with a query, and the headers `Range`, `If-Range` and `If-None-Match`; an empty one is omitted. A path that begins
/// with a question mark is requested with `HEAD`.
pub fn run_target(input: &[u8]) {
    let mut records = split_records(input);
    let path = decode_text(records.next());
    let (method, path) = match path.strip_prefix('?') {
        Some(path) => (Method::HEAD, path.to_owned()),
        None => (Method::GET, path),
    };
    let Ok(uri) = path.parse::<Uri>() else { return };
    let mut request = Request::new(());
    (*request.method_mut(), *request.uri_mut()) = (method.clone(), uri);
    for (name, value) in REQUEST_HEADERS.into_iter().zip(records) {
        if let Ok(value) = HeaderValue::from_bytes(value)
            && !value.is_empty()
        {
            request.headers_mut().insert(name, value);
        }
    }
    let (site, executor) = &*TEST_SITE;
    let (head, ()) = request.into_parts();
    let reply = executor.block_on(site.build_reply(&head));
    let (head, body) = reply.into_parts();
    let body = executor.block_on(body.collect()).map(http_body_util::Collected::to_bytes);
    let body = body.unwrap_or_else(|error| panic!("the body ended early: {error}"));
    check_reply(&method, &Response::from_parts(head, body.to_vec()));
}

fn check_reply(method: &Method, reply: &Response<Vec<u8>>) {
    let status = reply.status();
    let read = |name: HeaderName| {
        reply.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let body = String::from_utf8_lossy(reply.body());
    assert!(!body.contains(HIDDEN_CONTENT), "a hidden file is served");
    assert!([200, 206, 301, 304, 404, 416].contains(&status.as_u16()), "unexpected status {status}: {body}");
    if *method == Method::HEAD {
        assert!(body.is_empty(), "HEAD has a body");
    } else if let Ok(length) = read(header::CONTENT_LENGTH).parse::<usize>() {
        assert_eq!(length, body.len(), "Content-Length");
    }
    if status == StatusCode::PARTIAL_CONTENT {
        check_part(read(header::CONTENT_RANGE), (*method == Method::GET).then_some(&*body));
    }
    if status == StatusCode::MOVED_PERMANENTLY {
        let location =
            reply.headers().get(header::LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let location = location.unwrap_or_default();
        let first = location.split(['/', '?']).next().unwrap_or_default();
        assert!(!first.is_empty() && !first.contains(':'), "a redirect leads elsewhere: {location:?}");
    }
}

fn check_part(range: &str, body: Option<&str>) {
    let parts = range.strip_prefix("bytes ").and_then(|range| range.split_once('/'));
    let parts = parts.and_then(|(range, size)| {
        let (first, last) = range.split_once('-')?;
        Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?, size.parse::<usize>().ok()?))
    });
    let Some((first, last, size)) = parts else { panic!("invalid Content-Range: {range:?}") };
    assert!(first <= last && last < size, "{range:?}");
    assert_eq!(size, PAGE_CONTENT.len(), "{range:?}");
    if let Some(body) = body {
        assert_eq!(PAGE_CONTENT.get(first..=last), Some(body), "{range:?}");
    }
}
