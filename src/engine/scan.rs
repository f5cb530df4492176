//! One scan: what was asked, what has been found so far, how it ended.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Refused,
    pile::Found,
    report::{Api, Merge, Of, Report, ScanReport},
    request::{Asked, Request},
    selection::Selection,
    totals::RegionSummary,
};
use crate::{
    aws::{
        door::Tally,
        prices,
        problem::{Class, Problem},
    },
    check::Check,
};

/// How far a scan has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Targets known so far; grows while accounts are listed.
    pub(crate) targets: usize,
    pub(crate) done: usize,
    pub(crate) findings: usize,
}

/// One run of one or more checks.
pub(crate) struct Scan {
    pub(crate) id: String,
    pub(crate) asked: Vec<Asked>,
    pub(crate) selection: Selection,
    pub(crate) as_of: Timestamp,
    pub(crate) tally: Arc<Tally>,
    pub(crate) cancel: CancellationToken,
    merge: Mutex<Merge>,
    refused: OnceLock<Refused>,
    cut: OnceLock<Class>,
    over: watch::Sender<bool>,
}

impl Scan {
    /// A scan that has not begun. Refused when even the least that its charged calls cost is over the cap.
    pub(crate) fn new(request: Request, max_charge: Decimal) -> Result<Self, Refused> {
        let least = least_charge(&request.asked);
        if least > max_charge {
            let tools: Vec<_> =
                request.asked.iter().filter(|it| is_charged(it.check)).map(|it| it.check.name()).collect();
            return Err(Refused::Charge(format!(
                "{} costs at least {least} USD (AWS charges each page of Cost Explorer {} USD), over the cap of {max_charge} USD; raise --max-charge",
                tools.join(", "),
                prices::cost_explorer_request()
            )));
        }
        let checks = request.asked.iter().map(|it| it.check).collect();
        Ok(Self {
            id: uuid::Uuid::now_v7().to_string(),
            asked: request.asked,
            selection: request.selection,
            as_of: Timestamp::now(),
            tally: Arc::new(Tally::new(max_charge)),
            cancel: CancellationToken::new(),
            merge: Mutex::new(Merge::new(checks)),
            refused: OnceLock::new(),
            cut: OnceLock::new(),
            over: watch::Sender::new(false),
        })
    }

    pub(crate) fn merge(&self) -> MutexGuard<'_, Merge> {
        self.merge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the scan before it is done: the caller cancelled it, or its deadline came.
    pub(crate) fn cut(&self, class: Class) {
        let _first_wins = self.cut.set(class);
        self.cancel.cancel();
    }

    pub(crate) fn finish(&self, result: Result<(), Refused>) {
        self.merge().judge_shared(&self.pending(true));
        if let Err(refused) = result {
            let _first_wins = self.refused.set(refused);
        }
        let progress = self.progress();
        tracing::info!(
            scan.id = self.id,
            scan.targets = progress.targets,
            scan.findings = progress.findings,
            "scan ends"
        );
        self.over.send_replace(true);
    }

    /// Whether nothing will be added any more.
    pub(crate) fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    /// Waits until the scan is over, or the time is up.
    pub(crate) async fn over_within(&self, time: Option<Duration>) -> bool {
        let mut over = self.over.subscribe();
        let ends = over.wait_for(|it| *it);
        match time {
            Some(time) => tokio::time::timeout(time, ends).await.is_ok(),
            None => ends.await.is_ok(),
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        let merge = self.merge();
        let (targets, done) = merge.progress();
        Progress { targets, done, findings: merge.found() }
    }

    /// What the scan has to say as of now. A scan that could not run at all has nothing.
    pub(crate) fn answers(&self) -> Result<Answers<'_>, Refused> {
        if let Some(refused) = self.refused.get() {
            return Err(refused.clone());
        }
        let api = Api::of(&self.tally.counts(), self.tally.spent());
        Ok(Answers { scan: self, pending: self.pending(self.is_over()), api })
    }

    /// Why what is not done is not scanned.
    fn pending(&self, is_over: bool) -> Problem {
        let (class, words) = match self.cut.get() {
            Some(Class::Cancelled) => (Class::Cancelled, "the scan was cancelled before this was seen"),
            None if is_over => (Class::Crashed, "the scan ended without seeing this, which is a bug in orgscan"),
            _ => (Class::Deadline, "the deadline came before this was seen"),
        };
        Problem { class, action: String::new(), message: words.to_owned() }
    }
}

/// What a scan has to say: each report is made when it is asked for, so that they need not be held together.
pub(crate) struct Answers<'a> {
    scan: &'a Scan,
    /// Why what is not done yet is not scanned.
    pending: Problem,
    api: Api,
}

impl<'a> Answers<'a> {
    /// The report of a check, as an index into those of the scan.
    fn report(&self, check: usize) -> Report<Found> {
        let of = Of { scan_id: &self.scan.id, as_of: self.scan.as_of, pending: &self.pending, api: &self.api };
        self.scan.merge().report(check, &of)
    }

    /// The report of a tool.
    pub(crate) fn of_tool(&self, tool: &str) -> Option<Report<Found>> {
        self.scan.asked.iter().position(|it| it.check.name() == tool).map(|check| self.report(check))
    }

    /// Whether nothing was hidden from any check.
    pub(crate) fn is_complete(&self) -> bool {
        self.scan.merge().is_complete(&self.pending)
    }

    /// The totals of all checks by region.
    pub(crate) fn by_region(&self) -> Vec<RegionSummary> {
        let merge = self.scan.merge();
        (0..self.scan.asked.len()).flat_map(|check| merge.by_region(check)).collect()
    }

    /// All of them, each with so many findings at most.
    pub(crate) fn whole(&self, most: usize) -> ScanReport<Reports<'_, 'a>> {
        ScanReport {
            scan_id: self.scan.id.clone(),
            reports: Reports { answers: self, most },
            coverage: self.scan.merge().coverage(&self.pending),
            api: self.api.clone(),
        }
    }
}

/// The reports of a scan, each made when it is written and read to its end before the next.
pub(crate) struct Reports<'b, 'a> {
    answers: &'b Answers<'a>,
    most: usize,
}

impl Reports<'_, '_> {
    /// Each with so many findings at most.
    pub(crate) fn each(&self) -> impl Iterator<Item = Report<Found>> {
        (0..self.answers.scan.asked.len()).map(|check| {
            let mut report = self.answers.report(check);
            report.findings.page(0, self.most);
            report
        })
    }
}

impl Serialize for Reports<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.each())
    }
}

fn is_charged(check: &Check) -> bool {
    check.actions().iter().any(|it| it.charged_per_request)
}

/// The least that the charged calls of some checks cost, in USD: one page for each question.
pub(crate) fn least_charge(asked: &[Asked]) -> Decimal {
    let pages = asked.iter().flat_map(|it| it.check.actions()).filter(|it| it.charged_per_request).count();
    prices::cost_explorer_request() * Decimal::from(pages)
}
