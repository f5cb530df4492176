//! Elastic Load Balancing: load balancers of all generations.

use jiff::Timestamp;

use super::{
    At, Collect, Declared, Place, Resource,
    action::{Action, CLASSIC_LOAD_BALANCING, LOAD_BALANCING},
    problem::Problem,
    timestamp,
};

static DESCRIBE_LOAD_BALANCERS: Action = Action::new(&LOAD_BALANCING, "DescribeLoadBalancers");
static DESCRIBE_CLASSIC: Action = Action::new(&CLASSIC_LOAD_BALANCING, "DescribeLoadBalancers");

/// The most things in one page
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html>, read Oct 2026).
const PAGE: i32 = 400;

/// What AWS said; an empty text says nothing.
fn said(text: Option<&str>) -> Option<String> {
    text.filter(|it| !it.is_empty()).map(str::to_owned)
}

/// An Application, Network or Gateway Load Balancer.
#[derive(Clone, Debug)]
pub(crate) struct LoadBalancer {
    pub(crate) arn: String,
    pub(crate) name: String,
    /// `application`, `network` or `gateway`.
    pub(crate) kind: Option<String>,
    /// `internet-facing` or `internal`.
    pub(crate) scheme: Option<String>,
    /// `active` when it is in service.
    pub(crate) state: Option<String>,
    pub(crate) vpc_id: Option<String>,
    pub(crate) zones: Vec<String>,
    pub(crate) created: Option<Timestamp>,
}

impl LoadBalancer {
    /// Whether it is in service.
    pub(crate) fn is_active(&self) -> bool {
        self.state.as_deref() == Some("active")
    }

    /// What CloudWatch calls it: the end of its ARN, `app/name/50dc6c495c0c9188`.
    pub(crate) fn dimension(&self) -> Option<&str> {
        self.arn.split_once(":loadbalancer/").map(|(_, it)| it)
    }
}

impl Resource for LoadBalancer {
    const TYPE: &'static str = "AWS::ElasticLoadBalancingV2::LoadBalancer";

    fn id(&self) -> &str {
        &self.name
    }

    fn arn(&self, _: &At) -> Option<String> {
        Some(self.arn.clone())
    }
}

impl Declared for LoadBalancer {
    const NAME: &'static str = "load_balancing::LoadBalancer";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_LOAD_BALANCERS];
}

impl Collect for LoadBalancer {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut balancers = Vec::new();
        let send = |token| at.load_balancing().describe_load_balancers().page_size(PAGE).set_marker(token).send();
        at.pages(&DESCRIBE_LOAD_BALANCERS, send, |page| {
            balancers.extend(page.load_balancers().iter().filter_map(load_balancer));
            page.next_marker
        })
        .await?;
        Ok(balancers)
    }
}

fn load_balancer(it: &aws_sdk_elasticloadbalancingv2::types::LoadBalancer) -> Option<LoadBalancer> {
    Some(LoadBalancer {
        arn: it.load_balancer_arn()?.to_owned(),
        name: it.load_balancer_name()?.to_owned(),
        kind: it.r#type().map(|it| it.as_str().to_owned()),
        scheme: it.scheme().map(|it| it.as_str().to_owned()),
        state: it.state().and_then(|it| it.code()).map(|it| it.as_str().to_owned()),
        vpc_id: said(it.vpc_id()),
        zones: it.availability_zones().iter().filter_map(|it| said(it.zone_name())).collect(),
        created: timestamp(it.created_time()),
    })
}

/// A Classic Load Balancer.
#[derive(Clone, Debug)]
pub(crate) struct ClassicLoadBalancer {
    pub(crate) name: String,
    /// `internet-facing` or `internal`.
    pub(crate) scheme: Option<String>,
    pub(crate) vpc_id: Option<String>,
    pub(crate) zones: Vec<String>,
    /// How many instances are registered, healthy or not.
    pub(crate) instances: usize,
    pub(crate) created: Option<Timestamp>,
}

impl Resource for ClassicLoadBalancer {
    const TYPE: &'static str = "AWS::ElasticLoadBalancing::LoadBalancer";

    fn id(&self) -> &str {
        &self.name
    }

    fn arn(&self, at: &At) -> Option<String> {
        at.arn("elasticloadbalancing", &format!("loadbalancer/{}", self.name))
    }
}

impl Declared for ClassicLoadBalancer {
    const NAME: &'static str = "load_balancing::ClassicLoadBalancer";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_CLASSIC];
}

impl Collect for ClassicLoadBalancer {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut balancers = Vec::new();
        let send =
            |token| at.classic_load_balancing().describe_load_balancers().page_size(PAGE).set_marker(token).send();
        at.pages(&DESCRIBE_CLASSIC, send, |page| {
            balancers.extend(page.load_balancer_descriptions().iter().filter_map(classic));
            page.next_marker
        })
        .await?;
        Ok(balancers)
    }
}

fn classic(it: &aws_sdk_elasticloadbalancing::types::LoadBalancerDescription) -> Option<ClassicLoadBalancer> {
    Some(ClassicLoadBalancer {
        name: it.load_balancer_name()?.to_owned(),
        scheme: said(it.scheme()),
        vpc_id: said(it.vpc_id()),
        zones: it.availability_zones().to_vec(),
        instances: it.instances().len(),
        created: timestamp(it.created_time()),
    })
}

