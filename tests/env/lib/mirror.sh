# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The machine's own way to Debian packages: mirror, proxy, certificates, logins.
# No host name is written down here; all of it is asked from apt and the environment.

NETWORK_ENV=()

# Proxy and certificate variables are the user's; they go wherever we go.
network_env() {
	local name
	for name in http_proxy https_proxy ftp_proxy all_proxy no_proxy HTTP_PROXY \
		HTTPS_PROXY ALL_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR; do
		[[ -z ${!name-} ]] || NETWORK_ENV+=("$name=${!name}")
	done
}

# Archive addresses apt would read, best candidates (this release's own) first.
mirror_candidates() {
	local codename uri
	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release | tr -d '"')
	apt-get --print-uris update 2>/dev/null |
		sed -nE "s#^'(.+)/dists/([^' ]+)/InRelease'.*#\2 \1#p" |
		awk -v own="${codename:-stable}" '{ print ($1 == own ? 0 : 1), $2 }' |
		sort -s -u -k1,1 -k2,2 |
		while read -r _ uri; do
			mirror_plain "$uri"
		done
}

# Cloud images name a file of mirrors; everyone else names the mirror.
mirror_plain() {
	local list
	case $1 in
	http://* | https://*) echo "$1" ;;
	mirror+file:*)
		list=$(sed -E 's#^mirror\+file:/*#/#' <<<"$1")
		sed -nE 's#^(https?://[^[:space:]]+).*#\1#p' "$list" 2>/dev/null | head -n 1
		;;
	esac
}

# Sets MIRROR to the first address that serves our suite of Debian.
mirror_find() {
	local uri tried='' work
	work=$(mktemp -d)
	for uri in $(mirror_candidates); do
		tried=yes
		uri=${uri%/}
		if mirror_fetch "$uri/dists/$SUITE/InRelease" "$work/release" &&
			grep -q '^Origin: Debian$' "$work/release" &&
			grep -qE "^(Suite|Codename): $SUITE\$" "$work/release" &&
			mirror_fetch "$uri/dists/$BACKPORTS/InRelease" "$work/release"; then
			rm -rf "$work"
			MIRROR=$uri
			return 0
		fi
	done
	rm -rf "$work"
	[[ -n $tried ]] ||
		die "no Debian mirror: apt on this machine has no http(s) source to take packages from"
	die "no network, or no mirror reachable: no source in this machine's apt configuration answers with Debian $SUITE and $BACKPORTS"
}

# Through apt, so that its proxy, certificates and logins are used.
mirror_fetch() {
	/usr/lib/apt/apt-helper -o APT::Sandbox::User=root -o Acquire::Retries=2 \
		-o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15 \
		download-file "$1" "$2" >/dev/null 2>&1
}

# debootstrap downloads by itself: hand it apt's proxy and logins.
mirror_debootstrap_env() {
	local proxy='' detect='' file
	eval "$(apt-config shell proxy Acquire::http::Proxy detect Acquire::http::Proxy-Auto-Detect)"
	if [[ -z $proxy && -x $detect ]]; then
		proxy=$("$detect" "$MIRROR") || proxy=''
	fi
	if [[ -z ${http_proxy-} && -n $proxy && $proxy != DIRECT ]]; then
		export http_proxy=$proxy
	fi
	# wget reads logins from ~/.netrc, whose format apt's files share.
	HOME=$(mktemp -d)
	export HOME
	for file in /etc/apt/auth.conf /etc/apt/auth.conf.d/*.conf; do
		[[ ! -f $file ]] || (umask 077 && cat "$file" >>"$HOME/.netrc")
	done
}

# apt's transport settings in its own syntax, without those that name host programs.
mirror_apt_conf() {
	apt-config dump |
		grep -E '^Acquire::' |
		grep -vE '^Acquire::(IndexTargets|Changelogs|CompressionTypes|cdrom|Languages|GzipIndexes|[a-z]+::Proxy-?Auto-?Detect)'
	echo 'Acquire::Languages "none";'
	if [[ -n ${http_proxy-} ]]; then
		echo "Acquire::http::Proxy \"$http_proxy\";"
	fi
}

# mirror_carry ROOT: make apt in ROOT fetch as the host's does.
mirror_carry() {
	local root=$1 file suites=$SUITE more=''
	if [[ $BACKPORTS != "$SUITE" ]]; then
		suites+=" $BACKPORTS"
	else
		# A mirror that has fallen behind by weeks is still signed, and still a kernel to build for.
		more=$'Check-Valid-Until: no\n'
	fi
	rm -f "$root/etc/apt/sources.list"
	printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n%s' \
		"$MIRROR" "$suites" /usr/share/keyrings/debian-archive-keyring.gpg "$more" \
		>"$root/etc/apt/sources.list.d/debian.sources"
	mirror_apt_conf >"$root/etc/apt/apt.conf.d/00host"
	for file in /etc/apt/auth.conf /etc/apt/auth.conf.d/*.conf \
		$(sed -nE 's#^Acquire::.*(CAInfo|SslCert|SslKey) "(/.*)";#\2#p' "$root/etc/apt/apt.conf.d/00host"); do
		[[ ! -f $file ]] || install -D -m 600 "$file" "$root$file"
	done
	mkdir -p "$root/etc/ssl/certs" "$root/usr/local/share/ca-certificates"
	if [[ -f /etc/ssl/certs/ca-certificates.crt ]]; then
		cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
	fi
	if [[ -d /usr/local/share/ca-certificates ]]; then
		cp -RL /usr/local/share/ca-certificates "$root/usr/local/share/"
	fi
}
