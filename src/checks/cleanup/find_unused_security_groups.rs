//! Security groups that filter nothing.

use std::collections::BTreeSet;

use crate::{
    aws::{
        auto_scaling::LaunchConfiguration,
        ec2::{LaunchTemplate, NetworkInterface, SecurityGroup},
        lambda::Function,
        prices::Quote,
    },
    check::prelude::*,
};

check! {
    /// Finds security groups that no network interface is in and nothing launches with.
    ///
    /// AWS does not bill a group, so savings are 0: what is left over hides the rules that matter and counts towards a
    /// quota. Whatever runs has a network interface; of what does not run now, launch templates, launch configurations and
    /// Lambda functions are looked at. So is who is named in the rules of a group that is in use: it waits for members and
    /// is left out. One that only unused groups name is reported, and those rules must go first. Default groups and those
    /// that services made for themselves or other accounts share are left out. What ECS services, `EventBridge` targets,
    /// spot requests and stopped databases keep in settings of their own cannot be seen, nor can rules in other accounts;
    /// a group of one of these is fine to ignore. AWS does not say when a group was made.
    title: "Unused security groups",
    scope: Regional,
    needs: [SecurityGroup, NetworkInterface, LaunchTemplate, LaunchConfiguration, Function],
    params: NoParams,
}

async fn run(cx: &Cx, _: NoParams) -> Outcome {
    let groups = cx.all::<SecurityGroup>().await?;
    let interfaces = cx.all::<NetworkInterface>().await?;
    let templates = cx.all::<LaunchTemplate>().await?;
    let configurations = cx.all::<LaunchConfiguration>().await?;
    let functions = cx.all::<Function>().await?;
    // Ids, and names where templates and configurations have those.
    let users = interfaces.iter().flat_map(|it| &it.security_group_ids);
    let users = users.chain(templates.iter().flat_map(|it| &it.versions).flat_map(|it| &it.security_groups));
    let users = users.chain(configurations.iter().flat_map(|it| &it.security_groups));
    let users = users.chain(functions.iter().flat_map(|it| &it.security_group_ids));
    let used: BTreeSet<&str> = users.map(String::as_str).collect();
    let is_used =
        |it: &SecurityGroup| used.contains(it.id.as_str()) || it.name.as_deref().is_some_and(|it| used.contains(it));
    let awaited: BTreeSet<&str> =
        groups.iter().filter(|it| is_used(it) || it.is_default()).flat_map(references).collect();
    let is_unused = |it: &&SecurityGroup| {
        !is_used(it) && !awaited.contains(it.id.as_str()) && !it.is_default() && !it.has_manager() && !it.is_shared
    };
    Ok(groups.iter().filter(is_unused).map(|it| report(cx, it, &groups)).collect())
}

/// The other groups that the rules of a group name.
fn references(group: &SecurityGroup) -> impl Iterator<Item = &str> {
    group.references.iter().map(String::as_str).filter(|it| *it != group.id)
}

