//! The answerer's process: two sockets that it was born with, a table to read, and no powers.

use std::{
    ffi::OsString,
    fs, io,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::sys::{memory, privileges};

use super::{
    answer::{Answer, answer, no_answer},
    table::Table,
};

/// Nobody, on every host that we know.
const NOBODY: u32 = 65_534;
/// Questions that wait for the host's resolver at one time.
const MOST_WAITING: usize = 128;
const PATIENCE: Duration = Duration::from_secs(3);

/// The process's `main`. Its arguments are the table's path and the number of the runtime's process.
pub fn main(arguments: &[OsString]) -> i32 {
    i32::from(run(arguments).is_err())
}

struct Names {
    table: PathBuf,
    resolvers: Vec<SocketAddr>,
    waiting: AtomicUsize,
}

fn run(arguments: &[OsString]) -> io::Result<()> {
    memory::be_thrifty();
    let table = arguments.first().map(PathBuf::from).ok_or_else(|| io::Error::other("no table"))?;
    let datagrams = Arc::new(UdpSocket::from(io::stdin().as_fd().try_clone_to_owned()?));
    let streams = TcpListener::from(io::stdout().as_fd().try_clone_to_owned()?);
    privileges::drop_privileges(NOBODY, arguments.get(1))?;
    let names = Arc::new(Names {
        table,
        resolvers: resolvers(Path::new("/etc/resolv.conf")),
        waiting: AtomicUsize::new(0),
    });
    let others = Arc::clone(&names);
    std::thread::spawn(move || {
        for stream in streams.incoming().filter_map(Result::ok) {
            in_the_background(&others, move |names| drop(names.talk(stream)));
        }
    });
    memory::give_back();
    let mut buffer = [0; 4096];
    loop {
        let Ok((size, asker)) = datagrams.recv_from(&mut buffer) else { continue };
        let IpAddr::V4(address) = asker.ip() else { continue };
        let question = &buffer[..size];
        match answer(&names.table(), address, question) {
            Answer::Own(bytes) => drop(datagrams.send_to(&bytes, asker)),
            Answer::Nothing => {}
            Answer::PassOn => {
                let (question, datagrams) = (question.to_vec(), Arc::clone(&datagrams));
                in_the_background(&names, move |names| {
                    if let Some(bytes) = names.pass_on(&question).ok().or_else(|| no_answer(&question)) {
                        drop(datagrams.send_to(&bytes, asker));
                    }
                });
            }
        }
    }
}

/// Does some work beside, unless too much is being done already: who asks asks again.
fn in_the_background(names: &Arc<Names>, work: impl FnOnce(&Names) + Send + 'static) {
    if names.waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
        names.waiting.fetch_sub(1, Ordering::Relaxed);
        return;
    }
    let names = Arc::clone(names);
    std::thread::spawn(move || {
        work(&names);
        names.waiting.fetch_sub(1, Ordering::Relaxed);
    });
}

impl Names {
    /// The table as it is now. Without one, only the outside has names.
    fn table(&self) -> Table {
        let read = fs::read(&self.table).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        read.unwrap_or(Table { door: Ipv4Addr::UNSPECIFIED, prefix: 32, entries: Vec::new() })
    }

    /// Asks the host's resolvers, one after another.
    fn pass_on(&self, question: &[u8]) -> io::Result<Vec<u8>> {
        let mut last = io::Error::other("the host has no resolver");
        for resolver in &self.resolvers {
            match ask(*resolver, question) {
                Ok(answer) => return Ok(answer),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Questions over a stream (RFC 1035, 4.2.2), one at a time.
    fn talk(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let IpAddr::V4(asker) = stream.peer_addr()?.ip() else { return Ok(()) };
        loop {
            let question = read_message(&mut stream)?;
            let bytes = match answer(&self.table(), asker, &question) {
                Answer::Own(bytes) => bytes,
                Answer::Nothing => return Ok(()),
                Answer::PassOn => self.pass_on_stream(&question)?,
            };
            write_message(&mut stream, &bytes)?;
        }
    }

    fn pass_on_stream(&self, question: &[u8]) -> io::Result<Vec<u8>> {
        let resolver = self.resolvers.first().ok_or_else(|| io::Error::other("the host has no resolver"))?;
        let mut stream = TcpStream::connect_timeout(resolver, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write_message(&mut stream, question)?;
        read_message(&mut stream)
    }
}

fn ask(resolver: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let any: IpAddr = if resolver.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        std::net::Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(resolver)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(question)?;
    let mut buffer = vec![0; 65_535];
    loop {
        let size = socket.recv(&mut buffer)?;
        // An answer to another question, late or forged.
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

/// The host's resolvers (resolv.conf(5)).
fn resolvers(path: &Path) -> Vec<SocketAddr> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    named
        .filter_map(|address| address.trim().parse::<IpAddr>().ok())
        .map(|address| (address, 53).into())
        .collect()
}
