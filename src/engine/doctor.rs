//! Tries every account: whether it can be entered, and each action once, with the fix for what does not work.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
    sync::Arc,
};

use futures::{FutureExt, StreamExt, future::join_all, stream};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Map;

use super::{
    Caller, Engine, Refused, Source, describe_for,
    fanout::{GLOBAL, PAYER},
    name_units,
    organization::{self, Member},
    plan::{self, Plan},
    remedy::{self, Trouble},
    selection::Selection,
};
use crate::{
    aws::{
        At, Declared, Place,
        account::EnabledRegions,
        action::Action,
        door::Tally,
        metrics::MetricQuery,
        partition,
        problem::{Class, Problem},
        session::Session,
        store::{All, Store},
        tagging::TaggedResource,
        trial::Trial,
    },
    check::{Check, Chosen, Cx},
};

/// The label of what the scanner asks in its own account.
const SCANNER: &str = "scanner";

/// How many actions make up everything: of fewer each is told.
const MANY: usize = 4;

/// What to try.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    /// Which accounts; and which regions, where more than one is to be tried.
    pub(crate) selection: Selection,
    /// Whether to try what AWS charges for.
    pub(crate) paid: bool,
}

/// One account and what became of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Patient {
    pub(crate) account_id: String,
    pub(crate) account_name: Option<String>,
    pub(crate) state: Option<String>,
    /// How many actions AWS answered, be it with a refusal.
    pub(crate) actions_tried: usize,
    /// Whether there is nothing to fix; `None` for an account that does not run.
    pub(crate) in_order: Option<bool>,
}

/// An action that was not tried.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NotTried {
    pub(crate) action: String,
    pub(crate) why: &'static str,
    /// In how many of the accounts that were entered.
    pub(crate) accounts: usize,
}

/// What the trial of all accounts found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Diagnosis {
    /// Whether there is nothing to fix.
    pub(crate) in_order: bool,
    pub(crate) caller_account: String,
    pub(crate) troubles: Vec<Trouble>,
    pub(crate) not_tried: Vec<NotTried>,
    pub(crate) accounts: Vec<Patient>,
    pub(crate) notes: Vec<String>,
    /// How many requests were sent.
    pub(crate) calls: u64,
    /// What AWS charges for them.
    pub(crate) billed_usd: Decimal,
}

/// What went wrong somewhere in an account.
struct Complaint {
    region: String,
    /// `None` when nothing at all worked there.
    action: Option<String>,
    problem: Problem,
}

/// What one account said.
#[derive(Default)]
struct Examined {
    complaints: Vec<Complaint>,
    expected: BTreeSet<String>,
    tried: BTreeSet<String>,
}

/// The way into one account.
struct Looking {
    session: Arc<Session>,
    /// What the checks are told of the choice.
    chosen: Chosen,
}

/// One visit.
struct Ward<'a> {
    engine: &'a Arc<Engine>,
    visit: &'a Visit,
    caller: Caller,
    tally: Arc<Tally>,
    now: jiff::Timestamp,
    plan: Plan,
    payer: Option<String>,
    notes: Vec<String>,
    complaints: Vec<Complaint>,
}

/// Tries what the engine's checks need.
pub(crate) async fn examine(engine: &Arc<Engine>, visit: &Visit) -> Result<Diagnosis, Refused> {
    let cap = if visit.paid { engine.settings.max_charge } else { Decimal::ZERO };
    let tally = Arc::new(Tally::new(cap));
    let caller = engine.caller(&tally).await?.clone();
    let plan = Plan::of(&engine.checks);
    let now = jiff::Timestamp::now();
    let mut ward = Ward {
        engine,
        visit,
        payer: Some(caller.account.clone()),
        caller,
        tally,
        now,
        plan,
        notes: Vec::new(),
        complaints: Vec::new(),
    };
    let members = ward.members().await?;
    let ward = &ward;
    let examined = stream::iter(members).map(|member| async move {
        let examined = match member.inactive() {
            Some(problem) => {
                let complaint = Complaint { region: GLOBAL.to_owned(), action: None, problem };
                Examined { complaints: vec![complaint], ..Examined::default() }
            }
            None => ward.account(&member).await,
        };
        ward.engine.door.pace.account_done();
        (member, examined)
    });
    let examined: Vec<_> = examined.buffer_unordered(engine.settings.concurrency).collect().await;
    Ok(ward.diagnosis(examined))
}

