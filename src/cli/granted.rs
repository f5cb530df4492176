//! What IAM policies grant of what orgscan asks: pure, read from the JSON that AWS prints.

use std::collections::BTreeSet;

use serde_json::Value;

/// How AWS gives a role's policies, for who gave something else.
const WANTED: &str = "give a policy document, or what aws iam get-account-authorization-details, get-role-policy or \
                      get-policy-version prints";

/// One statement of a policy.
#[derive(Clone, Debug)]
struct Rule {
    allows: bool,
    /// Patterns of actions.
    actions: Vec<String>,
    /// Whether it is about every action but those.
    others: bool,
    /// Patterns of resources; `None` where it is about every resource but some.
    resources: Option<Vec<String>>,
    conditional: bool,
}

impl Rule {
    fn read(statement: &Value) -> Result<Self, String> {
        let allows = match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err("a statement has no Effect of Allow or Deny".to_owned()),
        };
        let (actions, others) = match (statement.get("Action"), statement.get("NotAction")) {
            (Some(actions), None) => (texts(actions)?, false),
            (None, Some(actions)) => (texts(actions)?, true),
            _ => return Err("a statement has neither Action nor NotAction alone".to_owned()),
        };
        let resources = match (statement.get("Resource"), statement.get("NotResource")) {
            (Some(resources), _) => Some(texts(resources)?),
            (None, Some(_)) => None,
            // A trust policy, for one.
            (None, None) => return Err("a statement has no Resource, as no policy of a role's permissions".to_owned()),
        };
        let conditional = statement.get("Condition").is_some_and(|it| it.as_object().is_none_or(|it| !it.is_empty()));
        Ok(Self { allows, actions, others, resources, conditional })
    }

    fn covers(&self, action: &str) -> bool {
        self.actions.iter().any(|it| matches(it, action)) != self.others
    }

    /// Whether it is about every resource of the action's service, always.
    fn is_whole_for(&self, action: &str) -> bool {
        let service = action.split(':').next().unwrap_or_default();
        let every = self.resources.as_ref().is_some_and(|it| it.iter().any(|it| is_every_resource(it, service)));
        every && !self.conditional
    }
}

/// A text or a list of texts.
fn texts(value: &Value) -> Result<Vec<String>, String> {
    let text = |it: &Value| it.as_str().map(str::to_owned);
    match value {
        Value::Array(list) => list.iter().map(text).collect::<Option<_>>(),
        one => text(one).map(|it| vec![it]),
    }
    .ok_or_else(|| "a statement lists something that is not text".to_owned())
}

/// Whether a pattern of IAM, with `*` and `?`, means a name. Case does not count.
fn matches(pattern: &str, name: &str) -> bool {
    fn from(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => (0..=name.len()).any(|it| from(rest, &name[it..])),
            (Some((one, rest)), Some((first, others))) => {
                (*one == b'?' || one.eq_ignore_ascii_case(first)) && from(rest, others)
            }
            _ => false,
        }
    }
    // Several stars in a row mean what one means, and would take long.
    let mut pattern = pattern.as_bytes().to_vec();
    pattern.dedup_by(|a, b| *a == b'*' && *b == b'*');
    from(&pattern, name.as_bytes())
}

/// `*`, or an ARN of the service with nothing left out: `arn:aws:s3:::*`.
fn is_every_resource(pattern: &str, service: &str) -> bool {
    let parts: Vec<_> = pattern.splitn(6, ':').collect();
    match parts.as_slice() {
        ["*"] => true,
        ["arn", _, of, region, account, "*"] => {
            matches(of, service) && ["", "*"].contains(region) && ["", "*"].contains(account)
        }
        _ => false,
    }
}

/// Everything that some policies say.
#[derive(Clone, Debug, Default)]
struct Rules(Vec<Rule>);

