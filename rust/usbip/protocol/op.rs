// SPDX-License-Identifier: GPL-2.0

//! The op phase: what client and server say to each other before the kernel takes the socket.
//!
//! Userspace only; layouts of `tools/usb/usbip/src/usbip_network.h`, integers big-endian. Decoding
//! never trusts a length, a string terminator or an enumeration value that came from the wire.

use core::fmt;

/// Protocol version both sides must speak, `USBIP_VERSION`.
pub const VERSION: u16 = 0x0111;

/// Size in bytes of [`OpHeader`] on the wire.
pub const OP_HEADER_LEN: usize = 8;

/// Size in bytes of a bus id field, NUL included, `SYSFS_BUS_ID_SIZE`.
pub const BUSID_LEN: usize = 32;

/// Size in bytes of a sysfs path field, NUL included, `SYSFS_PATH_MAX`.
pub const PATH_LEN: usize = 256;

/// Size in bytes of [`UsbDevice`] on the wire.
pub const USB_DEVICE_LEN: usize = 312;

/// Size in bytes of an interface record on the wire.
pub const USB_INTERFACE_LEN: usize = 4;

/// Most devices believed in one device list: 64 buses (`USB_MAXBUS`) of 127 devices each.
pub const MAX_LISTED_DEVICES: u32 = 64 * 127;

/// Bit set in the code of a request and clear in the code of its reply.
const REQUEST_BIT: u16 = 0x8000;

/// What is wrong with a message of the op phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpError {
    /// Fewer bytes than the record needs.
    Truncated,
    /// The peer speaks another protocol version (its value).
    Version(u16),
    /// The reply answers some other request (its code).
    UnexpectedCode(u16),
    /// The peer refused, or a request carried a status.
    Status(OpStatus),
    /// The peer announces more devices than a machine can have.
    TooManyDevices(u32),
}

impl fmt::Display for OpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("message is too short"),
            Self::Version(version) => write!(f, "peer speaks version {version:#06x}"),
            Self::UnexpectedCode(code) => write!(f, "unexpected message code {code:#06x}"),
            Self::Status(status) => f.write_str(status.text()),
            Self::TooManyDevices(count) => write!(f, "peer announces {count} devices"),
        }
    }
}

impl core::error::Error for OpError {}

/// The operations somebody implements; `usbip_network.h` names four more that nobody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Import one device.
    Import,
    /// List exportable devices.
    DevList,
}

impl Operation {
    /// Code of a request for this operation.
    pub const fn request_code(self) -> u16 {
        REQUEST_BIT | self.reply_code()
    }

    /// Code of a reply to this operation.
    pub const fn reply_code(self) -> u16 {
        match self {
            Self::Import => 0x03,
            Self::DevList => 0x05,
        }
    }

    /// The operation a request code asks for; `None` for replies and unknown codes.
    pub fn from_request_code(code: u16) -> Option<Self> {
        [Self::Import, Self::DevList]
            .into_iter()
            .find(|operation| operation.request_code() == code)
    }
}

/// Status field of [`OpHeader`]: a number of the peer's choice, some of which have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpStatus(pub u32);

impl OpStatus {
    /// `ST_OK`; the only value a request may carry.
    pub const OK: Self = Self(0);
    /// `ST_NA`: the request failed for a reason without a number of its own.
    pub const NOT_AVAILABLE: Self = Self(1);
    /// `ST_DEV_BUSY`: another client uses the device.
    pub const DEVICE_BUSY: Self = Self(2);
    /// `ST_DEV_ERR`: the device is unusable until it is bound again.
    pub const DEVICE_ERROR: Self = Self(3);
    /// `ST_NODEV`: no such device is exported.
    pub const NO_DEVICE: Self = Self(4);
    /// `ST_ERROR`: the reply makes no sense. C never puts it on the wire.
    pub const UNEXPECTED: Self = Self(5);

    /// Text the tools print (`usbip_common.c:usbip_op_common_status_string`).
    pub const fn text(self) -> &'static str {
        match self {
            Self::OK => "Request Completed Successfully",
            Self::NOT_AVAILABLE => "Request Failed",
            Self::DEVICE_BUSY => "Device busy (exported)",
            Self::DEVICE_ERROR => "Device in error state",
            Self::NO_DEVICE => "Device not found",
            Self::UNEXPECTED => "Unexpected response",
            _ => "Unknown Op Common Status",
        }
    }
}

