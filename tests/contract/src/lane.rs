// SPDX-License-Identifier: GPL-2.0

//! Lanes: checks that run side by side keep out of each other's way, each with a controller and
//! devices of its own.

use std::cell::Cell;

/// How many checks run side by side.
pub const COUNT: u32 = 4;

thread_local! {
    static CURRENT: Cell<u32> = const { Cell::new(0) };
}

/// Puts the current thread into a lane.
pub fn enter(lane: u32) {
    CURRENT.set(lane);
}

/// The current thread's lane, the first one unless it was put into another.
pub fn current() -> u32 {
    CURRENT.get()
}