impl Rules {
    fn read(&mut self, document: &Value) -> Result<(), String> {
        let parsed;
        let document = match document.as_str() {
            Some(text) => {
                let error = |_| "a policy is text that is not JSON; take it as the AWS CLI prints it".to_owned();
                parsed = serde_json::from_str::<Value>(text).map_err(error)?;
                &parsed
            }
            None => document,
        };
        match document.get("Statement") {
            Some(Value::Array(statements)) => {
                for statement in statements {
                    self.0.push(Rule::read(statement)?);
                }
                Ok(())
            }
            Some(statement @ Value::Object(_)) => Rule::read(statement).map(|it| self.0.push(it)),
            _ => Err(format!("there is no policy in it; {WANTED}")),
        }
    }

    /// Why an action is not wholly permitted.
    fn withholds(&self, action: &str) -> Option<&'static str> {
        let about = |allows: bool| self.0.iter().filter(move |it| it.allows == allows && it.covers(action));
        if about(false).any(|it| it.is_whole_for(action)) {
            return Some("denied");
        }
        if about(true).next().is_none() {
            return Some("not permitted");
        }
        if !about(true).any(|it| it.is_whole_for(action)) {
            return Some("permitted on some resources or under a condition only");
        }
        about(false).next().map(|_| "denied on some resources or under a condition")
    }
}

/// Something that is granted and not, or not wholly, used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Unused {
    /// The pattern as the policy has it.
    pub(super) pattern: String,
    /// How many of the actions that it permits are used.
    pub(super) used: usize,
}

/// What the policies of a role grant.
#[derive(Clone, Debug, Default)]
pub(super) struct Granted {
    policies: Rules,
    boundary: Option<Rules>,
}