/// Header of every message of the op phase, `struct op_common`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpHeader {
    /// Protocol version of the sender, [`VERSION`] expected.
    pub version: u16,
    /// Operation, with the request bit in requests.
    pub code: u16,
    /// Outcome in replies, [`OpStatus::OK`] in requests.
    pub status: OpStatus,
}

impl OpHeader {
    /// Header of a request.
    pub const fn request(operation: Operation) -> Self {
        Self {
            version: VERSION,
            code: operation.request_code(),
            status: OpStatus::OK,
        }
    }

    /// Header of a reply.
    pub const fn reply(operation: Operation, status: OpStatus) -> Self {
        Self {
            version: VERSION,
            code: operation.reply_code(),
            status,
        }
    }

    /// The bytes to send.
    pub fn encode(&self) -> [u8; OP_HEADER_LEN] {
        pack(
            self.version
                .to_be_bytes()
                .into_iter()
                .chain(self.code.to_be_bytes())
                .chain(self.status.0.to_be_bytes()),
        )
    }

    /// Reads a header; bytes after it are ignored.
    ///
    /// # Errors
    /// [`OpError::Truncated`]; the fields are not judged, see [`Self::check_request`].
    pub fn decode(bytes: &[u8]) -> Result<Self, OpError> {
        let mut input = Input(bytes);
        Ok(Self {
            version: input.u16()?,
            code: input.u16()?,
            status: OpStatus(input.u32()?),
        })
    }

    /// Judges a received request as `usbip_net_recv_op_common` does, without looking at the code.
    ///
    /// # Errors
    /// [`OpError::Version`] or [`OpError::Status`]; either way C closes without a reply.
    pub fn check_request(&self) -> Result<(), OpError> {
        if self.version != VERSION {
            return Err(OpError::Version(self.version));
        }
        match self.status {
            OpStatus::OK => Ok(()),
            status => Err(OpError::Status(status)),
        }
    }

    /// Judges a received reply: version first, then code, then status.
    ///
    /// # Errors
    /// [`OpError::Version`], [`OpError::UnexpectedCode`] or [`OpError::Status`].
    pub fn check_reply(&self, operation: Operation) -> Result<(), OpError> {
        if self.version == VERSION && self.code != operation.reply_code() {
            return Err(OpError::UnexpectedCode(self.code));
        }
        self.check_request()
    }
}

/// A string field of `N` bytes whose last byte is always NUL.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<const N: usize>([u8; N]);

impl<const N: usize> Text<N> {
    /// Takes at most `N - 1` bytes, up to the first NUL; the rest is zero.
    pub fn new(text: &[u8]) -> Self {
        let kept = text.iter().copied().take(N.saturating_sub(1));
        Self(pack(kept.take_while(|byte| *byte != 0)))
    }

    /// The text without its terminator. Bytes from a peer: any value but NUL may occur.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.split(|byte| *byte == 0).next().unwrap_or(&[])
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

/// Bus id field, 31 bytes usable.
pub type BusIdText = Text<BUSID_LEN>;

/// Sysfs path field, 255 bytes usable.
pub type PathText = Text<PATH_LEN>;

/// One device record, `struct usbip_usb_device`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsbDevice {
    /// Sysfs path on the server, for people to read.
    pub path: PathText,
    /// Bus id on the server, the name to import by.
    pub busid: BusIdText,
    /// Bus number on the server; upper half of the devid.
    pub busnum: u32,
    /// Device number on that bus; lower half of the devid.
    pub devnum: u32,
    /// `enum usb_device_speed`: 0 unknown, 1 low ... 6 super plus; other values kept as received.
    pub speed: u32,
    /// `idVendor` of the device descriptor.
    pub id_vendor: u16,
    /// `idProduct` of the device descriptor.
    pub id_product: u16,
    /// `bcdDevice` of the device descriptor.
    pub bcd_device: u16,
    /// What the device is for.
    pub class: UsbClass,
    /// Active configuration, 0 when the device is not configured.
    pub configuration_value: u8,
    /// Number of configurations.
    pub num_configurations: u8,
    /// Number of interface records that follow in a device list, 0 when not configured.
    pub num_interfaces: u8,
}

