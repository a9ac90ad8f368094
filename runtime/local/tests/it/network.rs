//! Who reaches whom: a tool its own jobs, names and the door; the host every tool; nobody anybody else.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    time::Duration,
};

use hearth_runtime_api::{Phase, Workload, conformance::Bench};

use crate::{escape::shell, rig::Rig};

/// A job called `web` that says hello to whoever connects, and its address.
async fn serving(bench: &Bench, tool: hearth_base::ToolId) -> (Workload, Ipv4Addr) {
    let mut workload = shell(bench, "while :; do echo hello | nc -l -p 8080; done");
    workload.tool = tool;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_do_not_reach_each_other_nor_the_host() {
    let (bench, _rig) = Rig::bench().await;
    let (_, address) = serving(&bench, Bench::new_tool()).await;
    let inner = TcpListener::bind(("0.0.0.0", 0)).expect("a port of the host");
    let port = inner.local_addr().expect("an address").port();
    let [a, b, ..] = address.octets();
    let script = format!(
        "gateway=$(ip route | grep default | cut -d' ' -f3); \
         nc -w 1 {address} 8080 </dev/null || echo apart; nc -w 1 web 8080 </dev/null || echo unnamed; \
         nc -w 1 $gateway {port} </dev/null || echo no-gateway; nc -w 1 {a}.{b}.0.1 {port} </dev/null || echo no-door; \
         nc -w 1 169.254.169.254 80 </dev/null || echo no-link-local; nc -w 1 127.0.0.1 {port} </dev/null || echo own-loopback"
    );
    let lines = bench.lines(&shell(&bench, &format!("({script}) 2>/dev/null"))).await;
    assert_eq!(lines, ["apart", "unnamed", "no-gateway", "no-door", "no-link-local", "own-loopback"]);
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
    let bridges = || {
        let own = format!("h{}t", rig.instance());
        let links = std::fs::read_dir("/sys/class/net").expect("links").filter_map(Result::ok);
        links.filter(|link| link.file_name().to_string_lossy().starts_with(&own)).count()
    };
    let (workload, _) = serving(&bench, bench.tool).await;
    assert_eq!(bridges(), 1);
    bench.runtime().stop(workload.id(), workload.version, Duration::ZERO).await.expect("stop");
    bench.ended(workload.id()).await;
    bench.eventually("the bridge is gone", || async { bridges() == 0 }).await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hearth_internal_leads_to_the_doors_and_to_nothing_else_of_the_host() {
    let listen = || TcpListener::bind("127.0.0.1:0").expect("a port of the loopback");
    let (door, inner) = (listen(), listen());
    let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
    let (open, closed) = (port(&door), port(&inner));
    std::thread::spawn(move || {
        door.incoming().flatten().for_each(|mut visitor| drop(visitor.write_all(b"door")))
    });
    let rig = Rig::start_with(vec![format!("80=127.0.0.1:{open}")]).await;
    let bench = Bench::new(rig.clone());
    let script = format!(
        "nc -w 2 hearth.internal 80 </dev/null; echo; nc -w 1 hearth.internal {open} </dev/null || echo not-its-own-port; \
         nc -w 1 hearth.internal {closed} </dev/null || echo not-inner; nc -w 1 127.0.0.1 {open} </dev/null || echo own-loopback"
    );
    let lines = bench.lines(&shell(&bench, &format!("({script}) 2>/dev/null"))).await;
    assert_eq!(lines, ["door", "not-its-own-port", "not-inner", "own-loopback"]);
    // Bridges of an earlier process lead there as well.
    let (workload, _) = serving(&bench, bench.tool).await;
    rig.restart().await;
    assert_eq!(bench.lines(&shell(&bench, "nc -w 2 hearth.internal 80 </dev/null")).await, ["door"]);
    bench.until(workload.id(), |state| state.running().count() == 1).await;
    bench.close().await;
}
