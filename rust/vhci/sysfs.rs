// SPDX-License-Identifier: GPL-2.0

//! The files of `vhci_hcd.0`, which speak for all controllers.

use super::{
    controller::Controller,
    port::Port,
    state::{
        Import,
        Status, //
    },
    vhci::Vhci, //
};
use kernel::{
    device::Device,
    fmt::Write,
    prelude::*,
    str::{
        CString,
        Formatter, //
    },
    sync::Arc, //
};
use usbip::{
    debug,
    link::EndReason,
    net::Socket,
    scan,
    sysfs::{
        FileSpec,
        Files,
        Group,
        READ_ONLY,
        READ_WRITE,
        WRITE_ONLY, //
    },
    usb::{
        hub::HubKind,
        speed,
        Speed, //
    }, //
};

/// The state numbers of `include/uapi/linux/usbip.h`.
const VDEV_ST_NULL: u32 = 4;
const VDEV_ST_NOTASSIGNED: u32 = 5;
const VDEV_ST_USED: u32 = 6;

/// The files by id. `STATUS + n` is the status of controller `n`.
const NPORTS: usize = 0;
const DETACH: usize = 1;
const ATTACH: usize = 2;
const USBIP_DEBUG: usize = 3;
const STATUS: usize = 4;

/// Creates the files. Task context, may sleep.
pub(crate) fn create_files(dev: &Device, vhci: &Arc<Vhci>) -> Result<Group<Vhci>> {
    let mut specs = KVec::new();
    let mut add = |name: CString, mode| specs.push(FileSpec { name, mode }, GFP_KERNEL);
    add(CString::try_from_fmt(fmt!("nports"))?, READ_ONLY)?;
    add(CString::try_from_fmt(fmt!("detach"))?, WRITE_ONLY)?;
    add(CString::try_from_fmt(fmt!("attach"))?, WRITE_ONLY)?;
    add(CString::try_from_fmt(fmt!("usbip_debug"))?, READ_WRITE)?;
    add(CString::try_from_fmt(fmt!("status"))?, READ_ONLY)?;
    for id in 1..vhci.controller_count() {
        add(CString::try_from_fmt(fmt!("status.{id}"))?, READ_ONLY)?;
    }
    Group::new(dev, vhci.clone(), specs)
}

/// Tells user space that the line of a port has changed: those who poll its status file, and
/// everybody by a `change` event of `vhci_hcd.0` with the port's number. Task context, may sleep.
pub(crate) fn announce(vhci: &Vhci, id: usize, kind: HubKind, rhport: usize) -> Result {
    let file = match id {
        0 => CString::try_from_fmt(fmt!("status"))?,
        _ => CString::try_from_fmt(fmt!("status.{id}"))?,
    };
    let number = vhci.port_number(id, kind, rhport);
    let detail = CString::try_from_fmt(fmt!("USBIP_PORT={number}"))?;
    // The files are those of the first controller, and go before it does.
    vhci.with_controller(0, |first| {
        usbip::sysfs::announce(first.dev(), &file, &detail);
    })
    .ok_or(ENODEV)
}

impl Files for Vhci {
    fn show(this: &Arc<Self>, id: usize, out: &mut Formatter<'_>) -> Result {
        match id {
            NPORTS => writeln!(out, "{}", 2 * this.ports * this.controller_count()),
            USBIP_DEBUG => return debug::show(out),
            _ => this.show_status(id.saturating_sub(STATUS), out),
        }
        .map_err(|_| EIO)
    }

    fn store(this: &Arc<Self>, id: usize, data: &[u8]) -> Result {
        match id {
            DETACH => this.detach(data),
            ATTACH => this.attach(data),
            _ => debug::store(data),
        }
    }
}

impl Vhci {
    fn show_status(&self, id: usize, out: &mut Formatter<'_>) -> kernel::fmt::Result {
        writeln!(out, "hub port sta spd dev      sockfd local_busid")?;
        let controller = self.controller(id);
        for (tag, kind) in [("hs", HubKind::Usb2), ("ss", HubKind::Usb3)] {
            for rhport in 0..self.ports {
                let number = self.port_number(id, kind, rhport);
                write!(out, "{tag}  {number:04} ")?;
                match &controller {
                    Some(controller) => show_port(controller, kind, rhport, out)?,
                    None => writeln!(
                        out,
                        "{VDEV_ST_NOTASSIGNED:03} 000 00000000 0000000000000000 0-0"
                    )?,
                }
            }
        }
        Ok(())
    }

    /// The number of a port, counted over all controllers.
    fn port_number(&self, id: usize, kind: HubKind, rhport: usize) -> usize {
        let hub = match kind {
            HubKind::Usb2 => 0,
            HubKind::Usb3 => 1,
        };
        (id * 2 + hub) * self.ports + rhport
    }

