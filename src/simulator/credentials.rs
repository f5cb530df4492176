//! Credentials that tell by themselves whose they are, so that none need be remembered.

use jiff::Timestamp;

use super::{ACCESS_KEY, SECRET_KEY, answer::Denial, signature::secret_of, world::World};

/// The letters of an access key: 32 of them, 5 bits each.
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// How many letters follow `ASIA`: 48 bits of account number, 32 bits of time.
const DIGITS: usize = 16;

/// Credentials of a session in an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) access_key: String,
    pub(super) secret: String,
    pub(super) token: String,
    /// The end, in seconds.
    pub(super) end: i64,
}

/// Whose credentials a request bears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bearer {
    pub(super) account: String,
    pub(super) secret: String,
    /// The token of a session; `None` for the scanner's own access key.
    token: Option<String>,
    end: Option<i64>,
}

/// Credentials of a session that ends at a time.
pub(super) fn issue(world: &World, account: &str, end: i64) -> Credentials {
    let number = account.parse::<u128>().unwrap_or_default();
    let end_bits = u128::from(u32::try_from(end).unwrap_or(u32::MAX));
    let bits = (number << 32) | end_bits;
    let letter = |index: usize| char::from(LETTERS[usize::try_from((bits >> (5 * index)) & 31).unwrap_or_default()]);
    let access_key: String = "ASIA".chars().chain((0..DIGITS).rev().map(letter)).collect();
    let secret = secret_of(world.seed, &access_key);
    let token = secret_of(world.seed.wrapping_add(1), &access_key);
    Credentials { access_key, secret, token, end }
}

/// Who bears an access key. `None` for one that was never issued.
pub(super) fn bearer(world: &World, access_key: &str) -> Option<Bearer> {
    if access_key == ACCESS_KEY {
        let account = world.scanner().id;
        return Some(Bearer { account, secret: SECRET_KEY.to_owned(), token: None, end: None });
    }
    let letters = access_key.strip_prefix("ASIA").filter(|it| it.len() == DIGITS)?;
    let value = |it: u8| LETTERS.iter().position(|letter| *letter == it);
    let bits = letters.bytes().try_fold(0u128, |bits, it| Some((bits << 5) | value(it)? as u128))?;
    let account = format!("{:012}", bits >> 32);
    world.account_of(&account)?;
    let end = i64::try_from(bits & u128::from(u32::MAX)).ok()?;
    let issued = issue(world, &account, end);
    (issued.access_key == access_key).then_some(Bearer {
        account,
        secret: issued.secret,
        token: Some(issued.token),
        end: Some(end),
    })
}

impl Bearer {
    /// Whether the token of the session is the right one and has not ended.
    pub(super) fn check(&self, token: Option<&str>, now: Timestamp) -> Result<(), Denial> {
        if self.token.as_deref() != token {
            return Err(Denial::UnknownKey);
        }
        if self.end.is_some_and(|end| end <= now.as_second()) {
            return Err(Denial::Expired);
        }
        Ok(())
    }

    /// The ARN under which AWS would speak of it.
    pub(super) fn arn(&self) -> String {
        if self.token.is_some() { session_arn(&self.account, "orgscan") } else { user_arn(&self.account) }
    }
}

/// The role that every account trusts the scanner with.
pub(super) const ROLE: &str = "OrgscanReadOnly";

/// The ARN of a session of the role.
pub(super) fn session_arn(account: &str, session: &str) -> String {
    format!("arn:aws:sts::{account}:assumed-role/{ROLE}/{session}")
}

/// The ARN of the user that has an account's own keys.
pub(super) fn user_arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:user/orgscan")
}
