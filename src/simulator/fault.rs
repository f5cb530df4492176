//! What goes wrong: where, in which action, and how often.

use std::{str::FromStr, time::Duration};

/// One kind of thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// An answer takes this long at the median; the logarithm of the time varies by `spread`.
    Latency { median: Duration, spread: f64 },
    /// The connection stays open and nothing comes.
    Hang,
    /// The connection is reset.
    Reset,
    /// HTTP 5xx.
    ServerError,
    /// The request is throttled, whatever its rate.
    Throttle,
    /// The role cannot be assumed in the account.
    RoleMissing,
    /// A service control policy denies the action.
    ScpDeny,
    /// No policy of the role allows the action.
    AccessDenied,
    /// The region is not enabled: it is not listed, and does not know the credentials.
    RegionNotEnabled,
    /// The token of the session has expired.
    ExpiredToken,
    /// The clocks disagree.
    ClockSkew,
    /// The answer breaks off in the middle, with a good status.
    Malformed,
    /// The answer comes byte by byte.
    Trickle,
}

/// The names of all kinds, as they are written.
const NAMES: &[(&str, Kind)] = &[
    ("latency", Kind::Latency { median: Duration::from_millis(60), spread: 0.5 }),
    ("hang", Kind::Hang),
    ("reset", Kind::Reset),
    ("server-error", Kind::ServerError),
    ("throttle", Kind::Throttle),
    ("role-missing", Kind::RoleMissing),
    ("scp-deny", Kind::ScpDeny),
    ("access-denied", Kind::AccessDenied),
    ("region-not-enabled", Kind::RegionNotEnabled),
    ("expired-token", Kind::ExpiredToken),
    ("clock-skew", Kind::ClockSkew),
    ("malformed", Kind::Malformed),
    ("trickle", Kind::Trickle),
];

#[cfg(test)]
impl Kind {
    /// The name as it is written.
    pub(crate) fn name(self) -> &'static str {
        let same = |it: &Self| std::mem::discriminant(it) == std::mem::discriminant(&self);
        NAMES.iter().find(|(_, it)| same(it)).map_or("", |(name, _)| name)
    }
}

/// A fault with its extent. What is `None` is meant to be any.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) account: Option<String>,
    pub(crate) region: Option<String>,
    /// `ec2:DescribeVolumes`, or `ec2:*`.
    pub(crate) action: Option<String>,
    /// How often, 0 to 1.
    pub(crate) rate: f64,
}

/// Where a request goes, for a fault to tell whether it is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aim<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
}

impl Fault {
    /// A fault everywhere, always.
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, account: None, region: None, action: None, rate: 1.0 }
    }

    /// Whether a request is in its extent.
    pub(crate) fn meets(&self, aim: &Aim<'_>) -> bool {
        let is = |wanted: &Option<String>, given: &str| wanted.as_deref().is_none_or(|it| it == given);
        let action = |it: &str| match it.split_once(':') {
            Some((service, "*")) => service == aim.service,
            Some((service, operation)) => service == aim.service && operation == aim.operation,
            None => false,
        };
        is(&self.account, aim.account) && is(&self.region, aim.region) && self.action.as_deref().is_none_or(action)
    }

    /// Whether it strikes this time.
    pub(crate) fn strikes(&self, aim: &Aim<'_>) -> bool {
        self.meets(aim) && (self.rate >= 1.0 || fastrand::f64() < self.rate)
    }
}

