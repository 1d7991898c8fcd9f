//! Texts that no log and no error shows.

use std::{
    env, fmt,
    fs::File,
    io::{self, Read},
    path::PathBuf,
    str::FromStr,
};

/// The size limit of a file that a secret is read from; a private key with its chain takes a few kilobytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A text that is never shown: its `Debug` is empty, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// Returns the text, to be sent to a peer.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The source of a secret: `@FILE` and `env:NAME` name a source, every other text is the secret itself. The source is
/// only read by [`SecretSource::read`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The text itself.
    Text(Secret),
    /// A file; line ends at its end are ignored.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
}

impl From<&str> for SecretSource {
    fn from(text: &str) -> SecretSource {
        if let Some(path) = text.strip_prefix('@') {
            SecretSource::File(path.into())
        } else if let Some(name) = text.strip_prefix("env:") {
            SecretSource::Environment(name.to_owned())
        } else {
            SecretSource::Text(Secret::new(text))
        }
    }
}

impl FromStr for SecretSource {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<SecretSource, Self::Err> {
        Ok(text.into())
    }
}

/// A secret cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The file cannot be read, or is not a text.
    #[error("cannot read the file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The variable is not set, or is not a text.
    #[error("the environment variable {name:?} is not set, or is not valid UTF-8")]
    Environment {
        /// The variable.
        name: String,
    },
}

impl SecretSource {
    /// Reads the secret from its source.
    ///
    /// # Errors
    /// A file that cannot be read, is longer than 1 MiB or not UTF-8, and a variable that is not set.
    pub fn read(&self) -> Result<Secret, SecretError> {
        match self {
            SecretSource::Text(secret) => Ok(secret.clone()),
            SecretSource::File(path) => {
                let text =
                    read_file(path).map_err(|source| SecretError::File { path: path.clone(), source })?;
                Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
            }
            SecretSource::Environment(name) => {
                // a name that is empty or contains an equals sign is never found
                let text = env::var(name).map_err(|_| SecretError::Environment { name: name.clone() })?;
                Ok(Secret::new(text))
            }
        }
    }
}

fn read_file(path: &PathBuf) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than 1 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let source: SecretSource = "hush".into();
        assert_eq!(source.read().unwrap().expose(), "hush");
        assert_eq!(format!("{source:?} {:?}", Secret::new("hush")), "Text(***) ***");
    }

    #[test]
    fn a_secret_comes_from_a_file_without_the_end_of_its_line() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b" two words \r\n").unwrap();
        let source: SecretSource = format!("@{}", file.path().display()).as_str().into();
        assert_eq!(source.read().unwrap().expose(), " two words ");
    }

    #[test]
    fn a_secret_comes_from_the_environment() {
        // cargo sets this variable for every test
        let source: SecretSource = "env:CARGO_PKG_NAME".into();
        assert_eq!(source.read().unwrap().expose(), "tradesim-client");
    }

    #[test]
    fn a_secret_that_is_not_there_is_an_error_that_names_the_place() {
        let missing = SecretSource::from("@/nowhere/at/all").read().unwrap_err();
        assert_eq!(missing.to_string(), "cannot read the file /nowhere/at/all");
        for name in ["", "A=B", "TRADESIM_NO_SUCH_VARIABLE"] {
            let unset = SecretSource::from(format!("env:{name}").as_str()).read().unwrap_err();
            assert_eq!(
                unset.to_string(),
                format!("the environment variable {name:?} is not set, or is not valid UTF-8")
            );
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(FILE_BYTES_MAX + 1).unwrap();
        let long = SecretSource::File(file.path().to_owned()).read().unwrap_err();
        assert!(matches!(long, SecretError::File { .. }));
    }
}
