// SPDX-License-Identifier: GPL-2.0

//! Sections of the manual pages that an option table does not have.

/// For the page of `usbip` itself.
const USBIP: &str = r#".SH FILES
.TP
.I /var/run/vhci_hcd/port\fIN\fR
Where the device on port N comes from: host, TCP port, bus id.
.TP
.I /run/usbip/\fISERVICE\fR.json
What the services keep, as "usbip status" shows it.
.SH EXAMPLES
.EX
usbip list \-l                                  # what this machine could export
usbip bind \-\-id 0781:5567                       # export it
usbip list \-r server                           # what another machine exports
usbip attach \-r server \-\-class storage \-\-wait   # use it; prints the disk it became
usbip status                                   # what is used by whom, and why not
usbip detach \-\-all
.EE
"#;

/// For every page of `usbip`.
const COMMANDS: &str = r#".SH EXIT STATUS
0 when it is done, 1 when not; standard error has the reason then, and the next step in a line "info:".
.SH SEE ALSO
.BR usbip (8),
.BR usbipd (8),
.BR usbip\-connectd (8)
"#;

/// For `usbipd`.
const USBIPD: &str = r#".SH SIGNALS
SIGHUP has the configuration read again; SIGTERM and SIGINT end the daemon, and devices in use stay so.
.SH SEE ALSO
.BR usbipd.toml (5),
.BR usbip (8)
"#;

/// For `usbip-connectd`.
const CONNECTD: &str = r#".SH SIGNALS
SIGHUP has the configuration read again; SIGTERM and SIGINT end the service, and what is attached stays so.
.SH SEE ALSO
.BR connect.toml (5),
.BR usbip (8)
"#;

/// What follows the options on the page of that name.
pub fn after_options(page: &str) -> String {
    match page {
        "usbip" => [USBIP, COMMANDS].concat(),
        "usbipd" => USBIPD.to_owned(),
        "usbip-connectd" => CONNECTD.to_owned(),
        _ => COMMANDS.to_owned(),
    }
}
