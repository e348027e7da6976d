// SPDX-License-Identifier: GPL-2.0

//! Local gadgets on virtual device controllers.

use std::io::Write;

use usbip_logger::Reason;

use super::{write_device, Format};
use crate::environment::Environment;
use crate::names::LOCAL_TEXT_LEN;
use crate::report::{fail, Reported};

/// Lists all gadgets. Unlike C it shows the product id as it is, and both ids in full.
pub fn list(
    environment: &Environment,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Reported> {
    let gadgets = environment.sysfs.gadgets().map_err(|error| {
        let reason = Reason(&error);
        fail(format_args!("problem getting device attributes: {reason}"))
    })?;
    for gadget in gadgets {
        let (vendor, product) = (gadget.id_vendor, gadget.id_product);
        let texts = [format!("{vendor:04x}"), format!("{product:04x}")];
        let [vendor_text, product_text] = &texts;
        let name = || environment.names.product(vendor, product, LOCAL_TEXT_LEN);
        write_device(out, format, &gadget.name, [vendor_text, product_text], name)?;
    }
    Ok(())
}
