// SPDX-License-Identifier: GPL-2.0

//! A machine for the service and a server that answers it.

use std::cell::RefCell;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{kill_process, Pid, Signal};
use serde_json::Value;
use usbip_fixture::FakeSysfs;
use usbip_protocol::op::{
    BusIdText, OpHeader, OpStatus, Operation, PathText, UsbClass, UsbDevice, BUSID_LEN,
    OP_HEADER_LEN,
};
use usbip_protocol::{Reply, Request, RetSubmit, HEADER_LEN};

/// Longest wait for anything; the longest pause of the service in a test is a few seconds.
const PATIENCE: Duration = Duration::from_secs(30);

const FREE: &str = "hs  0000 006 003 00030004 000003 9-9
hs  0001 004 000 00000000 000000 0-0
hs  0002 004 000 00000000 000000 0-0
ss  0003 004 000 00000000 000000 0-0
";

const TAKEN: &str = "hs  0000 006 003 00030004 000003 9-9
hs  0001 006 003 00010002 000003 1-7
hs  0002 004 000 00000000 000000 0-0
ss  0003 004 000 00000000 000000 0-0
";

/// Everything the service reads and writes.
pub struct Machine {
    pub sysfs: FakeSysfs,
}

/// A running service; killed when dropped.
pub struct Service<'a> {
    machine: &'a Machine,
    child: RefCell<Child>,
}

impl Machine {
    /// A machine with that configuration; the server's port is added to its last entry.
    pub fn new(config: &str, server: &Server) -> Self {
        let sysfs = FakeSysfs::new().unwrap();
        sysfs.load_vhci(4, &[FREE]).unwrap();
        sysfs.add_usb_device("1-7").unwrap();
        fs::create_dir_all(sysfs.root().join("records")).unwrap();
        let machine = Self { sysfs };
        machine.configure(config, server);
        machine
    }

    /// Changes the configuration.
    pub fn configure(&self, config: &str, server: &Server) {
        let text = format!("{config}port = {}\n", server.port);
        self.sysfs.write("connect.toml", text).unwrap();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usbip-connectd"));
        command
            .arg("--config")
            .arg(self.path("connect.toml"))
            .env("USBIP_SYSFS", self.sysfs.root())
            .env("USBIP_STATE", self.path("records"))
            .env("USBIP_RUN", self.path("run"));
        command
    }

    pub fn start(&self) -> Service<'_> {
        let child = RefCell::new(self.command().spawn().unwrap());
        Service {
            machine: self,
            child,
        }
    }

    /// Runs the program to its end; returns what it says.
    pub fn run(&self, args: &[&str]) -> String {
        let output = self.command().args(args).stdout(Stdio::null()).output();
        String::from_utf8(output.unwrap().stderr).unwrap()
    }

    /// What the state file says about the only wanted device.
    pub fn entry(&self) -> Value {
        let text = fs::read_to_string(self.path("run/connectd.json")).unwrap_or_default();
        let state: Value = serde_json::from_str(&text).unwrap_or_default();
        state["attachments"][0].clone()
    }

    pub fn wait_for_state(&self, state: &str) {
        self.wait_until(state, || self.entry()["state"] == state);
    }

    pub fn wait_until(&self, what: &str, condition: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !condition() {
            assert!(Instant::now() < end, "{what}: {}", self.entry());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The kernel shows the device.
    pub fn take_port(&self) {
        self.sysfs.load_vhci(4, &[TAKEN]).unwrap();
    }

    /// The kernel has given the device up.
    pub fn free_port(&self) {
        self.sysfs.load_vhci(4, &[FREE]).unwrap();
    }

    pub fn record(&self, port: u32) -> Option<String> {
        fs::read_to_string(self.path(&format!("records/port{port}"))).ok()
    }

    pub fn write_record(&self, port: u32, text: &str) {
        fs::write(self.path(&format!("records/port{port}")), text).unwrap();
    }

    pub fn remove_record(&self, port: u32) {
        fs::remove_file(self.path(&format!("records/port{port}"))).unwrap();
    }

    /// Writes a port number to the driver's file, as the tools do: without truncating it.
    pub fn write_detach(&self, port: u32) {
        let path = self.path("devices/platform/vhci_hcd.0/detach");
        let mut file = OpenOptions::new().write(true).open(path).unwrap();
        file.write_all(port.to_string().as_bytes()).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.sysfs.root().join(name)
    }
}

impl Service<'_> {
    /// Kills it and starts it again.
    pub fn restart(&self) {
        self.kill();
        self.start_again();
    }

    pub fn kill(&self) {
        self.child.borrow_mut().kill().unwrap();
        self.child.borrow_mut().wait().unwrap();
    }

    /// Has it read its configuration again.
    pub fn reload(&self) {
        let pid = Pid::from_child(&self.child.borrow());
        kill_process(pid, Signal::HUP).unwrap();
    }

    pub fn start_again(&self) {
        *self.child.borrow_mut() = self.machine.command().spawn().unwrap();
    }
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        let _ = self.child.borrow_mut().kill();
        let _ = self.child.borrow_mut().wait();
    }
}

