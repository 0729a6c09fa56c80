//! The relay from DMX over UDP (sACN, Art-Net) to light on BLE wristbands.
//!
//! # Life of a frame
//!
//! ```text
//! console                                                                       wristbands
//!    │ UDP                                                                          ▲ BLE
//!    ▼                                                                              │
//! 1 receive ─► 2 wire ─► 3 merge ─► 4 patch ─► output ─► steering ─► table ──lane──► 5 schedule ─► radio
//! ```
//!
//! 1. [`receive`]: sockets → datagrams, with the kernel's arrival times. [`interfaces`] says which
//!    they may come from.
//! 2. [`wire`]: bytes → borrowed, checked views. [`artnet_node`] answers ArtPoll.
//! 3. [`merge`]: the sources of each universe → its winning levels and who owns them.
//! 4. [`patch`]: levels → looks of groups; [`output`]: what loss of signal and delay make of them;
//!    [`steering`]: what operators make of that by hand; [`table`]: the newest look of every group.
//! 5. [`schedule`]: newest looks → frames of one link, at the link's own rate; [`radio`] sends them.
//!
//! Stages 2 to 4 are the [`engine`]: a state machine without sockets, threads or a clock.
//! **After any `handle_*`: publish if the outcome says so, drain the polls, sleep until
//! `poll_timeout()`.** [`relay`] runs it live, on one thread, with a thread for each radio; recorded
//! shows ([`show`]) run through the very same engine under their own clock.
//!
//! # Promises
//!
//! * No look is ever queued: every hand-off keeps the newest ([`lane`]).
//! * A datagram's way from socket to radio takes no lock and allocates nothing after start.
//! * Network input cannot panic, allocate without bound or stall the path; every datagram ends in
//!   exactly one counter.
//! * Equal shows and equal datagrams with equal times give equal looks, on every machine.
//! * No global state: several relays run in one process.
//!
//! # Features
//!
//! `io` (default): sockets and threads; off, the engine, schedulers and codecs remain. `gatt`
//! (default): connected wristbands through the host's Bluetooth stack.
#![forbid(unsafe_code)]

pub mod air;
pub mod arrivals;
pub mod artnet_node;
pub mod band;
pub mod config;
pub mod engine;
pub mod event;
#[cfg(feature = "io")]
pub mod interfaces;
pub mod inventory;
pub mod lane;
pub mod limits;
pub mod look;
pub mod merge;
pub mod output;
pub mod patch;
pub mod radio;
#[cfg(feature = "io")]
pub mod receive;
#[cfg(feature = "io")]
pub mod record;
#[cfg(feature = "io")]
pub mod relay;
pub mod schedule;
pub mod show;
pub mod snapshot;
#[cfg(feature = "io")]
pub mod standby;
pub mod steering;
pub mod strobe;
pub mod table;
#[cfg(feature = "io")]
pub mod telemetry;
pub mod time;
mod timers;
pub mod trace;
pub mod universe;
pub mod wire;