fn report(cx: &Cx, group: &SecurityGroup, groups: &[SecurityGroup]) -> Finding {
    let naming = groups.iter().filter(|it| references(it).any(|it| it == group.id));
    let naming: Vec<&str> = naming.map(|it| it.id.as_str()).collect();
    let reason = match naming.as_slice() {
        [] => "no network interface is in it and nothing launches with it".to_owned(),
        [one] => format!("no network interface is in it; the unused group {one} names it"),
        many => format!("no network interface is in it; {} unused groups name it", many.len()),
    };
    cx.finding(group)
        .because(reason)
        .action(ActionType::Delete)
        .saves(Some(Quote::free("no charge for a security group")))
        .fact("name", group.name.as_deref())
        .fact("vpc_id", group.vpc_id.as_deref())
        .fact("named_by_group_ids", naming)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{Tags, store::Store},
        check::testing::{asks_all_it_needs, findings, found, is_blind_without},
    };
    use rust_decimal_macros::dec;

    fn world(groups: Vec<SecurityGroup>) -> Store {
        Store::world()
            .with(groups)
            .with(Vec::<NetworkInterface>::new())
            .with(Vec::<LaunchTemplate>::new())
            .with(Vec::<LaunchConfiguration>::new())
            .with(Vec::<Function>::new())
    }

    const FOUND: &str = "sg-1: no network interface is in it and nothing launches with it";

    fn group() -> SecurityGroup {
        SecurityGroup::example("sg-1")
    }

    fn naming(id: &str, other: &str) -> SecurityGroup {
        let references = vec![id.to_owned(), other.to_owned()];
        SecurityGroup { references, name: Some("other".to_owned()), ..SecurityGroup::example(id) }
    }

    #[tokio::test]
    async fn what_nothing_uses_is_found_and_costs_nothing() {
        let findings = findings(&CHECK, world(vec![group()]), "{}").await;
        assert_eq!(format!("sg-1: {}", findings[0].reason), FOUND);
        assert_eq!(findings[0].estimated_monthly_savings, Some(dec!(0)));
        assert_eq!(findings[0].price_basis.as_deref(), Some("no charge for a security group"));
    }

    #[tokio::test]
    async fn each_use_is_enough_by_id_or_by_name() {
        let world = || world(vec![group()]);
        let template = |it: &str| {
            let mut template = LaunchTemplate::of("ami-1");
            template.versions[0].security_groups = vec![it.to_owned()];
            template
        };
        let configuration =
            |it: &str| LaunchConfiguration { security_groups: vec![it.to_owned()], ..LaunchConfiguration::of("ami-1") };
        let function = Function { security_group_ids: vec!["sg-1".to_owned()], ..Function::example("one") };
        for used in [
            world().with(vec![NetworkInterface::private("sg-1")]),
            world().with(vec![template("sg-1")]),
            world().with(vec![template("web")]),
            world().with(vec![configuration("sg-1")]),
            world().with(vec![configuration("web")]),
            world().with(vec![function]),
        ] {
            assert_eq!(found(&CHECK, used, "{}").await, "");
        }
        let others = world()
            .with(vec![NetworkInterface::private("sg-2")])
            .with(vec![template("sg-3"), template("database")])
            .with(vec![configuration("sg-4")]);
        assert_eq!(found(&CHECK, others, "{}").await, FOUND);
    }

    #[tokio::test]
    async fn a_group_that_one_in_use_names_waits_for_members() {
        let groups = || vec![group(), naming("sg-2", "sg-1")];
        let used = world(groups()).with(vec![NetworkInterface::private("sg-2")]);
        assert_eq!(found(&CHECK, used, "{}").await, "");
        let expected = "sg-1: no network interface is in it; the unused group sg-2 names it\n\
                        sg-2: no network interface is in it and nothing launches with it";
        assert_eq!(found(&CHECK, world(groups()), "{}").await, expected);
        let mut three = groups();
        three.push(naming("sg-3", "sg-1"));
        let found = found(&CHECK, world(three), "{}").await;
        assert!(found.starts_with("sg-1: no network interface is in it; 2 unused groups name it\n"), "{found}");
    }

    #[tokio::test]
    async fn a_group_that_names_itself_is_named_by_no_other() {
        assert_eq!(found(&CHECK, world(vec![naming("sg-1", "sg-1")]), "{}").await, FOUND);
    }

    #[tokio::test]
    async fn default_managed_and_shared_groups_are_not_judged() {
        let name = |it: &str| Some(it.to_owned());
        let marked = |key: &str| Tags::from([(key.to_owned(), "true".to_owned())]);
        let groups = vec![
            SecurityGroup { name: name("default"), ..SecurityGroup::example("sg-1") },
            SecurityGroup { name: name("ElasticMapReduce-master"), ..SecurityGroup::example("sg-2") },
            SecurityGroup { name: name("CloudFront-VPCOrigins-Service-SG"), ..SecurityGroup::example("sg-3") },
            SecurityGroup { tags: marked("aws:eks:cluster-name"), ..SecurityGroup::example("sg-4") },
            SecurityGroup { name: name("eks-cluster-sg-main-1234"), ..SecurityGroup::example("sg-7") },
            SecurityGroup { tags: marked("GuardDutyManaged"), ..SecurityGroup::example("sg-5") },
            SecurityGroup { is_shared: true, ..SecurityGroup::example("sg-6") },
        ];
        assert_eq!(found(&CHECK, world(groups), "{}").await, "");
    }

    #[tokio::test]
    async fn nothing_is_found_where_evidence_may_not_be_listed() {
        let world = || world(vec![group()]);
        asks_all_it_needs(&CHECK, world(), "{}").await;
        is_blind_without::<SecurityGroup>(&CHECK, world()).await;
        is_blind_without::<NetworkInterface>(&CHECK, world()).await;
        is_blind_without::<LaunchTemplate>(&CHECK, world()).await;
        is_blind_without::<LaunchConfiguration>(&CHECK, world()).await;
        is_blind_without::<Function>(&CHECK, world()).await;
    }
}
