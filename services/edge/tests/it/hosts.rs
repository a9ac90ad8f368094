//! Trust in forwarding headers, and hosts outside of tools.

use hearth_base::{Clock, Identity, Result, Role, SystemClock};

use crate::fixture::{EdgeFixture, build_hello_route, start_answering_instance};

const OK_RESPONSE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

#[tokio::test]
async fn forwarding_headers_count_from_the_gateway_and_trusted_proxies_only() -> Result<()> {
    let (target, requests) = start_answering_instance(OK_RESPONSE).await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    fixture.wait_for_page("hello").await?;
    let claim = "x-forwarded-for: 10.1.2.3\r\nx-forwarded-proto: https\r\n";
    let last = || requests.lock().unwrap().last().cloned().unwrap_or_default();

    fixture.get("hello", claim).await;
    assert!(last().contains("x-forwarded-for: 127.0.0.1\r\n"), "{}", last());
    assert!(last().contains("x-forwarded-proto: http\r\n"), "{}", last());

    let of =
        |audience| Identity::for_service(Role::Gateway, audience, SystemClock.now()).sign(&fixture.gateway);
    fixture.get("hello", &format!("{claim}x-hearth-identity: {}\r\n", of(Role::Accounts)?)).await;
    assert!(last().contains("x-forwarded-for: 127.0.0.1\r\n"), "{}", last());
    fixture.get("hello", &format!("{claim}x-hearth-identity: {}\r\n", of(Role::Edge)?)).await;
    assert!(last().contains("x-forwarded-for: 10.1.2.3\r\n"), "{}", last());
    assert!(last().contains("x-forwarded-proto: https\r\n"), "{}", last());
    assert!(!last().contains("x-hearth-identity"), "{}", last());

    let (target, requests) = start_answering_instance(OK_RESPONSE).await;
    let settings = "[door]\ntrusted_proxies = [\"127.0.0.1\"]";
    let fixture = EdgeFixture::start_with(build_hello_route(target), settings, true).await?;
    fixture.wait_for_page("hello").await?;
    fixture.get("hello", claim).await;
    let last = requests.lock().unwrap().last().cloned().unwrap_or_default();
    assert!(last.contains("x-forwarded-for: 10.1.2.3, 127.0.0.1\r\n"), "{last}");
    Ok(())
}

#[tokio::test]
async fn other_hosts_get_only_the_edges_own_endpoints() -> Result<()> {
    let (target, requests) = start_answering_instance(OK_RESPONSE).await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    fixture.wait_for_page("hello").await?;
    let before = requests.lock().unwrap().len();
    for host in ["localhost", "hello.example", "127.0.0.1", "hello.localhost.example"] {
        let answer = fixture
            .send_bytes(&format!(
                "GET /edge/v1/healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
            ))
            .await;
        assert!(answer.contains("{\"status\":\"OK\"}"), "{host}: {answer}");
    }
    assert_eq!(requests.lock().unwrap().len(), before);
    Ok(())
}
