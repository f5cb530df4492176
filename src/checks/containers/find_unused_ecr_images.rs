//! Images in ECR that nobody pulls.

use std::collections::{BTreeSet, HashSet};

use futures::future::join_all;

use super::InUse;
use crate::{
    aws::{
        ecr::{HasPolicy, Image, Images, Repository},
        ecs::{Cluster, RunningTasks, ScheduledTasks, Services, TaskDefinition},
        eventbridge::EventBus,
        prices,
        problem::Problem,
    },
    check::prelude::*,
};

check! {
    /// Finds images in ECR that were not pulled for a long time and that nothing in ECS uses.
    ///
    /// AWS bills what a repository stores by the month. Layers that several images share are stored once, and AWS does not say
    /// which these are: the savings are an upper bound. Left out are images that a running task, a service or a rule of
    /// EventBridge names; signatures and the like, which go with their image; untagged images beside an index that is in use,
    /// as they may be its parts; archived images; and every repository with a policy of its own, since other accounts or
    /// Lambda may use what is in it. Pods of Kubernetes cannot be told from here: what is pulled once and runs for months
    /// looks unused, and so does what ECS runs in another region. Pulls are recorded to a day, and those of Amazon Inspector do
    /// not count. Fine to ignore for releases that are kept on purpose and for copies in a region that waits for a disaster. A
    /// lifecycle policy removes such images by rule.
    title: "Unused ECR images",
    scope: Regional,
    needs: [Repository, Images, HasPolicy, Cluster, Services, RunningTasks, EventBus, ScheduledTasks, TaskDefinition],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only images pushed, and last pulled if ever, at least this many days ago.
    #[schemars(range(min = 1, max = 3650))]
    lookback_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { lookback_days: 90 }
    }
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let repositories = cx.all::<Repository>().await?;
    let asked = repositories.iter().map(async |it| {
        let images = cx.ask_or_note(Images { repository: it.name.clone(), arn: it.arn.clone() }).await?;
        images.iter().any(|image| is_settled(cx, &params, image)).then_some((it, images))
    });
    let candidates: Vec<_> = join_all(asked).await.into_iter().flatten().collect();
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let used = used(cx).await?;
    let findings = candidates.iter().map(async |(repository, images)| {
        let unused = unused(cx, &params, repository, images, &used);
        if unused.is_empty() {
            return Vec::new();
        }
        match cx.ask_or_note(HasPolicy { repository: repository.name.clone() }).await.as_deref() {
            Some(false) => unused.into_iter().map(|it| report(cx, repository, it)).collect(),
            Some(true) | None => Vec::new(),
        }
    });
    Ok(join_all(findings).await.into_iter().flatten().collect())
}

/// Whether an image was neither pushed nor pulled for long enough.
fn is_settled(cx: &Cx, params: &Params, it: &Image) -> bool {
    let is_old = |days: i64| days >= params.lookback_days;
    let is_there = it.status.as_deref().is_none_or(|it| it == "ACTIVE");
    is_there && cx.days_since(it.pushed).is_some_and(is_old) && cx.days_since(it.pulled).is_none_or(is_old)
}

/// The images that ECS uses here, by reference or by digest: those of running tasks, and those of the task definitions that
/// rules, and services without tasks, start tasks from.
async fn used(cx: &Cx) -> Result<HashSet<String>, Problem> {
    let in_use = InUse::seen(cx).await?;
    let mut used: HashSet<String> = in_use.tasks().flat_map(|it| it.images.iter().cloned()).collect();
    // What the others name, their tasks have told.
    let without_tasks = in_use.services().filter(|it| it.running_tasks == 0);
    let definitions = without_tasks.flat_map(|it| &it.task_definitions).chain(in_use.scheduled());
    let definitions: BTreeSet<String> = definitions.cloned().collect();
    for definition in join_all(definitions.into_iter().map(|arn| cx.ask(TaskDefinition { arn }))).await {
        used.extend(definition?.images.iter().cloned());
    }
    Ok(used)
}

fn unused<'a>(
    cx: &Cx,
    params: &Params,
    repository: &Repository,
    images: &'a [Image],
    used: &HashSet<String>,
) -> Vec<&'a Image> {
    let is_unused = |it: &Image| is_settled(cx, params, it) && !is_used(repository, it, used);
    // The parts of an index are images without tags, and which these are only the index itself says.
    let has_index = images.iter().any(|it| it.is_index() && !is_unused(it));
    let may_be_part = |it: &Image| has_index && it.tags.is_empty();
    images.iter().filter(|it| is_unused(it) && !it.is_attached() && !may_be_part(it)).collect()
}

