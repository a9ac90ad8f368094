//! Whose word counts about who visits.

use hearth_base::{Clock, Identity, Result, Role, SystemClock};

use crate::rig::{Rig, answering, hello};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

#[tokio::test]
async fn the_gateway_and_trusted_proxies_are_believed_and_nobody_else() -> Result<()> {
    let (target, asked) = answering(OK).await;
    let rig = Rig::start(hello(target)).await?;
    rig.knows("hello").await?;
    let claim = "x-forwarded-for: 10.1.2.3\r\nx-forwarded-proto: https\r\n";
    let last = || asked.lock().unwrap().last().cloned().unwrap_or_default();

    rig.get("hello", claim).await;
    assert!(last().contains("x-forwarded-for: 127.0.0.1\r\n"), "{}", last());
    assert!(last().contains("x-forwarded-proto: http\r\n"), "{}", last());

    let of = |audience| Identity::of_service(Role::Gateway, audience, SystemClock.now()).sign(&rig.gateway);
    rig.get("hello", &format!("{claim}x-hearth-identity: {}\r\n", of(Role::Accounts)?)).await;
    assert!(last().contains("x-forwarded-for: 127.0.0.1\r\n"), "{}", last());
    rig.get("hello", &format!("{claim}x-hearth-identity: {}\r\n", of(Role::Edge)?)).await;
    assert!(last().contains("x-forwarded-for: 10.1.2.3\r\n"), "{}", last());
    assert!(last().contains("x-forwarded-proto: https\r\n"), "{}", last());
    assert!(!last().contains("x-hearth-identity"), "{}", last());

    let (target, asked) = answering(OK).await;
    let settings = "[door]\ntrusted_proxies = [\"127.0.0.1\"]";
    let rig = Rig::start_with(hello(target), settings, true).await?;
    rig.knows("hello").await?;
    rig.get("hello", claim).await;
    let last = asked.lock().unwrap().last().cloned().unwrap_or_default();
    assert!(last.contains("x-forwarded-for: 10.1.2.3, 127.0.0.1\r\n"), "{last}");
    Ok(())
}

#[tokio::test]
async fn other_hosts_get_the_edges_own_endpoints_and_no_tool() -> Result<()> {
    let (target, asked) = answering(OK).await;
    let rig = Rig::start(hello(target)).await?;
    rig.knows("hello").await?;
    let before = asked.lock().unwrap().len();
    for host in ["localhost", "hello.example", "127.0.0.1", "hello.localhost.example"] {
        let answer = rig
            .say(&format!("GET /edge/v1/healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"))
            .await;
        assert!(answer.contains("{\"status\":\"OK\"}"), "{host}: {answer}");
    }
    assert_eq!(asked.lock().unwrap().len(), before);
    Ok(())
}
