//! What the checks must find, known from how the world was made and not from how it is judged.

use std::collections::BTreeSet;

use super::{Place, World, draw::Fate};

/// A finding that must be there, and none beside: tool, account, region, id.
pub(crate) type Planted = (&'static str, String, String, String);

impl World {
    /// Everything that is planted in some regions of all accounts that run.
    pub(crate) fn planted(&self, regions: &[String]) -> BTreeSet<Planted> {
        let accounts = (0..self.accounts()).map(|it| self.account(it)).filter(|it| !it.suspended);
        let mut all = BTreeSet::new();
        for account in accounts {
            for region in self.regions(&account.id).into_iter().filter(|it| regions.iter().any(|wanted| wanted == it)) {
                self.place(&account.id, region).plant(&mut all);
            }
            self.place(&account.id, super::HOME).plant_global(regions, &mut all);
        }
        let advice = self.advice().into_iter().filter(|it| regions.contains(&it.region));
        all.extend(advice.map(|it| ("get_cost_optimization_ec2", it.account, it.region, it.instance)));
        all
    }
}

impl Place<'_> {
    fn plant(&self, all: &mut BTreeSet<Planted>) {
        let mut add = |tool, id: &str| {
            all.insert((tool, self.account.clone(), self.region.clone(), id.to_owned()));
        };
        for it in self.volumes().iter().filter(|it| it.fate == Fate::Waste) {
            add("find_unused_volumes", &it.id);
        }
        for it in self.addresses().iter().filter(|it| it.interface.is_none()) {
            add("find_unused_elastic_ips", &it.allocation);
        }
        for it in self.functions().iter().filter(|it| it.fate == Fate::Waste) {
            add("find_unused_lambda_functions", &it.name);
        }
        for it in self.images().iter().filter(|it| it.fate == Fate::Waste) {
            add("find_unused_amis", &it.id);
        }
        for it in self.snapshots().iter().filter(|it| it.fate == Fate::Waste) {
            add("find_unused_snapshots", &it.id);
        }
        for it in self.gateways().iter().filter(|it| it.fate == Fate::Waste) {
            add("find_unused_nat_gateways", &it.id);
        }
        for it in self.balancers().iter().filter(|it| it.fate == Fate::Waste) {
            add("find_unused_load_balancers", &it.name);
        }
        for it in self.unused_groups() {
            add("find_unused_security_groups", &it.id);
        }
        for it in self.target_groups().iter().filter(|it| it.fate == Fate::Waste) {
            add("find_unused_target_groups", &it.name);
        }
        for it in self.endpoints().iter().filter(|it| it.fate == Fate::Waste) {
            add("find_unused_vpc_endpoints", &it.id);
        }
        for it in self.internet_gateways().iter().filter(|it| it.fate == Fate::Waste) {
            add("find_unused_internet_gateways", &it.id);
        }
        for it in self.groups().iter().filter(|it| it.exposed) {
            add("find_overly_permissive_security_groups", &it.id);
        }
        for (arn, tags) in self.tagged() {
            let missing = ["CostCenter", "Environment", "Owner"].iter().any(|key| !tags.iter().any(|it| it.0 == *key));
            if missing {
                add("find_untagged_resources", &arn);
            }
        }
    }

    fn plant_global(&self, regions: &[String], all: &mut BTreeSet<Planted>) {
        for it in self
            .buckets()
            .iter()
            .filter(|it| it.fate == Fate::Waste && regions.iter().any(|wanted| *wanted == it.region))
        {
            all.insert(("find_unused_s3_buckets", self.account.clone(), it.region.to_owned(), it.name.clone()));
        }
        for it in self.distributions().into_iter().filter(|it| it.fate == Fate::Waste) {
            all.insert(("find_unused_cloudfront_distributions", self.account.clone(), "global".to_owned(), it.id));
        }
    }
}
