//! Radios over an area: how far they reach, how many of them a band hears.

/// What a venue's air is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// Power of a radio, dBm.
    pub power_dbm: f64,
    /// Weakest signal that a band receives, dBm.
    pub sensitivity_dbm: f64,
    /// What bodies between take, dB.
    pub body_db: f64,
    /// Margin for fading, dB.
    pub fade_db: f64,
    /// Path-loss exponent: 2 in the open, 3 through a crowd.
    pub exponent: f64,
}

/// Loss over the first metre at 2.4 GHz, dB.
const FIRST_METRE_DB: f64 = 40.0;

impl Link {
    /// How far a radio reaches, m.
    pub fn range_m(&self) -> f64 {
        let budget =
            self.power_dbm - self.sensitivity_dbm - self.body_db - self.fade_db - FIRST_METRE_DB;
        10f64.powf(budget / (10.0 * self.exponent))
    }
}

/// Shares of bands that hear 0, 1, 2, ... radios, when `radios` lie evenly but without a plan over
/// `area_m2`: how many are in reach is Poisson. The last stands for all above.
pub fn audible(radios: usize, range_m: f64, area_m2: f64) -> [f64; 9] {
    let mean = radios as f64 * std::f64::consts::PI * range_m * range_m / area_m2;
    let mut shares = [0.0; 9];
    let mut share = (-mean).exp();
    for (count, slot) in shares.iter_mut().enumerate().take(8) {
        *slot = share;
        share *= mean / (count + 1) as f64;
    }
    shares[8] = (1.0 - shares[..8].iter().sum::<f64>()).max(0.0);
    shares
}

/// Radios that lie on a square grid over `area_m2` reach this share of it, `range_m` each.
pub fn covered_by_grid(radios: usize, range_m: f64, area_m2: f64) -> f64 {
    if radios == 0 {
        return 0.0;
    }
    // Of one cell of the grid, with the radio in the middle.
    let half = (area_m2 / radios as f64).sqrt() / 2.0;
    let cell = 4.0 * half * half;
    if range_m >= half * std::f64::consts::SQRT_2 {
        return 1.0;
    }
    let circle = std::f64::consts::PI * range_m * range_m;
    if range_m <= half {
        return circle / cell;
    }
    // The four caps beyond the cell's sides.
    let cap = range_m * range_m * (half / range_m).acos()
        - half * (range_m * range_m - half * half).sqrt();
    (circle - 4.0 * cap) / cell
}

/// Hours that a band's battery lasts: `mah` of capacity, `receive_ma` while its receiver is on for
/// `duty` of the time, `light_ma` for its lamps, on average.
pub fn battery_hours(mah: f64, duty: f64, receive_ma: f64, light_ma: f64) -> f64 {
    mah / (duty * receive_ma + light_ma).max(1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_field() {
        let crowd = Link {
            power_dbm: 8.0,
            sensitivity_dbm: -95.0,
            body_db: 15.0,
            fade_db: 10.0,
            exponent: 3.0,
        };
        assert!((crowd.range_m() - 18.0).abs() < 1.0, "{}", crowd.range_m());
        let strong = Link { power_dbm: 20.0, ..crowd };
        assert!((strong.range_m() - 46.0).abs() < 1.5, "{}", strong.range_m());
    }

    #[test]
    fn a_grid_covers_what_its_circles_cover() {
        assert!((covered_by_grid(1, 0.5, 1.0) - std::f64::consts::FRAC_PI_4).abs() < 1e-9);
        assert_eq!(covered_by_grid(4, 100.0, 100.0), 1.0);
        assert_eq!(covered_by_grid(0, 100.0, 100.0), 0.0);
        // Just short of the corners: nearly all.
        let nearly = covered_by_grid(1, 0.70, 1.0);
        assert!((0.99..1.0).contains(&nearly), "{nearly}");
    }

    #[test]
    fn the_shares_of_audible_radios_are_all_there_is() {
        let shares = audible(32, 30.0, 30_000.0);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let mean: f64 = shares.iter().enumerate().map(|(n, share)| n as f64 * share).sum();
        assert!((2.8..3.1).contains(&mean), "{mean}");
        assert!((battery_hours(100.0, 1.0, 6.0, 4.0) - 10.0).abs() < 1e-9);
    }
}
