//! Error pages for visitors: HTML for browsers, JSON or text for programs.

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

const PAGE_CSS: &str = include_str!("page.css");
const PAGE_HTML: &str = include_str!("page.html");

/// Content security policy: only the page's own style is allowed, by its hash.
static STYLE_POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(PAGE_CSS));
    let policy =
        format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; frame-ancestors 'none'");
    HeaderValue::try_from(policy).ok()
});

/// Error page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorPage {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    sentence: String,
    next: &'static str,
    /// Value of `Retry-After`, in seconds.
    retry_after: Option<u32>,
}

impl ErrorPage {
    /// Creates the page for a name without a tool.
    pub fn not_found(host: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "no-such-page",
            title: "No page here",
            sentence: format!("No tool has a page at {host}."),
            next: "Check the address. If the tool is yours: hearth deploy publishes its page.",
            retry_after: None,
        }
    }

    /// Creates the page of a stopped tool.
    pub fn for_stopped_tool(host: &str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "page-stopped",
            title: "Not running",
            sentence: format!("The tool at {host} is not running now."),
            next: "Try again later. If the tool is yours: hearth jobs list shows why.",
            retry_after: None,
        }
    }

    /// Creates the page of a starting tool.
    pub fn for_starting_tool(host: &str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "page-starting",
            title: "Starting",
            sentence: format!("The tool at {host} is starting."),
            next: "This page tries again by itself.",
            retry_after: Some(2),
        }
    }

    /// Creates the page for a refused or broken connection.
    pub fn no_answer(host: &str) -> Self {
        Self {
            status: StatusCode::BAD_GATEWAY,
            code: "page-no-answer",
            title: "No answer",
            sentence: format!("The tool at {host} is running, but refused or broke the connection."),
            next: "Try again in a moment. If the tool is yours: hearth jobs logs shows what it wrote.",
            retry_after: None,
        }
    }

    /// Creates the page for a response timeout.
    pub fn timed_out(host: &str) -> Self {
        Self {
            status: StatusCode::GATEWAY_TIMEOUT,
            code: "page-slow",
            title: "Too slow",
            sentence: format!("The tool at {host} did not respond in time."),
            next: "Try again in a moment. If the tool is yours: hearth jobs logs shows what it wrote.",
            retry_after: None,
        }
    }

    /// Creates the page for an ambiguous request.
    pub fn ambiguous_request() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "request-ambiguous",
            title: "Not understood",
            sentence: "This request can be read in more than one way.".to_owned(),
            next: "Send it with one Host, and with Content-Length or Transfer-Encoding: chunked, not both.",
            retry_after: None,
        }
    }
}

/// Format of an error page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageFormat {
    /// HTML.
    Html,
    /// JSON.
    Json,
    /// Plain text.
    Text,
}

impl PageFormat {
    /// Selects the format by the request's `Accept` header.
    pub fn from_request(request: &Request) -> Self {
        let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
        match accepts.unwrap_or_default() {
            accepts if accepts.contains("text/html") => Self::Html,
            accepts if accepts.contains("json") => Self::Json,
            _ => Self::Text,
        }
    }
}

/// Answers a request with an unreadable host.
pub fn answer_unreadable_host(request: &Request) -> Response {
    render_page(&ErrorPage::ambiguous_request(), PageFormat::from_request(request))
}

/// Renders the page as a response.
pub fn render_page(page: &ErrorPage, wants: PageFormat) -> Response {
    let ErrorPage { status, code, title, sentence, next, retry_after: again } = page;
    let (kind, content) = match wants {
        PageFormat::Html => {
            let refresh = again.map(|again| format!("<meta http-equiv=\"refresh\" content=\"{again}\">"));
            let content = PAGE_HTML
                .replace("{style}", PAGE_CSS)
                .replace("{refresh}", &refresh.unwrap_or_default())
                .replace("{title}", title)
                .replace("{next}", &escape_html(next))
                .replace("{code}", code)
                .replace("{sentence}", &escape_html(sentence));
            ("text/html; charset=utf-8", content)
        }
        PageFormat::Json => {
            let content = json!({"error": [sentence], "code": code, "help": next});
            ("application/json", content.to_string())
        }
        PageFormat::Text => ("text/plain; charset=utf-8", format!("{sentence} [{code}]\n{next}\n")),
    };
    let mut response = Response::new(Body::from(content));
    *response.status_mut() = *status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    // The edge removes this header from tools' responses, so it proves that the page is Hearth's.
    headers.insert(hearth_client::headers::ERROR_CODE_HEADER, HeaderValue::from_static(code));
    if let Some(policy) = STYLE_POLICY.as_ref().filter(|_| wants == PageFormat::Html) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    }
    if let Some(again) = again {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(*again));
    }
    response
}

/// Escapes text for HTML.
fn escape_html(text: &str) -> String {
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

    fn parse_format(accept: &'static str) -> PageFormat {
        let mut request = Request::new(Body::empty());
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static(accept));
        PageFormat::from_request(&request)
    }

    #[test]
    fn error_page_format_follows_the_accept_header() {
        assert_eq!(parse_format("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"), PageFormat::Html);
        assert_eq!(parse_format("application/json"), PageFormat::Json);
        assert_eq!(parse_format("*/*"), PageFormat::Text);
        assert_eq!(parse_format("text/plain"), PageFormat::Text);
    }

    #[test]
    fn host_is_escaped_in_html() {
        let page = ErrorPage { sentence: "at <b>\"x\"&".to_owned(), ..ErrorPage::not_found("x") };
        assert!(escape_html(&page.sentence).contains("&lt;b&gt;&quot;x&quot;&amp;"));
        let response = render_page(&page, PageFormat::Html);
        assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
    }

    #[test]
    fn error_page_template_is_complete_and_small() {
        for mark in ["{style}", "{refresh}", "{title}", "{next}", "{code}", "{sentence}"] {
            assert!(PAGE_HTML.contains(mark), "{mark}");
        }
        assert!(PAGE_HTML.len() + PAGE_CSS.len() < 4096);
    }
}
