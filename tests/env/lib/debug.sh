# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153  # names are shared with the files sourced beside
# Stage debug: a small kernel of the same source that looks for our errors, laid out as
# stage kernel's: $DEBUG holds tree/, vmlinuz, stock/. Its configuration is debug.config, or
# that with the changes that $USBIP_KERNEL has beside it; its source may have a patch there.
# A build that was stopped goes on where it was.

# Measured: what it takes beside the rest.
DEBUG_MB=4000

debug_run() {
	[[ -e $DEBUG/unpacked ]] || step debug 'unpacking the source' debug_unpack
	[[ -e $DEBUG/configured ]] || step debug 'configuring' debug_configure
	[[ -e $DEBUG/built ]] || step debug 'building (15 minutes on 2 idle cores)' debug_build
	[[ -e $DEBUG/stock/done ]] || step debug 'image and modules' debug_install
	[[ -e $DEBUG_GUEST ]] || step debug 'guest image' debug_guest
	touch "$DEBUG/done"
}

# Without the code of the largest parts, of which nothing is built.
debug_unpack() {
	kernel_unpack_without "$DEBUG" 'arch/[!x]*/*.'{c,h,S,dts,dtsi} \
		'Documentation/*.'{rst,yaml,txt} \
		drivers/{gpu,infiniband,media/{dvb-frontends,i2c,pci,platform},staging,net/{ethernet,wireless}}/'*.'{c,h} \
		sound/{soc,pci}/'*.'{c,h} \
		'tools/testing/selftests/*'
	[[ -e $DEBUG_PATCH ]] || return 0
	rm "$DEBUG/unpacked"
	cp "$DEBUG_PATCH" "$DEBUG/patch"
	in_toolbox debug_patch "$DEBUG/tree" "$DEBUG/patch"
	touch "$DEBUG/unpacked"
}

debug_patch() {
	patch --directory="$1" --strip=1 --input="$2"
}

debug_configure() {
	options_of "$ENV_DIR/debug.config" >"$DEBUG/wanted.config"
	in_toolbox debug_write_config "$DEBUG/tree" allnoconfig "$DEBUG/wanted.config" "$RUST_RELEASE"
	options_of "$DEBUG_CHANGES" >"$DEBUG/changes.config"
	[[ ! -s $DEBUG/changes.config ]] ||
		in_toolbox debug_write_config "$DEBUG/tree" olddefconfig "$DEBUG/changes.config" "$RUST_RELEASE"
	touch "$DEBUG/configured"
}

# debug_write_config TREE allnoconfig|olddefconfig FILE RELEASE: what FILE asks for, laid over nothing or over what is
# there.
debug_write_config() {
	local tree=$1 goal=$2 wanted=$3 release=$4 line lost=''
	cd "$tree" || return
	export RUST_LIB_SRC=/usr/src/rustc-$release/library
	rm -f localversion*
	# GCC with KASAN would silently switch CONFIG_RUST off.
	make LLVM=-19 rustavailable
	[[ $goal == allnoconfig ]] || cat "$wanted" >>.config
	make LLVM=-19 KCONFIG_ALLCONFIG="$wanted" "$goal"
	grep -q '^CONFIG_RUST=y' .config || {
		echo "CONFIG_RUST=y is not in the final configuration: something $wanted asks for excludes Rust"
		return 1
	}
	while IFS= read -r line; do
		# An option whose surroundings are off is not even mentioned as being off.
		if [[ $line == '# '* ]]; then
			! grep -q "^$(cut -d' ' -f2 <<<"$line")=" .config || lost=$line
		elif ! grep -qxF -- "$line" .config; then
			lost=$line
			echo "lost when configuring: $line"
		fi
	done <"$wanted"
	[[ -z $lost ]]
}

debug_build() {
	in_toolbox debug_make "$DEBUG/tree" "$RUST_RELEASE"
	touch "$DEBUG/built"
}

# Nobody waits for it but us: everyone else on this machine comes first.
debug_make() {
	local tree=$1 release=$2
	cd "$tree" || return
	export RUST_LIB_SRC=/usr/src/rustc-$release/library
	# A stopped link leaves files that only look finished.
	rm -f vmlinux arch/x86/boot/bzImage
	nice -n 19 make LLVM=-19 -j"$(nproc)" bzImage modules
	[[ -s rust/libkernel.rmeta && -s Module.symvers ]]
}

debug_install() {
	in_toolbox debug_make_install "$DEBUG"
	touch "$DEBUG/stock/done"
}

# The objects are as large as all the rest; modules are built from headers,
# tools, symbol lists and Rust metadata.
debug_make_install() {
	local debug=$1 release
	cd "$debug/tree" || return
	release=$(<include/config/kernel.release)
	rm -rf "$debug/stock"
	make LLVM=-19 INSTALL_MOD_PATH="$debug/stock" modules_install
	rm -f "$debug/stock/lib/modules/$release/"{build,source}
	depmod -b "$debug/stock" "$release"
	cp arch/x86/boot/bzImage "$debug/vmlinuz"
	cp System.map "$debug/"
	printf 'DEBUG_KVER=%q\n' "$release" >"$debug/versions"
	find . -name '*.o' ! -path './scripts/*' ! -path './tools/*' -delete
}

# The guests' root image with this kernel's modules instead of the stock kernel's.
debug_guest() {
	rm -rf "$CACHE/debug-guest.tree"
	in_toolbox debug_guest_image "$GUEST" "$CACHE/debug-guest.tree" "$DEBUG/stock" "$DEBUG_GUEST.new"
	mv "$DEBUG_GUEST.new" "$DEBUG_GUEST"
}

debug_guest_image() {
	local guest=$1 tree=$2 stock=$3 target=$4
	unsquashfs -q -no-progress -d "$tree" -excludes "$guest" usr/lib/modules
	mkdir -p "$tree/usr/lib/modules"
	cp -a "$stock"/lib/modules/* "$tree/usr/lib/modules/"
	rm -f "$target"
	mksquashfs "$tree" "$target" -noappend -no-progress -quiet -comp lz4
	rm -rf "$tree"
}
