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

impl World {
    /// Whether a finding is about something that another account may use: as long as that was not seen, it is no mistake.
    #[cfg(test)]
    pub(crate) fn is_shared(&self, (_, account, region, id): &Planted) -> bool {
        let place = self.place(account, region);
        let images = place.images().into_iter().filter(|it| it.shared_with.is_some()).map(|it| it.id);
        let snapshots = place.snapshots().into_iter().filter(|it| it.shared_with.is_some()).map(|it| it.id);
        images.chain(snapshots).any(|it| it == *id)
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
        for it in self.volumes().iter().filter(|it| it.of_stopped) {
            add("find_volumes_of_stopped_instances", &it.id);
        }
        for it in self.instances().iter().filter(|it| it.fate == Fate::Waste) {
            add("find_unused_ec2_instances", &it.id);
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
        for it in self.templates().iter().filter(|it| it.fate == Fate::Waste) {
            add("find_unused_launch_templates", &it.id);
        }
        for it in self.families().iter().filter(|it| it.fate == Fate::Waste) {
            add("find_old_ecs_task_definitions", &it.name);
        }
        for repository in self.repositories() {
            for it in repository.images.iter().filter(|it| it.fate == Fate::Waste) {
                add("find_unused_ecr_images", &format!("{}@{}", repository.name, it.digest));
            }
        }
        for cluster in self.clusters() {
            if cluster.fate == Fate::Waste {
                add("find_unused_ecs_clusters_and_services", &cluster.name);
            }
            for it in cluster.services.iter().filter(|it| it.fate == Fate::Waste) {
                let arn = self.arn("ecs", &format!("service/{}/{}", cluster.name, it.name));
                add("find_unused_ecs_clusters_and_services", &arn);
            }
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
        for it in self.log_groups().iter().filter(|it| it.keeps_for_ever) {
            add("find_log_groups_without_retention", &it.name);
        }
        for it in self.log_groups().iter().filter(|it| it.fate == Fate::Waste) {
            add("find_unused_log_groups", &it.name);
        }
        for it in self.queues().iter().filter(|it| it.fate == Fate::Waste) {
            add("find_unused_sqs_queues", &it.name);
        }
        for it in self.topics().iter().filter(|it| it.fate == Fate::Waste) {
            add("find_unused_sns_topics", &self.arn("sns", &it.name));
        }
        for it in self.rules().iter().filter(|it| it.fate == Fate::Waste) {
            add("find_unused_eventbridge_rules", &it.id());
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
        let uploads = |it: &&super::Bucket| {
            it.has_old_uploads(self.world.now) && regions.iter().any(|region| region == it.region)
        };
        for it in self.buckets().iter().filter(uploads) {
            let place = (self.account.clone(), it.region.to_owned());
            all.insert(("find_incomplete_multipart_uploads", place.0, place.1, it.name.clone()));
        }
        for it in self.buckets().iter().filter(|it| it.dear && regions.iter().any(|region| region == it.region)) {
            let place = (self.account.clone(), it.region.to_owned());
            all.insert(("get_s3_storage_class_recommendations", place.0, place.1, it.name.clone()));
        }
        for it in self.distributions().into_iter().filter(|it| it.fate == Fate::Waste) {
            all.insert(("find_unused_cloudfront_distributions", self.account.clone(), "global".to_owned(), it.id));
        }
        for it in self.zones().into_iter().filter(|it| it.fate == Fate::Waste) {
            all.insert(("find_unused_route53_hosted_zones", self.account.clone(), "global".to_owned(), it.id));
        }
    }
}
