//! The `orgscan` command.

/// A scan allocates some hundred times for each call. What this costs, and saves, is in `docs/performance.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    orgscan::cli::main()
}
