//! The layers of crates: sibling crates never import each other, and each crate has only the dependencies that it may have.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Forbidden direct and indirect dependencies of each crate. A crate of the workspace without a line is a failure.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "tradesim-schemas",
        &["tokio", "arrow-array", "parquet", "rdkafka", "rand", "tempfile", "memmap2", "tradesim-"],
    ),
    (
        "tradesim-sim",
        &[
            "tokio",
            "arrow-array",
            "parquet",
            "rdkafka",
            "rand",
            "tracing",
            "tempfile",
            "memmap2",
            "tradesim-archive",
        ],
    ),
    (
        "tradesim-charts",
        &["tokio", "mio", "arrow-array", "parquet", "rdkafka", "serde", "tempfile", "tradesim-"],
    ),
    (
        "tradesim-realism",
        &[
            "tokio",
            "mio",
            "arrow-array",
            "parquet",
            "rdkafka",
            "rand",
            "rand_pcg",
            "chrono",
            "tempfile",
            "memmap2",
            "tradesim-archive",
            "tradesim-sim",
        ],
    ),
    ("tradesim-archive", &["tokio", "mio", "socket2", "rdkafka", "rand_pcg", "chrono-tz", "tradesim-sim"]),
    ("tradesim-dataset", &["tokio", "mio", "socket2", "rdkafka", "clap"]),
    (
        "tradesim-cloud",
        &["rdkafka", "clap", "rand_pcg", "openssl", "aws-lc-rs", "native-tls", "tradesim-sim"],
    ),
    (
        "tradesim-replay",
        &[
            "arrow-array",
            "parquet",
            "rdkafka",
            "memmap2",
            "chrono-tz",
            "rand_pcg",
            "tradesim-sim",
            "tradesim-archive",
        ],
    ),
    ("tradesim-sources", &["rdkafka", "clap", "tradesim-bridge", "tradesim-bridge-core"]),
    (
        "tradesim-protocol",
        &["tokio", "mio", "socket2", "tungstenite", "rustls", "arrow-array", "parquet", "rdkafka", "rand"],
    ),
    (
        "tradesim-dialects",
        &[
            "tokio",
            "mio",
            "socket2",
            "tungstenite",
            "http",
            "arrow-array",
            "parquet",
            "rdkafka",
            "rand",
            "tracing",
        ],
    ),
    ("tradesim-client", &["tokio", "mio", "arrow-array", "parquet", "rdkafka", "tradesim-replay"]),
    (
        "tradesim-bridge-core",
        &["tokio", "rdkafka", "arrow-array", "parquet", "mio", "socket2", "tempfile", "memmap2"],
    ),
    (
        "tradesim-bridge",
        &[
            "apache-avro",
            "arrow-array",
            "parquet",
            "memmap2",
            "rand_pcg",
            "tradesim-sim",
            "tradesim-archive",
            "tradesim-replay",
        ],
    ),
    ("tradesim-load", &["clap", "indicatif"]),
    ("tradesim", &[]),
];

/// The layer of each crate, and the crates of lower layers that it uses (docs/adr/0025-layers.md).
const LAYERS: &[(&str, u8, &[&str])] = &[
    ("tradesim-schemas", 0, &[]),
    ("tradesim-charts", 0, &[]),
    ("tradesim-realism", 1, &["charts", "schemas"]),
    ("tradesim-sim", 1, &["schemas"]),
    ("tradesim-archive", 1, &["schemas"]),
    ("tradesim-protocol", 1, &["schemas"]),
    ("tradesim-dialects", 1, &["schemas"]),
    ("tradesim-dataset", 2, &["archive", "schemas", "sim"]),
    ("tradesim-cloud", 2, &["archive", "schemas"]),
    ("tradesim-replay", 2, &["dialects", "protocol", "schemas"]),
    ("tradesim-client", 2, &["protocol", "schemas"]),
    ("tradesim-bridge-core", 2, &["protocol", "schemas"]),
    ("tradesim-sources", 3, &["archive", "dialects", "protocol", "replay", "schemas", "sim"]),
    ("tradesim-bridge", 3, &["bridge-core", "client", "protocol", "schemas"]),
    (
        "tradesim-load",
        4,
        &[
            "archive",
            "bridge",
            "bridge-core",
            "client",
            "dialects",
            "protocol",
            "replay",
            "schemas",
            "sim",
            "sources",
        ],
    ),
    (
        "tradesim",
        5,
        &[
            "archive",
            "bridge",
            "bridge-core",
            "charts",
            "client",
            "dataset",
            "dialects",
            "load",
            "protocol",
            "realism",
            "replay",
            "schemas",
            "sim",
            "sources",
        ],
    ),
];

/// Returns the platform of the compiler.
fn host() -> String {
    let output = std::process::Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        // packages of other platforms are not downloaded
        .other_options(["--offline", "--locked", "--filter-platform", &host()].map(str::to_owned))
        .exec()
        .unwrap()
}

/// Returns the names of all direct and indirect dependencies of a package that are neither optional nor only for tests.
fn dependencies(metadata: &Metadata, root: &PackageId) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut found = BTreeSet::new();
    let mut visited = BTreeSet::new();
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        if !visited.insert(id) {
            continue;
        }
        let package = &metadata[id];
        for dependency in &nodes[id].deps {
            let target = &metadata[&dependency.pkg];
            let is_built = package.dependencies.iter().any(|declared| {
                declared.name == *target.name
                    && declared.kind == DependencyKind::Normal
// optional dependencies of workspace crates are enabled only by tests
                    && !(declared.optional && package.source.is_none())
            });
            if is_built {
                found.insert(target.name.to_string());
                open.push(&dependency.pkg);
            }
        }
    }
    found
}

#[test]
fn every_crate_has_only_allowed_dependencies() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let found = dependencies(&metadata, &package.id);
        assert!(!found.is_empty());
        let line = FORBIDDEN.iter().find(|(of, _)| *of == name);
        let (_, forbidden) = line.unwrap_or_else(|| panic!("{name} is not in the table"));
        for forbidden in *forbidden {
            let hits: Vec<_> = found
                .iter()
                .filter(|found| match forbidden.strip_suffix('-') {
                    Some(_) => found.starts_with(forbidden),
                    None => found == forbidden,
                })
                .collect();
            assert!(hits.is_empty(), "{name} depends on {hits:?}");
        }
        let layer = |of: &str| LAYERS.iter().find(|(name, ..)| *name == of).expect("each crate has a layer");
        let (_, own, allowed) = layer(name);
        let used: Vec<_> = found.iter().filter_map(|found| found.strip_prefix("tradesim-")).collect();
        assert_eq!(used, *allowed, "{name}");
        for used in used {
            assert!(layer(&format!("tradesim-{used}")).1 < *own, "{name} uses {used}, which is not below it");
        }
    }
}

#[test]
fn the_check_finds_existing_dependencies() {
    let metadata = metadata();
    let root = metadata.workspace_packages().into_iter().find(|package| package.name == "tradesim").unwrap();
    let found = dependencies(&metadata, &root.id);
    for name in ["parquet", "arrow-array", "tradesim-schemas", "clap", "libm"] {
        assert!(found.contains(name), "{name}");
    }
    assert!(!found.contains("insta"));
}
