//! Amazon `EventBridge`: the rules of every event bus, and how many targets each has.

use super::{
    At, Collect, Declared, Place, Question, Resource,
    action::{Action, EVENTBRIDGE},
    problem::Problem,
    store::OWNED_BYTES,
};

static LIST_EVENT_BUSES: Action = Action::new(&EVENTBRIDGE, "ListEventBuses");
static LIST_RULES: Action = Action::new(&EVENTBRIDGE, "ListRules");
pub(super) static LIST_TARGETS: Action = Action::new(&EVENTBRIDGE, "ListTargetsByRule");

/// The most things in one page
/// (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListRules.html>, read Oct 2026).
pub(super) const PAGE: i32 = 100;
/// The event bus that every account has in every region.
const DEFAULT_BUS: &str = "default";

/// An event bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventBus {
    pub(crate) name: String,
}

impl Declared for EventBus {
    const NAME: &'static str = "eventbridge::EventBus";
    const ACTIONS: &'static [&'static Action] = &[&LIST_EVENT_BUSES];
}

impl Collect for EventBus {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut buses = Vec::new();
        let send = |token| at.eventbridge().list_event_buses().limit(PAGE).set_next_token(token).send();
        at.pages(&LIST_EVENT_BUSES, send, |page| {
            buses.extend(page.event_buses().iter().filter_map(|it| it.name()).map(|it| Self { name: it.to_owned() }));
            page.next_token
        })
        .await?;
        Ok(buses)
    }
}

/// A rule of an event bus. AWS does not say when it was created.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// The name, after that of its event bus where that is not the default one.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) bus: String,
    pub(crate) arn: Option<String>,
    /// `ENABLED`, `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS` or `DISABLED`.
    pub(crate) state: Option<String>,
    /// `rate(1 day)`, `cron(...)`; `None` for a rule that waits for events.
    pub(crate) schedule: Option<String>,
    /// The AWS service that made it and looks after it.
    pub(crate) managed_by: Option<String>,
}

impl Rule {
    /// Whether it is on the event bus that every account has.
    pub(crate) fn is_on_default_bus(&self) -> bool {
        self.bus == DEFAULT_BUS
    }
}

impl Resource for Rule {
    const TYPE: &'static str = "AWS::Events::Rule";

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, at: &At) -> Option<String> {
        self.arn.clone().or_else(|| at.arn("events", &format!("rule/{}", self.id)))
    }
}

/// The rules of an event bus.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) bus: String,
}

impl Declared for Rules {
    const NAME: &'static str = "eventbridge::Rules";
    const ACTIONS: &'static [&'static Action] = &[&LIST_RULES];
}

impl Question for Rules {
    type Answer = Vec<Rule>;

    fn bytes(&self, answer: &Vec<Rule>) -> usize {
        answer.len() * (size_of::<Rule>() + OWNED_BYTES)
    }

    async fn ask(&self, at: &Place) -> Result<Vec<Rule>, Problem> {
        let bus = self.bus.as_str();
        let mut rules = Vec::new();
        let send = |token| at.eventbridge().list_rules().event_bus_name(bus).limit(PAGE).set_next_token(token).send();
        at.pages(&LIST_RULES, send, |page| {
            rules.extend(page.rules().iter().filter_map(|it| rule(bus, it)));
            page.next_token
        })
        .await?;
        Ok(rules)
    }
}

fn rule(bus: &str, it: &aws_sdk_eventbridge::types::Rule) -> Option<Rule> {
    let name = it.name()?.to_owned();
    Some(Rule {
        id: if bus == DEFAULT_BUS { name.clone() } else { format!("{bus}/{name}") },
        name,
        bus: bus.to_owned(),
        arn: it.arn().map(str::to_owned),
        state: it.state().map(|it| it.as_str().to_owned()),
        schedule: it.schedule_expression().filter(|it| !it.is_empty()).map(str::to_owned),
        managed_by: it.managed_by().filter(|it| !it.is_empty()).map(str::to_owned),
    })
}

/// How many targets a rule has.
#[derive(Debug)]
pub(crate) struct Targets {
    pub(crate) rule: String,
    pub(crate) bus: String,
}

impl Declared for Targets {
    const NAME: &'static str = "eventbridge::Targets";
    const ACTIONS: &'static [&'static Action] = &[&LIST_TARGETS];
}

impl Question for Targets {
    type Answer = usize;

    async fn ask(&self, at: &Place) -> Result<usize, Problem> {
        let mut targets = 0;
        let send = |token| {
            let call = at.eventbridge().list_targets_by_rule().rule(&self.rule).event_bus_name(&self.bus);
            call.limit(PAGE).set_next_token(token).send()
        };
        at.pages(&LIST_TARGETS, send, |page| {
            targets += page.targets().len();
            page.next_token
        })
        .await?;
        Ok(targets)
    }
}

