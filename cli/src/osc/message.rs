//! From a datagram to orders: what is in it, and who may ask for it.

use std::net::IpAddr;

use rosc::{OscMessage, OscPacket, OscType};
use wristcast_core::steering::{Actor, Request};

use super::Refusal;
use super::address::{Groups, requests};
use crate::http::Tokens;

/// Longest datagram that is looked at, bytes. rosc takes packets and arrays apart by recursion: the
/// limit keeps it shallow.
pub(super) const DATAGRAM_MAX: usize = 4096;

/// Most bundles in one datagram, those in bundles counted.
const BUNDLES_MAX: usize = 16;

/// The messages of a datagram, those in bundles in their order. Time tags do not count: an order is
/// obeyed when it comes.
pub(super) fn messages(datagram: &[u8]) -> Result<Vec<OscMessage>, Refusal> {
    let bundles = datagram.windows(8).filter(|bytes| bytes == b"#bundle\0").count();
    if datagram.len() > DATAGRAM_MAX || bundles > BUNDLES_MAX {
        return Err(Refusal::Malformed);
    }
    match rosc::decoder::decode_udp(datagram) {
        Ok(([], packet)) => {
            let mut messages = Vec::new();
            flatten(packet, &mut messages);
            Ok(messages)
        }
        _ => Err(Refusal::Malformed),
    }
}

fn flatten(packet: OscPacket, messages: &mut Vec<OscMessage>) {
    match packet {
        OscPacket::Message(message) => messages.push(message),
        OscPacket::Bundle(bundle) => {
            bundle.content.into_iter().for_each(|packet| flatten(packet, messages));
        }
    }
}

