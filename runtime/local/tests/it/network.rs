//! Who reaches whom: a tool its own jobs, names and the door; the host every tool; nobody anybody else.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use hearth_runtime_api::{Phase, Workload, conformance::Bench};

use crate::{escape::shell, rig::Rig};

/// A job called `web` that says hello to whoever connects, and its address.
pub async fn serving(bench: &Bench, tool: hearth_base::ToolId) -> (Workload, Ipv4Addr) {
    let mut workload = shell(bench, "while :; do echo hello | nc -l -p 8080; done");
    workload.owner = tool.into();
    workload.network.name = Some("web".parse().expect("a name"));
    workload.network.tool = Some("dup-finder".parse().expect("a name"));
    bench.running(&workload, 1).await;
    let state = bench.until(workload.id(), |state| state.running().count() == 1).await;
    let Phase::Running { address: Some(address), .. } = state.instances[0].phase else { panic!("{state:?}") };
    bench.eventually("the host reaches it", || async move { hello(address).is_some() }).await;
    (workload, address)
}

fn hello(address: Ipv4Addr) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&(address, 8080).into(), Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    let mut said = [0; 5];
    stream.read_exact(&mut said).ok()?;
    Some(String::from_utf8_lossy(&said).into_owned())
}

/// A port of the host at which whoever comes is told `said`.
pub fn telling(address: &str, said: &'static str) -> u16 {
    telling_at((address, 0), said)
}

fn telling_at(place: impl ToSocketAddrs, said: &'static str) -> u16 {
    let listener = TcpListener::bind(place).expect("a port of the host");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        listener.incoming().flatten().for_each(|mut visitor| drop(visitor.write_all(said.as_bytes())))
    });
    port
}

