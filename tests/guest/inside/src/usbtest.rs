// SPDX-License-Identifier: GPL-2.0
//! usbtest: has the kernel's usbtest driver run its test cases on a device.
//!
//! ```text
//! usbtest NODE < CASES
//! ```
//!
//! A line of CASES is "CASE ITERATIONS LENGTH VARY SGLEN", each a number; see tools/usb/testusb.c of the kernel.
//! For every line prints "CASE ERRNO MILLISECONDS", with ERRNO 0 for a test that passed. Ends with 0 if all were run.

use std::ffi::c_void;
use std::fs::OpenOptions;
use std::io::{Error, Result};
use std::os::fd::AsRawFd;
use std::time::Instant;

extern "C" {
    fn ioctl(fd: i32, request: u64, ...) -> i32;
}

/// struct usbtest_param_64 of drivers/usb/misc/usbtest.c.
#[repr(C)]
struct Test {
    case: u32,
    iterations: u32,
    length: u32,
    vary: u32,
    sglen: u32,
    seconds: i64,
    microseconds: i64,
}

/// struct usbdevfs_ioctl.
#[repr(C)]
struct DriverCall {
    interface: i32,
    code: i32,
    data: *mut c_void,
}

const fn request(number: u64, size: usize) -> u64 {
    3 << 30 | (size as u64) << 16 | (b'U' as u64) << 8 | number
}

const CALL_DRIVER: u64 = request(18, size_of::<DriverCall>());
const TEST: u64 = request(100, size_of::<Test>());

fn parse(line: &str) -> Result<Test> {
    let numbers: Vec<u32> =
        line.split_whitespace().map(str::parse).collect::<std::result::Result<_, _>>().map_err(Error::other)?;
    match numbers[..] {
        [case, iterations, length, vary, sglen] => {
            Ok(Test { case, iterations, length, vary, sglen, seconds: 0, microseconds: 0 })
        }
        _ => Err(Error::other(format!("not five numbers: {line}"))),
    }
}

fn run(device: &impl AsRawFd, test: &mut Test) -> i32 {
    let mut call = DriverCall { interface: 0, code: TEST as i32, data: std::ptr::from_mut(test).cast() };
    // SAFETY: CALL_DRIVER takes a `DriverCall`, and usbtest, which the code is for, a `Test`; both outlive the call.
    match unsafe { ioctl(device.as_raw_fd(), CALL_DRIVER, &mut call) } {
        code if code < 0 => Error::last_os_error().raw_os_error().unwrap_or(-1),
        _ => 0,
    }
}

fn main() -> Result<()> {
    let node = std::env::args().nth(1).ok_or_else(|| Error::other("usage: usbtest NODE < CASES"))?;
    let device = OpenOptions::new().read(true).write(true).open(node)?;
    for line in std::io::stdin().lines() {
        let mut test = parse(&line?)?;
        let start = Instant::now();
        let errno = run(&device, &mut test);
        println!("{} {} {}", test.case, errno, start.elapsed().as_millis());
    }
    Ok(())
}
