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

# delivery to a real Kafka cluster while processes are killed, or `just kafka tests` (needs Java 17 and Maven)
kafka *campaigns:
    .ci/kafka {{python}} {{campaigns}}

# the data source with real Spark (installs it: 456 MB; needs Java 17)
spark:
    .ci/spark

# the Jobs of deploy/kubernetes, run as their controller runs them
kubernetes:
    .ci/kubernetes {{python}}

# the cost of a day in parts, measured
scale *args:
    benches/scale.py {{args}}

# the cost of the market models, side by side
models *args:
    benches/models.py {{args}}

# the pages of docs/reference, written from the program
reference:
    UPDATE_GOLDEN=1 cargo test --bin tradesim reference

# API documentation
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --open

# the benches
bench *filter:
    cargo bench -- {{filter}}

# the packages of a release, in dist/: tarball, Python wheel, bill of materials, checksums
package:
    .ci/package

# the packages, and the wheel installed and tested in an empty environment
wheel:
    .ci/wheel {{python}}

# everything that must hold before a merge
ci:
    .ci/run
