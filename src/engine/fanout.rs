//! Runs the checks of a scan over accounts and regions: bounded width, one panic harms one target.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{FutureExt, Stream, StreamExt, stream};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    Caller, Engine, Refused, Source, describe_for,
    ledger::Spot,
    member_actions,
    organization::{self, Member},
    plan::{self, Plan},
    report::{Presumed, Said},
    scan::Scan,
    tags,
};
use crate::{
    aws::{
        At, Place,
        account::EnabledRegions,
        action::Action,
        partition,
        problem::{Class, Problem, one_line},
        session::Session,
        store::Store,
    },
    check::{Chosen, Cx},
};

/// The label of global services in the ledger and in findings.
pub(super) const GLOBAL: &str = "global";
/// The label of the payer's questions in the ledger.
pub(super) const PAYER: &str = "payer";
/// The label for the regions of an account whose list of regions could not be read.
const OPT_IN: &str = "opt-in regions";
/// The most characters that AWS takes for a session policy
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>, read Oct 2026).
const SESSION_POLICY_CHARACTERS: usize = 2048;

/// What every account of a scan needs.
struct Run {
    engine: Arc<Engine>,
    scan: Arc<Scan>,
    caller: Caller,
    plan: Plan,
    policy: Option<String>,
    /// Whether the caller's own account is the only one.
    alone: AtomicBool,
}

/// Runs a scan to its end.
pub(super) async fn drive(engine: &Arc<Engine>, scan: &Arc<Scan>) -> Result<(), Refused> {
    let caller = engine.caller(&scan.tally).await?.clone();
    let checks: Vec<_> = scan.asked.iter().map(|it| it.check).collect();
    let run = Arc::new(Run {
        engine: Arc::clone(engine),
        scan: Arc::clone(scan),
        caller,
        plan: Plan::of(&checks),
        alone: AtomicBool::new(false),
        policy: session_policy(checks.iter().flat_map(|it| it.actions()).chain(member_actions())),
    });
    scan.merge().presume(run.presumed());
    let (sender, mut members) = mpsc::unbounded_channel::<Member>();
    let lists = async {
        let payer = list(&run, sender).await?;
        run.scan.merge().list_is_complete();
        payer_target(&run, &payer).await;
        Ok(())
    };
    let arriving = stream::poll_fn(|context| members.poll_recv(context));
    let at_once = engine.settings.concurrency;
    let accounts = each_account(engine, at_once, arriving, |member| account(Arc::clone(&run), member));
    let (listed, ()) = tokio::join!(lists, accounts);
    listed
}

/// Does some work for each account as it becomes known, so many at once.
pub(super) async fn each_account<Work>(
    engine: &Arc<Engine>,
    at_once: usize,
    members: impl Stream<Item = Member>,
    work: impl Fn(Member) -> Work,
) where
    Work: Future<Output = ()> + Send + 'static,
{
    let accounts = members.for_each_concurrent(at_once, |member| {
        // A task of its own, so that all cores work; dropped, and so ended, with the scan.
        let mut task = JoinSet::new();
        task.spawn(work(member));
        async move {
            while let Some(ended) = task.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(error = %error, "the task of an account failed");
                }
            }
            engine.door.pace.account_done();
        }
    });
    accounts.await;
}

/// Hands on the accounts as they become known; returns the payer.
async fn list(run: &Run, sender: mpsc::UnboundedSender<Member>) -> Result<String, Refused> {
    let (scan, settings) = (&run.scan, &run.engine.settings);
    let own = || {
        run.alone.store(true, Ordering::Relaxed);
        Member { id: run.caller.account.clone(), ..Member::default() }
    };
    let send_all = |members: Vec<Member>| {
        run.hand_on(scan.selection.choose(members).map_err(Refused::Selection)?, &sender);
        Ok(())
    };
    match &settings.source {
        Source::Single => {
            scan.merge().only_chosen_accounts();
            send_all(vec![own()]).map(|()| run.caller.account.clone())
        }
        Source::List(accounts) => {
            scan.merge().only_chosen_accounts();
            send_all(Member::listed(accounts)).map(|()| run.caller.account.clone())
        }
        Source::Organization => match organization(run, &sender).await {
            Ok(payer) => Ok(payer),
            Err(Unlisted::Refused(refused)) => Err(refused),
            Err(Unlisted::NoOrganization(problem)) => {
                let mut merge = scan.merge();
                let account = &run.caller.account;
                if problem.class == Class::NoOrganization {
                    merge.note(format!("account {account} is in no organization: it alone was scanned"));
                } else {
                    merge.note(format!("the accounts of the organization could not be listed: account {account} alone was scanned ({problem}); --single-account asks for that"));
                    merge.unknown_extent(&problem);
                }
                merge.only_chosen_accounts();
                drop(merge);
                send_all(vec![own()]).map(|()| run.caller.account.clone())
            }
        },
    }
}

/// Why Organizations gave no accounts.
enum Unlisted {
    /// There is none, or the caller may not see it: the caller's own account is scanned alone.
    NoOrganization(Problem),
    Refused(Refused),
}