#[cfg(test)]
impl EventBus {
    /// The event bus that every account has.
    pub(crate) fn example() -> Self {
        Self { name: DEFAULT_BUS.to_owned() }
    }
}

#[cfg(test)]
impl Rule {
    /// An enabled rule of the default event bus that waits for events.
    pub(crate) fn example(name: &str) -> Self {
        Self {
            id: name.to_owned(),
            name: name.to_owned(),
            bus: DEFAULT_BUS.to_owned(),
            arn: None,
            state: Some("ENABLED".to_owned()),
            schedule: None,
            managed_by: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{
        problem::Class,
        replies::{Reply, answered, collected, json_denied},
    };

    #[tokio::test]
    async fn every_page_of_buses_is_read_also_past_an_empty_one() {
        let buses = collected::<EventBus>(vec![
            Reply::ok("ListEventBuses", r#"{"EventBuses": [{"Name": "default"}], "NextToken": "b1"}"#),
            Reply::ok(r#""NextToken":"b1""#, r#"{"EventBuses": [], "NextToken": "b2"}"#),
            Reply::ok(r#""NextToken":"b2""#, r#"{"EventBuses": [{"Name": "orders"}]}"#),
        ]);
        let names: Vec<_> = buses.await.expect("collected").into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["default", "orders"]);
    }

    fn rules(bus: &str) -> Rules {
        Rules { bus: bus.to_owned() }
    }

    #[tokio::test]
    async fn every_page_of_rules_is_read_also_past_an_empty_one() {
        let one = r#"{"Rules": [{"Name": "one", "Arn": "arn:aws:events:eu-west-1:1:rule/one", "State": "DISABLED",
            "ScheduleExpression": "rate(1 day)", "EventBusName": "default"}], "NextToken": "r1"}"#;
        let two = r#"{"Rules": [{"Name": "two", "EventBusName": "default", "ManagedBy": "some.service"}]}"#;
        let three = r#"{"Rules": [{"Name": "one", "EventBusName": "orders", "State": "ENABLED"}]}"#;
        let replies = vec![
            Reply::ok(r#""EventBusName":"default""#, one),
            Reply::ok(r#""NextToken":"r1""#, r#"{"Rules": [], "NextToken": "r2"}"#),
            Reply::ok(r#""NextToken":"r2""#, two),
        ];
        let of_default = answered(rules("default"), replies).await.0.expect("answered");
        let replies = vec![Reply::ok(r#""EventBusName":"orders""#, three)];
        let of_orders = answered(rules("orders"), replies).await.0.expect("answered");
        let rules = [of_default, of_orders].concat();
        let ids: Vec<_> = rules.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["one", "two", "orders/one"]);
        let said = |it: &Rule| (it.state.clone(), it.schedule.clone(), it.managed_by.clone(), it.is_on_default_bus());
        let some = |it: &str| Some(it.to_owned());
        assert_eq!(said(&rules[0]), (some("DISABLED"), some("rate(1 day)"), None, true));
        assert_eq!(said(&rules[1]), (None, None, some("some.service"), true));
        assert_eq!(said(&rules[2]), (some("ENABLED"), None, None, false));
    }

    #[tokio::test]
    async fn denied_lists_are_a_problem_and_not_empty_lists() {
        let problem = collected::<EventBus>(vec![json_denied("ListEventBuses")]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "events:ListEventBuses"));
        let problem = answered(rules("default"), vec![json_denied("ListRules")]).await.0.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "events:ListRules"));
    }

    fn targets() -> Targets {
        Targets { rule: "one".to_owned(), bus: "orders".to_owned() }
    }

    #[tokio::test]
    async fn targets_are_counted_over_all_pages_also_past_an_empty_one() {
        let replies = vec![
            Reply::ok(r#""Rule":"one""#, r#"{"Targets": [], "NextToken": "t1"}"#),
            Reply::ok(r#""EventBusName":"orders""#, r#"{"Targets": [{"Id": "1", "Arn": "a"}], "NextToken": "t2"}"#),
            Reply::ok(r#""NextToken":"t2""#, r#"{"Targets": [{"Id": "2", "Arn": "b"}]}"#),
        ];
        assert_eq!(answered(targets(), replies).await.0, Ok(2));
    }

    #[tokio::test]
    async fn denied_targets_are_a_problem_and_not_none() {
        let (answer, _) = answered(targets(), vec![json_denied("ListTargetsByRule")]).await;
        let problem = answer.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "events:ListTargetsByRule"));
    }
}
