# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Stage kvm: on some nested hosts /dev/kvm opens and creates a processor, and
# then QEMU aborts or the guest hangs for ever. Only a guest that booted is proof.

KVM_SECONDS=15
KVM_MARKER=usbip-guest-is-up

kvm_run() {
	step kvm 'can KVM boot a guest here?' kvm_probe
	printf '%s: guests run under %s\n' "$(stage_label kvm)" "$(<"$ACCEL_FILE")"
}

kvm_probe() {
	local answer=tcg
	if [[ -c /dev/kvm && -r /dev/kvm && -w /dev/kvm ]]; then
		in_toolbox kvm_initramfs "$CACHE/kvm-probe" "$KVM_MARKER"
		if JAIL_OPTIONS=--devices in_toolbox kvm_boot "$KERNEL/vmlinuz" "$CACHE/kvm-probe" "$KVM_SECONDS" "$KVM_MARKER"; then
			answer=kvm
		fi
		rm -rf "$CACHE/kvm-probe"
	fi
	echo "$answer" >"$ACCEL_FILE.new"
	mv "$ACCEL_FILE.new" "$ACCEL_FILE"
}

kvm_initramfs() {
	local dir=$1 marker=$2
	rm -rf "$dir"
	mkdir -p "$dir/root/bin" "$dir/root/dev"
	cp "$(command -v busybox)" "$dir/root/bin/busybox"
	cat >"$dir/root/init" <<-END
		#!/bin/busybox sh
		/bin/busybox mount -t devtmpfs dev /dev
		echo $marker >/dev/console
		/bin/busybox poweroff -f
	END
	chmod 755 "$dir/root/init"
	(cd "$dir/root" && find . | cpio -o -H newc) >"$dir/initrd"
}

kvm_boot() {
	local vmlinuz=$1 dir=$2 seconds=$3 marker=$4
	ulimit -c 0
	timeout -s KILL "$seconds" qemu-system-x86_64 -accel kvm -cpu host -m 256 \
		-kernel "$vmlinuz" -initrd "$dir/initrd" -append 'console=ttyS0 quiet panic=-1' \
		-nodefaults -display none -serial "file:$dir/console" -no-reboot || true
	cat "$dir/console"
	grep -q "$marker" "$dir/console"
}
