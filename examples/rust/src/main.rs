//! One page.

use tiny_http::{Header, Response, Server};

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "8000".to_owned());
    let server = Server::http(format!("0.0.0.0:{port}"))?;
    println!("listening on port {port}");
    for request in server.incoming_requests() {
        let page = "<!doctype html><html><h1>hello from Rust</h1></html>";
        let html = Header::from_bytes("content-type", "text/html").map_err(|()| "invalid header")?;
        request.respond(Response::from_string(page).with_header(html))?;
    }
    Ok(())
}
