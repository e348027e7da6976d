// SPDX-License-Identifier: GPL-2.0

//! Going into the background.

use std::io;

/// Detaches from the terminal as `daemon(0, 0)` does: working directory `/`, standard streams on
/// `/dev/null`. Messages go to syslog from here on. To be called before any thread is started.
///
/// # Errors
/// Those of `daemon(3)`.
pub fn detach_from_terminal() -> io::Result<()> {
    nix::unistd::daemon(false, false)?;
    usbip_logger::switch_to_syslog(crate::USBIPD);
    Ok(())
}
