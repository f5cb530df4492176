//! NAT gateways, and the route tables that lead to gateways.

use jiff::Timestamp;

use super::{said, tags_of};
use crate::aws::{
    At, Collect, Declared, Place, Resource, Tags,
    action::{Action, EC2},
    problem::Problem,
    timestamp,
};

static DESCRIBE_NAT_GATEWAYS: Action = Action::new(&EC2, "DescribeNatGateways");
static DESCRIBE_ROUTE_TABLES: Action = Action::new(&EC2, "DescribeRouteTables");

/// A NAT gateway. AWS lists deleted ones for about an hour.
#[derive(Clone, Debug)]
pub(crate) struct NatGateway {
    pub(crate) id: String,
    /// `available` when it is in service.
    pub(crate) state: Option<String>,
    pub(crate) vpc_id: Option<String>,
    /// `public` or `private`.
    pub(crate) connectivity: Option<String>,
    /// `zonal`, or `regional` for one that spans zones.
    pub(crate) availability_mode: Option<String>,
    pub(crate) public_ips: Vec<String>,
    pub(crate) created: Option<Timestamp>,
    pub(crate) tags: Tags,
}

impl NatGateway {
    /// Whether it is in service.
    pub(crate) fn is_available(&self) -> bool {
        self.state.as_deref() == Some("available")
    }
}

impl Resource for NatGateway {
    const TYPE: &'static str = "AWS::EC2::NatGateway";

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, at: &At) -> Option<String> {
        at.arn("ec2", &format!("natgateway/{}", self.id))
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl Declared for NatGateway {
    const NAME: &'static str = "ec2::NatGateway";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_NAT_GATEWAYS];
}

impl Collect for NatGateway {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut gateways = Vec::new();
        let send = |token| at.ec2().describe_nat_gateways().max_results(1000).set_next_token(token).send();
        at.pages(&DESCRIBE_NAT_GATEWAYS, send, |page| {
            gateways.extend(page.nat_gateways().iter().filter_map(nat_gateway));
            page.next_token
        })
        .await?;
        Ok(gateways)
    }
}

fn nat_gateway(it: &aws_sdk_ec2::types::NatGateway) -> Option<NatGateway> {
    Some(NatGateway {
        id: it.nat_gateway_id()?.to_owned(),
        state: it.state().map(|it| it.as_str().to_owned()),
        vpc_id: said(it.vpc_id()),
        connectivity: it.connectivity_type().map(|it| it.as_str().to_owned()),
        availability_mode: it.availability_mode().map(|it| it.as_str().to_owned()),
        public_ips: it.nat_gateway_addresses().iter().filter_map(|it| said(it.public_ip())).collect(),
        created: timestamp(it.create_time()),
        tags: tags_of(it.tags()),
    })
}

/// A route table, for the gateways that its routes lead to.
#[derive(Clone, Debug)]
pub(crate) struct RouteTable {
    pub(crate) id: String,
    pub(crate) nat_gateway_ids: Vec<String>,
    /// Internet gateways, virtual private gateways, gateway endpoints; `local` for the VPC itself.
    pub(crate) gateway_ids: Vec<String>,
}

impl Declared for RouteTable {
    const NAME: &'static str = "ec2::RouteTable";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_ROUTE_TABLES];
}

impl Collect for RouteTable {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut tables = Vec::new();
        let send = |token| at.ec2().describe_route_tables().max_results(100).set_next_token(token).send();
        at.pages(&DESCRIBE_ROUTE_TABLES, send, |page| {
            tables.extend(page.route_tables().iter().filter_map(route_table));
            page.next_token
        })
        .await?;
        Ok(tables)
    }
}

fn route_table(it: &aws_sdk_ec2::types::RouteTable) -> Option<RouteTable> {
    Some(RouteTable {
        id: it.route_table_id()?.to_owned(),
        nat_gateway_ids: it.routes().iter().filter_map(|it| said(it.nat_gateway_id())).collect(),
        gateway_ids: it.routes().iter().filter_map(|it| said(it.gateway_id())).collect(),
    })
}

