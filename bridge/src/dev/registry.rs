//! A schema registry in memory, with the API that Confluent documents: what serializers, deserializers and we use of it.

mod failure;
mod http;
mod store;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    thread::JoinHandle,
};

use tokio::sync::oneshot;

/// A registry that listens on this machine until the value is dropped.
#[derive(Debug)]
pub struct DevRegistry {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl DevRegistry {
    /// Starts an empty registry whose rule is BACKWARD. Port 0 picks a free one.
    ///
    /// # Errors
    /// The port is taken, or the system gives no socket or thread.
    pub fn start(port: u16) -> io::Result<DevRegistry> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("dev registry".to_owned()).spawn(move || {
            runtime.block_on(async {
                let server = axum::serve(listener, http::router());
                // connections that are open end with the runtime
                tokio::select! {
                    result = server.into_future() => {
                        if let Err(error) = result {
                            tracing::error!(%error, "the registry has stopped");
                        }
                    }
                    _ = stopped => {}
                }
            });
        })?;
        Ok(DevRegistry { address, stop: Some(stop), thread: Some(thread) })
    }

    /// The URL that clients are given.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for DevRegistry {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // a panic over there was reported when it happened
            let _ = thread.join();
        }
    }
}
