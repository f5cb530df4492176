//! VPC endpoints: private ways from a VPC to services.

use jiff::Timestamp;

use super::{said, tags_of};
use crate::aws::{
    At, Collect, Declared, Place, Resource, Tags,
    action::{Action, EC2},
    problem::Problem,
    timestamp,
};

static DESCRIBE_VPC_ENDPOINTS: Action = Action::new(&EC2, "DescribeVpcEndpoints");

/// A VPC endpoint.
#[derive(Clone, Debug)]
pub(crate) struct VpcEndpoint {
    pub(crate) id: String,
    /// `Interface`, `Gateway`, `GatewayLoadBalancer`, ...
    pub(crate) kind: Option<String>,
    /// `available` when it is in service. EC2 writes it small, its documentation large.
    pub(crate) state: Option<String>,
    pub(crate) vpc_id: Option<String>,
    /// What it leads to, for example `com.amazonaws.eu-west-1.sqs`.
    pub(crate) service_name: Option<String>,
    /// Whether that is in another region.
    pub(crate) is_cross_region: bool,
    /// The subnets it has an interface in, one for each zone.
    pub(crate) subnet_ids: Vec<String>,
    /// The route tables that lead to it; gateway endpoints alone have them.
    pub(crate) route_table_ids: Option<Vec<String>>,
    /// Whether an AWS service made it and manages it.
    pub(crate) requester_managed: bool,
    /// Whether another account is charged for it.
    pub(crate) is_charged_elsewhere: bool,
    pub(crate) created: Option<Timestamp>,
    pub(crate) tags: Tags,
}

impl VpcEndpoint {
    /// Whether it is in service.
    pub(crate) fn is_available(&self) -> bool {
        self.state.as_deref().is_some_and(|it| it.eq_ignore_ascii_case("available"))
    }

    /// Whether a service of AWS made it and will remove it. `GuardDuty` marks its endpoints with a tag
    /// (<https://docs.aws.amazon.com/guardduty/latest/ug/runtime-monitoring-shared-vpc.html>, read Oct 2026).
    pub(crate) fn has_manager(&self) -> bool {
        self.requester_managed || self.tags.contains_key("GuardDutyManaged")
    }
}

impl Resource for VpcEndpoint {
    const TYPE: &'static str = "AWS::EC2::VPCEndpoint";

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, at: &At) -> Option<String> {
        at.arn("ec2", &format!("vpc-endpoint/{}", self.id))
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl Declared for VpcEndpoint {
    const NAME: &'static str = "ec2::VpcEndpoint";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_VPC_ENDPOINTS];
}

impl Collect for VpcEndpoint {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut endpoints = Vec::new();
        let send = |token| at.ec2().describe_vpc_endpoints().max_results(1000).set_next_token(token).send();
        at.pages(&DESCRIBE_VPC_ENDPOINTS, send, |page| {
            endpoints.extend(page.vpc_endpoints().iter().filter_map(|it| endpoint(it, &at.at.region)));
            page.next_token
        })
        .await?;
        Ok(endpoints)
    }
}

fn endpoint(it: &aws_sdk_ec2::types::VpcEndpoint, region: &str) -> Option<VpcEndpoint> {
    let elsewhere = |it: &aws_sdk_ec2::types::PayerResponsibilityEntry| {
        let of_the_endpoint = it.scope().is_some_and(|it| it.as_str() == "vpc-endpoint-charges");
        of_the_endpoint && it.payer_responsibility_type().is_none_or(|it| it.as_str() != "vpc-endpoint-account")
    };
    Some(VpcEndpoint {
        id: it.vpc_endpoint_id()?.to_owned(),
        kind: it.vpc_endpoint_type().map(|it| it.as_str().to_owned()),
        state: it.state().map(|it| it.as_str().to_owned()),
        vpc_id: said(it.vpc_id()),
        service_name: said(it.service_name()),
        is_cross_region: said(it.service_region()).is_some_and(|it| it != region),
        subnet_ids: it.subnet_ids().to_vec(),
        route_table_ids: it.route_table_ids.clone(),
        requester_managed: it.requester_managed().unwrap_or_default(),
        is_charged_elsewhere: it.payer_responsibilities().iter().any(elsewhere),
        created: timestamp(it.creation_timestamp()),
        tags: tags_of(it.tags()),
    })
}

