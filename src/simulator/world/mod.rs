//! The made-up organization: accounts, regions, and what is in each of them.
//!
//! Of every kind there are wasteful things, healthy ones, and ones that look wasteful and are not. What a check must report is
//! known beforehand: see [`planted`].

mod balancers;
mod buckets;
mod compute;
mod containers;
mod draw;
mod functions;
mod launch;
mod logs;
mod messages;
mod money;
mod network;
pub(crate) mod planted;
mod registry;
mod vpc;
mod zones;

pub(super) use self::{
    balancers::{Balancer, TargetGroup},
    buckets::{Bucket, Contents, Distribution, FILTER, Keeping},
    compute::{Image, Instance, Snapshot, Volume},
    containers::{Cluster, Family, Service as EcsService},
    draw::{Draw, Fate},
    functions::{Function, Series},
    launch::{Launcher, Template},
    logs::LogGroup,
    messages::{BUSES, Queue, Rule, Topic},
    money::{Advice, Bill},
    network::{Address, Gateway, Group, Interface},
    registry::{Pushed, Repository},
    vpc::{Endpoint, InternetGateway},
    zones::Zone,
};

use compute::PUBLIC_IMAGE;
use jiff::Timestamp;

use crate::aws::partition;

/// The region of the global services, and of the scanner.
pub(crate) const HOME: &str = "us-east-1";

/// Seconds in a day.
pub(crate) const DAY: i64 = 86_400;

/// The regions that accounts work in, the busiest first; in the others there is little.
const BUSY: [&str; 6] = ["us-east-1", "eu-west-1", "us-west-2", "eu-central-1", "ap-southeast-1", "us-east-2"];

/// The regions that every account has enabled, the busiest first.
pub(crate) fn regions() -> Vec<&'static str> {
    let quiet = partition::named("aws").default_regions.iter().copied().filter(|it| !BUSY.contains(it));
    BUSY.into_iter().chain(quiet).collect()
}

/// Account ids are numbers of a series, so that none need be remembered.
const FIRST_ACCOUNT: u64 = 100_000_310_017;
const NEXT_ACCOUNT: u64 = 89_000_023;

/// The organizational units below the root: id, name, and how many in a hundred accounts are in it.
pub(super) const UNITS: [(&str, &str, u64); 5] = [
    ("ou-sim0-production", "Production", 35),
    ("ou-sim0-staging0", "Staging", 25),
    ("ou-sim0-sandbox0", "Sandbox", 25),
    ("ou-sim0-data0000", "Data", 10),
    ("ou-sim0-security", "Security", 5),
];

/// A version of the role's template that is none of today.
const OLD_TEMPLATE: &str = "0000000000000000";

/// The root of the organization.
pub(super) const ROOT: &str = "r-sim0";
/// The organization.
pub(super) const ORGANIZATION: &str = "o-simulated0";

/// Tags, in the order they were put on.
pub(super) type Tags = Vec<(&'static str, String)>;

/// One account of the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The organizational unit, as an index into [`UNITS`]; the management account is right below the root.
    pub(crate) unit: Option<usize>,
    pub(crate) suspended: bool,
}

/// The made-up organization.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// Everything follows from it.
    pub(crate) seed: u64,
    /// When the simulator began, in seconds: all ages count from here.
    pub(crate) now: i64,
    accounts: usize,
    density: f64,
    template: String,
}

impl World {
    pub(crate) fn new(accounts: usize, seed: u64, density: f64) -> Self {
        Self { seed, now: Timestamp::now().as_second(), accounts, density, template: OLD_TEMPLATE.to_owned() }
    }

    /// The same, where the role was made from a version of its template; in some accounts from an older one.
    pub(crate) fn with_template(self, version: &str) -> Self {
        Self { template: version.to_owned(), ..self }
    }

    /// The version of its template that the role of an account was made from.
    pub(super) fn template_of(&self, account: &str) -> &str {
        if self.draw(&["template", account]).chance(0.05) { OLD_TEMPLATE } else { &self.template }
    }

    /// How many accounts there are.
    pub(crate) fn accounts(&self) -> usize {
        self.accounts
    }

    /// An account by its number; the first is the management account.
    pub(crate) fn account(&self, number: usize) -> Account {
        let id = format!("{:012}", FIRST_ACCOUNT + NEXT_ACCOUNT * number as u64);
        if number == 0 {
            return Account { id, name: "management".to_owned(), unit: None, suspended: false };
        }
        let mut draw = self.draw(&["account", &id]);
        let unit = draw.weighted(&UNITS.map(|it| it.2));
        let team = draw
            .one_of(&["web", "shop", "billing", "search", "data", "ml", "mobile", "payments", "platform", "growth"]);
        let stage = ["prod", "staging", "sandbox", "data", "sec"][unit];
        let suspended = draw.chance(0.03);
        Account { id, name: format!("{team}-{stage}-{number}"), unit: Some(unit), suspended }
    }

