//! What the trial of all accounts has shown so far, merged account by account: pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    fanout::GLOBAL,
    organization::Member,
    remedy::{self, Spot, Stacks, Trouble, Troubles},
};
use crate::{
    aws::{
        problem::{Class, Problem},
        trial::Trial,
    },
    check::Check,
};

/// The label of what the scanner asks in its own account.
pub(super) const SCANNER: &str = "scanner";
/// How many actions make up everything: of fewer each is told.
const MANY: usize = 4;

/// How an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Condition {
    /// Something should be done there.
    ToFix,
    /// It was not tried before the trial was cut.
    NotReached,
    /// It was tried, and there is nothing to fix.
    InOrder,
    /// It is suspended, closed or not yet active, so there is nothing to try.
    Inactive,
}

/// One account and what became of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Patient {
    pub(crate) account_id: String,
    pub(crate) account_name: Option<String>,
    /// The state in the organization, where AWS said it.
    pub(crate) state: Option<String>,
    pub(crate) condition: Condition,
    /// How many actions AWS answered, be it with a refusal.
    pub(crate) actions_tried: usize,
    /// Whether its role was made from this version's template; `null` where the role carries no version, or it could not be read.
    pub(crate) template_current: Option<bool>,
}

/// An action that was not tried.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct NotTried {
    pub(crate) action: String,
    pub(crate) why: &'static str,
    /// Whether AWS charges for it.
    pub(crate) is_charged: bool,
    /// In how many of the accounts that were entered.
    pub(crate) accounts: usize,
}

/// How many accounts there are, and how they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Count {
    pub(crate) accounts: usize,
    /// Those whose role could be assumed, and the scanner's own.
    pub(crate) entered: usize,
    pub(crate) in_order: usize,
    pub(crate) to_fix: usize,
    /// Suspended, closed or not yet active.
    pub(crate) inactive: usize,
    /// Not tried before the trial was cut.
    pub(crate) not_reached: usize,
}

/// What the trial of all accounts found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Diagnosis {
    pub(crate) examination_id: String,
    /// Whether there is nothing to fix; `null` while not everything was tried and nothing to fix was found.
    pub(crate) in_order: Option<bool>,
    /// Whether everything was tried that was to be.
    pub(crate) complete: bool,
    pub(crate) caller_account: Option<String>,
    pub(crate) summary: Count,
    /// What does not work, what should be fixed first.
    pub(crate) troubles: Vec<Trouble>,
    pub(crate) not_tried: Vec<NotTried>,
    /// Each account; those with something to fix first.
    pub(crate) accounts: Vec<Patient>,
    pub(crate) notes: Vec<String>,
    /// Reads on in the same trial, over MCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
    /// How many requests were sent.
    pub(crate) calls: u64,
    /// What AWS charges for them.
    #[schemars(with = "f64")]
    pub(crate) billed_usd: Decimal,
    pub(crate) as_of: String,
}

/// Something that went wrong in a place.
#[derive(Clone, Debug)]
pub(super) struct Complaint {
    pub(super) region: String,
    /// `None` when nothing at all worked there.
    pub(super) action: Option<String>,
    pub(super) problem: Problem,
}

/// What one account showed.
#[derive(Clone, Debug, Default)]
pub(super) struct Examined {
    pub(super) complaints: Vec<Complaint>,
    expected: BTreeSet<String>,
    tried: BTreeSet<String>,
    pub(super) template_current: Option<bool>,
}

impl Examined {
    /// An account in which nothing works, or nothing runs.
    pub(super) fn closed(problem: Problem) -> Self {
        let complaint = Complaint { region: GLOBAL.to_owned(), action: None, problem };
        Self { complaints: vec![complaint], ..Self::default() }
    }

    /// Takes over what a trial showed. Where every action met the same, that is said once.
    pub(super) fn take(&mut self, region: &str, trial: &Trial, expected: BTreeSet<String>, judged: Vec<Problem>) {
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

/// What is known of a trial that goes on.
pub(super) struct Chart {
    caller: Option<String>,
    troubles: Troubles,
    stacks: Stacks,
    not_tried: BTreeMap<String, usize>,
    patients: BTreeMap<String, Patient>,
    reached: usize,
    notes: Vec<String>,
    /// Whether all accounts are known.
    is_listed: bool,
}

/// What a diagnosis is of.
pub(super) struct Of<'a> {
    pub(super) examination_id: &'a str,
    pub(super) as_of: Timestamp,
    /// Why what is not done yet was not tried.
    pub(super) pending: &'a Problem,
    /// The actions for which AWS charges, and whether these were to be tried.
    pub(super) charged: &'a BTreeSet<String>,
    pub(super) paid: bool,
    pub(super) calls: u64,
    pub(super) billed_usd: Decimal,
}

impl Chart {
    /// Nothing is known yet.
    pub(super) fn new(checks: Vec<&'static Check>, role: &str) -> Self {
        Self {
            caller: None,
            troubles: Troubles::new(checks, role, ""),
            stacks: Stacks::default(),
            not_tried: BTreeMap::new(),
            patients: BTreeMap::new(),
            reached: 0,
            notes: Vec::new(),
            is_listed: false,
        }
    }