    /// The id of the controller a port number belongs to, and its index in the controller's
    /// `2 * ports`. Fails with `EINVAL` for a number that is too large.
    fn split_number(&self, number: u32) -> Result<(usize, usize)> {
        let number = usize::try_from(number)?;
        let per_controller = 2 * self.ports;
        let id = number.checked_div(per_controller).ok_or(EINVAL)?;
        if id >= self.controller_count() {
            pr_err!("pdev {id}\n");
            return Err(EINVAL);
        }
        Ok((id, number - id * per_controller))
    }

    /// The controller a port number belongs to, and its index in the controller's `2 * ports`.
    ///
    /// Fails with `EINVAL` for a number that is too large, or `EAGAIN` if the controller has no
    /// driver now.
    fn locate(&self, number: u32) -> Result<(Arc<Controller>, usize)> {
        let (id, index) = self.split_number(number)?;
        let controller = self.controller(id).ok_or_else(|| {
            pr_err!("port {number} is not ready\n");
            EAGAIN
        })?;
        Ok((controller, index))
    }

    /// The index on its hub of the port with the index `index` in its controller's `2 * ports`.
    fn rhport(&self, index: usize) -> usize {
        index.checked_sub(self.ports).unwrap_or(index)
    }

    /// `attach`: port, socket, device id and speed. The speed chooses the hub, whatever half of
    /// the port numbers the port is in, as programs have come to rely on.
    fn attach(&self, data: &[u8]) -> Result {
        let text = &mut &*data;
        let mut number = || scan::unsigned(text).ok_or(EINVAL);
        let (port, sockfd, devid, speed) = (number()?, number()?, number()?, number()?);

        // C complains about the port before it looks at the speed.
        self.split_number(port)?;
        let speed = Speed::from_number(speed).ok_or_else(|| {
            pr_err!(
                "Failed attach request for unsupported USB speed: {}\n",
                speed::name_of(speed)
            );
            EINVAL
        })?;
        let (controller, index) = self.locate(port)?;
        let rhport = self.rhport(index);
        let socket = stream_socket(sockfd, &controller)?;

        let import = Import {
            devid,
            speed,
            sockfd,
        };
        let hub = controller.hub(speed.hub());
        hub.ports()
            .get(rhport)
            .ok_or(EINVAL)?
            .attach(socket, import)?;
        report_attach(&controller, port, rhport, import);
        Ok(())
    }

    /// `detach`: a port, by its number.
    fn detach(&self, data: &[u8]) -> Result {
        // C reads a signed number and goes on with its bits.
        let number = scan::as_unsigned(scan::whole(data).ok_or(EINVAL)?);
        let (controller, index) = self.locate(number)?;
        let hub = match index < self.ports {
            true => &controller.usb2,
            false => &controller.usb3,
        };
        let port = hub.ports().get(self.rhport(index)).ok_or(EINVAL)?;
        if port.end(EndReason::Down) {
            return Ok(());
        }
        pr_err!("not connected {number}\n");
        Err(EINVAL)
    }
}

/// The socket with the number `sockfd` in the writer's file table.
fn stream_socket(sockfd: u32, controller: &Controller) -> Result<Socket> {
    let dev = controller.dev();
    let socket = Socket::from_fd(scan::as_signed(sockfd)).map_err(|_| {
        dev_err!(dev, "failed to lookup sock\n");
        EINVAL
    })?;
    if !socket.is_stream() {
        dev_err!(dev, "Expecting SOCK_STREAM - found {}\n", socket.kind());
        return Err(EINVAL);
    }
    Ok(socket)
}

fn report_attach(controller: &Controller, port: u32, rhport: usize, import: Import) {
    let dev = controller.dev();
    let Import {
        devid,
        speed,
        sockfd,
    } = import;
    dev_info!(dev, "pdev({port}) rhport({rhport}) sockfd({sockfd})\n");
    dev_info!(
        dev,
        "devid({devid}) speed({}) speed_str({})\n",
        speed.number(),
        speed.name()
    );
    dev_info!(dev, "Device attached\n");
}

fn show_port(
    controller: &Controller,
    kind: HubKind,
    rhport: usize,
    out: &mut Formatter<'_>,
) -> kernel::fmt::Result {
    let port: Option<&Arc<Port>> = controller.hub(kind).ports().get(rhport);
    match port.map_or(Status::Null, |port| port.status()) {
        Status::Null => writeln!(out, "{VDEV_ST_NULL:03} 000 00000000 000000 0-0"),
        Status::NotAssigned => {
            writeln!(out, "{VDEV_ST_NOTASSIGNED:03} 000 00000000 000000 0-0")
        }
        Status::Used {
            import,
            sockfd,
            device,
        } => out.write_fmt(fmt!(
            "{VDEV_ST_USED:03} {:03} {:08x} {sockfd:06} {}\n",
            import.speed.number(),
            import.devid,
            device.device().name()
        )),
    }
}
