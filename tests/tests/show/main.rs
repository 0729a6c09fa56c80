//! Recorded shows: what is read is what was recorded, what is written can be read, and no file,
//! however broken, does more than end early.

mod build;
mod captures;
mod formats;
mod frames;
mod hostile;
mod look;
mod peers;
mod reading;
mod roundtrip;
mod sources;
