// SPDX-License-Identifier: GPL-2.0

//! The server of a device: one thread reads requests, another carries out transfers in time.

use crate::descriptor;
use crate::device::{Device, Setup};
use crate::queue::Queue;
use crate::speed::Speed;
use crate::wire::{ret_unlink, Command, Submit};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;
use usbip_protocol::{CmdUnlink, Direction};

const EPIPE: i32 = -32;
const ECONNRESET: i32 = -104;

const IN: u8 = 0x80;
const TO_INTERFACE: u8 = 0x01;
const GET_STATUS: u8 = 0;
const CLEAR_FEATURE: u8 = 1;
const SET_FEATURE: u8 = 3;
const GET_DESCRIPTOR: u8 = 6;
const SET_CONFIGURATION: u8 = 9;
const SET_INTERFACE: u8 = 11;
const SET_SEL: u8 = 0x30;
const SET_ISOCH_DELAY: u8 = 0x31;

/// Serves one import.
pub struct Server {
    wire: UnixStream,
    speed: Speed,
    epoch: Instant,
    /// Also held while a reply is written, for replies to go in the order in which things happen.
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    device: Box<dyn Device>,
    queues: BTreeMap<u8, Queue>,
    ended: bool,
}

impl Server {
    /// A server of `device` at one end of a connection.
    pub fn new(wire: UnixStream, speed: Speed, device: Box<dyn Device>) -> Self {
        Self {
            wire,
            speed,
            epoch: Instant::now(),
            state: Mutex::new(State {
                device,
                queues: BTreeMap::new(),
                ended: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Serves until the client closes the connection.
    pub fn serve(&self) -> io::Result<()> {
        thread::scope(|scope| {
            let pacing = scope.spawn(|| self.pace());
            let read = self.read();
            self.state().ended = true;
            self.changed.notify_all();
            let paced = pacing
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("panic")));
            read.and(paced)
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply(&self, bytes: &[u8]) -> io::Result<()> {
        match (&self.wire).write_all(bytes) {
            // The reader will find the connection closed, which is how an import ends.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    fn read(&self) -> io::Result<()> {
        loop {
            match Command::read(&mut &self.wire) {
                Ok(Command::Submit(submit)) => self.submit(submit)?,
                Ok(Command::Unlink(unlink)) => self.unlink(unlink)?,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn submit(&self, submit: Submit) -> io::Result<()> {
        let mut state = self.state();
        if submit.header.ep == 0 {
            let answer = state.control(self.speed, &submit);
            let (status, data) = answer.map_or((EPIPE, Vec::new()), |data| (0, data));
            return self.reply(&submit.reply(status, &data));
        }
        if submit.packets.is_empty() {
            return self.reply(&submit.reply(EPIPE, &[]));
        }
        let frame = self.speed.frame();
        let queue = state
            .queues
            .entry(submit.address())
            .or_insert_with(|| Queue::new(frame));
        queue.push(submit);
        self.changed.notify_all();
        Ok(())
    }

    fn unlink(&self, unlink: CmdUnlink) -> io::Result<()> {
        let mut state = self.state();
        let cancelled = state
            .queues
            .values_mut()
            .any(|queue| queue.cancel(unlink.victim));
        let status = if cancelled { ECONNRESET } else { 0 };
        self.reply(&ret_unlink(unlink.seqnum, status))
    }

    fn pace(&self) -> io::Result<()> {
        let mut state = self.state();
        while !state.ended {
            let now = Instant::now();
            while let Some((start, submit)) = state.pop(now) {
                self.carry_out(&mut state, start, submit)?;
            }
            state = match state.due() {
                None => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let left = due.saturating_duration_since(Instant::now());
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        Ok(())
    }

    /// Moves the packets of a transfer whose time has come.
    fn carry_out(&self, state: &mut State, start: Instant, mut submit: Submit) -> io::Result<()> {
        let address = submit.address();
        let mut data = Vec::new();
        for packet in &mut submit.packets {
            let (offset, length) = (packet.offset as usize, packet.length as usize);
            packet.status = 0;
            packet.actual_length = packet.length;
            if submit.header.direction == Direction::In {
                let sent = state.device.send(address, length);
                packet.actual_length = sent.len() as u32;
                data.extend(sent);
            } else {
                let place = offset..offset + length;
                let received = submit.data.get(place).ok_or_else(|| {
                    io::Error::other(format!("a packet of {length} bytes at {offset}"))
                })?;
                state.device.receive(address, received);
            }
        }
        let frames = (start - self.epoch).as_micros() / self.speed.frame().as_micros();
        self.reply(&submit.reply_packets(&data, frames as i32))
    }
}

impl State {
    fn due(&self) -> Option<Instant> {
        self.queues.values().filter_map(Queue::due).min()
    }

    fn pop(&mut self, now: Instant) -> Option<(Instant, Submit)> {
        self.queues.values_mut().find_map(|queue| queue.pop(now))
    }

    /// The data of a control transfer's answer; none for a stall.
    fn control(&mut self, speed: Speed, submit: &Submit) -> Option<Vec<u8>> {
        let setup = Setup::decode(submit.header.setup);
        let mut data = match (setup.kind & !0x1f, setup.request) {
            (IN, GET_DESCRIPTOR) => {
                let [index, kind] = setup.value.to_le_bytes();
                descriptor::find(&*self.device, speed, kind, index)
            }
            (IN, GET_STATUS) => Some(vec![0, 0]),
            (0, SET_INTERFACE) if setup.kind == TO_INTERFACE => {
                self.device.set_interface(setup.index, setup.value);
                Some(Vec::new())
            }
            (0, CLEAR_FEATURE | SET_FEATURE | SET_CONFIGURATION | SET_SEL | SET_ISOCH_DELAY) => {
                Some(Vec::new())
            }
            _ => self.device.request(setup, &submit.data),
        }?;
        data.truncate(usize::from(setup.length));
        Some(data)
    }
}
