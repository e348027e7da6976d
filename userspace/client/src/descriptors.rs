// SPDX-License-Identifier: GPL-2.0

//! Reading a device's descriptors over a connection that no kernel has yet.
//!
//! A device list carries no serial number, and two sticks of one make differ in nothing else; nor
//! does it carry the interfaces of a device that has not been imported since it was exported. The
//! first URBs of an import may as well be ours: they only read descriptors.

use std::io;

use usbip_identity::interface_classes;
use usbip_net::{Channel, ExchangeError};
use usbip_protocol::{CmdSubmit, Direction, Reply, Request, HEADER_LEN};

/// Seqnum of the first request. The kernel starts at 1 and never gets here while it matters.
const FIRST_SEQNUM: u32 = 0xffff_ff00;

/// `bmRequestType` and `bRequest` of GET_DESCRIPTOR to the device (USB 2.0, 9.4.3).
const GET_DESCRIPTOR: [u8; 2] = [0x80, 6];

/// Descriptor types (USB 2.0, table 9-5).
const DEVICE: u8 = 1;
const CONFIGURATION: u8 = 2;
const STRING: u8 = 3;

/// Bytes in a device descriptor, in a configuration descriptor without its interfaces, and in the
/// longest string descriptor.
const DEVICE_LEN: u16 = 18;
const CONFIGURATION_LEN: u16 = 9;
const STRING_LEN: u16 = 255;

/// Strings of a device; `None` where it has none.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Strings {
    /// Name it gives itself.
    pub product: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
}

/// Reads product name and serial number.
///
/// # Errors
/// Those of the exchange; an answer out of order is [`io::ErrorKind::InvalidData`].
pub fn strings(reader: &mut Reader<'_>) -> Result<Strings, ExchangeError> {
    let device = reader.descriptor(DEVICE, 0, 0, DEVICE_LEN)?;
    // iProduct and iSerialNumber (USB 2.0, table 9-8).
    let index = |offset: usize| device.get(offset).copied().filter(|index| *index != 0);
    let (product, serial) = (index(15), index(16));
    if product.is_none() && serial.is_none() {
        return Ok(Strings::default());
    }
    let languages = reader.descriptor(STRING, 0, 0, STRING_LEN)?;
    let language = match languages.get(2..4) {
        Some(&[low, high]) => u16::from_le_bytes([low, high]),
        _ => return Ok(Strings::default()),
    };
    let mut string = |index: Option<u8>| match index {
        Some(index) => reader
            .descriptor(STRING, index, language, STRING_LEN)
            .map(|bytes| text(&bytes)),
        None => Ok(None),
    };
    Ok(Strings {
        product: string(product)?,
        serial: string(serial)?,
    })
}

/// Reads class, subclass and protocol of each interface of the first configuration.
///
/// # Errors
/// As of [`strings`].
pub fn interfaces(reader: &mut Reader<'_>) -> Result<Vec<[u8; 3]>, ExchangeError> {
    let header = reader.descriptor(CONFIGURATION, 0, 0, CONFIGURATION_LEN)?;
    // wTotalLength (USB 2.0, table 9-10).
    let Some(&[low, high]) = header.get(2..4) else {
        return Ok(Vec::new());
    };
    let length = u16::from_le_bytes([low, high]);
    let whole = reader.descriptor(CONFIGURATION, 0, 0, length)?;
    Ok(interface_classes(&whole))
}

/// Asks one device.
pub struct Reader<'a> {
    channel: &'a mut Channel,
    devid: u32,
    seqnum: u32,
}

impl<'a> Reader<'a> {
    /// Asks the device with the server's number `devid`, which was imported over `channel`.
    pub fn new(channel: &'a mut Channel, devid: u32) -> Self {
        Self {
            channel,
            devid,
            seqnum: FIRST_SEQNUM,
        }
    }

    /// One descriptor; empty when the device does not have it.
    fn descriptor(
        &mut self,
        kind: u8,
        index: u8,
        language: u16,
        length: u16,
    ) -> Result<Vec<u8>, ExchangeError> {
        self.seqnum = self.seqnum.wrapping_add(1);
        let [request_type, request] = GET_DESCRIPTOR;
        let [language_low, language_high] = language.to_le_bytes();
        let [length_low, length_high] = length.to_le_bytes();
        let submit = Request::Submit(CmdSubmit {
            seqnum: self.seqnum,
            devid: self.devid,
            direction: Direction::In,
            ep: 0,
            flags: 0,
            length: u32::from(length),
            start_frame: 0,
            packets: 0,
            interval: 0,
            setup: [
                request_type,
                request,
                index,
                kind,
                language_low,
                language_high,
                length_low,
                length_high,
            ],
        });
        self.channel.send(&submit.encode())?;
        self.answer(length)
    }

