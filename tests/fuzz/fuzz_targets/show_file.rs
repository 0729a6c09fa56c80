//! Any text as a show file: every mistake is reported inside the text, nothing panics.
#![no_main]

use wristcast_core::config::Config;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(mistakes) = Config::parse(text, "show.toml") {
        assert!(!mistakes.is_empty());
        for mistake in mistakes {
            assert!(!mistake.to_string().is_empty());
        }
    }
});
