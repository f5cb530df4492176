//! Security groups and what they let in.

use super::{said, tags_of};
use crate::aws::{
    At, Collect, Declared, Place, Resource, Tags,
    action::{Action, EC2},
    problem::Problem,
};

static DESCRIBE_SECURITY_GROUPS: Action = Action::new(&EC2, "DescribeSecurityGroups");

/// A security group.
#[derive(Clone, Debug)]
pub(crate) struct SecurityGroup {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) vpc_id: Option<String>,
    pub(crate) inbound: Vec<Permission>,
    /// The groups that its rules name, inbound and outbound; it may name itself.
    pub(crate) references: Vec<String>,
    /// Whether it belongs to another account, which shares it.
    pub(crate) is_shared: bool,
    pub(crate) tags: Tags,
}

/// Traffic that a security group lets in.
#[derive(Clone, Debug)]
pub(crate) struct Permission {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a protocol number, or `-1` for all.
    pub(crate) protocol: Option<String>,
    /// The first port. AWS says none when the protocol is `-1`.
    pub(crate) from_port: Option<i64>,
    /// The last port.
    pub(crate) to_port: Option<i64>,
    /// The ranges of IPv4 and IPv6 addresses it may come from. Groups and prefix lists are not among them.
    pub(crate) cidrs: Vec<String>,
}

/// The names, or how they begin, of groups that services make for themselves.
///
/// Sources: <https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-man-sec-groups.html>,
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html>,
/// <https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html> (read Nov 2026).
const MANAGED: [&str; 3] = ["ElasticMapReduce-", "CloudFront-VPCOrigins-Service-SG", "eks-cluster-sg-"];

impl SecurityGroup {
    /// Whether it is the one that every VPC has and that cannot be deleted.
    pub(crate) fn is_default(&self) -> bool {
        self.name.as_deref() == Some("default")
    }

    /// Whether a service of AWS made it for itself.
    pub(crate) fn has_manager(&self) -> bool {
        let name = self.name.as_deref().unwrap_or_default();
        let is_marked = self.tags.keys().any(|it| it.starts_with("aws:eks:") || it == "GuardDutyManaged");
        is_marked || MANAGED.iter().any(|it| name.starts_with(it))
    }
}

impl Resource for SecurityGroup {
    const TYPE: &'static str = "AWS::EC2::SecurityGroup";

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, at: &At) -> Option<String> {
        at.arn("ec2", &format!("security-group/{}", self.id))
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl Declared for SecurityGroup {
    const NAME: &'static str = "ec2::SecurityGroup";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_SECURITY_GROUPS];
}

impl Collect for SecurityGroup {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut groups = Vec::new();
        let send = |token| at.ec2().describe_security_groups().max_results(1000).set_next_token(token).send();
        at.pages(&DESCRIBE_SECURITY_GROUPS, send, |page| {
            groups.extend(page.security_groups().iter().filter_map(|it| security_group(it, &at.at.account)));
            page.next_token
        })
        .await?;
        Ok(groups)
    }
}

fn security_group(it: &aws_sdk_ec2::types::SecurityGroup, account: &str) -> Option<SecurityGroup> {
    let pairs = it
        .ip_permissions()
        .iter()
        .chain(it.ip_permissions_egress())
        .flat_map(aws_sdk_ec2::types::IpPermission::user_id_group_pairs);
    Some(SecurityGroup {
        id: it.group_id()?.to_owned(),
        name: said(it.group_name()),
        vpc_id: said(it.vpc_id()),
        inbound: it.ip_permissions().iter().map(permission).collect(),
        references: pairs.filter_map(|it| said(it.group_id())).collect(),
        is_shared: said(it.owner_id()).is_some_and(|it| it != account),
        tags: tags_of(it.tags()),
    })
}

fn permission(it: &aws_sdk_ec2::types::IpPermission) -> Permission {
    let v4 = it.ip_ranges().iter().filter_map(|it| said(it.cidr_ip()));
    let v6 = it.ipv6_ranges().iter().filter_map(|it| said(it.cidr_ipv6()));
    Permission {
        protocol: said(it.ip_protocol()),
        from_port: it.from_port().map(i64::from),
        to_port: it.to_port().map(i64::from),
        cidrs: v4.chain(v6).collect(),
    }
}

#[cfg(test)]
impl SecurityGroup {
    /// A group that lets HTTPS in from anywhere and SSH from within.
    pub(crate) fn example(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: Some("web".to_owned()),
            vpc_id: Some("vpc-1".to_owned()),
            inbound: vec![Permission::tcp(443, 443, "0.0.0.0/0"), Permission::tcp(22, 22, "10.0.0.0/8")],
            references: Vec::new(),
            is_shared: false,
            tags: Tags::new(),
        }
    }
}

#[cfg(test)]
impl Permission {
    /// TCP traffic to a range of ports from a range of addresses.
    pub(crate) fn tcp(from_port: i64, to_port: i64, cidr: &str) -> Self {
        Self {
            protocol: Some("tcp".to_owned()),
            from_port: Some(from_port),
            to_port: Some(to_port),
            cidrs: vec![cidr.to_owned()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::aws::replies::{Reply, collected};

    #[tokio::test]
    async fn every_page_of_groups_is_read_also_past_an_empty_one() {
        let one = "<item><groupId>sg-1</groupId><groupName>web</groupName><vpcId>vpc-1</vpcId><ipPermissions>\
                   <item><ipProtocol>tcp</ipProtocol><fromPort>22</fromPort><toPort>25</toPort>\
                   <ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges>\
                   <ipv6Ranges><item><cidrIpv6>::/0</cidrIpv6></item></ipv6Ranges></item>\
                   <item><ipProtocol>-1</ipProtocol><groups><item><groupId>sg-8</groupId></item></groups></item></ipPermissions>\
                   <ipPermissionsEgress><item><ipProtocol>-1</ipProtocol><groups><item><groupId>sg-9</groupId></item></groups>\
                   </item></ipPermissionsEgress><ownerId>111122223333</ownerId></item>";
        let two = "<item><groupId>sg-2</groupId><ownerId>444455556666</ownerId></item>";
        let list = |items, token| page("DescribeSecurityGroups", "securityGroupInfo", items, token);
        let groups = collected::<SecurityGroup>(vec![
            Reply::ok("Action=DescribeSecurityGroups", list(one, Some("t1"))),
            Reply::ok("NextToken=t1", list("", Some("t2"))),
            Reply::ok("NextToken=t2", list(two, None)),
        ])
        .await
        .expect("collected");
        assert_eq!(
            groups.iter().map(|it| (it.id.as_str(), it.inbound.len())).collect::<Vec<_>>(),
            [("sg-1", 2), ("sg-2", 0)]
        );
        assert_eq!(groups[0].references, ["sg-8", "sg-9"]);
        assert_eq!((groups[0].is_shared, groups[1].is_shared), (false, true));
        let ports = &groups[0].inbound[0];
        assert_eq!((ports.from_port, ports.to_port), (Some(22), Some(25)));
        assert_eq!(ports.cidrs, ["0.0.0.0/0", "::/0"]);
        let all = &groups[0].inbound[1];
        assert_eq!((all.protocol.as_deref(), all.from_port), (Some("-1"), None));
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<SecurityGroup>("DescribeSecurityGroups").await;
    }
}
