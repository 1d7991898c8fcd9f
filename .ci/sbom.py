#!/usr/bin/env python3
"""Prints the software bill of materials of the program, as CycloneDX 1.5: `sbom.py TARGET FEATURES EPOCH`.

The components are the crates that a build of the program for TARGET uses, as `cargo tree` lists them, with the licences of their manifests
and the hashes of Cargo.lock. C libraries are part of the crates that compile them: librdkafka of rdkafka-sys, OpenSSL of openssl-src.
The same commit gives the same text: EPOCH is the time of the commit, and nothing names a folder or a machine.
"""

import datetime
import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = "tradesim"


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def used(target, features, edges):
    """Returns (name, version) of every crate that is used along edges of these kinds."""
    tree = cargo("tree", "--locked", "--package", PROGRAM, "--target", target, "--features", features, "--edges", edges,
                 "--prefix", "none", "--no-dedupe", "--format", "{p}")
    return {(name, version.removeprefix("v")) for name, version, *_ in map(str.split, filter(None, tree.splitlines()))}


def main():
    target, features, epoch = sys.argv[1:]
    linked = used(target, features, "normal")
    everything = used(target, features, "normal,build")
    metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", target, "--features", features))
    packages = {package["id"]: package for package in metadata["packages"]}
    checksums = {
        (package["name"], package["version"]): package.get("checksum")
        for package in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    }

    def key(package):
        return package["name"], package["version"]

    def reference(package):
        return f"{package['name']}@{package['version']}"

    def component(package):
        made = {
            "type": "application" if package["name"] == PROGRAM else "library",
            "bom-ref": reference(package),
            "name": package["name"],
            "version": package["version"],
        }
        if package.get("description"):
            made["description"] = " ".join(package["description"].split())
        if checksum := checksums[key(package)]:
            made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        if package.get("license"):
            # an old spelling of OR
            made["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
        if package["source"]:
            made["purl"] = f"pkg:cargo/{package['name']}@{package['version']}"
        if key(package) not in linked:
            made["properties"] = [{"name": "cargo:dependency-kind", "value": "build"}]
        return made

    selected = sorted((package for package in packages.values() if key(package) in everything), key=key)
    components = {package["id"]: component(package) for package in selected}
    if len(components) != len(everything):
        sys.exit(f"sbom: cargo tree lists {len(everything)} crates, cargo metadata knows {len(components)} of them")
    program = next(package for package in selected if package["name"] == PROGRAM)
    dependencies = []
    for node in sorted(metadata["resolve"]["nodes"], key=lambda node: key(packages[node["id"]])):
        if node["id"] in components:
            used_by_node = {
                reference(packages[dependency["pkg"]])
                for dependency in node["deps"]
                if dependency["pkg"] in components and any(kind["kind"] != "dev" for kind in dependency["dep_kinds"])
            }
            dependencies.append({"ref": reference(packages[node["id"]]), "dependsOn": sorted(used_by_node)})
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": components[program["id"]],
            "properties": [{"name": "cargo:target", "value": target}, {"name": "cargo:features", "value": features}],
        },
        "components": [made for id, made in components.items() if id != program["id"]],
        "dependencies": dependencies,
    }
    json.dump(document, sys.stdout, indent=1, ensure_ascii=False)
    print()


main()
