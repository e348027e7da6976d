// SPDX-License-Identifier: GPL-2.0

//! The state of a root hub's ports, and the requests that read and change it.
//!
//! Sources: USB 2.0, 11.24; USB 3.2, 10.16; C's `vhci_hub_control()`, whose visible behaviour this
//! has, with a timer per port, no stale speed bits and no connection without a device.

use super::{
    root_hub::HubRequest,
    Speed, //
};
use kernel::{
    prelude::*,
    time::{
        Delta,
        Instant,
        Monotonic, //
    }, //
};
use usbip_bindings as feat;

#[cfg(CONFIG_KUNIT = "y")]
mod tests;

/// How long a port signals reset.
const RESET_TIME: Delta = Delta::from_millis(50);
/// How long a port waits for the device on the other end of the wire to be reset, at most; usbcore
/// gives a reset 800 ms (`HUB_RESET_TIMEOUT`).
const REMOTE_RESET_TIME: Delta = Delta::from_millis(700);
/// How long a port signals resume.
const RESUME_TIME: Delta = Delta::from_millis(20);

const C_CONNECTION: u32 = 1 << feat::USB_PORT_FEAT_C_CONNECTION;
const C_SUSPEND: u32 = 1 << feat::USB_PORT_FEAT_C_SUSPEND;
const C_RESET: u32 = 1 << feat::USB_PORT_FEAT_C_RESET;
/// All change bits that make a hub report a port: connection, enable, suspend, over-current, reset.
const CHANGES: u32 = 0x1f << 16;
const SPEED_BITS: u32 = feat::USB_PORT_STAT_LOW_SPEED | feat::USB_PORT_STAT_HIGH_SPEED;

/// `bmRequestType << 8 | bRequest` of the requests a root hub knows.
mod request {
    pub(super) const CLEAR_HUB_FEATURE: u16 = 0x2001;
    pub(super) const CLEAR_PORT_FEATURE: u16 = 0x2301;
    pub(super) const GET_DESCRIPTOR: u16 = 0x8006;
    pub(super) const GET_HUB_DESCRIPTOR: u16 = 0xa006;
    pub(super) const GET_HUB_STATUS: u16 = 0xa000;
    pub(super) const GET_PORT_STATUS: u16 = 0xa300;
    pub(super) const SET_HUB_FEATURE: u16 = 0x2003;
    pub(super) const SET_PORT_FEATURE: u16 = 0x2303;
    pub(super) const GET_PORT_ERROR_COUNT: u16 = 0xa30d;
    pub(super) const SET_HUB_DEPTH: u16 = 0x200c;
}

/// The two root hubs of a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubKind {
    /// Low, full and high speed.
    Usb2,
    /// SuperSpeed and above.
    Usb3,
}

impl HubKind {
    const fn power_bit(self) -> u32 {
        match self {
            Self::Usb2 => feat::USB_PORT_STAT_POWER,
            Self::Usb3 => feat::USB_SS_PORT_STAT_POWER,
        }
    }

    /// The bits that tell the speed of a device, on this hub.
    const fn speed_bits(self, speed: Speed) -> u32 {
        match (self, speed) {
            (Self::Usb2, Speed::High) => feat::USB_PORT_STAT_HIGH_SPEED,
            (Self::Usb2, Speed::Low) => feat::USB_PORT_STAT_LOW_SPEED,
            _ => 0,
        }
    }
}

/// One port: the status word (change bits in the high half), what is attached, and the signalling
/// that is under way.
#[derive(Default)]
struct HubPort {
    status: u32,
    attached: Option<Speed>,
    reset_since: Option<Instant<Monotonic>>,
    /// The reset waits for the device itself.
    remote_reset: bool,
    resume_since: Option<Instant<Monotonic>>,
}

/// The ports of a root hub.
pub struct HubState {
    kind: HubKind,
    ports: KVec<HubPort>,
}