/// The orders of a message, and who gives them. With `tokens`, it must have one: as the first part
/// of its address or as its first argument.
///
/// # Errors
///
/// Why it is not obeyed, with the address if the sender may know of it.
pub(super) fn orders(
    message: &OscMessage,
    from: IpAddr,
    tokens: Option<&Tokens>,
    groups: &Groups,
) -> Result<(Vec<Request>, Actor), (Refusal, String)> {
    let mut parts: Vec<&str> = message.addr.split('/').skip(1).collect();
    let mut arguments = &message.args[..];
    let mut name = String::new();
    if let Some(tokens) = tokens {
        let by_address = parts.first().and_then(|part| tokens.name_of(part));
        let by_argument = match arguments {
            [OscType::String(text), ..] => tokens.name_of(text),
            _ => None,
        };
        match (by_address, by_argument) {
            (Some(holder), _) => {
                name = holder.to_owned();
                parts.remove(0);
            }
            (None, Some(holder)) => {
                name = holder.to_owned();
                arguments = &arguments[1..];
            }
            (None, None) => return Err((Refusal::Token, String::new())),
        }
    }
    let actor = Actor { name, front: "osc", address: Some(from) };
    match requests(&parts, arguments, groups) {
        Ok(requests) => Ok((requests, actor)),
        Err(refusal) => Err((refusal, format!("/{}", parts.join("/")))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rosc::{OscBundle, OscTime, encoder};

    use super::*;

    const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 5));

    fn groups() -> Groups {
        Groups::new(["left".to_owned(), "right".to_owned()].into_iter())
    }

    fn message(addr: &str, args: Vec<OscType>) -> OscPacket {
        OscPacket::Message(OscMessage { addr: addr.to_owned(), args })
    }

    fn bundle(content: Vec<OscPacket>) -> OscPacket {
        OscPacket::Bundle(OscBundle { timetag: OscTime { seconds: 0, fractional: 1 }, content })
    }

    fn heard(datagram: &[u8]) -> Vec<Request> {
        let all = messages(datagram).unwrap();
        let one = |message| orders(message, FROM, None, &groups()).unwrap().0;
        all.iter().flat_map(one).collect()
    }

    #[test]
    fn a_bundle_in_a_bundle_is_its_messages_in_their_order() {
        let freeze = message("/wristcast/freeze", vec![]);
        let packet = bundle(vec![
            freeze,
            bundle(vec![message("/wristcast/master", vec![OscType::Float(0.0)])]),
            message("/wristcast/panic", vec![]),
        ]);
        let words: Vec<String> =
            heard(&encoder::encode(&packet).unwrap()).iter().map(ToString::to_string).collect();
        assert!(words[0].starts_with("freeze") && words[2].starts_with("PANIC"), "{words:?}");
        assert_eq!(words[1], "grand master at 0 %");
    }

    #[test]
    fn packets_in_packets_and_arrays_in_arrays_without_end_are_refused_or_ignored() {
        let mut deep = message("/wristcast/panic", vec![]);
        for _ in 0..200 {
            deep = bundle(vec![deep]);
        }
        let datagram = encoder::encode(&deep).unwrap();
        assert_eq!(messages(&datagram), Err(Refusal::Malformed));

        let depth = (DATAGRAM_MAX - 32) / 2;
        let mut datagram = b"/wristcast/panic\0\0\0\0,".to_vec();
        datagram.extend(vec![b'['; depth]);
        datagram.extend(vec![b']'; depth]);
        datagram.push(0);
        datagram.resize(datagram.len().next_multiple_of(4), 0);
        assert!(datagram.len() <= DATAGRAM_MAX);
        let messages = messages(&datagram).unwrap();
        let refused = orders(&messages[0], FROM, None, &groups()).unwrap_err();
        assert_eq!(refused.0, Refusal::Arguments);
    }

    #[test]
    fn what_is_cut_off_or_has_more_behind_it_is_refused_whole() {
        let datagram =
            encoder::encode(&message("/wristcast/panic", vec![OscType::Float(1.0)])).unwrap();
        for end in 0..datagram.len() {
            assert_eq!(messages(&datagram[..end]), Err(Refusal::Malformed), "{end}");
        }
        assert_eq!(messages(&[&datagram[..], b"more"].concat()), Err(Refusal::Malformed));
        assert_eq!(messages(&vec![b'/'; DATAGRAM_MAX + 1]), Err(Refusal::Malformed));
    }

    fn any_argument() -> impl Strategy<Value = OscType> {
        prop_oneof![
            any::<f32>().prop_map(OscType::Float),
            (0.0..=1.0f32).prop_map(OscType::Float),
            any::<f64>().prop_map(OscType::Double),
            any::<i32>().prop_map(OscType::Int),
            any::<bool>().prop_map(OscType::Bool),
            ".{0,12}".prop_map(OscType::String),
            Just(OscType::Nil),
            Just(OscType::Inf),
            proptest::collection::vec(any::<u8>(), 0..9).prop_map(OscType::Blob),
        ]
    }

    fn any_address() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec![
            "wristcast",
            "group",
            "left",
            "*",
            "[!l]*",
            "{left,right}",
            "master",
            "level",
            "panic",
            "release",
            "freeze",
            "override",
            "identify",
            "chase",
            "m?ster",
            "",
            "[",
            "ö",
            "x",
        ]);
        proptest::collection::vec(part, 0..6).prop_map(|parts| format!("/{}", parts.join("/")))
    }

    proptest! {
        /// Bytes that are no OSC give no order and no panic.
        #[test]
        fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(messages) = messages(&bytes) {
                for message in &messages {
                    let _ = orders(message, FROM, None, &groups());
                }
            }
        }

        /// A datagram with a few bytes changed likewise.
        #[test]
        fn any_broken_datagram_gets_an_answer(
            address in any_address(),
            arguments in proptest::collection::vec(any_argument(), 0..6),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let packet = bundle(vec![message(&address, arguments)]);
            let Ok(mut datagram) = encoder::encode(&packet) else { return Ok(()) };
            for (place, byte) in changes {
                let place = place.index(datagram.len());
                datagram[place] = byte;
            }
            for message in messages(&datagram).unwrap_or_default() {
                let _ = orders(&message, FROM, None, &groups());
            }
        }

        /// What comes of a message is an order that a show understands, or is refused; panic is
        /// never released but by its own address.
        #[test]
        fn an_order_names_only_groups_that_there_are(
            address in any_address(),
            arguments in proptest::collection::vec(any_argument(), 0..6),
        ) {
            let message = OscMessage { addr: address.clone(), args: arguments };
            let Ok((requests, actor)) = orders(&message, FROM, None, &groups()) else { return Ok(()) };
            prop_assert_eq!(actor.to_string(), "osc 10.0.0.5");
            for request in requests {
                let known = |name: &str| ["left", "right"].iter().position(|&one| one == name);
                let order = request.order(|name| known(name).map(|index| index as u32));
                prop_assert!(!format!("{order:?}").contains("NoSuchGroup"), "{order:?}");
                if let Request::Panic(switch) = request {
                    prop_assert_eq!(switch.on, address == "/wristcast/panic");
                }
            }
        }
    }
}
