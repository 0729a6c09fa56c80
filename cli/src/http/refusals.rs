//! Wrong tokens, told: who tries them should not go unseen. Nobody is locked out for them: that would
//! be a way to keep the operator from panic, and a token is far too long to be guessed.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often they are told.
const EVERY: Duration = Duration::from_secs(60);

/// Wrong tokens since the last time they were told.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Refused>);

#[derive(Debug, Default)]
struct Refused {
    count: u64,
    told: Option<Instant>,
}

impl Refusals {
    /// A wrong token came. Words for the log, at most once a minute.
    pub(super) fn note(&self, now: Instant, from: Option<IpAddr>) -> Option<String> {
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refused.count += 1;
        if refused.told.is_some_and(|told| now.saturating_duration_since(told) < EVERY) {
            return None;
        }
        refused.told = Some(now);
        let count = std::mem::take(&mut refused.count);
        let from = from.map_or("this machine".to_owned(), |address| address.to_string());
        let orders = if count == 1 { "a request".to_owned() } else { format!("{count} requests") };
        Some(format!(
            "{orders} with a wrong token, the last from {from}; nothing was changed. If it is one of \
             the crew, give them a line of the token file"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_tokens_are_told_once_a_minute_and_all_of_them_counted() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        let from = Some([10, 0, 0, 66].into());
        let first = refusals.note(now, from).unwrap();
        assert!(first.starts_with("a request with a wrong token, the last from 10.0.0.66"));
        for n in 0..40 {
            assert_eq!(refusals.note(now + Duration::from_secs(n), from), None);
        }
        let next = refusals.note(now + Duration::from_secs(60), from).unwrap();
        assert!(next.starts_with("41 requests with a wrong token"), "{next}");
    }
}
