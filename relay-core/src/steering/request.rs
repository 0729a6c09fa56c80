//! Orders as front ends give them: groups by name, values in the units of the API.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OVERRIDE_MAX, Order, Pattern, Selection};
use crate::config::EndLook;
use crate::look::Look;

/// Who gives an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The name that goes with the token, or the one the operator has on this machine. Empty: known
    /// by the address alone.
    pub name: String,
    /// What the order was given with: `page`, `http`, `osc`, `terminal`.
    pub front: &'static str,
    /// Where from; `None`: from this very process.
    pub address: Option<IpAddr>,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (true, Some(address)) = (self.name.is_empty(), self.address) {
            return write!(f, "{} {address}", self.front);
        }
        write!(f, "{} ({}", self.name, self.front)?;
        match self.address {
            Some(address) => write!(f, ", {address})"),
            None => f.write_str(")"),
        }
    }
}

/// An order as front ends give it.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Every band dark, until it is released.
    Panic(Switch),
    /// Hold the looks of all groups, until it is released.
    Freeze(Switch),
    /// Scale groups, or all of them.
    Master(MasterRequest),
    /// Give groups another look than the console's, for a time.
    Override(OverrideRequest),
    /// Give overridden groups back to the console.
    Release(ReleaseRequest),
    /// Choose what groups show that have had no signal yet.
    StartLook(StartLookRequest),
    /// Choose what the bands are left showing when the relay stops.
    EndLook(EndLookRequest),
}

/// On or off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// `true`: begin. `false`: release.
    pub on: bool,
}

/// Scale groups, or all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MasterRequest {
    /// 0 = dark, 255 = as the console sends it.
    #[schemars(range(min = 0, max = 255))]
    pub level: u8,
    /// Groups by name; left out: the grand master.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
}

/// Give groups another look than the console's, for a time. Either `look` or `pattern`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OverrideRequest {
    /// Groups by name; left out: all. A chase runs through them in this order.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
    /// The look they show.
    #[serde(default)]
    pub look: Option<LookRequest>,
    /// The test pattern they show.
    #[serde(default)]
    pub pattern: Option<TestPattern>,
    /// How long, seconds, 0.1 to 3600. After that the console rules again.
    #[schemars(range(min = 0.1, max = 3600))]
    pub seconds: f64,
}

/// Give overridden groups back to the console.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// Groups by name; left out: all.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
}

/// Choose what groups show that have had no signal yet: until their first packet comes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartLookRequest {
    /// The look, without a fade; left out: what the show file says.
    #[serde(default)]
    pub look: Option<LookRequest>,
}

/// Choose what the bands are left showing when the relay stops. Neither `look` nor `hold`: what the
/// show file says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndLookRequest {
    /// The look, without a fade; `{}` is black.
    #[serde(default)]
    pub look: Option<LookRequest>,
    /// `true`: with what they show then.
    #[serde(default)]
    pub hold: bool,
}

/// Patterns to test with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestPattern {
    /// White and dark in turn, once a second.
    Identify,
    /// Red, green, blue, white, a second each.
    Colours,
    /// White goes from group to group.
    Chase,
}

/// A look to override with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LookRequest {
    /// Red, 0..=255. Default 0.
    pub red: u8,
    /// Green, 0..=255. Default 0.
    pub green: u8,
    /// Blue, 0..=255. Default 0.
    pub blue: u8,
    /// White, 0..=255. Default 0.
    pub white: u8,
    /// Dimmer, 0..=255. Default 255.
    pub dimmer: Option<u8>,
    /// Fade time in ms, 0..=2550. Default 0, a snap.
    #[schemars(range(min = 0, max = 2550))]
    pub fade_ms: u16,
}

/// Why an order makes no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A group that the show does not have.
    #[error("there is no group `{0}` in this show")]
    NoSuchGroup(String),
    /// A list of groups with nothing in it.
    #[error("`groups` is empty: name groups, or leave it out")]
    NoGroups,
    /// Neither a look nor a pattern, or both.
    #[error("an override needs either `look` or `pattern`")]
    LookOrPattern,
    /// A time out of range.
    #[error("`seconds` is {0}: expected 0.1 to 3600")]
    Seconds(f64),
    /// A fade out of range.
    #[error("`fade_ms` is {0}: expected 0 to 2550")]
    Fade(u16),
    /// A start or end look with a fade.
    #[error("a start or end look has no fade: leave out `fade_ms`")]
    NoFade,
    /// A look and to hold the last one.
    #[error("an end look is either `look` or `hold`")]
    LookOrHold,
}

