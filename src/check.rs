//! What a check is: what it says of itself, what it may ask, and what it finds.

use std::{
    any::TypeId,
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::aws::{
    At, Collect, Declared, Question, Resource,
    action::Action,
    metrics::{MetricQuery, Reading},
    prices::Quote,
    problem::{Class, Problem},
    store::{All, Store},
};

/// What a check file imports.
pub(crate) mod prelude {
    pub(crate) use crate::check::{ActionType, Cx, Finding, NoParams, OfOne as _, Outcome, check};
    pub(crate) use schemars::JsonSchema;
    pub(crate) use serde::Deserialize;
}

/// How often a check runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Once for each account and region.
    Regional,
    /// Once for each account: global services.
    Account,
    /// Once, in the payer (management account): questions whose answer covers all linked accounts.
    Payer,
}

/// What a check returns: its findings, or the problem that kept it from judging.
pub(crate) type Outcome = Result<Vec<Finding>, Problem>;

/// The typed `run` of a check behind one function pointer.
type Run = for<'a> fn(&'a Cx, &'a Map<String, Value>) -> BoxFuture<'a, Outcome>;

/// One check, as its file states it.
pub struct Check {
    path: &'static str,
    docs: &'static str,
    /// A few words for people.
    pub title: &'static str,
    /// How often it runs.
    pub scope: Scope,
    /// What it may ask.
    pub needs: &'static [Need],
    /// The tool whose savings count the same things: sums over tools leave this one's out where that one has run too. They
    /// are lower bounds then, as that tool may leave out what this one reports.
    pub within: Option<&'static str>,
    schema: fn() -> Value,
    accepts: fn(&Map<String, Value>) -> Result<(), String>,
    run: Run,
}

impl Check {
    #[expect(clippy::too_many_arguments, reason = "written by the macro alone")]
    pub(crate) const fn new(
        path: &'static str,
        docs: &'static str,
        title: &'static str,
        scope: Scope,
        needs: &'static [Need],
        within: Option<&'static str>,
        schema: fn() -> Value,
        accepts: fn(&Map<String, Value>) -> Result<(), String>,
        run: Run,
    ) -> Self {
        Self { path, docs, title, scope, needs, within, schema, accepts, run }
    }

    /// The name of the tool: that of the file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.rsplit("::").next().unwrap_or(self.path)
    }

    /// The category: the directory of the file.
    #[must_use]
    pub fn category(&self) -> &'static str {
        self.path.rsplit("::").nth(1).unwrap_or(self.path)
    }

    /// Whether somebody who says this means the tool: by its name, its category, or `all`.
    #[must_use]
    pub fn is_meant_by(&self, name: &str) -> bool {
        self.name() == name || self.category() == name || name == "all"
    }

    /// The documentation, Markdown.
    #[must_use]
    pub fn docs(&self) -> String {
        self.docs.lines().map(|it| it.strip_prefix(' ').unwrap_or(it)).collect::<Vec<_>>().join("\n").trim().to_owned()
    }

    /// The first sentence of the documentation.
    #[must_use]
    pub fn summary(&self) -> String {
        self.docs().lines().next().unwrap_or_default().to_owned()
    }

    /// The JSON Schema of the check's own parameters.
    #[must_use]
    pub fn schema(&self) -> Value {
        (self.schema)()
    }

    /// Whether the check can read its parameters; an error is one sentence for the caller.
    pub(crate) fn accepts(&self, params: &Map<String, Value>) -> Result<(), String> {
        (self.accepts)(params)
    }

    /// Every AWS action that running the check may take, sorted by IAM name, which two services may share.
    #[must_use]
    pub fn actions(&self) -> Vec<&'static Action> {
        let of_needs = self.needs.iter().flat_map(|it| it.actions);
        let by_name: BTreeMap<(String, &str), &'static Action> =
            of_needs.map(|it| ((it.iam(), it.service.sdk), *it)).collect();
        by_name.into_values().collect()
    }

    /// Runs the check in one target.
    pub(crate) async fn run(&'static self, cx: &Cx, params: &Map<String, Value>) -> Outcome {
        (self.run)(cx, params).await
    }
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Something a check has declared that it may ask.
pub struct Need {
    /// The name in documentation, for example `ec2::Volume`.
    pub name: &'static str,
    /// The AWS actions behind it.
    pub actions: &'static [&'static Action],
    id: fn() -> TypeId,
    /// Asks for it where no check does, and drops the answer.
    pub(crate) ask: Ask,
}

