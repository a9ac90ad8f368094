//! Tests of network isolation: a tool reaches its own jobs, the DNS server and `hearth.internal`; the host
//! reaches all tools; all other connections are blocked.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use hearth_runtime_api::{Phase, Workload, conformance::Bench};

use crate::{escape::build_shell_run, fixture::RuntimeFixture};

/// Starts a job `web` that sends `hello` to each connection, and returns it with its address.
pub async fn start_web_job(bench: &Bench, tool: hearth_base::ToolId) -> (Workload, Ipv4Addr) {
    let mut workload = build_shell_run(bench, "while :; do echo hello | nc -l -p 8080; done");
    workload.owner = tool.into();
    workload.network.name = Some("web".parse().expect("a name"));
    workload.network.tool = Some("dup-finder".parse().expect("a name"));
    bench.start_instances(&workload, 1).await;
    let state = bench.wait_for_state(workload.id(), |state| state.running_instances().count() == 1).await;
    let Phase::Running { address: Some(address), .. } = state.instances[0].phase else { panic!("{state:?}") };
    bench.wait_until("the host reaches it", || async move { read_hello(address).is_some() }).await;
    (workload, address)
}

fn read_hello(address: Ipv4Addr) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&(address, 8080).into(), Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    let mut text = [0; 5];
    stream.read_exact(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// Listens on a port of the host and sends `text` to each connection.
pub fn serve_text(address: &str, text: &'static str) -> u16 {
    serve_text_at((address, 0), text)
}

fn serve_text_at(place: impl ToSocketAddrs, text: &'static str) -> u16 {
    let listener = TcpListener::bind(place).expect("a port of the host");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        listener.incoming().flatten().for_each(|mut visitor| drop(visitor.write_all(text.as_bytes())))
    });
    port
}

