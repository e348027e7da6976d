// SPDX-License-Identifier: GPL-2.0

//! Letting the machine sleep: the driver refuses while a device is attached, because the device's
//! server would go on without us. `usbip-connectd --sleep` has the service give its devices back
//! before, `--wake` has it attach them again.

use std::thread;
use std::time::{Duration, Instant};

use log::info;

use crate::board::Board;
use crate::only_one::OnlyOne;
use crate::{fail, marks, Reported, CONNECTD};

/// Longest time the service may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Time between two looks at how far it is.
const PAUSE: Duration = Duration::from_millis(50);

/// Has the service give its devices back, and waits for that. Without a service there is nothing to
/// give back.
///
/// # Errors
/// When a device stays attached; told.
pub fn sleep() -> Result<(), Reported> {
    if matches!(OnlyOne::take(), Ok(Some(_))) {
        info!(target: CONNECTD, "no service is running");
        return Ok(());
    }
    // What the service said to an earlier call must not look like its answer to this one.
    marks::wake()?;
    wait_until(|board| board.held().is_empty());
    marks::fall_asleep()?;
    wait_until(|board| board.awake() == board.held().len());
    // What only waits for its server does not keep the machine awake.
    match Board::new().held().as_slice() {
        [] => Ok(()),
        held => Err(fail(format_args!(
            "still attached, which keeps the machine awake: {}",
            held.join("; ")
        ))),
    }
}

fn wait_until(is_so: impl Fn(&Board) -> bool) {
    let end = Instant::now() + LIMIT;
    while !is_so(&Board::new()) && Instant::now() < end {
        thread::sleep(PAUSE);
    }
}
