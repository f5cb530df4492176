//! Old revisions of ECS task definitions that nothing uses.

use std::collections::{BTreeMap, HashSet};

use futures::future::join_all;

use super::InUse;
use crate::{
    aws::{
        ecs::{Cluster, Family, Revision, RunningTasks, ScheduledTasks, Services, TaskDefinition},
        eventbridge::EventBus,
        prices::Quote,
        problem::Problem,
    },
    check::prelude::*,
};

check! {
    /// Finds old revisions of ECS task definitions that no service, task or rule uses.
    ///
    /// A task definition is free of charge: what old revisions cost is care, and the images and roles that they name and that
    /// somebody may start again. There is one finding for each family, with the numbers of its revisions. The newest revisions
    /// of a family are left out, as are those that a service with its deployments and task sets, a running task or a rule of
    /// EventBridge names. EventBridge Scheduler, Step Functions and pipelines may name one too and cannot be told from here:
    /// what is deregistered cannot be started again under its number. Revisions that are deregistered are not reported.
    title: "Old ECS task definitions",
    scope: Regional,
    needs: [Revision, Cluster, Services, RunningTasks, EventBus, ScheduledTasks, TaskDefinition],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only revisions registered at least this many days ago.
    #[schemars(range(min = 1, max = 3650))]
    min_age_days: i64,
    /// Leave out so many of the newest revisions of each family, whatever their age.
    #[schemars(range(min = 1, max = 1000))]
    keep_newest: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self { min_age_days: 90, keep_newest: 10 }
    }
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let revisions = cx.all::<Revision>().await?;
    let mut families: BTreeMap<&str, Vec<&Revision>> = BTreeMap::new();
    for it in revisions.iter() {
        families.entry(&it.family).or_default().push(it);
    }
    families.retain(|_, it| it.len() > params.keep_newest);
    if families.is_empty() {
        return Ok(Vec::new());
    }
    let used = used(cx).await?;
    let findings = families.into_values().map(|mut all| {
        all.sort_by_key(|it| std::cmp::Reverse(it.number));
        let rest = all.split_off(params.keep_newest);
        let is_used = |it: &&Revision| used.contains(&(it.family.clone(), it.number));
        judge(cx, &params, rest.into_iter().filter(|it| !is_used(it)).collect())
    });
    Ok(join_all(findings).await.into_iter().flatten().collect())
}

/// Every revision that something here starts tasks from. Who names a family alone means its newest revision.
async fn used(cx: &Cx) -> Result<HashSet<(String, u64)>, Problem> {
    let used = InUse::seen(cx).await?;
    let of_services = used.services().flat_map(|it| &it.task_definitions);
    let names = of_services.chain(used.tasks().filter_map(|it| it.task_definition.as_ref())).chain(used.scheduled());
    Ok(names.filter_map(|it| Revision::of(it)).map(|it| (it.family, it.number)).collect())
}

/// Judges the unused revisions of a family, the newest first. They are registered one after the other, so that it takes few
/// questions to find the newest that is old.
async fn judge(cx: &Cx, params: &Params, revisions: Vec<&Revision>) -> Option<Finding> {
    let mut newest = None;
    let (mut first, mut end) = (0, revisions.len());
    while first < end {
        let middle = usize::midpoint(first, end);
        let known = cx.ask_or_note(TaskDefinition { arn: revisions[middle].arn.clone() }).await?;
        match cx.days_since(known.registered) {
            Some(age) if age < params.min_age_days => first = middle + 1,
            // AWS has no time for what was registered very long ago; that alone is no proof.
            age => (newest, end) = (age, middle),
        }
    }
    let age = newest?;
    let old = &revisions[first..];
    let reason = match old.len() {
        1 => format!("1 revision that nothing here uses, registered {age} days ago"),
        count => format!("{count} revisions that nothing here uses, the newest of them registered {age} days ago"),
    };
    let numbers: Vec<u64> = old.iter().rev().map(|it| it.number).collect();
    Some(
        cx.finding(&Family::of(old.first()?))
            .because(reason)
            .action(ActionType::Delete)
            .saves(Some(Quote::free("no charge for a task definition")))
            .fact("revisions", numbers.len())
            .fact("revision_numbers", ranges(&numbers))
            .fact("newest_age_days", age),
    )
}