impl Need {
    pub(crate) const fn of<T: Declared>(ask: Ask) -> Self {
        Self { name: T::NAME, actions: T::ACTIONS, id: TypeId::of::<T>, ask }
    }
}

/// Asks a store for something in what was chosen, and drops the answer.
pub(crate) type Ask = for<'a> fn(&'a Store, &'a Chosen) -> BoxFuture<'a, ()>;

/// How a need is asked for where no check does. Of what AWS can list, all are: that constant is this type's own, which goes
/// before that of [`OfOne`].
pub(crate) struct Asks<T>(PhantomData<T>);

impl<T: Collect> Asks<T> {
    pub(crate) const ASK: Ask = |store, _| {
        Box::pin(async move {
            drop(store.ask(&All::<T>::new()).await);
        })
    };
}

/// How a question about one resource is asked where no check does: about a sample, where there is one.
pub(crate) trait OfOne {
    const ASK: Ask;
}

impl<T: Question> OfOne for Asks<T> {
    const ASK: Ask = |store, chosen| {
        Box::pin(async move {
            if let Some(question) = T::sample(store, chosen.regions.as_deref()).await {
                drop(store.ask(&question).await);
            }
        })
    };
}

/// Declares a check: keeps its doc comment as data and wraps its typed `run` in one function pointer.
macro_rules! check {
    (
        $(#[doc = $doc:literal])+
        title: $title:literal,
        scope: $scope:ident,
        needs: [$($need:ty),+ $(,)?],
        $(within: $within:literal,)?
        params: $params:ty $(,)?
    ) => {
        pub(crate) static CHECK: $crate::check::Check = $crate::check::Check::new(
            module_path!(),
            concat!($($doc, "\n"),+),
            $title,
            $crate::check::Scope::$scope,
            &[$($crate::check::Need::of::<$need>($crate::check::Asks::<$need>::ASK)),+],
            { let within: &[&str] = &[$($within)?]; within.first().copied() },
            $crate::check::schema_of::<$params>,
            |params| $crate::check::parsed::<$params>(params).map(|_| ()).map_err(|it| it.message),
            |cx, params| Box::pin(async move { run(cx, $crate::check::parsed::<$params>(params)?).await }),
        );
    };
}
pub(crate) use check;

/// The JSON Schema of a parameter struct.
pub(crate) fn schema_of<P: JsonSchema>() -> Value {
    schemars::schema_for!(P).to_value()
}

/// Parameters as a check's own struct. They were validated against the schema before the scan began.
pub(crate) fn parsed<P: for<'de> Deserialize<'de>>(params: &Map<String, Value>) -> Result<P, Problem> {
    serde_json::from_value(Value::Object(params.clone())).map_err(|error| refused(&error.to_string()))
}

/// Parameters that make no sense, in words.
pub(crate) fn refused(message: &str) -> Problem {
    Problem {
        class: Class::InvalidExchange,
        action: "orgscan:ReadParameters".to_owned(),
        message: crate::aws::problem::one_line(message),
    }
}

/// For checks without parameters of their own.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParams {}

/// What a target tells of resources of other accounts, by id: evidence for judging over all targets, which no check can do
/// alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// What something here uses.
    pub(crate) used: BTreeSet<String>,
    /// What is shared with this account by name, used or not.
    pub(crate) shared: BTreeSet<String>,
}

/// How a reason ends as long as not every account that may use the resource was seen.
pub(crate) const NOT_CERTAIN: &str = "; not certain, as not every account that it is shared with was seen";

/// What the caller asks about, as far as a check may know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chosen {
    /// The regions chosen; `None` for all.
    pub(crate) regions: Option<Arc<BTreeSet<String>>>,
    /// Whether the caller's own account is the only one.
    pub(crate) alone: bool,
}

/// What a check sees of the place it runs in: the things there, the time, and nothing else.
pub(crate) struct Cx {
    check: &'static Check,
    store: Arc<Store>,
    at: At,
    now: Timestamp,
    chosen: Chosen,
    problems: Mutex<BTreeSet<Problem>>,
    facts: Mutex<Facts>,
    #[cfg(test)]
    asked: Mutex<BTreeSet<&'static str>>,
}

