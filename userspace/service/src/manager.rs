// SPDX-License-Identifier: GPL-2.0

//! Telling systemd how far the service is; without systemd nothing happens.

use sd_notify::{notify, NotifyState};

/// The service does its work.
pub fn tell_ready(status: &str) {
    // Nobody can be told that the manager is gone.
    let _ = notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The service reads its configuration again; [`tell_ready`] ends that.
pub fn tell_reloading() {
    let now = NotifyState::monotonic_usec_now();
    let _ = now.and_then(|now| notify(&[NotifyState::Reloading, now]));
}

/// The service is about to end.
pub fn tell_stopping() {
    let _ = notify(&[NotifyState::Stopping]);
}
