//! AWS Account Management: which regions an account has enabled.

use aws_sdk_account::types::RegionOptStatus;

use super::{
    Declared, Place, Question,
    action::{ACCOUNT, Action, EC2},
    problem::{Class, Problem},
};

static LIST_REGIONS: Action = Action::new(&ACCOUNT, "ListRegions");
static DESCRIBE_REGIONS: Action = Action::new(&EC2, "DescribeRegions");

/// The regions that are enabled in an account, sorted.
///
/// `account:ListRegions` first; where the role may not call it, `ec2:DescribeRegions`, which lists enabled regions too.
#[derive(Debug)]
pub(crate) struct EnabledRegions;

impl EnabledRegions {
    /// The action that tells best.
    pub(crate) const ACTION: &'static Action = &LIST_REGIONS;
}

impl Declared for EnabledRegions {
    const NAME: &'static str = "account::EnabledRegions";
    const ACTIONS: &'static [&'static Action] = &[&LIST_REGIONS, &DESCRIBE_REGIONS];
}

impl Question for EnabledRegions {
    type Answer = Vec<String>;

    fn bytes(&self, answer: &Vec<String>) -> usize {
        answer.iter().map(|it| size_of::<String>() + it.capacity()).sum()
    }

    async fn ask(&self, at: &Place) -> Result<Vec<String>, Problem> {
        let listed = list_regions(at).await;
        if at.trial().is_some() && listed.is_ok() {
            // What else may be asked is tried as well; the trial keeps what becomes of it.
            drop(describe_regions(at).await);
        }
        let mut regions = match listed {
            Err(problem) if falls_back(problem.class) => describe_regions(at).await?,
            listed => listed?,
        };
        regions.sort();
        if regions.is_empty() {
            return Err(Problem::new(Class::InvalidExchange, &LIST_REGIONS, "the account has no enabled region"));
        }
        Ok(regions)
    }
}

/// Whether the other operation may know: not when the account cannot be entered at all.
fn falls_back(class: Class) -> bool {
    !matches!(class, Class::RoleMissing | Class::AccountBlocked | Class::CredentialsExpired | Class::ClockSkew)
}

async fn list_regions(at: &Place) -> Result<Vec<String>, Problem> {
    let there = at.global();
    let mut regions = Vec::new();
    let send = |token| {
        there
            .account()
            .list_regions()
            .region_opt_status_contains(RegionOptStatus::Enabled)
            .region_opt_status_contains(RegionOptStatus::EnabledByDefault)
            .max_results(50)
            .set_next_token(token)
            .send()
    };
    there
        .pages(&LIST_REGIONS, send, |page| {
            regions.extend(page.regions().iter().filter_map(|it| it.region_name().map(str::to_owned)));
            page.next_token
        })
        .await?;
    Ok(regions)
}

async fn describe_regions(at: &Place) -> Result<Vec<String>, Problem> {
    let answer = at.call(&DESCRIBE_REGIONS, || at.ec2().describe_regions().send()).await?;
    Ok(answer.regions().iter().filter_map(|it| it.region_name().map(str::to_owned)).collect())
}
