//! How long nothing has come from a server, and when that is too long.

use std::time::Duration;

use tungstenite::Message;

use super::{Connection, Ending};
use crate::progress::Stopwatch;

/// Silence after which the server is asked for a sign of life, and silence after which it is taken for dead.
const SILENCE_ASKED: Duration = Duration::from_secs(30);
const SILENCE_DEAD: Duration = Duration::from_secs(45);

/// Returns the time since the last message arrived.
#[derive(Debug)]
pub(crate) struct Silence {
    clock: Stopwatch,
    /// True if a ping was sent to the server.
    asked: bool,
}

impl Silence {
    pub(crate) fn new() -> Silence {
        Silence { clock: Stopwatch::start(), asked: false }
    }

    /// Lets the next read of a connection wait, and asks for a sign of life once in a silence. Gives the ending of a
    /// connection that is taken for dead, or that cannot wait.
    pub(crate) fn let_wait(&mut self, connection: &mut Connection, time: Duration) -> Option<Ending> {
        if connection.take_heard() {
            *self = Silence::new();
        }
        let silent = self.clock.elapsed();
        if silent >= SILENCE_DEAD {
            return Some(Ending::Lost(format!("nothing came for {} s", SILENCE_DEAD.as_secs())));
        }
        if !self.asked && silent >= SILENCE_ASKED {
            self.asked = true;
            if let Err(ending) = connection.send(Message::Ping(Default::default())) {
                return Some(ending);
            }
        }
        connection.let_wait(time).err()
    }
}
