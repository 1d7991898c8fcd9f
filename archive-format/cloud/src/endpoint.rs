//! The endpoints of services: the servers to which requests are sent, where the environment states them.

use crate::{Environment, Service};

/// The schemes of an endpoint.
const SCHEMES: [&str; 2] = ["http://", "https://"];

/// Returns the variables that have an endpoint of a service, those that count first.
fn variables(service: Service) -> &'static [&'static str] {
    match service {
        Service::S3 => &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"],
        Service::Gcs => &["GOOGLE_BASE_URL"],
        Service::Azure => &["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"],
    }
}

/// Checks the endpoints of a service. Its client takes any text, and a request to one that is not a URL ends its thread.
///
/// # Errors
/// Returns a text that names the variable. It does not repeat the value, which may contain a password.
pub(crate) fn check(environment: &Environment, service: Service) -> Result<(), String> {
    let allow_http = match service {
        Service::S3 => "AWS_ALLOW_HTTP",
        Service::Gcs => "GOOGLE_ALLOW_HTTP",
        Service::Azure => "AZURE_ALLOW_HTTP",
    };
    let Some((name, url)) = endpoint(environment, service) else { return Ok(()) };
    if !is_url(url) {
        return Err(format!(
            "{name} is not the URL of a server: expected for example https://storage.example.com"
        ));
    }
    if url.starts_with("http://") && !is_loopback(url) && !environment.is_true(allow_http) {
        return Err(format!(
            "{name} is plain HTTP to another machine: use https://, or set {allow_http}=true"
        ));
    }
    Ok(())
}

/// Returns the variable that counts, which is the first one that is set, and its value.
fn endpoint(environment: &Environment, service: Service) -> Option<(&'static str, &str)> {
    variables(service).iter().find_map(|&name| Some((name, environment.get(name)?)))
}

/// Returns the variables of a service for its client: their names in lower case, and their values. Of the endpoints only the
/// one that counts is among them, because it is the one that was checked.
pub(crate) fn variables_with_one(
    environment: &Environment,
    service: Service,
) -> impl Iterator<Item = (String, &str)> {
    let is_endpoint =
        move |name: &str| variables(service).iter().any(|known| known.eq_ignore_ascii_case(name));
    let others = environment.of(service).filter(move |(name, _)| !is_endpoint(name));
    others.chain(endpoint(environment, service).map(|(name, url)| (name.to_ascii_lowercase(), url)))
}

/// Returns true if the service is on this machine, so that plain HTTP is as good as TLS.
pub(crate) fn is_on_loopback(environment: &Environment, service: Service) -> bool {
    endpoint(environment, service).is_some_and(|(_, url)| is_loopback(url))
}

fn is_loopback(url: &str) -> bool {
    let host = url.strip_prefix("http://").unwrap_or_default();
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|loopback| {
        host.strip_prefix(loopback).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    })
}

/// Returns true for a scheme, a host, and optionally a port and a path.
fn is_url(text: &str) -> bool {
    let Some(rest) = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme)) else { return false };
    let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte);
    reqwest::Url::parse(text).is_ok()
        && !server.is_empty()
        && server.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:[]_".contains(&byte))
        && path.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(name: &str, url: &str) -> Result<(), String> {
        check(&Environment::from_iter([(name, url)]), Service::S3)
    }

    #[test]
    fn an_endpoint_is_a_url_without_a_password() {
        for url in [
            "https://storage.example.com",
            "http://127.0.0.1:9000/",
            "http://[::1]:9000/x",
            "https://a/b-c%20d",
        ] {
            assert_eq!(checked("AWS_ENDPOINT_URL", url), Ok(()), "{url}");
        }
        for url in [
            "garbage",
            "storage.example.com:443",
            "ftp://storage.example.com",
            "https://",
            "https:///x",
            "https://secretkey@storage.example.com",
            "https://storage example.com",
            "https://storage.example.com/a b",
            "https://storage.example.com?secretkey",
            "https://storage.example.com:99999",
            "http://[::1",
        ] {
            for name in variables(Service::S3) {
                let error = checked(name, url).unwrap_err();
                assert!(error.starts_with(name) && !error.contains("secretkey"), "{url}: {error}");
            }
        }
    }

    #[test]
    fn the_first_variable_that_is_set_counts() {
        let of = |of_service, general| {
            let variables = [("AWS_ENDPOINT_URL", general), ("AWS_ENDPOINT_URL_S3", of_service)];
            check(&Environment::from_iter(variables), Service::S3)
        };
        assert_eq!(of("https://storage.example.com", "http://other.example.com"), Ok(()));
        assert_eq!(of("https://storage.example.com", "garbage"), Ok(()));
        let error = of("http://other.example.com", "https://storage.example.com").unwrap_err();
        assert!(error.starts_with("AWS_ENDPOINT_URL_S3 is plain HTTP"), "{error}");
        // the client has no other one
        let environment = Environment::from_iter([
            ("AWS_ENDPOINT_URL", "https://one.example.com"),
            ("AWS_ENDPOINT", "garbage"),
            ("AWS_endpoint_url_s3", "garbage"),
            ("AWS_REGION", "us-east-1"),
        ]);
        let given: Vec<(String, &str)> = variables_with_one(&environment, Service::S3).collect();
        let expected = [("aws_region", "us-east-1"), ("aws_endpoint_url", "https://one.example.com")];
        assert_eq!(given, expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        let on_loopback =
            |url: &str| is_on_loopback(&Environment::from_iter([("AWS_ENDPOINT_URL", url)]), Service::S3);
        for url in ["http://127.0.0.1:5000", "http://localhost:5000/", "http://[::1]"] {
            assert!(on_loopback(url), "{url}");
        }
        for url in ["http://127.0.0.1.example.com", "http://storage.example.com"] {
            assert!(!on_loopback(url), "{url}");
            assert!(checked("AWS_ENDPOINT_URL", url).unwrap_err().contains("AWS_ALLOW_HTTP"), "{url}");
            let allowed = Environment::from_iter([("AWS_ENDPOINT_URL", url), ("AWS_ALLOW_HTTP", "true")]);
            assert_eq!(check(&allowed, Service::S3), Ok(()), "{url}");
        }
        assert!(!on_loopback("https://127.0.0.1:5000"));
    }
}
