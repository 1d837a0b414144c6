#!/bin/sh
# Makes sure that the programs a make target needs are there: `need.sh run` or `need.sh test`.
# As root on a Debian system it installs what is missing; anywhere else it says the one line to type.
set -eu

packages=
want() { # want PACKAGE COMMAND: the package is missing when the command is
	command -v "$2" >/dev/null 2>&1 || packages="$packages $1"
}

have_postgres() {
	command -v initdb >/dev/null 2>&1 && return 0
	for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin; do
		[ -x "$dir/initdb" ] && return 0
	done
	return 1
}

have_postgres || packages="$packages postgresql"
want nodejs node
want npm npm
if [ "${1:-run}" = test ]; then
	want "gcc libc6-dev" cc # go test -race links with C
	want openssl openssl
	want chromium chromium
	want poppler-utils pdfsig
	want ffmpeg ffprobe
	want mkvtoolnix mkvmerge
	want qpdf qpdf
	want coturn turnutils_uclient
	/usr/bin/python3 -c 'import aiortc' 2>/dev/null || packages="$packages python3-aiortc"
	want iproute2 tc
	want fonts-noto-cjk /nonexistent
	if command -v fc-list >/dev/null 2>&1 && [ -n "$(fc-list :lang=zh family 2>/dev/null)" ]; then
		packages=$(printf '%s' "$packages" | sed 's/ fonts-noto-cjk//')
	fi
fi
[ -z "$packages" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing:$packages"
	export DEBIAN_FRONTEND=noninteractive
	case "$packages " in *" postgresql "*)
		# Debian's postgresql starts a cluster of its own on install; Yunting brings its own, so that one is not created.
		mkdir -p /etc/postgresql-common
		[ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
		;;
	esac
	apt-get update -qq
	# shellcheck disable=SC2086
	apt-get install -y -qq --no-install-recommends $packages >/dev/null
	exit 0
fi
echo "Yunting needs these packages first. Type:" >&2
if command -v apt-get >/dev/null 2>&1; then
	echo "  sudo apt-get install -y$packages" >&2
elif command -v brew >/dev/null 2>&1; then
	echo "  brew install postgresql@15 node ffmpeg mkvtoolnix poppler qpdf openssl" >&2
else
	echo "  (your package manager) install$packages" >&2
fi
exit 1