/// Whether ECS names the image: by its digest, or in one of the ways in which a task definition does.
fn is_used(repository: &Repository, it: &Image, used: &HashSet<String>) -> bool {
    let uri = repository.uri.as_str();
    let names = |tag: &String| used.contains(&format!("{uri}:{tag}")) || (tag == "latest" && used.contains(uri));
    used.contains(&it.digest) || used.contains(&format!("{uri}@{}", it.digest)) || it.tags.iter().any(names)
}

fn report(cx: &Cx, repository: &Repository, it: &Image) -> Finding {
    let (pushed, pulled) = (cx.days_since(it.pushed), cx.days_since(it.pulled));
    let last =
        pulled.map_or_else(|| "no pull of it is known".to_owned(), |days| format!("last pulled {days} days ago"));
    let since = pushed.map(|days| format!("; pushed {days} days ago")).unwrap_or_default();
    cx.finding(it)
        .because(format!("{last}{since}"))
        .action(ActionType::Delete)
        .saves(it.size_bytes.map(prices::ecr_image))
        .fact("repository", repository.name.as_str())
        .fact("image_tags", it.tags.as_slice())
        .fact("size_bytes", it.size_bytes)
        .fact("pushed_days_ago", pushed)
        .fact("last_pulled_days_ago", pulled)
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

    /// A repository with these images, which has no policy, and of which ECS uses nothing.
    fn world(images: Vec<Image>) -> Store {
        Store::world()
            .with(vec![Repository::example("web")])
            .with(vec![Cluster::example("main")])
            .answering(move |_: &Images| Ok(images.clone()))
            .answering(|_: &HasPolicy| Ok(false))
            .answering(|_: &RunningTasks| Ok(Vec::new()))
            .answering(|_: &Services| Ok(Vec::new()))
            .with(vec![EventBus::example()])
            .answering(|_: &ScheduledTasks| Ok(Vec::new()))
            .answering(|_: &TaskDefinition| Ok(Registration { registered: None, images: Vec::new() }))
    }

    async fn ids(world: Store, params: &str) -> Vec<String> {
        findings(&CHECK, world, params).await.into_iter().map(|it| it.resource_id).collect()
    }

    fn pulled(digest: &str, days: i64) -> Image {
        Image { pulled: days_ago(days), ..Image::example(digest) }
    }

    #[tokio::test]
    async fn nothing_is_found_where_there_is_nothing() {
        assert_eq!(found(&CHECK, world(vec![]), "{}").await, "");
        assert_eq!(found(&CHECK, world(vec![]).with(Vec::<Repository>::new()), "{}").await, "");
    }

    #[tokio::test]
    async fn an_image_counts_when_its_push_and_its_pull_are_exactly_as_old_as_asked() {
        let pushed = |digest: &str, created| Image { pushed: created, ..Image::example(digest) };
        let images = vec![
            pushed("a", days_ago(30)),
            pushed("b", days_ago(29)),
            pushed("c", None),
            pulled("d", 30),
            pulled("e", 29),
        ];
        let lines =
            "web@a: no pull of it is known; pushed 30 days ago\nweb@d: last pulled 30 days ago; pushed 200 days ago";
        assert_eq!(found(&CHECK, world(images), r#"{"lookback_days": 30}"#).await, lines);
    }

    #[tokio::test]
    async fn an_archived_image_is_not_judged() {
        let at =
            |digest: &str, status: Option<&str>| Image { status: status.map(str::to_owned), ..Image::example(digest) };
        let images = vec![at("a", Some("ARCHIVED")), at("b", Some("ACTIVATING")), at("c", None)];
        assert_eq!(ids(world(images), "{}").await, ["web@c"]);
    }

    #[tokio::test]
    async fn what_ecs_names_in_whatever_way_is_used() {
        let uri = Repository::example("web").uri;
        let mut images: Vec<_> = ["a", "b", "c", "d", "e"].map(Image::example).into();
        images.push(Image { tags: vec!["latest".to_owned()], ..Image::example("f") });
        let service = Service { task_definitions: vec!["web:1".to_owned()], ..Service::without_tasks("web", 0) };
        let (by_digest, by_tag) = (format!("{uri}@b"), format!("{uri}:tag-of-c"));
        let (scheduled, latest) = (format!("{uri}:tag-of-d"), uri.clone());
        let world = world(images)
            .answering(move |_: &RunningTasks| {
                Ok(vec![Task { task_definition: None, images: vec!["a".to_owned(), latest.clone()] }])
            })
            .answering(move |_: &Services| Ok(vec![service.clone()]))
            .answering(|_: &ScheduledTasks| {
                Ok(vec![ScheduledTask { cluster: String::new(), task_definition: Some("job:1".to_owned()) }])
            })
            .answering(move |it: &TaskDefinition| {
                let web = vec![by_digest.clone(), by_tag.clone()];
                let images = if it.arn == "web:1" { web } else { vec![scheduled.clone()] };
                Ok(Registration { registered: None, images })
            });
        assert_eq!(ids(world, "{}").await, ["web@e"]);
    }

    #[tokio::test]
    async fn what_is_attached_to_an_image_goes_with_it() {
        let images = vec![
            Image { subject: Some("sha256:1".to_owned()), ..Image::example("a") },
            Image { tags: vec!["sha256-1.sig".to_owned()], ..Image::example("b") },
            Image { tags: vec!["sha256-1.sig".to_owned(), "v1".to_owned()], ..Image::example("c") },
        ];
        assert_eq!(ids(world(images), "{}").await, ["web@c"]);
    }

    #[tokio::test]
    async fn untagged_images_may_be_parts_of_an_index_that_is_in_use() {
        let index = |days| Image {
            media_type: Some("application/vnd.oci.image.index.v1+json".to_owned()),
            size_bytes: None,
            ..pulled("index", days)
        };
        let untagged = Image { tags: Vec::new(), ..Image::example("part") };
        let all = |days| world(vec![index(days), untagged.clone(), Image::example("other")]);
        assert_eq!(ids(all(10), "{}").await, ["web@other"]);
        assert_eq!(ids(all(100), "{}").await, ["web@index", "web@part", "web@other"]);
    }

    #[tokio::test]
    async fn a_repository_that_is_shared_is_left_alone_and_one_whose_policy_is_unknown_too() {
        let shared = world(vec![Image::example("a")]).answering(|_: &HasPolicy| Ok(true));
        assert_eq!(found(&CHECK, shared, "{}").await, "");
        let unknown = world(vec![Image::example("a")]).unanswered::<HasPolicy>(Class::AccessDenied);
        let (outcome, problems) = outcome(&CHECK, unknown, "{}").await;
        assert_eq!((outcome.expect("judged").len(), problems.len()), (0, 1));
    }

    #[tokio::test]
    async fn money_is_a_bound_or_not_known() {
        let unsized_image = Image { size_bytes: None, ..Image::example("b") };
        let big = Image { size_bytes: Some(5 << 29), ..Image::example("c") };
        let findings = findings(&CHECK, world(vec![Image::example("a"), unsized_image, big]), "{}").await;
        let savings: Vec<_> = findings.iter().map(|it| it.estimated_monthly_savings).collect();
        assert_eq!(savings, [Some(dec!(0.1)), None, Some(dec!(0.25))]);
        assert!(findings[0].price_basis.as_ref().is_some_and(|it| it.contains("upper bound")));
        let arn = "arn:aws:ecr:eu-west-1:111122223333:repository/web";
        assert_eq!(findings[0].resource_arn.as_deref(), Some(arn));
    }

    #[tokio::test]
    async fn images_that_may_not_be_listed_are_a_problem() {
        let world = world(vec![]).unanswered::<Images>(Class::AccessDenied);
        let (outcome, problems) = outcome(&CHECK, world, "{}").await;
        assert_eq!((outcome.expect("judged").len(), problems.len()), (0, 1));
    }

    #[tokio::test]
    async fn nothing_is_found_where_evidence_may_not_be_read() {
        let world = || {
            let service = Service::without_tasks("web", 0);
            world(vec![Image::example("a")]).answering(move |_: &Services| Ok(vec![service.clone()]))
        };
        is_blind_without::<Repository>(&CHECK, world()).await;
        is_blind_without::<Cluster>(&CHECK, world()).await;
        for blind in [
            world().unanswered::<RunningTasks>(Class::AccessDenied),
            world().unanswered::<Services>(Class::AccessDenied),
            world().unanswered::<ScheduledTasks>(Class::AccessDenied),
            world().unanswered::<TaskDefinition>(Class::AccessDenied),
        ] {
            assert_eq!(outcome(&CHECK, blind, "{}").await.0.expect_err("blind").class, Class::AccessDenied);
        }
    }

    #[tokio::test]
    async fn everything_declared_is_asked() {
        let service = Service::without_tasks("web", 0);
        let world = world(vec![Image::example("a")]).answering(move |_: &Services| Ok(vec![service.clone()]));
        asks_all_it_needs(&CHECK, world, "{}").await;
    }
}
