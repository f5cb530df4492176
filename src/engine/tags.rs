//! Tags for findings whose listing carried none: one call of the tagging service for each hundred of them.

use std::collections::BTreeMap;

use super::fanout::GLOBAL;
use crate::{
    aws::{At, partition, problem::Problem, store::Store, tagging::TagsOf},
    check::Finding,
};

/// Fills in the tags of what was found in a target. What the tagging service does not know stays without; so does what it
/// would not tell, and then the problem is returned.
pub(super) async fn fill(findings: &mut [Finding], store: &Store, at: &At) -> Result<(), Problem> {
    let mut regions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for it in findings.iter().filter(|it| it.tags.is_none() && it.account_id == at.account) {
        let region = if it.region == GLOBAL { partition::global_region(at.partition) } else { &it.region };
        regions.entry(region).or_default().extend(it.resource_arn.clone());
    }
    let mut questions = Vec::new();
    for (region, mut arns) in regions {
        arns.sort_unstable();
        arns.dedup();
        questions.push(TagsOf { region: region.to_owned(), arns });
    }
    let mut refused = None;
    for question in questions.into_iter().filter(|it| !it.arns.is_empty()) {
        match store.ask(&question).await {
            Ok((tags, _)) => {
                for it in findings.iter_mut().filter(|it| it.tags.is_none()) {
                    it.tags = it.resource_arn.as_ref().and_then(|arn| tags.get(arn)).cloned();
                }
            }
            Err(problem) => refused = Some(problem),
        }
    }
    refused.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{Tags, problem::Class},
        check::testing::finding,
    };

    fn at() -> At {
        At { partition: "aws", account: "111122223333".to_owned(), region: "eu-west-1".to_owned() }
    }

    fn of(arn: &str, region: &str, tags: Option<Tags>) -> Finding {
        Finding { resource_arn: Some(arn.to_owned()), region: region.to_owned(), tags, ..finding("one") }
    }

    fn owner(name: &str) -> Tags {
        [("Owner".to_owned(), name.to_owned())].into()
    }

    #[tokio::test]
    async fn only_what_has_no_tags_is_asked_for_in_its_own_region() {
        let store = Store::world().answering(|it: &TagsOf| {
            let expected: &[&str] = if it.region == "us-east-1" { &["arn:global"] } else { &["arn:bare", "arn:other"] };
            assert_eq!(it.arns, expected, "{}", it.region);
            Ok(it.arns.iter().filter(|it| *it != "arn:other").map(|it| (it.clone(), owner(it))).collect())
        });
        let elsewhere = Finding { account_id: "444455556666".to_owned(), ..of("arn:linked", "eu-west-1", None) };
        let mut findings = vec![
            of("arn:bare", "eu-west-1", None),
            of("arn:listed", "eu-west-1", Some(Tags::new())),
            of("arn:other", "eu-west-1", None),
            of("arn:global", "global", None),
            Finding { resource_arn: None, ..of("", "eu-west-1", None) },
            elsewhere,
        ];
        fill(&mut findings, &store, &at()).await.expect("answered");
        let tags: Vec<_> = findings.into_iter().map(|it| it.tags).collect();
        let expected = [Some(owner("arn:bare")), Some(Tags::new()), None, Some(owner("arn:global")), None, None];
        assert_eq!(tags, expected);
    }

    #[tokio::test]
    async fn what_may_not_be_asked_stays_unknown_and_is_told() {
        let store = Store::world().unanswered::<TagsOf>(Class::AccessDenied);
        let mut findings = vec![of("arn:bare", "eu-west-1", None)];
        let problem = fill(&mut findings, &store, &at()).await.expect_err("denied");
        assert_eq!((problem.class, findings[0].tags.clone()), (Class::AccessDenied, None));
    }
}
