//! The door's own page for a browser at `/`.

use axum::{
    extract::Request,
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use hearth_kit::{
    config::DoorSettings,
    html_page::{accepts_html, build_page_response, escape_html},
};

use crate::registry::client_base_url;

/// Answers a request whose path belongs to no service: a browser's visit of `/` gets the page, every other request 404.
pub fn answer_unknown_path(door: &DoorSettings, request: &Request) -> Response {
    let is_visit = matches!(*request.method(), Method::GET | Method::HEAD)
        && request.uri().path() == "/"
        && accepts_html(request);
    if !is_visit {
        return StatusCode::NOT_FOUND.into_response();
    }
    let url = client_base_url(door, request.headers());
    build_page_response(StatusCode::OK, "Hearth", &render_content(door, &url), None)
}

/// Renders the content. It names no tool: who may know of a tool is decided after the sign-in.
fn render_content(door: &DoorSettings, url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let port = rest.rsplit_once(':').map(|(_, port)| port).filter(|port| port.parse::<u16>().is_ok());
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let (url, domain) = (escape_html(url), escape_html(&door.domain));
    format!(
        "<p>People build, run and share tools here: web pages, bots and scheduled jobs.</p>
<p>The page of a tool is at <code>{scheme}://NAME.{domain}{port}</code>.</p>
<p>To sign in, or to join with an invitation code, run this in a terminal:</p>
<pre>hearth login {url}</pre>
<p class=\"muted\">Then <code>hearth new NAME</code> creates a tool, and <code>hearth deploy</code> publishes it. \
         Programs find the API in <a href=\"/openapi.json\">/openapi.json</a>.</p>"
    )
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::header};

    use super::*;

    fn answer_request(method: Method, path: &str, accept: &str) -> StatusCode {
        let request = Request::builder().method(method).uri(path).header(header::ACCEPT, accept);
        let request = request.body(Body::empty()).unwrap();
        answer_unknown_path(&DoorSettings::default(), &request).status()
    }

    #[test]
    fn front_page_is_only_for_browsers_at_the_root() {
        let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
        assert_eq!(answer_request(Method::GET, "/", browser), StatusCode::OK);
        assert_eq!(answer_request(Method::HEAD, "/", browser), StatusCode::OK);
        assert_eq!(answer_request(Method::GET, "/", "*/*"), StatusCode::NOT_FOUND);
        assert_eq!(answer_request(Method::GET, "/", "application/json"), StatusCode::NOT_FOUND);
        assert_eq!(answer_request(Method::POST, "/", browser), StatusCode::NOT_FOUND);
        assert_eq!(answer_request(Method::GET, "/nothing", browser), StatusCode::NOT_FOUND);
    }

    #[test]
    fn front_page_says_how_to_sign_in_and_where_tools_are() {
        let content = render_content(&DoorSettings::default(), "http://127.0.0.1:8080");
        assert!(content.contains("<pre>hearth login http://127.0.0.1:8080</pre>"), "{content}");
        assert!(content.contains("http://NAME.localhost:8080"), "{content}");
        let door = DoorSettings { domain: "tools.example".to_owned(), ..DoorSettings::default() };
        let content = render_content(&door, "https://hearth.example");
        assert!(content.contains("https://NAME.tools.example<"), "{content}");
    }
}
