//! The addresses that a relay answers to, and the order that each is: docs/osc.md as code.

use rosc::OscType;
use wristcast_core::steering::{
    EndLookRequest, LookRequest, MasterRequest, OverrideRequest, ReleaseRequest, Request,
    StartLookRequest, Switch, TestPattern,
};

use super::Refusal;
use super::pattern::Pattern;

/// The first part of every address.
const ROOT: &str = "wristcast";

/// Before the name of a group.
const GROUP: &str = "group";

/// How long a test pattern lasts if the message does not say, seconds.
const PATTERN_SECONDS: f64 = 10.0;

/// How far a fader may be out of its range by rounding.
const SLACK: f64 = 0.005;

/// The groups of a show as OSC names them.
#[derive(Debug, Default)]
pub(super) struct Groups(Vec<(String, String)>);

impl Groups {
    pub(super) fn new(names: impl Iterator<Item = String>) -> Self {
        Self(names.map(|name| (osc_name(&name), name)).collect())
    }

    /// Those that a pattern stands for, in the order of the show.
    fn find(&self, pattern: &Pattern<'_>) -> Result<Vec<String>, Refusal> {
        let found = self.0.iter().filter(|(osc, _)| pattern.matches(osc));
        let found: Vec<String> = found.map(|(_, name)| name.clone()).collect();
        if found.is_empty() { Err(Refusal::Group) } else { Ok(found) }
    }
}

/// A group's name as an address may have it: what an address cannot hold is `_`.
fn osc_name(name: &str) -> String {
    let fits = |c: char| c.is_ascii_graphic() && !"#*,/?[]{}".contains(c);
    name.chars().map(|c| if fits(c) { c } else { '_' }).collect()
}

/// What the last parts of an address ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Panic,
    PanicRelease,
    Freeze,
    StartLook,
    EndLook,
    EndLookHold,
    Master,
    MasterLevel,
    Override,
    Pattern(TestPattern),
    Release,
}

/// Of the whole show alone. Panic is not for wildcards: nobody shall hit it, or worse its release,
/// with a `*`.
const OF_SHOW: [(&[&str], Method); 6] = [
    (&["panic"], Method::Panic),
    (&["panic", "release"], Method::PanicRelease),
    (&["freeze"], Method::Freeze),
    (&["start_look"], Method::StartLook),
    (&["end_look"], Method::EndLook),
    (&["end_look", "hold"], Method::EndLookHold),
];

/// Of the whole show, or of groups.
const OF_BOTH: [(&[&str], Method); 7] = [
    (&["master"], Method::Master),
    (&["master", "level"], Method::MasterLevel),
    (&["override"], Method::Override),
    (&["identify"], Method::Pattern(TestPattern::Identify)),
    (&["colours"], Method::Pattern(TestPattern::Colours)),
    (&["chase"], Method::Pattern(TestPattern::Chase)),
    (&["release"], Method::Release),
];

/// The orders that a message is; none if it tells of a button that was let go. `parts` are those of
/// its address, `/` left out.
pub(super) fn requests(
    parts: &[&str],
    arguments: &[OscType],
    groups: &Groups,
) -> Result<Vec<Request>, Refusal> {
    let parts: Option<Vec<Pattern<'_>>> = parts.iter().map(|part| Pattern::parse(part)).collect();
    let parts = parts.ok_or(Refusal::Address)?;
    let [root, parts @ ..] = &parts[..] else { return Err(Refusal::Address) };
    if !root.matches(ROOT) {
        return Err(Refusal::Address);
    }
    let mut requests = Vec::new();
    let mut known = false;
    for (path, method) in OF_SHOW.into_iter().chain(OF_BOTH) {
        let literal = matches!(method, Method::Panic | Method::PanicRelease);
        if (!literal || parts.iter().all(Pattern::is_literal)) && is_path(parts, path) {
            known = true;
            requests.extend(method.request(arguments, None)?);
        }
    }
    if let [group, name, rest @ ..] = parts
        && group.matches(GROUP)
    {
        for (path, method) in OF_BOTH {
            if is_path(rest, path) {
                known = true;
                requests.extend(method.request(arguments, Some(groups.find(name)?))?);
            }
        }
    }
    if known { Ok(requests) } else { Err(Refusal::Address) }
}

