//! What goes wrong, and right again.

use std::time::Duration;

use wristcast_core::look::Look;
use wristcast_core::steering::{Order, Pattern, Selection};

use super::{GROUPS, Venue};
use crate::network::Weather;

impl Venue {
    /// Something goes wrong, or right again.
    pub(super) fn misfortune(&mut self) {
        self.next_weather_ms = self.now_ms() + self.noise.between(50, 1500);
        let groups = GROUPS as u64;
        let weather = &mut self.network.weather;
        match self.noise.below(21) {
            0 | 1 => *weather = Weather::default(),
            2 => weather.loss = self.noise.between(5, 60),
            3 => weather.twice = self.noise.between(5, 50),
            // Within the 19 packets that a receiver can tell from a console that started anew.
            4 | 5 => weather.jitter_ms = self.noise.between(1, 350),
            6 => {
                let whom = self.noise.below(self.consoles.len() as u64 + 1);
                weather.cut_off = Some(whom as usize);
            }
            7 => {
                let time = Duration::from_millis(self.noise.between(10, 3000));
                let deaf = self.noise.chance(30);
                self.stalled = Some((self.now + time, deaf));
            }
            8 | 9 => {
                let whom = self.noise.below(self.consoles.len() as u64) as usize;
                // Longer than any packet is under way: of an old packet between those of a console
                // that has started anew nobody can tell that it is old.
                let until = self.now_ms() + self.noise.between(1000, 12_000);
                let farewell = self.noise.chance(50);
                if self.consoles[whom].is_on() {
                    let packets = self.consoles[whom].leave(until, farewell);
                    self.send(packets);
                }
            }
            10 => {
                let whom = self.noise.below(self.consoles.len() as u64) as usize;
                self.consoles[whom].priority = self.noise.between(90, 130) as u8;
            }
            11 => {
                let lane = self.noise.below(2) as usize;
                let time = Duration::from_millis(self.noise.between(10, 2000));
                self.lanes[lane].stalled_until = Some(self.now + time);
            }
            12 => {
                let (lane, link) = (self.noise.below(2) as usize, self.noise.below(groups));
                self.lanes[lane].link_trouble[link as usize] = self.now;
                let radio = self.lanes[lane].dispatch.radio_mut();
                let up = !radio.bands[link as usize].up;
                radio.set_up(link as usize, up);
            }
            13 => {
                let loss = self.noise.below(70);
                self.lanes[self.noise.below(2) as usize].dispatch.radio_mut().loss = loss;
            }
            14 => self.order(),
            15 => self.reload(),
            16 => {
                // At once, or after the longest that the relay waits before it tries again.
                let wait = self.noise.below(2) * self.noise.between(100, 5000);
                self.network.fail(self.now + Duration::from_millis(wait));
            }
            17 => {
                let until = self.now + Duration::from_millis(self.noise.between(10, 3000));
                // Interfaces are looked at once a second.
                let joined = until + Duration::from_millis(self.noise.between(1, 1000));
                self.network.unplug(until, joined);
            }
            18 => {
                let by_ms = [-3_600_000, -500, 40, 3_600_000][self.noise.below(4) as usize];
                self.network.set_wall(self.now, by_ms);
            }
            19 => self.sleep(),
            _ => {
                let flaps = self.noise.below(60);
                self.lanes[self.noise.below(2) as usize].dispatch.radio_mut().flaps = flaps;
            }
        }
    }

    /// The machine sleeps, and the relay's clock stands still: for the relay it is no time at all,
    /// after which the consoles are far ahead and connections have broken.
    fn sleep(&mut self) {
        let (now_ms, time_ms) = (self.now_ms(), self.noise.between(100, 20_000));
        for console in &mut self.consoles {
            console.go_on(now_ms, time_ms, &mut self.noise);
        }
        self.network.lose_all();
        for lane in &mut self.lanes {
            for link in 0..GROUPS {
                if self.noise.chance(50) {
                    lane.link_trouble[link] = self.now;
                    lane.dispatch.radio_mut().reconnect(link);
                }
            }
        }
    }

    fn order(&mut self) {
        let group = Selection::These([self.noise.below(GROUPS as u64) as u32].into());
        let order = match self.noise.below(7) {
            0 => Order::Panic(true),
            1 | 2 => Order::Panic(false),
            3 => Order::Freeze(self.noise.chance(50)),
            4 => Order::GrandMaster(self.noise.byte()),
            5 => Order::Master { groups: group, level: self.noise.byte() },
            _ => Order::Override {
                groups: group,
                pattern: Pattern::Look(Look { red: 200, dimmer: 255, ..Look::DARK }),
                time: Duration::from_millis(self.noise.between(100, 5000)),
            },
        };
        self.obey(&order);
    }

    /// Everything is well from now on; consoles that are off stay off.
    pub(super) fn calm(&mut self) {
        self.network.calm(self.now);
        self.stalled = None;
        for console in &mut self.consoles {
            if !console.is_on() {
                console.off_until_ms = Some(u64::MAX >> 30);
            }
        }
        for lane in &mut self.lanes {
            lane.stalled_until = None;
            lane.trouble = self.now;
            let radio = lane.dispatch.radio_mut();
            (radio.loss, radio.flaps) = (0, 0);
            (0..GROUPS).for_each(|link| radio.set_up(link, true));
        }
        let all = || Selection::All;
        for order in [
            Order::Freeze(false),
            Order::GrandMaster(255),
            Order::Master { groups: all(), level: 255 },
            Order::Release { groups: all() },
            Order::Panic(false),
        ] {
            self.obey(&order);
        }
    }
}
