//! The client of a schema registry: ids of exact schemas, registration, versions and compatibility, over the API that
//! Confluent documents and others implement as well (Apicurio under `/apis/ccompat/v7`, `tradesim dev registry`).
//!
//! After an answer that means "not now" (408, 425, 429, 5xx) the request is repeated, for as long as
//! [`RegistryOptions::retry_timeout`] allows. For a bridge this is zero: it waits itself
//! ([`RegistryError::is_unreachable`]), reports that it waits, and can be stopped meanwhile.

mod answer;
mod credentials;
mod error;
mod subjects;
#[cfg(test)]
mod tests;
mod url;

use std::{path::PathBuf, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use ureq::{
    Agent, Body, RequestBuilder,
    http::{HeaderValue, Response, header::AUTHORIZATION},
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
    typestate::WithBody,
};

use tradesim_client::url::shown_url;
use tradesim_schemas::text::percent_encoded;

use crate::avro::compatibility::Level;

pub use credentials::{Credentials, ParseCredentialsError};
pub use error::RegistryError;
pub(crate) use subjects::compact;
pub use subjects::{SchemaIds, schema_text, subject};

/// The media type of the API; without it some registries answer as for browsers.
const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// The first delay before a request is repeated, if the answer states none.
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// The longest delay, whatever an answer requests.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// The registry, and the options of requests.
#[derive(Clone, Debug)]
pub struct RegistryOptions {
    /// The URL to which the API's paths are appended, without user information, and without a slash at its end.
    url: String,
    /// The credentials, if the registry requires them.
    pub credentials: Option<Credentials>,
    /// A PEM file of the certificates to trust instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// The timeout of an answer, beginning with the name lookup.
    pub timeout: Duration,
    /// The limit of all delays together while the registry requests to retry later.
    pub retry_timeout: Duration,
}

impl RegistryOptions {
    /// The default timeout of an answer.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// Returns options for a URL. Credentials in the URL are used, and not shown in errors and reports.
    pub fn new(url: impl AsRef<str>) -> RegistryOptions {
        let (url, credentials) = url::split(url.as_ref());
        let timeout = RegistryOptions::TIMEOUT;
        RegistryOptions { url, credentials, ca_file: None, timeout, retry_timeout: Duration::ZERO }
    }
}

/// A registered schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The id that values contain. It is the same under every subject.
    pub id: u32,
    /// The number of the version under its subject, from 1.
    pub version: u32,
    /// The schema's text, as the registry returns it.
    pub schema: String,
}

/// A schema registry.
#[derive(Clone, Debug)]
pub struct Registry {
    agent: Agent,
    /// The URL to ask. It may contain a password, so errors and reports state `url`.
    base: String,
    /// The URL without secrets.
    url: String,
    authorization: Option<HeaderValue>,
    retry_timeout: Duration,
}

impl Registry {
    /// Creates a client. Nothing is requested yet.
    ///
    /// # Errors
    /// A file of certificates or credentials that cannot be used.
    pub fn new(options: RegistryOptions) -> Result<Registry, RegistryError> {
        let mut config = Agent::config_builder()
            .timeout_global(Some(options.timeout))
            .http_status_as_error(false)
            // credentials are sent to the named registry, and to no other
            .max_redirects(0)
            .user_agent(concat!("tradesim/", env!("CARGO_PKG_VERSION")));
        let url = shown_url(&options.url);
        if is_loopback(&url) {
            config = config.proxy(None);
        }
        if let Some(path) = &options.ca_file {
            let trusted = RootCerts::from(certificates(path)?);
            config = config.tls_config(TlsConfig::builder().root_certs(trusted).build());
        }
        let authorization = options.credentials.as_ref().map(authorization).transpose()?;
        let RegistryOptions { url: base, retry_timeout, .. } = options;
        Ok(Registry { agent: config.build().into(), base, url, authorization, retry_timeout })
    }

    /// Returns the URL of the registry as it may be shown, without user information and query.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Finds a schema under a subject: exactly this one, not the latest.
    ///
    /// # Errors
    /// [`RegistryError::NotRegistered`] if the subject has no such version, and any failure of the request.
    pub fn lookup(&self, subject: &str, schema: &str) -> Result<Registered, RegistryError> {
        let path = format!("/subjects/{}", percent_encoded(subject));
        match self.post(&path, schema) {
            Ok(answer) => self.registered(&answer),
            Err(error) if error.is_not_found() => {
                Err(RegistryError::NotRegistered { url: self.url.clone(), subject: subject.to_owned() })
            }
            Err(error) => Err(error),
        }
    }

