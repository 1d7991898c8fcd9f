//! URLs of objects and of prefixes.

use std::{fmt, str::FromStr};

/// A kind of object storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Amazon S3, and what has its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

impl Service {
    /// Every service with the scheme of its URLs.
    pub const ALL: [(Service, &str); 3] = [(Service::S3, "s3"), (Service::Gcs, "gs"), (Service::Azure, "az")];

    fn scheme(self) -> &'static str {
        Service::ALL.iter().find(|(service, _)| *service == self).map_or("", |(_, scheme)| scheme)
    }
}

/// The place of an object, or of all objects below a prefix: `s3://BUCKET/KEY`, `gs://BUCKET/KEY` or `az://CONTAINER/KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    pub(crate) service: Service,
    pub(crate) bucket: String,
    /// Without slashes at its ends; empty for the whole bucket.
    pub(crate) key: String,
}

/// The error of a text that is not a [`Location`]. It does not repeat the text, which may contain a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// The scheme is not one of [`Service::ALL`].
    #[error("expected s3://, gs:// or az://")]
    Scheme,
    /// The bucket is missing or has other characters.
    #[error("expected the name of a bucket after the scheme, of letters, digits, dots and dashes")]
    Bucket,
    /// The key cannot be one.
    #[error("the key has an empty segment, `.`, `..` or a control character")]
    Key,
    /// The URL has a query.
    #[error("a query is not supported: credentials are read from the environment")]
    Query,
}

/// The largest length of a key in bytes, in all three services.
const KEY_BYTES_MAX: usize = 1024;

impl Location {
    /// Returns the service.
    pub fn service(&self) -> Service {
        self.service
    }

    /// Returns true if the URL has only a bucket, so it is not that of an object.
    pub fn is_bucket(&self) -> bool {
        self.key.is_empty()
    }
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Location, LocationError> {
        let (scheme, rest) = text.split_once("://").ok_or(LocationError::Scheme)?;
        let service = Service::ALL.iter().find(|(_, name)| *name == scheme);
        let &(service, _) = service.ok_or(LocationError::Scheme)?;
        if rest.contains('?') {
            return Err(LocationError::Query);
        }
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        // names of all services have 3 to 63 characters, and begin with a letter, a digit or `$`
        if bucket.is_empty() || bucket.len() > 222 || !bucket.bytes().all(is_name) || bucket.starts_with('.')
        {
            return Err(LocationError::Bucket);
        }
        let key = key.strip_suffix('/').unwrap_or(key);
        let is_segment = |segment: &str| {
            !segment.is_empty() && segment != "." && segment != ".." && !segment.chars().any(char::is_control)
        };
        if key.len() > KEY_BYTES_MAX || !(key.is_empty() || key.split('/').all(is_segment)) {
            return Err(LocationError::Key);
        }
        Ok(Location { service, bucket: bucket.to_owned(), key: key.to_owned() })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.service.scheme(), self.bucket)?;
        if self.key.is_empty() { Ok(()) } else { write!(f, "/{}", self.key) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_parsed_and_printed() {
        for (text, printed) in [
            ("s3://tape/q1/day.parquet", "s3://tape/q1/day.parquet"),
            ("s3://tape/q1/", "s3://tape/q1"),
            ("gs://tape", "gs://tape"),
            ("az://tape/", "az://tape"),
            ("s3://tape/date=2026-02-18/a b.parquet", "s3://tape/date=2026-02-18/a b.parquet"),
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!(
                (location.to_string().as_str(), location.is_bucket()),
                (printed, !printed[5..].contains('/'))
            );
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, error) in [
            ("", LocationError::Scheme),
            ("/tmp/day.parquet", LocationError::Scheme),
            ("http://tape/x", LocationError::Scheme),
            ("S3://tape/x", LocationError::Scheme),
            ("s3://", LocationError::Bucket),
            ("s3:///x", LocationError::Bucket),
            ("s3://key:secret@tape/x", LocationError::Bucket),
            ("s3://../x", LocationError::Bucket),
            ("s3://tape//x", LocationError::Key),
            ("s3://tape/x/../y", LocationError::Key),
            ("s3://tape/x//", LocationError::Key),
            ("s3://tape/a\u{1b}b", LocationError::Key),
            ("az://tape/x?sig=abc", LocationError::Query),
        ] {
            assert_eq!(text.parse::<Location>(), Err(error), "{text}");
        }
        assert_eq!(format!("s3://tape/{}", "x".repeat(1025)).parse::<Location>(), Err(LocationError::Key));
    }
}