    /// Who asks.
    pub(super) fn caller(&mut self, account: &str) {
        self.troubles.own(account);
        self.caller = Some(account.to_owned());
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// What the scanner was refused in its own account.
    pub(super) fn complain_of_scanner(&mut self, problem: &Problem) {
        let account_id = self.caller.clone().unwrap_or_default();
        let spot = Spot { account_id, account_name: None, region: SCANNER.to_owned() };
        self.troubles.add(spot, Some(&problem.action), problem);
    }

    /// Takes in the accounts that are to be tried.
    pub(super) fn admit(&mut self, members: &[Member]) {
        for member in members {
            let patient = Patient {
                account_id: member.id.clone(),
                account_name: member.name.clone(),
                state: member.state.clone(),
                condition: Condition::NotReached,
                actions_tried: 0,
                template_current: None,
            };
            self.patients.insert(member.id.clone(), patient);
        }
        self.is_listed = true;
    }

    /// What the StackSet says.
    pub(super) fn stacks(&mut self, stacks: Stacks) {
        self.stacks = stacks;
    }

    /// Merges what one account showed.
    pub(super) fn examined(&mut self, member: &Member, it: &Examined) {
        let spot = |region: &str| Spot {
            account_id: member.id.clone(),
            account_name: member.name.clone(),
            region: region.to_owned(),
        };
        for complaint in &it.complaints {
            self.troubles.add(spot(&complaint.region), complaint.action.as_deref(), &complaint.problem);
        }
        if it.template_current == Some(false) {
            self.troubles.add_old_template(spot(GLOBAL));
        }
        for action in it.expected.difference(&it.tried) {
            *self.not_tried.entry(action.clone()).or_default() += 1;
        }
        let Some(patient) = self.patients.get_mut(&member.id) else { return };
        patient.condition = match () {
            () if member.inactive().is_some() => Condition::Inactive,
            () if it.complaints.iter().any(|it| remedy::is_to_fix(it.problem.class)) => Condition::ToFix,
            () => Condition::InOrder,
        };
        patient.actions_tried = it.tried.len();
        patient.template_current = it.template_current;
        self.reached += 1;
    }

    /// How many accounts are known, and how many of them have been tried.
    pub(super) fn progress(&self) -> (usize, usize) {
        (self.patients.len(), self.reached)
    }

    /// How many accounts were found to have something to fix.
    pub(super) fn to_fix(&self) -> usize {
        self.count(Condition::ToFix)
    }

    fn count(&self, condition: Condition) -> usize {
        self.patients.values().filter(|it| it.condition == condition).count()
    }

    /// What is known as of now.
    pub(super) fn diagnosis(&self, of: &Of<'_>) -> Diagnosis {
        let mut accounts: Vec<_> = self.patients.values().cloned().collect();
        accounts.sort_by(|a, b| {
            (a.condition, &a.account_name, &a.account_id).cmp(&(b.condition, &b.account_name, &b.account_id))
        });
        let summary = Count {
            accounts: accounts.len(),
            entered: accounts.iter().filter(|it| it.actions_tried > 0).count(),
            in_order: self.count(Condition::InOrder),
            to_fix: self.count(Condition::ToFix),
            inactive: self.count(Condition::Inactive),
            not_reached: self.count(Condition::NotReached),
        };
        let troubles = self.troubles.sorted(&self.stacks);
        let complete = self.is_listed && summary.not_reached == 0;
        let mut notes = self.notes.clone();
        if !self.is_listed {
            notes.push(format!("the accounts are not all known: {}", of.pending.message));
        } else if !complete {
            notes.push(format!("accounts that were not tried: {} ({})", summary.not_reached, of.pending.message));
        }
        let why = |action: &String| match (of.charged.contains(action), of.paid) {
            (true, false) => "AWS charges for it and --paid was not given",
            (true, true) => "there was nothing to ask it about, or the charges would have gone over --max-charge",
            (false, _) => "there was nothing to ask it about",
        };
        let not_tried = self.not_tried.iter().map(|(action, accounts)| NotTried {
            is_charged: of.charged.contains(action),
            why: why(action),
            action: action.clone(),
            accounts: *accounts,
        });
        Diagnosis {
            examination_id: of.examination_id.to_owned(),
            in_order: if troubles.iter().any(|it| it.to_fix) { Some(false) } else { complete.then_some(true) },
            complete,
            caller_account: self.caller.clone(),
            summary,
            troubles,
            not_tried: not_tried.collect(),
            accounts,
            notes,
            next_cursor: None,
            calls: of.calls,
            billed_usd: of.billed_usd,
            as_of: of.as_of.to_string(),
        }
    }
}
