//! From the bytes of a terminal to keys.

/// The keys that mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Space,
    Right,
    Up,
    Down,
    Q,
}

/// Finds keys in what a terminal sends, whatever pieces that comes in. Keys without a meaning are passed over.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Ground,
    /// Behind an escape.
    Escape,
    /// Inside a sequence that began with `ESC [` or `ESC O`, and whether nothing but that was seen of it.
    Sequence { bare: bool },
}

impl Decoder {
    pub(super) fn push(&mut self, byte: u8) -> Option<Key> {
        match (self.state, byte) {
            (_, 0x1b) => {
                self.state = State::Escape;
                None
            }
            (State::Escape, b'[' | b'O') => {
                self.state = State::Sequence { bare: true };
                None
            }
            // parameters, as of an arrow with shift: another key than the arrow
            (State::Sequence { .. }, 0x20..=0x3f) => {
                self.state = State::Sequence { bare: false };
                None
            }
            (State::Sequence { bare }, _) => {
                self.state = State::Ground;
                match byte {
                    b'A' if bare => Some(Key::Up),
                    b'B' if bare => Some(Key::Down),
                    b'C' if bare => Some(Key::Right),
                    _ => None,
                }
            }
            // with alt, or an escape that was typed; a q behind it is not taken for one
            (State::Escape, _) => {
                self.state = State::Ground;
                None
            }
            (State::Ground, b' ') => Some(Key::Space),
            (State::Ground, b'q' | b'Q') => Some(Key::Q),
            (State::Ground, _) => None,
        }
    }
}