/// Numbers in ascending order as `1-3, 5`.
fn ranges(numbers: &[u64]) -> String {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b);
    let run = |it: &[u64]| match it {
        [first, .., last] => format!("{first}-{last}"),
        _ => it.iter().map(u64::to_string).collect(),
    };
    runs.map(run).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{
            ecs::{Registration, ScheduledTask, Service, Task},
            problem::Class,
            store::Store,
        },
        check::testing::{asks_all_it_needs, days_ago, findings, found, is_blind_without, outcome},
    };
    use rust_decimal_macros::dec;

    fn arn(name: &str) -> String {
        format!("arn:aws:ecs:eu-west-1:111122223333:task-definition/{name}")
    }

    /// Families of so many revisions of which nothing is in use; revision `n` was registered `ages[n - 1]` days ago, or at a
    /// time that is not known where there is none.
    fn world(families: &[(&str, u64)], ages: &'static [Option<i64>]) -> Store {
        let revisions =
            families.iter().flat_map(|(name, count)| (1..=*count).map(move |it| arn(&format!("{name}:{it}"))));
        let revisions: Vec<_> = revisions.filter_map(|it| Revision::of(&it)).collect();
        Store::world()
            .with(revisions)
            .with(vec![Cluster::example("main")])
            .answering(|_: &Services| Ok(Vec::new()))
            .answering(|_: &RunningTasks| Ok(Vec::new()))
            .with(vec![EventBus::example()])
            .answering(|_: &ScheduledTasks| Ok(Vec::new()))
            .answering(move |it: &TaskDefinition| {
                let number = Revision::of(&it.arn).and_then(|it| usize::try_from(it.number).ok()).unwrap_or_default();
                let registered = ages[number - 1].and_then(days_ago);
                Ok(Registration { registered, images: Vec::new() })
            })
    }

    const FIVE: &[Option<i64>] = &[Some(400), Some(300), Some(200), Some(100), Some(50)];
    const KEEP_ONE: &str = r#"{"keep_newest": 1}"#;

    #[tokio::test]
    async fn nothing_is_found_where_there_is_nothing() {
        assert_eq!(found(&CHECK, world(&[], FIVE), "{}").await, "");
    }

    #[tokio::test]
    async fn the_newest_revisions_are_kept() {
        let two = world(&[("web", 5), ("api", 2)], FIVE);
        let line = |family: &str, words: &str| format!("{family}: {words}");
        let one = line("api", "1 revision that nothing here uses, registered 400 days ago");
        let many = line("web", "4 revisions that nothing here uses, the newest of them registered 100 days ago");
        assert_eq!(found(&CHECK, two, KEEP_ONE).await, format!("{one}\n{many}"));
        assert_eq!(found(&CHECK, world(&[("web", 5)], FIVE), r#"{"keep_newest": 5}"#).await, "");
        assert_eq!(found(&CHECK, world(&[("web", 5)], FIVE), "{}").await, "");
    }

    #[tokio::test]
    async fn the_youngest_that_counts_is_exactly_as_old_as_asked() {
        for (days, count) in [(100, Some(4)), (101, Some(3)), (400, Some(1)), (401, None)] {
            let params = format!(r#"{{"keep_newest": 1, "min_age_days": {days}}}"#);
            let findings = findings(&CHECK, world(&[("web", 5)], FIVE), &params).await;
            let counts: Option<u64> = findings.first().and_then(|it| it.attributes["revisions"].as_u64());
            assert_eq!(counts, count, "{days}");
        }
    }

    #[tokio::test]
    async fn a_revision_of_unknown_age_counts_only_below_one_that_is_known_to_be_old() {
        let below: &[Option<i64>] = &[None, None, Some(200), Some(100), Some(50)];
        let found = findings(&CHECK, world(&[("web", 5)], below), KEEP_ONE).await;
        assert_eq!(found[0].attributes["revision_numbers"], "1-4");
        let alone: &[Option<i64>] = &[None, None, Some(20), Some(10), Some(5)];
        assert_eq!(findings(&CHECK, world(&[("web", 5)], alone), KEEP_ONE).await.len(), 0);
    }

    #[tokio::test]
    async fn what_is_in_use_is_kept_whoever_uses_it() {
        let service = Service { task_definitions: vec![arn("web:1")], ..Service::example("web") };
        let world = world(&[("web", 5)], FIVE)
            .answering(move |_: &Services| Ok(vec![service.clone()]))
            .answering(|_: &RunningTasks| Ok(vec![Task { task_definition: Some(arn("web:3")), images: Vec::new() }]))
            .answering(|_: &ScheduledTasks| {
                let of = |name: &str| ScheduledTask { cluster: String::new(), task_definition: Some(arn(name)) };
                Ok(vec![of("web:4"), of("web")])
            });
        let found = findings(&CHECK, world, KEEP_ONE).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].attributes["revision_numbers"], "2");
    }

    #[tokio::test]
    async fn a_family_is_free_and_has_the_arn_of_no_revision() {
        let found = findings(&CHECK, world(&[("web", 5)], FIVE), KEEP_ONE).await;
        assert_eq!(
            (found[0].resource_id.as_str(), found[0].resource_arn.as_deref()),
            ("web", Some(arn("web").as_str()))
        );
        assert_eq!(found[0].estimated_monthly_savings, Some(dec!(0)));
        assert_eq!(found[0].price_basis.as_deref(), Some("no charge for a task definition"));
    }

    #[test]
    fn numbers_are_written_as_ranges() {
        assert_eq!(ranges(&[1, 2, 3, 5, 7, 8]), "1-3, 5, 7-8");
        assert_eq!(ranges(&[]), "");
    }

    #[tokio::test]
    async fn a_revision_that_may_not_be_read_hides_its_family_and_is_a_problem() {
        let world = world(&[("web", 5)], FIVE).unanswered::<TaskDefinition>(Class::AccessDenied);
        let (outcome, problems) = outcome(&CHECK, world, KEEP_ONE).await;
        assert_eq!(outcome.expect("judged"), []);
        assert_eq!(problems.iter().map(|it| it.class).collect::<Vec<_>>(), [Class::AccessDenied]);
    }

    #[tokio::test]
    async fn nothing_is_found_where_evidence_may_not_be_listed() {
        is_blind_without::<Revision>(&CHECK, world(&[("web", 15)], FIVE)).await;
        is_blind_without::<Cluster>(&CHECK, world(&[("web", 15)], FIVE)).await;
        is_blind_without::<EventBus>(&CHECK, world(&[("web", 15)], FIVE)).await;
        let world = || world(&[("web", 5)], FIVE);
        for blind in [
            world().unanswered::<Services>(Class::AccessDenied),
            world().unanswered::<RunningTasks>(Class::AccessDenied),
            world().unanswered::<ScheduledTasks>(Class::AccessDenied),
        ] {
            assert_eq!(outcome(&CHECK, blind, KEEP_ONE).await.0.expect_err("blind").class, Class::AccessDenied);
        }
    }

    #[tokio::test]
    async fn everything_declared_is_asked() {
        asks_all_it_needs(&CHECK, world(&[("web", 5)], FIVE), KEEP_ONE).await;
    }
}