impl UsbDevice {
    /// The bytes to send.
    pub fn encode(&self) -> [u8; USB_DEVICE_LEN] {
        let numbers = [self.busnum, self.devnum, self.speed];
        let ids = [self.id_vendor, self.id_product, self.bcd_device];
        let UsbClass(class) = self.class;
        let counts = [
            self.configuration_value,
            self.num_configurations,
            self.num_interfaces,
        ];
        pack(
            self.path
                .0
                .into_iter()
                .chain(self.busid.0)
                .chain(numbers.into_iter().flat_map(u32::to_be_bytes))
                .chain(ids.into_iter().flat_map(u16::to_be_bytes))
                .chain(class)
                .chain(counts),
        )
    }

    /// Reads a record; bytes after it are ignored.
    ///
    /// # Errors
    /// [`OpError::Truncated`].
    pub fn decode(bytes: &[u8]) -> Result<Self, OpError> {
        let mut input = Input(bytes);
        Ok(Self {
            path: Text::new(&input.array::<PATH_LEN>()?),
            busid: Text::new(&input.array::<BUSID_LEN>()?),
            busnum: input.u32()?,
            devnum: input.u32()?,
            speed: input.u32()?,
            id_vendor: input.u16()?,
            id_product: input.u16()?,
            bcd_device: input.u16()?,
            class: UsbClass(input.array()?),
            configuration_value: input.u8()?,
            num_configurations: input.u8()?,
            num_interfaces: input.u8()?,
        })
    }
}

/// Class, subclass and protocol code of a device or an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsbClass(pub [u8; 3]);

impl UsbClass {
    /// The interface record to send, `struct usbip_usb_interface`; the last byte is padding.
    pub const fn encode_interface(&self) -> [u8; USB_INTERFACE_LEN] {
        let [class, sub_class, protocol] = self.0;
        [class, sub_class, protocol, 0]
    }

    /// Reads an interface record; its padding and bytes after it are ignored.
    ///
    /// # Errors
    /// [`OpError::Truncated`].
    pub fn decode_interface(bytes: &[u8]) -> Result<Self, OpError> {
        let [class, sub_class, protocol, _padding] = Input(bytes).array()?;
        Ok(Self([class, sub_class, protocol]))
    }
}

/// The whole import request: header and bus id.
pub fn encode_import_request(busid: &BusIdText) -> [u8; OP_HEADER_LEN + BUSID_LEN] {
    let header = OpHeader::request(Operation::Import).encode();
    pack(header.into_iter().chain(busid.0))
}

/// Reads the number of devices at the head of a device list.
///
/// # Errors
/// [`OpError::Truncated`], or [`OpError::TooManyDevices`] beyond [`MAX_LISTED_DEVICES`].
pub fn decode_device_count(bytes: &[u8]) -> Result<u32, OpError> {
    match Input(bytes).u32()? {
        count if count > MAX_LISTED_DEVICES => Err(OpError::TooManyDevices(count)),
        count => Ok(count),
    }
}

/// Fills an array from `bytes`; short input leaves zeros, long input is cut.
fn pack<const N: usize>(bytes: impl Iterator<Item = u8>) -> [u8; N] {
    let mut out = [0; N];
    for (slot, byte) in out.iter_mut().zip(bytes) {
        *slot = byte;
    }
    out
}

/// Received bytes not yet decoded.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], OpError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(OpError::Truncated)?;
        self.0 = rest;
        Ok(*head)
    }

    fn u8(&mut self) -> Result<u8, OpError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn u16(&mut self) -> Result<u16, OpError> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, OpError> {
        self.array().map(u32::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn import_request_bytes() {
        let bytes = encode_import_request(&Text::new(b"1-2.3"));
        assert_eq!(bytes[..14], *b"\x01\x11\x80\x03\0\0\0\x001-2.3\0");
        assert!(bytes[14..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn text_is_terminated_and_cut() {
        let unterminated = Text::<BUSID_LEN>::new(&[b'x'; 40]);
        assert_eq!(unterminated.as_bytes(), [b'x'; 31]);
        assert_eq!(BusIdText::new(b"1-1\0junk").as_bytes(), b"1-1");
        assert_eq!(Text::<0>::new(b"1-1").as_bytes(), b"");
    }
}
