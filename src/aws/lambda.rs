//! AWS Lambda: functions, and the concurrency that is kept ready for them.

use jiff::Timestamp;

use super::{
    At, Collect, Declared, Place, Question, Resource,
    action::{Action, LAMBDA},
    problem::Problem,
};

static LIST_FUNCTIONS: Action = Action::new(&LAMBDA, "ListFunctions");
static LIST_PROVISIONED: Action = Action::new(&LAMBDA, "ListProvisionedConcurrencyConfigs");

/// The most functions in one page (<https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html>, read Oct 2026).
const PAGE: i32 = 50;

/// A Lambda function.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) arn: Option<String>,
    /// `python3.13`, ...; `None` for a container image.
    pub(crate) runtime: Option<String>,
    pub(crate) memory_mib: Option<i64>,
    /// `x86_64` or `arm64`.
    pub(crate) architecture: Option<String>,
    /// Whether snapshots of published versions are kept for a quick start.
    pub(crate) snap_start: bool,
    /// The security groups of its interfaces, which are gone while it is idle for long.
    pub(crate) security_group_ids: Vec<String>,
    /// When its code or configuration last changed. AWS does not say when it was created.
    pub(crate) last_modified: Option<Timestamp>,
}

impl Resource for Function {
    const TYPE: &'static str = "AWS::Lambda::Function";

    fn id(&self) -> &str {
        &self.name
    }

    fn arn(&self, at: &At) -> Option<String> {
        self.arn.clone().or_else(|| at.arn("lambda", &format!("function:{}", self.name)))
    }
}

impl Declared for Function {
    const NAME: &'static str = "lambda::Function";
    const ACTIONS: &'static [&'static Action] = &[&LIST_FUNCTIONS];
}

impl Collect for Function {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut functions = Vec::new();
        let send = |token| at.lambda().list_functions().max_items(PAGE).set_marker(token).send();
        at.pages(&LIST_FUNCTIONS, send, |page| {
            functions.extend(page.functions().iter().filter_map(function));
            page.next_marker
        })
        .await?;
        Ok(functions)
    }
}

fn function(it: &aws_sdk_lambda::types::FunctionConfiguration) -> Option<Function> {
    let apply_on = it.snap_start().and_then(|it| it.apply_on());
    Some(Function {
        name: it.function_name()?.to_owned(),
        arn: it.function_arn().map(str::to_owned),
        runtime: it.runtime().map(|it| it.as_str().to_owned()),
        memory_mib: it.memory_size().map(i64::from),
        architecture: it.architectures().first().map(|it| it.as_str().to_owned()),
        snap_start: apply_on.is_some_and(|it| it.as_str() != "None"),
        security_group_ids: it.vpc_config().map(|it| it.security_group_ids().to_vec()).unwrap_or_default(),
        last_modified: it.last_modified().and_then(|it| it.parse().ok()),
    })
}

/// How many execution environments a function keeps ready, over all its versions and aliases.
#[derive(Debug)]
pub(crate) struct ProvisionedConcurrency {
    pub(crate) function: String,
}

impl Declared for ProvisionedConcurrency {
    const NAME: &'static str = "lambda::ProvisionedConcurrency";
    const ACTIONS: &'static [&'static Action] = &[&LIST_PROVISIONED];
}

impl Question for ProvisionedConcurrency {
    /// `None` when AWS left one of the numbers out.
    type Answer = Option<i64>;

    async fn ask(&self, at: &Place) -> Result<Option<i64>, Problem> {
        let mut units = Vec::new();
        let send = |token| {
            at.lambda()
                .list_provisioned_concurrency_configs()
                .function_name(&self.function)
                .max_items(PAGE)
                .set_marker(token)
                .send()
        };
        at.pages(&LIST_PROVISIONED, send, |page| {
            let configs = page.provisioned_concurrency_configs().iter();
            units.extend(configs.map(|it| it.requested_provisioned_concurrent_executions().map(i64::from)));
            page.next_marker
        })
        .await?;
        Ok(units.into_iter().sum())
    }
}

#[cfg(test)]
impl Function {
    /// A function of 1 GiB on x86 that last changed 200 days ago.
    pub(crate) fn example(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            arn: None,
            runtime: Some("python3.13".to_owned()),
            memory_mib: Some(1024),
            architecture: Some("x86_64".to_owned()),
            snap_start: false,
            security_group_ids: Vec::new(),
            last_modified: crate::check::testing::days_ago(200),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{
        problem::Class,
        replies::{Reply, answered, collected, json_denied},
    };

    #[tokio::test]
    async fn every_page_of_functions_is_read_also_past_an_empty_one() {
        let one = r#"{"Functions": [{"FunctionName": "one", "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:one",
            "Runtime": "python3.13", "MemorySize": 512, "Architectures": ["arm64"], "SnapStart": {"ApplyOn": "None"},
            "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
            "LastModified": "2026-05-01T10:00:00.123+0000"}], "NextMarker": "m1"}"#;
        let two = r#"{"Functions": [{"FunctionName": "two", "SnapStart": {"ApplyOn": "PublishedVersions"},
            "LastModified": "lately"}]}"#;
        let functions = collected::<Function>(vec![
            Reply::ok("MaxItems=50", one),
            Reply::ok("Marker=m1", r#"{"Functions": [], "NextMarker": "m2"}"#),
            Reply::ok("Marker=m2", two),
        ])
        .await
        .expect("collected");
        let [one, two] = functions.as_slice() else { panic!("two functions, not {functions:?}") };
        assert_eq!((one.name.as_str(), two.name.as_str()), ("one", "two"));
        assert_eq!((one.memory_mib, one.architecture.as_deref(), one.snap_start), (Some(512), Some("arm64"), false));
        assert_eq!(one.last_modified.map(|it| it.to_string()).as_deref(), Some("2026-05-01T10:00:00.123Z"));
        assert_eq!((one.security_group_ids.len(), two.security_group_ids.len()), (1, 0));
        assert_eq!((two.memory_mib, two.last_modified, two.snap_start), (None, None, true));
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        let problem = collected::<Function>(vec![json_denied("/functions")]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "lambda:ListFunctions"));
    }

    fn concurrency() -> ProvisionedConcurrency {
        ProvisionedConcurrency { function: "one".to_owned() }
    }

    #[tokio::test]
    async fn concurrency_is_summed_over_versions_and_pages() {
        let config = |units: &str, more: &str| format!(r#"{{"ProvisionedConcurrencyConfigs": [{units}]{more}}}"#);
        let of = |units| format!(r#"{{"RequestedProvisionedConcurrentExecutions": {units}}}"#);
        let replies = vec![
            Reply::ok("functions/one/provisioned-concurrency", config(&of(2), r#", "NextMarker": "m1""#)),
            Reply::ok("Marker=m1", config(&of(3), "")),
        ];
        assert_eq!(answered(concurrency(), replies).await.0, Ok(Some(5)));
        let none = vec![Reply::ok("provisioned-concurrency", config("", ""))];
        assert_eq!(answered(concurrency(), none).await.0, Ok(Some(0)));
        let unsaid = vec![Reply::ok("provisioned-concurrency", config(r#"{"Status": "READY"}"#, ""))];
        assert_eq!(answered(concurrency(), unsaid).await.0, Ok(None));
    }

    #[tokio::test]
    async fn denied_concurrency_is_a_problem_and_not_zero() {
        let (answer, _) = answered(concurrency(), vec![json_denied("provisioned-concurrency")]).await;
        assert_eq!(answer.expect_err("denied").class, Class::AccessDenied);
    }
}
