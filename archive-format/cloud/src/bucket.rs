//! All objects below a prefix of a bucket.

use std::{fmt, future::Future, path::Path, sync::Arc, thread, time::Duration};

use futures_util::StreamExt;
use object_store::{
    Error as ClientError, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, path::Path as Key,
};
use tokio::runtime::Handle;
use tradesim_archive::{Object, Store, StoreAction, StoreError, StoreFailure};

use crate::{
    Environment, Location, client::connect, failure::translate, object::PinnedObject, runtime,
    runtime::Waiting, upload,
};

/// Further attempts to create an object, and the time before the first of them, which doubles: 6 s in all.
const CREATE_RETRIES: u32 = 6;
const CREATE_WAIT: Duration = Duration::from_millis(100);

/// The client of a bucket with what a request needs.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) environment: Arc<Environment>,
    pub(crate) handle: Handle,
}

/// The objects below a prefix of a bucket. Cloning it is cheap.
#[derive(Clone)]
pub struct Bucket {
    client: Client,
    prefix: Key,
    url: String,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Bucket {
    /// Makes the client of a location. Nothing is sent yet.
    ///
    /// # Errors
    /// Returns an error if the environment has no credentials, or values that the service's client does not accept.
    pub fn new(location: &Location, environment: Environment) -> Result<Bucket, StoreError> {
        let url = location.to_string();
        let invalid = |detail: String| {
            StoreError::new(url.clone(), StoreAction::Read, StoreFailure::Configuration, detail)
        };
        let store = connect(location, &environment).map_err(invalid)?;
        Bucket::over(store, location, environment)
    }

    pub(crate) fn over(
        store: Arc<dyn ObjectStore>,
        location: &Location,
        environment: Environment,
    ) -> Result<Bucket, StoreError> {
        let url = location.to_string();
        let failed =
            |detail: String| StoreError::new(url.clone(), StoreAction::Read, StoreFailure::Failed, detail);
        let handle = runtime::handle().map_err(|error| failed(error.to_string()))?;
        let prefix =
            Key::parse(&location.key).map_err(|_| failed("the key has unsupported characters".to_owned()))?;
        Ok(Bucket { client: Client { store, environment: Arc::new(environment), handle }, prefix, url })
    }

    /// Opens the object whose URL is the whole location.
    ///
    /// # Errors
    /// Returns an error if the object does not exist, or if the store does not provide it.
    pub fn object(&self) -> Result<Box<dyn Object>, StoreError> {
        self.open_key(self.prefix.clone(), self.url.clone())
    }

    fn open_key(&self, key: Key, url: String) -> Result<Box<dyn Object>, StoreError> {
        let client = self.client.clone();
        let head = async move { client.store.head(&key).await };
        let meta = self.run(&url, StoreAction::Read, head)?;
        Ok(Box::new(PinnedObject::new(self.client.clone(), url, meta)))
    }

    fn key(&self, name: &str, action: StoreAction) -> Result<(Key, String), StoreError> {
        let url = format!("{}/{name}", self.url);
        let whole =
            if self.prefix.as_ref().is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) };
        match Key::parse(whole) {
            Ok(key) => Ok((key, url)),
            Err(_) => {
                Err(StoreError::new(url, action, StoreFailure::Failed, "the key has unsupported characters"))
            }
        }
    }

    /// Runs a request on the thread of the network and waits for it.
    fn run<T: Send + 'static>(
        &self,
        url: &str,
        action: StoreAction,
        request: impl Future<Output = Result<T, ClientError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        match Waiting::start(&self.client.handle, request).wait() {
            Some(result) => result.map_err(|error| translate(url, action, &error, &self.client.environment)),
            None => Err(StoreError::new(url, action, StoreFailure::Failed, "the client crashed")),
        }
    }

    fn put(&self, name: &str, content: Vec<u8>, mode: PutMode) -> Result<bool, StoreError> {
        let (key, url) = self.key(name, StoreAction::Write)?;
        let store = Arc::clone(&self.client.store);
        let put = async move {
            let options = PutOptions { mode, ..PutOptions::default() };
            match store.put_opts(&key, PutPayload::from(content), options).await {
                Ok(_) => Ok(true),
                Err(ClientError::AlreadyExists { .. } | ClientError::Precondition { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        };
        self.run(&url, StoreAction::Write, put)
    }
}

impl Store for Bucket {
    fn url(&self) -> &str {
        &self.url
    }

    fn open(&self, name: &str) -> Result<Box<dyn Object>, StoreError> {
        let (key, url) = self.key(name, StoreAction::Read)?;
        self.open_key(key, url)
    }

    /// The client repeats no request with a condition that was not answered: its first attempt may have succeeded. That is
    /// harmless here, because callers compare what exists with what they wanted to write.
    fn create(&self, name: &str, content: Vec<u8>) -> Result<bool, StoreError> {
        let mut wait = CREATE_WAIT;
        for _ in 0..CREATE_RETRIES {
            match self.put(name, content.clone(), PutMode::Create) {
                Err(error) if error.failure == StoreFailure::Unreachable => thread::sleep(wait),
                outcome => return outcome,
            }
            wait *= 2;
        }
        self.put(name, content, PutMode::Create)
    }

    fn replace(&self, name: &str, content: Vec<u8>) -> Result<(), StoreError> {
        self.put(name, content, PutMode::Overwrite).map(|_| ())
    }

    fn upload(&self, name: &str, file: &Path) -> Result<(), StoreError> {
        let (key, url) = self.key(name, StoreAction::Write)?;
        let request = upload::upload(Arc::clone(&self.client.store), key, file.to_owned());
        self.run(&url, StoreAction::Write, request)
    }

    fn list(&self, names_max: usize) -> Result<Vec<String>, StoreError> {
        let (store, prefix) = (Arc::clone(&self.client.store), self.prefix.clone());
        let request = async move {
            let mut names = Vec::new();
            let mut objects = store.list(Some(&prefix));
            while let Some(object) = objects.next().await {
                let location = object?.location;
                let name = location.as_ref().strip_prefix(prefix.as_ref()).unwrap_or_default();
                let name = name.trim_start_matches('/');
                // an object for the prefix itself, as consoles make them for folders
                if name.is_empty() {
                    continue;
                }
                if names.len() == names_max {
                    return Ok(None);
                }
                names.push(name.to_owned());
            }
            Ok(Some(names))
        };
        let too_many = || {
            let detail = format!("there are more than {names_max} objects");
            StoreError::new(self.url.clone(), StoreAction::List, StoreFailure::Failed, detail)
        };
        self.run(&self.url, StoreAction::List, request)?.ok_or_else(too_many)
    }
}
