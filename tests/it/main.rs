//! The integration tests: the `orgscan` binary against a stand-in for AWS, and the laws of the sources.

mod calls;
mod cli;
mod cut;
mod demo;
mod doctor;
mod generated;
mod harness;
mod ledger;
mod mcp;
mod measured;
mod paging;
mod registry;
mod talk;
mod tidy;
mod wire;
mod world;
