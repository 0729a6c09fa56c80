//! How many clients are served at a time, so that no one of them can keep the others out.
//!
//! Every address has its own places; a client beyond them waits while the others of that address
//! are served, and what waits is bounded, too, for every address and for all of them. Whoever comes
//! when all is taken is sent away.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Clients served at the same time, all addresses together.
const PLACES: usize = 256;

/// Clients of one address served at the same time.
const PLACES_PER_ADDRESS: usize = 64;

/// Clients that wait for a place at the same time, all addresses together.
const WAITING_MAX: usize = 256;

/// Clients of one address that wait: a crowd at one door leaves the others open.
const WAITING_PER_ADDRESS: usize = 128;

/// Longest wait for a place.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// The places of a server.
#[derive(Clone, Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    addresses: Arc<Mutex<BTreeMap<IpAddr, Arc<Door>>>>,
}

/// What one address has.
#[derive(Debug)]
struct Door {
    places: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// A place; dropping it gives it to the next.
#[derive(Debug)]
pub(super) struct Place {
    _all: OwnedSemaphorePermit,
    _address: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new() -> Self {
        Self {
            all: Arc::new(Semaphore::new(PLACES)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            addresses: Arc::default(),
        }
    }

    /// Lets a client from `address` wait for a place; `None`: too many wait already.
    pub(super) fn queue(
        &self,
        address: IpAddr,
    ) -> Option<impl Future<Output = Option<Place>> + use<>> {
        let (all, door) = (self.all.clone(), self.of(address));
        let waits = door.waiting.clone().try_acquire_owned().ok()?;
        let waits = (waits, self.waiting.clone().try_acquire_owned().ok()?);
        Some(async move {
            let place = tokio::time::timeout(WAIT_MAX, async {
                // Its own first: who waits for that takes nobody else's place.
                let own = door.places.clone().acquire_owned().await.ok()?;
                let all = all.acquire_owned().await.ok()?;
                Some(Place { _all: all, _address: own })
            });
            let place = place.await.ok().flatten();
            drop(waits);
            place
        })
    }

    /// The places of one address. Those of addresses that nobody uses now are forgotten.
    fn of(&self, address: IpAddr) -> Arc<Door> {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if addresses.len() > PLACES + WAITING_MAX {
            addresses.retain(|_, door| door.is_used());
        }
        addresses.entry(address.to_canonical()).or_insert_with(Door::new).clone()
    }
}

impl Door {
    fn new() -> Arc<Self> {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Arc::new(Self {
            places: semaphore(PLACES_PER_ADDRESS),
            waiting: semaphore(WAITING_PER_ADDRESS),
        })
    }

    fn is_used(&self) -> bool {
        self.places.available_permits() < PLACES_PER_ADDRESS
            || self.waiting.available_permits() < WAITING_PER_ADDRESS
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// Polls once: a place, or it waits.
    fn try_now(
        future: &mut std::pin::Pin<Box<impl Future<Output = Option<Place>>>>,
    ) -> Option<Place> {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(place) => place,
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn one_address_cannot_take_the_places_of_another() {
        let places = Places::new();
        let greedy: IpAddr = [10, 0, 0, 66].into();
        let mut taken = Vec::new();
        for _ in 0..PLACES_PER_ADDRESS {
            taken.push(places.queue(greedy).unwrap().await.unwrap());
        }
        let mut next = Box::pin(places.queue(greedy).unwrap());
        assert!(try_now(&mut next).is_none(), "it waits");
        assert!(places.queue([10, 0, 0, 5].into()).unwrap().await.is_some(), "others do not");
        taken.pop();
        assert!(next.await.is_some(), "a place that is given back goes to who waits");
    }

    #[tokio::test]
    async fn what_waits_is_bounded() {
        let places = Places::new();
        let address: IpAddr = [10, 0, 0, 66].into();
        let waiting: Vec<_> = (0..WAITING_PER_ADDRESS).map(|_| places.queue(address)).collect();
        assert!(waiting.iter().all(Option::is_some));
        assert!(places.queue(address).is_none(), "sent away");
        assert!(places.queue([10, 0, 0, 5].into()).is_some(), "another address is not");
        drop(waiting);
        assert!(places.queue(address).is_some());
        let crowd = |n: usize| IpAddr::from([10, 0, 1, (n % 200) as u8]);
        let waiting: Vec<_> = (0..WAITING_MAX).map(|n| places.queue(crowd(n))).collect();
        assert!(waiting.iter().all(Option::is_some));
        assert!(places.queue(address).is_none(), "all addresses together");
    }
}
