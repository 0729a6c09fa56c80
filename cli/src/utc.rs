//! Wall-clock times, in UTC.

use time::OffsetDateTime;

/// `2026-11-21 13:20:11 UTC` of nanoseconds since 1970-01-01.
pub(crate) fn text(epoch_nanos: u64) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp_nanos(epoch_nanos.into()) else {
        return "an impossible date".to_owned();
    };
    let (hour, minute, second) = at.time().as_hms();
    format!("{} {hour:02}:{minute:02}:{second:02} UTC", at.date())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_stamp_reads_as_date_and_time() {
        assert_eq!(super::text(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(super::text(1_795_220_382_999_999_999), "2026-11-21 00:19:42 UTC");
        assert_eq!(super::text(u64::MAX), "2554-07-21 23:34:33 UTC");
    }
}
