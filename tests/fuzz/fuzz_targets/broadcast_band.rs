#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| broadcast_frame::fuzz::decoder(bytes));
