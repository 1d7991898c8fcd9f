//! Makes the client of a service from the environment.

use std::{sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig, StaticCredentialProvider,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    azure::{AzureConfigKey, MicrosoftAzureBuilder},
    gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey},
};

use crate::{Environment, Location, Service, endpoint};

/// Repetitions of a request that failed or was interrupted. A request of 30 s that is repeated for a minute ends within two.
fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            base: 2.,
        },
        max_retries: 6,
        retry_timeout: Duration::from_secs(60),
    }
}

/// Makes the client of a bucket.
///
/// # Errors
/// Returns a text if the environment has no credentials, or values that the service's client does not accept.
pub(crate) fn connect(
    location: &Location,
    environment: &Environment,
) -> Result<Arc<dyn ObjectStore>, String> {
    let service = location.service;
    environment.check_credentials(service)?;
    endpoint::check(environment, service)?;
    // the clients' TLS is that of our other sockets; somebody else may have chosen it already
    let _ = rustls::crypto::ring::default_provider().install_default();
    let plain = endpoint::is_on_loopback(environment, service);
    let bucket = location.bucket.as_str();
    let variables = endpoint::variables_with_one(environment, service);
    let store: Result<Arc<dyn ObjectStore>, object_store::Error> = match service {
        Service::S3 => {
            let mut builder = AmazonS3Builder::new();
            for (name, value) in variables {
                if let Ok(key) = name.parse::<AmazonS3ConfigKey>() {
                    builder = builder.with_config(key, value);
                }
            }
            if plain {
                builder = builder.with_config(AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp), "true");
            }
            builder.with_bucket_name(bucket).with_retry(retries()).build().map(|store| Arc::new(store) as _)
        }
        Service::Gcs => {
            let mut builder = GoogleCloudStorageBuilder::new();
            for (name, value) in variables {
                if let Ok(key) = name.parse::<GoogleConfigKey>() {
                    builder = builder.with_config(key, value);
                }
            }
            if plain {
                builder = builder.with_config(GoogleConfigKey::Client(ClientConfigKey::AllowHttp), "true");
            }
            if environment.is_true("GOOGLE_SKIP_SIGNATURE") {
                // without these, writing would ask the network for the machine's own account
                let nobody = StaticCredentialProvider::new(GcpCredential { bearer: String::new() });
                builder = builder.with_credentials(Arc::new(nobody));
            }
            builder.with_bucket_name(bucket).with_retry(retries()).build().map(|store| Arc::new(store) as _)
        }
        Service::Azure => {
            let mut builder = MicrosoftAzureBuilder::new();
            for (name, value) in variables {
                if let Ok(key) = name.parse::<AzureConfigKey>() {
                    builder = builder.with_config(key, value);
                }
            }
            if plain {
                builder = builder.with_config(AzureConfigKey::Client(ClientConfigKey::AllowHttp), "true");
            }
            builder
                .with_container_name(bucket)
                .with_retry(retries())
                .build()
                .map(|store| Arc::new(store) as _)
        }
    };
    store.map_err(|error| environment.without_secrets(&without_quoted(&error.to_string())))
}

/// Removes what stands in quotes: parsers of keys repeat what they cannot parse.
fn without_quoted(text: &str) -> String {
    text.split(['"', '`']).step_by(2).collect::<Vec<_>>().join("…")
}
