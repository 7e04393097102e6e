# Short names for `cargo xtask`, which does the work and knows more: `cargo xtask help`.

# List the recipes.
default:
    @just --list --unsorted

# Install what this machine lacks.
setup:
    cargo xtask setup

# Run the demonstration: an interest-rate swap from binding to settlement.
demo *ARGUMENTS:
    cargo xtask demo {{ ARGUMENTS }}

# Make web pages of docs/ in target/book.
book:
    cargo xtask book

# Run a chain with the demonstration's contracts to try the `cryptlet` command on.
devnet *ARGUMENTS:
    cargo xtask devnet {{ ARGUMENTS }}

# Build the release archive into target/dist; `just dist --check` inspects one of the debug build.
dist *OPTIONS:
    cargo xtask dist {{ OPTIONS }}

# Check the specification's vectors with code that is not ours.
interop:
    cargo xtask interop

# Everything that a change must pass.
test:
    cargo xtask test

# Build the cryptlets into target/cryptlets.
guests:
    cargo xtask guests

# Compile the contracts; `just contracts --check` compares only.
contracts *OPTIONS:
    cargo xtask contracts {{ OPTIONS }}