    /// Registers a schema under a subject and returns its id; for a registered schema, the existing id.
    ///
    /// # Errors
    /// [`RegistryError::Incompatible`] if the subject's rule refuses it, and any failure of the request.
    pub fn register(&self, subject: &str, schema: &str) -> Result<u32, RegistryError> {
        let path = format!("/subjects/{}/versions", percent_encoded(subject));
        match self.post(&path, schema) {
            Ok(answer) => self.number(&answer, "id"),
            Err(RegistryError::Refused { status: 409, message, .. }) => {
                Err(RegistryError::Incompatible { subject: subject.to_owned(), message })
            }
            Err(error) => Err(error),
        }
    }

    /// Checks whether a schema could be registered after the latest version of its subject, by the subject's rule.
    /// Registries that support it return the reasons if not.
    ///
    /// # Errors
    /// A subject without versions ([`RegistryError::is_not_found`]), and any failure of the request.
    pub fn is_compatible(&self, subject: &str, schema: &str) -> Result<(bool, Vec<String>), RegistryError> {
        let path =
            format!("/compatibility/subjects/{}/versions/latest?verbose=true", percent_encoded(subject));
        let answer = self.post(&path, schema)?;
        let compatible = answer.get("is_compatible").and_then(Value::as_bool);
        let compatible = compatible.ok_or_else(|| self.foreign("is_compatible is missing"))?;
        let messages = answer.get("messages").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        Ok((compatible, messages.iter().filter_map(Value::as_str).map(str::to_owned).collect()))
    }