#[cfg(test)]
impl NatGateway {
    /// A public gateway with one address, 200 days old.
    pub(crate) fn example(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            state: Some("available".to_owned()),
            vpc_id: Some("vpc-1".to_owned()),
            connectivity: Some("public".to_owned()),
            availability_mode: Some("zonal".to_owned()),
            public_ips: vec!["203.0.113.7".to_owned()],
            created: crate::check::testing::days_ago(200),
            tags: Tags::new(),
        }
    }
}

#[cfg(test)]
impl RouteTable {
    /// A table with a route to a gateway.
    pub(crate) fn to(nat_gateway_id: &str) -> Self {
        Self { id: "rtb-1".to_owned(), nat_gateway_ids: vec![nat_gateway_id.to_owned()], gateway_ids: Vec::new() }
    }

    /// A table with a route to an internet gateway.
    pub(crate) fn through(gateway_id: &str) -> Self {
        Self { id: "rtb-1".to_owned(), nat_gateway_ids: Vec::new(), gateway_ids: vec![gateway_id.to_owned()] }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::aws::replies::{Reply, collected};

    #[tokio::test]
    async fn every_page_of_gateways_is_read_also_past_an_empty_one() {
        let one = "<item><natGatewayId>nat-1</natGatewayId><state>available</state><connectivityType>public</connectivityType>\
                   <createTime>2026-05-01T10:00:00Z</createTime><vpcId>vpc-1</vpcId><natGatewayAddressSet>\
                   <item><publicIp>203.0.113.1</publicIp></item><item><privateIp>10.0.0.9</privateIp><publicIp></publicIp></item>\
                   </natGatewayAddressSet><tagSet><item><key>team</key><value>web</value></item></tagSet></item>";
        let two = "<item><natGatewayId>nat-2</natGatewayId><state>deleted</state></item>";
        let list = |items, token| page("DescribeNatGateways", "natGatewaySet", items, token);
        let gateways = collected::<NatGateway>(vec![
            Reply::ok("Action=DescribeNatGateways", list(one, Some("t1"))),
            Reply::ok("NextToken=t1", list("", Some("t2"))),
            Reply::ok("NextToken=t2", list(two, None)),
        ])
        .await
        .expect("collected");
        assert_eq!(gateways.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["nat-1", "nat-2"]);
        assert!(gateways[0].is_available() && !gateways[1].is_available());
        assert_eq!(gateways[0].public_ips, ["203.0.113.1"]);
        assert_eq!(gateways[0].created.map(|it| it.to_string()).as_deref(), Some("2026-05-01T10:00:00Z"));
        assert_eq!(gateways[1].created, None);
    }

    #[tokio::test]
    async fn every_page_of_route_tables_is_read_also_past_an_empty_one() {
        let one = "<item><routeTableId>rtb-1</routeTableId><routeSet><item><gatewayId>local</gatewayId></item>\
                   <item><natGatewayId>nat-1</natGatewayId></item></routeSet></item>";
        let two = "<item><routeTableId>rtb-2</routeTableId></item>";
        let list = |items, token| page("DescribeRouteTables", "routeTableSet", items, token);
        let tables = collected::<RouteTable>(vec![
            Reply::ok("Action=DescribeRouteTables", list(one, Some("t1"))),
            Reply::ok("NextToken=t1", list("", Some("t2"))),
            Reply::ok("NextToken=t2", list(two, None)),
        ])
        .await
        .expect("collected");
        let said: Vec<_> = tables.iter().map(|it| (it.id.as_str(), it.nat_gateway_ids.len())).collect();
        assert_eq!(said, [("rtb-1", 1), ("rtb-2", 0)]);
        assert_eq!(tables[0].gateway_ids, ["local"]);
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<NatGateway>("DescribeNatGateways").await;
        is_a_problem_when_denied::<RouteTable>("DescribeRouteTables").await;
    }
}