fn is_path(parts: &[Pattern<'_>], path: &[&str]) -> bool {
    parts.len() == path.len() && parts.iter().zip(path).all(|(part, name)| part.matches(name))
}

impl Method {
    /// The order, for these groups or all; `None`: a button was let go.
    fn request(
        self,
        arguments: &[OscType],
        groups: Option<Vec<String>>,
    ) -> Result<Option<Request>, Refusal> {
        Ok(match self {
            // A finger that leaves the button does not give the light back.
            Self::Panic => pressed(arguments)?.then_some(Request::Panic(Switch { on: true })),
            Self::PanicRelease => {
                pressed(arguments)?.then_some(Request::Panic(Switch { on: false }))
            }
            Self::Freeze => Some(Request::Freeze(Switch { on: pressed(arguments)? })),
            Self::StartLook => {
                let look = chosen(arguments)?;
                Some(Request::StartLook(StartLookRequest { look }))
            }
            Self::EndLook => {
                let look = chosen(arguments)?;
                Some(Request::EndLook(EndLookRequest { look, hold: false }))
            }
            Self::EndLookHold => pressed(arguments)?
                .then_some(Request::EndLook(EndLookRequest { look: None, hold: true })),
            Self::Master | Self::MasterLevel => {
                let [argument] = arguments else { return Err(Refusal::Arguments) };
                let level = match self {
                    Self::Master => unit(argument)?,
                    _ => whole_level(argument)?,
                };
                Some(Request::Master(MasterRequest { level, groups }))
            }
            Self::Override => Some(Request::Override(over(arguments, groups)?)),
            Self::Pattern(pattern) => {
                let (button, seconds) = match arguments {
                    [] => (&[][..], PATTERN_SECONDS),
                    [_] => (arguments, PATTERN_SECONDS),
                    [button, seconds] => (std::slice::from_ref(button), number(seconds)?),
                    _ => return Err(Refusal::Arguments),
                };
                let pattern = Some(pattern);
                let test = OverrideRequest { groups, look: None, pattern, seconds };
                pressed(button)?.then_some(Request::Override(test))
            }
            Self::Release => {
                pressed(arguments)?.then_some(Request::Release(ReleaseRequest { groups }))
            }
        })
    }
}

/// Seconds, and a look.
fn over(arguments: &[OscType], groups: Option<Vec<String>>) -> Result<OverrideRequest, Refusal> {
    let [seconds, colours @ ..] = arguments else { return Err(Refusal::Arguments) };
    let look = Some(look(colours)?);
    Ok(OverrideRequest { groups, look, pattern: None, seconds: number(seconds)? })
}

/// A look, or nothing for what the show file says.
fn chosen(arguments: &[OscType]) -> Result<Option<LookRequest>, Refusal> {
    if arguments.is_empty() { Ok(None) } else { look(arguments).map(Some) }
}

/// Red, green, blue, and white and dimmer if they are there.
fn look(arguments: &[OscType]) -> Result<LookRequest, Refusal> {
    let [red, green, blue, more @ ..] = arguments else { return Err(Refusal::Arguments) };
    if more.len() > 2 {
        return Err(Refusal::Arguments);
    }
    Ok(LookRequest {
        red: unit(red)?,
        green: unit(green)?,
        blue: unit(blue)?,
        white: more.first().map_or(Ok(0), unit)?,
        dimmer: more.get(1).map(unit).transpose()?,
        fade_ms: 0,
    })
}

/// Whether a button is down. A message without arguments is a press: cues are sent so.
fn pressed(arguments: &[OscType]) -> Result<bool, Refusal> {
    match arguments {
        [] | [OscType::Inf] => Ok(true),
        [argument] => Ok(number(argument)? >= 0.5),
        _ => Err(Refusal::Arguments),
    }
}

/// Any number, whatever type the sender gave it: `1` is often sent as an integer where a fader is
/// meant.
fn number(argument: &OscType) -> Result<f64, Refusal> {
    let number = match argument {
        OscType::Float(number) => f64::from(*number),
        OscType::Double(number) => *number,
        OscType::Int(number) => f64::from(*number),
        OscType::Long(number) => *number as f64,
        OscType::Bool(on) => f64::from(u8::from(*on)),
        _ => return Err(Refusal::Arguments),
    };
    if number.is_finite() { Ok(number) } else { Err(Refusal::Arguments) }
}

/// A fader, 0 to 1, as a level.
fn unit(argument: &OscType) -> Result<u8, Refusal> {
    let number = number(argument)?;
    if !(-SLACK..=1.0 + SLACK).contains(&number) {
        return Err(Refusal::Arguments);
    }
    Ok((number.clamp(0.0, 1.0) * 255.0).round() as u8)
}

/// A level, 0 to 255.
fn whole_level(argument: &OscType) -> Result<u8, Refusal> {
    let number = number(argument)?;
    if !(0.0..=255.0).contains(&number) {
        return Err(Refusal::Arguments);
    }
    Ok(number.round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> Groups {
        let names = ["row-1", "row-2", "row-12", "Röd låda 1", "group"];
        Groups::new(names.into_iter().map(str::to_owned))
    }

    fn asked(address: &str, arguments: &[OscType]) -> Result<Vec<Request>, Refusal> {
        let parts: Vec<&str> = address.split('/').skip(1).collect();
        requests(&parts, arguments, &groups())
    }

    fn one(address: &str, arguments: &[OscType]) -> String {
        let requests = asked(address, arguments).unwrap();
        let words: Vec<String> = requests.iter().map(ToString::to_string).collect();
        words.join("; ")
    }

    const ON: OscType = OscType::Float(1.0);
    const OFF: OscType = OscType::Float(0.0);

    #[test]
    fn a_fader_of_any_type_is_a_master() {
        for (argument, words) in [
            (OscType::Float(0.5), "grand master at 50 %"),
            (OscType::Double(0.5), "grand master at 50 %"),
            (OscType::Int(1), "grand master at 100 %"),
            (OscType::Long(0), "grand master at 0 %"),
            (OscType::Bool(true), "grand master at 100 %"),
            (OscType::Float(1.000_001), "grand master at 100 %"),
        ] {
            assert_eq!(one("/wristcast/master", std::slice::from_ref(&argument)), words);
        }
        assert_eq!(one("/wristcast/master/level", &[OscType::Int(51)]), "grand master at 20 %");
        for wrong in [OscType::Float(1.1), OscType::Int(2), OscType::Int(-1), OscType::Nil] {
            let refused = asked("/wristcast/master", std::slice::from_ref(&wrong));
            assert_eq!(refused, Err(Refusal::Arguments), "{wrong:?}");
        }
        for wrong in [f32::NAN, f32::INFINITY, -1.0, 256.0] {
            let refused = asked("/wristcast/master/level", &[OscType::Float(wrong)]);
            assert_eq!(refused, Err(Refusal::Arguments), "{wrong}");
        }
        assert_eq!(asked("/wristcast/master", &[]), Err(Refusal::Arguments));
        assert_eq!(asked("/wristcast/master", &[ON, ON]), Err(Refusal::Arguments));
    }

    #[test]
    fn groups_are_named_by_wildcards() {
        let half = [OscType::Float(0.5)];
        for (group, words) in [
            ("row-1", "master of `row-1` at 50 %"),
            ("row-?", "master of 2 groups (`row-1`, `row-2`) at 50 %"),
            ("row-[1-2]", "master of 2 groups (`row-1`, `row-2`) at 50 %"),
            ("{row-12,row-1}", "master of 2 groups (`row-1`, `row-12`) at 50 %"),
            ("R_d_l_da_1", "master of `Röd låda 1` at 50 %"),
        ] {
            assert_eq!(one(&format!("/wristcast/group/{group}/master"), &half), words);
        }
        assert_eq!(asked("/wristcast/group/row-3/master", &half), Err(Refusal::Group));
        assert_eq!(asked("/wristcast/group/*/panic", &half), Err(Refusal::Address));
    }

    #[test]
    fn a_finger_that_leaves_panic_does_not_give_the_light_back() {
        let panic = Request::Panic(Switch { on: true });
        for down in [&[][..], &[ON], &[OscType::Bool(true)], &[OscType::Inf], &[OscType::Int(1)]] {
            assert_eq!(asked("/wristcast/panic", down), Ok(vec![panic.clone()]), "{down:?}");
        }
        assert_eq!(asked("/wristcast/panic", &[OFF]), Ok(vec![]));
        let release = Request::Panic(Switch { on: false });
        assert_eq!(asked("/wristcast/panic/release", &[ON]), Ok(vec![release]));
        assert_eq!(asked("/wristcast/panic/release", &[OFF]), Ok(vec![]));
        assert_eq!(
            asked("/wristcast/freeze", &[OFF]),
            Ok(vec![Request::Freeze(Switch { on: false })])
        );
    }

    #[test]
    fn no_wildcard_hits_panic_or_its_release() {
        assert_eq!(asked("/wristcast/pani?", &[ON]), Err(Refusal::Address));
        assert_eq!(asked("/wristcast/*/release", &[ON]), Err(Refusal::Address));
        assert_eq!(one("/wristcast/{panic,freeze}", &[ON]).split(':').next(), Some("freeze"));
    }

    #[test]
    fn overrides_have_a_time_and_test_patterns_one_of_their_own() {
        let argument =
            |numbers: &[f32]| numbers.iter().map(|&n| OscType::Float(n)).collect::<Vec<_>>();
        let over =
            asked("/wristcast/group/row-1/override", &argument(&[30.0, 1.0, 0.5, 0.0, 0.2, 0.4]));
        let look =
            LookRequest { red: 255, green: 128, blue: 0, white: 51, dimmer: Some(102), fade_ms: 0 };
        let groups = Some(vec!["row-1".to_owned()]);
        let expected = OverrideRequest { groups, look: Some(look), pattern: None, seconds: 30.0 };
        assert_eq!(over, Ok(vec![Request::Override(expected)]));
        for wrong in
            [&[30.0, 1.0, 1.0][..], &[30.0, 1.0, 1.0, 2.0], &[9.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]]
        {
            assert_eq!(asked("/wristcast/override", &argument(wrong)), Err(Refusal::Arguments));
        }
        assert_eq!(one("/wristcast/identify", &[ON]), "override of every group: identify for 10 s");
        let minute = [ON, OscType::Int(60)];
        assert_eq!(
            one("/wristcast/group/row-2/colours", &minute),
            "override of `row-2`: test colours for 60 s"
        );
        assert_eq!(asked("/wristcast/chase", &[OFF]), Ok(vec![]));
    }

    #[test]
    fn start_and_end_looks_are_chosen_or_left_to_the_show_file() {
        let amber = [1.0, 0.588, 0.0].map(OscType::Float);
        assert_eq!(one("/wristcast/start_look", &amber), "start look: #ff9600 at 100 %");
        assert_eq!(one("/wristcast/end_look", &amber), "end look: #ff9600 at 100 %");
        assert_eq!(one("/wristcast/end_look", &[]), "end look as the show file says");
        assert_eq!(one("/wristcast/end_look/hold", &[ON]), "end look: what the bands show then");
        assert_eq!(asked("/wristcast/end_look", &amber[..2]), Err(Refusal::Arguments));
    }

    #[test]
    fn other_addresses_are_not_ours() {
        for other in [
            "/",
            "",
            "/wristcast",
            "/wristcast/",
            "/wristcast/mastr",
            "/wristcast//master",
            "/eos/chan",
            "/wristcast/master/",
            "/wristcast/[master",
        ] {
            assert_eq!(asked(other, &[ON]), Err(Refusal::Address), "{other}");
        }
    }
}
