//! Requests to the kernel for links, addresses and routes (`rtnetlink(7)`), in the network namespace of the
//! thread that opens the socket.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage},
    link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
    route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// Hardware address (IEEE 802).
pub type HardwareAddress = [u8; 6];

/// Netlink socket.
pub struct NetlinkSocket(Socket);

impl NetlinkSocket {
    pub fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_ROUTE)?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self(socket))
    }

    /// Makes a bridge in the state down.
    pub fn add_bridge(&self, name: &str, hardware: Option<HardwareAddress>) -> io::Result<()> {
        let mut link = build_link_message(name);
        link.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)]));
        link.attributes.extend(hardware.map(|hardware| LinkAttribute::Address(hardware.to_vec())));
        self.send_creation(RouteNetlinkMessage::NewLink(link))
    }

    /// Makes a veth pair: `name` at the bridge in this namespace, set up, and `far` in the network namespace
    /// of the process `holder`.
    pub fn add_cable(
        &self,
        name: &str,
        bridge: &str,
        far: &str,
        hardware: HardwareAddress,
        holder: u32,
    ) -> io::Result<()> {
        let mut peer = build_link_message(far);
        peer.attributes.push(LinkAttribute::Address(hardware.to_vec()));
        peer.attributes.push(LinkAttribute::NetNsPid(holder));
        let mut link = mark_up(build_link_message(name));
        link.attributes.push(LinkAttribute::Controller(self.find_index(bridge)?));
        link.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]));
        self.send_creation(RouteNetlinkMessage::NewLink(link))
    }

    /// Removes a link, if it exists.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match self.send_request(RouteNetlinkMessage::DelLink(build_link_message(name)), 0) {
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(()),
            other => other,
        }
    }

    pub fn set_up(&self, name: &str) -> io::Result<()> {
        self.send_request(RouteNetlinkMessage::SetLink(mark_up(build_link_message(name))), 0)
    }

    /// Adds an address with a prefix length of `prefix` bits to a link.
    pub fn add_address(&self, name: &str, address: Ipv4Addr, prefix: u8) -> io::Result<()> {
        let mut message = AddressMessage::default();
        message.header.family = AddressFamily::Inet;
        message.header.prefix_len = prefix;
        message.header.index = self.find_index(name)?;
        let address = IpAddr::V4(address);
        message.attributes = vec![AddressAttribute::Local(address), AddressAttribute::Address(address)];
        self.send_creation(RouteNetlinkMessage::NewAddress(message))
    }

    /// Adds the default route through `gateway`.
    pub fn add_default_route(&self, gateway: Ipv4Addr) -> io::Result<()> {
        let mut message = RouteMessage::default();
        message.header.address_family = AddressFamily::Inet;
        message.header.table = RouteHeader::RT_TABLE_MAIN;
        message.header.protocol = RouteProtocol::Boot;
        message.header.scope = RouteScope::Universe;
        message.header.kind = RouteType::Unicast;
        message.attributes = vec![RouteAttribute::Gateway(RouteAddress::Inet(gateway))];
        self.send_creation(RouteNetlinkMessage::NewRoute(message))
    }

    fn find_index(&self, name: &str) -> io::Result<u32> {
        Ok(rustix::net::netdevice::name_to_index(&self.0, name)?)
    }

    fn send_creation(&self, what: RouteNetlinkMessage) -> io::Result<()> {
        self.send_request(what, NLM_F_CREATE | NLM_F_EXCL)
    }

    fn send_request(&self, what: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        let mut message = NetlinkMessage::from(what);
        message.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.0.send(&bytes, 0)?;
        let (answer, _) = self.0.recv_from_full()?;
        let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer).map_err(io::Error::other)?;
        match answer.payload {
            NetlinkPayload::Error(error) if error.code.is_none() => Ok(()),
            NetlinkPayload::Error(error) => Err(error.to_io()),
            _ => Err(io::Error::other("the kernel sent an unexpected netlink answer")),
        }
    }
}

fn build_link_message(name: &str) -> LinkMessage {
    let mut link = LinkMessage::default();
    link.attributes.push(LinkAttribute::IfName(name.to_owned()));
    link
}

fn mark_up(mut link: LinkMessage) -> LinkMessage {
    link.header.flags = LinkFlags::Up;
    link.header.change_mask = LinkFlags::Up;
    link
}
