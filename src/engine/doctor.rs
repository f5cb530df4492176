//! Tries every account: whether it can be entered, and each action once, with the fix for what does not work.

use std::{
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{FutureExt, future::join_all, stream};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Map;

use super::{
    Caller, Engine, Refused, Source,
    course::{Course, Progress, Running},
    describe_for,
    diagnosis::{Chart, Complaint, Diagnosis, Examined, Of},
    fanout::{self, GLOBAL, PAYER},
    name_units,
    organization::{self, Member},
    plan::{self, Plan},
    remedy::Stacks,
    selection::Selection,
};
use crate::{
    aws::{
        At, Declared, Place, Question,
        account::EnabledRegions,
        action::Action,
        aws_config::OrganizationAggregator,
        cloudformation::{StackInstance, StackInstances},
        door::Tally,
        iam::RoleTags,
        metrics::{MetricQuery, Reading},
        partition,
        problem::{Class, Problem},
        session::Session,
        store::{All, Store},
        tagging::TaggedResource,
        trial::Trial,
    },
    check::{Check, Chosen, Cx},
};

/// The tag of the role that names the version of its template.
pub(crate) const TEMPLATE_VERSION_TAG: &str = "orgscan:template-version";

/// What metrics read as, one after the other: those of idle things, of things that do a little, and of large or busy ones.
/// Checks ask other questions about each.
const READINGS: [Reading; 3] = [Reading::NoData, Reading::Value(1.0), Reading::Value(1e15)];

/// How many accounts are tried at once at most. Each takes the clients of all services, and so some memory: 32 of them 150 MiB,
/// 128 of them 350 MiB, while 500 accounts take 23 s and 20 s (docs/performance.md).
const ACCOUNTS_AT_ONCE: usize = 32;

/// The actions that the doctor needs in each account, besides those of the checks and of the engine.
pub(crate) fn member_actions() -> &'static [&'static Action] {
    RoleTags::ACTIONS
}

/// The actions that the doctor needs in the scanner's own account.
pub(crate) fn scanner_actions() -> Vec<&'static Action> {
    [StackInstances::ACTIONS, OrganizationAggregator::ACTIONS].concat()
}

/// How the role comes into the accounts.
#[derive(Clone, Debug)]
pub(crate) struct Rollout {
    /// What the role's tag says where its template is of this version.
    pub(crate) template_version: String,
    /// The name of the StackSet that brings the role.
    pub(crate) stack_set: String,
    /// Where the StackSet is; in the region of the global services when absent.
    pub(crate) stack_set_region: Option<String>,
}

/// What to try.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    /// What these need is tried.
    pub(crate) checks: Vec<&'static Check>,
    /// Which accounts; and which regions, where more than one is to be tried.
    pub(crate) selection: Selection,
    /// Whether to try what AWS charges for.
    pub(crate) paid: bool,
    pub(crate) rollout: Rollout,
}

/// One trial of all accounts, which goes on by itself.
pub(crate) struct Examination {
    pub(crate) id: String,
    visit: Visit,
    as_of: Timestamp,
    tally: Arc<Tally>,
    course: Course,
    chart: Mutex<Chart>,
}

impl Running for Examination {
    fn course(&self) -> &Course {
        &self.course
    }

    fn progress(&self) -> Progress {
        let chart = self.chart();
        let (parts, done) = chart.progress();
        Progress { parts, done, words: format!("accounts, {} with something to fix", chart.to_fix()) }
    }
}

impl Examination {
    /// One that has not begun.
    pub(super) fn new(visit: Visit, role: &str, max_charge: Decimal) -> Self {
        let cap = if visit.paid { max_charge } else { Decimal::ZERO };
        Self {
            id: uuid::Uuid::now_v7().to_string(),
            as_of: Timestamp::now(),
            tally: Arc::new(Tally::new(cap)),
            course: Course::new(),
            chart: Mutex::new(Chart::new(visit.checks.clone(), role)),
            visit,
        }
    }

