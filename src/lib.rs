//! orgscan asks one FinOps question of a whole AWS organization and gives one honest answer.
//!
//! Read in this order: [`check`] says what a check is, [`checks`] holds them, [`aws`] asks AWS, [`engine`] decides where
//! and how fast, `server` and [`cli`] are who asks, [`generate`] writes down what is derived.

pub mod aws;
pub mod check;
pub mod checks;
pub mod cli;
pub mod engine;
pub mod generate;
mod server;
#[cfg(feature = "simulator")]
pub(crate) mod simulator;
mod words;
