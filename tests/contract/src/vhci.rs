// SPDX-License-Identifier: GPL-2.0

//! The virtual host controllers, through their files.

use crate::{attribute, limit};
use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::PathBuf;

/// Where all controllers are.
pub const PLATFORM: &str = "/sys/devices/platform";

/// State of a port with nothing on it.
pub const FREE: u32 = 4;
/// State of a port whose device has an address.
pub const USED: u32 = 6;

/// One row of a status file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `hs` or `ss`.
    pub hub: String,
    /// The number of the port, counted over all controllers.
    pub port: u32,
    /// The state's number.
    pub state: u32,
    /// Everything from the state to the end, without the descriptor's number.
    pub rest: String,
    /// The name of the device on the port.
    pub busid: String,
}

impl Row {
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [hub, port, state, speed, devid, sockfd, busid] = words.as_slice() else {
            return None;
        };
        // Descriptor numbers depend on what else the program has open.
        let sockfd = match sockfd.trim_start_matches('0') {
            "" | "4294967295" => sockfd,
            _ => "fd",
        };
        Some(Self {
            hub: (*hub).to_owned(),
            port: port.parse().ok()?,
            state: state.parse().ok()?,
            rest: format!("{state} {speed} {devid} {sockfd} {busid}"),
            busid: (*busid).to_owned(),
        })
    }

    /// The row as text that is the same in every run.
    pub fn text(&self) -> String {
        format!("{} {:04} {}", self.hub, self.port, self.rest)
    }
}

/// All controllers, whether they are there or not.
#[derive(Clone, Copy)]
pub struct Vhci;

impl Vhci {
    /// A file of the controller that speaks for all.
    pub fn file(self, name: &str) -> PathBuf {
        PathBuf::from(format!("{PLATFORM}/vhci_hcd.0")).join(name)
    }

    /// The number of controllers.
    pub fn controllers(self) -> usize {
        let entries = fs::read_dir(PLATFORM).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("vhci_hcd."))
            .count()
    }

    /// The status file of a controller.
    pub fn status_file(self, controller: usize) -> PathBuf {
        match controller {
            0 => self.file("status"),
            _ => self.file(&format!("status.{controller}")),
        }
    }

    /// The number of ports of each hub.
    pub fn hub_ports(self) -> u32 {
        let rows = self.rows_of(0).len();
        u32::try_from(rows / 2).unwrap_or_default()
    }

    /// The number of ports of all controllers.
    pub fn ports(self) -> u32 {
        attribute::value(self.file("nports"))
            .parse()
            .unwrap_or_default()
    }

    /// The number of a port of a controller, counted over both its hubs.
    pub fn port(self, controller: u32, index: u32) -> u32 {
        controller * 2 * self.hub_ports() + index
    }

    fn rows_of(self, controller: usize) -> Vec<Row> {
        let text = attribute::value(self.status_file(controller));
        text.lines().skip(1).filter_map(Row::parse).collect()
    }

    /// The rows of all controllers.
    pub fn rows(self) -> Vec<Row> {
        (0..self.controllers())
            .flat_map(|controller| self.rows_of(controller))
            .collect()
    }

    /// The row of a port.
    pub fn row(self, port: u32) -> Option<Row> {
        let controller = port.checked_div(self.port(1, 0)).unwrap_or_default();
        let rows = self.rows_of(usize::try_from(controller).unwrap_or_default());
        rows.into_iter().find(|row| row.port == port)
    }

    /// The rows of the ports that are not free, as text.
    pub fn busy(self) -> String {
        let rows = self.rows();
        let busy: Vec<String> = rows
            .iter()
            .filter(|row| row.state != FREE)
            .map(Row::text)
            .collect();
        match busy.as_slice() {
            [] => "all free".to_owned(),
            _ => busy.join(" / "),
        }
    }

    /// Writes a line to `attach`, the socket's number in place of `FD`.
    pub fn attach_line(self, line: &str, socket: BorrowedFd<'_>) -> String {
        let line = line.replace("FD", &socket.as_raw_fd().to_string());
        attribute::write(self.file("attach"), line)
    }

    /// Writes to `detach`.
    pub fn detach(self, text: &str) -> String {
        attribute::write(self.file("detach"), text)
    }

    /// Waits until a port is in a state.
    pub fn wait_state(self, port: u32, state: u32) -> bool {
        limit::wait_until(|| self.row(port).is_some_and(|row| row.state == state))
    }

    /// Detaches whatever there is.
    pub fn detach_all(self) {
        for row in self.rows() {
            if row.state != FREE {
                self.detach(&row.port.to_string());
            }
        }
    }

    /// Detaches whatever there is and waits until every port is free.
    pub fn clear(self) -> bool {
        self.detach_all();
        limit::wait_until(|| self.rows().iter().all(|row| row.state == FREE))
    }
}
