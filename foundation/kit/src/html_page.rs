//! HTML pages of Hearth itself: one small layout, no script, and a policy that allows nothing else.

use std::sync::LazyLock;

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

const PAGE_CSS: &str = include_str!("page.css");
const PAGE_HTML: &str = include_str!("page.html");

/// Content security policy: only the page's own style is allowed, by its hash.
static STYLE_POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(PAGE_CSS));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).ok()
});

/// True when the client of a request is a browser that shows a page: it accepts HTML.
pub fn accepts_html(request: &Request) -> bool {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// Builds the response with a page. `content` is HTML, whose texts were escaped with [`escape_html`]. With
/// `refresh_seconds` the browser loads the page again.
pub fn build_page_response(
    status: StatusCode,
    title: &str,
    content: &str,
    refresh_seconds: Option<u32>,
) -> Response {
    let refresh = refresh_seconds
        .map(|seconds| format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">"))
        .unwrap_or_default();
    // The content comes last: marks of the template within it are not replaced.
    let text = PAGE_HTML
        .replace("{style}", PAGE_CSS)
        .replace("{refresh}", &refresh)
        .replace("{title}", &escape_html(title))
        .replace("{content}", content);
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if let Some(policy) = STYLE_POLICY.as_ref() {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    }
    response
}

/// Escapes text for HTML.
pub fn escape_html(text: &str) -> String {
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

    #[test]
    fn text_is_escaped_in_html() {
        assert_eq!(escape_html("at <b>\"x\"&"), "at &lt;b&gt;&quot;x&quot;&amp;");
        let response = build_page_response(StatusCode::OK, "<x>", "", None);
        assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
    }

    #[test]
    fn page_template_is_complete_and_small() {
        for mark in ["{style}", "{refresh}", "{title}", "{content}"] {
            assert!(PAGE_HTML.contains(mark), "{mark}");
        }
        assert!(PAGE_HTML.len() + PAGE_CSS.len() < 4096);
    }
}
