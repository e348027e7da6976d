# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Private mount and process namespaces: whatever happens to us, even SIGKILL,
# the kernel ends every process below and drops every mount.

NS_GRACE=5

# ns_run COMMAND ARGS...: returns its exit status.
ns_run() {
	local status=0
	# An asynchronous command would lose its standard input without <&0.
	setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child=KILL \
		--mount-proc --propagation private -- "$@" <&0 &
	NS_CHILD=$!
	trap 'ns_stop INT 130' INT
	trap 'ns_stop TERM 143' TERM
	trap 'ns_stop HUP 129' HUP
	wait "$NS_CHILD" || status=$?
	trap - INT TERM HUP
	return "$status"
}

# children_of PID: direct children, from /proc because procps may be missing.
children_of() {
	cat "/proc/$1/task/$1/children" 2>/dev/null || true
}

# Let the command end by itself for a while (a terminal's Ctrl-C has reached it
# already, other signals are passed on), then take the namespace down.
ns_stop() {
	local signal=$1 status=$2 init deadline=$((SECONDS + NS_GRACE)) kids
	trap '' INT TERM HUP
	init=$(children_of "$NS_CHILD")
	if [[ $signal != INT && -n $init ]]; then
		read -r -a kids <<<"$(children_of "${init%% *}")"
		((${#kids[@]} == 0)) || kill -s "$signal" "${kids[@]}" 2>/dev/null || true
	fi
	while ((SECONDS < deadline)) && kill -0 "$NS_CHILD" 2>/dev/null; do
		sleep 0.1
	done
	kill -KILL "$NS_CHILD" 2>/dev/null || true
	wait "$NS_CHILD" 2>/dev/null || true
	exit "$status"
}

# in_root ROOT COMMAND...: as root in the tree, writable, for set-up steps.
# JAIL_OPTIONS may hold one more option of lib/jail.
in_root() {
	local root=$1
	shift
	unshare --mount --propagation private -- "$ENV_DIR/lib/jail" \
		${JAIL_OPTIONS:+"$JAIL_OPTIONS"} --bind "$CACHE" "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
		"${NETWORK_ENV[@]}" "$@"
}

# in_toolbox FUNCTION ARGS...: run a function of ours with the toolbox's programs.
in_toolbox() {
	in_root "$TOOLBOX/root" bash -euo pipefail -c "$(declare -f "$1")"$'\n''"$@"' bash "$@"
}
