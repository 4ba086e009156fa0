# A clock that a scenario sets, for those in which days have to pass.  Sourced
# after lib.sh; skips where nothing can be put under the program.
#
# The clock runs ahead of the machine's by as many milliseconds as the file
# $TEST_CLOCK, which is $T/clock, has bytes: none at first.  What starts with
# $clock_so in LD_PRELOAD goes by it (see tests/preload/clock.c), and nothing
# else does, so that one scenario can have programs of both kinds.
# shellcheck shell=sh disable=SC2154 # lib_so is set by preload_so
preload_so clock
clock_so=$lib_so
export TEST_CLOCK="$T/clock"
: >"$TEST_CLOCK"

# days N: N days of 24 hours pass by this clock, for what runs already too.
days() { truncate -s +$(($1 * 86400000)) "$TEST_CLOCK"; }

# at NAME ARG...: as, by this clock.
at() {
	who=$1
	shift
	LD_PRELOAD="$clock_so" XDG_STATE_HOME="$T/state-$who" \
	    "$ZK" -C "$T/$who" "$@"
}

# late CMD...: by this clock, whatever a function of lib.sh starts; its status.
late() {
	export LD_PRELOAD="$clock_so"
	"$@"
	lib_got=$?
	unset LD_PRELOAD
	return "$lib_got"
}
