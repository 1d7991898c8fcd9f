# Tasks for developers; `just` lists them. Each is a script or a cargo command that works without just.

python := env("TRADESIM_PYTHON", "target/ci-venv/bin/python")

_default:
    @just --list --unsorted

# format, prose, clippy, and the unit tests of the crates that changed
check *args:
    .ci/check {{args}}

# all Rust tests
test:
    cargo test

# the tests of the program as a process, or those whose name contains a text
it *filter:
    cargo test --test it {{filter}}

# the commands of the README and the guides
guide:
    {{python}} .ci/readme.py {{python}}

# delivery to a real Kafka cluster while processes are killed (needs Java 17 and Maven)
kafka *campaigns:
    .ci/kafka {{python}} {{campaigns}}

# API documentation
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --open

# the benches
bench *filter:
    cargo bench -- {{filter}}

# the package for a release, in dist/
package:
    .ci/package

# everything that must hold before a merge
ci:
    .ci/run
