//! The limits of connections, in total and per address.
//!
//! A connection that is not a client holds a slot in a separate pool, however many clients there are: the status and
//! commands are needed most when all other slots are taken. If the pool is full, the connection that has been idle
//! longest makes room for a new one, so that connections that never become anything block no one.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// The limit of connections at a time that are not clients.
pub(super) const PLAIN_MAX: usize = 128;

/// The least time that a connection has for a request before it can be evicted: far longer than it takes to read a
/// request that has arrived.
pub(super) const GRACE: Duration = Duration::from_millis(250);

/// The connection slots of a server.
#[derive(Debug)]
pub(crate) struct ConnectionSlots {
    clients_max: usize,
    per_address_max: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    clients: usize,
    /// The number of clients by address.
    by_address: BTreeMap<IpAddr, usize>,
    /// Connections that are not clients, ordered by when they last changed their state.
    plain: BTreeMap<u64, Plain>,
    next: u64,
}

#[derive(Debug)]
struct Plain {
    since: Instant,
    /// True if a request is awaited, and none is being answered.
    idle: bool,
    evicted: Arc<Notify>,
}

/// The slot that a connection holds. It is released on drop.
#[derive(Debug)]
pub(super) enum Slot {
    /// The slot of a connection that is not a client.
    Plain(PlainSlot),
    /// The slot of a client.
    Client { _slot: ClientSlot },
}

#[derive(Debug)]
pub(super) struct PlainSlot {
    slots: Arc<ConnectionSlots>,
    number: u64,
    evicted: Arc<Notify>,
}

#[derive(Debug)]
pub(crate) struct ClientSlot {
    slots: Arc<ConnectionSlots>,
    address: IpAddr,
}

/// The result of requesting a slot in the pool.
#[derive(Debug)]
pub(super) enum SlotResult {
    /// This slot.
    Taken(PlainSlot),
    /// A connection may be evicted at this instant, and not before.
    NotBefore(Instant),
    /// All connections are being answered.
    Full,
}

/// The limit that rejects a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cap {
    /// The limit of clients.
    Clients,
    /// The limit of clients from one address.
    Address,
}

impl ConnectionSlots {
    pub(crate) fn new(clients_max: usize, per_address_max: usize) -> Arc<ConnectionSlots> {
        Arc::new(ConnectionSlots { clients_max, per_address_max, table: Mutex::default() })
    }

    /// Takes a slot for a new connection.
    pub(super) fn take(self: &Arc<ConnectionSlots>, now: Instant) -> SlotResult {
        let mut table = self.table();
        if table.plain.len() >= PLAIN_MAX {
            let Some((number, since)) = table.idlest() else { return SlotResult::Full };
            if since + GRACE > now {
                return SlotResult::NotBefore(since + GRACE);
            }
            table.evict(number);
        }
        let evicted = Arc::new(Notify::new());
        let number = table.add(Plain { since: now, idle: true, evicted: Arc::clone(&evicted) });
        SlotResult::Taken(PlainSlot { slots: Arc::clone(self), number, evicted })
    }

    /// Evicts the connection that has been idle longest, if one is idle.
    pub(super) fn free_one(&self) {
        let mut table = self.table();
        if let Some((number, _)) = table.idlest() {
            table.evict(number);
        }
    }

    /// Takes a slot for a client from this address.
    pub(crate) fn take_client(self: &Arc<ConnectionSlots>, peer: IpAddr) -> Result<ClientSlot, Cap> {
        let address = owner(peer);
        let mut table = self.table();
        if table.clients >= self.clients_max {
            return Err(Cap::Clients);
        }
        let of_address = table.by_address.entry(address).or_default();
        if *of_address >= self.per_address_max {
            return Err(Cap::Address);
        }
        *of_address += 1;
        table.clients += 1;
        Ok(ClientSlot { slots: Arc::clone(self), address })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("nothing panics while it holds this")
    }
}

impl Table {
    fn add(&mut self, plain: Plain) -> u64 {
        self.next += 1;
        self.plain.insert(self.next, plain);
        self.next
    }

    fn idlest(&self) -> Option<(u64, Instant)> {
        self.plain.iter().find(|(_, plain)| plain.idle).map(|(number, plain)| (*number, plain.since))
    }

    fn evict(&mut self, number: u64) {
        if let Some(plain) = self.plain.remove(&number) {
            plain.evicted.notify_one();
        }
    }
}

impl Slot {
    /// Sets whether a request is awaited.
    pub(super) fn set_idle(&mut self, idle: bool, now: Instant) {
        if let Slot::Plain(slot) = self {
            let mut table = slot.slots.table();
            if let Some(plain) = table.plain.remove(&slot.number) {
                slot.number = table.add(Plain { since: now, idle, ..plain });
            }
        }
    }
}

impl PlainSlot {
    /// Returns what is notified when the connection must close.
    pub(super) fn evicted(&self) -> Arc<Notify> {
        Arc::clone(&self.evicted)
    }
}

impl Drop for PlainSlot {
    fn drop(&mut self) {
        self.slots.table().plain.remove(&self.number);
    }
}

impl Drop for ClientSlot {
    fn drop(&mut self) {
        let mut table = self.slots.table();
        table.clients -= 1;
        let left = table.by_address.get_mut(&self.address).expect("it was counted");
        *left -= 1;
        if *left == 0 {
            table.by_address.remove(&self.address);
        }
    }
}

/// Returns the part of an address that identifies one peer: IPv6 networks are assigned as a whole.
fn owner(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_and_leaves_the_rest_to_others() {
        let slots = ConnectionSlots::new(4, 2);
        let of = |text| slots.take_client(address(text));
        let one = [of("10.0.0.1").unwrap(), of("::ffff:10.0.0.1").unwrap()];
        assert_eq!(of("10.0.0.1").unwrap_err(), Cap::Address);
        let other = [of("2001:db8::1").unwrap(), of("2001:db8::ffff:2").unwrap()];
        assert_eq!(of("10.0.0.2").unwrap_err(), Cap::Clients);
        drop(one);
        assert_eq!(of("2001:db8::3").unwrap_err(), Cap::Address);
        assert!(of("2001:db8:0:1::3").is_ok());
        drop(other);
        assert!(slots.table().by_address.is_empty() && slots.table().clients == 0);
    }

    #[tokio::test]
    async fn whoever_is_idle_for_longest_makes_room_after_its_grace() {
        let slots = ConnectionSlots::new(1, 1);
        let begun = Instant::now();
        let mut taken: Vec<Slot> = Vec::new();
        let mut evictions = Vec::new();
        for _ in 0..PLAIN_MAX {
            let SlotResult::Taken(slot) = slots.take(begun) else { panic!("a slot is free") };
            evictions.push(slot.evicted());
            taken.push(Slot::Plain(slot));
        }
        assert!(matches!(slots.take(begun), SlotResult::NotBefore(at) if at == begun + GRACE));
        // the first one has a request, the second one had a request and waits for the next
        let later = begun + GRACE;
        taken[0].set_idle(false, later);
        taken[1].set_idle(false, later);
        taken[1].set_idle(true, later);
        let SlotResult::Taken(_new) = slots.take(later) else { panic!("the third makes room") };
        evictions[2].notified().await;
        taken.iter_mut().for_each(|slot| slot.set_idle(false, later));
        slots.free_one();
        let SlotResult::Taken(_new) = slots.take(later) else { panic!("the one that came last has gone") };
        taken[0] = Slot::Client { _slot: slots.take_client(address("10.0.0.1")).unwrap() };
        assert!(matches!(slots.take(later), SlotResult::Taken(_)), "a client holds no slot of the pool");
    }
}
