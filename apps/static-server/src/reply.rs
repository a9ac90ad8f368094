//! Replies to requests (RFC 9110).

use std::{
    fs::File,
    io::{self, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts, response};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use tokio::io::AsyncReadExt;

use crate::{
    content::{ContentCache, ContentFacts, PIECE_BYTES, find_content_type},
    site::{SiteFolder, SitePage},
    write_log_line,
};

/// Page that replaces the text of replies without a file.
const MISSING_PAGE: &str = "/404.html";

/// Content of a reply.
pub type ReplyBody = UnsyncBoxBody<Bytes, io::Error>;

/// A site: its folder, and the contents that were served.
pub struct StaticSite {
    folder: SiteFolder,
    contents: Arc<ContentCache>,
}

/// An open file, with the facts of its content.
struct OpenedFile {
    path: PathBuf,
    file: File,
    size: u64,
    facts: ContentFacts,
}

/// Bytes of a file that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RequestedRange {
    Whole,
    /// First and last byte.
    Part(u64, u64),
    /// Outside of the file.
    Unsatisfiable,
}

impl StaticSite {
    /// Opens a folder.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self { folder: SiteFolder::open(folder)?, contents: Arc::default() })
    }

    /// The real path of the folder.
    pub fn folder_path(&self) -> &Path {
        self.folder.folder_path()
    }

    /// Replies to a request.
    pub async fn build_reply(&self, request: &Parts) -> Response<ReplyBody> {
        self.try_reply(request).await.unwrap_or_else(|error| {
            write_log_line(format_args!("{} cannot be served: {error}", request.uri));
            let text = "The page cannot be read.";
            build_text_reply(StatusCode::INTERNAL_SERVER_ERROR, text, request)
        })
    }

    async fn try_reply(&self, request: &Parts) -> io::Result<Response<ReplyBody>> {
        if ![Method::GET, Method::HEAD].contains(&request.method) {
            let text = "This page can only be read.";
            let mut reply = build_text_reply(StatusCode::METHOD_NOT_ALLOWED, text, request);
            reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Ok(reply);
        }
        let path = request.uri.path();
        match self.folder.find_page(path) {
            Some(SitePage::File(path)) => self.reply_with_file(path, StatusCode::OK, request).await,
            Some(SitePage::FolderWithoutSlash) => Ok(build_redirect(path, request)),
            None => match self.folder.find_page(MISSING_PAGE) {
                Some(SitePage::File(path)) => {
                    self.reply_with_file(path, StatusCode::NOT_FOUND, request).await
                }
                _ => {
                    let text = "There is no page here.";
                    Ok(build_text_reply(StatusCode::NOT_FOUND, text, request))
                }
            },
        }
    }

    async fn reply_with_file(
        &self,
        path: PathBuf,
        status: StatusCode,
        request: &Parts,
    ) -> io::Result<Response<ReplyBody>> {
        let contents = Arc::clone(&self.contents);
        let opened = tokio::task::spawn_blocking(move || OpenedFile::open(path, &contents)).await??;
        let reply = Response::builder()
            .header(header::ETAG, &opened.facts.tag)
            .header(header::CACHE_CONTROL, "no-cache")
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        if status != StatusCode::OK {
            return opened.send(reply.status(status), RequestedRange::Whole, request).await;
        }
        let reply = reply.header(header::ACCEPT_RANGES, "bytes");
        if is_known(&request.headers, &opened.facts.tag) {
            return finish_reply(reply.status(StatusCode::NOT_MODIFIED), build_empty_body());
        }
        let range = choose_range(&request.headers, &opened);
        opened.send(reply, range, request).await
    }
}

impl OpenedFile {
    fn open(path: PathBuf, contents: &ContentCache) -> io::Result<Self> {
        let mut file = File::open(&path)?;
        let facts = contents.read_facts(&path, &mut file)?;
        let size = file.metadata()?.len();
        Ok(Self { path, file, size, facts })
    }

