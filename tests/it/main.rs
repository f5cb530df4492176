//! The integration tests: the `orgscan` binary against a stand-in for AWS, and the laws of the sources.

mod generated;
mod harness;
mod ledger;
mod paging;
mod registry;
mod tidy;
mod wire;
mod world;
