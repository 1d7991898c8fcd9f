//! The version of the archive format, which is neither the `schema_version` of a message nor the crate's version.

use std::fmt;

/// A version of the archive format that this build reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormatVersion {
    major: u16,
    minor: u16,
}

impl FormatVersion {
    /// The version that is written.
    pub const CURRENT: FormatVersion = FormatVersion { major: 1, minor: 0 };

    /// Changes that older readers cannot read raise it.
    pub const fn major(self) -> u16 {
        self.major
    }

    /// Additions that older readers may ignore raise it.
    pub const fn minor(self) -> u16 {
        self.minor
    }

    /// Parses "1.0"; `None` for anything else and for a major version that is not read.
    pub fn parse(text: &str) -> Option<FormatVersion> {
        let (major, minor) = text.split_once('.')?;
        let number = |text: &str| -> Option<u16> {
            let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let canonical = text == "0" || !text.starts_with('0');
            if plain && canonical { text.parse().ok() } else { None }
        };
        let version = FormatVersion { major: number(major)?, minor: number(minor)? };
        (version.major == FormatVersion::CURRENT.major).then_some(version)
    }
}

impl fmt::Display for FormatVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
impl FormatVersion {
    /// Any version, to write files that cannot be read.
    pub(crate) const fn of(major: u16, minor: u16) -> FormatVersion {
        FormatVersion { major, minor }
    }
}

#[cfg(test)]
mod tests {
    use super::FormatVersion;

    #[test]
    fn later_minor_versions_are_read_and_other_major_versions_are_not() {
        assert_eq!(FormatVersion::parse("1.0"), Some(FormatVersion::CURRENT));
        assert_eq!(FormatVersion::parse("1.7").map(FormatVersion::minor), Some(7));
        for text in ["2.0", "0.9", "1", "1.", "01.0", "1.00", "1.0.0", "+1.0", "1.-0", "", "1.65536"] {
            assert_eq!(FormatVersion::parse(text), None, "{text}");
        }
    }
}