impl From<Refused> for Unlisted {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Problem> for Unlisted {
    fn from(problem: Problem) -> Self {
        if organization::is_out_of_sight(&problem) {
            return Self::NoOrganization(problem);
        }
        Self::Refused(Refused::Accounts(problem))
    }
}

/// The accounts of the organization, each page scanned while the next is read; returns the payer.
async fn organization(run: &Run, sender: &mpsc::UnboundedSender<Member>) -> Result<String, Unlisted> {
    let (engine, scan) = (&run.engine, &run.scan);
    let selection = &scan.selection;
    let at = engine.scanner_place(&run.caller.account, &scan.tally, scan.as_of);
    let hand_on = |members: Vec<Member>| run.hand_on(members, sender);
    let kept = engine.kept_listing();
    let organization = match &kept {
        Some(kept) => kept.organization.clone(),
        None => organization::describe(&at).await?,
    };
    let mut members = Vec::new();
    if let Some(kept) = &kept {
        members.clone_from(&kept.members);
        if !selection.needs_whole_list() {
            hand_on(members.clone());
        }
    } else {
        let listed = organization::members(&at, |page| {
            if !selection.needs_whole_list() {
                hand_on(page.clone());
            }
            members.extend(page);
        });
        match listed.await {
            // Some accounts are known: they are scanned, and the ledger says that there are more.
            Err(problem) if !members.is_empty() && !selection.needs_whole_list() => {
                scan.merge().unknown_extent(&problem);
                return Ok(organization.payer);
            }
            listed => listed?,
        }
        engine.keep_listing(organization.clone(), members.clone());
    }
    if selection.needs_whole_list() {
        describe_for(selection, &at, &mut members).await?;
        scan.merge().only_chosen_accounts();
        hand_on(selection.choose(members).map_err(Refused::Selection)?);
    }
    Ok(organization.payer)
}

/// One place to look.
struct Target {
    /// The region whose endpoints are asked.
    region: String,
    /// The region in the ledger and in findings.
    label: String,
    checks: Vec<usize>,
}

/// One account: its session, its regions, its targets in random order.
async fn account(run: Arc<Run>, member: Member) {
    let (scan, plan) = (&run.scan, &run.plan);
    if !plan.enters_accounts() {
        return scan.merge().entered(&member.id);
    }
    if let Some(problem) = member.inactive() {
        return scan.merge().not_entered(&member.id, &problem);
    }
    let partition = partition::named(run.caller.partition);
    let spot = |region: &str| Spot { account: member.id.clone(), region: region.to_owned() };
    let session = Arc::new(run.session(&member.id));
    let mut targets = Vec::new();
    if !plan.regional.is_empty() {
        let regions = match run.regions(&session).await {
            Ok(regions) => regions,
            Err(problem) if problem.class == Class::RoleMissing => {
                return scan.merge().not_entered(&member.id, &problem);
            }
            // The regions chosen, or those that every account has, can be tried all the same.
            Err(problem) => {
                if scan.selection.regions.is_empty() {
                    scan.merge().not_scanned(&spot(OPT_IN), &plan.regional, &problem);
                }
                let scan = plan::presumed_regions(&scan.selection.regions, partition);
                plan::Regions { scan, not_enabled: Vec::new() }
            }
        };
        for region in &regions.not_enabled {
            let problem = Problem::new(
                Class::RegionNotEnabled,
                EnabledRegions::ACTION,
                "the region is not enabled in the account",
            );
            scan.merge().not_scanned(&spot(region), &plan.regional, &problem);
        }
        let regional = |region: String| Target { label: region.clone(), region, checks: plan.regional.clone() };
        targets.extend(regions.scan.into_iter().map(regional));
    }
    if !plan.account.is_empty() {
        let region = partition.global.to_owned();
        targets.push(Target { region, label: GLOBAL.to_owned(), checks: plan.account.clone() });
    }
    {
        let mut merge = scan.merge();
        for target in &targets {
            merge.enumerate(&spot(&target.label), &target.checks);
        }
        merge.entered(&member.id);
    }
    fastrand::shuffle(&mut targets);
    // Not `join_all`, which polls all of a few futures whenever one of them wakes.
    stream::iter(targets).for_each_concurrent(None, |it| run.target(Arc::clone(&session), it)).await;
}

/// The questions that the payer alone can answer, once.
async fn payer_target(run: &Run, payer: &str) {
    if run.plan.payer.is_empty() {
        return;
    }
    let session = Arc::new(run.session(payer));
    let region = partition::global_region(run.caller.partition).to_owned();
    let target = Target { region, label: PAYER.to_owned(), checks: run.plan.payer.clone() };
    let spot = Spot { account: payer.to_owned(), region: PAYER.to_owned() };
    run.scan.merge().enumerate(&spot, &target.checks);
    run.target(session, target).await;
}

impl Run {
    /// Counts accounts in and hands them on to be scanned.
    fn hand_on(&self, members: Vec<Member>, sender: &mpsc::UnboundedSender<Member>) {
        let mut merge = self.scan.merge();
        for member in members {
            merge.account(&member.id, member.name.as_deref());
            // The receiver is gone only when the scan is cancelled.
            let _ = sender.send(member);
        }
    }

