//! What we look for: one folder for each category, one file for each tool. Knows no SDK, account, credential or MCP.

use crate::check::Check;

mod cleanup;
mod containers;
mod cost;
mod governance;
mod messaging;
mod network;
mod security;
mod storage;

/// Every check, by category and name.
#[must_use]
pub fn all() -> Vec<&'static Check> {
    [
        cleanup::CHECKS,
        containers::CHECKS,
        cost::CHECKS,
        governance::CHECKS,
        messaging::CHECKS,
        network::CHECKS,
        security::CHECKS,
        storage::CHECKS,
    ]
    .concat()
}
