//! DNS server process: it inherits a UDP and a TCP socket, reads the table file and has no privileges.

use std::{
    ffi::OsString,
    fs, io,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hearth_runtime_api::{ToolSlice, ToolSlotLimits, ToolSlots};

use crate::sys::{memory, privileges};

use super::{
    answer::{DnsDecision, answer_query, build_servfail},
    table::DnsTable,
};

/// User id of `nobody`.
const NOBODY_UID: u32 = 65_534;
/// Maximum numbers of concurrent threads that forward queries or serve TCP connections. A query to a name server that
/// does not answer holds its thread for seconds.
const THREAD_LIMITS: ToolSlotLimits = ToolSlotLimits { per_tool: 16, in_total: 128 };
/// Stack size of these threads in bytes.
const THREAD_STACK_BYTES: usize = 256 << 10;
const IO_TIMEOUT: Duration = Duration::from_secs(3);

/// The DNS server's `main`. Its arguments are the table's path and the process id of the runtime.
pub fn main(arguments: &[OsString]) -> i32 {
    i32::from(run(arguments).is_err())
}

struct DnsServer {
    table: PathBuf,
    resolvers: Vec<SocketAddr>,
    threads: Arc<ToolSlots<ToolSlice>>,
}

fn run(arguments: &[OsString]) -> io::Result<()> {
    memory::init_memory_trimming();
    let table = arguments.first().map(PathBuf::from).ok_or_else(|| io::Error::other("no table"))?;
    let datagrams = Arc::new(UdpSocket::from(io::stdin().as_fd().try_clone_to_owned()?));
    let streams = TcpListener::from(io::stdout().as_fd().try_clone_to_owned()?);
    privileges::drop_privileges(NOBODY_UID, arguments.get(1))?;
    let names = Arc::new(DnsServer {
        table,
        resolvers: read_resolvers(Path::new("/etc/resolv.conf")),
        threads: ToolSlots::new(THREAD_LIMITS),
    });
    let others = Arc::clone(&names);
    std::thread::spawn(move || {
        for stream in streams.incoming().filter_map(Result::ok) {
            let Ok(IpAddr::V4(client)) = stream.peer_addr().map(|client| client.ip()) else { continue };
            spawn_bounded(&others, client, move |names| drop(names.serve_stream(stream, client)));
        }
    });
    memory::trim_memory();
    serve_datagrams(&names, &datagrams)
}

/// Serves queries of datagrams, forever.
fn serve_datagrams(names: &Arc<DnsServer>, datagrams: &Arc<UdpSocket>) -> ! {
    let mut buffer = [0; 4096];
    loop {
        let Ok((size, client)) = datagrams.recv_from(&mut buffer) else { continue };
        let IpAddr::V4(address) = client.ip() else { continue };
        let question = &buffer[..size];
        match answer_query(&names.read_table(), address, question) {
            DnsDecision::Reply(bytes) => drop(datagrams.send_to(&bytes, client)),
            DnsDecision::Ignore => {}
            DnsDecision::Forward => {
                let (question, datagrams) = (question.to_vec(), Arc::clone(datagrams));
                spawn_bounded(names, address, move |names| {
                    if let Some(bytes) =
                        names.forward_query(&question).ok().or_else(|| build_servfail(&question))
                    {
                        drop(datagrams.send_to(&bytes, client));
                    }
                });
            }
        }
    }
}

/// Runs work for a container in a new thread, unless its tool uses its share: then the query is dropped, and the
/// container asks again.
fn spawn_bounded(names: &Arc<DnsServer>, client: Ipv4Addr, work: impl FnOnce(&DnsServer) + Send + 'static) {
    let Some(slot) = names.threads.take_slot(ToolSlice::from_address(client)) else { return };
    let names = Arc::clone(names);
    let thread = std::thread::Builder::new().stack_size(THREAD_STACK_BYTES);
    // Without a free thread of the host, the query is dropped as well.
    let _not_spawned = thread.spawn(move || {
        work(&names);
        drop(slot);
    });
}

impl DnsServer {
    /// Reads the current table. Without a readable table, all queries are forwarded.
    fn read_table(&self) -> DnsTable {
        let read = fs::read(&self.table).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        read.unwrap_or(DnsTable {
            service_address: Ipv4Addr::UNSPECIFIED,
            prefix: 32,
            entries: Vec::new(),
            closed_networks: Vec::new(),
        })
    }

    /// Forwards a query to the host's resolvers, one after another.
    fn forward_query(&self, question: &[u8]) -> io::Result<Vec<u8>> {
        let mut last = io::Error::other("the host has no resolver");
        for resolver in &self.resolvers {
            match query_resolver(*resolver, question) {
                Ok(answer) => return Ok(answer),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Serves queries of a TCP connection (RFC 1035, 4.2.2), one at a time.
    fn serve_stream(&self, mut stream: TcpStream, client: Ipv4Addr) -> io::Result<()> {
        stream.set_read_timeout(Some(IO_TIMEOUT))?;
        stream.set_write_timeout(Some(IO_TIMEOUT))?;
        loop {
            let question = read_message(&mut stream)?;
            let bytes = match answer_query(&self.read_table(), client, &question) {
                DnsDecision::Reply(bytes) => bytes,
                DnsDecision::Ignore => return Ok(()),
                DnsDecision::Forward => self.forward_query_by_tcp(&question)?,
            };
            write_message(&mut stream, &bytes)?;
        }
    }

    fn forward_query_by_tcp(&self, question: &[u8]) -> io::Result<Vec<u8>> {
        let resolver = self.resolvers.first().ok_or_else(|| io::Error::other("the host has no resolver"))?;
        let mut stream = TcpStream::connect_timeout(resolver, IO_TIMEOUT)?;
        stream.set_read_timeout(Some(IO_TIMEOUT))?;
        write_message(&mut stream, question)?;
        read_message(&mut stream)
    }
}

fn query_resolver(resolver: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let any: IpAddr = if resolver.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        std::net::Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(resolver)?;
    socket.set_read_timeout(Some(IO_TIMEOUT))?;
    socket.send(question)?;
    let mut buffer = vec![0; 65_535];
    loop {
        let size = socket.recv(&mut buffer)?;
        // An answer with another id is late or forged, and is ignored.
        if buffer[..size].get(..2) == question.get(..2) {
            buffer.truncate(size);
            return Ok(buffer);
        }
    }
}

fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut size = [0; 2];
    stream.read_exact(&mut size)?;
    let mut message = vec![0; u16::from_be_bytes(size).into()];
    stream.read_exact(&mut message)?;
    Ok(message)
}

fn write_message(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let size = u16::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&size.to_be_bytes())?;
    stream.write_all(message)
}

/// Reads the host's resolvers (resolv.conf(5)).
fn read_resolvers(path: &Path) -> Vec<SocketAddr> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    named
        .filter_map(|address| address.trim().parse::<IpAddr>().ok())
        .map(|address| (address, 53).into())
        .collect()
}

#[cfg(test)]
mod tests {
    use hickory_proto::{
        op::{Message, Query},
        rr::{Name, RecordType},
    };

    use super::*;

    /// Time until a missing datagram fails a test.
    const RECEIVE_TIMEOUT: Duration = Duration::from_secs(30);

    /// Opens a socket at an address of the loopback network: each address is another client.
    fn open_socket(address: [u8; 4]) -> UdpSocket {
        let socket =
            UdpSocket::bind((Ipv4Addr::from(address), 0)).expect("an address of the loopback network");
        socket.set_read_timeout(Some(RECEIVE_TIMEOUT)).expect("a socket");
        socket
    }

    fn encode_query(id: u16, name: &str) -> Vec<u8> {
        let mut message = Message::query();
        message.metadata.id = id;
        message.add_query(Query::query(Name::from_ascii(name).expect("a name"), RecordType::A));
        message.to_vec().expect("a message")
    }

    fn receive_from(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
        let mut buffer = [0; 512];
        let (size, sender) = socket.recv_from(&mut buffer).expect("a datagram");
        (buffer[..size].to_vec(), sender)
    }

    /// Starts a server with a table without names. Returns its address, and the host's resolver.
    fn start_server() -> (SocketAddr, UdpSocket) {
        let (datagrams, resolver) = (Arc::new(open_socket([127, 0, 0, 1])), open_socket([127, 0, 0, 1]));
        datagrams.set_read_timeout(None).expect("a socket");
        let at = datagrams.local_addr().expect("an address");
        let names = Arc::new(DnsServer {
            table: PathBuf::from("/nonexistent"),
            resolvers: vec![resolver.local_addr().expect("an address")],
            threads: ToolSlots::new(THREAD_LIMITS),
        });
        std::thread::spawn(move || serve_datagrams(&names, &datagrams));
        (at, resolver)
    }

    #[test]
    fn slow_names_of_one_tool_do_not_delay_answers_of_another() {
        let (server, resolver) = start_server();
        let (busy, other) = (open_socket([127, 0, 1, 2]), open_socket([127, 0, 2, 2]));
        // The resolver receives these and answers none of them.
        let queries = u16::try_from(THREAD_LIMITS.in_total * 2).expect("a small number");
        for id in 0..queries {
            busy.send_to(&encode_query(id, "slow.example."), server).expect("sent");
        }
        for _ in 0..THREAD_LIMITS.per_tool {
            assert!(receive_from(&resolver).0 != encode_query(queries, "fast.example."));
        }
        let query = encode_query(queries, "fast.example.");
        other.send_to(&query, server).expect("sent");
        // The next query that arrives is the other tool's: the share of the busy one is used up.
        let (forwarded, forwarder) = receive_from(&resolver);
        assert_eq!(forwarded, query);
        resolver.send_to(&forwarded, forwarder).expect("sent");
        assert_eq!(receive_from(&other).0, query);
    }

    #[test]
    fn tool_with_answered_names_keeps_its_share_free() {
        let (server, resolver) = start_server();
        let client = open_socket([127, 0, 1, 2]);
        for id in 0..u16::try_from(THREAD_LIMITS.per_tool * 4).expect("a small number") {
            let query = encode_query(id, "fast.example.");
            client.send_to(&query, server).expect("sent");
            let (forwarded, forwarder) = receive_from(&resolver);
            resolver.send_to(&forwarded, forwarder).expect("sent");
            assert_eq!(receive_from(&client).0, query);
        }
    }
}
