//! Which accounts exist: AWS Organizations, or a plain list of them.

use aws_sdk_organizations::types::{Account, AccountState, AccountStatus};

use crate::aws::{
    Place, Tags,
    action::{Action, ORGANIZATIONS},
    problem::{Class, Problem},
};

static DESCRIBE_ORGANIZATION: Action = Action::new(&ORGANIZATIONS, "DescribeOrganization");
static LIST_ACCOUNTS: Action = Action::new(&ORGANIZATIONS, "ListAccounts");
static LIST_ROOTS: Action = Action::new(&ORGANIZATIONS, "ListRoots");
static LIST_UNITS: Action = Action::new(&ORGANIZATIONS, "ListOrganizationalUnitsForParent");
static LIST_TAGS: Action = Action::new(&ORGANIZATIONS, "ListTagsForResource");

/// What the engine may ask of Organizations, from the scanner's own account.
pub(crate) static ACTIONS: &[&Action] = &[&DESCRIBE_ORGANIZATION, &LIST_ACCOUNTS, &LIST_ROOTS, &LIST_UNITS, &LIST_TAGS];

/// One account, as Organizations or a list of accounts knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    /// `ACTIVE`, `SUSPENDED`, ...; `None` when AWS did not say.
    pub(crate) state: Option<String>,
    /// The ids of the organizational units above it, outermost first; `None` when AWS did not say.
    pub(crate) unit_ids: Option<Vec<String>>,
    /// Their names, joined by slashes; empty for an account right below the root.
    pub(crate) unit_path: Option<String>,
    /// The tags of the account, where they were asked for.
    pub(crate) tags: Option<Tags>,
}

impl Member {
    /// The accounts of a plain list.
    pub(crate) fn listed(accounts: &[(String, Option<String>)]) -> Vec<Self> {
        let member =
            |(id, name): &(String, Option<String>)| Self { id: id.clone(), name: name.clone(), ..Self::default() };
        accounts.iter().map(member).collect()
    }

    /// Why it is not scanned, when it is suspended, closed or not yet active.
    ///
    /// An account whose closure is pending still runs and is billed, so it is scanned; so is one whose state is unknown.
    /// States: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html>
    /// (read Oct 2026).
    pub(crate) fn inactive(&self) -> Option<Problem> {
        let state = self.state.as_deref()?;
        matches!(state, "SUSPENDED" | "CLOSED" | "PENDING_ACTIVATION").then(|| {
            Problem::new(Class::AccountSuspended, &LIST_ACCOUNTS, format!("the account is {state} in the organization"))
        })
    }
}

/// The organization as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Organization {
    pub(crate) id: String,
    /// The management account, who pays.
    pub(crate) payer: String,
}

/// The organization of the caller.
pub(crate) async fn describe(at: &Place) -> Result<Organization, Problem> {
    let answer = at.call(&DESCRIBE_ORGANIZATION, || at.organizations().describe_organization().send()).await?;
    let organization = answer.organization();
    let id = organization.and_then(|it| it.id());
    let payer = organization.and_then(|it| it.master_account_id());
    match (id, payer) {
        (Some(id), Some(payer)) => Ok(Organization { id: id.to_owned(), payer: payer.to_owned() }),
        _ => {
            Err(Problem::new(Class::InvalidExchange, &DESCRIBE_ORGANIZATION, "the answer names no management account"))
        }
    }
}

/// Reads the accounts page by page and hands each page on as it comes. A page may be empty and not be the last.
pub(crate) async fn members(at: &Place, mut each: impl FnMut(Vec<Member>)) -> Result<(), Problem> {
    let send = |token| at.organizations().list_accounts().set_next_token(token).send();
    at.pages(&LIST_ACCOUNTS, send, |page| {
        each(page.accounts().iter().filter_map(member).collect());
        page.next_token
    })
    .await
}

fn member(it: &Account) -> Option<Member> {
    let state = it.state().map(AccountState::as_str).or_else(|| it.status().map(AccountStatus::as_str));
    let path = it.paths.as_ref().and_then(|it| it.first());
    Some(Member {
        id: it.id()?.to_owned(),
        name: it.name().map(str::to_owned),
        state: state.map(str::to_owned),
        unit_ids: path.map(|it| it.split('/').filter(|it| it.starts_with("ou-")).map(str::to_owned).collect()),
        unit_path: None,
        tags: None,
    })
}

/// That the list of accounts was still being read when the scan was cut.
pub(crate) fn list_cut_short(pending: &Problem) -> Problem {
    Problem::new(pending.class, &LIST_ACCOUNTS, "the list of accounts was not read to its end")
}

/// Whether there is no organization, or none that the caller may see, so that its own account is all there is.
pub(crate) fn is_out_of_sight(problem: &Problem) -> bool {
    matches!(problem.class, Class::NoOrganization | Class::AccessDenied | Class::DeniedByScp)
}

