// SPDX-License-Identifier: GPL-2.0

//! Exchanging messages of the op phase.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use log::error;
use thiserror::Error;
use usbip_protocol::op::{OpError, OpHeader, OpStatus, Operation, OP_HEADER_LEN, VERSION};

use crate::LOG_TARGET;

/// How long the peer may take.
#[derive(Clone, Copy, Debug)]
pub enum Patience {
    /// Each wait may last this long: for clients, which expect long answers.
    PerWait(Duration),
    /// Everything must be over by then: for servers, which must get rid of slow clients.
    Until(Instant),
}

/// Why an exchange failed.
#[derive(Debug, Error)]
pub enum ExchangeError {
    /// The peer closed the connection in the middle of a message, or before it.
    #[error("the peer closed the connection")]
    Closed,
    /// The peer took too long.
    #[error("the peer did not answer in time")]
    TimedOut,
    /// The connection failed.
    #[error("{0}")]
    Io(#[source] io::Error),
    /// The peer's message is refused, or the peer refuses ours.
    #[error("{0}")]
    Op(#[from] OpError),
}

impl ExchangeError {
    /// The status to show: the peer's, or "unexpected response" when there is none.
    pub fn status(&self) -> OpStatus {
        match self {
            Self::Op(OpError::Status(status)) => *status,
            _ => OpStatus::UNEXPECTED,
        }
    }
}

impl From<io::Error> for ExchangeError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Closed,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Io(error),
        }
    }
}

/// A connection in its op phase.
#[derive(Debug)]
pub struct Channel {
    stream: TcpStream,
    patience: Patience,
}

impl Channel {
    /// Wraps a connected stream.
    pub fn new(stream: TcpStream, patience: Patience) -> Self {
        Self { stream, patience }
    }

    /// Ends the op phase. The kernel would inherit the time limits of the socket, so they go.
    ///
    /// # Errors
    /// Those of `setsockopt`.
    pub fn into_stream(self) -> io::Result<TcpStream> {
        self.stream.set_read_timeout(None)?;
        self.stream.set_write_timeout(None)?;
        Ok(self.stream)
    }

    /// The stream, for logging only.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends all bytes.
    ///
    /// # Errors
    /// [`ExchangeError::TimedOut`] or [`ExchangeError::Io`].
    pub fn send(&mut self, mut bytes: &[u8]) -> Result<(), ExchangeError> {
        while !bytes.is_empty() {
            self.stream.set_write_timeout(Some(self.next_wait()?))?;
            match self.stream.write(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Receives exactly `N` bytes.
    ///
    /// # Errors
    /// [`ExchangeError::Closed`], [`ExchangeError::TimedOut`] or [`ExchangeError::Io`].
    pub fn receive<const N: usize>(&mut self) -> Result<[u8; N], ExchangeError> {
        let mut bytes = [0; N];
        let mut rest = bytes.as_mut_slice();
        while !rest.is_empty() {
            self.stream.set_read_timeout(Some(self.next_wait()?))?;
            match self.stream.read(rest) {
                Ok(0) => return Err(ExchangeError::Closed),
                Ok(count) => rest = rest.get_mut(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(bytes)
    }

    /// Receives the header of a request; the caller judges its code.
    ///
    /// # Errors
    /// Also [`ExchangeError::Op`] for another version (logged) or a status that is not 0.
    pub fn receive_request(&mut self) -> Result<OpHeader, ExchangeError> {
        let header = self.receive_header()?;
        header.check_request().inspect_err(log_version)?;
        Ok(header)
    }

    /// Receives the header of a reply.
    ///
    /// # Errors
    /// Also [`ExchangeError::Op`] for another version (logged), another code or a refusal.
    pub fn receive_reply(&mut self, operation: Operation) -> Result<(), ExchangeError> {
        let header = self.receive_header()?;
        header.check_reply(operation).inspect_err(log_version)?;
        Ok(())
    }

    fn receive_header(&mut self) -> Result<OpHeader, ExchangeError> {
        let bytes = self.receive::<OP_HEADER_LEN>()?;
        Ok(OpHeader::decode(&bytes)?)
    }

    fn next_wait(&self) -> Result<Duration, ExchangeError> {
        match self.patience {
            Patience::PerWait(limit) => Ok(limit),
            Patience::Until(end) => end
                .checked_duration_since(Instant::now())
                .filter(|left| !left.is_zero())
                .ok_or(ExchangeError::TimedOut),
        }
    }
}

fn log_version(reason: &OpError) {
    if let OpError::Version(version) = reason {
        error!(
            target: LOG_TARGET,
            "USBIP Kernel and tool version mismatch: {version} {VERSION}:"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    fn pair(patience: Patience) -> (Channel, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (peer, _address) = listener.accept().unwrap();
        (Channel::new(stream, patience), peer)
    }

    #[test]
    fn bytes_after_a_message_stay_in_the_socket() {
        let (mut channel, mut peer) = pair(Patience::PerWait(Duration::from_secs(5)));
        peer.write_all(b"replyREST").unwrap();
        assert_eq!(&channel.receive::<5>().unwrap(), b"reply");
        let mut stream = channel.into_stream().unwrap();
        assert_eq!(stream.read_timeout().unwrap(), None);
        let mut rest = [0; 4];
        stream.read_exact(&mut rest).unwrap();
        assert_eq!(&rest, b"REST");
    }

    #[test]
    fn trickling_peer_does_not_extend_the_deadline() {
        let end = Instant::now() + Duration::from_millis(200);
        let (mut channel, mut peer) = pair(Patience::Until(end));
        let trickle = std::thread::spawn(move || {
            while peer.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let result = channel.receive::<1000>();
        assert!(matches!(result, Err(ExchangeError::TimedOut)), "{result:?}");
        assert!(end.elapsed() < Duration::from_secs(2));
        drop(channel);
        trickle.join().unwrap();
    }

    #[test]
    fn close_in_the_middle_is_named() {
        let (mut channel, mut peer) = pair(Patience::PerWait(Duration::from_secs(5)));
        peer.write_all(b"abc").unwrap();
        drop(peer);
        let result = channel.receive::<8>();
        assert!(matches!(result, Err(ExchangeError::Closed)), "{result:?}");
    }
}
