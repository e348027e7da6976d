// SPDX-License-Identifier: GPL-2.0

//! The names of error numbers.

const NAMES: &[(i32, &str)] = &[
    (1, "EPERM"),
    (2, "ENOENT"),
    (4, "EINTR"),
    (5, "EIO"),
    (6, "ENXIO"),
    (9, "EBADF"),
    (11, "EAGAIN"),
    (12, "ENOMEM"),
    (13, "EACCES"),
    (14, "EFAULT"),
    (16, "EBUSY"),
    (17, "EEXIST"),
    (18, "EXDEV"),
    (19, "ENODEV"),
    (22, "EINVAL"),
    (28, "ENOSPC"),
    (32, "EPIPE"),
    (34, "ERANGE"),
    (43, "EIDRM"),
    (53, "EBADR"),
    (62, "ETIME"),
    (63, "ENOSR"),
    (70, "ECOMM"),
    (71, "EPROTO"),
    (75, "EOVERFLOW"),
    (84, "EILSEQ"),
    (90, "EMSGSIZE"),
    (104, "ECONNRESET"),
    (107, "ENOTCONN"),
    (108, "ESHUTDOWN"),
    (110, "ETIMEDOUT"),
    (112, "EHOSTDOWN"),
    (113, "EHOSTUNREACH"),
    (115, "EINPROGRESS"),
    (121, "EREMOTEIO"),
];

/// The name of an error number, or the number.
pub fn name(number: i32) -> String {
    NAMES
        .iter()
        .find(|(known, _)| *known == number)
        .map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
}

/// The name of an I/O error's number, or the error.
pub fn of(error: &std::io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), name)
}

/// A status as it is on the wire: 0, or a negative error number by name.
pub fn status(value: i32) -> String {
    match value {
        0 => "0".to_owned(),
        1.. => value.to_string(),
        _ => format!("-{}", name(value.wrapping_neg())),
    }
}
