use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::time::Time;

const HEAD: &str =
    "about = \"\"\nservice = \"fff0\"\ncharacteristic = \"fff3\"\nmin_interval_ms = 50\n";

fn with(keys: &str) -> Result<Profile, Vec<Mistake>> {
    Profile::parse("test", &format!("{HEAD}{keys}"))
}

fn profile(colour: &str) -> Result<Profile, Vec<Mistake>> {
    with(&format!("colour = \"{colour}\""))
}

fn encode(colour: &str, look: Look) -> Vec<u8> {
    shown(&profile(colour).unwrap(), look).to_vec()
}

fn shown(profile: &Profile, look: Look) -> FrameBytes {
    profile.encode(&BandFrame { look, ..BandFrame::default() }, 0)
}

fn words(result: Result<Profile, Vec<Mistake>>) -> String {
    let mistakes = result.unwrap_err();
    mistakes.into_iter().map(|mistake| mistake.message).collect::<Vec<_>>().join("; ")
}

const LOOK: Look =
    Look { red: 200, green: 100, blue: 0, white: 60, dimmer: 128, strobe_dhz: 25, fade_cs: 7 };

fn colour(red: u8, green: u8, blue: u8) -> Look {
    Look { red, green, blue, dimmer: 255, ..Look::DARK }
}

#[test]
fn every_builtin_profile_gives_the_frames_that_others_have_found() {
    for (name, text) in BUILTIN {
        // Examples are held against the frames when they are read.
        let profile = Profile::parse(name, text).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        assert_eq!(Profile::builtin(name).as_ref(), Some(&profile));
        assert!(!profile.examples().is_empty() || name == "wristcast", "{name}: no example");
        for example in profile.examples() {
            assert!(!example.sources.is_empty(), "{name}");
        }
    }
    assert_eq!(Profile::builtin("no-such-band"), None);
}

#[test]
fn our_own_band_gets_our_own_frame() {
    let own = Profile::builtin("wristcast").unwrap();
    let frame = BandFrame { look: LOOK, sequence: 9, first: true, panic: false };
    assert_eq!(own.encode(&frame, 3)[..], frame.encode());
    assert!(own.fades() && own.strobes());
    assert_eq!(own.frame_len_max(), frame.encode().len());
}

#[test]
fn light_comes_with_the_dimmer_applied_unless_the_dimmer_stands_beside_it() {
    assert_eq!(encode("r g b w", LOOK), [100, 50, 0, 30]);
    assert_eq!(encode("r g b w dimmer", LOOK), [200, 100, 0, 60, 128]);
}

#[test]
fn white_is_mixed_from_colours_where_there_is_no_white() {
    assert_eq!(encode("r g b", Look { dimmer: 255, ..LOOK }), [255, 160, 60]);
}

#[test]
fn colours_come_in_the_order_of_the_words_and_as_often() {
    assert_eq!(encode("g b r r", colour(1, 2, 3)), [2, 3, 1, 1]);
}

#[test]
fn values_are_scaled_from_left_to_right_and_to_the_nearest() {
    let half = colour(128, 0, 0);
    assert_eq!(encode("r>>3 r*100/255 r/2+1 r>>1<<1", half), [16, 50, 65, 128]);
    assert_eq!(encode("r>>3<=31 r*100/255<=100", colour(255, 0, 0)), [31, 100]);
}

#[test]
fn hue_saturation_and_brightness_are_those_of_the_light() {
    for (look, hsv) in [
        (colour(255, 0, 0), [0, 0, 100, 100]),
        (colour(0, 255, 0), [0, 120, 100, 100]),
        (colour(0, 0, 255), [0, 240, 100, 100]),
        (colour(255, 0, 1), [0, 0, 100, 100]),
        (colour(255, 0, 128), [1, 74, 100, 100]),
        (colour(128, 64, 64), [0, 0, 50, 50]),
        (colour(255, 255, 0), [0, 60, 100, 100]),
        (colour(9, 9, 9), [0, 0, 0, 4]),
        (Look::DARK, [0, 0, 0, 0]),
    ] {
        assert_eq!(encode("be16:h s v", look), hsv, "{look:?}");
    }
    assert_eq!(encode("le16:h<<7|s", colour(0, 255, 0)), (120u16 << 7 | 100).to_le_bytes());
}

#[test]
fn checks_cover_the_bytes_before_them_from_where_they_say() {
    assert_eq!(encode("FE 03 r sum", colour(128, 0, 0)), [0xFE, 3, 128, 0x81]);
    assert_eq!(encode("FE 03 r sum@1+96", colour(128, 0, 0)), [0xFE, 3, 128, 0x19]);
    assert_eq!(encode("33 r pad:4 xor", colour(128, 0, 0)), [0x33, 128, 0, 0, 0x33 ^ 128]);
    assert_eq!(encode("33 r pad:4 xor@1", colour(128, 0, 0)), [0x33, 128, 0, 0, 128]);
}