    fn chart(&self) -> MutexGuard<'_, Chart> {
        self.chart.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known as of now. A trial that could not run at all knows nothing.
    pub(crate) fn diagnosis(&self) -> Result<Diagnosis, Refused> {
        if let Some(refused) = self.course.refused() {
            return Err(refused);
        }
        let actions = self.visit.checks.iter().flat_map(|it| it.actions());
        let charged = actions.filter(|it| it.charged_per_request || MetricQuery::ACTIONS.contains(it));
        let of = Of {
            examination_id: &self.id,
            as_of: self.as_of,
            pending: &self.course.pending(self.course.is_over()),
            charged: &charged.map(Action::iam).collect(),
            paid: self.visit.paid,
            calls: self.tally.counts().values().map(|it| it.calls).sum(),
            billed_usd: self.tally.spent(),
        };
        Ok(self.chart().diagnosis(&of))
    }
}

/// The way into one account.
struct Looking {
    session: Arc<Session>,
    /// What the checks are told of the choice.
    chosen: Chosen,
}

/// One trial at work.
struct Ward {
    engine: Arc<Engine>,
    examination: Arc<Examination>,
    caller: Caller,
    plan: Plan,
    /// Who answers what is asked of the payer.
    payer: String,
    /// Whether the accounts are those of an organization, to which a StackSet may have brought the role.
    is_organized: bool,
}

/// Tries all accounts.
pub(super) async fn drive(engine: &Arc<Engine>, examination: &Arc<Examination>) -> Result<(), Refused> {
    let caller = engine.caller(&examination.tally).await?.clone();
    examination.chart().caller(&caller.account);
    let mut ward = Ward {
        engine: Arc::clone(engine),
        examination: Arc::clone(examination),
        payer: caller.account.clone(),
        is_organized: false,
        caller,
        plan: Plan::of(&examination.visit.checks),
    };
    let members = ward.members().await?;
    examination.chart().admit(&members);
    let ward = Arc::new(ward);
    let at_once = engine.settings.concurrency.min(ACCOUNTS_AT_ONCE);
    let each = fanout::each_account(engine, at_once, stream::iter(members), |member| {
        let ward = Arc::clone(&ward);
        async move {
            let examined = match member.inactive() {
                Some(problem) => Examined::closed(problem),
                None => ward.account(&member).await,
            };
            ward.examination.chart().examined(&member, &examined);
        }
    });
    tokio::join!(ward.stacks(), ward.aggregator(), each);
    Ok(())
}

impl Ward {
    /// The accounts to try. What the scanner may not ask of Organizations is a complaint.
    async fn members(&mut self) -> Result<Vec<Member>, Refused> {
        let own = Member { id: self.caller.account.clone(), ..Member::default() };
        let members = match &self.engine.settings.source {
            Source::Single => vec![own],
            Source::List(accounts) => Member::listed(accounts),
            Source::Organization => match self.organization().await {
                Ok(members) => members,
                Err(problem) if problem.class == Class::NoOrganization => {
                    let note = format!("account {} is in no organization: it alone was tried", own.id);
                    self.examination.chart().note(note);
                    vec![own]
                }
                Err(problem) if organization::is_out_of_sight(&problem) => {
                    self.examination.chart().complain_of_scanner(&problem);
                    vec![own]
                }
                Err(problem) => return Err(Refused::Accounts(problem)),
            },
        };
        self.examination.visit.selection.choose(members).map_err(Refused::Selection)
    }

    /// The scanner's own account, in a region.
    fn scanner_place(&self) -> Place {
        self.engine.scanner_place(&self.caller.account, &self.examination.tally, self.examination.as_of)
    }

