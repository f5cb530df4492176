//! The course of something that goes on by itself: how it is cut, how it is known to be over, how far it has come.

use std::{sync::OnceLock, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Refused;
use crate::aws::problem::{Class, Problem};

/// How far something has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// How many parts are known so far; grows while accounts are listed.
    pub(crate) parts: usize,
    pub(crate) done: usize,
    /// What the parts are, and what they have shown.
    pub(crate) words: String,
}

/// Something that goes on by itself until it is done or cut.
pub(crate) trait Running {
    fn course(&self) -> &Course;

    fn progress(&self) -> Progress;
}

/// How it is cut, and whether it is over.
pub(crate) struct Course {
    cancel: CancellationToken,
    cut: OnceLock<Class>,
    refused: OnceLock<Refused>,
    over: watch::Sender<bool>,
}

impl Course {
    pub(crate) fn new() -> Self {
        Self {
            cancel: CancellationToken::new(),
            cut: OnceLock::new(),
            refused: OnceLock::new(),
            over: watch::Sender::new(false),
        }
    }

    /// Ends it before it is done: the caller cancelled it, or its deadline came.
    pub(crate) fn cut(&self, class: Class) {
        let _first_wins = self.cut.set(class);
        self.cancel.cancel();
    }

    /// Whether it was told to end before it is done.
    pub(crate) fn is_cut(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Runs work until it is done, cut, or has taken too long.
    pub(crate) async fn run(&self, work: impl Future<Output = Result<(), Refused>>, longest: Duration) {
        let result = tokio::select! {
            result = work => result,
            () = self.cancel.cancelled() => Ok(()),
            () = tokio::time::sleep(longest) => {
                self.cut(Class::Deadline);
                Ok(())
            }
        };
        if let Err(refused) = result {
            let _first_wins = self.refused.set(refused);
        }
    }

    /// Says that nothing will be added any more.
    pub(crate) fn end(&self) {
        self.over.send_replace(true);
    }

    /// Whether nothing will be added any more.
    pub(crate) fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    /// Waits until it is over, or the time is up.
    pub(crate) async fn over_within(&self, time: Option<Duration>) -> bool {
        let mut over = self.over.subscribe();
        let ends = over.wait_for(|it| *it);
        match time {
            Some(time) => tokio::time::timeout(time, ends).await.is_ok(),
            None => ends.await.is_ok(),
        }
    }

    /// Why it could not run at all.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.refused.get().cloned()
    }

    /// Why what is not done yet is not seen.
    pub(crate) fn pending(&self, is_over: bool) -> Problem {
        let (class, words) = match self.cut.get() {
            Some(Class::Cancelled) => (Class::Cancelled, "cancelled before this was seen"),
            None if is_over => (Class::Crashed, "it ended without seeing this, which is a bug in orgscan"),
            _ => (Class::Deadline, "the deadline came before this was seen"),
        };
        Problem { class, action: String::new(), message: words.to_owned() }
    }
}
