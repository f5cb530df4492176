//! Elastic IP addresses that are associated with nothing.

use crate::{
    aws::{
        ec2::Address,
        prices::{PUBLIC_IPV4, Quote},
    },
    check::prelude::*,
};

check! {
    /// Finds Elastic IP addresses that are associated with nothing.
    ///
    /// AWS bills every public IPv4 address by the hour, idle ones included. Addresses of a range that was brought along or
    /// of a customer-owned pool cost nothing and are listed as such. One that is kept because partners have allowed it in
    /// their firewalls is fine to ignore: once released, it may be gone for good. Addresses that a service allocated for
    /// itself are left out. AWS does not say since when an address is idle.
    title: "Unused Elastic IPs",
    scope: Regional,
    needs: [Address],
    params: NoParams,
}

async fn run(cx: &Cx, _: NoParams) -> Outcome {
    let addresses = cx.all::<Address>().await?;
    let idle = addresses.iter().filter(|it| !it.is_associated() && it.service_managed.is_none());
    Ok(idle.map(|it| judge(cx, it)).collect())
}

fn judge(cx: &Cx, address: &Address) -> Finding {
    cx.finding(address)
        .because("associated with nothing")
        .action(ActionType::Delete)
        .saves(quote(address))
        .fact("public_ip", address.public_ip.as_deref())
        .fact("pool", address.pool.as_deref().or(address.customer_owned_pool.as_deref()))
}

/// What an address costs. An IPAM pool may hold addresses brought along, or contiguous ones of Amazon's with a price of their
/// own: unknown.
///
/// Source: <https://docs.aws.amazon.com/vpc/latest/ipam/tutorials-eip-pool.html>.
fn quote(address: &Address) -> Option<Quote> {
    if address.customer_owned_pool.is_some() {
        return Some(Quote::free("customer-owned addresses are not billed"));
    }
    match address.pool.as_deref() {
        None | Some("amazon") => Some(PUBLIC_IPV4.all_month()),
        Some(pool) if pool.starts_with("ipam-pool-") => None,
        Some(_) => Some(Quote::free("addresses brought along are not billed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::store::Store,
        check::testing::{findings, found, is_blind_without},
    };
    use rust_decimal_macros::dec;

    #[tokio::test]
    async fn only_the_idle_address_is_found() {
        let world = Store::world().with(vec![Address::idle("eipalloc-1"), Address::example("eipalloc-2")]);
        assert_eq!(found(&CHECK, world, "{}").await, "eipalloc-1: associated with nothing");
    }

    #[tokio::test]
    async fn any_kind_of_association_is_use() {
        let interface = Address { network_interface_id: Some("eni-1".to_owned()), ..Address::idle("eipalloc-1") };
        let instance = Address { instance_id: Some("i-1".to_owned()), ..Address::idle("eipalloc-2") };
        assert_eq!(found(&CHECK, Store::world().with(vec![interface, instance]), "{}").await, "");
    }

    #[tokio::test]
    async fn an_address_that_a_service_manages_is_left_to_it() {
        let managed = Address { service_managed: Some("alb".to_owned()), ..Address::idle("eipalloc-1") };
        assert_eq!(found(&CHECK, Store::world().with(vec![managed]), "{}").await, "");
    }

    #[tokio::test]
    async fn money_depends_on_the_pool() {
        let of = |pool: &str| Address { pool: Some(pool.to_owned()), ..Address::idle("eipalloc-1") };
        let customer =
            Address { customer_owned_pool: Some("ipv4pool-coip-1".to_owned()), ..Address::idle("eipalloc-2") };
        let silent = Address { pool: None, ..Address::idle("eipalloc-3") };
        let world = vec![of("amazon"), silent, of("ipv4pool-ec2-1"), customer, of("ipam-pool-1")];
        let findings = findings(&CHECK, Store::world().with(world), "{}").await;
        let savings: Vec<_> = findings.iter().map(|it| it.estimated_monthly_savings).collect();
        assert_eq!(savings, [Some(dec!(3.65)), Some(dec!(3.65)), Some(dec!(0)), Some(dec!(0)), None]);
    }

    #[tokio::test]
    async fn the_arn_names_the_allocation() {
        let classic = Address { allocation_id: None, ..Address::idle("203.0.113.9") };
        let world = Store::world().with(vec![Address::idle("eipalloc-1"), classic]);
        let arns: Vec<_> = findings(&CHECK, world, "{}").await.into_iter().map(|it| it.resource_arn).collect();
        assert_eq!(arns, [Some("arn:aws:ec2:eu-west-1:111122223333:elastic-ip/eipalloc-1".to_owned()), None]);
    }

    #[tokio::test]
    async fn nothing_is_found_where_addresses_may_not_be_listed() {
        is_blind_without::<Address>(&CHECK, Store::world()).await;
    }
}