impl Cx {
    pub(crate) fn new(check: &'static Check, store: Arc<Store>, at: At, now: Timestamp, chosen: Chosen) -> Self {
        Self {
            check,
            store,
            at,
            now,
            chosen,
            problems: Mutex::default(),
            facts: Mutex::default(),
            #[cfg(test)]
            asked: Mutex::default(),
        }
    }

    /// All things of a kind, here. An error means that they could not all be seen: then nothing may rest on them.
    pub(crate) async fn all<T: Collect>(&self) -> Result<Arc<Vec<T>>, Problem> {
        self.answer::<T, All<T>>(&All::new()).await
    }

    /// The answer to a question that has parameters.
    pub(crate) async fn ask<Q: Question>(&self, question: Q) -> Result<Arc<Q::Answer>, Problem> {
        self.answer::<Q, Q>(&question).await
    }

    /// The answer to a question about one thing among many; `None` when AWS gave none, which is then a problem of its own
    /// beside what the check finds among the rest.
    pub(crate) async fn ask_or_note<Q: Question>(&self, question: Q) -> Option<Arc<Q::Answer>> {
        match self.ask(question).await {
            Ok(answer) => Some(answer),
            Err(problem) => {
                self.note(problem);
                None
            }
        }
    }

    /// Of some things, those of which each metric says what `keeps` asks for. The metrics are asked one after the other,
    /// and each only about what the ones before it left, as every reading costs.
    pub(crate) async fn winnow<T, M>(
        &self,
        mut things: Vec<T>,
        metrics: impl IntoIterator<Item = M>,
        query: impl Fn(&M, &[T]) -> MetricQuery,
        keeps: impl Fn(&M, &Reading) -> bool,
    ) -> Result<Vec<T>, Problem> {
        for metric in metrics {
            if things.is_empty() {
                break;
            }
            let readings = self.ask(query(&metric, &things)).await?;
            let mut readings = readings.iter();
            things.retain(|_| readings.next().is_some_and(|it| keeps(&metric, it)));
        }
        Ok(things)
    }

    /// Notes something that could not be seen beside what the check finds.
    pub(crate) fn note(&self, problem: Problem) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).insert(problem);
    }

    /// Notes that something here uses resources of other accounts: a finding about one of these, in whatever account, falls.
    pub(crate) fn uses<'a>(&self, ids: impl IntoIterator<Item = &'a str>) {
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        facts.used.extend(ids.into_iter().map(str::to_owned));
    }

    /// Notes that this account may use resources of other accounts: a finding about one of these says so.
    pub(crate) fn may_use<'a>(&self, ids: impl IntoIterator<Item = &'a str>) {
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        facts.shared.extend(ids.into_iter().map(str::to_owned));
    }

    /// What was noted of resources of other accounts.
    pub(crate) fn facts(&self) -> Facts {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the caller's own account alone is asked about, so that nothing is missing when no other account answers.
    pub(crate) fn is_alone(&self) -> bool {
        self.chosen.alone
    }

    async fn answer<D: Declared, Q: Question>(&self, question: &Q) -> Result<Arc<Q::Answer>, Problem> {
        let declared = self.check.needs.iter().any(|it| (it.id)() == TypeId::of::<D>());
        assert!(declared, "{} asks for {} and does not list it in `needs`", self.check.name(), D::NAME);
        #[cfg(test)]
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(D::NAME);
        let (value, problems) = self.store.ask(question).await?;
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).extend(problems.iter().cloned());
        Ok(value)
    }

    /// The time of the scan.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Whole days since a moment; `None` when the moment is not known.
    pub(crate) fn days_since(&self, moment: Option<Timestamp>) -> Option<i64> {
        moment.map(|it| self.now.duration_since(it).as_hours() / 24)
    }

    /// Whether the caller asked about a region: for resources of global lists that live in a region of their own.
    pub(crate) fn concerns(&self, region: &str) -> bool {
        self.chosen.regions.as_ref().is_none_or(|it| it.contains(region))
    }

    /// A finding about a resource: place, id, ARN and tags are filled in.
    pub(crate) fn finding<R: Resource>(&self, it: &R) -> Finding {
        let region = it.region().unwrap_or(&self.at.region);
        let at = At {
            region: region.to_owned(),
            account: it.account().unwrap_or(&self.at.account).to_owned(),
            ..self.at.clone()
        };
        Finding {
            account_id: at.account.clone(),
            account_name: None,
            region: region.to_owned(),
            resource_type: it.resource_type().to_owned(),
            resource_id: it.id().to_owned(),
            resource_arn: it.arn(&at),
            reason: String::new(),
            action_type: None,
            implementation_effort: None,
            restart_needed: None,
            rollback_possible: None,
            source: None,
            billed_cost: None,
            estimated_monthly_cost: None,
            estimated_monthly_savings: None,
            currency: "USD".to_owned(),
            price_basis: None,
            tags: it.tags().cloned(),
            attributes: BTreeMap::new(),
        }
    }

    /// What could not be seen although the check could judge the rest.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// What to do about a finding, in the words of Cost Optimization Hub's `actionType`