impl Request {
    /// The order for a show in which `index` finds a group by its name.
    ///
    /// # Errors
    ///
    /// The request makes no sense, or not in this show.
    pub fn order(&self, index: impl Fn(&str) -> Option<u32>) -> Result<Order, RequestError> {
        let these = |groups: &[String]| {
            if groups.is_empty() {
                return Err(RequestError::NoGroups);
            }
            let found =
                |name: &String| index(name).ok_or_else(|| RequestError::NoSuchGroup(name.clone()));
            Ok(Selection::These(groups.iter().map(found).collect::<Result<_, _>>()?))
        };
        let selection = |groups: &Option<Vec<String>>| match groups {
            None => Ok(Selection::All),
            Some(groups) => these(groups),
        };
        Ok(match self {
            Self::Panic(switch) => Order::Panic(switch.on),
            Self::Freeze(switch) => Order::Freeze(switch.on),
            Self::Master(MasterRequest { level, groups: None }) => Order::GrandMaster(*level),
            Self::Master(MasterRequest { level, groups: Some(groups) }) => {
                Order::Master { groups: these(groups)?, level: *level }
            }
            Self::Override(over) => Order::Override {
                groups: selection(&over.groups)?,
                pattern: over.pattern()?,
                time: over.time()?,
            },
            Self::Release(release) => Order::Release { groups: selection(&release.groups)? },
            Self::StartLook(start) => {
                Order::StartLook(start.look.map(LookRequest::still).transpose()?)
            }
            Self::EndLook(end) => Order::EndLook(end.end_look()?),
        })
    }

    /// The groups it names; `None`: all of them, or the whole show.
    pub fn groups(&self) -> Option<&[String]> {
        match self {
            Self::Panic(_) | Self::Freeze(_) | Self::StartLook(_) | Self::EndLook(_) => None,
            Self::Master(master) => master.groups.as_deref(),
            Self::Override(over) => over.groups.as_deref(),
            Self::Release(release) => release.groups.as_deref(),
        }
    }
}

impl OverrideRequest {
    fn pattern(&self) -> Result<Pattern, RequestError> {
        match (self.look, self.pattern) {
            (Some(look), None) => Ok(Pattern::Look(look.look()?)),
            (None, Some(TestPattern::Identify)) => Ok(Pattern::Identify),
            (None, Some(TestPattern::Colours)) => Ok(Pattern::Colours),
            (None, Some(TestPattern::Chase)) => Ok(Pattern::Chase),
            _ => Err(RequestError::LookOrPattern),
        }
    }

    fn time(&self) -> Result<Duration, RequestError> {
        if !(0.1..=OVERRIDE_MAX.as_secs_f64()).contains(&self.seconds) {
            return Err(RequestError::Seconds(self.seconds));
        }
        Ok(Duration::from_secs_f64(self.seconds))
    }
}

impl EndLookRequest {
    fn end_look(&self) -> Result<Option<EndLook>, RequestError> {
        match (self.look, self.hold) {
            (Some(_), true) => Err(RequestError::LookOrHold),
            (Some(look), false) => Ok(Some(EndLook::Look(look.still()?))),
            (None, true) => Ok(Some(EndLook::Hold)),
            (None, false) => Ok(None),
        }
    }
}

impl LookRequest {
    /// A look that is there at once.
    fn still(self) -> Result<Look, RequestError> {
        match self.fade_ms {
            0 => self.look(),
            _ => Err(RequestError::NoFade),
        }
    }

    fn look(self) -> Result<Look, RequestError> {
        let fade = u8::try_from(self.fade_ms.div_ceil(10));
        Ok(Look {
            red: self.red,
            green: self.green,
            blue: self.blue,
            white: self.white,
            dimmer: self.dimmer.unwrap_or(255),
            strobe_dhz: 0,
            fade_cs: fade.map_err(|_| RequestError::Fade(self.fade_ms))?,
        })
    }
}

/// What it does, in words for the log. How a group is called is up to the request.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic(Switch { on: true }) => {
                f.write_str("PANIC: every band goes dark and stays dark until panic is released")
            }
            Self::Panic(Switch { on: false }) => f.write_str("panic is released"),
            Self::Freeze(Switch { on: true }) => {
                f.write_str("freeze: every group keeps its look until freeze is released")
            }
            Self::Freeze(Switch { on: false }) => f.write_str("freeze is released"),
            Self::Master(MasterRequest { level, groups: None }) => {
                write!(f, "grand master at {}", Percent(*level))
            }
            Self::Master(MasterRequest { level, groups }) => {
                write!(f, "master of {} at {}", Names(groups.as_deref()), Percent(*level))
            }
            Self::Override(over) => {
                let pattern = over.pattern.map_or("a look", |pattern| match pattern {
                    TestPattern::Identify => "identify",
                    TestPattern::Colours => "test colours",
                    TestPattern::Chase => "a test chase",
                });
                let groups = Names(over.groups.as_deref());
                write!(f, "override of {groups}: {pattern} for {} s", over.seconds)
            }
            Self::Release(release) => {
                write!(f, "{} given back to the console", Names(release.groups.as_deref()))
            }
            Self::StartLook(StartLookRequest { look }) => match look {
                Some(look) => write!(f, "start look: {look}"),
                None => f.write_str("start look as the show file says"),
            },
            Self::EndLook(EndLookRequest { look: Some(look), .. }) => write!(f, "end look: {look}"),
            Self::EndLook(EndLookRequest { hold: true, .. }) => {
                f.write_str("end look: what the bands show then")
            }
            Self::EndLook(_) => f.write_str("end look as the show file says"),
        }
    }
}

