# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Stage guest: the root image of the test machines, apart from the toolbox so
# that tests meet what a user's system has.

guest_run() {
	step guest 'packages' guest_tree
	step guest 'image' guest_image
}

guest_tree() {
	local tree=$CACHE/guest.tree packages
	read -r -a packages <<<"$(packages_in "$ENV_DIR/guest.packages")"
	base_copy "$tree"
	apt_in "$tree" install "${packages[@]}"
	find "$DEBS" -name '*.deb' -delete
	guest_strip "$tree"
}

# A guest needs neither our mirror, nor its logins, nor package lists.
guest_strip() {
	local tree=$1
	rm -rf "$tree"/var/lib/apt/lists/* "$tree"/var/cache/apt/* "$tree"/etc/apt/auth.conf* \
		"$tree"/etc/apt/apt.conf.d/00host "$tree"/etc/apt/sources.list.d/* \
		"$tree"/usr/share/{doc,man,locale,info}/* "$tree/usr/sbin/policy-rc.d" \
		"$tree$CACHE" "$tree"/usr/lib/modules
	echo usbip-guest >"$tree/etc/hostname"
	: >"$tree/etc/resolv.conf"
	mkdir -p "$tree/usr/lib/modules"
	cp -a "$KERNEL/stock/lib/modules/$KVER" "$tree/usr/lib/modules/"
}

guest_image() {
	local tree=$CACHE/guest.tree
	rm -f "$GUEST.new"
	in_root "$TOOLBOX/root" mksquashfs "$tree" "$GUEST.new" -noappend -no-progress -comp lz4
	mv "$GUEST.new" "$GUEST"
	rm -rf "$tree"
}
