//! Typed access to the settings of the bridge. Each of these fails on an invalid value.

use std::time::Duration;

use super::{Key, SettingError, Settings, table};
use crate::parse;

impl Settings {
    pub(crate) fn ws_uri(&self) -> Result<String, SettingError> {
        self.required(Key::WsUri, parse::ws_uri)
    }

    pub(crate) fn ws_max_retries(&self) -> Result<u32, SettingError> {
        self.required(Key::WsMaxRetries, parse::retries)
    }

    pub(crate) fn ws_base_backoff(&self) -> Result<Duration, SettingError> {
        self.required(Key::WsBaseBackoff, parse::base_backoff)
    }

    pub(crate) fn ws_max_backoff(&self) -> Result<Duration, SettingError> {
        self.required(Key::WsMaxBackoff, parse::max_backoff)
    }

    pub(crate) fn bootstrap_servers(&self) -> Result<String, SettingError> {
        self.required(Key::BootstrapServers, parse::servers)
    }

    pub(crate) fn client_id(&self) -> Result<String, SettingError> {
        self.required(Key::ClientId, parse::client_id)
    }

    pub(crate) fn acks(&self) -> Result<&'static str, SettingError> {
        self.required(Key::Acks, parse::acks)
    }

    pub(crate) fn batch_size(&self) -> Result<u32, SettingError> {
        self.required(Key::BatchSize, parse::batch_size)
    }

    pub(crate) fn linger_ms(&self) -> Result<u32, SettingError> {
        self.required(Key::LingerMs, parse::linger_ms)
    }

    pub(crate) fn compression(&self) -> Result<&'static str, SettingError> {
        self.required(Key::Compression, parse::compression)
    }

    pub(crate) fn idempotence(&self) -> Result<bool, SettingError> {
        self.required(Key::Idempotence, parse::boolean)
    }

    pub(crate) fn schema_registry_url(&self) -> Result<String, SettingError> {
        self.required(Key::SchemaRegistryUrl, parse::registry_url)
    }

    pub(crate) fn schema_registry_auth(&self) -> Result<Option<String>, SettingError> {
        self.optional(Key::SchemaRegistryAuth, parse::registry_auth)
    }

    pub(crate) fn metrics_enabled(&self) -> Result<bool, SettingError> {
        self.required(Key::MetricsEnabled, parse::boolean)
    }

    pub(crate) fn metrics_host(&self) -> Result<String, SettingError> {
        self.required(Key::MetricsHost, table::host_name)
    }

    pub(crate) fn metrics_port(&self) -> Result<u16, SettingError> {
        self.required(Key::MetricsPort, parse::port)
    }

    pub(crate) fn dlq_topic(&self) -> Result<String, SettingError> {
        self.required(Key::DlqTopic, parse::topic)
    }

    pub(crate) fn dlq_max_retries(&self) -> Result<u32, SettingError> {
        self.required(Key::DlqMaxRetries, parse::dlq_retries)
    }
}
