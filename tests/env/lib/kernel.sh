# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153  # names are shared with the files sourced beside
# Stage kernel: a prepared tree with Rust metadata for the stock kernel, its
# image, and its modules unpacked. $KERNEL holds tree/, vmlinuz and stock/.

kernel_run() {
	[[ -e $KERNEL/unpacked ]] || step kernel "unpacking the source of $KVER" kernel_unpack
	[[ -e $KERNEL/configured ]] || step kernel 'configuring as Debian did' kernel_configure
	step kernel 'Rust metadata and build tools' kernel_prepare
	touch "$KERNEL/done"
}

# The guest image needs only this part, so it comes first.
kernel_stock_run() {
	[[ -e $KERNEL/stock/done ]] || step kernel 'stock image and modules' kernel_stock
}

kernel_stock() {
	local prune
	mkdir -p "$KERNEL"
	prune=$(packages_in "$ENV_DIR/guest.prune")
	in_toolbox kernel_unpack_modules "$TOOLBOX/kernel" "$KERNEL" "$KVER" "$prune"
	touch "$KERNEL/stock/done"
}

# busybox insmod cannot read compressed modules, and guests start faster without.
kernel_unpack_modules() {
	local from=$1 kernel=$2 kver=$3 prune=$4 dir modules
	rm -rf "$kernel/stock"
	modules=$kernel/stock/lib/modules/$kver
	mkdir -p "$modules"
	cp -a "$from"/usr/lib/modules/"$kver"/kernel "$modules"/
	cp -a /usr/lib/modules/"$kver"/modules.{order,builtin,builtin.modinfo} "$modules"/
	for dir in $prune; do
		rm -rf "$modules/kernel/$dir"
	done
	find "$modules" -name '*.ko.xz' -print0 | xargs -0 -r -P "$(nproc)" -n 64 xz -d
	find "$modules" -name '*.ko.zst' -print0 | xargs -0 -r -P "$(nproc)" -n 64 zstd -q -d --rm
	depmod -b "$kernel/stock" "$kver"
	find "$from" \( -name 'vmlinuz*' -o -name 'bzImage' \) -type f -exec cp {} "$kernel/vmlinuz" \;
	[[ -s $kernel/vmlinuz ]]
}

kernel_unpack() {
	kernel_unpack_without "$KERNEL" 'arch/[!x]*/*.'{c,h,S,dts,dtsi} "${NOT_FOR_MODULES[@]}"
}

# Modules are built from headers; writing out the code of every driver there is
# would take longer than all the rest. Kconfig files are needed from everywhere.
NOT_FOR_MODULES=('Documentation/*.'{rst,yaml,txt} 'drivers/[!bu]*.c' 'drivers/[gimns]*.h'
	'sound/*.c' 'fs/*.c' 'net/*.c' 'tools/testing/selftests/*')

# kernel_unpack_without DIR PATTERN...: the source, but for what fits, in DIR/tree.
kernel_unpack_without() {
	in_toolbox kernel_unpack_source "/usr/src/linux-source-$KSERIES.tar.xz" "$@"
	touch "$1/unpacked"
}

kernel_unpack_source() {
	local archive=$1 tree=$2/tree top
	shift 2
	top=$(basename "$archive" .tar.xz)
	rm -rf "$tree"
	mkdir -p "$tree"
	xz -dc -T0 "$archive" |
		tar x -C "$tree" --strip-components=1 --anchored "${@/#/--exclude=$top/}"
}

kernel_configure() {
	in_toolbox kernel_write_config "$KERNEL/tree" "$KVER" "$RUST_RELEASE"
	touch "$KERNEL/configured"
}

kernel_write_config() {
	local tree=$1 kver=$2 release=$3 option
	local headers=/usr/src/linux-headers-$kver
	cd "$tree" || return
	export RUST_LIB_SRC=/usr/src/rustc-$release/library
	cp "$headers/.config" .config
	# Debian's keys are not here, and modules of ours are not to be signed.
	sed -i '/^CONFIG_MODULE_SIG_ALL=/d' .config
	echo '# CONFIG_MODULE_SIG_ALL is not set' >>.config
	# With this the tree names its release by itself, for every later make.
	rm -f localversion*
	echo "${kver#"$(make -s kernelversion)"}" >localversion
	make rustavailable olddefconfig
	for option in CONFIG_RUST CONFIG_MODULES $(grep -oE '^CONFIG_(DEBUG_INFO_BTF(_MODULES)?|X86_KERNEL_IBT|MITIGATION_[A-Z_]+)=y' "$headers/.config"); do
		grep -q "^${option%=y}=y" .config || {
			echo "$option was lost when configuring"
			return 1
		}
	done
	[[ $(make -s kernelrelease) == "$kver" ]]
}

kernel_prepare() {
	in_toolbox kernel_make_prepare "$KERNEL/tree" "$KVER" "$RUST_RELEASE"
}

kernel_make_prepare() {
	local tree=$1 kver=$2 release=$3
	cd "$tree" || return
	export RUST_LIB_SRC=/usr/src/rustc-$release/library
	make -j"$(nproc)" prepare modules_prepare
	cp "/usr/src/linux-headers-$kver/Module.symvers" .
	[[ $(<include/config/kernel.release) == "$kver" && -s rust/libkernel.rmeta ]]
}
