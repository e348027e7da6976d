// SPDX-License-Identifier: GPL-2.0
/* Inline functions of the kernel that Rust cannot call and the kernel crate does not wrap. */
#include <linux/bottom_half.h>
#include <linux/export.h>
#include <linux/pm_runtime.h>

void usbip_local_bh_disable(void);
void usbip_local_bh_enable(void);
void usbip_keep_awake(void *dev);

void usbip_local_bh_disable(void)
{
	local_bh_disable();
}
EXPORT_SYMBOL_GPL(usbip_local_bh_disable);

void usbip_local_bh_enable(void)
{
	local_bh_enable();
}
EXPORT_SYMBOL_GPL(usbip_local_bh_enable);

void usbip_keep_awake(void *dev)
{
	pm_runtime_get_noresume((struct device *)dev);
}
EXPORT_SYMBOL_GPL(usbip_keep_awake);