impl HubState {
    /// A hub with `count` unpowered, empty ports. Task context.
    pub fn new(kind: HubKind, count: usize) -> Result<Self> {
        let mut ports = KVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            ports.push(HubPort::default(), GFP_KERNEL)?;
        }
        Ok(Self { kind, ports })
    }

    /// A device appears at the port with the index `port`.
    pub fn connect(&mut self, port: usize, speed: Speed) {
        let kind = self.kind;
        if let Some(port) = self.ports.get_mut(port) {
            port.attached = Some(speed);
            port.status |= feat::USB_PORT_STAT_CONNECTION | C_CONNECTION | kind.speed_bits(speed);
        }
    }

    /// The device at the port with the index `port` is gone.
    pub fn disconnect(&mut self, port: usize) {
        let kind = self.kind;
        if let Some(port) = self.ports.get_mut(port) {
            port.attached = None;
            port.remote_reset = false;
            port.status &= !(feat::USB_PORT_STAT_CONNECTION | feat::USB_PORT_STAT_ENABLE);
            if kind == HubKind::Usb2 {
                port.status &= !SPEED_BITS;
            }
            port.status |= C_CONNECTION;
        }
    }

    /// Whether `request` resets a port; its index.
    pub fn reset_port(request: HubRequest) -> Option<usize> {
        let is_reset = matches!(
            u32::from(request.value),
            feat::USB_PORT_FEAT_RESET | feat::USB_PORT_FEAT_BH_PORT_RESET
        );
        if request.type_req == request::SET_PORT_FEATURE && is_reset {
            usize::from(request.index & 0xff).checked_sub(1)
        } else {
            None
        }
    }

    /// Has the reset of a port wait for the device itself, or wait no more.
    pub fn set_remote_reset(&mut self, port: usize, waits: bool) {
        if let Some(port) = self.ports.get_mut(port) {
            port.remote_reset = waits;
        }
    }

    /// The number of ports with a device.
    pub fn connections(&self) -> usize {
        let connected = |port: &&HubPort| port.status & feat::USB_PORT_STAT_CONNECTION != 0;
        self.ports.iter().filter(connected).count()
    }

    /// Whether the port named by `wIndex` of a request has a change to report.
    pub fn has_change(&self, index: u16) -> bool {
        let port = usize::from(index & 0xff).checked_sub(1);
        port.and_then(|port| self.ports.get(port))
            .is_some_and(|port| port.status & CHANGES != 0)
    }

    /// Sets a bit in `map` for each port with a change; returns the bytes used, 0 without changes.
    pub fn changes(&self, map: &mut [u8]) -> usize {
        let length = (self.ports.len() + 1).div_ceil(8);
        let Some(map) = map.get_mut(..length) else {
            return 0;
        };
        map.fill(0);
        let mut changed = false;
        for (index, port) in (1..).zip(self.ports.iter()) {
            if let (true, Some(byte)) = (port.status & CHANGES != 0, map.get_mut(index / 8)) {
                *byte |= 1 << (index % 8);
                changed = true;
            }
        }
        if changed {
            length
        } else {
            0
        }
    }

    /// Answers a request; returns the bytes of `reply` that usbcore does not know by itself. Fails
    /// with `EPIPE`, a protocol stall, for what the hub does not support.
    pub fn control(&mut self, request: HubRequest, reply: &mut [u8]) -> Result<usize> {
        let kind = self.kind;
        match (request.type_req, kind) {
            (request::CLEAR_HUB_FEATURE, _) => Ok(0),
            (request::GET_HUB_STATUS | request::GET_PORT_ERROR_COUNT, HubKind::Usb3)
            | (request::GET_HUB_STATUS, HubKind::Usb2) => write(reply, &[0; 4]),
            (request::SET_HUB_DEPTH, HubKind::Usb3) => Ok(0),
            (request::SET_HUB_FEATURE, _) => Err(EPIPE),
            (request::GET_HUB_DESCRIPTOR, _) => self.hub_descriptor(request, reply),
            (request::GET_DESCRIPTOR, HubKind::Usb3) => bos_descriptor(request, reply),
            (request::GET_PORT_STATUS, _) => {
                let status = self.port(request)?.settle(kind);
                write(reply, &status.to_le_bytes())
            }
            (request::CLEAR_PORT_FEATURE, _) => {
                self.port(request)?.clear_feature(kind, request.value)
            }
            (request::SET_PORT_FEATURE, _) => self.set_port_feature(request),
            _ => Err(EPIPE),
        }
    }

    /// The port a request names in the low byte of `wIndex`, counted from 1.
    fn port(&mut self, request: HubRequest) -> Result<&mut HubPort> {
        usize::from(request.index & 0xff)
            .checked_sub(1)
            .and_then(|port| self.ports.get_mut(port))
            .ok_or(EPIPE)
    }

    fn set_port_feature(&mut self, request: HubRequest) -> Result<usize> {
        let kind = self.kind;
        match (u32::from(request.value), kind) {
            // There is no link to put into a state: the request is accepted, for any port.
            (
                feat::USB_PORT_FEAT_LINK_STATE
                | feat::USB_PORT_FEAT_U1_TIMEOUT
                | feat::USB_PORT_FEAT_U2_TIMEOUT,
                HubKind::Usb3,
            ) => Ok(0),
            (
                feat::USB_PORT_FEAT_LINK_STATE
                | feat::USB_PORT_FEAT_U1_TIMEOUT
                | feat::USB_PORT_FEAT_U2_TIMEOUT
                | feat::USB_PORT_FEAT_BH_PORT_RESET,
                HubKind::Usb2,
            )
            | (feat::USB_PORT_FEAT_SUSPEND, HubKind::Usb3) => Err(EPIPE),
            (feature, _) => self.port(request)?.set_feature(kind, feature),
        }
    }

    fn hub_descriptor(&self, request: HubRequest, reply: &mut [u8]) -> Result<usize> {
        let count = self.ports.len() as u8;
        match self.kind {
            // USB 2.0, table 11-13: no device is fixed, and the mask that USB 1.0 had is all ones.
            HubKind::Usb2 => {
                let width = usize::from(count / 8 + 1);
                let length = 7 + 2 * width;
                let mut descriptor = [0; 15];
                let fixed = [length as u8, 0x29, count, 1, 0, 0, 0];
                write(&mut descriptor, &fixed)?;
                descriptor
                    .get_mut(7 + width..length)
                    .ok_or(EPIPE)?
                    .fill(0xff);
                write(reply, descriptor.get(..length).ok_or(EPIPE)?)
            }
            // USB 3.2, table 10-3: the worst decoding latency, every device marked removable.
            HubKind::Usb3 if request.length >= 12 && request.value == 0x2a00 => {
                write(reply, &[12, 0x2a, count, 1, 0, 0, 0, 4, 0, 0, 0xff, 0xff])
            }
            HubKind::Usb3 => Err(EPIPE),
        }
    }
}

