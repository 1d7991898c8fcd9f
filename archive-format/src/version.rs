//! The version of the archive format. It is independent of the `schema_version` of messages and of the crate's version.

use std::fmt;

/// A version of the archive format that this build supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormatVersion {
    major: u16,
    minor: u16,
}

impl FormatVersion {
    /// The version of the archives that this build writes, except for parts of a recording and for labels.
    pub const CURRENT: FormatVersion = FormatVersion { major: 1, minor: 0 };

    /// The version of archives that state what a part needs or have labels of planned events, which is the newest version that this build knows.
    pub const WITH_PARTS: FormatVersion = FormatVersion { major: 1, minor: 1 };

    /// Returns the major version. It increases with changes that older readers cannot read.
    pub const fn major(self) -> u16 {
        self.major
    }

    /// Returns the minor version. It increases with additions that older readers may ignore.
    pub const fn minor(self) -> u16 {
        self.minor
    }

    /// Parses a version such as "1.0". Returns `None` for any other form, and for an unsupported major version.
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
    /// Creates any version, to write unsupported files in tests.
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
