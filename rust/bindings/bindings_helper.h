/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Headers that the kernel crate's own bindings leave out: the host controller
 * driver interface, the hub class constants it needs, socket options, and how
 * threads are scheduled.
 */
#include <linux/usb.h>
#include <linux/usb/hcd.h>
#include <linux/usb/ch11.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <uapi/linux/sched/types.h>
