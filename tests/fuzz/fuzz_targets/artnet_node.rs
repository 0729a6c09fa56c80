#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wristcast_core::artnet_node::fuzz::node(bytes));
