//! Catches panics of a parser on malicious input, without printing them to the standard error.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
};

use parquet::errors::ParquetError;

thread_local! {
    /// True while panics of this thread are caught and converted to errors.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs a parser. The hash and the bounds of its input were checked before, so an error or a panic means a defective or
/// malicious writer. Returns either as a text. A panic is not printed, because the caller reports it as bad data.
pub(super) fn guarded<T>(parse: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    install_hook();
    let before = CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(parse));
    CAUGHT.set(before);
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(ParquetError::General(what))) => Err(what),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the parser panicked".to_owned()),
    }
}

/// Installs a panic hook before the existing one, once.
fn install_hook() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !CAUGHT.get() {
                before(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_the_next_parser_runs() {
        let panicked = guarded(|| -> Result<(), ParquetError> { panic!("on purpose") });
        assert_eq!(panicked, Err("the parser panicked".to_owned()));
        assert!(!CAUGHT.get());
        assert_eq!(guarded(|| Ok(7)), Ok(7));
        assert_eq!(guarded::<()>(|| Err(ParquetError::General("why".to_owned()))), Err("why".to_owned()));
    }
}