/// (<https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_CostOptimizationHub_Recommendation.html>,
/// read Oct 2026).
pub(crate) enum ActionType {
    /// Remove the resource.
    Delete,
    /// What AWS itself recommends, in its word.
    AsAwsSays(String),
}

/// One resource and why it is reported. Money is a number of `currency`; `null` means that no amount can be put, never 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The account that has the resource.
    pub account_id: String,
    /// Its name in the organization, where known.
    pub account_name: Option<String>,
    /// The region, or `global`.
    pub region: String,
    /// The CloudFormation type.
    pub resource_type: String,
    /// The id that AWS's own API takes.
    pub resource_id: String,
    /// The ARN; `null` for what has none, such as a line of a bill.
    pub resource_arn: Option<String>,
    /// Why it is reported, in words that would stand in a ticket.
    pub reason: String,
    /// What to do, in the words of Cost Optimization Hub.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub action_type: Option<String>,
    /// How much work it is: `VeryLow` to `VeryHigh`, in the words of Cost Optimization Hub.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub implementation_effort: Option<String>,
    /// Whether the resource restarts when it is done.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub restart_needed: Option<bool>,
    /// Whether it can be undone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rollback_possible: Option<bool>,
    /// Who judged, where it was not orgscan: `ComputeOptimizer`, `CostExplorer`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// What was billed in the period asked for: the figure that tools whose name begins with `get_cost` return.
    #[serde(with = "money", skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<f64>")]
    pub billed_cost: Option<Decimal>,
    /// What it costs a month.
    #[serde(with = "money")]
    #[schemars(with = "Option<f64>")]
    pub estimated_monthly_cost: Option<Decimal>,
    /// What would disappear from the bill each month.
    #[serde(with = "money")]
    #[schemars(with = "Option<f64>")]
    pub estimated_monthly_savings: Option<Decimal>,
    /// The currency of the amounts.
    pub currency: String,
    /// What the amounts rest on, and whether they are a bound.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price_basis: Option<String>,
    /// The tags, as far as the listing or AWS's tagging service tell them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tags: Option<BTreeMap<String, String>>,
    /// Facts about the resource, units in the names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub attributes: BTreeMap<String, Value>,
}

impl Finding {
    /// Why it is reported.
    pub(crate) fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// What to do about it.
    pub(crate) fn action(mut self, action: ActionType) -> Self {
        self.action_type = Some(match action {
            ActionType::Delete => "Delete".to_owned(),
            ActionType::AsAwsSays(word) => word,
        });
        self
    }

    /// Other accounts may use it: their ids, or the ARNs of an organization or its units. Whether one does is judged when
    /// all targets have answered.
    pub(crate) fn shared_with(mut self, accounts: &[&str]) -> Self {
        self.reason.push_str(NOT_CERTAIN);
        self.fact("shared_with", accounts)
    }

    /// All of its cost would disappear from the bill. `None` leaves both amounts unknown.
    pub(crate) fn saves(self, quote: Option<Quote>) -> Self {
        let savings = quote.as_ref().map(|it| it.monthly.round_dp(4));
        let mut finding = self.costs(quote);
        finding.estimated_monthly_savings = savings;
        finding
    }

    /// What it costs, with nothing said of savings.
    pub(crate) fn costs(mut self, quote: Option<Quote>) -> Self {
        if let Some(quote) = quote {
            self.estimated_monthly_cost = Some(quote.monthly.round_dp(4));
            self.price_basis = Some(quote.basis);
        }
        self
    }

    /// What was billed in the period asked for, and in which currency.
    pub(crate) fn billed(mut self, amount: Decimal, currency: &str) -> Self {
        self.billed_cost = Some(amount);
        currency.clone_into(&mut self.currency);
        self
    }

