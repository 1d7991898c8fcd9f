//! The environment variables that configure object storage, and what must not be shown of them.

use std::fmt;

use crate::Service;

/// The environment variables of the services. Credentials are read from here and from nowhere else.
#[derive(Clone, Default)]
pub struct Environment(Vec<(String, String)>);

/// Only names: values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Environment {
        Environment(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl Environment {
    /// Returns the variables of this process that are UTF-8.
    pub fn of_process() -> Environment {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// Returns the variables of a service: their names in lower case, and their values.
    pub(crate) fn of(&self, service: Service) -> impl Iterator<Item = (String, &str)> {
        let prefix = match service {
            Service::S3 => "AWS_",
            Service::Gcs => "GOOGLE_",
            Service::Azure => "AZURE_",
        };
        let variables =
            self.0.iter().filter(move |(name, value)| name.starts_with(prefix) && !value.is_empty());
        variables.map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(found, value)| found == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// Returns true for what the services' clients take as true.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        let value = self.get(name).map(str::to_ascii_lowercase);
        matches!(value.as_deref(), Some("true" | "1" | "yes" | "on" | "y"))
    }

    /// Checks that there are credentials, or a place to get them from.
    ///
    /// Without this check the services' clients ask the network for the machine's own role, which takes minutes without an answer,
    /// and may find credentials that were not meant.
    pub(crate) fn check_credentials(&self, service: Service) -> Result<(), &'static str> {
        let has = |name: &&str| self.get(name).is_some();
        let any = |names: &[&str]| names.iter().any(&has);
        let all = |names: &[&str]| names.iter().all(&has);
        let (found, missing) = match service {
            Service::S3 => (
                all(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
                    || any(&[
                        "AWS_WEB_IDENTITY_TOKEN_FILE",
                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                        "AWS_METADATA_ENDPOINT",
                    ])
                    || self.is_true("AWS_SKIP_SIGNATURE"),
                "no credentials in the environment: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
                 AWS_METADATA_ENDPOINT for the role of the machine, or AWS_SKIP_SIGNATURE=true for a public bucket",
            ),
            Service::Gcs => (
                any(&[
                    "GOOGLE_SERVICE_ACCOUNT",
                    "GOOGLE_SERVICE_ACCOUNT_PATH",
                    "GOOGLE_SERVICE_ACCOUNT_KEY",
                    "GOOGLE_APPLICATION_CREDENTIALS",
                    "GOOGLE_BEARER_TOKEN",
                    "GCE_METADATA_HOST",
                ]) || self.is_true("GOOGLE_SKIP_SIGNATURE"),
                "no credentials in the environment: set GOOGLE_APPLICATION_CREDENTIALS to the path of a file, or \
                 GCE_METADATA_HOST for the account of the machine, or GOOGLE_SKIP_SIGNATURE=true for a public bucket",
            ),
            Service::Azure => (
                self.is_true("AZURE_STORAGE_USE_EMULATOR")
                    || any(&["AZURE_STORAGE_ACCOUNT_NAME"])
                        && (any(&[
                            "AZURE_STORAGE_ACCOUNT_KEY",
                            "AZURE_STORAGE_ACCESS_KEY",
                            "AZURE_STORAGE_SAS_KEY",
                            "AZURE_STORAGE_SAS_TOKEN",
                            "AZURE_STORAGE_TOKEN",
                            "AZURE_STORAGE_CLIENT_SECRET",
                            "AZURE_CLIENT_SECRET",
                            "AZURE_FEDERATED_TOKEN_FILE",
                            "AZURE_MSI_ENDPOINT",
                            "AZURE_IDENTITY_ENDPOINT",
                        ]) || self.is_true("AZURE_SKIP_SIGNATURE")),
                "no credentials in the environment: set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or \
                 another credential of the account",
            ),
        };
        if found { Ok(()) } else { Err(missing) }
    }

    /// Removes the values of secrets from a text.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        let is_secret =
            |name: &str| ["KEY", "SECRET", "TOKEN", "SAS", "PASSWORD"].iter().any(|word| name.contains(word));
        let mut text = text.to_owned();
        for (name, value) in &self.0 {
            // a value of a few letters is not a secret, and would be found everywhere
            if is_secret(name) && value.len() >= 6 {
                text = text.replace(value.as_str(), "…");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], service: Service) -> bool {
        let environment: Environment = variables.iter().copied().collect();
        environment.check_credentials(service).is_ok()
    }

    #[test]
    fn credentials_must_be_in_the_environment() {
        for (service, _) in Service::ALL {
            assert!(!check(&[], service), "{service:?}");
        }
        assert!(!check(&[("AWS_ACCESS_KEY_ID", "a")], Service::S3));
        assert!(!check(&[("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "")], Service::S3));
        assert!(check(&[("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")], Service::S3));
        assert!(check(&[("AWS_SKIP_SIGNATURE", "true")], Service::S3));
        assert!(check(&[("AWS_SKIP_SIGNATURE", "True")], Service::S3));
        assert!(!check(&[("AWS_SKIP_SIGNATURE", "false")], Service::S3));
        assert!(check(&[("GOOGLE_APPLICATION_CREDENTIALS", "/x")], Service::Gcs));
        assert!(check(&[("AZURE_STORAGE_USE_EMULATOR", "true")], Service::Azure));
        assert!(!check(&[("AZURE_STORAGE_ACCOUNT_KEY", "b")], Service::Azure));
        assert!(check(
            &[("AZURE_STORAGE_ACCOUNT_NAME", "a"), ("AZURE_STORAGE_SAS_TOKEN", "b")],
            Service::Azure
        ));
    }

    #[test]
    fn secrets_are_not_shown() {
        let environment: Environment = [
            ("AWS_SECRET_ACCESS_KEY", "verysecret"),
            ("AZURE_STORAGE_SAS_TOKEN", "sig=abcdef"),
            ("AWS_REGION", "us-east-1"),
        ]
        .into_iter()
        .collect();
        let shown = environment.without_secrets("us-east-1 ?sig=abcdef verysecret");
        assert_eq!(shown, "us-east-1 ?… …");
        assert!(!format!("{environment:?}").contains("verysecret"));
    }
}
