//! One scan: what was asked, what has been found so far, how it ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::{
    Refused,
    course::{Course, Progress, Running},
    pile::Found,
    report::{Api, Merge, Of, Report, ScanReport},
    request::{Asked, Request},
    selection::Selection,
    totals::RegionSummary,
};
use crate::{
    aws::{door::Tally, prices, problem::Problem},
    check::Check,
};

/// One run of one or more checks.
pub(crate) struct Scan {
    pub(crate) id: String,
    pub(crate) asked: Vec<Asked>,
    pub(crate) selection: Selection,
    pub(crate) as_of: Timestamp,
    pub(crate) tally: Arc<Tally>,
    course: Course,
    merge: Mutex<Merge>,
}

impl Running for Scan {
    fn course(&self) -> &Course {
        &self.course
    }

    fn progress(&self) -> Progress {
        let merge = self.merge();
        let (parts, done) = merge.progress();
        Progress { parts, done, words: format!("targets; findings so far: {}", merge.found()) }
    }
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
            course: Course::new(),
            merge: Mutex::new(Merge::new(checks)),
        })
    }

    pub(crate) fn merge(&self) -> MutexGuard<'_, Merge> {
        self.merge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the scan has ended, and judges what could not be judged before.
    pub(crate) fn finish(&self) {
        let mut merge = self.merge();
        merge.judge_shared(&self.course.pending(true));
        let (targets, findings) = (merge.progress().0, merge.found());
        drop(merge);
        tracing::info!(scan.id = self.id, scan.targets = targets, scan.findings = findings, "scan ends");
        self.course.end();
    }

    /// What the scan has to say as of now. A scan that could not run at all has nothing.
    pub(crate) fn answers(&self) -> Result<Answers<'_>, Refused> {
        if let Some(refused) = self.course.refused() {
            return Err(refused);
        }
        let api = Api::of(&self.tally.counts(), self.tally.spent());
        Ok(Answers { scan: self, pending: self.course.pending(self.course.is_over()), api })
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

    /// The tools whose savings another tool of the scan counts as well, and that tool.
    pub(crate) fn counted_within(&self) -> Vec<(&'static str, &'static str)> {
        let has_run = |tool: &&str| self.scan.asked.iter().any(|it| it.check.name() == *tool);
        let asked = self.scan.asked.iter().map(|it| it.check);
        asked.filter_map(|it| Some((it.name(), it.within.filter(has_run)?))).collect()
    }

    /// The totals of all checks by region, each with its tool.
    pub(crate) fn by_region(&self) -> Vec<(&'static str, RegionSummary)> {
        let merge = self.scan.merge();
        let asked = self.scan.asked.iter().enumerate();
        asked.flat_map(|(index, it)| merge.by_region(index).into_iter().map(|sum| (it.check.name(), sum))).collect()
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
