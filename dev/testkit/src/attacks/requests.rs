//! Requests that are sent again and again, at a bounded pace.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};

use super::AttackingAddress;

/// Connections over which the requests are sent.
const SENDER_COUNT: usize = 8;
/// Pause between two cheap requests of one connection: about 400 requests per second in all.
const REQUEST_INTERVAL: Duration = Duration::from_millis(20);
/// Pause between two sign-ins of one connection.
const SIGN_IN_INTERVAL: Duration = Duration::from_millis(100);
/// Pause between two bytes of a slow body.
const TRICKLE_INTERVAL: Duration = Duration::from_secs(1);
/// Longest wait for a response, which may be cut off.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends a byte per interval until the connection is closed.
pub async fn send_slowly(mut connection: TcpStream) {
    let mut ticks = interval(TRICKLE_INTERVAL);
    loop {
        ticks.tick().await;
        if connection.write_all(b" ").await.is_err() {
            return;
        }
    }
}

/// Begins requests without a credential.
pub fn begin_flood(address: AttackingAddress, tasks: &mut JoinSet<()>) {
    let request = || "GET /tools/v1/tools HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned();
    begin_requests(address, tasks, REQUEST_INTERVAL, request);
}

/// Begins requests with random tokens.
pub fn begin_token_guesses(address: AttackingAddress, tasks: &mut JoinSet<()>) {
    let request = || {
        let token = fastrand::u128(..);
        format!(
            "GET /accounts/v1/me HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer hearth_token_{token:032x}\r\n\r\n"
        )
    };
    begin_requests(address, tasks, REQUEST_INTERVAL, request);
}

/// Begins sign-ins of a user with wrong passwords.
pub fn begin_password_guesses(address: AttackingAddress, victim: &str, tasks: &mut JoinSet<()>) {
    let victim = victim.to_owned();
    let request = move || {
        let body = format!(r#"{{"name":"{victim}","password":"guess {:016x}"}}"#, fastrand::u64(..));
        format!(
            "POST /accounts/v1/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    begin_requests(address, tasks, SIGN_IN_INTERVAL, request);
}

fn begin_requests(
    address: AttackingAddress,
    tasks: &mut JoinSet<()>,
    pace: Duration,
    request: impl Fn() -> String + Clone + Send + Sync + 'static,
) {
    for _ in 0..SENDER_COUNT {
        let request = request.clone();
        tasks.spawn(async move {
            let mut ticks = interval(pace);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                let Ok(mut connection) = address.connect().await else {
                    ticks.tick().await;
                    continue;
                };
                // A closed connection is opened again.
                while send_and_read(&mut connection, &request()).await {
                    ticks.tick().await;
                }
            }
        });
    }
}

/// Sends a request and reads what arrives first. Returns false when the connection has ended.
async fn send_and_read(connection: &mut TcpStream, request: &str) -> bool {
    let mut response = [0; 16 << 10];
    let exchange = async {
        connection.write_all(request.as_bytes()).await?;
        connection.read(&mut response).await
    };
    matches!(timeout(RESPONSE_TIMEOUT, exchange).await, Ok(Ok(bytes)) if bytes > 0)
}