impl Ward<'_> {
    /// The accounts to try. What the scanner may not ask of Organizations is a complaint.
    async fn members(&mut self) -> Result<Vec<Member>, Refused> {
        let own = Member { id: self.caller.account.clone(), ..Member::default() };
        let members = match &self.engine.settings.source {
            Source::Single => vec![own],
            Source::List(accounts) => Member::listed(accounts),
            Source::Organization => match self.organization().await {
                Ok(members) => members,
                Err(problem) if problem.class == Class::NoOrganization => {
                    self.notes.push(format!("account {} is in no organization: it alone was tried", own.id));
                    vec![own]
                }
                Err(problem) if organization::is_out_of_sight(&problem) => {
                    self.complain_of_scanner(problem);
                    vec![own]
                }
                Err(problem) => return Err(Refused::Accounts(problem)),
            },
        };
        self.visit.selection.choose(members).map_err(Refused::Selection)
    }

    async fn organization(&mut self) -> Result<Vec<Member>, Problem> {
        let at = self.engine.scanner_place(&self.caller.account, &self.tally, self.now);
        self.payer = None;
        self.payer = Some(organization::describe(&at).await?.payer);
        let mut members = Vec::new();
        organization::members(&at, |page| members.extend(page)).await?;
        // Needed only to choose accounts by unit or by tag.
        if let Err(problem) = name_units(&at, &mut members).await {
            self.complain_of_scanner(problem);
        }
        if let Err(problem) = organization::account_tags(&at, &self.caller.account).await {
            self.complain_of_scanner(problem);
        }
        if let Err(Refused::Accounts(problem)) = describe_for(&self.visit.selection, &at, &mut members).await {
            return Err(problem);
        }
        Ok(members)
    }

    fn complain_of_scanner(&mut self, problem: Problem) {
        self.complaints.push(Complaint { region: SCANNER.to_owned(), action: Some(problem.action.clone()), problem });
    }

    /// Tries one account: entering it, its regions, and every action once.
    async fn account(&self, member: &Member) -> Examined {
        let session =
            Arc::new(self.engine.session(&self.caller, &member.id, &format!("orgscan-{}", uuid::Uuid::now_v7()), None));
        let mut examined = Examined::default();
        if let Err(problem) = session.ready(&self.engine.door, &self.tally).await {
            let complaint = Complaint { region: GLOBAL.to_owned(), action: None, problem };
            examined.complaints.push(complaint);
            return examined;
        }
        let regions = self.regions(&session, &mut examined).await;
        // As in a scan, what a global list names in other regions is of interest when none are chosen.
        let any = self.visit.selection.regions.is_empty();
        let chosen = (!any).then(|| Arc::new(regions.iter().cloned().collect::<BTreeSet<_>>()));
        let alone = self.engine.settings.source == Source::Single;
        let looking = Looking { session, chosen: Chosen { regions: chosen, alone } };
        for region in &regions {
            self.target(&looking, region, region, &self.plan.regional, &mut examined).await;
        }
        let global = partition::global_region(self.caller.partition);
        self.target(&looking, GLOBAL, global, &self.plan.account, &mut examined).await;
        if self.payer.as_deref() == Some(member.id.as_str()) {
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
        let chosen = &self.visit.selection.regions;
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

    fn trial(&self, session: &Arc<Session>, region: &str) -> (Arc<Trial>, Arc<Store>) {
        let trial = Arc::new(Trial::default());
        let engine = self.engine;
        let place =
            Place::new(Arc::clone(&engine.door), Arc::clone(session), Arc::clone(&self.tally), region, self.now);
        (Arc::clone(&trial), Arc::new(Store::new(Arc::new(place.on_trial(trial)))))
    }

    /// Lists all that some checks need, a page of each; then runs them, so that they ask about a resource that they found:
    /// once with metrics of idle things, once with those of busy ones.
    async fn target(&self, looking: &Looking, label: &str, region: &str, checks: &[usize], examined: &mut Examined) {
        let Ok(_turn) = self.engine.width.acquire().await else { return };
        let (trial, store) = self.trial(&looking.session, region);
        let checks: Vec<&'static Check> = checks.iter().map(|it| self.engine.checks[*it]).collect();
        let lists = checks.iter().flat_map(|it| it.needs).filter_map(|it| it.list);
        join_all(lists.map(|list| list(&store))).await;
        if label == region {
            // The engine itself looks up tags.
            drop(store.ask(&All::<TaggedResource>::new()).await);
        }
        let region = if label == PAYER { GLOBAL } else { label };
        let account = looking.session.account().to_owned();
        let at = At { partition: self.caller.partition, account, region: region.to_owned() };
        let cx = |check| Cx::new(check, Arc::clone(&store), at.clone(), self.now, looking.chosen.clone());
        let mut judged = join_all(checks.iter().map(|it| judge(it, cx(*it)))).await.concat();
        trial.make_busy();
        store.forget::<MetricQuery>();
        judged.extend(join_all(checks.iter().map(|it| judge(it, cx(*it)))).await.concat());
        judged.sort();
        judged.dedup();
        let expected = checks.iter().flat_map(|it| it.actions()).map(Action::iam).collect();
        examined.take(label, &trial, expected, judged);
    }

    fn diagnosis(&self, examined: Vec<(Member, Examined)>) -> Diagnosis {
        let mut troubles =
            remedy::Troubles::new(&self.engine.checks, &self.engine.settings.role_name, &self.caller.account);
        let own = &self.caller.account;
        for it in &self.complaints {
            troubles.add(own, None, &it.region, it.action.as_deref(), &it.problem);
        }
        let mut not_tried: BTreeMap<String, usize> = BTreeMap::new();
        let mut accounts = Vec::new();
        for (member, it) in examined {
            for complaint in &it.complaints {
                let action = complaint.action.as_deref();
                troubles.add(&member.id, member.name.as_deref(), &complaint.region, action, &complaint.problem);
            }
            for action in it.expected.difference(&it.tried) {
                *not_tried.entry(action.clone()).or_default() += 1;
            }
            let in_order = member
                .inactive()
                .is_none()
                .then(|| !it.complaints.iter().any(|it| remedy::is_to_fix(it.problem.class)));
            accounts.push(Patient {
                account_id: member.id,
                account_name: member.name,
                state: member.state,
                actions_tried: it.tried.len(),
                in_order,
            });
        }
        accounts.sort_by(|a, b| (&a.account_name, &a.account_id).cmp(&(&b.account_name, &b.account_id)));
        let troubles = troubles.sorted();
        let charged = self.charged();
        let why = |action: &String| match (charged.contains(action), self.visit.paid) {
            (true, false) => "AWS charges for it; --paid tries it",
            (true, true) => "there was nothing to ask it about, or the charges would have gone over --max-charge",
            (false, _) => "there was nothing to ask it about",
        };
        let not_tried =
            not_tried.into_iter().map(|(action, accounts)| NotTried { why: why(&action), action, accounts });
        Diagnosis {
            in_order: !troubles.iter().any(|it| it.to_fix),
            caller_account: own.clone(),
            troubles,
            not_tried: not_tried.collect(),
            accounts,
            notes: self.notes.clone(),
            calls: self.tally.counts().values().map(|it| it.calls).sum(),
            billed_usd: self.tally.spent(),
        }
    }

    /// The actions for which AWS charges.
    fn charged(&self) -> BTreeSet<String> {
        let actions = self.engine.checks.iter().flat_map(|it| it.actions());
        let charged = actions.filter(|it| it.charged_per_request || MetricQuery::ACTIONS.contains(it));
        charged.map(Action::iam).collect()
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

impl Examined {
    /// Takes over what a trial showed. Where every action met the same, that is said once.
    fn take(&mut self, region: &str, trial: &Trial, expected: BTreeSet<String>, judged: Vec<Problem>) {
        let (tried, problems) = (trial.tried(), trial.problems());
        let met: BTreeSet<Class> = problems.iter().map(|it| it.class).collect();
        let refused: BTreeSet<&String> = problems.iter().map(|it| &it.action).collect();
        let alike = met.len() == 1 && refused.len() >= MANY && refused.len() == tried.len();
        let kept = problems.iter().filter(|it| it.class != Class::ChargeCap);
        let most = if alike { 1 } else { usize::MAX };
        let complaint = |problem: Problem, action| Complaint { region: region.to_owned(), action, problem };
        let refused = kept.take(most).map(|it| complaint(it.clone(), (!alike).then(|| it.action.clone())));
        let judged = judged.into_iter().map(|it| complaint(it.clone(), Some(it.action)));
        let complaints: Vec<_> = refused.chain(judged).collect();
        self.complaints.extend(complaints);
        self.expected.extend(expected);
        self.tried.extend(tried);
    }
}