    /// Returns the numbers of a subject's versions, ascending; empty for a subject that does not exist.
    ///
    /// # Errors
    /// Any failure of the request.
    pub fn versions(&self, subject: &str) -> Result<Vec<u32>, RegistryError> {
        let answer = match self.get(&format!("/subjects/{}/versions", percent_encoded(subject))) {
            Ok(answer) => answer,
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let numbers = answer.as_array().map(|numbers| numbers.iter().map(as_u32).collect::<Option<Vec<_>>>());
        let mut numbers = numbers.flatten().ok_or_else(|| self.foreign("versions are not numbers"))?;
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Returns a version of a subject.
    ///
    /// # Errors
    /// A version that does not exist ([`RegistryError::is_not_found`]), and any failure of the request.
    pub fn version(&self, subject: &str, version: u32) -> Result<Registered, RegistryError> {
        self.registered(&self.get(&format!("/subjects/{}/versions/{version}", percent_encoded(subject)))?)
    }

    /// Returns the text of the schema with this id.
    ///
    /// # Errors
    /// An id that does not exist ([`RegistryError::is_not_found`]), and any failure of the request.
    pub fn schema(&self, id: u32) -> Result<String, RegistryError> {
        self.text(&self.get(&format!("/schemas/ids/{id}"))?, "schema")
    }

    /// Returns the rule for new versions of every subject without a rule of its own.
    ///
    /// # Errors
    /// An unknown rule, and any failure of the request.
    pub fn global_level(&self) -> Result<Level, RegistryError> {
        self.level(&self.get("/config")?)
    }

    /// Returns the rule for new versions of a subject.
    ///
    /// # Errors
    /// An unknown rule, and any failure of the request.
    pub fn subject_level(&self, subject: &str) -> Result<Level, RegistryError> {
        match self.get(&format!("/config/{}?defaultToGlobal=true", percent_encoded(subject))) {
            Ok(answer) => self.level(&answer),
            // Apicurio has no default, and reports a subject without a rule of its own as not found
            Err(error) if error.is_not_found() => self.global_level(),
            Err(error) => Err(error),
        }
    }

    /// Sets the rule of a subject to BACKWARD, unless it has one of its own by which new readers understand old
    /// records. The registry's default does not count: it may change. Returns the rule of the subject.
    ///
    /// # Errors
    /// Any failure of the request, and a registry that does not change the rule.
    pub fn require_backward(&self, subject: &str) -> Result<Level, RegistryError> {
        let path = format!("/config/{}", percent_encoded(subject));
        let own = match self.get(&path) {
            Ok(answer) => self.level(&answer).ok(),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        if let Some(level) = own.filter(|level| level.is_backward()) {
            return Ok(level);
        }
        self.put(&path, &json!({ "compatibility": Level::Backward.as_str() }))?;
        Ok(Level::Backward)
    }

    fn get(&self, path: &str) -> Result<Value, RegistryError> {
        self.ask(|| {
            let mut request = self.agent.get(format!("{}{path}", self.base)).header("accept", MEDIA_TYPE);
            if let Some(value) = &self.authorization {
                request = request.header(AUTHORIZATION, value);
            }
            request.call()
        })
    }

    fn post(&self, path: &str, schema: &str) -> Result<Value, RegistryError> {
        let body = json!({ "schema": schema }).to_string();
        self.ask(|| self.send(self.agent.post(format!("{}{path}", self.base)), &body))
    }

    fn put(&self, path: &str, body: &Value) -> Result<Value, RegistryError> {
        let body = body.to_string();
        self.ask(|| self.send(self.agent.put(format!("{}{path}", self.base)), &body))
    }

    fn send(&self, request: RequestBuilder<WithBody>, body: &str) -> Result<Response<Body>, ureq::Error> {
        let mut request = request.header("accept", MEDIA_TYPE).header("content-type", MEDIA_TYPE);
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value);
        }
        request.send(body)
    }

    /// Sends a request, and repeats it while the registry requests that and the time limit allows. All requests are
    /// idempotent.
    fn ask(&self, request: impl Fn() -> Result<Response<Body>, ureq::Error>) -> Result<Value, RegistryError> {
        let mut waited = Duration::ZERO;
        let mut pause = PAUSE_MIN;
        loop {
            let error = match answer::read(&self.url, request()) {
                Err(error @ RegistryError::Unavailable { .. }) => error,
                result => return result,
            };
            let wanted = error.retry_after().map_or(pause, |wanted| wanted.max(PAUSE_MIN));
            if waited + wanted > self.retry_timeout {
                return Err(error);
            }
            tracing::info!(%error, pause_ms = wanted.as_millis() as u64, "waiting for the schema registry");
            std::thread::sleep(wanted);
            waited += wanted;
            pause *= 2;
        }
    }

    fn registered(&self, answer: &Value) -> Result<Registered, RegistryError> {
        Ok(Registered {
            id: self.number(answer, "id")?,
            version: self.number(answer, "version")?,
            schema: self.text(answer, "schema")?,
        })
    }

    fn level(&self, answer: &Value) -> Result<Level, RegistryError> {
        // the field is called `compatibility` in requests, and `compatibilityLevel` in answers
        let found = answer.get("compatibilityLevel").or_else(|| answer.get("compatibility"));
        let text =
            found.and_then(Value::as_str).ok_or_else(|| self.foreign("compatibilityLevel is missing"))?;
        text.parse().map_err(|_| self.foreign(&format!("unknown compatibility level {text:?}")))
    }

    fn number(&self, answer: &Value, name: &str) -> Result<u32, RegistryError> {
        let number = answer.get(name).and_then(as_u32);
        number.ok_or_else(|| self.foreign(&format!("{name} is missing or not a 32-bit number")))
    }

    fn text(&self, answer: &Value, name: &str) -> Result<String, RegistryError> {
        let text = answer.get(name).and_then(Value::as_str).map(str::to_owned);
        text.ok_or_else(|| self.foreign(&format!("{name} is missing or not a text")))
    }

    fn foreign(&self, what: &str) -> RegistryError {
        RegistryError::Foreign { url: self.url.clone(), what: what.to_owned() }
    }
}

fn as_u32(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

fn authorization(credentials: &Credentials) -> Result<HeaderValue, RegistryError> {
    let text = match credentials {
        Credentials::Basic { user, password } => {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{}", password.expose())))
        }
        Credentials::Bearer { token } => format!("Bearer {}", token.expose()),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| RegistryError::Credentials)?;
    value.set_sensitive(true);
    Ok(value)
}

fn certificates(path: &PathBuf) -> Result<Vec<Certificate<'static>>, RegistryError> {
    let unusable = |what: String| RegistryError::Certificates { path: path.clone(), what };
    let text = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    let mut found = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| unusable(error.to_string()))? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(unusable("it contains no certificate".to_owned())) } else { Ok(found) }
}

/// Returns true for a registry on this machine, which is never behind a proxy.
fn is_loopback(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    ["localhost", "127.", "[::1]"].iter().any(|host| authority.starts_with(host))
}