/// `black`, `#ff9640 at 80 %`, `#000000 and white 255 at 100 %`.
impl fmt::Display for LookRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dimmer = self.dimmer.unwrap_or(255);
        if dimmer == 0 || [self.red, self.green, self.blue, self.white] == [0; 4] {
            return f.write_str("black");
        }
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)?;
        if self.white > 0 {
            write!(f, " and white {}", self.white)?;
        }
        write!(f, " at {}", Percent(dimmer))
    }
}

struct Percent(u8);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", (u32::from(self.0) * 100 + 127) / 255)
    }
}

/// The first few names.
struct Names<'a>(Option<&'a [String]>);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("every group"),
            Some([one]) => write!(f, "`{one}`"),
            Some(names) => {
                let first: Vec<&str> = names.iter().take(3).map(String::as_str).collect();
                write!(f, "{} groups (`{}`", names.len(), first.join("`, `"))?;
                f.write_str(if names.len() > 3 { ", …)" } else { ")" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &str) -> Option<u32> {
        ["left", "right"].iter().position(|&group| group == name).map(|index| index as u32)
    }

    fn over(groups: Option<&[&str]>) -> OverrideRequest {
        let groups = groups.map(|groups| groups.iter().map(|&name| name.to_owned()).collect());
        OverrideRequest { groups, look: None, pattern: Some(TestPattern::Identify), seconds: 10.0 }
    }

    #[test]
    fn names_become_indices_in_the_order_they_are_written() {
        let order = Request::Override(over(Some(&["right", "left"]))).order(index).unwrap();
        let Order::Override { groups, pattern, time } = order else { panic!("{order:?}") };
        assert_eq!(groups, Selection::These([1, 0].into()));
        assert_eq!((pattern, time), (Pattern::Identify, Duration::from_secs(10)));
        let everyone = Request::Override(over(None)).order(index).unwrap();
        assert!(matches!(everyone, Order::Override { groups: Selection::All, .. }));
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_says_why() {
        let refused = |over: OverrideRequest| Request::Override(over).order(index).unwrap_err();
        let missing = refused(over(Some(&["left", "lfet"])));
        assert_eq!(missing, RequestError::NoSuchGroup("lfet".to_owned()));
        assert_eq!(refused(over(Some(&[]))), RequestError::NoGroups);
        let both = OverrideRequest { look: Some(LookRequest::default()), ..over(None) };
        assert_eq!(refused(both), RequestError::LookOrPattern);
        let neither = OverrideRequest { pattern: None, ..over(None) };
        assert_eq!(refused(neither), RequestError::LookOrPattern);
        for seconds in [0.0, -1.0, 3600.5, f64::INFINITY, f64::NAN] {
            let error = refused(OverrideRequest { seconds, ..over(None) });
            assert!(matches!(error, RequestError::Seconds(_)), "{seconds}: {error}");
        }
        let look = LookRequest { fade_ms: 2551, ..LookRequest::default() };
        let slow = OverrideRequest { look: Some(look), pattern: None, ..over(None) };
        assert_eq!(refused(slow), RequestError::Fade(2551));
        let fading = Some(LookRequest { fade_ms: 10, ..LookRequest::default() });
        let start = Request::StartLook(StartLookRequest { look: fading });
        assert_eq!(start.order(index), Err(RequestError::NoFade));
        let look = Some(LookRequest::default());
        let both = Request::EndLook(EndLookRequest { look, hold: true });
        assert_eq!(both.order(index), Err(RequestError::LookOrHold));
    }

    #[test]
    fn the_log_says_in_words_what_was_ordered() {
        let words = |request: Request| request.to_string();
        let groups = |n: usize| Some((1..=n).map(|n| format!("g{n}")).collect());
        assert_eq!(
            words(Request::Override(over(Some(&["left"])))),
            "override of `left`: identify for 10 s"
        );
        let master = |groups| Request::Master(MasterRequest { level: 128, groups });
        assert_eq!(words(master(None)), "grand master at 50 %");
        assert_eq!(words(master(groups(2))), "master of 2 groups (`g1`, `g2`) at 50 %");
        assert_eq!(words(master(groups(9))), "master of 9 groups (`g1`, `g2`, `g3`, …) at 50 %");
        let amber =
            LookRequest { red: 255, green: 150, dimmer: Some(51), ..LookRequest::default() };
        let start = |look| words(Request::StartLook(StartLookRequest { look }));
        assert_eq!(start(Some(amber)), "start look: #ff9600 at 20 %");
        assert_eq!(start(Some(LookRequest::default())), "start look: black");
        assert_eq!(start(None), "start look as the show file says");
        let end = |look, hold| words(Request::EndLook(EndLookRequest { look, hold }));
        assert_eq!(end(Some(amber), false), "end look: #ff9600 at 20 %");
        assert_eq!(end(None, true), "end look: what the bands show then");
        let by = Actor { name: "foh".into(), front: "page", address: Some([10, 0, 0, 5].into()) };
        assert_eq!(by.to_string(), "foh (page, 10.0.0.5)");
        let by = Actor { name: String::new(), front: "osc", ..by };
        assert_eq!(by.to_string(), "osc 10.0.0.5");
    }
}
