//! Other commands on an archive with planted faults.

use tradesim_archive::{ArchiveWriter, Faults, PlantedFaults, Provenance, WriterOptions};
use tradesim_schemas::RecordSeq;

use super::*;

#[test]
fn verify_checks_the_structure_and_skips_the_market_rules() {
    let folder = Folder::new();
    let report = plant(&folder, PLAN);
    let run = folder.run(&["verify", "--json", "planted"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let reason = run.json()["skipped"][0]["reason"].as_str().unwrap().to_owned();
    let total = report["faults"]["total"].as_u64().unwrap();
    assert!(reason.starts_with(&format!("faults were planted on purpose: {total}: drop 45, ")), "{reason}");
    let (_, reasons) = listed(&report);
    let faults = run.json()["faults"].clone();
    assert_eq!(
        (&faults["checked"], &faults["differing"]),
        (&reasons.values().sum::<u64>().into(), &0.into())
    );
    let info = folder.ok(&["info", "planted"]);
    assert!(
        info.contains(&format!("faults      {total}: drop 45, duplicate 31, swap 52, corrupt ")),
        "{info}"
    );
    assert!(info.contains(", price 7 (bad_value), plan seed 7\n"), "{info}");

    // dropped and duplicated messages need no frames, but still break market rules
    folder.write("plan.toml", "fault = [{ kind = 'drop', rate = 0.1 }, { kind = 'duplicate', count = 9 }]");
    folder.ok(&["plant", day_text(), "--faults", "plan.toml", "-o", "thinned"]);
    assert_eq!(folder.run(&["info", "--json", "thinned"]).json()["events"]["raw"], 0);
    folder.ok(&["verify", "thinned"]);
    // market rules are still checked in a recording without planted faults
    assert_eq!(folder.run(&["info", "--json", day_text()]).json()["faults"], Value::Null);
    assert!(folder.ok(&["verify", day_text()]).contains(" checks\n"), "no rule was checked");
}

#[test]
fn a_wrong_list_is_a_difference() {
    let folder = Folder::new();
    plant(&folder, "fault = [{ kind = 'price', at = [3, 8] }]");
    let list = |reason: &str, seqs: &[u64]| PlantedFaults {
        kind: "price".to_owned(),
        reason: Some(reason.to_owned()),
        seqs: seqs.iter().copied().map(RecordSeq).collect(),
    };
    let planted = vec![list("bad_value", &[3, 4, 5_000]), list("not_json", &[8])];
    let archive = Archive::open(folder.path("planted"), OpenOptions::default()).unwrap();
    let metadata = archive.metadata();
    let faults = Some(Faults { plan_seed: None, planted: Some(planted) });
    let provenance = Provenance { faults, ..metadata.provenance().clone() };
    let options = WriterOptions { columns: metadata.columns(), ..WriterOptions::default() };
    let mut writer = ArchiveWriter::create(folder.path("wrong"), provenance, options).unwrap();
    rows(&folder, "planted").into_iter().for_each(|row| writer.write_row(row).unwrap());
    writer.finish().unwrap();
    let run = folder.run(&["verify", "wrong"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    for expected in [
        "faults      DIFFERENT from the list: 3 times\n",
        "seq 4 is listed as refused for bad_value, but is accepted\n",
        "seq 8 is listed as refused for not_json, but is refused for bad_value\n",
        "seq 5000 is listed as refused for bad_value, but is missing\n",
    ] {
        assert!(run.stdout.contains(expected), "{expected:?}: {}", run.stdout);
    }
    assert!(folder.ok(&["verify", "planted"]).contains("faults      ok, 2 refused as listed\n"));
}

#[test]
fn a_cut_lists_its_faults_and_a_merge_has_no_list() {
    let folder = Folder::new();
    plant(&folder, PLAN);
    let whole = list(&folder, "planted");
    let at = |seq: usize| rows(&folder, "planted")[seq].row_ref().timestamp().to_string();
    let (from, to) = (at(1_000), at(3_000));
    folder.ok(&["filter", "planted", "-o", "early", "--to", &from]);
    folder.ok(&["filter", "planted", "-o", "middle", "--from", &from, "--to", &to]);
    folder.ok(&["filter", "planted", "-o", "late", "--from", &to]);
    folder.ok(&["filter", "planted", "-o", "trades", "--events", "trade"]);
    for file in ["early", "middle", "late", "trades"] {
        let kept: Vec<u64> = rows(&folder, file).iter().map(|row| row.row_ref().seq().get()).collect();
        let has = |seq: u64| kept.binary_search(&seq).is_ok();
        let mut expected = whole.clone();
        expected.retain(|seq, faults| {
            faults.retain(|(kind, _)| has(*seq) || kind == "swap" && has(*seq + 1));
            !faults.is_empty()
        });
        assert!(!expected.is_empty());
        assert_eq!(list(&folder, file), expected, "{file}");
        folder.ok(&["verify", file]);
    }
    // a copy also keeps the fault after the last message
    folder.ok(&["filter", "planted", "-o", "copy"]);
    assert!(folder.read("copy") == folder.read("planted"), "the files differ");

    // the parts add up to the whole, renumbered by the merge
    folder.ok(&["merge", "late", "early", "middle", "-o", "merged"]);
    assert_eq!(digest(&folder, "merged"), digest(&folder, "planted"));
    folder.ok(&["merge", "early", "cut", "-o", "more"]);
    for file in ["merged", "more"] {
        let faults = &folder.run(&["info", "--json", file]).json()["faults"];
        assert_eq!(
            *faults,
            serde_json::json!({ "plan_seed": null, "total": null, "planted": null }),
            "{file}"
        );
        let verified = folder.ok(&["verify", file]);
        assert!(verified.contains("faults were planted on purpose: in the merged archives"), "{verified}");
    }
}

#[test]
fn diff_and_export_treat_it_like_a_capture() {
    let folder = Folder::new();
    plant(&folder, "fault = [{ kind = 'price', at = 3 }, { kind = 'corrupt', at = 4 }]");
    let run = folder.run(&["diff", "--json", "cut", "planted"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!(run.json()["difference"]["position"], 3);
    folder.run(&["export", "planted", "-o", "out.csv"]).fails(1, "2 captured messages cannot be written");
    folder.ok(&["export", "planted", "-o", "out.csv", "--skip-raw"]);
    let lines = folder.read("out.csv").iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(lines, 1 + 4_998);
    folder.ok(&["export", "planted", "-o", "out.parquet"]);
}

#[test]
#[ignore = "needs Python with pyarrow and blake3: TRADESIM_PYTHON=PYTHON cargo test -- --ignored reader_in_python"]
fn an_independent_reader_in_python_finds_the_same_messages() {
    let python = std::env::var("TRADESIM_PYTHON").expect("TRADESIM_PYTHON names an interpreter");
    let folder = Folder::new();
    let report = plant(&folder, PLAN);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/archive-format/python/read_archive.py");
    let output = folder.wrapped(python, &[script, "planted"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), report["digest"].as_str().unwrap());
}
