//! The second step, over what all targets said: a resource that other accounts may use is unused only when none of them
//! uses it.

use serde_json::Value;

use crate::check::{Facts, Finding, NOT_CERTAIN};

/// How a reason ends when every account that may use the resource was seen.
const CERTAIN: &str = "; none of the accounts that it is shared with uses it";

/// The accounts, organizations and units that the resource of a finding is shared with, as far as its own account says.
fn shared_with(finding: &Finding) -> impl Iterator<Item = &str> {
    let list = finding.attributes.get("shared_with").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// Whether the account that has the resource says that it is shared.
pub(super) fn is_shared(finding: &Finding) -> bool {
    shared_with(finding).next().is_some()
}

/// Judges a finding by the facts of all targets: `None` when another account uses the resource. `complete` says whether all
/// targets were seen, `is_scanned` whether an account, organization or unit is of the scan as a whole.
pub(super) fn judge(
    mut finding: Finding,
    facts: &Facts,
    complete: bool,
    is_scanned: impl Fn(&str) -> bool,
) -> Option<Finding> {
    if facts.used.contains(&finding.resource_id) {
        return None;
    }
    if !is_shared(&finding) && !facts.shared.contains(&finding.resource_id) {
        return Some(finding);
    }
    let certain = complete && shared_with(&finding).all(is_scanned);
    let reason = finding.reason.strip_suffix(NOT_CERTAIN).unwrap_or(&finding.reason);
    finding.reason = format!("{reason}{}", if certain { CERTAIN } else { NOT_CERTAIN });
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::finding;

    fn facts(used: &[&str], shared: &[&str]) -> Facts {
        let owned = |ids: &[&str]| ids.iter().map(|it| (*it).to_owned()).collect();
        Facts { used: owned(used), shared: owned(shared) }
    }

    fn of(id: &str) -> Finding {
        finding(id).because("old")
    }

    fn reason(finding: Finding, facts: &Facts, complete: bool) -> Option<String> {
        let is_scanned = |it: &str| ["111122223333", "arn:organization"].contains(&it);
        judge(finding, facts, complete, is_scanned).map(|it| it.reason)
    }

    #[test]
    fn what_another_account_uses_is_no_finding() {
        for complete in [true, false] {
            assert_eq!(reason(of("ami-1"), &facts(&["ami-1"], &[]), complete), None);
            assert_eq!(reason(of("ami-1").shared_with(&["111122223333"]), &facts(&["ami-1"], &[]), complete), None);
        }
    }

    #[test]
    fn what_nobody_shares_stands_as_it_is() {
        for complete in [true, false] {
            assert_eq!(reason(of("ami-1"), &facts(&["ami-2"], &["ami-3"]), complete).as_deref(), Some("old"));
        }
    }

    #[test]
    fn a_shared_resource_is_certain_only_when_everyone_who_may_use_it_was_seen() {
        let certain = Some(format!("old{CERTAIN}"));
        let not_certain = Some(format!("old{NOT_CERTAIN}"));
        let none = facts(&[], &[]);
        for with in ["111122223333", "arn:organization"] {
            assert_eq!(reason(of("ami-1").shared_with(&[with]), &none, true), certain);
            assert_eq!(reason(of("ami-1").shared_with(&[with]), &none, false), not_certain);
            assert_eq!(reason(of("ami-1").shared_with(&[with, "999988887777"]), &none, true), not_certain);
        }
        assert_eq!(reason(of("snap-1"), &facts(&[], &["snap-1"]), true), certain);
        assert_eq!(reason(of("snap-1"), &facts(&[], &["snap-1"]), false), not_certain);
    }
}
