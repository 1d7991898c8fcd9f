//! Texts that no log and no error shows.

use std::{
    env, fmt,
    fs::File,
    io::{self, Read},
    path::PathBuf,
    str::FromStr,
};

/// The longest file that a secret is read from; a private key with its chain takes a few kilobytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A text that is shown to nobody: its `Debug` says nothing, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text to itself.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text, for whoever has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret is: `@FILE` and `env:NAME` name a place, every other text is the secret itself. Places are looked at by
/// [`SecretSource::read`] and not before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The text itself.
    Text(Secret),
    /// A file; line ends at its end do not count.
    File(PathBuf),
    /// A variable of the environment.
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

/// A secret is not where it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The file cannot be read, or is no text.
    #[error("the file {} cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The variable is not set, or is no text.
    #[error("the environment variable {name:?} is not set to a text")]
    Environment {
        /// The variable.
        name: String,
    },
}

impl SecretSource {
    /// Reads the secret from where it is.
    ///
    /// # Errors
    /// A file that cannot be read, is longer than 1 MiB or no UTF-8, and a variable that is not set.
    pub fn read(&self) -> Result<Secret, SecretError> {
        match self {
            SecretSource::Text(secret) => Ok(secret.clone()),
            SecretSource::File(path) => {
                let text =
                    read_file(path).map_err(|source| SecretError::File { path: path.clone(), source })?;
                Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
            }
            SecretSource::Environment(name) => {
                // an empty name, or one with an equals sign, is looked up in vain
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
        // cargo sets this one for every test
        let source: SecretSource = "env:CARGO_PKG_NAME".into();
        assert_eq!(source.read().unwrap().expose(), "tradesim-bridge");
    }

    #[test]
    fn a_secret_that_is_not_there_is_an_error_that_names_the_place() {
        let missing = SecretSource::from("@/nowhere/at/all").read().unwrap_err();
        assert_eq!(missing.to_string(), "the file /nowhere/at/all cannot be read");
        for name in ["", "A=B", "TRADESIM_NO_SUCH_VARIABLE"] {
            let unset = SecretSource::from(format!("env:{name}").as_str()).read().unwrap_err();
            assert_eq!(unset.to_string(), format!("the environment variable {name:?} is not set to a text"));
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(FILE_BYTES_MAX + 1).unwrap();
        let long = SecretSource::File(file.path().to_owned()).read().unwrap_err();
        assert!(matches!(long, SecretError::File { .. }));
    }
}
