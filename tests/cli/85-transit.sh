#!/bin/sh
# A transit relay passes on and keeps nothing: what all members acknowledged,
# and a remote that keeps everything holds, is deleted there, and comes not
# back; what one has not got stays; what it drops before is noticed.
. "${0%/*}/lib.sh"
. "${0%/*}/clock.sh"
many_runs

holds=${BUILD:-$top/build}/tools/holds
[ -x "$holds" ] || skip "tools/holds is not built"
# there KIND: how many bytes of that kind the relay has
there() { "$holds" "$T/relay" | sed "s/.* $1=[0-9]*\/\([0-9]*\).*/\1/"; }
empty() {
	[ "$(there segments)" = 0 ] || fail "segments: $("$holds" "$T/relay")"
	[ "$(there blobs)" = 0 ] || fail "blobs: $("$holds" "$T/relay")"
}
large() { head -c 300000 /dev/urandom >"$1"; }

# the relay goes by the clock that days sets
late relay_start --plain
mkdir "$T/keeps" "$T/other"
XDG_STATE_HOME="$T/state-a" "$ZK" -q init "$T/a" --name a >/dev/null ||
    fail init

# it is never all there is, and only a relay can be one
expect 2 as a remote add --transit "$relay_url"
err_has 'no remote that does'
expect 0 as a remote add "file://$T/keeps"
expect 2 as a remote add --transit "file://$T/other"
err_has 'only a relay'
echo old >"$T/a/old"
large "$T/a/large"
expect 0 as a push

# of what was there before it gets no blob, and keeps nothing
expect 0 as a remote add --transit "$relay_url"
expect 2 as a remote rm "file://$T/keeps"
err_has 'the only remote that keeps'
expect 0 as a push
empty
expect 0 as a remote
out_has 'transit, last success'
expect 0 as a remote --json
[ "$(grep -c '"transit":true' "$T/out")" = 1 ] || fail "$(cat "$T/out")"

# a joiner gets all from the one that keeps it, and adds the relay itself
device_pair a b
expect 0 as b pull
cmp -s "$T/a/large" "$T/b/large" || fail "b lacks the large file"
expect 0 as b remote add --transit "$relay_url"
expect 0 as b sync
expect 0 as a sync

# what b has not got is there, blobs too; then it goes, and stays away
large "$T/a/large2"
echo new >"$T/a/new"
expect 0 as a push
[ "$(there segments)" -gt 0 ] || fail "nothing to pass on"
[ "$(there blobs)" -gt 300000 ] || fail "no blobs to pass on"
# by the relay alone: the folder is away
mv "$T/keeps" "$T/away"
expect 0 as b pull
cmp -s "$T/a/large2" "$T/b/large2" || fail "not passed on"
[ "$(there blobs)" -gt 300000 ] || fail "deleted, and nothing else has it"
mv "$T/away" "$T/keeps"
expect 0 as b sync
expect 0 as a sync
expect 0 as b sync
empty
expect 0 as a sync
expect 0 as b sync
empty
[ "$(find "$T/keeps" -type f -size +100k | wc -l)" -ge 2 ] ||
    fail "the one that keeps lost something"

# the bytes of a blob that went come again with a file that has them
cp "$T/a/large2" "$T/a/again"
expect 0 as a push
mv "$T/keeps" "$T/away"
expect 0 as b pull
cmp -s "$T/a/again" "$T/b/again" || fail "its bytes did not come again"
mv "$T/away" "$T/keeps"
expect 0 as b sync
expect 0 as a sync
expect 0 as b sync
empty

# a third device that is behind keeps its part there
device_pair a c
expect 0 as c pull
expect 0 as c remote add --transit "$relay_url"
for d in c a b c a b; do expect 0 as $d sync; done
large "$T/a/large3"
expect 0 as a push
expect 0 as b sync
expect 0 as a sync
[ "$(there blobs)" -gt 300000 ] || fail "c has not got it yet"
expect 0 as c sync
expect 0 as a sync
[ "$(there blobs)" = 0 ] || fail "blobs: $("$holds" "$T/relay")"

# a month later it goes, whoever has it; the one that keeps has it
large "$T/a/large4"
expect 0 as a push
[ "$(there blobs)" -gt 300000 ] || fail "large4 did not go there"
days 29
expect 0 at a push
[ "$(there blobs)" -gt 300000 ] || fail "it went after 29 days"
days 2
expect 0 at a push
empty
: >"$TEST_CLOCK"
expect 0 as c pull
cmp -s "$T/a/large4" "$T/c/large4" || fail "c lacks what it missed"
for d in b a c b a; do expect 0 as $d sync; done

# it drops what was not acknowledged: its author notices, and sends it again
need sqlite3
echo lost >"$T/a/lost"
expect 0 as a push
relay_stop
sqlite3 "$T/relay/relay.db" "
    UPDATE log SET seq = seq - 1, hash = (SELECT hash FROM segment s
	WHERE s.log = log.id AND s.seq = log.seq - 1)
	WHERE id = (SELECT log FROM segment ORDER BY id DESC LIMIT 1);
    DELETE FROM segment WHERE id = (SELECT max(id) FROM segment);" ||
    fail "sqlite3"
port=${relay_url##*:}
relay_start --plain --listen "127.0.0.1:${port%%/*}"
expect 0 as a push
err_has 'lost segments'
err_has "$relay_url"
[ "$(there segments)" -gt 0 ] || fail "it was not sent again"
expect 0 as b pull
[ "$(cat "$T/b/lost")" = lost ] || fail "b lacks the file"

# or it drops the bytes alone: who has no other remote waits, and says for what
echo dropped >"$T/a/dropped"
expect 0 as a push
sqlite3 "$T/relay/relay.db" "
    UPDATE segment SET size = 0, file = NULL, body = NULL
	WHERE id = (SELECT max(id) FROM segment);" || fail "sqlite3"
echo next >"$T/a/next"
expect 0 as a push
mv "$T/keeps" "$T/away"
expect 5 as b pull
err_has 'has not arrived'
[ ! -e "$T/b/next" ] || fail "b has what builds on it"
mv "$T/away" "$T/keeps"
expect 0 as b pull
[ "$(cat "$T/b/dropped")" = dropped ] || fail "b lacks the file"