#[cfg(test)]
impl LoadBalancer {
    /// An internal load balancer of a kind in two zones, 200 days old.
    pub(crate) fn example(name: &str, kind: &str) -> Self {
        let short = match kind {
            "application" => "app",
            "network" => "net",
            _ => "gwy",
        };
        Self {
            arn: format!(
                "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/{short}/{name}/0123456789abcdef"
            ),
            name: name.to_owned(),
            kind: Some(kind.to_owned()),
            scheme: Some("internal".to_owned()),
            state: Some("active".to_owned()),
            vpc_id: Some("vpc-1".to_owned()),
            zones: vec!["eu-west-1a".to_owned(), "eu-west-1b".to_owned()],
            created: crate::check::testing::days_ago(200),
        }
    }
}

#[cfg(test)]
impl ClassicLoadBalancer {
    /// An internal load balancer of one instance, 200 days old.
    pub(crate) fn example(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            scheme: Some("internal".to_owned()),
            vpc_id: Some("vpc-1".to_owned()),
            zones: vec!["eu-west-1a".to_owned()],
            instances: 1,
            created: crate::check::testing::days_ago(200),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{
        problem::Class,
        replies::{Reply, collected},
    };

    /// A page as the query protocol answers it: the operation, its list, the members, the marker of the next page.
    fn page(operation: &str, list: &str, members: &str, marker: Option<&str>) -> String {
        let marker = marker.map(|it| format!("<NextMarker>{it}</NextMarker>")).unwrap_or_default();
        format!(
            "<{operation}Response><{operation}Result><{list}>{members}</{list}>{marker}</{operation}Result></{operation}Response>"
        )
    }

    async fn is_a_problem_when_denied<T: Collect + std::fmt::Debug>(operation: &'static str) {
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no identity-based policy allows \
                    it</Message></Error><RequestId>r</RequestId></ErrorResponse>";
        let problem = collected::<T>(vec![Reply::ok(operation, body).status(403)]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action), (Class::AccessDenied, format!("elasticloadbalancing:{operation}")));
    }

    #[tokio::test]
    async fn every_page_of_load_balancers_is_read_also_past_an_empty_one() {
        let one = "<member><LoadBalancerArn>arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/one/50dc</LoadBalancerArn>\
                   <LoadBalancerName>one</LoadBalancerName><Type>application</Type><Scheme>internet-facing</Scheme>\
                   <State><Code>active</Code></State><VpcId>vpc-1</VpcId><CreatedTime>2026-05-01T10:00:00.123Z</CreatedTime>\
                   <AvailabilityZones><member><ZoneName>eu-west-1a</ZoneName></member><member/></AvailabilityZones></member>";
        let two = "<member><LoadBalancerArn>odd</LoadBalancerArn><LoadBalancerName>two</LoadBalancerName>\
                   <State><Code>provisioning</Code></State></member>";
        let list = |members, marker| page("DescribeLoadBalancers", "LoadBalancers", members, marker);
        let balancers = collected::<LoadBalancer>(vec![
            Reply::ok("Version=2015-12-01&PageSize=400", list(one, Some("m1"))),
            Reply::ok("Marker=m1", list("", Some("m2"))),
            Reply::ok("Marker=m2", list(two, None)),
        ])
        .await
        .expect("collected");
        let [one, two] = balancers.as_slice() else { panic!("two, not {balancers:?}") };
        assert_eq!((one.name.as_str(), two.name.as_str()), ("one", "two"));
        assert_eq!((one.dimension(), two.dimension()), (Some("app/one/50dc"), None));
        assert!(one.is_active() && !two.is_active());
        assert_eq!((one.zones.as_slice(), one.kind.as_deref()), (&["eu-west-1a".to_owned()][..], Some("application")));
        assert_eq!(one.created.map(|it| it.to_string()).as_deref(), Some("2026-05-01T10:00:00.123Z"));
        assert_eq!((two.created, two.kind.as_deref(), two.scheme.as_deref()), (None, None, None));
    }

    #[tokio::test]
    async fn every_page_of_classic_load_balancers_is_read_also_past_an_empty_one() {
        let one = "<member><LoadBalancerName>one</LoadBalancerName><Scheme>internal</Scheme><VPCId>vpc-1</VPCId>\
                   <Instances><member><InstanceId>i-1</InstanceId></member><member><InstanceId>i-2</InstanceId></member></Instances>\
                   <AvailabilityZones><member>eu-west-1a</member></AvailabilityZones>\
                   <CreatedTime>2026-05-01T10:00:00Z</CreatedTime></member>";
        let two = "<member><LoadBalancerName>two</LoadBalancerName></member>";
        let list = |members, marker| page("DescribeLoadBalancers", "LoadBalancerDescriptions", members, marker);
        let balancers = collected::<ClassicLoadBalancer>(vec![
            Reply::ok("Version=2012-06-01&", list(one, Some("m1"))),
            Reply::ok("Marker=m1", list("", Some("m2"))),
            Reply::ok("Marker=m2", list(two, None)),
        ])
        .await
        .expect("collected");
        let said: Vec<_> = balancers.iter().map(|it| (it.name.as_str(), it.instances, it.zones.len())).collect();
        assert_eq!(said, [("one", 2, 1), ("two", 0, 0)]);
        assert_eq!(balancers[0].created.map(|it| it.to_string()).as_deref(), Some("2026-05-01T10:00:00Z"));
        assert_eq!((balancers[1].created, balancers[1].vpc_id.as_deref()), (None, None));
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<LoadBalancer>("DescribeLoadBalancers").await;
        is_a_problem_when_denied::<ClassicLoadBalancer>("DescribeLoadBalancers").await;
    }
}
