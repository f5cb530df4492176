//! A trial of permissions in one place: each action is asked once, for one page, and what became of it is kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    action::Action,
    problem::{Class, Problem},
};

/// What became of each action; `None` while it is being asked.
type Outcomes = BTreeMap<(&'static str, &'static str), (String, Option<Result<(), Problem>>)>;

/// A trial that goes on.
#[derive(Debug, Default)]
pub(crate) struct Trial {
    outcomes: Mutex<Outcomes>,
    /// Whether metrics read as those of busy things.
    busy: AtomicBool,
}

impl Trial {
    fn lock(&self) -> MutexGuard<'_, Outcomes> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets metrics read as those of busy things instead of idle ones: checks ask other questions about those.
    pub(crate) fn make_busy(&self) {
        self.busy.store(true, Ordering::Relaxed);
    }

    /// Whether metrics read as those of busy things.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    /// Lets an action be asked once. An error means that it was asked before, which is as much as a trial takes.
    pub(super) fn begin(&self, action: &'static Action) -> Result<(), Problem> {
        let mut outcomes = self.lock();
        let key = (action.service.sdk, action.operation);
        if outcomes.contains_key(&key) {
            return Err(Problem::new(Class::Cancelled, action, "asked once already"));
        }
        outcomes.insert(key, (action.iam(), None));
        Ok(())
    }

    /// Keeps what became of an action.
    pub(super) fn ended(&self, action: &'static Action, result: Result<(), &Problem>) {
        let outcome = result.map_err(Problem::clone);
        self.lock().insert((action.service.sdk, action.operation), (action.iam(), Some(outcome)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::action::EC2;

    static VOLUMES: Action = Action::new(&EC2, "DescribeVolumes");
    static IMAGES: Action = Action::new(&EC2, "DescribeImages");

    #[test]
    fn an_action_is_asked_once_and_what_became_of_it_is_kept() {
        let trial = Trial::default();
        assert_eq!(trial.begin(&VOLUMES), Ok(()));
        assert_eq!(trial.begin(&VOLUMES).map_err(|it| it.class), Err(Class::Cancelled));
        assert!(trial.tried().is_empty(), "no answer yet");
        trial.ended(&VOLUMES, Ok(()));
        assert_eq!(trial.begin(&IMAGES), Ok(()));
        let denied = Problem::new(Class::AccessDenied, &IMAGES, "not authorized");
        trial.ended(&IMAGES, Err(&denied));
        let names = ["ec2:DescribeImages", "ec2:DescribeVolumes"].map(str::to_owned);
        assert_eq!(trial.tried(), names.into());
        assert_eq!(trial.problems(), [denied].into());
    }

    #[test]
    fn what_would_have_cost_too_much_was_not_tried() {
        let trial = Trial::default();
        trial.ended(&VOLUMES, Err(&Problem::new(Class::ChargeCap, &VOLUMES, "over the cap")));
        assert!(trial.tried().is_empty());
    }
}
