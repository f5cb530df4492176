//! Which of the accounts the caller chose: by id, name pattern, organizational unit or account tag.

use globset::{Glob, GlobMatcher};

use super::organization::{Member, is_account_id};

/// One way to name accounts.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Id(String),
    Name(String, GlobMatcher),
    /// An organizational unit by id, name, or path of names; accounts below it at any depth are meant.
    Unit(String, GlobMatcher),
    Tag(String, String),
}

impl Pattern {
    /// Reads `111122223333`, `web-*`, `ou:Workloads/Prod`, `ou:ou-ab12-cdefgh34` or `tag:team=web`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "'{}' {why}; write an account id (12 digits), a name pattern (web-*), ou:NAME, ou:PATH/OF/NAMES or tag:KEY=VALUE",
                text.escape_debug()
            )
        };
        let glob = |it: &str| Glob::new(it).map(|it| it.compile_matcher()).map_err(|_| wrong("is not a valid pattern"));
        if text.trim() != text || text.is_empty() {
            return Err(wrong("names no account"));
        }
        if let Some(unit) = text.strip_prefix("ou:") {
            let unit = unit.trim_matches('/');
            return if unit.is_empty() {
                Err(wrong("names no organizational unit"))
            } else {
                Ok(Self::Unit(unit.to_owned(), glob(unit)?))
            };
        }
        if let Some(tag) = text.strip_prefix("tag:") {
            let (key, value) = tag.split_once('=').ok_or_else(|| wrong("names no tag value"))?;
            return Ok(Self::Tag(key.to_owned(), value.to_owned()));
        }
        if is_account_id(text) {
            return Ok(Self::Id(text.to_owned()));
        }
        if text.bytes().all(|it| it.is_ascii_digit()) {
            return Err(wrong("is not an account id"));
        }
        Ok(Self::Name(text.to_owned(), glob(text)?))
    }

    fn matches(&self, member: &Member) -> bool {
        match self {
            Self::Id(id) => &member.id == id,
            Self::Name(_, glob) => member.name.as_deref().is_some_and(|it| glob.is_match(it)),
            Self::Unit(text, glob) => {
                let by_id = member.unit_ids.iter().flatten().any(|it| it == text);
                by_id || member.unit_path.as_deref().is_some_and(|it| is_below(it, glob))
            }
            Self::Tag(key, value) => member.tags.as_ref().and_then(|it| it.get(key)) == Some(value),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Id(text) | Self::Name(text, _) => text.clone(),
            Self::Unit(text, _) => format!("ou:{text}"),
            Self::Tag(key, value) => format!("tag:{key}={value}"),
        }
    }
}

/// Whether a path of names lies at or below a unit given by a name or by a path from the root.
fn is_below(path: &str, unit: &GlobMatcher) -> bool {
    let names: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).collect();
    let prefixes = (1..=names.len()).map(|end| names[..end].join("/"));
    names.iter().any(|it| unit.is_match(it)) || prefixes.into_iter().any(|it| unit.is_match(it))
}

/// What the caller chose. Nothing chosen means everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    pub(crate) accounts: Vec<Pattern>,
    pub(crate) exclude: Vec<Pattern>,
    pub(crate) regions: Vec<String>,
}

impl Selection {
    /// Whether the whole list of accounts must be known before the first is scanned: a pattern that matches nothing is an
    /// error, and only the whole list tells.
    pub(crate) fn needs_whole_list(&self) -> bool {
        !self.accounts.is_empty() || !self.exclude.is_empty()
    }

    pub(crate) fn names_units(&self) -> bool {
        self.patterns().any(|it| matches!(it, Pattern::Unit(..)))
    }

    pub(crate) fn names_tags(&self) -> bool {
        self.patterns().any(|it| matches!(it, Pattern::Tag(..)))
    }

    fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.accounts.iter().chain(&self.exclude)
    }

    /// The chosen ones of all accounts; an error names a pattern that matches none.
    pub(crate) fn choose(&self, members: Vec<Member>) -> Result<Vec<Member>, String> {
        for pattern in self.patterns() {
            if !members.iter().any(|it| pattern.matches(it)) {
                return Err(format!("no account matches '{}'; there are {}", pattern.text(), listing(&members)));
            }
        }
        let chosen = |it: &Member| self.accounts.is_empty() || self.accounts.iter().any(|pattern| pattern.matches(it));
        let excluded = |it: &Member| self.exclude.iter().any(|pattern| pattern.matches(it));
        let chosen: Vec<_> = members.into_iter().filter(|it| chosen(it) && !excluded(it)).collect();
        if chosen.is_empty() {
            return Err("every account that was chosen is excluded again".to_owned());
        }
        Ok(chosen)
    }
}

/// A few of the accounts, to show what could have been meant.
fn listing(members: &[Member]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<_> = members
        .iter()
        .take(SHOWN)
        .map(|it| it.name.as_ref().map_or_else(|| it.id.clone(), |name| format!("{} ({name})", it.id)))
        .collect();
    let more = members.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more (see `orgscan accounts`)") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Tags;

    fn members() -> Vec<Member> {
        let member = |id: &str, name: &str, path: &str| Member {
            id: id.to_owned(),
            name: Some(name.to_owned()),
            unit_ids: Some(vec![format!("ou-{}", path.to_lowercase())]),
            unit_path: Some(path.to_owned()),
            tags: Some(Tags::from([("team".to_owned(), name.split('-').next().unwrap_or_default().to_owned())])),
            ..Member::default()
        };
        vec![
            member("111122223333", "web-prod", "Workloads/Prod"),
            member("222233334444", "web-dev", "Workloads"),
            member("333344445555", "sandbox-anna", "Sandbox"),
        ]
    }

    fn chosen(accounts: &[&str], exclude: &[&str]) -> Result<String, String> {
        let parse = |it: &[&str]| it.iter().map(|it| Pattern::parse(it)).collect::<Result<Vec<_>, _>>();
        let selection = Selection { accounts: parse(accounts)?, exclude: parse(exclude)?, regions: Vec::new() };
        let chosen = selection.choose(members())?;
        Ok(chosen.iter().filter_map(|it| it.name.clone()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn accounts_are_chosen_by_id_name_unit_and_tag() {
        assert_eq!(chosen(&[], &[]).unwrap(), "web-prod web-dev sandbox-anna");
        assert_eq!(chosen(&["222233334444"], &[]).unwrap(), "web-dev");
        assert_eq!(chosen(&["web-*"], &[]).unwrap(), "web-prod web-dev");
        assert_eq!(chosen(&["ou:Workloads"], &[]).unwrap(), "web-prod web-dev");
        assert_eq!(chosen(&["ou:Workloads/Prod"], &[]).unwrap(), "web-prod");
        assert_eq!(chosen(&["ou:Prod"], &[]).unwrap(), "web-prod");
        assert_eq!(chosen(&["ou:ou-sandbox"], &[]).unwrap(), "sandbox-anna");
        assert_eq!(chosen(&["tag:team=web"], &["web-dev"]).unwrap(), "web-prod");
    }

    #[test]
    fn what_matches_nothing_is_an_error_that_shows_what_there_is() {
        let error = chosen(&["web-*", "999999999999"], &[]).unwrap_err();
        assert_eq!(
            error,
            "no account matches '999999999999'; there are 111122223333 (web-prod), 222233334444 (web-dev), 333344445555 (sandbox-anna)"
        );
        assert!(chosen(&["web-*"], &["web-*"]).unwrap_err().contains("excluded again"));
    }

    #[test]
    fn patterns_that_cannot_be_meant_are_refused() {
        for wrong in ["", " web", "1234", "ou:", "tag:team", "web-[", "\u{1b}[31m\n "] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