    fn answer(&mut self, length: u16) -> Result<Vec<u8>, ExchangeError> {
        let nonsense = || ExchangeError::Io(io::ErrorKind::InvalidData.into());
        let header = self.channel.receive::<HEADER_LEN>()?;
        let reply = match Reply::decode(&header) {
            Ok(Reply::Submit(reply)) if reply.seqnum == self.seqnum => reply,
            _ => return Err(nonsense()),
        };
        let count = reply.checked_length(u32::from(length));
        let count = count.map_err(|_| nonsense())?;
        let mut bytes = Vec::new();
        for _ in 0..count {
            bytes.extend(self.channel.receive::<1>()?);
        }
        match reply.checked_status() {
            0 => Ok(bytes),
            _ => Ok(Vec::new()),
        }
    }
}

/// Text of a string descriptor: two bytes of header, then UTF-16.
fn text(descriptor: &[u8]) -> Option<String> {
    let length = usize::from(*descriptor.first()?);
    let units: Vec<_> = descriptor
        .get(2..length.min(descriptor.len()))?
        .chunks_exact(2)
        .filter_map(|pair| Some(u16::from_le_bytes([*pair.first()?, *pair.get(1)?])))
        .collect();
    Some(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::thread;
    use std::time::Duration;
    use usbip_net::Patience;
    use usbip_protocol::RetSubmit;

    /// Answers each request with the next of `replies`: a status and bytes.
    fn device(replies: Vec<(i32, Vec<u8>)>) -> Channel {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _peer) = listener.accept().unwrap();
            for (status, bytes) in replies {
                let mut header = [0; HEADER_LEN];
                stream.read_exact(&mut header).unwrap();
                let Ok(Request::Submit(submit)) = Request::decode(&header) else {
                    panic!("no submit");
                };
                assert_eq!(submit.devid, 0x0001_0002);
                let reply = Reply::Submit(RetSubmit {
                    seqnum: submit.seqnum,
                    status,
                    actual_length: bytes.len().try_into().unwrap(),
                    start_frame: 0,
                    packets: 0,
                    error_count: 0,
                });
                stream.write_all(&reply.encode()).unwrap();
                stream.write_all(&bytes).unwrap();
            }
        });
        let patience = Patience::PerWait(Duration::from_secs(5));
        Channel::new(TcpStream::connect(address).unwrap(), patience)
    }

    fn descriptor(product: u8, serial: u8) -> (i32, Vec<u8>) {
        let mut bytes = vec![18, 1];
        bytes.resize(15, 0);
        bytes.extend([product, serial, 1]);
        (0, bytes)
    }

    fn string(text: &str) -> (i32, Vec<u8>) {
        let units: Vec<_> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let length = u8::try_from(units.len() + 2).unwrap();
        (0, [&[length, 3], &units[..]].concat())
    }

    fn read(replies: Vec<(i32, Vec<u8>)>) -> Result<Strings, ExchangeError> {
        strings(&mut Reader::new(&mut device(replies), 0x0001_0002))
    }

    #[test]
    fn product_and_serial() {
        let languages = (0, vec![4, 3, 9, 4]);
        let replies = vec![descriptor(2, 3), languages, string("Stick ü"), string("S1")];
        let strings = read(replies).unwrap();
        assert_eq!(strings.product.as_deref(), Some("Stick ü"));
        assert_eq!(strings.serial.as_deref(), Some("S1"));
    }

    #[test]
    fn devices_without_strings_or_with_stalls() {
        let strings = read(vec![descriptor(0, 0)]).unwrap();
        assert_eq!(strings, Strings::default());
        let replies = vec![descriptor(0, 3), (0, vec![4, 3, 9, 4]), (-32, vec![])];
        let strings = read(replies).unwrap();
        assert_eq!(strings, Strings::default());
    }

    #[test]
    fn interfaces_of_the_first_configuration() {
        let header = vec![9, 2, 18, 0, 1, 1, 0, 0x80, 50];
        let whole = [&header[..], &[9, 4, 0, 0, 2, 8, 6, 0x50, 0]].concat();
        let mut channel = device(vec![(0, header), (0, whole)]);
        let classes = interfaces(&mut Reader::new(&mut channel, 0x0001_0002)).unwrap();
        assert_eq!(classes, [[8, 6, 0x50]]);
        let mut channel = device(vec![(-32, vec![])]);
        let classes = interfaces(&mut Reader::new(&mut channel, 0x0001_0002)).unwrap();
        assert!(classes.is_empty());
    }

    #[test]
    fn nonsense_is_an_error() {
        let too_long = vec![0; 19];
        let result = read(vec![(0, too_long)]);
        assert!(matches!(result, Err(ExchangeError::Io(_))), "{result:?}");
    }
}
