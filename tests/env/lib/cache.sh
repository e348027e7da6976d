# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153  # names are shared with the files sourced beside
# Where everything is kept. Each artefact's name carries a hash of what it is
# made from, so a changed input makes a new artefact, and several checkouts can
# share one cache.

# Debian's stable release with the newest kernel of its backports, or another suite ("testing") with its own. BACKPORTS
# is where kernels come from. Other suites have no LLVM 19: what follows "clang" there is nothing.
SUITE=${USBIP_SUITE:-trixie}
if [[ $SUITE == trixie ]]; then
	BACKPORTS=trixie-backports LLVM_SUFFIX=-19
else
	BACKPORTS=$SUITE LLVM_SUFFIX=''
fi
ENV_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CHECKOUT=$(cd "$ENV_DIR/../.." && pwd -P)
CACHE=$(realpath -m "${USBIP_CACHE:-/var/cache/usbip-rs}")
DEBS=$CACHE/debs

# recipe FILES...: their text without comments, which never change a result, for the LLVM of the suite.
recipe() {
	sed -e '/^[[:space:]]*#/d' -e '/^[[:space:]]*$/d' -e "s/-19\>/$LLVM_SUFFIX/g" "$@"
}

hash_of() {
	sha256sum | cut -c1-12
}

# options_of FILE: of a kernel's configuration, if there is such a file; comments may also switch options off.
options_of() {
	[[ ! -e $1 ]] || grep -E '^(# )?CONFIG_' "$1"
}

# The debug kernels, by the names that USBIP_KERNEL knows them by.
DEBUG_KERNELS=(debug rt kcsan)

# Sets DEBUG_NAME, BASE, TOOLBOX and, once the toolbox has resolved its versions, KERNEL,
# GUEST, ACCEL_FILE, DEBUG, DEBUG_GUEST and KVER; CROSS if there is a USBIP_ARCH.
cache_paths() {
	local lib=$ENV_DIR/lib key
	DEBUG_NAME=${USBIP_KERNEL:-stock}
	[[ $DEBUG_NAME != stock ]] || DEBUG_NAME=debug
	[[ " ${DEBUG_KERNELS[*]} " == *" $DEBUG_NAME "* ]] ||
		die "USBIP_KERNEL is one of: stock ${DEBUG_KERNELS[*]}; not '$USBIP_KERNEL'"
	DEBUG_CHANGES=$ENV_DIR/debug-$DEBUG_NAME.config DEBUG_PATCH=$ENV_DIR/debug-$DEBUG_NAME.patch
	key=$({ echo "$SUITE $BACKPORTS"; recipe "$lib/base.sh"; } | hash_of)
	BASE=$CACHE/base-$key
	key=$({ echo "$key"; recipe "$lib/toolbox.sh" "$ENV_DIR/toolbox.packages"; } | hash_of)
	TOOLBOX=$CACHE/toolbox-$key
	KERNEL='' GUEST='' ACCEL_FILE='' DEBUG='' DEBUG_GUEST='' KVER='' CROSS=''
	[[ -e $TOOLBOX/done ]] || return 0

	# shellcheck source=/dev/null
	source "$TOOLBOX/versions"
	key=$({ grep -v "^BASE_ID=" "$TOOLBOX/versions"; recipe "$lib/kernel.sh" "$ENV_DIR/guest.prune"; } | hash_of)
	KERNEL=$CACHE/kernel-$key
	ACCEL_FILE=$CACHE/accel-$({ echo "$key"; recipe "$lib/kvm.sh"; boot_id; } | hash_of)
	GUEST=$CACHE/guest-$({
		echo "$key $BASE_ID"
		recipe "$lib/guest.sh" "$ENV_DIR/guest.packages"
	} | hash_of).squashfs
	# Not the script: half an hour of processor time for a changed message is too much.
	DEBUG=$CACHE/debug-$({
		grep -v "^BASE_ID=" "$TOOLBOX/versions"
		options_of "$ENV_DIR/debug.config"
		options_of "$DEBUG_CHANGES"
		[[ ! -e $DEBUG_PATCH ]] || cat "$DEBUG_PATCH"
	} | hash_of)
	DEBUG_GUEST=$CACHE/guest-$(echo "$GUEST $DEBUG" | hash_of).squashfs
	[[ -z ${USBIP_ARCH-} ]] || CROSS=$CACHE/cross-$USBIP_ARCH-$({
		echo "$KERNEL"
		recipe "$lib/cross.sh"
	} | hash_of)
}

boot_id() {
	cat /proc/sys/kernel/random/boot_id
}

stage_done() {
	case $1 in
	base) [[ -e $BASE/done ]] || { stage_done toolbox && stage_done guest; } ;;
	toolbox) [[ -e $TOOLBOX/done ]] ;;
	kernel) [[ -n $KERNEL && -e $KERNEL/done ]] ;;
	guest) [[ -n $GUEST && -e $GUEST ]] ;;
	kvm) [[ -n $ACCEL_FILE && -e $ACCEL_FILE ]] ;;
	debug) [[ -n $DEBUG && -e $DEBUG/done && -e $DEBUG_GUEST ]] ;;
	cross) [[ -n $CROSS && -e $CROSS/done ]] ;;
	esac
}

# Artefacts carry the time of their last use, so that those of older recipes
# can be told from those of a colleague's branch.
cache_touch() {
	touch -c "$BASE" "$TOOLBOX" ${KERNEL:+"$KERNEL"} ${GUEST:+"$GUEST"} ${ACCEL_FILE:+"$ACCEL_FILE"} \
		${DEBUG:+"$DEBUG"} ${DEBUG_GUEST:+"$DEBUG_GUEST"} ${CROSS:+"$CROSS"}
}

cache_prune() {
	local old
	while IFS= read -r -d '' old; do
		echo "removing $old, not used for a week"
		rm -rf -- "$old"
	done < <(find "$CACHE" -mindepth 1 -maxdepth 1 -mtime +7 \
		\( -name 'base-*' -o -name 'toolbox-*' -o -name 'kernel-*' \
		-o -name 'guest-*' -o -name 'accel-*' -o -name 'debug-*' -o -name 'cross-*' \) -print0
		find "$CACHE/out" -mindepth 1 -maxdepth 1 -mtime +7 -print0 2>/dev/null)
}

# cache_lock [NAME]: one set-up at a time: the second waits and then finds the work done.
cache_lock() {
	mkdir -p "$CACHE/log" "$DEBS/partial"
	exec {LOCK_FD}>"$CACHE/${1-lock}"
	if ! flock -n "$LOCK_FD"; then
		echo "[env] another set-up is filling $CACHE: waiting for it"
		flock "$LOCK_FD"
	fi
}