/// The bridges of a rig's tools.
fn bridges(rig: &Rig) -> Vec<PathBuf> {
    let own = format!("h{}t", rig.instance());
    let links = std::fs::read_dir("/sys/class/net").expect("links").filter_map(Result::ok);
    links
        .filter(|link| link.file_name().to_string_lossy().starts_with(&own))
        .map(|link| link.path())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_reaches_its_own_jobs_by_name() {
    let (bench, _rig) = Rig::bench().await;
    let (_, address) = serving(&bench, bench.tool).await;
    // The other job is a loop of one-shot listeners: between two of them a connection may be refused, or be taken and
    // not answered.
    let reach = "for name in web web.tool-dup-finder.svc.cluster.local; do for i in 1 2 3 4 5; do nc -w 2 $name 8080 < /dev/null 2> /dev/null | grep . && break; sleep 0.1; done; done";
    assert_eq!(bench.lines(&shell(&bench, reach)).await, ["hello", "hello"]);
    let names = "nslookup -type=a web | grep Address | tail -1; nslookup -type=a hearth.internal | grep Address | tail -1; nslookup -type=a nobody >/dev/null || echo none";
    let lines = bench.lines(&shell(&bench, names)).await;
    assert!(lines[0].contains(&address.to_string()), "{lines:?}");
    let [a, b, ..] = address.octets();
    assert!(lines[1].contains(&format!("{a}.{b}.0.1")), "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("none"));
    bench.close().await;
}

/// Who answers reads it anew each time, and may read little else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_answered_while_containers_come_and_go() {
    let (bench, _rig) = Rig::bench().await;
    let ask = "i=0; while [ $i -lt 400 ]; do nslookup -type=a hearth.internal | grep -q '^Address: 10.*0.1$' || echo lost; i=$((i+1)); done; echo asked";
    let asking = shell(&bench, ask);
    bench.running(&asking, 1).await;
    for _ in 0..8 {
        let script = shell(&bench, "exit 0");
        bench.outcome(&script).await;
    }
    assert_eq!(bench.lines(&asking).await, ["asked"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_do_not_reach_each_other_nor_the_host() {
    let (bench, _rig) = Rig::bench().await;
    let (_, address) = serving(&bench, Bench::new_tool()).await;
    let port = telling("0.0.0.0", "inner\n");
    let [a, b, c, d] = address.octets();
    let gate = d & 128 | 1;
    // Names are answered elsewhere; this one is the host's own business.
    telling_at((Ipv4Addr::new(a, b, c, gate), 53), "inner\n");
    let script = format!(
        "gateway=$(ip route | grep default | cut -d' ' -f3); \
         nc -w 1 {address} 8080 </dev/null || echo apart; nc -w 1 web 8080 </dev/null || echo unnamed; \
         nc -w 1 $gateway {port} </dev/null || echo no-gateway; \
         nc -w 1 {a}.{b}.{c}.{gate} {port} </dev/null || echo not-its-gateway; nc -w 1 {a}.{b}.{c}.{gate} 53 </dev/null || echo nor-its-names; nc -w 1 {a}.{b}.0.1 {port} </dev/null || echo no-door; \
         nc -w 1 169.254.169.254 80 </dev/null || echo no-link-local; nc -w 1 127.0.0.1 {port} </dev/null || echo own-loopback",
    );
    let lines = bench.lines(&shell(&bench, &format!("({script}) 2>/dev/null"))).await;
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

/// Otherwise those who remember who had the address before would not reach who has it now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_always_has_the_same_hardware_address() {
    let (bench, _rig) = Rig::bench().await;
    let (_, neighbour) = serving(&bench, bench.tool).await;
    let look =
        "ip -4 -o address show eth0 | grep -o '[0-9.]*/' | head -1; ip link show eth0 | grep -o '02:68[^ ]*'";
    for _ in 0..2 {
        let lines = bench.lines(&shell(&bench, look)).await;
        let address: Ipv4Addr = lines[0].trim_end_matches('/').parse().expect("an address");
        let [a, b, c, d] = address.octets();
        assert_ne!(address, neighbour);
        assert_eq!(lines[1], format!("02:68:{a:02x}:{b:02x}:{c:02x}:{d:02x}"));
    }
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_goes_with_its_last_container() {
    let (bench, rig) = Rig::bench().await;
    let (workload, _) = serving(&bench, bench.tool).await;
    assert_eq!(bridges(&rig).len(), 1);
    bench.runtime().stop(workload.id(), workload.version, Duration::ZERO).await.expect("stop");
    bench.ended(workload.id()).await;
    bench.eventually("the bridge is gone", || async { bridges(&rig).is_empty() }).await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hearth_internal_leads_to_the_doors_and_to_nothing_else_of_the_host() {
    let (open, closed) = (telling("127.0.0.1", "door"), telling("127.0.0.1", "inner\n"));
    let rig = Rig::start_with(vec![format!("80=127.0.0.1:{open}")]).await;
    let bench = Bench::new(rig.clone());
    let script = format!(
        "nc -w 2 hearth.internal 80 </dev/null; echo; gateway=$(ip route | grep default | cut -d' ' -f3); \
         nc -w 1 $gateway 80 </dev/null || echo nowhere-else; nc -w 1 hearth.internal {open} </dev/null || echo not-its-own-port; \
         nc -w 1 hearth.internal {closed} </dev/null || echo not-inner; nc -w 1 127.0.0.1 {open} </dev/null || echo own-loopback"
    );
    let lines = bench.lines(&shell(&bench, &format!("({script}) 2>/dev/null"))).await;
    assert_eq!(lines, ["door", "nowhere-else", "not-its-own-port", "not-inner", "own-loopback"]);
    // Bridges of an earlier process lead there as well.
    let (workload, _) = serving(&bench, bench.tool).await;
    rig.restart().await;
    assert_eq!(bench.lines(&shell(&bench, "nc -w 2 hearth.internal 80 </dev/null")).await, ["door"]);
    bench.until(workload.id(), |state| state.running().count() == 1).await;
    bench.close().await;
}

/// A network of the host with nobody on it, and what is sent there all the same.
struct Outside(String);

impl Outside {
    fn new(rig: &Rig, networks: &[[u8; 3]]) -> Self {
        let outside = Self(format!("x{}", rig.instance()));
        busybox(&format!("ip link add name {} type bridge", outside.0));
        // It is silent by itself.
        let snooping = format!("/sys/class/net/{}/bridge/multicast_snooping", outside.0);
        std::fs::write(snooping, "0").expect("no snooping");
        let other = format!("/proc/sys/net/ipv6/conf/{}/disable_ipv6", outside.0);
        let _unless_there_is_none = std::fs::write(other, "1");
        for [a, b, c] in networks {
            busybox(&format!("ip addr add {a}.{b}.{c}.1/24 dev {}", outside.0));
        }
        busybox(&format!("ip link set {} up", outside.0));
        outside
    }

    fn sent(&self) -> u64 {
        let path = format!("/sys/class/net/{}/statistics/tx_packets", self.0);
        std::fs::read_to_string(path).expect("a count").trim().parse().expect("a number")
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        busybox(&format!("ip link del {}", self.0));
    }
}

fn busybox(words: &str) {
    let status = Command::new("/bin/busybox").args(words.split_whitespace()).status();
    assert!(status.expect("install busybox-static").success(), "busybox {words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_outside_is_reached_and_private_networks_behind_the_host_are_not() {
    let (bench, rig) = Rig::bench().await;
    // Tests beside this one have others.
    let own = std::process::id().to_le_bytes()[0];
    let public = [203, 0, 113];
    let private =
        [[10, 255, own], [100, 127, own], [169, 254, own], [172, 31, own], [192, 168, own], [198, 19, own]];
    let outside = Outside::new(&rig, &[&private[..], &[public]].concat());
    let tries = |[a, b, c]: [u8; 3]| shell(&bench, &format!("nc -w 1 {a}.{b}.{c}.7 80 </dev/null; exit 0"));
    for network in private {
        bench.outcome(&tries(network)).await;
        assert_eq!(outside.sent(), 0, "{network:?}");
    }
    let mut inside = tries(public);
    inside.network.mode = hearth_runtime_api::NetworkMode::Inside;
    bench.outcome(&inside).await;
    assert_eq!(outside.sent(), 0, "kept inside");
    bench.outcome(&tries(public)).await;
    assert_ne!(outside.sent(), 0);
    // Nor is the host reached by its address there.
    let port = telling("0.0.0.0", "inner\n");
    let hosts = format!(
        "(nc -w 1 203.0.113.1 {port} || nc -w 1 169.254.{own}.1 {port}) </dev/null 2>/dev/null || echo apart"
    );
    assert_eq!(bench.lines(&shell(&bench, &hosts)).await, ["apart"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_protocol_leads_nowhere() {
    let (bench, rig) = Rig::bench().await;
    serving(&bench, bench.tool).await;
    let port = telling("::", "inner\n");
    // Where the host's end of the bridge would be, soon after the first container: RFC 4291, appendix A.
    let hardware = std::fs::read_to_string(bridges(&rig).remove(0).join("address")).expect("an address");
    let mut octets = hardware.trim().split(':').map(|octet| u8::from_str_radix(octet, 16).expect("an octet"));
    let [a, b, c, d, e, f] = std::array::from_fn(|_| octets.next().expect("six octets"));
    let host = format!("fe80::{:x}{b:02x}:{c:x}ff:fe{d:02x}:{e:x}{f:02x}%eth0", a ^ 2);
    let script = format!(
        "while ip -6 addr show eth0 | grep -q tentative; do :; done; \
         for try in 1 2 3; do nc -w 1 {host} {port} </dev/null 2>/dev/null && break; done || echo no-link-local; \
         nc -w 1 ::1 {port} </dev/null 2>/dev/null || echo own-loopback; \
         ip -6 route show default | grep -c .; ip -6 addr show eth0 | grep -c global"
    );
    let lines = bench.lines(&shell(&bench, &script)).await;
    assert_eq!(lines, ["no-link-local", "own-loopback", "0", "0"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_of_the_host_are_not_there() {
    use std::os::{linux::net::SocketAddrExt, unix::net};
    let (bench, rig) = Rig::bench().await;
    let name = format!("door-of-{}", rig.instance());
    let address = net::SocketAddr::from_abstract_name(&name).expect("a name");
    let _listens = net::UnixListener::bind_addr(&address).expect("a socket without a file");
    let known = std::fs::read_to_string("/proc/net/unix").expect("sockets");
    let own = format!("/run/hearth-{}/socket", rig.instance());
    assert!(known.contains(&name) && known.contains(&own));
    let script = format!("grep -c -e {name} -e {own} /proc/net/unix; ls {own} 2>/dev/null || echo none");
    assert_eq!(bench.lines(&shell(&bench, &script)).await, ["0", "none"]);
    bench.close().await;
}
