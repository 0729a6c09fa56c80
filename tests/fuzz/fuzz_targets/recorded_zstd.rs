#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wristcast_core::show::fuzz::zstd(bytes));
