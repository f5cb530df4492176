//! Addresses, interfaces, security groups and NAT gateways.

use super::{
    Place, Tags,
    draw::{Draw, Fate},
};

/// How many days the check of NAT gateways looks back.
const OLD: i64 = 30;

/// An Elastic IP address.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) allocation: String,
    pub(crate) ip: String,
    /// What it is associated with.
    pub(crate) interface: Option<String>,
    pub(crate) tags: Tags,
}

/// A network interface of an instance.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    pub(crate) id: String,
    pub(crate) instance: String,
    pub(crate) group: String,
    pub(crate) public_ip: Option<String>,
}

/// A security group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    /// The port it opens and from where; all of them where none is given.
    pub(crate) rules: Vec<(Option<i64>, &'static str)>,
    /// Whether the internet may reach what it should not.
    pub(crate) exposed: bool,
    /// Whether a launch configuration names it.
    pub(crate) launched: bool,
}

/// A NAT gateway.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    pub(crate) id: String,
    pub(crate) fate: Fate,
    /// Whether a route leads to it.
    pub(crate) routed: bool,
    pub(crate) ip: String,
    pub(crate) created: i64,
    pub(crate) tags: Tags,
}

impl Place<'_> {
    /// The VPC that most of what is here is in: the default one.
    pub(crate) fn vpc(&self) -> String {
        self.id("vpc", 0)
    }

    /// The Elastic IP addresses here.
    pub(crate) fn addresses(&self) -> Vec<Address> {
        let mut draw = self.draw("addresses");
        let count = self.count(&mut draw, 3.0);
        let address = |number: usize| Address {
            allocation: self.id("eipalloc", number),
            ip: ip(&mut draw),
            interface: draw.chance(0.55).then(|| self.id("eni", number)),
            tags: draw.tags(),
        };
        (0..count).map(address).collect()
    }

    /// One interface for each instance.
    pub(crate) fn interfaces(&self) -> Vec<Interface> {
        let mut draw = self.draw("interfaces");
        let groups = self.groups();
        let instances = self.instances().into_iter().enumerate();
        let interface = |(number, instance): (usize, super::Instance)| Interface {
            id: self.id("eni", number),
            instance: instance.id,
            group: draw.one_of(&groups.iter().map(|it| it.id.as_str()).collect::<Vec<_>>()).to_owned(),
            public_ip: draw.chance(0.3).then(|| ip(&mut draw)),
        };
        instances.map(interface).collect()
    }

    /// The security groups here: the default one, which every VPC has, and some more.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let mut draw = self.draw("groups");
        let count = self.count(&mut draw, 4.0);
        let default =
            Group { id: self.id("sg", 0), name: "default", rules: Vec::new(), exposed: false, launched: false };
        let mut launched = self.draw("launched-groups");
        let more = (1..=count).map(|number| {
            let (name, rules, exposed) = draw.one_of(&KINDS_OF_GROUPS);
            Group { id: self.id("sg", number), name, rules: rules.to_vec(), exposed, launched: launched.chance(0.2) }
        });
        std::iter::once(default).chain(more).collect()
    }

    /// Those of its groups, the default one left out, that no interface is in and no launch configuration names.
    pub(super) fn unused_groups(&self) -> Vec<Group> {
        let interfaces = self.interfaces();
        let is_unused = |it: &Group| !it.launched && !interfaces.iter().any(|interface| interface.group == it.id);
        self.groups().into_iter().skip(1).filter(is_unused).collect()
    }

    /// The NAT gateways here.
    pub(crate) fn gateways(&self) -> Vec<Gateway> {
        let mut draw = self.draw("gateways");
        let count = self.count(&mut draw, 1.2);
        (0..count).map(|number| self.gateway(&mut draw, number)).collect()
    }

    fn gateway(&self, draw: &mut Draw, number: usize) -> Gateway {
        let fate = draw.fate([35, 15, 50, 0]);
        Gateway {
            id: self.id("nat", number),
            fate,
            routed: fate == Fate::Used || draw.chance(0.5),
            ip: ip(draw),
            created: self.days_ago(draw.age(fate, OLD)),
            tags: draw.tags(),
        }
    }
}

/// The rules of a group: a port, or all of them, and from where.
type Rules = &'static [(Option<i64>, &'static str)];

const KINDS_OF_GROUPS: [(&str, Rules, bool); 6] = [
    ("web", &[(Some(443), "0.0.0.0/0"), (Some(443), "::/0")], false),
    ("internal", &[(Some(8080), "10.0.0.0/8")], false),
    ("database", &[(Some(5432), "10.0.0.0/8")], false),
    ("bastion", &[(Some(22), "0.0.0.0/0")], true),
    ("legacy", &[(None, "0.0.0.0/0")], true),
    ("office", &[(Some(22), "198.51.100.0/24")], false),
];

/// An address of a range that is kept for documentation.
fn ip(draw: &mut Draw) -> String {
    format!("203.0.113.{}", draw.between(1, 254))
}
