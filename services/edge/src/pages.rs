//! What a visitor is told when no tool answers: a page for people, a line for programs.

use std::sync::LazyLock;

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("page.css");
const PAGE: &str = include_str!("page.html");

/// Nothing but the page's own style, by its hash.
static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy =
        format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; frame-ancestors 'none'");
    HeaderValue::try_from(policy).ok()
});

/// What a visitor is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    sentence: String,
    next: &'static str,
    /// After how many seconds it is worth trying again.
    again: Option<u32>,
}

impl Page {
    /// No tool has a page of this name.
    pub fn nothing(host: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "no-such-page",
            title: "No page here",
            sentence: format!("No tool has a page at {host}."),
            next: "Check the address. If the tool is yours: hearth deploy brings its page up.",
            again: None,
        }
    }

    /// The tool has one that does not run.
    pub fn stopped(host: &str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "page-stopped",
            title: "Not running",
            sentence: format!("The tool at {host} is not running now."),
            next: "Try again later. If the tool is yours: hearth jobs list tells why.",
            again: None,
        }
    }

    /// It will run in a moment.
    pub fn starting(host: &str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "page-starting",
            title: "Starting",
            sentence: format!("The tool at {host} is just starting."),
            next: "This page tries again by itself.",
            again: Some(2),
        }
    }

    /// It runs, and does not take requests or breaks off.
    pub fn no_answer(host: &str) -> Self {
        Self {
            status: StatusCode::BAD_GATEWAY,
            code: "page-no-answer",
            title: "No answer",
            sentence: format!("The tool at {host} runs, but broke off or took no request."),
            next: "Try again in a moment. If the tool is yours: hearth jobs logs shows what it wrote.",
            again: None,
        }
    }

    /// It runs, and is too slow.
    pub fn slow(host: &str) -> Self {
        Self {
            status: StatusCode::GATEWAY_TIMEOUT,
            code: "page-slow",
            title: "Too slow",
            sentence: format!("The tool at {host} did not answer in time."),
            next: "Try again in a moment. If the tool is yours: hearth jobs logs shows what it wrote.",
            again: None,
        }
    }

    /// The request could be read in two ways.
    pub fn ambiguous() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "request-ambiguous",
            title: "Not understood",
            sentence: "This request can be read in more than one way.".to_owned(),
            next: "Send it with one Host, and with Content-Length or Transfer-Encoding: chunked, not both.",
            again: None,
        }
    }
}

/// The form in which a visitor wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// A page.
    Html,
    /// A JSON object.
    Json,
    /// A line of text.
    Text,
}

impl Wants {
    /// What the request says of it.
    pub fn of(request: &Request) -> Self {
        let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
        match accepts.unwrap_or_default() {
            accepts if accepts.contains("text/html") => Self::Html,
            accepts if accepts.contains("json") => Self::Json,
            _ => Self::Text,
        }
    }
}

/// A request whose host cannot be read.
pub fn unreadable(request: &Request) -> Response {
    render(&Page::ambiguous(), Wants::of(request))
}

/// The answer that tells it.
pub fn render(page: &Page, wants: Wants) -> Response {
    let Page { status, code, title, sentence, next, again } = page;
    let (kind, content) = match wants {
        Wants::Html => {
            let refresh = again.map(|again| format!("<meta http-equiv=\"refresh\" content=\"{again}\">"));
            let content = PAGE
                .replace("{style}", STYLE)
                .replace("{refresh}", &refresh.unwrap_or_default())
                .replace("{title}", title)
                .replace("{next}", &escape(next))
                .replace("{code}", code)
                .replace("{sentence}", &escape(sentence));
            ("text/html; charset=utf-8", content)
        }
        Wants::Json => {
            let content = json!({"error": [sentence], "code": code, "help": next});
            ("application/json", content.to_string())
        }
        Wants::Text => ("text/plain; charset=utf-8", format!("{sentence} [{code}]\n{next}\n")),
    };
    let mut response = Response::new(Body::from(content));
    *response.status_mut() = *status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    // Which no tool's page can carry.
    headers.insert(hearth_client::headers::CODE, HeaderValue::from_static(code));
    if let Some(policy) = POLICY.as_ref().filter(|_| wants == Wants::Html) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    }
    if let Some(again) = again {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(*again));
    }
    response
}

/// Text as HTML's.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(accept: &'static str) -> Wants {
        let mut request = Request::new(Body::empty());
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static(accept));
        Wants::of(&request)
    }

    #[test]
    fn people_get_a_page_and_programs_a_line() {
        assert_eq!(wants("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"), Wants::Html);
        assert_eq!(wants("application/json"), Wants::Json);
        assert_eq!(wants("*/*"), Wants::Text);
        assert_eq!(wants("text/plain"), Wants::Text);
    }

    #[test]
    fn a_host_is_text_on_the_page() {
        let page = Page { sentence: "at <b>\"x\"&".to_owned(), ..Page::nothing("x") };
        assert!(escape(&page.sentence).contains("&lt;b&gt;&quot;x&quot;&amp;"));
        let response = render(&page, Wants::Html);
        assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
    }

    #[test]
    fn the_page_is_whole_and_small() {
        for mark in ["{style}", "{refresh}", "{title}", "{next}", "{code}", "{sentence}"] {
            assert!(PAGE.contains(mark), "{mark}");
        }
        assert!(PAGE.len() + STYLE.len() < 4096);
    }
}