impl HubPort {
    /// Ends reset and resume signalling that has lasted long enough; returns the status word.
    ///
    /// Whoever resets or resumes a port reads its status until that is over.
    fn settle(&mut self, kind: HubKind) -> u32 {
        let over = |since: &mut Option<Instant<Monotonic>>, time| {
            since.take_if(|since| since.elapsed() > time).is_some()
        };
        let reset_time = if self.remote_reset {
            REMOTE_RESET_TIME
        } else {
            RESET_TIME
        };
        if over(&mut self.resume_since, RESUME_TIME) {
            self.status |= C_SUSPEND;
            self.status &= !feat::USB_PORT_STAT_SUSPEND;
        }
        if self.status & feat::USB_PORT_STAT_RESET != 0 && over(&mut self.reset_since, reset_time) {
            self.remote_reset = false;
            self.status |= C_RESET;
            self.status &= !feat::USB_PORT_STAT_RESET;
            if let Some(speed) = self.attached {
                self.status |= feat::USB_PORT_STAT_ENABLE | kind.speed_bits(speed);
            }
        }
        self.status
    }

    fn clear_feature(&mut self, kind: HubKind, feature: u16) -> Result<usize> {
        match (u32::from(feature), kind) {
            (feat::USB_PORT_FEAT_SUSPEND, HubKind::Usb3) => return Err(EPIPE),
            (feat::USB_PORT_FEAT_SUSPEND, HubKind::Usb2) => {
                if self.status & feat::USB_PORT_STAT_SUSPEND != 0 {
                    self.resume_since = Some(Instant::now());
                }
            }
            (feat::USB_PORT_FEAT_POWER, _) => self.status &= !kind.power_bit(),
            (feature @ 0..32, _) => self.status &= !(1 << feature),
            _ => return Err(EPIPE),
        }
        Ok(0)
    }

    fn set_feature(&mut self, kind: HubKind, feature: u32) -> Result<usize> {
        match feature {
            feat::USB_PORT_FEAT_SUSPEND => self.status |= feat::USB_PORT_STAT_SUSPEND,
            feat::USB_PORT_FEAT_POWER => self.status |= kind.power_bit(),
            feat::USB_PORT_FEAT_RESET | feat::USB_PORT_FEAT_BH_PORT_RESET => self.reset(kind),
            0..32 if self.status & kind.power_bit() != 0 => self.status |= 1 << feature,
            0..32 => {}
            _ => return Err(EPIPE),
        }
        Ok(0)
    }

    fn reset(&mut self, kind: HubKind) {
        match kind {
            HubKind::Usb3 => {
                self.status = kind.power_bit() | feat::USB_PORT_STAT_RESET;
                if self.attached.is_some() {
                    self.status |= feat::USB_PORT_STAT_CONNECTION;
                }
            }
            HubKind::Usb2 => {
                if self.status & feat::USB_PORT_STAT_ENABLE != 0 {
                    self.status &= !(feat::USB_PORT_STAT_ENABLE | SPEED_BITS);
                }
                if self.status & kind.power_bit() != 0 {
                    self.status |= feat::USB_PORT_STAT_RESET;
                }
            }
        }
        self.reset_since = Some(Instant::now());
    }
}

/// The binary object store: SuperSpeed at 5 Gbit/s, nothing else (USB 3.2, 9.6.2).
fn bos_descriptor(request: HubRequest, reply: &mut [u8]) -> Result<usize> {
    const BOS: [u8; 15] = [
        0x05, 0x0f, 0x0f, 0x00, 0x01, 0x0a, 0x10, 0x03, 0x00, 0x08, 0x00, 0x03, 0x00, 0x00, 0x00,
    ];
    if request.value >> 8 != 0x0f {
        return Err(EPIPE);
    }
    write(reply, &BOS)?;
    Ok(BOS.len())
}

/// Puts `bytes` at the start of `reply`. usbcore knows the length of what this is used for.
fn write(reply: &mut [u8], bytes: &[u8]) -> Result<usize> {
    reply
        .get_mut(..bytes.len())
        .ok_or(EPIPE)?
        .copy_from_slice(bytes);
    Ok(0)
}
