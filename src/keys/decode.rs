//! Decodes keys from the bytes of a terminal.

/// The keys that have a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Space,
    Right,
    Up,
    Down,
    Q,
}

/// Decodes keys, however the bytes are split. Ignores all other keys.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Ground,
    /// After an escape character.
    Escape,
    /// In a sequence that began with `ESC [` or `ESC O`; `bare` until it has parameters.
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
            // parameters mean a different key, such as an arrow with shift
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
            // a key with alt, or a typed escape; in both cases a q is not the key Q
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
