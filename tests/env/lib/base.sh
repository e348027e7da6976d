# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Stage base: the bare Debian tree that the toolbox and the guests start from.

base_run() {
	command -v debootstrap >/dev/null || step base 'installing debootstrap' base_debootstrap_package
	step base "bare Debian $SUITE" base_build
}

base_debootstrap_package() {
	local install=(apt-get install -y --no-install-recommends debootstrap)
	export DEBIAN_FRONTEND=noninteractive
	"${install[@]}" || { apt-get update && "${install[@]}"; }
}

base_build() {
	local root=$BASE/root script=()
	rm -rf "$BASE"
	mkdir -p "$BASE"
	# Releases newer than an old debootstrap are all made as sid is.
	if [[ ! -e /usr/share/debootstrap/scripts/$SUITE ]]; then
		script=(sid)
	fi
	mirror_debootstrap_env
	debootstrap --variant=minbase --cache-dir="$DEBS" "$SUITE" "$root" "$MIRROR" "${script[@]}"
	base_configure "$root"
	apt_in "$root" update
	touch "$BASE/done"
}

base_configure() {
	local root=$1
	mirror_carry "$root"
	# The tree is thrown away after a crash, so syncing each file only costs time;
	# nobody reads manuals in it.
	cat >"$root/etc/dpkg/dpkg.cfg.d/usbip" <<-'END'
		force-unsafe-io
		path-exclude=/usr/share/doc/*
		path-exclude=/usr/share/man/*
		path-exclude=/usr/share/locale/*
	END
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
}

# apt_in ROOT ARGS...: apt-get; downloads survive an interruption in $DEBS.
apt_in() {
	local root=$1
	shift
	in_root "$root" apt-get -q -y -o APT::Sandbox::User=root -o Acquire::Retries=3 \
		-o Dir::Cache::Archives="$DEBS" -o APT::Keep-Downloaded-Packages=true \
		-o APT::Install-Recommends=false -o Dpkg::Use-Pty=0 "$@"
}

# base_copy ROOT: start a tree from the base, with fresh package lists if old.
base_copy() {
	rm -rf "$1"
	mkdir -p "$(dirname "$1")"
	cp -a --reflink=auto "$BASE/root" "$1"
	if [[ -n $(find "$BASE/done" -mmin +60) ]]; then
		apt_in "$1" update
	fi
}

# packages_in FILE: its words without comments.
packages_in() {
	recipe "$1" | tr -s '[:space:]' ' '
}
