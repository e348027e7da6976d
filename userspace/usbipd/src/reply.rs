// SPDX-License-Identifier: GPL-2.0

//! Replies.

use usbip_protocol::op::{OpHeader, OpStatus, Operation, UsbClass};
use usbip_sysfs::ExportedDevice;

use crate::exports::is_listed;

/// A device list: number of devices and the bytes to send.
pub fn device_list(devices: &[ExportedDevice]) -> (u32, Vec<u8>) {
    let mut records = Vec::new();
    let mut count = 0;
    for device in devices.iter().filter(|device| is_listed(device)) {
        records.extend(device.record.encode());
        records.extend(
            device
                .interfaces
                .iter()
                .flat_map(UsbClass::encode_interface),
        );
        count += 1;
    }
    let header = OpHeader::reply(Operation::DevList, OpStatus::OK).encode();
    let mut bytes = header.to_vec();
    bytes.extend(u32::to_be_bytes(count));
    bytes.extend(records);
    (count, bytes)
}

/// A refusal to import: the header alone.
pub fn refusal(status: OpStatus) -> Vec<u8> {
    OpHeader::reply(Operation::Import, status).encode().to_vec()
}

/// A successful import: header and device record, no interfaces.
pub fn imported(device: &ExportedDevice) -> Vec<u8> {
    let header = OpHeader::reply(Operation::Import, OpStatus::OK).encode();
    [&header[..], &device.record.encode()].concat()
}
