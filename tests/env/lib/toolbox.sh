# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153  # names are shared with the files sourced beside
# Stage toolbox: everything that builds and tests, with the kernel resolved now.
# $TOOLBOX holds root/, the kernel's packages in kernel/ and the file `versions`.

toolbox_run() {
	step toolbox 'copying the base' toolbox_start
	step toolbox 'choosing the kernel' toolbox_resolve
	# shellcheck source=/dev/null
	source "$TOOLBOX/versions"
	step toolbox "packages for Linux $KVER" toolbox_packages
	step toolbox 'the Rust this kernel was built with' toolbox_rust
	step toolbox 'kernel image and modules' toolbox_kernel_packages
	touch "$TOOLBOX/done"
}

toolbox_start() {
	rm -rf "$TOOLBOX"
	base_copy "$TOOLBOX/root"
	echo "BASE_ID=$(hash_of <"$BASE/root/var/lib/dpkg/status")" >"$TOOLBOX/base-id"
}

# The newest 7.x kernel of which headers, source, image and modules all exist.
toolbox_resolve() {
	in_toolbox toolbox_newest_kernel >"$TOOLBOX/versions.new"
	grep -q '^KVER=' "$TOOLBOX/versions.new" || {
		echo "no complete Linux 7.x in $BACKPORTS"
		return 1
	}
	cat "$TOOLBOX/base-id" >>"$TOOLBOX/versions.new"
	mv "$TOOLBOX/versions.new" "$TOOLBOX/versions"
	cat "$TOOLBOX/versions"
}

toolbox_newest_kernel() {
	local headers kver series version image
	exists() { apt-cache show --no-all-versions "$1" >/dev/null 2>&1; }
	for headers in $(apt-cache search --names-only '^linux-headers-7\..*-amd64$' |
		cut -d' ' -f1 | grep -vE -- '-(rt|cloud)-' | sort -Vr); do
		kver=${headers#linux-headers-}
		series=$(sed -E 's/^([0-9]+\.[0-9]+).*/\1/' <<<"$kver")
		version=$(apt-cache show --no-all-versions "$headers" | sed -n 's/^Version: //p')
		apt-cache madison "linux-source-$series" | grep -qF " $version " || continue
		for image in "linux-binary-unsigned-$kver" "linux-binary-$kver" \
			"linux-image-$kver-unsigned" "linux-image-$kver"; do
			exists "$image" || continue
			printf '%s=%q\n' KVER "$kver" KSERIES "$series" KVERSION "$version" KIMAGE "$image"
			# Before 7.2 the modules were in the image's package.
			exists "linux-modules-$kver" && printf 'KMODULES=%q\n' "linux-modules-$kver"
			return 0
		done
	done
}

toolbox_packages() {
	local packages
	read -r -a packages <<<"$(packages_in "$ENV_DIR/toolbox.packages")"
	apt_in "$TOOLBOX/root" install "${packages[@]}" \
		"linux-headers-$KVER=$KVERSION" "linux-source-$KSERIES=$KVERSION"
}

# A module must be compiled by exactly the rustc that the kernel was.
toolbox_rust() {
	local text release
	text=$(sed -n 's/^CONFIG_RUSTC_VERSION_TEXT="\(.*\)"/\1/p' \
		"$TOOLBOX/root/usr/src/linux-headers-$KVER/.config")
	release=$(awk '{ print $2 }' <<<"$text")
	[[ -n $release ]] || {
		echo "Linux $KVER was built without Rust"
		return 1
	}
	apt_in "$TOOLBOX/root" install --allow-downgrades rustc="$release*" cargo="$release*" \
		rust-src="$release*" rustfmt="$release*" rust-clippy="$release*"
	[[ $(in_root "$TOOLBOX/root" rustc --version) == "$text" ]] || {
		echo "rustc is not the one of Linux $KVER ($text)"
		return 1
	}
	printf '%s=%q\n' RUSTC_TEXT "$text" RUST_RELEASE "$release" TOOLS "$(toolbox_tools)" \
		>>"$TOOLBOX/versions"
}

# The tools whose output the prepared tree keeps.
toolbox_tools() {
	# shellcheck disable=SC2016  # the format is dpkg's
	in_root "$TOOLBOX/root" dpkg-query -W -f '${Package}=${Version} ' \
		gcc bindgen rustc clang-19 pahole libelf-dev
}

toolbox_kernel_packages() {
	mkdir -p "$TOOLBOX/kernel"
	in_toolbox toolbox_unpack "$TOOLBOX/kernel" "$DEBS" "$KIMAGE" ${KMODULES:+"$KMODULES"}
	# All that the archives were kept for is done; a later change fetches its own.
	find "$DEBS" -name '*.deb' -delete
}

toolbox_unpack() {
	local dir=$1 debs=$2 deb
	shift 2
	cd "$debs" || return
	apt-get -q -y -o APT::Sandbox::User=root -o Acquire::Retries=3 download "$@"
	for deb in "$@"; do
		dpkg -x "$deb"_*.deb "$dir"
	done
}
