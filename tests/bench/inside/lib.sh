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

# source_sink INDEX SPEED PRODUCT BUFFER: a gadget whose data is neither made nor checked, plugged in
source_sink() {
	modprobe usb_f_ss_lb
	gadget $1 $2 $3 SourceSink.0
	echo 2 >$function/pattern
	echo $4 >$function/bulk_buflen
	echo 32 >$function/bulk_qlen
	connect $1
}

# plug SPEED BUFFER...: a source and sink for each buffer size, products a000, a010, ...
plug() {
	speed=$1
	shift
	controllers $speed $#
	PRODUCTS=
	for buffer; do
		index=$(echo $PRODUCTS | wc -w)
		product=a0${index}0
		source_sink $index $speed $product $buffer
		PRODUCTS="$PRODUCTS $product"
	done
}

# plug_crowd COUNT BUFFER: that many that are all alike, product b000
plug_crowd() {
	controllers high $1
	for index in $(seq 0 $(($1 - 1))); do
		source_sink $index high b000 $2
	done
	PRODUCTS=$(yes b000 | head -n $1)
}

# plug_neighbours BUFFER: one that has something to say at any time, by interrupts of 32 bytes, product a000, and a source
# and sink, product a010
plug_neighbours() {
	controllers high 2
	modprobe usb_f_hid
	gadget 0 high a000 hid.0
	echo 64 >$function/report_length
	# A vendor's page, and input of 64 bytes.
	printf '\x06\x00\xff\x09\x01\xa1\x01\x15\x00\x26\xff\x00\x75\x08\x95\x40\x09\x01\x81\x02\xc0' >$function/report_desc
	connect 0
	source_sink 1 high a010 $1
	PRODUCTS="a000 a010"
	# Each reset of the device ends it.
	while sleep 0.1; do
		dd if=/dev/zero of=/dev/hidg0 bs=32 2>/dev/null || true
	done &
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

# as_by_udev: the disk as the rule of ours leaves it, which here nobody carries out
as_by_udev() {
	sed -n 's/.*ATTR{\([^}]*\)}="\([^"]*\)".*/\1 \2/p' /disk.rules | while read name value; do
		echo $value >/sys/block/$disk/$name
	done
}

# stub MODULE: exports all that is plugged in
stub() {
	modprobe $1
	EXPORTED=
	for product in $PRODUCTS; do
		busid=$(bench wait plugged $product | cut -d ' ' -f 1)
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

# client MODULE: what it takes to import
client() {
	modprobe $1
	usbipd -D
	wait_port 3240
	PLACE=imported
}

# import MODULE: imports what was exported
import() {
	client $1
	for busid in $EXPORTED; do
		usbip attach -r 127.0.0.1 -b $busid >/dev/console
	done
}

# import_crowd FROM TO: imports those of what plug_crowd has plugged in
import_crowd() {
	for busid in $(echo $EXPORTED | cut -d ' ' -f $1-$2); do
		usbip attach -r 127.0.0.1 -b $busid >/dev/console
	done
	CROWD=$(bench wait imported b000 $2)
}

# crowd LABEL PLAN...: all that have been imported by then at once
crowd() {
	label=$1
	shift
	bench crowd $label "$@" $CROWD
}

# unused: KiB of memory
unused() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 5
	awk '/^MemFree:/ { print $2 }' /proc/meminfo
}

# memory LABEL COUNT COMMAND...: what that many devices take, which the command imports
memory() {
	label=$1 count=$2 before=$(unused)
	shift 2
	"$@"
	echo "figure label=$label memory=$(((before - $(unused)) * 1024 / count))"
}

# strain LABEL PRODUCT STRAIN PLAN...: a load while the other device has one, in|out SIZE DEPTH in quotes
strain() {
	label=$1 product=$2 busid=$(bench wait $PLACE $3)
	strain=$4
	shift 4
	bench strain $busid $strain >/dev/console 2>&1 &
	sleep 1
	load $label $product "$@"
	# It has not ended before; the next one gets the device when it has, with nothing under way.
	kill $!
	wait $!
}

# stuck: one more device, the peer of which reads nothing any more, and a load that fills its connection
stuck() {
	bench serve tcp 10 stuck >/dev/console 2>&1 &
	bench strain $(bench wait imported a4a4) out 262144 32 >/dev/console 2>&1 &
	sleep 1
	kill -0 $!
}

# use_our_tools: instead of Debian's
use_our_tools() {
	PATH=/opt/usbip-rs/bin:$PATH
}

# measure_tool LABEL COMMAND...: once it has been read from the medium
measure_tool() {
	label=$1
	shift
	"$@" >/dev/null 2>&1
	bench measure $label "$@" 2>/dev/console
}

# measure_attach LABEL: the second of what plug_crowd has plugged in
measure_attach() {
	import_crowd 1 1
	bench measure $1 usbip attach -r 127.0.0.1 -b $(echo $EXPORTED | cut -d ' ' -f 2) 2>/dev/console
	bench wait imported b000 2 >/dev/null
}

# serve_crowd FROM TO: more devices that are served in user space, each on a port for high speed of its own, over TCP
serve_crowd() {
	ports=$(for number in $(seq $(($1 - 1)) $(($2 - 1))); do echo $((number / 15 * 30 + number % 15)); done)
	bench serve-crowd tcp $ports >/dev/console 2>&1 &
	CROWD=$(bench wait imported a4a4 $2)
}

# serve MODULE unix|tcp PORT [punctual]: imports a device that is served in user space, product a4a4
serve() {
	usb
	modprobe $1
	bench serve $2 $3 $4 >/dev/console 2>&1 &
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

# mtu BYTES: what the loopback interface takes at once
mtu() {
	ifconfig lo mtu $1
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
