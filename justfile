# What people run. `just check` is all that must pass.

# Formatting, lints, every test.
check:
    cargo fmt --check
    . scripts/prepare && cargo clippy --all-targets -- -D warnings
    scripts/test

# Rewrites what is generated from the registry, with the figures that the simulator counts.
update:
    UPDATE=1 scripts/test --test it measured
    UPDATE=1 scripts/test --test it generated

# Scans a made-up organization.
run *arguments:
    scripts/try {{arguments}}

# Licences, bans and sources of all crates.
deny:
    cargo deny --offline check bans licenses sources
