//! `CloudWatch` log groups.

use super::{
    Place, Series,
    draw::{Draw, Fate},
};

/// How many days the check of unused log groups looks back.
const OLD: i64 = 90;
/// The least bytes that the check of log groups without retention reports.
const MUCH: i64 = 1 << 30;

/// A log group.
#[derive(Clone, Debug)]
pub(crate) struct LogGroup {
    pub(crate) name: String,
    pub(crate) fate: Fate,
    /// Whether it stores much and removes nothing.
    pub(crate) keeps_for_ever: bool,
    pub(crate) class: &'static str,
    pub(crate) retention_days: Option<i64>,
    pub(crate) stored_bytes: i64,
    pub(crate) created: i64,
    pub(crate) deletion_protected: bool,
    /// When an event last came, in seconds.
    pub(crate) last_event: Option<i64>,
}

impl Place<'_> {
    /// The log groups here.
    pub(crate) fn log_groups(&self) -> Vec<LogGroup> {
        let mut draw = self.draw("log-groups");
        let count = self.count(&mut draw, 6.0);
        (0..count).map(|number| self.log_group(&mut draw, number)).collect()
    }

    fn log_group(&self, draw: &mut Draw, number: usize) -> LogGroup {
        let fate = draw.fate([25, 10, 50, 15]);
        let name = draw.one_of(&["/aws/lambda/resize-image", "/aws/codebuild/release", "/ecs/web", "vpc-flow-logs"]);
        // One that is kept only passes log events on, may not be deleted, or gets events that the metric does not count.
        let (delivery, protected, uncounted) = match (fate, draw.between(0, 2)) {
            (Fate::Kept, 0) => (true, false, false),
            (Fate::Kept, 1) => (false, true, false),
            (Fate::Kept, _) => (false, false, true),
            _ => (false, false, false),
        };
        let class = if delivery { "DELIVERY" } else { draw.one_of(&["STANDARD", "STANDARD", "INFREQUENT_ACCESS"]) };
        let much = draw.chance(0.6);
        let endless = delivery || draw.chance(0.6);
        let age = draw.age(fate, OLD);
        LogGroup {
            name: format!("{name}-{number}"),
            fate,
            keeps_for_ever: much && endless && !delivery,
            class,
            retention_days: if endless { None } else { Some(draw.one_of(&[14, 30, 90, 365])) },
            stored_bytes: if much { draw.between(MUCH, 800 * MUCH) } else { draw.between(0, MUCH - 1) },
            created: self.days_ago(age),
            deletion_protected: protected,
            last_event: match fate {
                Fate::Used => Some(self.days_ago(0)),
                Fate::Kept if uncounted => Some(self.days_ago(3)),
                Fate::Waste if much => Some(self.days_ago(age)),
                _ => None,
            },
        }
    }

    /// `CloudWatch` Logs is silent about log groups that get no event.
    pub(super) fn log_events(&self, name: &str) -> Option<Series> {
        let group = self.log_groups().into_iter().find(|it| it.name == name)?;
        Some(if group.fate == Fate::Used { Series::Steady(9_000.0) } else { Series::Silent })
    }
}