/// Lists the bridges of a fixture's tools.
fn list_bridges(fixture: &RuntimeFixture) -> Vec<PathBuf> {
    let own = format!("h{}t", fixture.instance_name());
    let links = std::fs::read_dir("/sys/class/net").expect("links").filter_map(Result::ok);
    links
        .filter(|link| link.file_name().to_string_lossy().starts_with(&own))
        .map(|link| link.path())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_reaches_its_own_jobs_by_name() {
    let (bench, _rig) = RuntimeFixture::start_bench().await;
    let (_, address) = start_web_job(&bench, bench.tool).await;
    // The other job is a loop of one-shot listeners: between two of them a connection may be refused, or
    // accepted and not answered.
    let reach = "for name in web web.tool-dup-finder.svc.cluster.local; do for i in 1 2 3 4 5; do nc -w 2 $name 8080 < /dev/null 2> /dev/null | grep . && break; sleep 0.1; done; done";
    assert_eq!(bench.run_for_lines(&build_shell_run(&bench, reach)).await, ["hello", "hello"]);
    let names = "nslookup -type=a web | grep Address | tail -1; nslookup -type=a hearth.internal | grep Address | tail -1; nslookup -type=a nobody >/dev/null || echo none";
    let lines = bench.run_for_lines(&build_shell_run(&bench, names)).await;
    assert!(lines[0].contains(&address.to_string()), "{lines:?}");
    let [a, b, ..] = address.octets();
    assert!(lines[1].contains(&format!("{a}.{b}.0.1")), "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("none"));
    bench.close().await;
}

/// The DNS server reads the changing table for each query.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dns_queries_are_answered_while_containers_start_and_end() {
    let (bench, _rig) = RuntimeFixture::start_bench().await;
    let ask = "i=0; while [ $i -lt 400 ]; do nslookup -type=a hearth.internal | grep -q '^Address: 10.*0.1$' || echo lost; i=$((i+1)); done; echo asked";
    let asking = build_shell_run(&bench, ask);
    bench.start_instances(&asking, 1).await;
    for _ in 0..8 {
        let script = build_shell_run(&bench, "exit 0");
        bench.run_to_end(&script).await;
    }
    assert_eq!(bench.run_for_lines(&asking).await, ["asked"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_reach_neither_each_other_nor_the_host() {
    let (bench, _rig) = RuntimeFixture::start_bench().await;
    let (_, address) = start_web_job(&bench, Bench::new_tool()).await;
    let port = serve_text("0.0.0.0", "inner\n");
    let [a, b, c, d] = address.octets();
    let gate = d & 128 | 1;
    // The DNS server has another address; this listener on port 53 belongs to the host.
    serve_text_at((Ipv4Addr::new(a, b, c, gate), 53), "inner\n");
    let script = format!(
        "gateway=$(ip route | grep default | cut -d' ' -f3); \
         nc -w 1 {address} 8080 </dev/null || echo apart; nc -w 1 web 8080 </dev/null || echo unnamed; \
         nc -w 1 $gateway {port} </dev/null || echo no-gateway; \
         nc -w 1 {a}.{b}.{c}.{gate} {port} </dev/null || echo not-its-gateway; nc -w 1 {a}.{b}.{c}.{gate} 53 </dev/null || echo nor-its-names; nc -w 1 {a}.{b}.0.1 {port} </dev/null || echo no-door; \
         nc -w 1 169.254.169.254 80 </dev/null || echo no-link-local; nc -w 1 127.0.0.1 {port} </dev/null || echo own-loopback",
    );
    let lines = bench.run_for_lines(&build_shell_run(&bench, &format!("({script}) 2>/dev/null"))).await;
    assert_eq!(
        lines,
        [
            "apart",
            "unnamed",
            "no-gateway",
            "not-its-gateway",
            "nor-its-names",
            "no-door",
            "no-link-local",
            "own-loopback"
        ]
    );
    bench.close().await;
}

/// Otherwise containers with an old ARP entry would not reach the next container with the same address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_always_has_the_same_hardware_address() {
    let (bench, _rig) = RuntimeFixture::start_bench().await;
    let (_, neighbour) = start_web_job(&bench, bench.tool).await;
    let script =
        "ip -4 -o address show eth0 | grep -o '[0-9.]*/' | head -1; ip link show eth0 | grep -o '02:68[^ ]*'";
    for _ in 0..2 {
        let lines = bench.run_for_lines(&build_shell_run(&bench, script)).await;
        let address: Ipv4Addr = lines[0].trim_end_matches('/').parse().expect("an address");
        let [a, b, c, d] = address.octets();
        assert_ne!(address, neighbour);
        assert_eq!(lines[1], format!("02:68:{a:02x}:{b:02x}:{c:02x}:{d:02x}"));
    }
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bridge_is_removed_after_its_last_container() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let (workload, _) = start_web_job(&bench, bench.tool).await;
    assert_eq!(list_bridges(&fixture).len(), 1);
    bench.runtime().stop(workload.id(), workload.version, Duration::ZERO).await.expect("stop");
    bench.wait_for_end(workload.id()).await;
    bench.wait_until("the bridge is gone", || async { list_bridges(&fixture).is_empty() }).await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hearth_internal_reaches_only_the_port_forwards() {
    let (open, closed) = (serve_text("127.0.0.1", "door"), serve_text("127.0.0.1", "inner\n"));
    let fixture = RuntimeFixture::start_with(vec![format!("80=127.0.0.1:{open}")]).await;
    let bench = Bench::new(fixture.clone());
    let script = format!(
        "nc -w 2 hearth.internal 80 </dev/null; echo; gateway=$(ip route | grep default | cut -d' ' -f3); \
         nc -w 1 $gateway 80 </dev/null || echo nowhere-else; nc -w 1 hearth.internal {open} </dev/null || echo not-its-own-port; \
         nc -w 1 hearth.internal {closed} </dev/null || echo not-inner; nc -w 1 127.0.0.1 {open} </dev/null || echo own-loopback"
    );
    let lines = bench.run_for_lines(&build_shell_run(&bench, &format!("({script}) 2>/dev/null"))).await;
    assert_eq!(lines, ["door", "nowhere-else", "not-its-own-port", "not-inner", "own-loopback"]);
    // Port forwards work on bridges of an earlier process too.
    let (workload, _) = start_web_job(&bench, bench.tool).await;
    fixture.restart().await;
    assert_eq!(
        bench.run_for_lines(&build_shell_run(&bench, "nc -w 2 hearth.internal 80 </dev/null")).await,
        ["door"]
    );
    bench.wait_for_state(workload.id(), |state| state.running_instances().count() == 1).await;
    bench.close().await;
}

/// Package clients open a connection to the outbound proxy for each package.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hearth_internal_is_resolved_without_a_dns_query() {
    let door = serve_text("127.0.0.1", "door\n");
    let fixture = RuntimeFixture::start_with(vec![format!("80=127.0.0.1:{door}")]).await;
    let bench = Bench::new(fixture.clone());
    // The container's own count of sent datagrams (proc_pid_net(5), /proc/net/snmp).
    let script = "count() { grep '^Udp: [0-9]' /proc/net/snmp | cut -d' ' -f5; }; before=$(count); \
         for host in hearth.internal HEARTH.internal; do nc -w 2 $host 80 </dev/null; wget -q -O - http://$host/ >/dev/null; done; \
         echo $(($(count) - before)); nslookup -type=a hearth.internal >/dev/null; test $(count) -gt $before && echo counted";
    let lines = bench.run_for_lines(&build_shell_run(&bench, &format!("({script}) 2>/dev/null"))).await;
    assert_eq!(lines, ["door", "door", "0", "counted"]);
    bench.close().await;
}

/// Network of the host without other members, whose sent packets are counted.
pub struct UnusedNetwork(String);

impl UnusedNetwork {
    pub fn new(fixture: &RuntimeFixture, networks: &[[u8; 3]]) -> Self {
        let outside = Self(format!("x{}", fixture.instance_name()));
        run_busybox(&format!("ip link add name {} type bridge", outside.0));
        // Multicast snooping off: the bridge itself sends no packets.
        let snooping = format!("/sys/class/net/{}/bridge/multicast_snooping", outside.0);
        std::fs::write(snooping, "0").expect("no snooping");
        let other = format!("/proc/sys/net/ipv6/conf/{}/disable_ipv6", outside.0);
        let _unless_there_is_none = std::fs::write(other, "1");
        for [a, b, c] in networks {
            run_busybox(&format!("ip addr add {a}.{b}.{c}.1/24 dev {}", outside.0));
        }
        run_busybox(&format!("ip link set {} up", outside.0));
        outside
    }

    /// True if the host has asked this network for an address, which it does before the first packet to it. Packets
    /// to other addresses, from concurrent tests, do not count.
    pub fn was_asked_for(&self, address: &str) -> bool {
        let table = std::fs::read_to_string("/proc/net/arp").expect("the table of neighbours");
        table.lines().any(|line| {
            let mut columns = line.split_whitespace();
            columns.next() == Some(address) && columns.last() == Some(&self.0)
        })
    }
}

impl Drop for UnusedNetwork {
    fn drop(&mut self) {
        run_busybox(&format!("ip link del {}", self.0));
    }
}

fn run_busybox(words: &str) {
    let status = Command::new("/bin/busybox").args(words.split_whitespace()).status();
    assert!(status.expect("install busybox-static").success(), "busybox {words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn internet_is_reachable_and_private_networks_of_the_host_are_not() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    // Concurrent tests use other networks.
    let own = std::process::id().to_le_bytes()[0];
    let public = [203, 0, 113];
    let private =
        [[10, 255, own], [100, 127, own], [169, 254, own], [172, 31, own], [192, 168, own], [198, 19, own]];
    let outside = UnusedNetwork::new(&fixture, &[&private[..], &[public]].concat());
    let address = |[a, b, c]: [u8; 3]| format!("{a}.{b}.{c}.{}", 2 + own % 250);
    let connection_attempt =
        |network| build_shell_run(&bench, &format!("nc -w 1 {} 80 </dev/null; exit 0", address(network)));
    for network in private {
        bench.run_to_end(&connection_attempt(network)).await;
        assert!(!outside.was_asked_for(&address(network)), "{network:?}");
    }
    let mut inside = connection_attempt(public);
    inside.network.mode = hearth_runtime_api::NetworkMode::Inside;
    bench.run_to_end(&inside).await;
    assert!(!outside.was_asked_for(&address(public)), "kept inside");
    bench.run_to_end(&connection_attempt(public)).await;
    assert!(outside.was_asked_for(&address(public)));
    // The host's own addresses in these networks are not reachable either.
    let port = serve_text("0.0.0.0", "inner\n");
    let hosts = format!(
        "(nc -w 1 203.0.113.1 {port} || nc -w 1 169.254.{own}.1 {port}) </dev/null 2>/dev/null || echo apart"
    );
    assert_eq!(bench.run_for_lines(&build_shell_run(&bench, &hosts)).await, ["apart"]);
    bench.close().await;
}

/// Connects a container to this address and port, and returns its output.
async fn attempt_connection(bench: &Bench, address: &str, port: u16) -> Vec<String> {
    let script = format!("nc -w 1 {address} {port} </dev/null 2>&1; exit 0");
    bench.run_for_lines(&build_shell_run(bench, &script)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_ports_metadata_services_and_refused_networks_are_closed_unless_allowed() {
    let fixture = RuntimeFixture::start_with(vec!["refuse=198.51.100.128/25".to_owned()]).await;
    let bench = Bench::new(fixture.clone());
    // No other test uses these networks.
    let outside = UnusedNetwork::new(&fixture, &[[198, 51, 100], [168, 63, 129]]);
    let open = "198.51.100.7";
    for port in [25, 465, 587] {
        let lines = attempt_connection(&bench, open, port).await;
        assert!(lines.iter().any(|line| line.contains("refused")), "port {port} fails at once: {lines:?}");
    }
    assert!(!outside.was_asked_for(open), "a mail port");
    for closed in ["198.51.100.200", "168.63.129.16"] {
        attempt_connection(&bench, closed, 80).await;
        assert!(!outside.was_asked_for(closed), "{closed}");
    }
    attempt_connection(&bench, open, 80).await;
    assert!(outside.was_asked_for(open));
    bench.close().await;
    drop((outside, fixture));
    let fixture = RuntimeFixture::start_with(vec!["smtp".to_owned()]).await;
    let bench = Bench::new(fixture.clone());
    let outside = UnusedNetwork::new(&fixture, &[[198, 51, 100]]);
    attempt_connection(&bench, open, 25).await;
    assert!(outside.was_asked_for(open), "the operator allows mail");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ipv6_is_disabled() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    start_web_job(&bench, bench.tool).await;
    let port = serve_text("::", "inner\n");
    // Link-local address that the host's bridge would have: RFC 4291, appendix A.
    let hardware =
        std::fs::read_to_string(list_bridges(&fixture).remove(0).join("address")).expect("an address");
    let mut octets = hardware.trim().split(':').map(|octet| u8::from_str_radix(octet, 16).expect("an octet"));
    let [a, b, c, d, e, f] = std::array::from_fn(|_| octets.next().expect("six octets"));
    let host = format!("fe80::{:x}{b:02x}:{c:x}ff:fe{d:02x}:{e:x}{f:02x}%eth0", a ^ 2);
    let script = format!(
        "while ip -6 addr show eth0 | grep -q tentative; do :; done; \
         for try in 1 2 3; do nc -w 1 {host} {port} </dev/null 2>/dev/null && break; done || echo no-link-local; \
         nc -w 1 ::1 {port} </dev/null 2>/dev/null || echo own-loopback; \
         ip -6 route show default | grep -c .; ip -6 addr show eth0 | grep -c global"
    );
    let lines = bench.run_for_lines(&build_shell_run(&bench, &script)).await;
    assert_eq!(lines, ["no-link-local", "own-loopback", "0", "0"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_of_the_host_are_not_visible() {
    use std::os::{linux::net::SocketAddrExt, unix::net};
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let name = format!("door-of-{}", fixture.instance_name());
    let address = net::SocketAddr::from_abstract_name(&name).expect("a name");
    let _listens = net::UnixListener::bind_addr(&address).expect("a socket without a file");
    let unix_sockets = std::fs::read_to_string("/proc/net/unix").expect("sockets");
    let own = format!("/run/hearth-{}/socket", fixture.instance_name());
    assert!(unix_sockets.contains(&name) && unix_sockets.contains(&own));
    let script = format!("grep -c -e {name} -e {own} /proc/net/unix; ls {own} 2>/dev/null || echo none");
    assert_eq!(bench.run_for_lines(&build_shell_run(&bench, &script)).await, ["0", "none"]);
    bench.close().await;
}
