//! The thread that waits for the network, so that readers and writers of archives stay synchronous.

use std::{
    future::Future,
    io,
    sync::{
        OnceLock,
        mpsc::{Receiver, sync_channel},
    },
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

/// Returns the runtime of this process, which is made at the first use and never ends: a runtime that ends must not do so on a
/// thread of another, and callers are on threads of all kinds.
pub(crate) fn handle() -> io::Result<Handle> {
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(4)
            .thread_name("object-storage")
            .enable_io()
            .enable_time()
            .build()
    });
    match runtime {
        Ok(runtime) => Ok(runtime.handle().clone()),
        Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
    }
}

/// The result of a task, which may be dropped to cancel it.
pub(crate) struct Waiting<T> {
    result: Receiver<T>,
    task: JoinHandle<()>,
}

impl<T: Send + 'static> Waiting<T> {
    pub(crate) fn start(handle: &Handle, future: impl Future<Output = T> + Send + 'static) -> Waiting<T> {
        let (sender, result) = sync_channel(1);
        let task = handle.spawn(async move {
            // nobody waits for a cancelled result
            let _ = sender.send(future.await);
        });
        Waiting { result, task }
    }

    /// Blocks this thread until the task is done; `None` if it panicked.
    pub(crate) fn wait(self) -> Option<T> {
        self.result.recv().ok()
    }
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
