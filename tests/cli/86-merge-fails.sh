#!/bin/sh
# An edit of a text is recorded while the disk fails to give the version that
# it is of: what status 0 was said of merges with what another device wrote, as
# if nothing had happened.
. "${0%/*}/lib.sh"
preload_so failread
so=$lib_so
# more than is kept in memory, before and behind it
filler() {
	for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		for m in 1 2 3 4 5; do
			head -c 21000 /dev/urandom | base64 >"$T/a/$1-$n-$m"
		done
	done
	expect 0 as a push
}
# failing N CMD...: the disk fails at N; sets status, and hit where it was read
failing() {
	at=$1
	shift
	: >"$T/log"
	LD_PRELOAD=$so TEST_FAIL_SQL='SELECT data FROM segdata' \
	    TEST_FAIL_AT=$at TEST_FAIL_LOG=$T/log \
	    as a "$@" >"$T/out" 2>"$T/err" </dev/null
	status=$?
	hit=$(cat "$T/log")
}

device_init a "file://$T/far"
filler before
printf '1\n2\n3\n4\n5\n' >"$T/a/canary.txt"
expect 0 as a push
filler behind
device_pair a b
expect 0 as b pull
expect 0 as a pull

hits=0
for at in 1 2 3 4; do
	printf '1\n2\n3\n4\n5\n' >"$T/a/canary.txt"
	expect 0 as a sync
	expect 0 as b sync
	printf '1\n2\n3\n4\n5 of a\n' >"$T/a/canary.txt"
	printf '1 of b\n2\n3\n4\n5\n' >"$T/b/canary.txt"
	failing "$at" push
	[ -z "$hit" ] || hits=$((hits + 1))
	[ "$status" -eq 0 ] || expect 0 as a push
	expect 0 as b sync
	expect 0 as a pull
	printf '1 of b\n2\n3\n4\n5 of a\n' >"$T/want"
	for d in a b; do
		cmp "$T/want" "$T/$d/canary.txt" ||
		    fail "no merge on $d, where read $at failed ($status)"
	done
done
[ "$hits" -gt 0 ] || fail "nothing was ever read"
expect 0 as a verify
expect 0 as b verify
if grep -rqF -e canary "$T/far"; then
	fail "a name is on the remote"
fi
