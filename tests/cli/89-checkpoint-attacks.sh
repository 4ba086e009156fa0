#!/bin/sh
# A member that writes checkpoints which are not what the history says: nobody
# believes them or deletes anything for them; who begins from one takes in all
# of it or nothing, and comes to the same as the others.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
many_runs
need jq
forge=${BUILD:-$top/build}/tools/forge
[ -x "$forge" ] || skip "tools/forge is not built"
segments() { find "$T/far" -path '*/seg/*' -type f | wc -l; }
gc() { jq -r "select(.type == \"gc\") | .$1" "$T/out"; }
has() { [ "$(gc "$1")" = "$2" ] || fail "$1 is $(gc "$1"): $(cat "$T/out")"; }
# evil NAME LINE...: one segment of these ops in the name of a device
evil() {
	who=$1
	shift
	printf '%s\n' "$@" | LD_PRELOAD="$clock_so" "$forge" "$T/$who" \
	    "$T/state-$who/zk" "file://$T/far" >/dev/null || fail "forge $*"
}

device_init a "file://$T/far"
echo kept >"$T/a/stays"
echo gone >"$T/a/gone"
head -c 150000 /dev/urandom >"$T/a/large"
for _ in 1 2 3 4 5 6; do
	head -c 3000 /dev/urandom >"$T/a/count"
	expect 0 at a push
	days 2
done
device_pair a b
device_pair a e
expect 0 at b sync
expect 0 at e sync
expect 0 at a pull
rm "$T/a/gone"
expect 0 at a push
days 40
echo last >"$T/a/count"
expect 0 at a push
expect 0 at b sync
expect 0 at e sync
expect 0 at a pull

# each is judged when nothing newer is left: garbage, all or none of the
# contents, a cut that never was, a blob that is nowhere
evil e "checkpoint all 00ff00ff" "checkpoint past gone" \
    "checkpoint past kept" "checkpoint all lost" \
    "checkpoint 01$(printf '%064d01%064d' 1 2) 7a6b4301"
expect 0 at a pull
before=$(segments)
expect 22 at a gc --json
[ "$(grep -c "is not what the history" "$T/err")" = 5 ] ||
    fail "not said of each: $(cat "$T/err")"
has segments 0
[ "$(segments)" -ge "$before" ] || fail "segments went for a lie"
# it was said; a true one covers the cuts of the lies, so it is written once
# these are past the window, and all else goes on
expect 0 at a gc --json
has checkpoint false
has segments 0
days 2
echo noted >"$T/a/count"
expect 0 at a push
days 40
echo later >"$T/a/count"
expect 0 at a push
expect 0 at a gc --json
has checkpoint true
has segments 0
expect 0 at a verify
expect 0 at a device park e
echo more >"$T/a/more"
expect 0 at a push
expect 0 at b sync
same_tree a b
expect 0 at a pull
expect 0 at a gc --json
[ "$(gc segments)" -gt 5 ] || fail "the true one deletes nothing:" \
    "$(cat "$T/out")"
expect 0 at a verify
expect 0 at b gc
expect 0 at b verify
expect 0 at a log count
out_has created

# A newcomer is offered streams that are none, and one that nobody has.
evil b "checkpoint all lost" "checkpoint all never"
for stream in - 00 7a6b43 7a6b4302 7a6b430100 7a6b430101 7a6b43017a \
    7a6b4301ffffffffffffffffff01 7a6b4301037a6b54; do
	evil b "checkpoint all $stream"
done
# Where the true one cannot be had, nothing is taken in; once it is there, all.
device_pair a d
# a's log is the longest of those that begin later
true_log=$(cd "$T/far"/*/begin && printf '%s\n' * | sort -t - -k 2,2 |
    tail -n 1 | cut -d - -f 1)
mkdir "$T/hidden"
(cd "$T/far"/* && mv "seg/$true_log" "$T/hidden/seg" &&
    mv "head/$true_log"-* "$T/hidden") || fail "hiding a's log"
expect 22 at d pull
err_has "a checkpoint cannot be used: malformed data"
err_has "a checkpoint cannot be used: data was tampered with"
err_has "a checkpoint cannot be used: written by a newer version"
err_has "has not arrived"
[ "$(ls -A "$T/d")" = .zk ] || fail "half of it: $(ls -A "$T/d")"
expect 0 at d verify
(cd "$T/far"/* && mv "$T/hidden/seg" "seg/$true_log" &&
    mv "$T/hidden"/* head) || fail "bringing it back"
expect 22 at d pull
err_has "a checkpoint cannot be used: data was tampered with"
same_tree a d
expect 0 at d verify
expect 0 at d pull
echo of-d >"$T/d/of-d"
expect 0 at d push
expect 0 at a pull
same_tree a d
