// SPDX-License-Identifier: GPL-2.0

//! One controller: a platform device with a USB 2 and a USB 3 root hub.

use super::{
    hub::Hub,
    sysfs,
    vhci::{
        Vhci,
        VHCI, //
    }, //
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*,
    sync::Arc, //
};
use usbip::{
    platform,
    sysfs::Group,
    usb::{
        hcd::Hcd,
        hub::HubKind, //
    }, //
};

/// The name of the driver and the stem of its devices' names. Programs look for the C driver's, so
/// this is not the module's name.
pub(crate) const NAME: &CStr = c"vhci_hcd";

/// The two root hubs of a controller.
pub(crate) struct Controller {
    pub(crate) usb2: Arc<Hub>,
    pub(crate) usb3: Arc<Hub>,
}

impl Controller {
    /// The root hub of a kind.
    pub(crate) fn hub(&self, kind: HubKind) -> &Arc<Hub> {
        match kind {
            HubKind::Usb2 => &self.usb2,
            HubKind::Usb3 => &self.usb3,
        }
    }

    /// The controller, for messages.
    pub(crate) fn dev(&self) -> &Device {
        self.usb2.dev()
    }

    /// The number of devices attached.
    fn connections(&self) -> usize {
        self.usb2.connections() + self.usb3.connections()
    }
}

/// A controller that is bound to its platform device. The fields are torn down in this order.
pub(crate) struct BoundController {
    _files: Option<Group<Vhci>>,
    _usb3: Hcd<Hub>,
    _usb2: Hcd<Hub>,
    controller: Arc<Controller>,
    vhci: Arc<Vhci>,
    id: usize,
}

impl platform::Driver for Controller {
    type Data = BoundController;

    fn probe(dev: &Device<Bound>, id: i32) -> Result<BoundController> {
        let vhci = VHCI.get().ok_or(ENODEV)?;
        let id = usize::try_from(id)?;
        let controller = Arc::new(
            Controller {
                usb2: Hub::new(HubKind::Usb2, dev, id, &vhci)?,
                usb3: Hub::new(HubKind::Usb3, dev, id, &vhci)?,
            },
            GFP_KERNEL,
        )?;
        let usb2 = Hcd::add(dev, controller.usb2.clone())?;
        let usb3 = Hcd::add_shared(dev, &usb2, controller.usb3.clone())?;
        let mut bound = BoundController {
            _files: None,
            _usb3: usb3,
            _usb2: usb2,
            controller: controller.clone(),
            vhci: vhci.clone(),
            id,
        };
        vhci.set_controller(id, Some(controller))?;
        if id == 0 {
            bound._files = Some(sysfs::create_files(dev, &vhci)?);
            dev_info!(dev, "created sysfs {}\n", dev.name());
        }
        Ok(bound)
    }

    fn unbind(bound: &BoundController) {
        bound.shut_down();
    }

    fn suspend(dev: &Device<Bound>, bound: &BoundController) -> Result {
        let count = bound.controller.connections();
        if count > 0 {
            let plural = if count == 1 { "" } else { "s" };
            dev_info!(
                dev,
                "We have {count} active connection{plural}. Do not suspend.\n"
            );
            return Err(EBUSY);
        }
        dev_info!(dev, "suspend vhci_hcd\n");
        bound.controller.usb2.set_accessible(false);
        bound.controller.usb3.set_accessible(false);
        Ok(())
    }

    fn resume(bound: &BoundController) {
        bound.controller.usb2.set_accessible(true);
        bound.controller.usb3.set_accessible(true);
    }
}

impl BoundController {
    /// Ends all connections, so that usbcore finds nothing to wait for when the hubs go.
    fn shut_down(&self) {
        // An unknown number cannot have been entered.
        let _ = self.vhci.set_controller(self.id, None);
        self.controller.usb3.remove_ports();
        self.controller.usb2.remove_ports();
    }
}

impl Drop for BoundController {
    /// For a probe that failed late; after [`platform::Driver::unbind`] nothing is left to do.
    fn drop(&mut self) {
        self.shut_down();
    }
}
