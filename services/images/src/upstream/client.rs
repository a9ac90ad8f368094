//! Requests to upstreams, by the rules for outbound connections.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use hearth_base::{Error, Result};
use hearth_kit::outbound::{DocumentRequest, DocumentStream, FetchLimits, OutboundClient};
use jiff::Timestamp;

use super::{
    Upstream, UpstreamName, UpstreamRepository,
    answers::{build_status_error, build_unreachable_error},
    settings::may_carry_password,
    sign_in::{SignInChallenge, parse_challenge, parse_token},
};

/// Time within which an upstream must begin its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Limits of an answer of a token server.
const TOKEN_LIMITS: FetchLimits = FetchLimits { max_bytes: 64 << 10, timeout: ANSWER_TIMEOUT };
/// Number of sign-ins to remember.
const MAX_SIGN_INS: usize = 1000;

/// Client of the upstreams.
#[derive(Clone)]
pub struct UpstreamClient {
    outbound: OutboundClient,
    sign_ins: Arc<Mutex<BTreeMap<SignInKey, SignIn>>>,
}

type SignInKey = (UpstreamName, UpstreamRepository);

/// Header `Authorization` for a repository.
#[derive(Clone)]
struct SignIn {
    header: HeaderValue,
    valid_until: Timestamp,
}

/// Request for a resource of a repository.
pub struct UpstreamRequest<'a> {
    pub method: Method,
    pub repository: &'a UpstreamRepository,
    /// Path within the repository, such as `manifests/latest`.
    pub resource: String,
    /// Media types of the answer.
    pub accept: &'static str,
    /// Requested object, for errors: `image library/alpine:3`.
    pub wanted: String,
    /// Code of the error when the upstream does not have it.
    pub unknown_code: &'static str,
    pub limits: FetchLimits,
}

impl UpstreamClient {
    /// A client whose connections follow these rules.
    pub fn new(outbound: OutboundClient) -> Self {
        Self { outbound, sign_ins: Arc::default() }
    }

    /// Sends a request, and signs in where the upstream wants it. Returns an answer with the status 200.
    ///
    /// Errors: `request.unknown_code` (not found), `upstream-refused` (forbidden), `upstream-rate-limit` (exhausted),
    /// `upstream-unavailable`, `upstream-invalid` (unavailable), and those of [`OutboundClient::open_request`].
    pub async fn open_resource(
        &self,
        upstream: &Upstream<'_>,
        request: &UpstreamRequest<'_>,
        now: Timestamp,
    ) -> Result<DocumentStream> {
        let key = (upstream.name.clone(), request.repository.clone());
        let known = self.find_sign_in(&key, now);
        let mut answer = self.send_request(upstream, request, known).await?;
        if answer.status == StatusCode::UNAUTHORIZED
            && let Some(sign_in) = self.sign_in(upstream, request, &answer.headers, now).await?
        {
            answer = self.send_request(upstream, request, Some(sign_in.header.clone())).await?;
            self.remember_sign_in(key, sign_in);
        }
        match answer.status {
            StatusCode::OK => Ok(answer),
            status => {
                let reply = (status, &answer.headers);
                Err(build_status_error(upstream, &request.wanted, request.unknown_code, reply))
            }
        }
    }

    async fn send_request(
        &self,
        upstream: &Upstream<'_>,
        request: &UpstreamRequest<'_>,
        authorization: Option<HeaderValue>,
    ) -> Result<DocumentStream> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(request.accept));
        headers.extend(authorization.map(|value| (header::AUTHORIZATION, value)));
        let address = upstream.build_url(request.repository, &request.resource)?;
        let document = DocumentRequest { method: request.method.clone(), address, headers };
        self.send_document(upstream, document, request.limits).await
    }

    async fn send_document(
        &self,
        upstream: &Upstream<'_>,
        document: DocumentRequest,
        limits: FetchLimits,
    ) -> Result<DocumentStream> {
        let opening = tokio::time::timeout(ANSWER_TIMEOUT, self.outbound.open_request(document, limits));
        let late = |_| Error::unavailable("upstream-unavailable", "it does not answer in time");
        opening
            .await
            .map_err(late)
            .and_then(|opened| opened)
            .map_err(|cause| build_unreachable_error(upstream, cause))
    }

    /// Signs in; `None` when the upstream wants a password and there is none.
    async fn sign_in(
        &self,
        upstream: &Upstream<'_>,
        request: &UpstreamRequest<'_>,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Option<SignIn>> {
        let credential = upstream.read_credential()?;
        let basic =
            credential.map(|credential| build_header("Basic", credential.expose_secret())).transpose()?;
        let url = match parse_challenge(upstream, request.repository, headers)? {
            SignInChallenge::Basic => {
                return Ok(basic.map(|header| SignIn { header, valid_until: Timestamp::MAX }));
            }
            SignInChallenge::Token { url } => url,
        };
        let basic = basic.filter(|_| may_carry_password(&url));
        let mut document = DocumentRequest::get(url);
        document.headers.extend(basic.map(|value| (header::AUTHORIZATION, value)));
        let mut answer = self.send_document(upstream, document, TOKEN_LIMITS).await?;
        if answer.status != StatusCode::OK {
            let status = (answer.status, &answer.headers);
            return Err(build_status_error(upstream, &request.wanted, "upstream-refused", status));
        }
        let mut content = Vec::new();
        while let Some(chunk) = answer.next_chunk().await? {
            content.extend_from_slice(&chunk);
        }
        let token = parse_token(upstream, &content, now)?;
        Ok(Some(SignIn { header: build_header("Bearer", &token.text)?, valid_until: token.valid_until }))
    }

    fn find_sign_in(&self, key: &SignInKey, now: Timestamp) -> Option<HeaderValue> {
        let known = self.sign_ins.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).filter(|sign_in| sign_in.valid_until > now).map(|sign_in| sign_in.header.clone())
    }

    fn remember_sign_in(&self, key: SignInKey, sign_in: SignIn) {
        let mut known = self.sign_ins.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_SIGN_INS {
            known.clear();
        }
        known.insert(key, sign_in);
    }
}

/// Builds a header `Authorization` that logs do not print.
fn build_header(scheme: &str, credential: &str) -> Result<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("{scheme} {credential}")).map_err(Error::internal)?;
    header.set_sensitive(true);
    Ok(header)
}