/// The names of all organizational units, by id.
pub(crate) async fn unit_names(at: &Place) -> Result<Vec<(String, String)>, Problem> {
    let mut parents = Vec::new();
    let send = |token| at.organizations().list_roots().set_next_token(token).send();
    at.pages(&LIST_ROOTS, send, |page| {
        parents.extend(page.roots().iter().filter_map(|it| it.id().map(str::to_owned)));
        page.next_token
    })
    .await?;
    let mut units = Vec::new();
    while let Some(parent) = parents.pop() {
        let send = |token| {
            at.organizations().list_organizational_units_for_parent().parent_id(&parent).set_next_token(token).send()
        };
        let mut below = Vec::new();
        at.pages(&LIST_UNITS, send, |page| {
            let named = |it: &aws_sdk_organizations::types::OrganizationalUnit| {
                Some((it.id()?.to_owned(), it.name()?.to_owned()))
            };
            below.extend(page.organizational_units().iter().filter_map(named));
            page.next_token
        })
        .await?;
        parents.extend(below.iter().map(|(id, _)| id.clone()));
        units.extend(below);
    }
    Ok(units)
}

/// The tags of one account.
pub(crate) async fn account_tags(at: &Place, account: &str) -> Result<Tags, Problem> {
    let mut tags = Tags::new();
    let send = |token| at.organizations().list_tags_for_resource().resource_id(account).set_next_token(token).send();
    at.pages(&LIST_TAGS, send, |page| {
        tags.extend(page.tags().iter().map(|it| (it.key().to_owned(), it.value().to_owned())));
        page.next_token
    })
    .await?;
    Ok(tags)
}

/// Reads a list of accounts: one account id a line, its name after a comma or blank; `#` begins a comment.
///
/// # Errors
/// A sentence that names the line.
pub fn read_account_list(text: &str) -> Result<Vec<(String, Option<String>)>, String> {
    let mut accounts: Vec<(String, Option<String>)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let (id, name) = line.split_once([',', ' ', '\t']).unwrap_or((line, ""));
        if !is_account_id(id) {
            return Err(format!("line {}: '{}' is not an account id (12 digits)", number + 1, id.escape_debug()));
        }
        if accounts.iter().any(|(other, _)| other == id) {
            return Err(format!("line {}: account {id} is listed twice", number + 1));
        }
        let name = name.trim_matches([',', ' ', '\t']);
        accounts.push((id.to_owned(), (!name.is_empty()).then(|| name.to_owned())));
    }
    if accounts.is_empty() {
        return Err("it lists no account; write one account id (12 digits) a line".to_owned());
    }
    Ok(accounts)
}

/// Whether a text has the form of an account id.
#[must_use]
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|it| it.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_accounts_may_carry_names_and_comments() {
        let list = "# production\n111122223333, web prod\n\n222233334444 # no name\n333344445555\tdata\n";
        let names = [("111122223333", Some("web prod")), ("222233334444", None), ("333344445555", Some("data"))];
        let expected = names.map(|(id, name)| (id.to_owned(), name.map(str::to_owned)));
        assert_eq!(read_account_list(list), Ok(expected.to_vec()));
    }

    #[test]
    fn a_malformed_list_is_refused_with_its_line() {
        let error = |list| read_account_list(list).expect_err("malformed");
        assert!(error("111122223333\n1234").starts_with("line 2: '1234' is not an account id"));
        assert!(error("111122223333\n111122223333").contains("listed twice"));
        assert!(error("# nothing\n").contains("lists no account"));
        assert!(error("{\"a\": 1}").starts_with("line 1"));
    }

    #[test]
    fn state_comes_first_and_status_is_the_fallback() {
        let account =
            |it: aws_sdk_organizations::types::builders::AccountBuilder| member(&it.id("111122223333").build());
        let both = account(Account::builder().state(AccountState::Active).status(AccountStatus::Suspended));
        let old = account(Account::builder().status(AccountStatus::Suspended));
        let neither = account(Account::builder());
        let states = [both, old, neither].map(|it| it.and_then(|it| it.state));
        assert_eq!(states, [Some("ACTIVE".to_owned()), Some("SUSPENDED".to_owned()), None]);
    }

    #[test]
    fn only_accounts_that_do_not_run_are_left_out() {
        let inactive = |state: Option<&str>| {
            Member { state: state.map(str::to_owned), ..Member::default() }.inactive().map(|it| it.class)
        };
        assert_eq!(inactive(Some("SUSPENDED")), Some(Class::AccountSuspended));
        assert_eq!(inactive(Some("PENDING_CLOSURE")), None);
        assert_eq!(inactive(None), None);
    }
}
