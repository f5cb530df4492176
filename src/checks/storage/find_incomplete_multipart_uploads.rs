//! Buckets with uploads that were begun and never ended.

use futures::future::join_all;

use crate::{
    aws::s3::{Bucket, IncompleteUploads},
    check::prelude::*,
};

check! {
    /// Finds S3 buckets with old multipart uploads that were neither completed nor aborted.
    ///
    /// AWS bills the parts of such an upload like stored objects, and no list of objects shows them. A lifecycle rule with
    /// `AbortIncompleteMultipartUpload` ends them for good. AWS tells the size of the parts only upload by upload, so no amount
    /// is given. Fine to ignore for a client that goes on with uploads after weeks. AWS charges for each list of uploads, one or
    /// more for each bucket, as for a list of objects: 0.005 USD for a thousand.
    title: "Incomplete multipart uploads",
    scope: Account,
    needs: [Bucket, IncompleteUploads],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Count only uploads that were begun at least this many days ago. Younger ones may still go on.
    #[schemars(range(min = 1, max = 3650))]
    min_age_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { min_age_days: 7 }
    }
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let buckets = cx.all::<Bucket>().await?;
    let judged = buckets.iter().filter_map(|it| Some((it, it.region.as_deref().filter(|it| cx.concerns(it))?)));
    let findings = join_all(judged.map(|(bucket, region)| judge(cx, &params, bucket, region))).await;
    Ok(findings.into_iter().flatten().collect())
}

/// What cannot be read of one bucket hides itself and not the others.
async fn judge(cx: &Cx, params: &Params, bucket: &Bucket, region: &str) -> Option<Finding> {
    let question = IncompleteUploads { bucket: bucket.name.clone(), region: region.to_owned() };
    let begun = cx.ask_or_note(question).await?;
    let old: Vec<i64> =
        begun.iter().filter_map(|it| cx.days_since(*it)).filter(|days| *days >= params.min_age_days).collect();
    let oldest = old.iter().max()?;
    let uploads = if old.len() == 1 { "1 upload".to_owned() } else { format!("{} uploads", old.len()) };
    Some(
        cx.finding(bucket)
            .because(format!(
                "{uploads} begun at least {} days ago and never ended, the oldest {oldest}",
                params.min_age_days
            ))
            .action(ActionType::Delete)
            .fact("incomplete_uploads", old.len())
            .fact("oldest_days", *oldest)
            .fact("younger_uploads", begun.len() - old.len()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{
            problem::{Class, Problem},
            store::Store,
        },
        check::testing::{asks_all_it_needs, days_ago, findings, found, is_blind_without, outcome},
    };

    /// A world of buckets, each with uploads begun so many days ago.
    fn world(buckets: &'static [(&'static str, &'static [i64])]) -> Store {
        let all = buckets.iter().map(|(name, _)| Bucket::example(name)).collect::<Vec<_>>();
        Store::world().with(all).answering(move |it: &IncompleteUploads| {
            let (_, days) = buckets.iter().find(|(name, _)| *name == it.bucket).expect("a bucket of the world");
            Ok(days.iter().map(|it| days_ago(*it)).collect())
        })
    }

    #[tokio::test]
    async fn a_bucket_with_an_upload_exactly_as_old_is_found_and_a_younger_one_is_not() {
        let world = world(&[("at", &[7, 3]), ("under", &[6, 0]), ("none", &[])]);
        let findings = findings(&CHECK, world, "{}").await;
        let [it] = findings.as_slice() else { panic!("one, not {findings:?}") };
        assert_eq!((it.resource_id.as_str(), it.estimated_monthly_savings), ("at", None));
        assert_eq!(it.reason, "1 upload begun at least 7 days ago and never ended, the oldest 7");
        assert_eq!(it.attributes["younger_uploads"], 1);
    }

    #[tokio::test]
    async fn all_old_uploads_of_a_bucket_are_one_finding() {
        let expected = "many: 3 uploads begun at least 30 days ago and never ended, the oldest 400";
        assert_eq!(found(&CHECK, world(&[("many", &[31, 400, 29, 30])]), r#"{"min_age_days": 30}"#).await, expected);
    }

    #[tokio::test]
    async fn an_upload_without_a_time_is_not_judged() {
        let world = world(&[("odd", &[])]).answering(|_: &IncompleteUploads| Ok(vec![None]));
        assert_eq!(found(&CHECK, world, "{}").await, "");
    }

    #[tokio::test]
    async fn a_bucket_that_may_not_be_read_hides_itself_and_not_the_others() {
        let world =
            world(&[("sealed", &[90]), ("open", &[90])]).answering(|it: &IncompleteUploads| match it.bucket.as_str() {
                "sealed" => Err(Problem { class: Class::AccessDenied, action: String::new(), message: String::new() }),
                _ => Ok(vec![days_ago(90)]),
            });
        let (findings, problems) = outcome(&CHECK, world, "{}").await;
        let findings = findings.expect("the check could judge");
        assert_eq!(findings.iter().map(|it| it.resource_id.as_str()).collect::<Vec<_>>(), ["open"]);
        assert_eq!(problems.iter().map(|it| it.class).collect::<Vec<_>>(), [Class::AccessDenied]);
    }

    #[tokio::test]
    async fn without_the_list_of_buckets_nothing_is_said() {
        is_blind_without::<Bucket>(&CHECK, world(&[("one", &[90])])).await;
    }

    #[tokio::test]
    async fn it_asks_all_it_needs() {
        asks_all_it_needs(&CHECK, world(&[("one", &[90])]), "{}").await;
    }
}
