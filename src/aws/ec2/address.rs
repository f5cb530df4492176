//! Elastic IP addresses.

use super::{said, tags_of};
use crate::aws::{
    At, Collect, Declared, Place, Resource, Tags,
    action::{Action, EC2},
    problem::Problem,
};

static DESCRIBE_ADDRESSES: Action = Action::new(&EC2, "DescribeAddresses");

/// An Elastic IP address.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    /// The allocation id, or the address itself where it has none (EC2-Classic).
    pub(crate) id: String,
    pub(crate) allocation_id: Option<String>,
    pub(crate) public_ip: Option<String>,
    pub(crate) association_id: Option<String>,
    pub(crate) network_interface_id: Option<String>,
    pub(crate) instance_id: Option<String>,
    /// The pool the address comes from: `amazon`, `ipv4pool-ec2-...` (brought along) or `ipam-pool-...`.
    pub(crate) pool: Option<String>,
    /// The pool of addresses of the customer's own network, on an Outpost.
    pub(crate) customer_owned_pool: Option<String>,
    /// The service that allocated and releases it: `alb`, `nlb`, `rds`, `rnat`.
    pub(crate) service_managed: Option<String>,
    pub(crate) tags: Tags,
}

impl Address {
    /// Whether it is associated with anything.
    pub(crate) fn is_associated(&self) -> bool {
        [&self.association_id, &self.network_interface_id, &self.instance_id].iter().any(|it| it.is_some())
    }
}

impl Resource for Address {
    const TYPE: &'static str = "AWS::EC2::EIP";

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, at: &At) -> Option<String> {
        at.arn("ec2", &format!("elastic-ip/{}", self.allocation_id.as_ref()?))
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl Declared for Address {
    const NAME: &'static str = "ec2::Address";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_ADDRESSES];
}

impl Collect for Address {
    /// AWS gives all addresses in one answer.
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let listed = at.call(&DESCRIBE_ADDRESSES, || at.ec2().describe_addresses().send()).await?;
        Ok(listed.addresses().iter().filter_map(address).collect())
    }
}

fn address(it: &aws_sdk_ec2::types::Address) -> Option<Address> {
    let allocation_id = said(it.allocation_id());
    let public_ip = said(it.public_ip());
    Some(Address {
        id: allocation_id.clone().or_else(|| public_ip.clone())?,
        allocation_id,
        public_ip,
        association_id: said(it.association_id()),
        network_interface_id: said(it.network_interface_id()),
        instance_id: said(it.instance_id()),
        pool: said(it.public_ipv4_pool()),
        customer_owned_pool: said(it.customer_owned_ipv4_pool()).or_else(|| said(it.customer_owned_ip())),
        service_managed: it.service_managed().and_then(|it| said(Some(it.as_str()))),
        tags: tags_of(it.tags()),
    })
}

#[cfg(test)]
impl Address {
    /// A healthy address from Amazon's pool, associated.
    pub(crate) fn example(id: &str) -> Self {
        Self { association_id: Some("eipassoc-1".to_owned()), ..Self::idle(id) }
    }

    /// The same, associated with nothing.
    pub(crate) fn idle(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            allocation_id: Some(id.to_owned()),
            public_ip: Some("203.0.113.7".to_owned()),
            association_id: None,
            network_interface_id: None,
            instance_id: None,
            pool: Some("amazon".to_owned()),
            customer_owned_pool: None,
            service_managed: None,
            tags: Tags::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::aws::replies::{Reply, collected};

    #[tokio::test]
    async fn an_empty_instance_id_is_no_association() {
        let items = "<item><allocationId>eipalloc-1</allocationId><publicIp>203.0.113.1</publicIp><instanceId></instanceId>\
                     <publicIpv4Pool>amazon</publicIpv4Pool><tagSet><item><key>team</key><value>web</value></item></tagSet></item>\
                     <item><allocationId>eipalloc-2</allocationId><networkInterfaceId>eni-1</networkInterfaceId></item>\
                     <item><publicIp>203.0.113.3</publicIp><serviceManaged>alb</serviceManaged></item>";
        let reply = Reply::ok("Action=DescribeAddresses", page("DescribeAddresses", "addressesSet", items, None));
        let addresses = collected::<Address>(vec![reply]).await.expect("collected");
        let said: Vec<_> = addresses.iter().map(|it| (it.id.as_str(), it.is_associated())).collect();
        assert_eq!(said, [("eipalloc-1", false), ("eipalloc-2", true), ("203.0.113.3", false)]);
        assert_eq!(addresses[0].tags.get("team").map(String::as_str), Some("web"));
        assert_eq!(addresses[2].service_managed.as_deref(), Some("alb"));
    }

    #[tokio::test]
    async fn no_address_is_no_address() {
        let reply = Reply::ok("DescribeAddresses", page("DescribeAddresses", "addressesSet", "", None));
        assert!(collected::<Address>(vec![reply]).await.expect("collected").is_empty());
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<Address>("DescribeAddresses").await;
    }
}
