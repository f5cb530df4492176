//! The `orgscan` command.

fn main() {}
