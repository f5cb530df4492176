//! Network interfaces: what is attached to a network, whoever made it.

use super::said;
use crate::aws::{
    Collect, Declared, Place,
    action::{Action, EC2},
    problem::Problem,
};

static DESCRIBE_NETWORK_INTERFACES: Action = Action::new(&EC2, "DescribeNetworkInterfaces");

/// A network interface.
#[derive(Clone, Debug)]
pub(crate) struct NetworkInterface {
    pub(crate) vpc_id: Option<String>,
    /// Whether an AWS service made it and manages it.
    pub(crate) is_managed: bool,
    /// The security groups that filter its traffic.
    pub(crate) security_group_ids: Vec<String>,
    /// The public IPv4 addresses associated with it.
    pub(crate) public_ips: Vec<String>,
    /// Its IPv6 addresses: all of them can be routed to from the internet.
    pub(crate) ipv6_addresses: Vec<String>,
}

impl NetworkInterface {
    /// Whether it has an address that the internet can know.
    pub(crate) fn has_public_address(&self) -> bool {
        !self.public_ips.is_empty() || !self.ipv6_addresses.is_empty()
    }
}

impl Declared for NetworkInterface {
    const NAME: &'static str = "ec2::NetworkInterface";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_NETWORK_INTERFACES];
}

impl Collect for NetworkInterface {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut interfaces = Vec::new();
        let send = |token| {
            at.ec2()
                .describe_network_interfaces()
                .include_managed_resources(true)
                .max_results(1000)
                .set_next_token(token)
                .send()
        };
        at.pages(&DESCRIBE_NETWORK_INTERFACES, send, |page| {
            interfaces.extend(page.network_interfaces().iter().map(network_interface));
            page.next_token
        })
        .await?;
        Ok(interfaces)
    }
}

fn network_interface(it: &aws_sdk_ec2::types::NetworkInterface) -> NetworkInterface {
    let secondary = it.private_ip_addresses().iter().filter_map(|it| it.association());
    let mut public_ips: Vec<_> =
        it.association().into_iter().chain(secondary).filter_map(|it| said(it.public_ip())).collect();
    // The association of the primary address is given twice.
    public_ips.sort();
    public_ips.dedup();
    NetworkInterface {
        vpc_id: said(it.vpc_id()),
        is_managed: it.requester_managed().unwrap_or_default(),
        security_group_ids: it.groups().iter().filter_map(|it| said(it.group_id())).collect(),
        public_ips,
        ipv6_addresses: it.ipv6_addresses().iter().filter_map(|it| said(it.ipv6_address())).collect(),
    }
}

#[cfg(test)]
impl NetworkInterface {
    /// An interface in a security group, without a public address.
    pub(crate) fn private(security_group_id: &str) -> Self {
        Self {
            vpc_id: Some("vpc-1".to_owned()),
            is_managed: false,
            security_group_ids: vec![security_group_id.to_owned()],
            public_ips: Vec::new(),
            ipv6_addresses: Vec::new(),
        }
    }

    /// The same, with a public address.
    pub(crate) fn public(security_group_id: &str) -> Self {
        Self { public_ips: vec!["203.0.113.7".to_owned()], ..Self::private(security_group_id) }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::aws::replies::{Reply, collected};

    #[tokio::test]
    async fn every_page_of_interfaces_is_read_also_past_an_empty_one() {
        let one = "<item><networkInterfaceId>eni-1</networkInterfaceId><vpcId>vpc-1</vpcId>\
                   <requesterManaged>true</requesterManaged><groupSet><item><groupId>sg-1</groupId></item></groupSet>\
                   <association><publicIp>203.0.113.1</publicIp></association><privateIpAddressesSet>\
                   <item><association><publicIp>203.0.113.1</publicIp></association></item>\
                   <item><association><publicIp>203.0.113.2</publicIp></association></item><item/></privateIpAddressesSet></item>";
        let two = "<item><groupSet/></item><item><ipv6AddressesSet><item><ipv6Address>2001:db8::1</ipv6Address></item>\
                   </ipv6AddressesSet></item>";
        let list = |items, token| page("DescribeNetworkInterfaces", "networkInterfaceSet", items, token);
        let interfaces = collected::<NetworkInterface>(vec![
            Reply::ok("IncludeManagedResources=true", list(one, Some("t1"))),
            Reply::ok("NextToken=t1", list("", Some("t2"))),
            Reply::ok("NextToken=t2", list(two, None)),
        ])
        .await
        .expect("collected");
        assert_eq!(interfaces[0].security_group_ids, ["sg-1"]);
        assert_eq!((interfaces[0].vpc_id.as_deref(), interfaces[0].is_managed), (Some("vpc-1"), true));
        assert_eq!((interfaces[1].vpc_id.as_deref(), interfaces[1].is_managed), (None, false));
        assert_eq!(interfaces[0].public_ips, ["203.0.113.1", "203.0.113.2"]);
        let public: Vec<_> = interfaces.iter().map(NetworkInterface::has_public_address).collect();
        assert_eq!(public, [true, false, true]);
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<NetworkInterface>("DescribeNetworkInterfaces").await;
    }
}
