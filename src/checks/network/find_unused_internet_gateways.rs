//! Internet gateways that nothing can use.

use crate::{
    aws::{
        ec2::{InternetGateway, NetworkInterface, RouteTable, Vpc},
        prices::Quote,
    },
    check::prelude::*,
};

check! {
    /// Finds internet gateways that nothing can use.
    ///
    /// AWS does not bill a gateway itself, so savings are 0: what is left over opens a VPC to the internet once somebody
    /// adds a route. Reported are gateways that are attached to no VPC, those of a VPC without any network interface, and
    /// those that no route leads to. A gateway without a route is kept where a service has an interface in the VPC, as
    /// Global Accelerator and `CloudFront` want a gateway there and no route. Gateways of default VPCs are left out. AWS does
    /// not say when a gateway was made: one of a VPC that is being set up, or that runs things for a few hours a day, is
    /// fine to ignore.
    title: "Unused internet gateways",
    scope: Regional,
    needs: [InternetGateway, Vpc, NetworkInterface, RouteTable],
    params: NoParams,
}

async fn run(cx: &Cx, _: NoParams) -> Outcome {
    let gateways = cx.all::<InternetGateway>().await?;
    let vpcs = cx.all::<Vpc>().await?;
    let interfaces = cx.all::<NetworkInterface>().await?;
    let tables = cx.all::<RouteTable>().await?;
    let judge = |it| Some(report(cx, it, reason(it, &vpcs, &interfaces, &tables)?));
    Ok(gateways.iter().filter_map(judge).collect())
}

/// Why nothing can use a gateway. `None` where something may.
fn reason(
    gateway: &InternetGateway,
    vpcs: &[Vpc],
    interfaces: &[NetworkInterface],
    tables: &[RouteTable],
) -> Option<String> {
    let vpc_id = match gateway.vpc_ids.as_slice() {
        [] => return Some("attached to no VPC".to_owned()),
        [Some(vpc_id)] => vpc_id,
        _ => return None,
    };
    let vpc = vpcs.iter().find(|it| it.id == *vpc_id)?;
    if vpc.is_default? {
        return None;
    }
    // An interface of which AWS says no VPC may be in this one.
    let mut inside = interfaces.iter().filter(|it| it.vpc_id.as_ref().is_none_or(|it| it == vpc_id)).peekable();
    if inside.peek().is_none() {
        return Some(format!("there is no network interface in {vpc_id}"));
    }
    let is_routed = tables.iter().any(|it| it.gateway_ids.contains(&gateway.id));
    (!is_routed && !inside.any(|it| it.is_managed)).then(|| format!("no route in {vpc_id} leads to it"))
}

fn report(cx: &Cx, gateway: &InternetGateway, reason: String) -> Finding {
    let vpc_id = gateway.vpc_ids.iter().flatten().next();
    cx.finding(gateway)
        .because(reason)
        .action(ActionType::Delete)
        .saves(Some(Quote::free("no charge for an internet gateway")))
        .fact("vpc_id", vpc_id.map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::store::Store,
        check::testing::{asks_all_it_needs, findings, found, is_blind_without},
    };
    use rust_decimal_macros::dec;

    fn inside(vpc_id: &str) -> NetworkInterface {
        NetworkInterface { vpc_id: Some(vpc_id.to_owned()), ..NetworkInterface::private("sg-1") }
    }

    /// A gateway of a VPC with what is in it, and the tables of its routes.
    fn world(gateway: InternetGateway, interfaces: Vec<NetworkInterface>, tables: Vec<RouteTable>) -> Store {
        Store::world().with(vec![gateway]).with(vec![Vpc::example("vpc-1")]).with(interfaces).with(tables)
    }

    fn attached() -> InternetGateway {
        InternetGateway::of("igw-1", "vpc-1")
    }

    #[tokio::test]
    async fn what_is_attached_to_nothing_is_found_and_costs_nothing() {
        let world = world(InternetGateway::detached("igw-1"), Vec::new(), Vec::new());
        let findings = findings(&CHECK, world, "{}").await;
        assert_eq!(findings[0].reason, "attached to no VPC");
        assert_eq!(findings[0].estimated_monthly_savings, Some(dec!(0)));
        assert_eq!(findings[0].price_basis.as_deref(), Some("no charge for an internet gateway"));
    }

    #[tokio::test]
    async fn a_gateway_needs_an_interface_in_its_own_vpc() {
        let routed = || vec![RouteTable::through("igw-1")];
        let reason = "igw-1: there is no network interface in vpc-1";
        assert_eq!(found(&CHECK, world(attached(), vec![inside("vpc-2")], routed()), "{}").await, reason);
        assert_eq!(found(&CHECK, world(attached(), vec![inside("vpc-1")], routed()), "{}").await, "");
        let somewhere = NetworkInterface { vpc_id: None, ..inside("vpc-2") };
        assert_eq!(found(&CHECK, world(attached(), vec![somewhere], routed()), "{}").await, "");
    }

    #[tokio::test]
    async fn a_gateway_needs_a_route_or_a_service_that_wants_none() {
        let other = || vec![RouteTable::through("igw-2")];
        let reason = "igw-1: no route in vpc-1 leads to it";
        assert_eq!(found(&CHECK, world(attached(), vec![inside("vpc-1")], other()), "{}").await, reason);
        let managed = |vpc| NetworkInterface { is_managed: true, ..inside(vpc) };
        let accelerated = vec![inside("vpc-1"), managed("vpc-1")];
        assert_eq!(found(&CHECK, world(attached(), accelerated, other()), "{}").await, "");
        let elsewhere = vec![inside("vpc-1"), managed("vpc-2")];
        assert_eq!(found(&CHECK, world(attached(), elsewhere, other()), "{}").await, reason);
    }

    #[tokio::test]
    async fn default_and_unknown_vpcs_are_not_judged() {
        let empty = || world(attached(), Vec::new(), Vec::new());
        let vpc = |is_default| vec![Vpc { is_default, ..Vpc::example("vpc-1") }];
        assert_eq!(found(&CHECK, empty().with(vpc(Some(true))), "{}").await, "");
        assert_eq!(found(&CHECK, empty().with(vpc(None)), "{}").await, "");
        assert_eq!(found(&CHECK, empty().with(Vec::<Vpc>::new()), "{}").await, "");
        let unsaid = InternetGateway { vpc_ids: vec![None], ..attached() };
        assert_eq!(found(&CHECK, world(unsaid, Vec::new(), Vec::new()), "{}").await, "");
    }

    #[tokio::test]
    async fn nothing_is_found_where_evidence_may_not_be_listed() {
        let world = || world(attached(), Vec::new(), Vec::new());
        asks_all_it_needs(&CHECK, world(), "{}").await;
        is_blind_without::<InternetGateway>(&CHECK, world()).await;
        is_blind_without::<Vpc>(&CHECK, world()).await;
        is_blind_without::<NetworkInterface>(&CHECK, world()).await;
        is_blind_without::<RouteTable>(&CHECK, world()).await;
    }
}