impl Granted {
    /// Reads policies: one or several JSON values, each a policy document or what AWS prints about one or about all roles.
    pub(super) fn read(text: &str, role: &str) -> Result<Self, String> {
        let mut granted = Self::default();
        for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            let value = value.map_err(|it| format!("it is not JSON ({it}); {WANTED}"))?;
            let values = if let Value::Array(values) = value { values } else { vec![value] };
            for value in &values {
                granted.add(value, role)?;
            }
        }
        if granted.policies.0.is_empty() {
            return Err(format!("there is no policy in it; {WANTED}"));
        }
        Ok(granted)
    }

    /// Reads the documents of a role's policies and of its permissions boundary. Where there are none, nothing is granted.
    pub(super) fn of(documents: &[String], boundary: Option<&str>) -> Result<Self, String> {
        let mut granted = Self::default();
        for document in documents {
            granted.policies.read(&Value::String(document.clone()))?;
        }
        if let Some(document) = boundary {
            granted.boundary.insert(Rules::default()).read(&Value::String(document.to_owned()))?;
        }
        Ok(granted)
    }

    fn add(&mut self, value: &Value, role: &str) -> Result<(), String> {
        if value.get("RoleDetailList").is_some() {
            return self.add_role(value, role);
        }
        let of_version = value.get("PolicyVersion").and_then(|it| it.get("Document"));
        self.policies.read(of_version.or_else(|| value.get("PolicyDocument")).unwrap_or(value))
    }

    /// Takes one role out of what `get-account-authorization-details` prints.
    fn add_role(&mut self, details: &Value, role: &str) -> Result<(), String> {
        let list = |of: &Value, name: &str| of.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let roles = list(details, "RoleDetailList");
        let Some(it) = roles.iter().find(|it| text(it, "RoleName") == role) else {
            return Err(format!(
                "it has no role '{}'; say which role to compare with --role-name",
                role.escape_debug()
            ));
        };
        let policies = list(details, "Policies");
        let attached = |arn: &str| {
            let policy = policies.iter().find(|it| text(it, "Arn") == arn);
            let versions = policy.map(|it| list(it, "PolicyVersionList")).unwrap_or_default();
            let current = versions.into_iter().find(|it| it.get("IsDefaultVersion") == Some(&Value::Bool(true)));
            current.and_then(|it| it.get("Document").cloned()).ok_or_else(|| {
                format!(
                    "it does not hold the policy {} of the role; ask aws iam get-account-authorization-details without a filter",
                    arn.escape_debug()
                )
            })
        };
        for inline in list(it, "RolePolicyList") {
            self.policies.read(inline.get("PolicyDocument").unwrap_or(&Value::Null))?;
        }
        for policy in list(it, "AttachedManagedPolicies") {
            self.policies.read(&attached(&text(&policy, "PolicyArn"))?)?;
        }
        if let Some(boundary) = it.get("PermissionsBoundary") {
            let arn = text(boundary, "PermissionsBoundaryArn");
            self.boundary.get_or_insert_default().read(&attached(&arn)?)?;
        }
        Ok(())
    }

    /// Why an action is not wholly permitted; `None` when it is.
    pub(super) fn withholds(&self, action: &str) -> Option<&'static str> {
        let beyond = |it: &Rules| it.withholds(action).map(|_| "kept back by the permissions boundary");
        self.policies.withholds(action).or_else(|| self.boundary.as_ref().and_then(beyond))
    }

    /// What is granted beyond some actions.
    pub(super) fn beyond(&self, used: &BTreeSet<String>) -> BTreeSet<Unused> {
        let mut unused = BTreeSet::new();
        for rule in self.policies.0.iter().filter(|it| it.allows) {
            if rule.others {
                let pattern = format!("everything but {}", rule.actions.join(", "));
                unused.insert(Unused { pattern, used: used.iter().filter(|it| rule.covers(it)).count() });
                continue;
            }
            for pattern in &rule.actions {
                let count = used.iter().filter(|it| matches(pattern, it)).count();
                if count == 0 || pattern.contains(['*', '?']) {
                    unused.insert(Unused { pattern: pattern.clone(), used: count });
                }
            }
        }
        unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ROLE: &str = "OrgscanReadOnly";

    fn policy(statements: &Value) -> Value {
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    fn withheld(statements: &Value, action: &str) -> Option<&'static str> {
        Granted::read(&policy(statements).to_string(), ROLE).expect("read").withholds(action)
    }

    #[test]
    fn patterns_mean_what_iam_means_by_them() {
        for (pattern, name, expected) in [
            ("*", "ec2:DescribeVolumes", true),
            ("ec2:Describe*", "ec2:DescribeVolumes", true),
            ("EC2:describe*", "ec2:DescribeVolumes", true),
            ("ec2:*Volumes", "ec2:DescribeVolumes", true),
            ("ec2:Describe?olumes", "ec2:DescribeVolumes", true),
            ("ec2:Describe", "ec2:DescribeVolumes", false),
            ("ec2:DescribeVolumes", "ec2:DescribeVolumesModifications", false),
            ("ec2:****************************************x", "ec2:DescribeVolumes", false),
            ("s3:*", "ec2:DescribeVolumes", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn an_action_is_permitted_by_any_statement_and_denied_by_any() {
        let allow = |actions: Value| json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
        let deny = |actions: Value| json!({"Effect": "Deny", "Action": actions, "Resource": "*"});
        let volumes = "ec2:DescribeVolumes";
        assert_eq!(withheld(&allow(json!("ec2:Describe*")), volumes), None);
        assert_eq!(withheld(&json!([allow(json!(["s3:*"]))]), volumes), Some("not permitted"));
        assert_eq!(withheld(&json!([allow(json!("*")), deny(json!("ec2:*"))]), volumes), Some("denied"));
        assert_eq!(withheld(&json!([allow(json!("*")), deny(json!("s3:*"))]), volumes), None);
        let others = json!({"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"});
        assert_eq!(withheld(&others, volumes), None);
        assert_eq!(withheld(&others, "iam:GetRole"), Some("not permitted"));
        let region = json!({"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}});
        let there = json!({"Effect": "Deny", "NotAction": "iam:*", "Resource": "*", "Condition": region});
        assert!(
            withheld(&json!([allow(json!("*")), there]), volumes).is_some_and(|it| it.starts_with("denied on some"))
        );
    }

    #[test]
    fn a_permission_on_some_resources_is_not_taken_for_one_on_all() {
        let on = |resource: Value| json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": resource});
        for whole in [json!("*"), json!(["arn:aws:s3:::one", "arn:aws:s3:::*"]), json!("arn:*:s3:*:*:*")] {
            assert_eq!(withheld(&on(whole.clone()), "s3:ListBucket"), None, "{whole}");
        }
        for part in ["arn:aws:s3:::one", "arn:aws:s3:::one/*", "arn:aws:sqs:::*", "arn:aws:s3::111122223333:*"] {
            assert!(withheld(&on(json!(part)), "s3:ListBucket").is_some_and(|it| it.contains("only")), "{part}");
        }
    }

    #[test]
    fn what_the_aws_cli_prints_is_read() {
        let document = policy(&json!({"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}));
        let inline = json!({"RoleName": ROLE, "PolicyName": "read", "PolicyDocument": document});
        let version = json!({"PolicyVersion": {"Document": document.to_string(), "IsDefaultVersion": true}});
        for text in [document.to_string(), format!("{inline}\n{version}"), json!([document, inline]).to_string()] {
            let granted = Granted::read(&text, ROLE).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(granted.withholds("ec2:DescribeVolumes"), None, "{text}");
        }
    }

    fn details(boundary: &str) -> String {
        let allow = |action: &str| policy(&json!({"Effect": "Allow", "Action": action, "Resource": "*"}));
        let managed = |name: &str, action: &str| {
            json!({"PolicyName": name, "Arn": format!("arn:aws:iam::111122223333:policy/{name}"), "PolicyVersionList": [
                {"VersionId": "v2", "IsDefaultVersion": true, "Document": allow(action)},
                {"VersionId": "v1", "IsDefaultVersion": false, "Document": allow("*")}]})
        };
        let role = json!({
            "RoleName": ROLE,
            "RolePolicyList": [{"PolicyName": "inline", "PolicyDocument": allow("s3:List*")}],
            "AttachedManagedPolicies": [{"PolicyName": "read", "PolicyArn": "arn:aws:iam::111122223333:policy/read"}],
            "PermissionsBoundary": {"PermissionsBoundaryArn": format!("arn:aws:iam::111122223333:policy/{boundary}")},
        });
        let policies = [managed("read", "ec2:Describe*"), managed("edge", "ec2:*")];
        json!({"RoleDetailList": [{"RoleName": "other"}, role], "Policies": policies}).to_string()
    }

    #[test]
    fn a_role_is_taken_out_of_the_details_of_an_account_with_its_boundary() {
        let granted = Granted::read(&details("edge"), ROLE).expect("read");
        assert_eq!(granted.withholds("ec2:DescribeVolumes"), None);
        assert_eq!(granted.withholds("sqs:ListQueues"), Some("not permitted"), "only the current version counts");
        assert_eq!(granted.withholds("s3:ListBucket"), Some("kept back by the permissions boundary"));
        let error = Granted::read(&details("edge"), "Nobody").expect_err("no such role");
        assert!(error.contains("'Nobody'") && error.contains("--role-name"), "{error}");
        let error = Granted::read(&details("gone"), ROLE).expect_err("no such policy");
        assert!(error.contains("policy/gone"), "{error}");
    }

    #[test]
    fn what_is_no_policy_is_refused_in_one_line() {
        let trust = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}});
        for text in [
            "",
            "not json",
            "{}",
            "[]",
            "{\"Statement\": 3}",
            "{\"Statement\": [{}]}",
            "\"%7B\"",
            &policy(&trust).to_string(),
        ] {
            let error = Granted::read(text, ROLE).expect_err(text);
            assert!(!error.contains('\n') && error.len() > 20, "{text}: {error}");
        }
    }

    #[test]
    fn what_is_granted_beyond_need_is_listed_with_how_much_of_it_is_used() {
        let statements = json!([
            {"Effect": "Allow", "Action": ["ec2:Describe*", "ec2:DescribeVolumes", "s3:GetObject"], "Resource": "*"},
            {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "sqs:*", "Resource": "*"},
        ]);
        let granted = Granted::read(&policy(&statements).to_string(), ROLE).expect("read");
        let used = ["ec2:DescribeVolumes", "ec2:DescribeImages", "sqs:ListQueues"].map(str::to_owned).into();
        let unused: Vec<_> = granted.beyond(&used).into_iter().map(|it| (it.pattern, it.used)).collect();
        let expected = [("ec2:Describe*", 2), ("everything but iam:*", 3), ("s3:GetObject", 0)];
        assert_eq!(unused, expected.map(|(pattern, used)| (pattern.to_owned(), used)));
    }
}
