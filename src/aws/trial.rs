//! A trial of permissions in one place: each action is asked once, for one page, and what became of it is kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::{
    action::Action,
    metrics::Reading,
    problem::{Class, Problem},
};

/// What became of each action; `None` while it is being asked.
type Outcomes = BTreeMap<(&'static str, &'static str), (String, Option<Result<(), Problem>>)>;

/// A trial that goes on.
#[derive(Debug, Default)]
pub(crate) struct Trial {
    outcomes: Mutex<Outcomes>,
    /// What metrics read as; nothing when `None`.
    reading: Mutex<Option<Reading>>,
    /// Tells when an action has been answered.
    ends: watch::Sender<()>,
}

impl Trial {
    fn lock(&self) -> MutexGuard<'_, Outcomes> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets every metric read as this from now on, whatever AWS says: what the checks ask next depends on it.
    pub(crate) fn let_metrics_read(&self, reading: Reading) {
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
    }

    /// What metrics read as.
    pub(super) fn reading(&self) -> Reading {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(Reading::NoData)
    }

    /// Lets an action be asked once. An error means that it was asked before, which is as much as a trial takes; it comes
    /// when that has been answered, as who meets it may drop what else it has asked.
    pub(super) async fn begin(&self, action: &'static Action) -> Result<Turn<'_>, Problem> {
        let key = (action.service.sdk, action.operation);
        let is_new = {
            let mut outcomes = self.lock();
            let is_new = !outcomes.contains_key(&key);
            outcomes.entry(key).or_insert_with(|| (action.iam(), None));
            is_new
        };
        if is_new {
            return Ok(Turn { trial: self, action, key });
        }
        let mut ends = self.ends.subscribe();
        while self.lock().get(&key).is_some_and(|(_, outcome)| outcome.is_none()) {
            if ends.changed().await.is_err() {
                break;
            }
        }
        Err(Problem::new(Class::Cancelled, action, "asked once already"))
    }

    /// The IAM actions to which AWS gave an answer, be it a refusal.
    pub(crate) fn tried(&self) -> BTreeSet<String> {
        let is_tried = |outcome: &Option<Result<(), Problem>>| match outcome {
            Some(Err(problem)) => problem.class != Class::ChargeCap,
            Some(Ok(())) => true,
            None => false,
        };
        self.lock().values().filter(|(_, it)| is_tried(it)).map(|(name, _)| name.clone()).collect()
    }

    /// What went wrong.
    pub(crate) fn problems(&self) -> BTreeSet<Problem> {
        self.lock().values().filter_map(|(_, it)| it.clone()?.err()).collect()
    }
}

/// The one time that an action is asked. When it is dropped before it has ended, the action may be asked again.
#[must_use]
#[derive(Debug)]
pub(super) struct Turn<'a> {
    trial: &'a Trial,
    action: &'static Action,
    key: (&'static str, &'static str),
}

impl Turn<'_> {
    /// Keeps what became of the action.
    pub(super) fn ended(self, result: Result<(), &Problem>) {
        let outcome = result.map_err(Problem::clone);
        self.trial.lock().insert(self.key, (self.action.iam(), Some(outcome)));
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut outcomes = self.trial.lock();
        if outcomes.get(&self.key).is_some_and(|(_, outcome)| outcome.is_none()) {
            outcomes.remove(&self.key);
        }
        drop(outcomes);
        self.trial.ends.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::action::EC2;

    static VOLUMES: Action = Action::new(&EC2, "DescribeVolumes");
    static IMAGES: Action = Action::new(&EC2, "DescribeImages");

    #[tokio::test]
    async fn an_action_is_asked_once_and_what_became_of_it_is_kept() {
        let trial = Trial::default();
        let turn = trial.begin(&VOLUMES).await.expect("the first time");
        assert!(trial.tried().is_empty(), "no answer yet");
        let (again, ()) = tokio::join!(trial.begin(&VOLUMES), async { turn.ended(Ok(())) });
        assert_eq!(again.map(drop).map_err(|it| it.class), Err(Class::Cancelled));
        let denied = Problem::new(Class::AccessDenied, &IMAGES, "not authorized");
        trial.begin(&IMAGES).await.expect("the first time").ended(Err(&denied));
        let names = ["ec2:DescribeImages", "ec2:DescribeVolumes"].map(str::to_owned);
        assert_eq!(trial.tried(), names.into());
        assert_eq!(trial.problems(), [denied].into());
    }

    #[tokio::test]
    async fn who_waits_for_a_turn_that_is_dropped_does_not_wait_for_ever_and_it_may_be_asked_again() {
        let trial = Trial::default();
        let turn = trial.begin(&VOLUMES).await.expect("the first time");
        let (waited, ()) = tokio::join!(trial.begin(&VOLUMES), async { drop(turn) });
        assert_eq!(waited.map(drop).map_err(|it| it.class), Err(Class::Cancelled));
        trial.begin(&VOLUMES).await.expect("it was not asked").ended(Ok(()));
        assert_eq!(trial.tried(), ["ec2:DescribeVolumes".to_owned()].into());
    }

    #[tokio::test]
    async fn what_would_have_cost_too_much_was_not_tried() {
        let trial = Trial::default();
        let over = Problem::new(Class::ChargeCap, &VOLUMES, "over the cap");
        trial.begin(&VOLUMES).await.expect("the first time").ended(Err(&over));
        assert!(trial.tried().is_empty());
    }
}
