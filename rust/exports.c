// SPDX-License-Identifier: GPL-2.0
/* Exports the symbols of the crate `usbip` that usbip_host_rs and vhci_hcd_rs use. */
#include <linux/export.h>

#define EXPORT_SYMBOL_RUST_GPL(sym) extern int sym; EXPORT_SYMBOL_GPL(sym)

#include "exports_generated.h"