#[test]
fn a_frame_can_count() {
    let counting = profile("count r").unwrap();
    let frame = BandFrame { look: colour(5, 0, 0), ..BandFrame::default() };
    assert_eq!(counting.encode(&frame, 255)[..], [255, 5]);
}

#[test]
fn a_band_that_fades_or_strobes_by_itself_gets_the_frame_for_that() {
    let able = with("colour = \"01 r g b\"\nfade = \"02 r g b fade\"\nstrobe = \"03 r strobe\"");
    let able = able.unwrap();
    assert!(able.fades() && able.strobes());
    let steady = Look { strobe_dhz: 0, dimmer: 255, white: 0, ..LOOK };
    assert_eq!(shown(&able, Look { fade_cs: 0, ..steady })[..], [1, 200, 100, 0]);
    assert_eq!(shown(&able, steady)[..], [2, 200, 100, 0, 7]);
    assert_eq!(shown(&able, Look { strobe_dhz: 25, ..steady })[..], [3, 200, 25]);
    let frame = BandFrame { look: steady, panic: true, ..BandFrame::default() };
    assert_eq!(able.encode(&frame, 0)[0], 1, "panic does not fade");
    assert!(!profile("r").unwrap().fades());
}

#[test]
fn a_value_that_could_exceed_its_range_is_refused() {
    for (colour, words) in [
        ("r>>2<=31", "`r>>2<=31` can become 63, and no more than 31 may be sent"),
        ("r*2", "can become 510, and no more than 255"),
        ("h", "can become 359"),
        ("be16:h<<8|s", "and no more than 65535"),
        ("r*65535*65535", "can become very great"),
    ] {
        let told = self::words(profile(colour));
        assert!(told.contains(words), "{colour}: {told}");
    }
}

#[test]
fn a_profile_that_cannot_be_right_is_refused_in_words() {
    for (colour, told) in [
        ("7E rr", "`rr` is no word"),
        ("7E r F", "`F` is no word"),
        ("+1 r", "`+1` is no word"),
        ("r/0", "`r/0` is no word"),
        ("r>>16", "`r>>16` is no word"),
        ("r pad:x", "`pad:x`"),
        ("00 01 00", "nothing in it depends"),
        ("", "0 bytes"),
        ("r pad:33", "`pad:33`"),
        ("r g b pad:2", "after 3 bytes"),
        ("r sum@2", "begins behind itself"),
    ] {
        let words = words(profile(colour));
        assert!(words.contains(told), "{colour}: {words}");
    }
    let red = "colour = \"r\"\n";
    for (keys, told) in [
        ("init = [\"01 g\"]", "same for every look"),
        ("off = \"01\"", "needs `on`"),
        ("keep_alive = \"AA\"", "how often?"),
        ("keep_alive = \"AA\"\nkeep_alive_ms = 20", "500 or more"),
        ("init = [\"AA\", \"AB\"]\ninit_wait_ms = 3000", "more than 5 s"),
        ("fade = \"r g b\"", "needs the word `fade`"),
        ("strobe = \"strobe\"", "and a colour"),
        ("key = \"00\"", "16 bytes"),
        ("key = \"00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F\"", "with a `key`"),
        ("hue = 1", "unknown field `hue`"),
        ("[[example]]\nlook = { red = 9 }\nframe = \"08\"\nsources = []", "makes 09 of it"),
        ("[[example]]\nof = \"on\"\nframe = \"08\"\nsources = []", "there is no such frame"),
    ] {
        let words = words(with(&format!("{red}{keys}")));
        assert!(words.contains(told), "{keys}: {words}");
    }
    let short = format!("{HEAD}{red}").replace("fff3", "fff");
    assert!(words(Profile::parse("test", &short)).contains("not a UUID"));
}

#[test]
fn a_mistake_is_told_where_the_word_stands() {
    let text = format!("{HEAD}colour = \"7E r qq\"");
    let mistakes = Profile::parse("test", &text).unwrap_err();
    assert_eq!(&text[mistakes[0].span.clone()], "qq");
}

#[test]
fn bands_are_recognised_by_name_manufacturer_or_an_advertised_service() {
    let elk = Profile::builtin("elk-bledom").unwrap();
    assert!(elk.recognises(Some("ELK-BLEDOM   "), &[], &[]));
    assert!(!elk.recognises(Some("BLEDOM"), &[elk.service().unwrap()], &[]));
    assert!(!elk.recognises(None, &[], &[]));
    let own = Profile::builtin("wristcast").unwrap();
    assert!(own.recognises(None, &[own.service().unwrap()], &[]));
    let govee = Profile::builtin("govee-0d").unwrap();
    assert!(govee.recognises(None, &[], &[0x004C, 0x8802]));
    assert!(!govee.recognises(None, &[], &[0x004C]));
}

