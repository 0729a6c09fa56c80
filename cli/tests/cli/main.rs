//! The command line as its users see it: the real binary, real sockets, real files.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests, too")]

mod bands;
mod broadcast;
mod check;
mod control;
mod demo;
mod doctor;
mod doctor_network;
mod gdtf;
mod help;
mod hostile;
mod http;
mod live;
mod metrics;
mod night_log;
mod osc;
mod record;
mod reload;
mod replay;
mod replay_network;
mod run;
mod schema;
mod send;
mod service;
mod show;
mod sources;
mod standby;
#[cfg(target_os = "linux")]
mod terminal;
#[cfg(target_os = "linux")]
mod watchdog;
mod wristcast;