#[derive(Default)]
struct Shop {
    offers: Mutex<Vec<UsbDevice>>,
    imports: Mutex<Vec<String>>,
    is_closed: AtomicBool,
}

/// A server with devices `0781:PRODUCT`; each has the serial number `S-BUSID`.
pub struct Server {
    pub port: u16,
    shop: Arc<Shop>,
    thread: JoinHandle<()>,
}

impl Server {
    pub fn start(devices: &[(&str, u16)]) -> Self {
        Self::start_at(0, devices)
    }

    pub fn start_at(port: u16, devices: &[(&str, u16)]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shop = Arc::new(Shop::default());
        let inside = shop.clone();
        let thread = thread::spawn(move || {
            while let Ok((stream, _peer)) = listener.accept() {
                if inside.is_closed.load(Ordering::Relaxed) {
                    return;
                }
                let inside = inside.clone();
                thread::spawn(move || inside.serve(stream));
            }
        });
        let server = Self { port, shop, thread };
        server.offer(devices);
        server
    }

    pub fn offer(&self, devices: &[(&str, u16)]) {
        let devices = devices
            .iter()
            .map(|(busid, product)| device(busid, *product));
        *self.shop.offers.lock().unwrap() = devices.collect();
    }

    /// What was imported, in order.
    pub fn imports(&self) -> Vec<String> {
        self.shop.imports.lock().unwrap().clone()
    }

    /// Closes it; returns its port.
    pub fn stop(self) -> u16 {
        self.shop.is_closed.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        self.thread.join().unwrap();
        self.port
    }
}

impl Shop {
    fn serve(&self, mut stream: TcpStream) {
        let mut header = [0; OP_HEADER_LEN];
        if stream.read_exact(&mut header).is_err() {
            return;
        }
        let code = OpHeader::decode(&header).unwrap().code;
        let offers = self.offers.lock().unwrap().clone();
        let header = |operation, status| OpHeader::reply(operation, status).encode();
        if code == Operation::DevList.request_code() {
            let count = u32::try_from(offers.len()).unwrap().to_be_bytes();
            let devices: Vec<u8> = offers.iter().flat_map(UsbDevice::encode).collect();
            let header = header(Operation::DevList, OpStatus::OK);
            stream
                .write_all(&[&header[..], &count, &devices].concat())
                .unwrap();
            return;
        }
        let mut busid = [0; BUSID_LEN];
        stream.read_exact(&mut busid).unwrap();
        let busid = String::from_utf8(BusIdText::new(&busid).as_bytes().to_vec()).unwrap();
        self.imports.lock().unwrap().push(busid.clone());
        let wanted = offers
            .iter()
            .find(|device| device.busid.as_bytes() == busid.as_bytes());
        match wanted {
            Some(device) => {
                let header = header(Operation::Import, OpStatus::OK);
                let reply = [&header[..], &device.encode()].concat();
                stream.write_all(&reply).unwrap();
                answer_descriptors(stream, &format!("S-{busid}"));
            }
            None => {
                let header = header(Operation::Import, OpStatus::NO_DEVICE);
                stream.write_all(&header).unwrap();
            }
        }
    }
}

/// Descriptors of a configuration with one storage interface.
const CONFIGURATION: [u8; 18] = [9, 2, 18, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 2, 8, 6, 0x50, 0];

/// Answers GET_DESCRIPTOR until the client goes.
fn answer_descriptors(mut stream: TcpStream, serial: &str) {
    let mut header = [0; HEADER_LEN];
    while stream.read_exact(&mut header).is_ok() {
        let Ok(Request::Submit(submit)) = Request::decode(&header) else {
            return;
        };
        let [_, _, index, kind, ..] = submit.setup;
        let mut bytes = match (kind, index) {
            (1, _) => [&[18, 1][..], &[0; 14], &[3, 1]].concat(),
            (2, _) => CONFIGURATION.to_vec(),
            (3, 0) => vec![4, 3, 9, 4],
            _ => {
                let units: Vec<_> = serial.encode_utf16().flat_map(u16::to_le_bytes).collect();
                let length = u8::try_from(units.len() + 2).unwrap();
                [&[length, 3], &units[..]].concat()
            }
        };
        bytes.truncate(usize::try_from(submit.length).unwrap());
        let reply = Reply::Submit(RetSubmit {
            seqnum: submit.seqnum,
            status: 0,
            actual_length: bytes.len().try_into().unwrap(),
            start_frame: 0,
            packets: 0,
            error_count: 0,
        });
        if stream
            .write_all(&reply.encode())
            .and_then(|()| stream.write_all(&bytes))
            .is_err()
        {
            return;
        }
    }
}

fn device(busid: &str, id_product: u16) -> UsbDevice {
    UsbDevice {
        path: PathText::new(format!("/sys/devices/usb1/{busid}").as_bytes()),
        busid: BusIdText::new(busid.as_bytes()),
        busnum: 1,
        devnum: 2,
        speed: 3,
        id_vendor: 0x0781,
        id_product,
        bcd_device: 0x0126,
        class: UsbClass::default(),
        configuration_value: 1,
        num_configurations: 1,
        num_interfaces: 0,
    }
}
