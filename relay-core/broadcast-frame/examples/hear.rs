//! The reference decoder as a program: a band of each group named, hearing adverts from stdin.
//!
//! usage: hear COMPANY SHOW KEY[,NEXT]|none GROUP...
//! stdin: `MS BAND HEX`, an advert heard by the band (from 0) at a time in ms; `MS BAND ?`, a question.
//! stdout, to each question: `BAND RED GREEN BLUE WHITE NEW KNOWN IGNORED FALLEN SHOW_MS`.

use std::io::{self, BufRead, Write};

use wristcast_broadcast_frame::{Decoder, Heard, Identity};

struct Band {
    decoder: Decoder,
    new: u64,
    known: u64,
    ignored: u64,
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [company, show, key, groups @ ..] = arguments.as_slice() else {
        eprintln!("usage: hear COMPANY SHOW KEY[,NEXT]|none GROUP...");
        std::process::exit(2);
    };
    let number = |text: &String| text.parse::<u16>().map_err(io::Error::other);
    let mut keys = key.split(',').map(|key| bytes(key).and_then(|key| key.try_into().ok()));
    let (key, next) = (keys.next().flatten(), keys.next().flatten());
    let mut bands = Vec::new();
    for group in groups {
        let identity =
            Identity { company: number(company)?, show: number(show)?, group: number(group)? };
        let mut decoder = Decoder::new(identity);
        if let Some(key) = key {
            decoder.set_key(key);
        }
        if let Some(next) = next {
            decoder.set_next_key(next);
        }
        bands.push(Band { decoder, new: 0, known: 0, ignored: 0 });
    }
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split(' ');
        let (now, index, what) = (words.next(), words.next(), words.next());
        let now = now.and_then(|now| now.parse::<u64>().ok()).unwrap_or_default() as u32;
        let index: usize = index.and_then(|index| index.parse().ok()).unwrap_or(usize::MAX);
        let (Some(band), Some(what)) = (bands.get_mut(index), what) else { continue };
        if what == "?" {
            let [red, green, blue, white] = band.decoder.light(now);
            let (new, known, ignored) = (band.new, band.known, band.ignored);
            let fallen = u8::from(band.decoder.has_fallen_back());
            let show = band.decoder.show_clock(now).unwrap_or_default();
            writeln!(
                out,
                "{index} {red} {green} {blue} {white} {new} {known} {ignored} {fallen} {show}"
            )?;
            out.flush()?;
        } else if let Some(data) = bytes(what) {
            match band.decoder.advert(now, &data) {
                Heard::New => band.new += 1,
                Heard::Known => band.known += 1,
                Heard::Ignored(_) => band.ignored += 1,
            }
        }
    }
    Ok(())
}