    async fn organization(&mut self) -> Result<Vec<Member>, Problem> {
        let at = self.scanner_place();
        let payer = organization::describe(&at).await?.payer;
        let mut members = Vec::new();
        organization::members(&at, |page| members.extend(page)).await?;
        // Needed only to choose accounts by unit or by tag.
        if let Err(problem) = name_units(&at, &mut members).await {
            self.examination.chart().complain_of_scanner(&problem);
        }
        if let Err(problem) = organization::account_tags(&at, &self.caller.account).await {
            self.examination.chart().complain_of_scanner(&problem);
        }
        let selection = &self.examination.visit.selection;
        if let Err(Refused::Accounts(problem)) = describe_for(selection, &at, &mut members).await {
            return Err(problem);
        }
        (self.payer, self.is_organized) = (payer, true);
        Ok(members)
    }

    /// Asks the StackSet how far it has brought the role, where there is an organization.
    async fn stacks(&self) {
        let rollout = &self.examination.visit.rollout;
        let name = rollout.stack_set.clone();
        if !self.is_organized {
            return;
        }
        let at = self.scanner_place();
        let region = rollout.stack_set_region.as_deref().unwrap_or(&at.at.region);
        let question = StackInstances { stack_set: name.clone(), as_delegate: self.payer != self.caller.account };
        let answer = question.ask(&at.in_region(region)).await;
        let mut chart = self.examination.chart();
        let by_account = match answer {
            Ok(instances) => {
                let mut by_account = std::collections::BTreeMap::<String, StackInstance>::new();
                for it in instances {
                    // Of several the one that is furthest.
                    match by_account.get(&it.account) {
                        Some(held) if held.standing <= it.standing => {}
                        _ => {
                            by_account.insert(it.account.clone(), it);
                        }
                    }
                }
                Some(by_account)
            }
            Err(problem) if matches!(problem.class, Class::AccessDenied | Class::DeniedByScp) => {
                chart.complain_of_scanner(&problem);
                None
            }
            Err(problem) => {
                chart.note(format!(
                    "StackSet {name} could not be read in {region} ({problem}); --stack-set names another"
                ));
                None
            }
        };
        chart.stacks(Stacks { name, payer: Some(self.payer.clone()), by_account });
    }

    /// Asks AWS Config whether it brings together what all accounts have, where there is an organization.
    async fn aggregator(&self) {
        if !self.is_organized {
            return;
        }
        let place = self.scanner_place().in_region(self.engine.door.home_region());
        let answer = OrganizationAggregator.ask(&place).await;
        if let Some(problem) = answer.unwrap_or_else(Some) {
            self.examination.chart().complain_of_scanner(&problem);
        }
    }

    /// Tries one account: entering it, its role, its regions, and every action once.
    async fn account(&self, member: &Member) -> Examined {
        let name = format!("orgscan-{}", self.examination.id);
        let session = Arc::new(self.engine.session(&self.caller, &member.id, &name, None));
        if let Err(problem) = session.ready(&self.engine.door, &self.examination.tally).await {
            return Examined::closed(problem);
        }
        let mut examined = Examined::default();
        let regions = self.regions(&session, &mut examined).await;
        if member.id != self.caller.account {
            self.role(&session, &mut examined).await;
        }
        let selection = &self.examination.visit.selection;
        // As in a scan, what a global list names in other regions is of interest when none are chosen.
        let any = selection.regions.is_empty();
        let chosen = (!any).then(|| Arc::new(regions.iter().cloned().collect::<BTreeSet<_>>()));
        let alone = self.engine.settings.source == Source::Single;
        let looking = Looking { session, chosen: Chosen { regions: chosen, alone } };
        for region in &regions {
            self.target(&looking, region, region, &self.plan.regional, &mut examined).await;
        }
        let global = partition::global_region(self.caller.partition);
        self.target(&looking, GLOBAL, global, &self.plan.account, &mut examined).await;
        if self.payer == member.id {
            self.target(&looking, PAYER, global, &self.plan.payer, &mut examined).await;
        }
        examined
    }

