//! One address holds many connections or sends many requests; the door answers it and all others.

use std::net::{IpAddr, Ipv4Addr};

use hearth_base::{Error, Result, Secret};
use hearth_testkit::{
    Hearth, HearthShape,
    attacks::{Attack, AttackingAddress},
};
use http::{Method, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Loopback address of the attacker.
const ATTACKER_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 99, 0, 1));
/// Loopback address of another client.
const OTHER_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 99, 0, 2));
/// Invalid credentials of one address per minute, in the tests of that limit.
const INVALID_CREDENTIAL_LIMIT: usize = 10;

/// Requests the health of the gateway from an address of the loopback interface.
async fn fetch_health(address: AttackingAddress) -> Result<String> {
    let mut connection = address.connect().await?;
    let request = b"GET /gateway/v1/healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    connection.write_all(request).await.map_err(Error::internal)?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.map_err(Error::internal)?;
    Ok(answer)
}

/// Attacks from one address, and expects that the door answers that address and another one.
async fn expect_answers_during(attack: Attack) -> Result<()> {
    let hearth = Hearth::start(HearthShape::TOGETHER_ON_FILES).await?;
    let attacker = AttackingAddress::new(&hearth, ATTACKER_ADDRESS)?;
    let other = AttackingAddress::new(&hearth, OTHER_ADDRESS)?;
    let running = attacker.begin(attack, "operator").await?;
    for address in [attacker, other] {
        let answer = fetch_health(address).await?;
        assert!(answer.starts_with("HTTP/1.1 200"), "{attack}: {answer}");
    }
    drop(running);
    hearth.stop().await
}

#[tokio::test]
async fn door_answers_while_one_address_holds_a_thousand_idle_connections() -> Result<()> {
    expect_answers_during(Attack::IdleConnections).await
}

#[tokio::test]
async fn door_answers_while_one_address_never_reads_its_responses() -> Result<()> {
    expect_answers_during(Attack::UnreadResponses).await
}

#[tokio::test]
async fn door_answers_while_one_address_sends_slow_bodies() -> Result<()> {
    expect_answers_during(Attack::SlowBodies).await
}

/// Neither by the API nor by the token flow of registry clients are random credentials looked up without a limit.
#[tokio::test]
async fn address_that_guesses_credentials_is_refused_before_they_are_looked_up() -> Result<()> {
    let settings = format!("[gateway]\ninvalid_credentials = {INVALID_CREDENTIAL_LIMIT}\n");
    let hearth = Hearth::start_with(HearthShape::TOGETHER_ON_FILES, &settings).await?;
    let operator = hearth.operator().await?;
    let token = hearth.client_with_token(&operator.create_token(&[]).await?)?;
    assert_eq!(token.build_call(Method::GET, "/v2/token").send_raw().await?.status(), StatusCode::OK);
    for number in 0..INVALID_CREDENTIAL_LIMIT {
        let guess = hearth.client_with_token(&Secret::new(format!("hearth_token_{number}")))?;
        let path = if number % 2 == 0 { "/accounts/v1/me" } else { "/v2/token" };
        let reply = guess.build_call(Method::GET, path).send_raw().await?;
        assert_eq!(reply.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    for path in ["/accounts/v1/me", "/v2/token"] {
        let guess = hearth.client_with_token(&Secret::new("hearth_token_one_more"))?;
        let reply = guess.build_call(Method::GET, path).send_raw().await?;
        assert_eq!(reply.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
        let policy = format!("\"credential\";q={INVALID_CREDENTIAL_LIMIT};w=60");
        assert_eq!(reply.headers()["ratelimit-policy"].to_str().unwrap(), policy);
        // A credential that was valid is looked up on, at the same address.
        assert_eq!(token.build_call(Method::GET, path).send_raw().await?.status(), StatusCode::OK, "{path}");
    }
    hearth.stop().await
}

#[tokio::test]
async fn token_flow_of_registry_clients_has_the_rates_of_other_requests() -> Result<()> {
    let settings = "[gateway]\ncaller_requests = 20\naddress_requests = 20\n";
    let hearth = Hearth::start_with(HearthShape::TOGETHER_ON_FILES, settings).await?;
    let operator = hearth.operator().await?;
    let token = hearth.client_with_token(&operator.create_token(&[]).await?)?;
    for client in [&hearth.anonymous()?, &token] {
        let mut statuses = Vec::new();
        for _ in 0..30 {
            statuses.push(client.build_call(Method::GET, "/v2/token").send_raw().await?.status());
        }
        assert_eq!(statuses.last(), Some(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
    }
    hearth.stop().await
}

#[tokio::test]
async fn caller_beyond_its_rate_is_refused_and_others_are_not() -> Result<()> {
    let settings = "[gateway]\ncaller_requests = 30\naddress_requests = 30\n";
    let hearth = Hearth::start_with(HearthShape::TOGETHER_ON_FILES, settings).await?;
    let operator = hearth.operator().await?;
    let ann = hearth.invite_person(&operator, "ann").await?;
    let token = hearth.client_with_token(&operator.create_token(&[]).await?)?;
    let anonymous = hearth.anonymous()?;
    for (client, name) in [(&anonymous, "address"), (&token, "caller")] {
        let mut refused = None;
        for _ in 0..60 {
            let reply = client.build_call(Method::GET, "/tools/v1/tools").send_raw().await?;
            let policy = reply.headers().get("ratelimit-policy").and_then(|value| value.to_str().ok());
            assert_eq!(policy, Some(format!("\"{name}\";q=30;w=60").as_str()));
            if reply.status() == StatusCode::TOO_MANY_REQUESTS {
                refused = Some(reply);
                break;
            }
        }
        let refused = refused.ok_or_else(|| Error::internal("no request exceeded the rate"))?;
        let limit = refused.headers()["ratelimit"].to_str().unwrap();
        assert!(limit.starts_with(&format!("\"{name}\";r=0;t=")), "{limit}");
        let pause: u64 = refused.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&pause), "{pause}");
    }
    // Another caller at the same address has a bucket of its own.
    let reply = ann.client.build_call(Method::GET, "/tools/v1/tools").send_raw().await?;
    assert_eq!(reply.status(), StatusCode::OK);
    hearth.stop().await
}