    /// A fact, with its unit in the name. What AWS did not say (`null`) is left out.
    pub(crate) fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.attributes.insert(name.to_owned(), value);
        }
        self
    }
}

/// Money in JSON: a number, or `null` where no amount can be put.
pub(crate) mod money {
    use rust_decimal::{Decimal, prelude::ToPrimitive};
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "the signature serde's `with` wants")]
    pub(crate) fn serialize<S: Serializer>(amount: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
        match amount.and_then(|it| it.to_f64()) {
            Some(number) => serializer.serialize_some(&number),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
        let number = Option::<f64>::deserialize(deserializer)?;
        Ok(number.and_then(|it| Decimal::try_from(it).ok()).map(|it| it.normalize()))
    }
}

/// How the tests of checks run one: a world filled beforehand, the parameters as JSON, the findings as `id: reason` lines.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// The time at which every test takes place.
    pub(crate) fn now() -> Timestamp {
        "2026-11-22T20:00:00Z".parse().expect("a time")
    }

    /// A moment so many days before [`now`].
    #[expect(clippy::unnecessary_wraps, reason = "the form of every time that AWS may not have said")]
    pub(crate) fn days_ago(days: i64) -> Option<Timestamp> {
        Some(now() - jiff::SignedDuration::from_hours(24 * days))
    }

    /// A finding about a volume.
    pub(crate) fn finding(id: &str) -> Finding {
        let cx = cx(crate::checks::all().remove(0), Store::world());
        cx.finding(&crate::aws::ec2::Volume::example(id)).because("attached to nothing")
    }

    /// What could not be seen beside the findings, when the caller's own account is the only one or one of many.
    pub(crate) async fn problems_when(check: &'static Check, world: Store, alone: bool) -> Vec<Class> {
        let cx = Cx { chosen: Chosen { alone, ..Chosen::default() }, ..cx(check, world) };
        check.run(&cx, &Map::new()).await.expect("the check could judge");
        cx.problems().iter().map(|it| it.class).collect()
    }

    fn cx(check: &'static Check, world: Store) -> Cx {
        let at = At { partition: "aws", account: "111122223333".to_owned(), region: "eu-west-1".to_owned() };
        Cx::new(check, Arc::new(world), at, now(), Chosen::default())
    }

    /// That a check asks everything it declares in a world where something is found, so that `needs` holds nothing idle.
    pub(crate) async fn asks_all_it_needs(check: &'static Check, world: Store, params: &str) {
        let cx = cx(check, world);
        let params: Map<String, Value> = serde_json::from_str(params).expect("parameters are a JSON object");
        check.run(&cx, &params).await.expect("the check could judge");
        let needs: BTreeSet<_> = check.needs.iter().map(|it| it.name).collect();
        assert_eq!(*cx.asked.lock().expect("unpoisoned"), needs);
    }

    /// Runs a check in a world; returns what it found and what it could not see.
    pub(crate) async fn outcome(check: &'static Check, world: Store, params: &str) -> (Outcome, Vec<Problem>) {
        let cx = cx(check, world);
        let params: Map<String, Value> = serde_json::from_str(params).expect("parameters are a JSON object");
        let outcome = check.run(&cx, &params).await;
        (outcome, cx.problems())
    }

    /// What a check tells of resources of other accounts.
    pub(crate) async fn facts(check: &'static Check, world: Store, params: &str) -> Facts {
        let cx = cx(check, world);
        let params: Map<String, Value> = serde_json::from_str(params).expect("parameters are a JSON object");
        check.run(&cx, &params).await.expect("the check could judge");
        cx.facts()
    }

    /// The findings of a check.
    pub(crate) async fn findings(check: &'static Check, world: Store, params: &str) -> Vec<Finding> {
        outcome(check, world, params).await.0.expect("the check could judge")
    }

    /// The findings of a check as lines of `id: reason`.
    pub(crate) async fn found(check: &'static Check, world: Store, params: &str) -> String {
        let findings = findings(check, world, params).await;
        findings.iter().map(|it| format!("{}: {}", it.resource_id, it.reason)).collect::<Vec<_>>().join("\n")
    }

    /// That a check reports a problem, and no finding, when a kind of thing may not be listed.
    pub(crate) async fn is_blind_without<T: Collect>(check: &'static Check, world: Store) {
        let problem = outcome(check, world.denied::<T>(), "{}").await.0.expect_err("nothing may rest on a denied list");
        assert_eq!(problem.class, Class::AccessDenied);
    }
}
