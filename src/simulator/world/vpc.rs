//! What joins VPCs to services and to the internet: endpoints and internet gateways.

use super::{
    Place, Series,
    draw::{Draw, Fate},
};

/// How many days the check of endpoints looks back.
const OLD: i64 = 30;

/// A VPC endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) fate: Fate,
    /// `Interface`, `Gateway` or `GatewayLoadBalancer`.
    pub(crate) kind: &'static str,
    pub(crate) service: String,
    /// How many zones it is in.
    pub(crate) zones: usize,
    /// Whether `GuardDuty` put its tag on it.
    pub(crate) is_marked: bool,
    pub(crate) created: i64,
}

/// An internet gateway.
#[derive(Clone, Debug)]
pub(crate) struct InternetGateway {
    pub(crate) id: String,
    pub(crate) fate: Fate,
    /// The VPC it is attached to.
    pub(crate) vpc: Option<String>,
    /// Whether a route leads to it.
    pub(crate) routed: bool,
    /// The interface in its VPC, and whether a service manages it.
    pub(crate) interface: Option<(String, bool)>,
}

impl Place<'_> {
    /// The VPC endpoints here, all in the default VPC.
    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        let mut draw = self.draw("endpoints");
        let count = self.count(&mut draw, 2.5);
        (0..count).map(|number| self.endpoint(&mut draw, number)).collect()
    }

    fn endpoint(&self, draw: &mut Draw, number: usize) -> Endpoint {
        let fate = draw.fate([35, 15, 40, 10]);
        let kind = draw.one_of(&["Interface", "Interface", "Interface", "Gateway", "GatewayLoadBalancer"]);
        let service = match kind {
            "Gateway" => draw.one_of(&["s3", "dynamodb"]),
            "GatewayLoadBalancer" => "vpce.vpce-svc-0f00d0f00d0f00d00",
            _ => draw.one_of(&["sqs", "sts", "logs", "ecr.api", "secretsmanager"]),
        };
        Endpoint {
            id: self.id("vpce", number),
            fate,
            kind,
            service: format!("com.amazonaws.{}.{service}", self.region),
            zones: if kind == "Interface" { draw.one_of(&[1, 2, 3]) } else { usize::from(kind != "Gateway") },
            is_marked: fate == Fate::Kept && draw.chance(0.5),
            created: self.days_ago(draw.age(fate, OLD)),
        }
    }

    /// AWS is silent about endpoints that nothing passes, and where a dimension is wrong.
    pub(super) fn passing(&self, of: impl Fn(&'static str) -> Option<String>) -> Option<Series> {
        let id = of("VPC Endpoint Id")?;
        let endpoint = self.endpoints().into_iter().find(|it| it.id == id && it.kind != "Gateway")?;
        let is_whole = of("VPC Id")? == self.vpc()
            && of("Endpoint Type")? == endpoint.kind
            && of("Service Name")? == endpoint.service;
        Some(if is_whole && endpoint.fate == Fate::Used { Series::Steady(4e5) } else { Series::Silent })
    }

    /// The internet gateways here: that of the default VPC, and some more, each with a VPC of its own or none.
    pub(crate) fn internet_gateways(&self) -> Vec<InternetGateway> {
        let mut draw = self.draw("internet-gateways");
        let count = self.count(&mut draw, 1.5);
        let default = InternetGateway {
            id: self.id("igw", 0),
            fate: Fate::Kept,
            vpc: Some(self.vpc()),
            routed: true,
            interface: None,
        };
        let more = (1..=count).map(|number| self.internet_gateway(&mut draw, number));
        std::iter::once(default).chain(more).collect()
    }

    fn internet_gateway(&self, draw: &mut Draw, number: usize) -> InternetGateway {
        let fate = draw.fate([40, 0, 40, 20]);
        let interface = |is_managed: bool| Some((self.id("eni", 700 + number), is_managed));
        let attached = InternetGateway {
            id: self.id("igw", number),
            fate,
            vpc: Some(self.id("vpc", number)),
            routed: false,
            interface: None,
        };
        match fate {
            Fate::Used => InternetGateway { routed: true, interface: interface(draw.chance(0.5)), ..attached },
            Fate::Waste if draw.chance(0.4) => InternetGateway { vpc: None, ..attached },
            Fate::Waste if draw.chance(0.5) => InternetGateway { routed: true, ..attached },
            Fate::Waste => InternetGateway { interface: interface(false), ..attached },
            Fate::Kept | Fate::Young => InternetGateway { interface: interface(true), ..attached },
        }
    }
}
