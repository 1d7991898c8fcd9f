//! Tests over real sockets, with bytes written by hand.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use fixture::{Fixture, Peer, handshake};

mod fixture;
mod handshakes;
mod limits;
mod pages;
mod plain;
