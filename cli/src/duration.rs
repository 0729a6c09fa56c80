//! Durations as people write them: `10s`, `500ms`, `2m`, `1.5h`.

use std::time::Duration;

/// The longest duration taken, a year: nothing that adds it to a clock can overflow.
const SECONDS_MAX: f64 = 365.0 * 24.0 * 3600.0;

/// Parses `10s`, `500ms`, `2m`, `1.5h`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let number_len = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(number_len);
    let seconds_per_unit = match unit.trim() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{text}` has no unit: write `500ms`, `10s`, `2m` or `1h`")),
    };
    let seconds = number.trim().parse::<f64>().map_or(f64::NAN, |n| n * seconds_per_unit);
    if (0.0..=SECONDS_MAX).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!("`{text}` is no duration: write `500ms`, `10s`, `2m` or `1h`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        for (text, millis) in
            [("500ms", 500), ("10s", 10_000), ("2m", 120_000), ("1.5h", 5_400_000), ("0s", 0)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_examples() {
        for text in ["", "10", "s", "-1s", "1e9h", "infs", "NaNs", "10 parsecs", "10s5"] {
            assert!(parse(text).unwrap_err().contains("`500ms`"), "{text}");
        }
    }
}
