# lib.sh: what scripts/demo, check and bench share. Sourced by bash scripts,
# which set nothing before and call flux_prepare first.
#
# Sets: top (sources), build ($top/build), jobs.

set -u -o pipefail

# Many systems let a user's group write what the user makes. Hosts refuse
# plugins that others can write, and rightly.
umask 022

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
build=$top/build
jobs=$(nproc 2>/dev/null || echo 1)

# What a build needs. The python is for scripts/style alone.
flux_packages='gcc g++ make autoconf automake libtool pkg-config libcunit1-dev
	libconfig-dev libffi-dev libsqlite3-dev libjansson-dev nettle-dev
	libz3-dev
	python3'

# Talk goes to stderr: the last line of stdout is for whoever scripts us.
say()
{
	printf '%s\n' "$*" >&2
}

die()
{
	say "$*"
	exit 1
}

# have_package NAME: installed, under this name or by what provides it (newer
# systems have pkgconf where others have pkg-config).
have_package()
{
	case $1 in
	gcc | g++ | git | make | autoconf | automake | pkg-config | python3 | \
	valgrind)
		command -v "$1" >/dev/null 2>&1 && return 0 ;;
	libtool)
		command -v libtoolize >/dev/null 2>&1 && return 0 ;;
	esac
	dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null |
		grep -q '^install ok installed$'
}

# have_module PACKAGE: a library somebody built by hand is as good.
have_module()
{
	local module

	case $1 in
	libcunit1-dev) module=cunit ;;
	libconfig-dev) module=libconfig ;;
	libffi-dev) module=libffi ;;
	libsqlite3-dev) module=sqlite3 ;;
	libjansson-dev) module=jansson ;;
	nettle-dev) module=nettle ;;
	*) return 1 ;;
	esac
	pkg-config --exists "$module" 2>/dev/null
}

# flux_packages_install PACKAGE...: installs those that are missing, asking
# nothing. CUDA is never among them.
flux_packages_install()
{
	local missing=() package become=

	for package; do
		have_package "$package" || have_module "$package" ||
			missing+=("$package")
	done
	[ ${#missing[@]} -eq 0 ] && return 0

	if ! command -v apt-get >/dev/null 2>&1; then
		die "missing, and there is no apt-get: ${missing[*]}"
	fi
	if [ "$(id -u)" -ne 0 ]; then
		if ! sudo -n true 2>/dev/null; then
			say "These packages are missing; please run:"
			die "  sudo apt-get install -y ${missing[*]}"
		fi
		become='sudo -n'
	fi
	say "installing with apt: ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086
	$become env DEBIAN_FRONTEND=noninteractive apt-get \
		-o DPkg::Lock::Timeout=300 update >&2 ||
		say "apt-get update failed; trying with the old lists"
	# shellcheck disable=SC2086
	$become env DEBIAN_FRONTEND=noninteractive apt-get \
		-o DPkg::Lock::Timeout=300 install -y \
		--no-install-recommends "${missing[@]}" >&2 ||
		die "apt-get could not install: ${missing[*]}"
}

# logged LOG COMMAND...: output to the log; its end shown if the command
# fails.
logged()
{
	local log=$1 status

	shift
	mkdir -p "$(dirname "$log")" || return 1
	"$@" >"$log" 2>&1 </dev/null
	status=$?
	if [ $status -ne 0 ]; then
		say "failed ($status): $*"
		say "--- the end of $log"
		tail -n 60 "$log" >&2
		say "---"
	fi
	return $status
}

# Makes configure, unless it is newer than everything it is made from. All
# that autoreconf writes is ignored by git.
flux_autoreconf()
{
	local stale

	stale=$(cd "$top" && find configure.ac Makefile.am ./*/local.am \
		abi/isa/local.am m4/flux.m4 \
		\( -newer configure -o -newer Makefile.in \) 2>&1)
	[ -f "$top/configure" ] && [ -f "$top/Makefile.in" ] &&
		[ -z "$stale" ] && return 0
	logged "$build/log/autoreconf.log" \
		env -C "$top" autoreconf -fi
}

# flux_configure DIR OPTION...: out of tree, and only if something changed
# since: the options, or configure itself. A source tree that was configured
# in place would hide the build folder, so that is refused in words.
flux_configure()
{
	local dir=$1

	shift
	[ ! -e "$top/config.status" ] ||
		die "the source tree is configured; run make distclean there"
	mkdir -p "$dir" || return 1
	if [ -f "$dir/Makefile" ] && [ -f "$dir/flux-options" ] &&
	   [ "$(cat "$dir/flux-options")" = "$top $*" ] &&
	   [ ! "$top/configure" -nt "$dir/config.status" ]; then
		return 0
	fi
	logged "$dir/log/configure.log" \
		env -C "$dir" "$top/configure" "$@" || return 1
	printf '%s' "$top $*" >"$dir/flux-options"
}

# flux_make DIR LOG TARGET...
flux_make()
{
	local dir=$1 log=$2

	shift 2
	logged "$dir/log/$log.log" make -C "$dir" -j "$jobs" "$@"
}

# flux_prepare [PACKAGE...]: packages, configure.
flux_prepare()
{
	# shellcheck disable=SC2086
	flux_packages_install $flux_packages "$@"
	flux_autoreconf || die "autoreconf failed"
}

# The release build, which also makes build/bin and build/lib/flux. The same
# options for all scripts, so that one does not undo what another built; no
# static libraries, since nothing here uses them and they double the work.
flux_build_options=--disable-static

flux_build()
{
	say "building in ${build#"$PWD"/}"
	flux_configure "$build" $flux_build_options &&
		flux_make "$build" make all || die "the build failed"
}
