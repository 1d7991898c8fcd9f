//! A bucket over a store in memory. `.ci/cloud` tests the services' protocols, with servers.

use std::{fs, sync::Arc};

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, memory::InMemory, path::Path as Key};
use tradesim_archive::{Store, StoreAction, StoreFailure};

use super::*;

fn bucket(store: &Arc<InMemory>, url: &str) -> Bucket {
    let store = Arc::clone(store) as Arc<dyn ObjectStore>;
    Bucket::over(store, &url.parse().unwrap(), Environment::default()).unwrap()
}

#[test]
fn an_object_is_read_by_ranges() {
    let store = Arc::new(InMemory::new());
    let bucket = bucket(&store, "s3://tape/q1");
    bucket.replace("a/day", b"0123456789".to_vec()).unwrap();
    let object = bucket.open("a/day").unwrap();
    assert_eq!(object.size(), 10);
    let (late, early) = (object.begin(7, 3), object.begin(0, 4));
    assert_eq!(early.wait().unwrap(), "0123");
    assert_eq!(late.wait().unwrap(), "789");
    assert_eq!(object.begin(3, 0).wait().unwrap(), "");
    // dropped without waiting
    drop(object.begin(0, 10));
    let whole = super::tests::bucket(&store, "s3://tape/q1/a/day").object().unwrap();
    assert_eq!(whole.begin(0, 10).wait().unwrap(), "0123456789");
}

#[test]
fn an_object_that_was_replaced_is_never_read_on() {
    let store = Arc::new(InMemory::new());
    let bucket = bucket(&store, "s3://tape/q1");
    bucket.replace("day", b"0123456789".to_vec()).unwrap();
    let object = bucket.open("day").unwrap();
    bucket.replace("day", b"abcdefghij".to_vec()).unwrap();
    let error = object.begin(0, 4).wait().unwrap_err();
    assert_eq!((error.failure, error.url.as_str()), (StoreFailure::Replaced, "s3://tape/q1/day"));
    let (client, key) = (Arc::clone(&store), Key::from("q1/day"));
    let object = bucket.open("day").unwrap();
    let deleted =
        runtime::Waiting::start(&runtime::handle().unwrap(), async move { client.delete(&key).await });
    deleted.wait().unwrap().unwrap();
    let error = object.begin(0, 4).wait().unwrap_err();
    assert_eq!(error.failure, StoreFailure::Replaced);
    let error = bucket.open("day").unwrap_err();
    assert_eq!((error.failure, error.action), (StoreFailure::NotFound, StoreAction::Read));
    assert!(
        error.to_string().starts_with("cannot read s3://tape/q1/day: no such object or bucket"),
        "{error}"
    );
}

#[test]
fn one_of_many_creates_an_object() {
    let store = Arc::new(InMemory::new());
    let bucket = bucket(&store, "gs://tape");
    let created: Vec<bool> = std::thread::scope(|scope| {
        let create = |content: u8| bucket.create("_tradesim/manifest.json", vec![content]).unwrap();
        let workers: Vec<_> = (0..8).map(|worker| scope.spawn(move || create(worker))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(created.iter().filter(|created| **created).count(), 1);
    let first = created.iter().position(|created| *created).unwrap() as u8;
    let object = bucket.open("_tradesim/manifest.json").unwrap();
    assert_eq!(object.begin(0, 1).wait().unwrap(), Bytes::from(vec![first]));
}

#[test]
fn files_of_any_length_are_uploaded() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(InMemory::new());
    let bucket = bucket(&store, "az://tape/q1");
    for len in [0, 1, (16 << 20) + 1, (32 << 20) + 5] {
        let content: Vec<u8> = (0..len as u32).map(|at| (at >> 3) as u8).collect();
        let path = folder.path().join("part");
        fs::write(&path, &content).unwrap();
        bucket.upload("part", &path).unwrap();
        let object = bucket.open("part").unwrap();
        assert_eq!(object.size(), len);
        assert!(object.begin(0, len).wait().unwrap() == content, "{len}");
    }
    let error = bucket.upload("part", &folder.path().join("missing")).unwrap_err();
    assert_eq!(error.url, "az://tape/q1/part");
}

#[test]
fn names_are_relative_to_the_prefix_and_limited() {
    let store = Arc::new(InMemory::new());
    for key in ["q1/date=2026-02-18/a", "q1/_tradesim/recipe.json", "q10/x", "q1x"] {
        let (client, key) = (Arc::clone(&store), Key::from(key));
        let put = async move { client.put(&key, PutPayload::from_static(b"x")).await };
        runtime::Waiting::start(&runtime::handle().unwrap(), put).wait().unwrap().unwrap();
    }
    let mut names = bucket(&store, "s3://tape/q1").list(10).unwrap();
    names.sort();
    assert_eq!(names, ["_tradesim/recipe.json", "date=2026-02-18/a"]);
    assert_eq!(bucket(&store, "s3://tape").list(10).unwrap().len(), 4);
    let error = bucket(&store, "s3://tape").list(3).unwrap_err();
    assert_eq!(error.to_string(), "cannot list s3://tape: the request failed: there are more than 3 objects");
}

#[test]
fn without_credentials_nothing_is_sent() {
    for url in ["s3://tape/day", "gs://tape/day", "az://tape/day"] {
        let error = Bucket::new(&url.parse().unwrap(), Environment::default()).unwrap_err();
        assert_eq!(error.failure, StoreFailure::Configuration);
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("cannot read {url}: the store is not configured: no credentials")),
            "{text}"
        );
    }
    let secret = "{\"private_key\": \"verysecret\"";
    let environment = Environment::from_iter([("GOOGLE_SERVICE_ACCOUNT_KEY", secret)]);
    let error = Bucket::new(&"gs://tape/day".parse().unwrap(), environment).unwrap_err();
    assert_eq!(error.failure, StoreFailure::Configuration);
    assert!(!error.to_string().contains("verysecret"), "{error}");
}
