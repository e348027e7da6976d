# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What must hold before anything on this machine is touched.

# Measured: at most 4.1 GB while setting up; builds and guest disks take the rest.
NEED_MB=6000

check_root() {
	((EUID == 0)) ||
		die "this needs root: it makes a Debian tree and mounts (run: sudo make ${USBIP_GOAL:-demo})"
}

check_system() {
	local ID='' ID_LIKE='' VERSION_ID='' PRETTY_NAME='this system'
	# shellcheck source=/dev/null
	[[ ! -r /etc/os-release ]] || source /etc/os-release
	[[ " $ID $ID_LIKE " == *" debian "* && -x /usr/bin/apt-get ]] ||
		die "unsupported system: $PRETTY_NAME; Debian 12 or newer, or a derivative with apt, is needed"
	if [[ $ID == debian && -n $VERSION_ID && ${VERSION_ID%%.*} -lt 12 ]]; then
		die "unsupported system: $PRETTY_NAME; Debian 12 or newer is needed"
	fi
	[[ $(dpkg --print-architecture) == amd64 ]] ||
		die "unsupported machine: $(dpkg --print-architecture); amd64 is needed"
	unshare --mount --pid --fork true 2>/dev/null ||
		die "no permission to make mount namespaces here (a container without CAP_SYS_ADMIN?)"
}

check_paths() {
	[[ $CHECKOUT != *[[:space:]:]* ]] ||
		die "the checkout's path '$CHECKOUT' has a space or colon, which the kernel's build cannot take"
	[[ $CACHE/ != "$CHECKOUT"/* ]] ||
		die "USBIP_CACHE=$CACHE lies in the checkout; choose a place outside it"
}

check_space() {
	local dir=$CACHE free used=0
	while [[ ! -d $dir ]]; do
		dir=$(dirname "$dir")
	done
	free=$(df --output=avail -m "$dir" | tail -n 1)
	# What an interrupted or older set-up has put there already need not be free.
	[[ ! -d $CACHE ]] || used=$(du -sm "$CACHE" | cut -f1)
	((free + used >= NEED_MB && free >= NEED_MB / 8)) ||
		die "not enough disk space at $CACHE: about $((NEED_MB - used)) MB needed, $((free)) MB free (USBIP_CACHE chooses another place)"
}

# check_fetch: the mirror answers; only asked when something must be fetched.
check_fetch() {
	mirror_find
	echo "[env] packages come from this machine's own mirror ($MIRROR)"
}