#[test]
fn after_connecting_comes_what_the_band_needs_then_on_then_full_brightness() {
    let keys = "colour = \"r\"\non = \"01 count\"\nbrightness = \"02 dimmer*100/255<=100\"\n\
                init = [\"0A\", \"0B count\"]\ninit_wait_ms = 1000";
    let writes = with(keys).unwrap().connect_writes();
    let frames: Vec<Vec<u8>> = writes.iter().map(|(frame, _)| frame.to_vec()).collect();
    assert_eq!(frames, [vec![0x0A], vec![0x0B, 1], vec![1, 2], vec![2, 100]]);
    let waits: Vec<u128> = writes.iter().map(|(_, wait)| wait.as_millis()).collect();
    assert_eq!(waits, [1000, 1000, 50, 50]);
}

/// What one link writes, look by look.
struct Link {
    profile: Profile,
    encoder: Encoder,
    first: bool,
}

impl Link {
    fn new(keys: &str) -> Self {
        Self { profile: with(keys).unwrap(), encoder: Encoder::default(), first: true }
    }

    fn writes(&mut self, millis: u64, look: Look, panic: bool) -> Vec<Vec<u8>> {
        let frame = BandFrame { look, panic, first: self.first, sequence: 0 };
        self.first = false;
        let writes = self.encoder.writes(&self.profile, Time::from_millis(millis), &frame);
        writes.iter().map(|frame| frame.to_vec()).collect()
    }
}

#[test]
fn a_blackout_goes_dark_then_off_and_the_next_look_switches_on_first() {
    let mut link = Link::new("colour = \"00 r\"\non = \"01\"\noff = \"02\"");
    let red = colour(9, 0, 0);
    assert_eq!(link.writes(0, red, false), [[0, 9]]);
    assert_eq!(link.writes(50, Look::DARK, false), [[0, 0]], "black alone does not switch off");
    assert_eq!(link.writes(100, Look::DARK, true), [vec![0, 0], vec![2]]);
    assert_eq!(link.writes(150, red, false), [vec![1], vec![0, 9]]);
    assert_eq!(link.writes(200, red, false), [[0, 9]]);
    link.writes(250, Look::DARK, true);
    // Connecting switches it on.
    link.first = true;
    assert_eq!(link.writes(300, red, false), [[0, 9]]);
}

#[test]
fn a_keep_alive_goes_behind_a_frame_often_enough() {
    let mut link = Link::new("colour = \"00 r\"\nkeep_alive = \"AA\"\nkeep_alive_ms = 2000");
    assert_eq!(link.profile.refresh_max(), Some(Duration::from_secs(1)));
    let mut times = vec![0];
    for millis in (0..20_000).step_by(999) {
        let writes = link.writes(millis, colour(1, 0, 0), false);
        assert_eq!(writes[0], [0, 1], "the colour first");
        if writes.len() > 1 {
            assert_eq!(writes[1], [0xAA]);
            times.push(millis);
        }
    }
    assert!(times.len() > 8);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= 2_000), "{times:?}");
}

#[test]
fn every_write_of_a_connection_has_its_number() {
    let mut link = Link::new("colour = \"00 count r\"\non = \"01 count\"\noff = \"02 count\"");
    assert_eq!(link.writes(0, colour(9, 0, 0), false), [[0, 1, 9]], "on was number 0");
    assert_eq!(link.writes(50, Look::DARK, true), [vec![0, 2, 0], vec![2, 3]]);
    assert_eq!(link.writes(99, colour(9, 0, 0), false), [vec![1, 4], vec![0, 5, 9]]);
}

fn any_look() -> impl Strategy<Value = Look> {
    any::<[u8; 7]>().prop_map(|[red, green, blue, white, dimmer, strobe_dhz, fade_cs]| Look {
        red,
        green,
        blue,
        white,
        dimmer,
        strobe_dhz,
        fade_cs,
    })
}

proptest! {
    /// One who sent more than five bits a colour broke his lights for good.
    #[test]
    fn ideal_led_never_gets_more_than_five_bits_a_colour(look in any_look()) {
        let (_, text) = BUILTIN.into_iter().find(|(name, _)| *name == "ideal-led").unwrap();
        let open: String = text.lines().take_while(|line| !line.starts_with("[[example]]"))
            .filter(|line| !line.starts_with("key")).fold(String::new(), |all, line| all + line + "\n");
        let frame = shown(&Profile::parse("open", &open).unwrap(), look);
        prop_assert!(frame[9..15].iter().all(|byte| *byte <= 31), "{frame}");
    }

    /// Whatever text is given: no panic, and mistakes lie inside it.
    #[test]
    fn any_text_is_read_or_refused(words in "[rgbwhsv0-9A-F/*+<>|=@: ]{0,40}", look in any_look()) {
        match profile(&words) {
            Ok(profile) => prop_assert!(shown(&profile, look).len() <= FrameBytes::CAPACITY),
            Err(mistakes) => {
                let text = format!("{HEAD}colour = \"{words}\"");
                prop_assert!(mistakes.iter().all(|mistake| mistake.span.end <= text.len()));
            }
        }
    }
}
