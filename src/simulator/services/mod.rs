//! The services of the made-up AWS: for each operation its name, its route, and how it is answered from the world.

mod account;
mod auto_scaling;
mod aws_config;
mod cloudformation;
mod cloudfront;
mod cloudwatch;
mod compute_optimizer;
mod cost_explorer;
mod cost_optimization_hub;
mod ec2;
mod ecr;
mod ecs;
mod eventbridge;
mod iam;
mod lambda;
mod load_balancing;
mod logs;
mod organizations;
mod route53;
mod s3;
mod sns;
mod sqs;
pub(super) mod sts;
mod tagging;

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{
    answer::{Denial, Protocol, Refusal},
    call::{Call, Route, Verb},
    world::{Place, World},
};
use crate::aws::action;

/// One AWS service.
pub(super) struct Service {
    /// The name in the scope of a signature.
    signing: &'static str,
    /// Its names in IAM and in the table of limits.
    pub(super) names: &'static action::Service,
    pub(super) protocol: Protocol,
    pub(super) words: Words,
    /// Whether there is one endpoint, in the region of the global services.
    pub(super) is_global: bool,
    pub(super) operations: &'static [Operation],
}

/// The service's own codes for what every service refuses.
pub(super) struct Words {
    /// The HTTP status and the code.
    pub(super) throttled: (u16, &'static str),
    pub(super) invalid: &'static str,
    pub(super) wrong_token: &'static str,
}

/// What AWS limits besides requests: the row of the limits, and how much of it a call takes.
pub(super) type Work = (&'static str, fn(&Call) -> u32);

/// One operation.
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) answer: fn(&Context<'_>) -> Result<Value, Refusal>,
    /// How it is told from others where the protocol is REST.
    pub(super) route: Option<&'static Route>,
    /// The root element where the answer is plain XML.
    pub(super) root: &'static str,
    /// What AWS limits besides requests.
    pub(super) work: Option<Work>,
}

impl Operation {
    const fn new(name: &'static str, answer: fn(&Context<'_>) -> Result<Value, Refusal>) -> Self {
        Self { name, answer, route: None, root: "", work: None }
    }

    const fn at(mut self, route: &'static Route) -> Self {
        self.route = Some(route);
        self
    }

    const fn rooted(mut self, root: &'static str) -> Self {
        self.root = root;
        self
    }
}

const fn get(path: &'static str, query: &'static str) -> Route {
    Route { method: Verb::Get, path, query }
}

/// What an operation is answered from.
pub(super) struct Context<'a> {
    pub(super) world: &'a World,
    pub(super) call: &'a Call,
    /// The regions that the account of the caller has enabled.
    pub(super) regions: &'a [&'static str],
}

static SERVICES: &[&Service] = &[
    &account::SERVICE,
    &auto_scaling::SERVICE,
    &aws_config::SERVICE,
    &cloudformation::SERVICE,
    &cloudfront::SERVICE,
    &cloudwatch::SERVICE,
    &compute_optimizer::SERVICE,
    &cost_explorer::SERVICE,
    &cost_optimization_hub::SERVICE,
    &ec2::SERVICE,
    &ecr::SERVICE,
    &ecs::SERVICE,
    &eventbridge::SERVICE,
    &iam::SERVICE,
    &lambda::SERVICE,
    &load_balancing::SERVICE,
    &logs::SERVICE,
    &organizations::SERVICE,
    &route53::SERVICE,
    &s3::SERVICE,
    &sns::SERVICE,
    &sqs::SERVICE,
    &sts::SERVICE,
    &tagging::SERVICE,
];

/// The service of a signature's scope, and of the version in the form where two services have one name.
pub(super) fn signed_as(name: &str, body: &[u8]) -> Option<&'static Service> {
    let version = load_balancing::CLASSIC_VERSION;
    if name == load_balancing::SIGNING && body.windows(version.len()).any(|it| it == version) {
        return Some(&load_balancing::CLASSIC);
    }
    SERVICES.iter().copied().find(|it| it.signing == name)
}

/// The account and the region that a request is about: for `AssumeRole` the account of the role.
pub(super) fn aimed_at(call: &Call) -> (Cow<'_, str>, Cow<'_, str>) {
    let role = call.text("RoleArn").and_then(|it| it.split(':').nth(4));
    (role.unwrap_or(&call.account).into(), call.region.as_str().into())
}

impl Context<'_> {
    /// The account and region of the caller, with all that is in them.
    fn place(&self) -> Place<'_> {
        self.world.place(&self.call.account, &self.call.region)
    }

    /// One page of a list: what is on it, and the token of the next.
    ///
    /// As with AWS, a page may hold less than was asked for, and now and then nothing, and yet not be the last.
    fn page<T>(&self, items: Vec<T>, token: Option<&str>, most: usize) -> Result<(Vec<T>, Option<String>), Refusal> {
        let call = self.call;
        let (Some(start), Some(number)) = self.read_token(token) else {
            return Err(call.service.refusal(Denial::WrongToken));
        };
        let left = items.len().saturating_sub(start);
        let full = left.min(most.max(1));
        let number_text = number.to_string();
        let chance = self.world.digest(&["page", &call.account, &call.region, call.operation.name, &number_text]) % 32;
        let take = match chance {
            0 if number < 8 => 0,
            1 | 2 if full > 1 => full / 2,
            _ => full,
        };
        let page = items.into_iter().skip(start).take(take).collect();
        let more = start + take < start + left || (take == 0 && chance == 0);
        Ok((page, more.then(|| self.token(start + take, number + 1))))
    }

    /// A token is good for the list it was given for, and for no other.
    fn token(&self, start: usize, number: usize) -> String {
        format!("{:016x}{start:08x}{number:04x}", self.list())
    }

    fn list(&self) -> u64 {
        let call = self.call;
        self.world.digest(&["list", &call.account, &call.region, call.operation.name])
    }

    fn read_token(&self, token: Option<&str>) -> (Option<usize>, Option<usize>) {
        let Some(token) = token else { return (Some(0), Some(0)) };
        let list = format!("{:016x}", self.list());
        match token.strip_prefix(list.as_str()).filter(|it| it.len() == 12 && it.is_ascii()) {
            Some(rest) => {
                let (start, number) = rest.split_at(8);
                (usize::from_str_radix(start, 16).ok(), usize::from_str_radix(number, 16).ok())
            }
            None => (None, None),
        }
    }
}

/// Elements as EC2 lists them.
fn items(list: impl IntoIterator<Item = Value>) -> Value {
    elements("item", list.into_iter().collect())
}

/// Elements as the other form services list them.
fn members(list: impl IntoIterator<Item = Value>) -> Value {
    elements("member", list.into_iter().collect())
}

/// An empty list has no element, and not an empty one.
fn elements(name: &str, list: Vec<Value>) -> Value {
    if list.is_empty() {
        json!({})
    } else {
        Value::Object([(name.to_owned(), Value::Array(list))].into_iter().collect())
    }
}