    /// The targets that an account is taken to have until its own are known.
    fn presumed(&self) -> Vec<Presumed> {
        let regions = plan::presumed_regions(&self.scan.selection.regions, partition::named(self.caller.partition));
        let regional = |region| Presumed { region, checks: self.plan.regional.clone() };
        let global = Presumed { region: GLOBAL.to_owned(), checks: self.plan.account.clone() };
        regions.into_iter().map(regional).chain([global]).filter(|it| !it.checks.is_empty()).collect()
    }

    fn session(&self, account: &str) -> Session {
        self.engine.session(&self.caller, account, &format!("orgscan-{}", self.scan.id), self.policy.clone())
    }

    fn place(&self, session: Arc<Session>, region: &str) -> Place {
        let (engine, scan) = (&self.engine, &self.scan);
        Place::new(Arc::clone(&engine.door), session, Arc::clone(&scan.tally), region, scan.as_of)
    }

    async fn regions(&self, session: &Arc<Session>) -> Result<plan::Regions, Problem> {
        let home = self.engine.door.home_region();
        let _turn = self.engine.width.acquire().await;
        let store = Store::new(Arc::new(self.place(Arc::clone(session), home)));
        let (enabled, _) = store.ask(&EnabledRegions).await?;
        Ok(plan::regions(&self.scan.selection.regions, &enabled))
    }

    /// Runs the checks of one target together, so that each list is asked for once.
    async fn target(&self, session: Arc<Session>, target: Target) {
        let Ok(_turn) = self.engine.width.acquire().await else { return };
        let account = session.account().to_owned();
        let region = if target.label == PAYER { GLOBAL } else { &target.label };
        let at = At { partition: self.caller.partition, account: account.clone(), region: region.to_owned() };
        let store = Arc::new(Store::new(Arc::new(self.place(session, &target.region))));
        let spot = Spot { account, region: target.label };
        let said = stream::iter(target.checks.iter().copied()).map(|check| self.say(check, &store, &at, &spot));
        let whys: Vec<_> = said.buffer_unordered(target.checks.len().max(1)).collect().await;
        self.scan.merge().done(&spot, whys.into_iter().flatten().min().as_ref());
    }

    /// Runs one check and merges at once what it says, so that one that hangs hides nothing of the others.
    async fn say(&self, check: usize, store: &Arc<Store>, at: &At, spot: &Spot) -> Option<Problem> {
        let said = self.check(check, store, at).await;
        for problem in &said.problems {
            tracing::warn!(
                account.id = spot.account,
                region = spot.region,
                problem.class = problem.class.name(),
                problem.action = problem.action,
                "{}",
                problem.message
            );
        }
        self.scan.merge().said(spot, said)
    }

    fn chosen(&self) -> Chosen {
        let regions = &self.scan.selection.regions;
        let regions = (!regions.is_empty()).then(|| Arc::new(regions.iter().cloned().collect()));
        Chosen { regions, alone: self.alone.load(Ordering::Relaxed) }
    }

    async fn check(&self, index: usize, store: &Arc<Store>, at: &At) -> Said {
        let asked = &self.scan.asked[index];
        let cx = Cx::new(asked.check, Arc::clone(store), at.clone(), self.scan.as_of, self.chosen());
        let outcome = AssertUnwindSafe(asked.check.run(&cx, &asked.params)).catch_unwind().await;
        let mut problems = cx.problems();
        let mut findings = match outcome {
            Ok(Ok(findings)) => findings,
            Ok(Err(problem)) => {
                problems.push(problem);
                Vec::new()
            }
            Err(panic) => {
                let words = panic.downcast_ref::<String>().map(String::as_str);
                let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
                let message = one_line(&format!("the check crashed, which is a bug in orgscan: {words}"));
                problems.push(Problem { class: Class::Crashed, action: asked.check.name().to_owned(), message });
                Vec::new()
            }
        };
        if let Err(problem) = tags::fill(&mut findings, store, at).await {
            let class = problem.class.name();
            self.scan
                .merge()
                .note(format!("the tags of some findings could not be read ({class}, {})", problem.action));
        }
        Said { check: index, findings, problems, facts: cx.facts() }
    }
}

/// A policy that narrows the sessions of a scan to the actions it may take; `None` where AWS would not take it.
fn session_policy(actions: impl Iterator<Item = &'static Action>) -> Option<String> {
    let names: std::collections::BTreeSet<String> = actions.map(Action::iam).collect();
    let statement = serde_json::json!({"Effect": "Allow", "Action": names, "Resource": "*"});
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    if policy.len() > SESSION_POLICY_CHARACTERS {
        tracing::info!(
            policy.characters = policy.len(),
            "the session policy does not fit; the sessions go without one"
        );
        return None;
    }
    Some(policy)
}