    /// The regions to try: the one of the scanner's own endpoint, or those chosen that are enabled.
    async fn regions(&self, session: &Arc<Session>, examined: &mut Examined) -> Vec<String> {
        let home = self.engine.door.home_region();
        let (trial, store) = self.trial(session, home);
        let enabled = store.ask(&EnabledRegions).await;
        examined.take(GLOBAL, &trial, super::member_actions().iter().map(|it| it.iam()).collect(), Vec::new());
        let chosen = &self.examination.visit.selection.regions;
        let wanted = if chosen.is_empty() { &[home.to_owned()] } else { chosen.as_slice() };
        let regions = match enabled {
            Ok((enabled, _)) => plan::regions(wanted, &enabled),
            Err(_) => plan::Regions { scan: wanted.to_vec(), not_enabled: Vec::new() },
        };
        for region in regions.not_enabled {
            let text = "the region is not enabled in the account";
            let problem = Problem::new(Class::RegionNotEnabled, EnabledRegions::ACTION, text);
            examined.complaints.push(Complaint { region, action: None, problem });
        }
        regions.scan
    }

    /// Which version of its template the role was made from.
    async fn role(&self, session: &Arc<Session>, examined: &mut Examined) {
        let (trial, store) = self.trial(session, partition::global_region(self.caller.partition));
        let tags = store.ask(&RoleTags { role: self.engine.settings.role_name.clone() }).await;
        examined.take(GLOBAL, &trial, member_actions().iter().map(|it| it.iam()).collect(), Vec::new());
        let version = tags.ok().and_then(|(tags, _)| tags.get(TEMPLATE_VERSION_TAG).cloned());
        examined.template_current = version.map(|it| it == self.examination.visit.rollout.template_version);
    }

    fn trial(&self, session: &Arc<Session>, region: &str) -> (Arc<Trial>, Arc<Store>) {
        let trial = Arc::new(Trial::default());
        let (door, tally) = (Arc::clone(&self.engine.door), Arc::clone(&self.examination.tally));
        let place = Place::new(door, Arc::clone(session), tally, region, self.examination.as_of);
        (Arc::clone(&trial), Arc::new(Store::new(Arc::new(place.on_trial(trial)))))
    }

    /// Asks for all that some checks need, a page of each list; then runs them, so that they ask about a resource that they
    /// found, whatever metrics would say of it.
    async fn target(&self, looking: &Looking, label: &str, region: &str, checks: &[usize], examined: &mut Examined) {
        let Ok(_turn) = self.engine.width.acquire().await else { return };
        let (trial, store) = self.trial(&looking.session, region);
        let checks: Vec<&'static Check> = checks.iter().map(|it| self.examination.visit.checks[*it]).collect();
        join_all(checks.iter().flat_map(|it| it.needs).map(|it| (it.ask)(&store, &looking.chosen))).await;
        if label == region {
            // The engine itself looks up tags.
            drop(store.ask(&All::<TaggedResource>::new()).await);
        }
        let region = if label == PAYER { GLOBAL } else { label };
        let account = looking.session.account().to_owned();
        let at = At { partition: self.caller.partition, account, region: region.to_owned() };
        let now = self.examination.as_of;
        let cx = |check| Cx::new(check, Arc::clone(&store), at.clone(), now, looking.chosen.clone());
        let mut judged = BTreeSet::new();
        for reading in READINGS {
            trial.let_metrics_read(reading);
            store.forget::<MetricQuery>();
            judged.extend(join_all(checks.iter().map(|it| judge(it, cx(*it)))).await.concat());
        }
        let expected = checks.iter().flat_map(|it| it.actions()).map(Action::iam).collect();
        examined.take(label, &trial, expected, judged.into_iter().collect());
    }
}

/// Runs a check and drops what it found; returns what it judges to be switched off. What AWS refused, the trial knows.
async fn judge(check: &'static Check, cx: Cx) -> Vec<Problem> {
    // Lists that break off after a page may be more than a check bears.
    let outcome = AssertUnwindSafe(check.run(&cx, &Map::new())).catch_unwind().await;
    let failed = outcome.ok().and_then(Result::err);
    let problems = cx.problems().into_iter().chain(failed);
    problems.filter(|it| matches!(it.class, Class::NotEnrolled | Class::DataUnavailable)).collect()
}