/// The kinds of faults, in words.
pub(crate) fn kinds() -> String {
    NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

impl FromStr for Fault {
    type Err = String;

    /// Reads `KIND` or `KIND:account=ID,region=NAME,action=SERVICE:OPERATION,rate=0.1`, and for latency `median=60ms` and
    /// `spread=0.5`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, extent) = text.split_once(':').unwrap_or((text, ""));
        let (_, kind) = NAMES
            .iter()
            .find(|it| it.0 == name)
            .ok_or_else(|| format!("unknown fault '{}'; faults are {}", name.escape_debug(), kinds()))?;
        let mut fault = Self::new(*kind);
        for part in extent.split(',').filter(|it| !it.is_empty()) {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| format!("'{}' of the fault {name} is not NAME=VALUE", part.escape_debug()))?;
            match (key, &mut fault.kind) {
                ("account", _) => fault.account = Some(value.to_owned()),
                ("region", _) => fault.region = Some(value.to_owned()),
                ("action", _) if value.contains(':') => fault.action = Some(value.to_owned()),
                ("action", _) => return Err(format!("the action '{}' is not SERVICE:OPERATION", value.escape_debug())),
                ("rate", _) => fault.rate = share(value)?,
                ("median", Kind::Latency { median, .. }) => *median = duration(value)?,
                ("spread", Kind::Latency { spread, .. }) => *spread = spread_of(value)?,
                _ => {
                    let more = if name == "latency" { ", median, spread" } else { "" };
                    return Err(format!(
                        "the fault {name} takes account, region, action, rate{more}; not '{}'",
                        key.escape_debug()
                    ));
                }
            }
        }
        Ok(fault)
    }
}

fn share(text: &str) -> Result<f64, String> {
    let rate: Option<f64> = text.parse().ok().filter(|it| (0.0..=1.0).contains(it));
    rate.ok_or_else(|| format!("the rate '{}' is not between 0 and 1", text.escape_debug()))
}

fn spread_of(text: &str) -> Result<f64, String> {
    let spread: Option<f64> = text.parse().ok().filter(|it| (0.0..=3.0).contains(it));
    spread.ok_or_else(|| format!("the spread '{}' is not between 0 and 3", text.escape_debug()))
}

/// A time such as `60ms` or `2s`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{}' is not a time such as 60ms or 2s", text.escape_debug());
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s').ok_or_else(wrong)?, 1000),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    Ok(Duration::from_millis(number.saturating_mul(unit).min(600_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aim<'a>(account: &'a str, region: &'a str) -> Aim<'a> {
        Aim { account, region, service: "ec2", operation: "DescribeVolumes" }
    }

    #[test]
    fn a_fault_is_read_with_its_extent() {
        let fault: Fault =
            "throttle:account=111122223333,action=ec2:DescribeVolumes,rate=0.25".parse().expect("a fault");
        assert_eq!((fault.kind, fault.rate), (Kind::Throttle, 0.25));
        assert!(fault.meets(&aim("111122223333", "eu-west-1")));
        assert!(!fault.meets(&aim("222233334444", "eu-west-1")));
        let region: Fault = "scp-deny:region=eu-west-1,action=ec2:*".parse().expect("a fault");
        assert!(region.meets(&aim("1", "eu-west-1")) && !region.meets(&aim("1", "us-east-1")));
        let slow: Fault = "latency:median=2s,spread=0".parse().expect("a fault");
        assert_eq!(slow.kind, Kind::Latency { median: Duration::from_secs(2), spread: 0.0 });
    }

    #[test]
    fn a_wrong_fault_is_one_line_that_names_the_right_ones() {
        let error = |text: &str| text.parse::<Fault>().expect_err("wrong");
        assert!(error("flood").starts_with("unknown fault 'flood'; faults are latency, hang, reset"));
        assert_eq!(error("hang:median=2s"), "the fault hang takes account, region, action, rate; not 'median'");
        assert_eq!(error("hang:rate=2"), "the rate '2' is not between 0 and 1");
        assert_eq!(error("latency:median=fast"), "'fast' is not a time such as 60ms or 2s");
        assert_eq!(error("hang:everywhere"), "'everywhere' of the fault hang is not NAME=VALUE");
        assert_eq!(error("throttle:action=ec2"), "the action 'ec2' is not SERVICE:OPERATION");
    }

    #[test]
    fn every_kind_is_read_by_its_name() {
        for (name, kind) in NAMES {
            assert_eq!(name.parse::<Fault>().map(|it| it.kind), Ok(*kind));
            assert_eq!(kind.name(), *name);
        }
    }
}
