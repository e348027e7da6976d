# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153  # names are shared with the files sourced beside
# Stage cross: what builds for the stock kernel of another architecture, $USBIP_ARCH.
# $CROSS holds root/, the toolbox with that architecture's compiler, libraries and machines, and
# tree/, vmlinuz and stock/ as stage kernel's do. For s390x, the big-endian one, there is no kernel:
# programs run in QEMU's user mode. What is done is kept: a set-up that was stopped goes on where it was.

# Measured: what it takes beside the rest.
CROSS_MB=5000

# cross_names: sets what $USBIP_ARCH is called by Linux, Debian, GCC and Rust, and what emulates it.
cross_names() {
	EMULATOR=(qemu-system-arm device-tree-compiler)
	case ${USBIP_ARCH-} in
	arm64 | arm64-16k)
		KERNEL_ARCH=arm64 DEB_ARCH=arm64 FLAVOUR=$USBIP_ARCH
		TRIPLET=aarch64-linux-gnu RUST_TARGET=aarch64-unknown-linux-gnu
		;;
	arm)
		KERNEL_ARCH=arm DEB_ARCH=armhf FLAVOUR=armmp
		TRIPLET=arm-linux-gnueabihf RUST_TARGET=armv7-unknown-linux-gnueabihf
		;;
	s390x)
		KERNEL_ARCH=s390 DEB_ARCH=s390x FLAVOUR=''
		TRIPLET=s390x-linux-gnu RUST_TARGET=s390x-unknown-linux-gnu EMULATOR=(qemu-user)
		;;
	*) die "ARCH is 'arm64', 'arm64-16k' (pages of 16 KiB) or 'arm' (armhf), not '${USBIP_ARCH-}'" ;;
	esac
	CROSS_KVER=${FLAVOUR:+${KVER%-amd64}-$FLAVOUR}
}

cross_run() {
	cross_names
	[[ -e $CROSS/copied ]] || step cross 'copying the toolbox' cross_copy
	[[ -e $CROSS/installed ]] || step cross "compiler and libraries for $DEB_ARCH" cross_packages
	[[ -z $CROSS_KVER ]] || cross_kernel
	touch "$CROSS/done"
}

cross_kernel() {
	[[ -e $CROSS/fetched ]] || step cross "packages of Linux $CROSS_KVER" cross_fetch
	[[ -e $CROSS/stock/done ]] || step cross 'stock image and modules' cross_stock
	[[ -e $CROSS/unpacked ]] || step cross 'unpacking the source' cross_unpack
	[[ -e $CROSS/configured ]] || step cross 'configuring as Debian did' cross_configure
	step cross 'Rust metadata and build tools' cross_prepare
}

cross_copy() {
	rm -rf "$CROSS/root"
	cp -a --reflink=auto "$TOOLBOX/root" "$CROSS/root"
	touch "$CROSS/copied"
}

cross_packages() {
	in_root "$CROSS/root" dpkg --add-architecture "$DEB_ARCH"
	# Only kernels come from there, and mirrors neglect what few download.
	[[ -n $CROSS_KVER || $BACKPORTS == "$SUITE" ]] || sed -i "s/ $BACKPORTS//" "$CROSS/root/etc/apt/sources.list.d/debian.sources"
	apt_in "$CROSS/root" update
	apt_in "$CROSS/root" install "gcc-$TRIPLET" "libc6-dev:$DEB_ARCH" \
		"libstd-rust-dev:$DEB_ARCH=$RUST_RELEASE*" "busybox-static:$DEB_ARCH" "${EMULATOR[@]}"
	touch "$CROSS/installed"
}

# The names of image and modules are those of amd64's packages but for the flavour.
cross_fetch() {
	local package packages=()
	for package in "linux-base-$KVER" "linux-headers-$KVER" "$KIMAGE" ${KMODULES:+"$KMODULES"}; do
		package=${package/"$KVER"/"$CROSS_KVER"}
		# Nothing is signed for armhf, so nothing is called unsigned.
		[[ $DEB_ARCH != armhf ]] || package=${package/-unsigned/}
		packages+=("$package:$DEB_ARCH=$KVERSION")
	done
	rm -rf "$CROSS/packages"
	mkdir -p "$CROSS/packages/debs"
	in_root "$CROSS/root" env -C "$CROSS/packages/debs" \
		apt-get -q -y -o APT::Sandbox::User=root -o Acquire::Retries=3 download "${packages[@]}" || {
		echo "no packages of $CROSS_KVER: the archive has gone on; 'tests/env/setup --update' follows it"
		return 1
	}
	for package in "$CROSS/packages/debs"/*.deb; do
		in_root "$CROSS/root" dpkg -x "$package" "$CROSS/packages"
	done
	rm -r "$CROSS/packages/debs"
	# Where the same packages are when they are installed.
	ln -sfn "$CROSS/packages/usr/src/linux-headers-$CROSS_KVER" "$CROSS/root/usr/src/"
	ln -sfn "$CROSS/packages/usr/lib/modules/$CROSS_KVER" "$CROSS/root/usr/lib/modules/"
	touch "$CROSS/fetched"
}

# cross_in_root FUNCTION ARGS...: as in_toolbox, for the other architecture.
cross_in_root() {
	local TOOLBOX=$CROSS
	local NETWORK_ENV=("${NETWORK_ENV[@]}" "ARCH=$KERNEL_ARCH" "CROSS_COMPILE=$TRIPLET-")
	in_toolbox "$@"
}

cross_stock() {
	cross_in_root kernel_unpack_modules "$CROSS/packages" "$CROSS" "$CROSS_KVER" "$(packages_in "$ENV_DIR/guest.prune")"
	touch "$CROSS/stock/done"
}

# As the stock kernel's tree, with the headers and device trees of ARM.
cross_unpack() {
	kernel_unpack_without "$CROSS" 'arch/[!a]*/*.'{c,h,S,dts,dtsi} "${NOT_FOR_MODULES[@]}"
}

cross_configure() {
	cross_in_root kernel_write_config "$CROSS/tree" "$CROSS_KVER" "$RUST_RELEASE"
	touch "$CROSS/configured"
}

cross_prepare() {
	cross_in_root kernel_make_prepare "$CROSS/tree" "$CROSS_KVER" "$RUST_RELEASE"
}
