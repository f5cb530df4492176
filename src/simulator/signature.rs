//! Signature Version 4, from the side of AWS.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html> (read Oct 2026).

use hmac::{Hmac, KeyInit, Mac};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::{answer::Denial, call::Received};

/// How far the clock of a caller may be off, in seconds.
const SKEW_SECONDS: i64 = 300;

/// What stays as it is in a canonical URI and query.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a request says about its signature.
#[derive(Debug)]
pub(super) struct Signature<'a> {
    pub(super) access_key: &'a str,
    day: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    headers: &'a str,
    signature: &'a str,
}

impl<'a> Signature<'a> {
    /// Reads the header. `None` when the request is not signed.
    pub(super) fn read(authorization: &'a str) -> Option<Self> {
        let parts = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let part = |name: &str| parts.split(',').find_map(|it| it.trim().strip_prefix(name)?.strip_prefix('='));
        let mut scope = part("Credential")?.split('/');
        let (access_key, day, region, service) = (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
        if scope.next() != Some("aws4_request") {
            return None;
        }
        let (headers, signature) = (part("SignedHeaders")?, part("Signature")?);
        Some(Self { access_key, day, region, service, headers, signature })
    }

    /// Compares it with the one that the secret gives.
    pub(super) fn verify(&self, it: &Received, secret: &str, now: Timestamp) -> Result<(), Denial> {
        let wrong = |text: &str| Denial::WrongSignature(text.to_owned());
        let time = it.header("x-amz-date").ok_or_else(|| wrong("the header X-Amz-Date is missing"))?;
        let signed_at = DateTime::strptime("%Y%m%dT%H%M%SZ", time)
            .and_then(|it| it.to_zoned(TimeZone::UTC))
            .map_err(|_| wrong("the header X-Amz-Date is not a time"))?;
        if (signed_at.timestamp().as_second() - now.as_second()).abs() > SKEW_SECONDS {
            return Err(Denial::Skewed);
        }
        if !time.starts_with(self.day) || !self.headers.split(';').any(|it| it == "host") {
            return Err(wrong("the day of the credential or the header Host is missing from what is signed"));
        }
        let scope = format!("{}/{}/{}/aws4_request", self.day, self.region, self.service);
        let canonical = hex(&Sha256::digest(self.canonical(it)?));
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{canonical}");
        let parts = [self.region, self.service, "aws4_request", &text];
        let first = keyed(format!("AWS4{secret}").as_bytes(), self.day);
        if hex(&parts.iter().fold(first, |key, part| keyed(&key, part))) != self.signature {
            return Err(wrong(
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                 Access Key and signing method.",
            ));
        }
        Ok(())
    }

    fn canonical(&self, it: &Received) -> Result<String, Denial> {
        let path = it.uri.path();
        // S3 signs the path as it is sent; the other services sign it encoded once more.
        let path = if self.service == "s3" {
            path.to_owned()
        } else {
            path.split('/').map(|it| utf8_percent_encode(it, RESERVED).to_string()).collect::<Vec<_>>().join("/")
        };
        let mut query: Vec<String> =
            it.uri.query().into_iter().flat_map(|it| it.split('&')).map(encoded_pair).collect();
        query.sort();
        let mut headers = String::new();
        for name in self.headers.split(';') {
            let values = it.headers.get_all(name).iter().filter_map(|it| it.to_str().ok());
            let values: Vec<String> = values.map(|it| it.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
            if values.is_empty() {
                return Err(Denial::WrongSignature(format!("the signed header {name} is missing")));
            }
            headers.extend([name, ":", &values.join(","), "\n"]);
        }
        let body = hex(&Sha256::digest(&it.body));
        let payload = match it.header("x-amz-content-sha256") {
            Some(said) if said == body || said == "UNSIGNED-PAYLOAD" => said,
            Some(_) => return Err(Denial::WrongSignature("the body is not the one that was signed".to_owned())),
            None => &body,
        };
        Ok(format!("{}\n{path}\n{}\n{headers}\n{}\n{payload}", it.method, query.join("&"), self.headers))
    }
}

fn encoded_pair(pair: &str) -> String {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let again = |it: &str| utf8_percent_encode(&percent_decode_str(it).decode_utf8_lossy(), RESERVED).to_string();
    format!("{}={}", again(name), again(value))
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length will do for a key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A keyed digest as a hexadecimal number: the secrets of made-up credentials.
pub(super) fn secret_of(seed: u64, access_key: &str) -> String {
    hex(&keyed(&seed.to_be_bytes(), access_key))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or_default());
        }
        text
    })
}