    /// The account that the scanner runs in: the management account.
    pub(crate) fn scanner(&self) -> Account {
        self.account(0)
    }

    /// The account of an id.
    pub(crate) fn account_of(&self, id: &str) -> Option<Account> {
        let offset = id.parse::<u64>().ok()?.checked_sub(FIRST_ACCOUNT)?;
        let number = usize::try_from(offset / NEXT_ACCOUNT).ok()?;
        (offset.is_multiple_of(NEXT_ACCOUNT) && number < self.accounts).then(|| self.account(number))
    }

    /// The accounts before and after one, in a circle: an account lends what it shares to the next. `None` where there is
    /// one account only.
    fn neighbours(&self, id: &str) -> Option<(Account, Account)> {
        let number = usize::try_from((id.parse::<u64>().ok()? - FIRST_ACCOUNT) / NEXT_ACCOUNT).ok()?;
        let count = self.accounts;
        (count > 1).then(|| (self.account((number + count - 1) % count), self.account((number + 1) % count)))
    }

    /// The regions that an account has enabled: those that all have, and now and then one more.
    pub(crate) fn regions(&self, account: &str) -> Vec<&'static str> {
        let mut regions = regions();
        let mut draw = self.draw(&["regions", account]);
        if draw.chance(0.1) {
            regions.push(draw.one_of(partition::named("aws").opt_in_regions));
        }
        regions
    }

    /// What is in an account and region.
    pub(crate) fn place(&self, account: &str, region: &str) -> Place<'_> {
        let account = account.to_owned();
        let mut draw = self.draw(&["home", &account]);
        let home = BUSY[draw.weighted(&[30, 25, 15, 15, 10, 5])];
        let second = draw.one_of(&BUSY);
        let activity = match region {
            _ if region == home => 1.0,
            _ if region == second => 0.4,
            _ => 0.04,
        };
        Place { world: self, account, region: region.to_owned(), activity: activity * self.density }
    }

    /// A number that follows from the seed and some words.
    pub(super) fn digest(&self, words: &[&str]) -> u64 {
        draw::digest(self.seed, words)
    }

    fn draw(&self, words: &[&str]) -> Draw {
        Draw::new(self.digest(words))
    }
}

/// One account in one region.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) world: &'a World,
    pub(crate) account: String,
    pub(crate) region: String,
    activity: f64,
}

impl Place<'_> {
    /// The chances of one kind of thing here.
    fn draw(&self, kind: &str) -> Draw {
        self.world.draw(&[kind, &self.account, &self.region])
    }

    /// How many things of a kind there are, where a busy place has `usual` of them.
    fn count(&self, draw: &mut Draw, usual: f64) -> usize {
        draw.about(usual * self.activity)
    }

    /// The id of the nth thing of a kind.
    fn id(&self, prefix: &str, number: usize) -> String {
        let words = [prefix, &self.account, &self.region, &number.to_string()];
        let (a, b) = (self.world.digest(&words), self.world.digest(&[prefix, &words.join("/")]));
        format!("{prefix}-{a:016x}{:01x}", b & 15)
    }

    /// A time some days ago, in seconds.
    pub(crate) fn days_ago(&self, days: i64) -> i64 {
        self.world.now - days * DAY
    }

    /// An ARN of something here.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }
}

impl Place<'_> {
    /// Everything here that can bear tags, by ARN.
    pub(super) fn tagged(&self) -> Vec<(String, Tags)> {
        let here = |kind: &str, id: &str| self.arn("ec2", &format!("{kind}/{id}"));
        let snapshot = |id: &str| format!("arn:aws:ec2:{}::snapshot/{id}", self.region);
        let volumes = self.volumes().into_iter().map(|it| (here("volume", &it.id), it.tags));
        let instances = self.instances().into_iter().map(|it| (here("instance", &it.id), it.tags));
        let addresses = self.addresses().into_iter().map(|it| (here("elastic-ip", &it.allocation), it.tags));
        let gateways = self.gateways().into_iter().map(|it| (here("natgateway", &it.id), it.tags));
        let snapshots = self.snapshots().into_iter().map(|it| (snapshot(&it.id), it.tags));
        let functions = self.functions().into_iter();
        let functions = functions.map(|it| (self.arn("lambda", &format!("function:{}", it.name)), it.tags));
        volumes.chain(instances).chain(addresses).chain(gateways).chain(snapshots).chain(functions).collect()
    }
}
