# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the person in front of the terminal sees: one line per step, a heartbeat
# while it lasts, and the end of its log when it fails.

STAGES=(base toolbox kernel guest kvm)

die() {
	printf 'error: %s\n' "$1" >&2
	exit 2
}

# stage_label STAGE: "[env 2/5] toolbox"; some are not among the five.
stage_label() {
	local i
	[[ $1 != debug ]] || printf '[env] kernel %s' "$DEBUG_NAME"
	[[ $1 != cross ]] || printf '[env] %s' "$USBIP_ARCH"
	for i in "${!STAGES[@]}"; do
		if [[ ${STAGES[i]} == "$1" ]]; then
			printf '[env %d/%d] %s' $((i + 1)) "${#STAGES[@]}" "$1"
		fi
	done
}

# heartbeat PID LABEL LOG: a line every ten seconds until PID ends.
heartbeat() {
	local pid=$1 label=$2 log=$3 start=$SECONDS last=$SECONDS note
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		if ((SECONDS - last >= 10)); then
			last=$SECONDS
			note=$(tail -n 1 "$log" 2>/dev/null | tr -cd '[:print:]' | cut -c1-60)
			printf '%s ... %d s  %s\n' "$label" $((SECONDS - start)) "$note"
		fi
	done
}

# step STAGE TITLE FUNCTION ARGS...: run it with its output in the stage's log.
# Must not be called in a condition: that would switch `set -e` off inside.
step() {
	local stage=$1 title=$2 label log start=$SECONDS pid status=0
	shift 2
	label="$(stage_label "$stage"): $title"
	log=$CACHE/log/$stage.log
	printf '%s ...\n' "$label"
	printf '### %s\n' "$title" >>"$log"
	"$@" </dev/null >>"$log" 2>&1 &
	pid=$!
	heartbeat "$pid" "$label" "$log"
	wait "$pid" || status=$?
	if ((status != 0)); then
		printf '%s FAILED; the end of %s:\n' "$label" "$log" >&2
		tail -n 25 "$log" >&2
		exit 1
	fi
	printf '%s (%d s)\n' "$label" $((SECONDS - start))
}
