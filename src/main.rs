//! The `orgscan` command.

fn main() -> std::process::ExitCode {
    orgscan::cli::main()
}