#[cfg(test)]
impl VpcEndpoint {
    /// An interface endpoint in two zones, 200 days old.
    pub(crate) fn example(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            kind: Some("Interface".to_owned()),
            state: Some("available".to_owned()),
            vpc_id: Some("vpc-1".to_owned()),
            service_name: Some("com.amazonaws.eu-west-1.sqs".to_owned()),
            is_cross_region: false,
            subnet_ids: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
            route_table_ids: None,
            requester_managed: false,
            is_charged_elsewhere: false,
            created: crate::check::testing::days_ago(200),
            tags: Tags::new(),
        }
    }

    /// A gateway endpoint that some route tables lead to, 200 days old.
    pub(crate) fn gateway(id: &str, route_table_ids: &[&str]) -> Self {
        Self {
            kind: Some("Gateway".to_owned()),
            subnet_ids: Vec::new(),
            route_table_ids: Some(route_table_ids.iter().map(|it| (*it).to_owned()).collect()),
            ..Self::example(id)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::aws::replies::{Reply, collected};

    #[tokio::test]
    async fn every_page_of_endpoints_is_read_also_past_an_empty_one() {
        let one = "<item><vpcEndpointId>vpce-1</vpcEndpointId><vpcEndpointType>Interface</vpcEndpointType><vpcId>vpc-1</vpcId>\
                   <serviceName>com.amazonaws.eu-west-1.sqs</serviceName><serviceRegion>eu-west-1</serviceRegion>\
                   <state>available</state><requesterManaged>false</requesterManaged>\
                   <subnetIdSet><item>subnet-1</item><item>subnet-2</item></subnetIdSet>\
                   <payerResponsibilitySet><item><scope>vpc-endpoint-charges</scope>\
                   <payerResponsibilityType>vpc-endpoint-account</payerResponsibilityType></item></payerResponsibilitySet>\
                   <creationTimestamp>2026-05-01T10:00:00.123Z</creationTimestamp>\
                   <tagSet><item><key>team</key><value>web</value></item></tagSet></item>";
        let two = "<item><vpcEndpointId>vpce-2</vpcEndpointId><vpcEndpointType>Gateway</vpcEndpointType><state>deleting</state>\
                   <requesterManaged>true</requesterManaged><routeTableIdSet/><serviceRegion>us-east-1</serviceRegion>\
                   <payerResponsibilitySet><item><scope>vpc-endpoint-charges</scope>\
                   <payerResponsibilityType>vpc-endpoint-service-account</payerResponsibilityType></item>\
                   </payerResponsibilitySet></item>";
        let list = |items, token| page("DescribeVpcEndpoints", "vpcEndpointSet", items, token);
        let endpoints = collected::<VpcEndpoint>(vec![
            Reply::ok("Action=DescribeVpcEndpoints", list(one, Some("t1"))),
            Reply::ok("NextToken=t1", list("", Some("t2"))),
            Reply::ok("NextToken=t2", list(two, None)),
        ])
        .await
        .expect("collected");
        let [one, two] = endpoints.as_slice() else { panic!("two endpoints, not {endpoints:?}") };
        assert_eq!((one.id.as_str(), two.id.as_str()), ("vpce-1", "vpce-2"));
        assert!(one.is_available() && !one.has_manager() && !one.is_cross_region && !one.is_charged_elsewhere);
        assert!(!two.is_available() && two.has_manager() && two.is_cross_region && two.is_charged_elsewhere);
        assert_eq!((one.subnet_ids.len(), one.route_table_ids.as_deref()), (2, None));
        assert_eq!((two.created, two.route_table_ids.as_deref()), (None, Some(&[][..])));
        assert_eq!(one.created.map(|it| it.to_string()).as_deref(), Some("2026-05-01T10:00:00.123Z"));
        assert_eq!(one.tags.get("team").map(String::as_str), Some("web"));
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<VpcEndpoint>("DescribeVpcEndpoints").await;
    }
}
