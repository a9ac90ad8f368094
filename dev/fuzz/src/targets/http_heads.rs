//! Heads of HTTP requests and answers, as the gateway and the edge process them.

use std::convert::Infallible;

use bytes::Bytes;
use hearth_edge::fuzzing::{clean_request, clean_response, is_unambiguous};
use hearth_gateway::fuzzing::find_target;
use hearth_kit::hosts;
use http::{HeaderMap, Request, Response, header};
use http_body_util::Empty;
use hyper::{body::Incoming, client, server, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// Size of the pipe in bytes: more than a head and its answer.
const PIPE_BYTES: usize = 1 << 20;

/// Input: the first byte selects a visitor's request or a tool's answer; the rest is its head.
pub fn run_target(input: &[u8]) {
    let Some((kind, head)) = input.split_first() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        let (mut peer, here) = duplex(PIPE_BYTES);
        if peer.write_all(head).await.is_err() || peer.shutdown().await.is_err() {
            return;
        }
        match kind % 2 {
            0 => serve_requests(peer, here).await,
            _ => receive_response(peer, here).await,
        }
    });
}

async fn serve_requests(mut peer: DuplexStream, here: DuplexStream) {
    let service = service_fn(async |request: Request<Incoming>| {
        check_request(request.into_parts().0);
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    let serving =
        server::conn::http1::Builder::new().half_close(true).serve_connection(TokioIo::new(here), service);
    let mut answers = Vec::new();
    // A connection error is no finding.
    let (_, _) = tokio::join!(serving, peer.read_to_end(&mut answers));
}

async fn receive_response(mut peer: DuplexStream, here: DuplexStream) {
    let Ok((mut sender, connection)) = client::conn::http1::handshake(TokioIo::new(here)).await else {
        return;
    };
    let asking = async move {
        if let Ok(answer) = sender.send_request(Request::new(Empty::<Bytes>::new())).await {
            let mut headers = answer.into_parts().0.headers;
            clean_response(&mut headers);
            assert_no_internal_headers(&headers);
            assert!(!shares_cookie(&headers), "a cookie of a tool belongs to its own host: {headers:?}");
            assert!(
                !sets_session_cookie(&headers),
                "a tool must not set Hearth's session cookie: {headers:?}"
            );
        }
        drop(sender);
    };
    let mut request = Vec::new();
    let (_, _, _) = tokio::join!(asking, connection, peer.read_to_end(&mut request));
}

fn check_request(mut request: http::request::Parts) {
    let headers = &mut request.headers;
    if let Ok(Some(host)) = hosts::read_host(&request.uri, headers) {
        assert!(!host.is_empty() && host == host.to_ascii_lowercase(), "{host:?}");
        assert!(!host.contains(['/', '@', ' ', '%']), "{host:?}");
    }
    if let Some((_, Some(tool))) = find_target(request.uri.path()) {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(tool.bytes().all(plain), "{tool:?}");
    }
    if is_unambiguous(request.version, headers) {
        let lengths = headers.get_all(header::CONTENT_LENGTH).iter().count();
        let encodings = headers.get_all(header::TRANSFER_ENCODING).iter().count();
        assert!(lengths + encodings <= 1, "{headers:?}");
    }
    clean_request(headers);
    assert_no_internal_headers(headers);
    let underscored = headers.keys().any(|name| name.as_str().contains('_'));
    assert!(!underscored, "a header with an underscore is forwarded: {headers:?}");
    for value in headers.get_all(header::COOKIE) {
        let cookies = value.as_bytes().to_ascii_lowercase();
        let mut names = cookies.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        assert!(!names.any(|pair| pair.starts_with(b"hearth_session=")), "{value:?}");
    }
    let once = headers.clone();
    clean_request(headers);
    assert_eq!(once, *headers, "cleaning is idempotent");
}

fn assert_no_internal_headers(headers: &HeaderMap) {
    let own = headers.keys().any(|name| name.as_str().starts_with("x-hearth-"));
    assert!(!own, "a header of Hearth is forwarded: {headers:?}");
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::PROXY_AUTHORIZATION]
    {
        assert!(!headers.contains_key(&name), "{name} is forwarded");
    }
}

fn sets_session_cookie(headers: &HeaderMap) -> bool {
    let mut values =
        headers.get_all(header::SET_COOKIE).iter().map(|value| value.as_bytes().to_ascii_lowercase());
    // A browser sends a cookie without a name as its value alone.
    let strip = |value: &[u8]| {
        let is_ignored = |byte: &u8| *byte == b'=' || byte.is_ascii_whitespace();
        let start = value.iter().position(|byte| !is_ignored(byte)).unwrap_or(value.len());
        value[start..].to_vec()
    };
    values.any(|value| strip(&value).starts_with(b"hearth_session="))
}

/// True when a cookie would also be sent to other hosts than the tool's own.
fn shares_cookie(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::SET_COOKIE).iter();
    let mut attributes = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b';').skip(1));
    attributes.any(|attribute| {
        let attribute = attribute.trim_ascii().to_ascii_lowercase();
        attribute.starts_with(b"domain=") && !attribute.ends_with(b"hello.localhost")
    })
}