    /// Sends the bytes of a range.
    async fn send(
        self,
        reply: response::Builder,
        range: RequestedRange,
        request: &Parts,
    ) -> io::Result<Response<ReplyBody>> {
        let Self { path, mut file, size, facts } = self;
        let (reply, first, count) = match range {
            RequestedRange::Unsatisfiable => {
                let reply = reply
                    .status(StatusCode::RANGE_NOT_SATISFIABLE)
                    .header(header::CONTENT_RANGE, format!("bytes */{size}"));
                return finish_reply(reply, build_empty_body());
            }
            RequestedRange::Whole => (reply, 0, size),
            RequestedRange::Part(first, last) => {
                let reply = reply
                    .status(StatusCode::PARTIAL_CONTENT)
                    .header(header::CONTENT_RANGE, format!("bytes {first}-{last}/{size}"));
                (reply, first, last - first + 1)
            }
        };
        let reply = reply
            .header(header::CONTENT_TYPE, find_content_type(&path, &facts))
            .header(header::CONTENT_LENGTH, count);
        if request.method == Method::HEAD {
            return finish_reply(reply, build_empty_body());
        }
        file.seek(SeekFrom::Start(first))?;
        finish_reply(reply, stream_file(tokio::fs::File::from_std(file), count))
    }
}

/// Streams the next bytes of a file.
fn stream_file(file: tokio::fs::File, count: u64) -> ReplyBody {
    let pieces = stream::try_unfold((file, count), |(mut file, rest)| async move {
        if rest == 0 {
            return Ok(None);
        }
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        let read = (&mut file).take(rest.min(PIECE_BYTES as u64)).read_buf(&mut piece).await?;
        if read == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        Ok(Some((Frame::data(Bytes::from(piece)), (file, rest - read as u64))))
    });
    BodyExt::boxed_unsync(StreamBody::new(pieces))
}

fn build_text_reply(status: StatusCode, text: &str, request: &Parts) -> Response<ReplyBody> {
    let text = format!("{text}\n");
    let mut reply = Response::new(build_empty_body());
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(text.len()));
    if request.method != Method::HEAD {
        *reply.body_mut() = Full::from(text).map_err(|never| match never {}).boxed_unsync();
    }
    reply
}

/// Redirects to the same path with a final slash, so that relative links in the page are right.
fn build_redirect(path: &str, request: &Parts) -> Response<ReplyBody> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let query = request.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    // A first segment with a colon would be read as a scheme (RFC 3986, section 4.2).
    let start = if name.contains(':') { "./" } else { "" };
    let location = format!("{start}{name}/{query}");
    let text = format!("moved to {location}");
    let mut reply = build_text_reply(StatusCode::MOVED_PERMANENTLY, &text, request);
    // The parts of an address are valid in a header; a query may have bytes that are not ASCII.
    if let Ok(location) = HeaderValue::from_bytes(location.as_bytes()) {
        reply.headers_mut().insert(header::LOCATION, location);
    }
    reply
}

fn build_empty_body() -> ReplyBody {
    Full::default().map_err(|never| match never {}).boxed_unsync()
}

fn finish_reply(reply: response::Builder, body: ReplyBody) -> io::Result<Response<ReplyBody>> {
    reply.body(body).map_err(io::Error::other)
}

/// True when the browser already has the content with this tag. `If-None-Match` has precedence over times.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH);
    known.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|entry| {
        let entry = entry.trim();
        entry == "*" || entry.strip_prefix("W/").unwrap_or(entry) == tag
    })
}

fn choose_range(headers: &HeaderMap, file: &OpenedFile) -> RequestedRange {
    let read = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    match (read(header::RANGE), read(header::IF_RANGE)) {
        (Some(_), Some(condition)) if condition != file.facts.tag => RequestedRange::Whole,
        (Some(range), _) => parse_range(range, file.size),
        (None, _) => RequestedRange::Whole,
    }
}

/// Parses a range of bytes (RFC 9110, 14.1.2). Anything but one valid range means the whole file.
fn parse_range(text: &str, size: u64) -> RequestedRange {
    let whole = RequestedRange::Whole;
    let Some((first, last)) = text.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return whole;
    };
    let parse = |text: &str| match text {
        "" => Some(None),
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse::<u64>().ok().map(Some),
        _ => None,
    };
    match (parse(first), parse(last)) {
        (Some(None), Some(Some(0))) => RequestedRange::Unsatisfiable,
        (Some(None), Some(Some(_))) if size == 0 => RequestedRange::Unsatisfiable,
        (Some(None), Some(Some(count))) => RequestedRange::Part(size.saturating_sub(count), size - 1),
        (Some(Some(first)), Some(Some(last))) if last < first => whole,
        (Some(Some(first)), Some(_)) if first >= size => RequestedRange::Unsatisfiable,
        (Some(Some(first)), Some(last)) => {
            RequestedRange::Part(first, last.unwrap_or(u64::MAX).min(size - 1))
        }
        _ => whole,
    }
}

#[cfg(test)]
mod tests;
