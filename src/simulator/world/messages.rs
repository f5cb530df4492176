//! Queues, topics, and rules of event buses.

use super::{
    Cluster, Place, Series,
    draw::{Draw, Fate},
};

/// How many days the check of queues looks back.
const OLD: i64 = 90;

/// An SQS queue.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) fate: Fate,
    /// Messages that wait.
    pub(crate) messages: i64,
    /// A queue that sends its dead letters here.
    pub(crate) source: Option<String>,
    /// What it says of who may send dead letters.
    pub(crate) redrive_permission: Option<&'static str>,
    pub(crate) wait_time_seconds: i64,
    /// Requests a day that get no message.
    pub(crate) empty_receives: f64,
    pub(crate) created: i64,
}

/// An SNS topic.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) fate: Fate,
    pub(crate) subscribers: i64,
    pub(crate) pending: i64,
    /// Messages a day.
    pub(crate) published: f64,
    /// Whether an alarm tells it.
    pub(crate) has_alarm: bool,
}

/// An `EventBridge` rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) bus: &'static str,
    pub(crate) fate: Fate,
    pub(crate) is_enabled: bool,
    pub(crate) targets: usize,
    /// How often a day it is triggered.
    pub(crate) triggered: f64,
    pub(crate) managed_by: Option<&'static str>,
    /// The ECS cluster in which it starts tasks, and the task definitions of these: a target each.
    pub(crate) starts: Option<(String, Vec<String>)>,
}

/// The event buses of each place.
pub(crate) const BUSES: [&str; 2] = ["default", "orders"];

impl Rule {
    /// The name, after that of its event bus where that is not the default one.
    pub(crate) fn id(&self) -> String {
        if self.bus == BUSES[0] { self.name.clone() } else { format!("{}/{}", self.bus, self.name) }
    }
}

impl Place<'_> {
    /// The queues here.
    pub(crate) fn queues(&self) -> Vec<Queue> {
        let mut draw = self.draw("queues");
        let count = self.count(&mut draw, 5.0);
        (0..count).map(|number| self.queue(&mut draw, number)).collect()
    }

    fn queue(&self, draw: &mut Draw, number: usize) -> Queue {
        let fate = draw.fate([30, 10, 40, 20]);
        let polled = draw.chance(0.4);
        // One that is kept takes dead letters, as its sources, its policy or its name tell.
        let kept = if fate == Fate::Kept { draw.between(1, 4) } else { 0 };
        let base = draw.one_of(&["orders", "mails", "invoices", "resize"]);
        let name = if kept == 3 { format!("{base}-dlq-{number}") } else { format!("{base}-{number}") };
        Queue {
            source: (kept == 1).then(|| format!("{name}-source")),
            redrive_permission: (kept == 2).then_some("allowAll"),
            messages: if kept == 4 { draw.between(1, 50) } else { 0 },
            name: if draw.chance(0.2) { format!("{name}.fifo") } else { name },
            fate,
            wait_time_seconds: draw.one_of(&[0, 0, 20]),
            empty_receives: if polled { 17_280.0 } else { 0.0 },
            created: self.days_ago(draw.age(fate, OLD)),
        }
    }

    /// SQS says zero while a queue is asked, and nothing when nobody asks.
    pub(super) fn messages(&self, metric: &str, name: &str) -> Option<Series> {
        let queue = self.queues().into_iter().find(|it| it.name == name)?;
        Some(match metric {
            "NumberOfEmptyReceives" if queue.empty_receives > 0.0 => Series::Steady(queue.empty_receives),
            _ if queue.fate == Fate::Used => Series::Steady(500.0),
            _ if queue.empty_receives > 0.0 => Series::Steady(0.0),
            _ => Series::Silent,
        })
    }

    /// The topics here.
    pub(crate) fn topics(&self) -> Vec<Topic> {
        let mut draw = self.draw("topics");
        let count = self.count(&mut draw, 4.0);
        (0..count).map(|number| topic(&mut draw, number)).collect()
    }

    /// SNS is silent about topics that nobody publishes to.
    pub(super) fn publications(&self, name: &str) -> Option<Series> {
        let topic = self.topics().into_iter().find(|it| it.name == name)?;
        Some(if topic.published > 0.0 { Series::Steady(topic.published) } else { Series::Silent })
    }

    /// The rules here, those of AWS services and those that start tasks included.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        let mut draw = self.draw("rules");
        let count = self.count(&mut draw, 5.0);
        let clusters = self.clusters().into_iter().filter(|it| !it.scheduled.is_empty());
        (0..count).map(|number| rule(&mut draw, number)).chain(clusters.map(starter)).collect()
    }

    /// `EventBridge` is silent about rules that nothing triggers.
    pub(super) fn triggers(&self, name: &str, bus: Option<&str>) -> Option<Series> {
        let bus = bus.unwrap_or(BUSES[0]);
        let rule = self.rules().into_iter().find(|it| it.name == name && it.bus == bus)?;
        Some(if rule.triggered > 0.0 { Series::Steady(rule.triggered) } else { Series::Silent })
    }
}

fn topic(draw: &mut Draw, number: usize) -> Topic {
    let fate = draw.fate([35, 0, 40, 25]);
    let name = draw.one_of(&["alerts", "deployments", "order-events", "billing"]);
    // One that is kept is told by an alarm, waits for a subscriber's word, or has silent subscribers.
    let kept = if fate == Fate::Kept { draw.between(1, 3) } else { 0 };
    let lost = draw.chance(0.4);
    Topic {
        name: format!("{name}-{number}"),
        subscribers: if fate == Fate::Used || kept == 3 { draw.between(1, 5) } else { 0 },
        pending: i64::from(kept == 2),
        published: if fate == Fate::Used || (fate == Fate::Waste && lost) { 1_200.0 } else { 0.0 },
        has_alarm: kept == 1,
        fate,
    }
}

fn rule(draw: &mut Draw, number: usize) -> Rule {
    let fate = draw.fate([30, 0, 40, 30]);
    let name = draw.one_of(&["nightly", "on-upload", "on-order", "cleanup"]);
    let bare = draw.chance(0.5);
    // One that is kept belongs to a service, was switched off a while ago, or waits for what is rare.
    let kept = if fate == Fate::Kept { draw.between(1, 3) } else { 0 };
    let waste = fate == Fate::Waste;
    let has_target = !(waste && bare || kept == 1);
    Rule {
        name: format!("{name}-{number}"),
        bus: draw.one_of(&[BUSES[0], BUSES[0], BUSES[1]]),
        fate,
        is_enabled: !(waste && !bare || kept == 2),
        targets: usize::from(has_target),
        triggered: if fate == Fate::Used || kept == 2 { 24.0 } else { 0.0 },
        managed_by: (kept == 1).then_some("autoscaling.amazonaws.com"),
        starts: None,
    }
}

/// The rule that starts tasks in a cluster.
fn starter(cluster: Cluster) -> Rule {
    Rule {
        name: format!("start-in-{}", cluster.name),
        bus: BUSES[0],
        fate: Fate::Used,
        is_enabled: true,
        targets: cluster.scheduled.len(),
        triggered: 1.0,
        managed_by: None,
        starts: Some((cluster.name, cluster.scheduled)),
    }
}
