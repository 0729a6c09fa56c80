//! Latencies as people read them.

/// `21 µs`, `1.2 ms`, `2.50 s`.
pub(crate) fn latency(micros: f64) -> String {
    if micros < 1_000.0 {
        format!("{micros:.0} µs")
    } else if micros < 1_000_000.0 {
        format!("{:.1} ms", micros / 1_000.0)
    } else {
        format!("{:.2} s", micros / 1_000_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_take_the_unit_that_fits() {
        assert_eq!(
            [0.4, 21.4, 1_234.0, 2_500_000.0].map(latency),
            ["0 µs", "21 µs", "1.2 ms", "2.50 s"]
        );
    }
}
