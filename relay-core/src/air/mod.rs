//! What the air does to adverts: time on the air, collisions, and how long it takes until bands
//! have heard something. Closed forms, for planning; the simulated crowd in `benches/` checks them.
//!
//! Not part of the relay's path. Floats are welcome here.

pub mod coverage;
pub mod latency;

use std::time::Duration;

use crate::config::{AirWay, BroadcastConfig};

/// Time of one packet on the air at 1 Mbit/s: preamble, access address, header, payload, CRC (Core
/// 5.4, Vol 6, Part B, 2.1).
pub fn packet(payload_len: usize) -> Duration {
    Duration::from_micros((1 + 4 + 2 + payload_len as u64 + 3) * 8)
}

/// What one advert with `data_len` bytes of advertising data keeps of the primary channels, each
/// of the three: a legacy advert itself, or the pointer to an extended one.
pub fn primary_packet(way: AirWay, data_len: usize) -> Duration {
    match way {
        // Advertiser's address.
        AirWay::Legacy => packet(6 + data_len),
        // Extended header with ADI and AuxPtr.
        AirWay::Extended | AirWay::Periodic => packet(7),
    }
}

/// The packet with the data on a secondary channel.
pub fn secondary_packet(way: AirWay, data_len: usize) -> Duration {
    match way {
        AirWay::Legacy => Duration::ZERO,
        // Extended header with address and ADI.
        AirWay::Extended => packet(10 + data_len),
        AirWay::Periodic => packet(1 + data_len),
    }
}

/// Share of adverts that a band hears of one radio: it listens for `duty` of the time, `audible`
/// radios of the same kind do not know of each other, and `packet_loss` of what does not collide is
/// lost all the same.
///
/// Two packets collide if one begins within a packet's time of the other. Advertisers move by 0 to
/// 10 ms at random, 5 on average. A periodic train meets another's on one channel in 37.
pub fn heard(
    way: AirWay,
    interval: Duration,
    data_len: usize,
    audible: usize,
    packet_loss: f64,
    duty: f64,
) -> f64 {
    let others = audible.saturating_sub(1) as f64;
    let busy = |packet: Duration, every: Duration| {
        (2.0 * packet.as_secs_f64() / every.as_secs_f64()).min(1.0)
    };
    let mean = interval + Duration::from_millis(5);
    let clear = match way {
        AirWay::Legacy => 1.0 - busy(primary_packet(way, data_len), mean),
        AirWay::Extended => {
            (1.0 - busy(primary_packet(way, data_len), mean))
                * (1.0 - busy(secondary_packet(way, data_len), mean) / 37.0)
        }
        AirWay::Periodic => 1.0 - busy(secondary_packet(way, data_len), interval) / 37.0,
    };
    duty * clear.powf(others) * (1.0 - packet_loss)
}

/// Opportunities until a share `of` bands (0..1) has heard one, if each is heard with `heard`.
/// `None` if never.
pub fn opportunities(heard: f64, of: f64) -> Option<u32> {
    if heard >= 1.0 {
        return Some(1);
    }
    (heard > 0.0).then(|| ((1.0 - of).ln() / (1.0 - heard).ln()).ceil().max(1.0) as u32)
}

/// How a radio's frames go on the air at worst: every group changes at once, to colours that have
/// nothing in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Groups on the air.
    pub groups: usize,
    /// Frames for all of them.
    pub frames: usize,
    /// How long each is on the air.
    pub slot: Duration,
    /// Share of time that one controller sends, on its busiest channel.
    pub busy: f64,
    /// Until 99 % of bands have heard a change, at the loss the show reckons with. `None`: never.
    pub until_99: Option<Duration>,
    /// Until 99.9 %.
    pub until_999: Option<Duration>,
    /// Share of bands that miss all repeats of a change and wait for a keyframe.
    pub left_to_keyframes: f64,
}

impl Budget {
    /// Of a radio in a show of `groups` groups.
    pub fn of(radio: &BroadcastConfig, groups: usize) -> Self {
        let groups = if radio.groups.is_empty() { groups } else { radio.groups.len() };
        // Header and code; then the two formats that hold looks that have nothing in common.
        let overhead = broadcast_frame::frame::HEADER_LEN
            + if radio.key.is_some() { broadcast_frame::mac::MAC_LEN } else { 0 };
        let room = radio.way.room() - overhead;
        let per_frame = match radio.nearest_colours {
            true => (2 * (room - 4)).min(255),
            false => (room - 2) / 3,
        };
        let frames = groups.div_ceil(per_frame).max(1);
        let slot = radio.slot();
        let until = |of| {
            let turns = opportunities(1.0 - radio.loss, of)?;
            Some(slot * turns * frames as u32)
        };
        let data = radio.way.room() + broadcast_frame::advert::OVERHEAD;
        let per_event = 3 * primary_packet(radio.way, data) + secondary_packet(radio.way, data);
        Self {
            groups,
            frames,
            slot,
            busy: per_event.as_secs_f64() / radio.interval.as_secs_f64(),
            until_99: until(0.99),
            until_999: until(0.999),
            left_to_keyframes: radio.loss.powi(i32::from(radio.repeats)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_take_the_time_that_the_specification_gives_them() {
        let micros = |time: Duration| time.as_micros();
        assert_eq!(micros(primary_packet(AirWay::Legacy, 31)), 376);
        assert_eq!(micros(primary_packet(AirWay::Legacy, 15)), 248);
        assert_eq!(micros(secondary_packet(AirWay::Extended, 245)), 2_120);
        assert_eq!(micros(secondary_packet(AirWay::Periodic, 128)), 1_112);
    }

    /// Event-level simulations gave .900/.881, .821/.814, .684/.681 and .273/.279 for 1, 4, 10
    /// and 40 advertisers (formula/simulated), and .411/.395 for 4 at half duty.
    #[test]
    fn the_share_heard_is_that_of_the_event_level_simulation_to_two_hundredths() {
        let heard = |audible, duty| {
            heard(AirWay::Legacy, Duration::from_millis(20), 31, audible, 0.1, duty)
        };
        for (audible, duty, simulated) in
            [(1, 1.0, 0.881), (4, 1.0, 0.814), (10, 1.0, 0.681), (40, 1.0, 0.279), (4, 0.5, 0.395)]
        {
            let closed: f64 = heard(audible, duty);
            assert!((closed - simulated).abs() < 0.02, "{audible} {closed} {simulated}");
        }
    }

    #[test]
    fn the_time_to_nearly_all_bands_follows_from_the_loss() {
        assert_eq!(opportunities(0.7, 0.99), Some(4));
        assert_eq!(opportunities(0.7, 0.999), Some(6));
        assert_eq!([opportunities(1.0, 0.999), opportunities(0.0, 0.5)], [Some(1), None]);
        let radio = BroadcastConfig {
            key: Some(broadcast_frame::Key([0; 16])),
            ..BroadcastConfig::default()
        };
        let budget = Budget::of(&radio, 80);
        assert_eq!((budget.frames, budget.slot.as_millis()), (2, 30));
        assert_eq!(budget.until_99, Some(Duration::from_millis(240)));
        let legacy = Budget::of(&BroadcastConfig { way: AirWay::Legacy, ..radio }, 80);
        assert_eq!(legacy.frames, 27);
    }
}
