//! Error pages for visitors: HTML for browsers, JSON or text for programs.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use hearth_kit::{
    html_page::{accepts_html, build_page_response, escape_html},
    server::SLOW_BODY_CODE,
};
use serde_json::json;

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

    /// Creates the page for a request whose body did not arrive in time.
    pub fn slow_body() -> Self {
        Self {
            status: StatusCode::REQUEST_TIMEOUT,
            code: SLOW_BODY_CODE,
            title: "Too slow",
            sentence: "The body of this request did not arrive in time.".to_owned(),
            next: "Send it again over a faster connection.",
            retry_after: None,
        }
    }

    /// Creates the page of a tool with the maximum of open visits.
    pub fn for_busy_tool(host: &str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "page-busy",
            title: "Busy",
            sentence: format!("The tool at {host} has too many visits at the same time."),
            next: "This page tries again by itself.",
            retry_after: Some(5),
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
            _ if accepts_html(request) => Self::Html,
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
    let ErrorPage { status, code, title, sentence, next, retry_after } = page;
    let mut response = match wants {
        PageFormat::Html => {
            let (sentence, next) = (escape_html(sentence), escape_html(next));
            let content =
                format!("<p><bdi>{sentence}</bdi></p>\n<p class=\"muted\">{next}</p>\n<small>{code}</small>");
            build_page_response(*status, title, &content, *retry_after)
        }
        PageFormat::Json => {
            let content = json!({"error": [sentence], "code": code, "help": next});
            build_plain_response(*status, "application/json", content.to_string())
        }
        PageFormat::Text => build_plain_response(
            *status,
            "text/plain; charset=utf-8",
            format!("{sentence} [{code}]\n{next}\n"),
        ),
    };
    let headers = response.headers_mut();
    // The edge removes this header from tools' responses, so it proves that the page is Hearth's.
    headers.insert(hearth_client::headers::ERROR_CODE_HEADER, HeaderValue::from_static(code));
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
    }
    response
}

fn build_plain_response(status: StatusCode, content_type: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    response
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

    #[tokio::test]
    async fn host_is_escaped_in_html() {
        let page = ErrorPage { sentence: "at <b>\"x\"&".to_owned(), ..ErrorPage::not_found("x") };
        let response = render_page(&page, PageFormat::Html);
        assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
        let content = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        assert!(String::from_utf8_lossy(&content).contains("&lt;b&gt;&quot;x&quot;&amp;"));
    }
}
