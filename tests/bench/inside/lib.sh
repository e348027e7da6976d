# SPDX-License-Identifier: GPL-2.0
# What jobs are written in. A job is a shell script that ends with the first command that fails. Where busybox has a program of
# the same name, its shell takes that, unless it is told the whole path.

GADGETS=/sys/kernel/config/usb_gadget
# Where the devices under test are: plugged in here, or imported.
PLACE=plugged

# usb: the core, without a bound for the memory of usbfs
usb() {
	modprobe usbcore
	echo 0 >/sys/module/usbcore/parameters/usbfs_memory_mb
}

# controllers SPEED COUNT: what gadgets are plugged into
controllers() {
	usb
	modprobe configfs
	mount -t configfs configfs /sys/kernel/config
	case $1 in
	super) modprobe dummy_hcd num=$2 is_super_speed=1 ;;
	*) modprobe dummy_hcd num=$2 ;;
	esac
}

# gadget INDEX SPEED PRODUCT FUNCTION: makes one, and leaves its function's directory in $function
gadget() {
	home=$GADGETS/g$1
	function=$home/functions/$4
	mkdir -p $home/configs/c.1 $function $home/strings/0x409
	echo 0x0525 >$home/idVendor
	echo 0x$3 >$home/idProduct
	echo $2-speed >$home/max_speed
	echo bench >$home/strings/0x409/product
	echo 000000000001 >$home/strings/0x409/serialnumber
}

# connect INDEX: plugs a gadget in
connect() {
	ln -s $function $GADGETS/g$1/configs/c.1/
	echo dummy_udc.$1 >$GADGETS/g$1/UDC
}

# plug SPEED BUFFER...: a source and sink for each buffer size, products a000, a010, ...; data is neither made nor checked
plug() {
	speed=$1
	shift
	controllers $speed $#
	modprobe usb_f_ss_lb
	PRODUCTS=
	for buffer; do
		index=$(echo $PRODUCTS | wc -w)
		product=a0${index}0
		gadget $index $speed $product SourceSink.0
		echo 2 >$function/pattern
		echo $buffer >$function/bulk_buflen
		echo 32 >$function/bulk_qlen
		connect $index
		PRODUCTS="$PRODUCTS $product"
	done
}

# plug_disk SPEED MIB: a disk, its medium in memory
plug_disk() {
	modprobe sd_mod
	modprobe usb_storage delay_use=0
	controllers $1 1
	modprobe usb_f_mass_storage
	dd if=/dev/zero of=/tmp/medium bs=1M count=$2 2>/dev/null
	PRODUCTS=a4a5
	gadget 0 $1 $PRODUCTS mass_storage.0
	echo /tmp/medium >$function/lun.0/file
	connect 0
}

# find_disk: waits for the disk, and leaves its name in $disk
find_disk() {
	bench wait $PLACE a4a5 >/dev/null
	for try in $(seq 300); do
		disk=$(ls /sys/block | grep ^sd || true)
		[ -n "$disk" ] && [ "$(cat /sys/block/$disk/size)" != 0 ] && return
		sleep 0.1
	done
	echo "no disk has come" >/dev/console
	return 1
}

# mount_disk: at /mnt, with a new file system
mount_disk() {
	/usr/sbin/mke2fs -q -t ext4 -F /dev/$disk >/dev/console
	mkdir -p /mnt
	mount -t ext4 /dev/$disk /mnt
}

# stub MODULE: exports all that is plugged in
stub() {
	modprobe $1
	EXPORTED=
	for product in $PRODUCTS; do
		busid=$(bench wait plugged $product)
		usbip bind -b $busid >/dev/console 2>&1
		EXPORTED="$EXPORTED $busid"
	done
}

# wait_port PORT: until a server listens there; fails after 10 s
wait_port() {
	for try in $(seq 100); do
		grep -q ":$(printf %04X $1) .* 0A " /proc/net/tcp /proc/net/tcp6 && return
		sleep 0.1
	done
	echo "nobody listens at port $1" >/dev/console
	return 1
}

# import MODULE: imports what was exported
import() {
	modprobe $1
	usbipd -D
	wait_port 3240
	for busid in $EXPORTED; do
		usbip attach -r 127.0.0.1 -b $busid >/dev/console
	done
	PLACE=imported
}

# serve MODULE unix|tcp PORT: imports a device that is served in user space, product a4a4
serve() {
	usb
	modprobe $1
	bench serve $2 $3 >/dev/console 2>&1 &
	PLACE=imported
}

# again MODULE: exports that device, and imports it once more
again() {
	modprobe $1
	usbipd -D
	wait_port 3240
	busid=$(bench wait imported a4a4)
	cd /sys/bus/usb/drivers
	# The tools refuse to: it might come from where it goes.
	printf "add $busid" >usbip-host/match_busid
	echo $busid >usb/unbind
	echo $busid >usbip-host/bind
	cd /
	usbip attach -r 127.0.0.1 -b $busid >/dev/console
}

# distance MS: a round trip over the loopback interface
distance() {
	/usr/sbin/tc qdisc del dev lo root 2>/dev/null || true
	[ $1 = 0 ] || /usr/sbin/tc qdisc add dev lo root netem delay $(($1 * 500))us limit 100000
}

# drive LABEL INDEX unix|tcp PLAN...: the stub of the gadget with this index
drive() {
	label=$1 busid=$(echo $EXPORTED | cut -d ' ' -f $(($2 + 1)))
	shift 2
	bench drive $label $busid "$@"
}

# load LABEL PRODUCT PLAN...
load() {
	label=$1 product=$2
	shift 2
	bench load $label $(bench wait $PLACE $product) "$@"
}
