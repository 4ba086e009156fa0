#!/bin/sh
# What a person reads when something goes wrong: a code that was used, an
# option on the wrong subcommand, a second relay on the same data, a relay
# without TLS, a device that is not there, an init that fails.
. "${0%/*}/lib.sh"
many_runs
need jq

# a failed init leaves nothing that was not there, not even a folder above
tree() { find "$T" ! -path "$T/out" ! -path "$T/err" ! -path "$T/relay*" |
	sort; }
before=$(tree)
expect 5 "$ZK" init "$T/new" --remote http://127.0.0.1:1/
[ "$(tree)" = "$before" ] || fail "init with 5 leaves: $(tree)"
relay_start --invite sesame
mkdir "$T/full" "$T/st"
echo kept >"$T/full/f"
before=$(tree)
expect 12 "$ZK" init "$T/new" --remote "$relay_url"
expect 12 "$ZK" init "$T/full" --remote "$relay_url" --invite wrong
XDG_STATE_HOME="$T/st" expect 12 "$ZK" init "$T/new" --remote "$relay_url"
[ "$(tree)" = "$before" ] || fail "init with 12 leaves: $(tree)"
relay_stop

# another relay on the same data
relay_start --plain
expect 11 "$ZK" relay --listen 127.0.0.1:0 --data "$T/relay"
err_has "another relay is using '$T/relay'"

# HOST:PORT of a relay that speaks plain HTTP
hostport=${relay_url#http://}
hostport=${hostport%/}
ZK_CODE=7-hundred-day-hedgehog expect 5 "$ZK" pair --join "$T/j" --yes \
    --timeout 2s --remote "$hostport"
err_has "http://$hostport/"
[ ! -e "$T/j" ] || fail "a failed join leaves a folder"

# the whole name of a subcommand
device_init a "$relay_url"
expect 2 as a -n remote add "file://$T/far"
err_has "'zk remote add' takes no '--dry-run'"
expect 2 as a -n device rename a b
err_has "'zk device rename' takes no '--dry-run'"
ZK_DRY_RUN=1 expect 2 as a remote rm "$relay_url"
err_has "'zk remote rm' has no dry run"
expect 2 as a -n init
err_has "'zk init' takes no '--dry-run'"

# a directory where a file is meant, and the other way round
for words in "send $T/st" "send -l $T/st" "kv import $T/st"; do
	# shellcheck disable=SC2086 # words
	expect 2 as a $words
	err_has "'$T/st' is a directory, not a file"
done
expect 2 as a kv set key <"$T/st"
err_has "'standard input' is a directory"
expect 1 "$ZK" init "$T/full/f"
err_has "cannot make '$T/full/f': Not a directory"

# a folder that cannot be read is not one that does not hold the vault
device_init f "file://$T/far"
expect 0 as f push
for gen in "$T/far"/*/gen; do
	mv "$gen" "$T/gen"
	expect 5 as f push
	err_has "'$T/far' does not hold this vault"
	mkdir "$gen"
	expect 5 as f push
	err_has "cannot read 'gen' in file://$T/far"
	rmdir "$gen"
	mv "$T/gen" "$gen"
done
expect 0 as f push

# a code that was used, and one in use
device_pair a b
expect 0 as a push
expect 0 as b pull
echo hello >"$T/b/hello"
expect 0 as b push
join() {
	who=$1
	shift
	ZK_CODE=$secret XDG_STATE_HOME="$T/state-$who" "$ZK" -q pair --join \
	    "$T/$who" --name "$who" --yes --remote "$relay_url" "$@"
}
refused() {
	expect 12 join again
	err_has "used"
	err_has "'zk pair' on a member shows a new one"
	! grep -q "mailbox" "$T/err" || fail "a word that nobody knows"
	[ ! -e "$T/again" ] || fail "a refused join leaves a folder"
}
for where in link code; do
	# the shell behind & empties it when it comes to it: until then what
	# the run before said would be read
	rm -f "$T/inv"
	XDG_STATE_HOME="$T/state-a" "$ZK" -C "$T/a" pair --yes --json \
	    >"$T/inv" 2>"$T/inv.err" &
	member=$!
	pids="$pids $member"
	n=0
	while ! grep -qs invite "$T/inv"; do
		n=$((n + 1))
		[ "$n" -lt 200 ] || fail "no invitation: $(cat "$T/inv.err")"
		sleep 0.05
	done
	secret=$(head -n 1 "$T/inv" | jq -r ".$where")
	kill -STOP "$member"
	join "$where" 2>"$T/join.err" &
	joiner=$!
	pids="$pids $joiner"
	# the member stands still: the first has the place, the other comes late
	sleep 1
	refused
	kill -CONT "$member"
	wait "$joiner" || fail "joiner: $(cat "$T/join.err")"
	wait "$member" || fail "member: $(cat "$T/inv.err")"
	refused
done

# devices: one that is not there, one that is another
expect 1 as a device rename foo bar
err_has "no device 'foo'"
expect 0 as a pull
expect 12 as a device rename b bar
err_has "only this device, 'a', can be renamed here"
expect 0 as a device rename a new
expect 1 as a device rename a newer

# a conflict file leads to its device, in words and as JSON
echo one >"$T/a/f"
echo two >"$T/b/f"
expect 0 as a push
expect 0 as b push
expect 4 as b pull
copy=$(cd "$T/b" && echo f.conflict-*)
tag=${copy#f.conflict-*-*-}
tag=${tag%-*}
expect 0 as b device --json
name=$(jq -r --arg tag "$tag" 'select(.tag == $tag) | .name' "$T/out")
case $name in
new) [ "$(cat "$T/b/$copy")" = one ] || fail "$copy is not of $name" ;;
b) [ "$(cat "$T/b/$copy")" = two ] || fail "$copy is not of $name" ;;
*) fail "no device has the tag $tag: $(cat "$T/out")" ;;
esac
expect 0 as b status --json
[ "$(jq -r --arg tag "$tag" 'select(.tag == $tag) | .name' "$T/out")" = \
    "$name" ] || fail "status has another tag"
for cmd in "device ls" "status"; do
	# shellcheck disable=SC2086 # words are meant
	expect 0 as b $cmd
	grep -q "^device $name .* $tag " "$T/out" ||
	    fail "zk $cmd: $(cat "$T/out")"
done

# a folder that is away: said, and no success just now
expect 0 as a remote add "file://$T/far"
expect 0 as a remote
out_has "remote file://$T/far  no success yet, lacks"
expect 0 as a push
expect 0 as a status
out_has "remote file://$T/far  last success"
mv "$T/far" "$T/away"
expect 0 as a status
out_has "file://$T/far  not reachable: the folder is not there, last success"
! grep "file://$T/far " "$T/out" | grep -q "just now" ||
    fail "a success just now of a folder that is away"
expect 0 as a status --json
[ "$(jq -r 'select(.type == "remote" and .ok == false) | .message' \
    "$T/out")" = "the folder is not there" ] || fail "$(cat "$T/out")"
mkdir "$T/far"
expect 0 as a status
out_has "not reachable: the folder does not hold this vault"

# what zk pair prints works as it stands, for any kind of remote
mkdir "$T/bin" "$T/it's far"
ln -s "$ZK" "$T/bin/zk"
try_pair() {
	device_init "$1" "$2"
	for where in link code; do
		rm -f "$T/inv"
		XDG_STATE_HOME="$T/state-$1" "$ZK" -C "$T/$1" pair --yes \
		    >"$T/inv" 2>"$T/inv.err" &
		member=$!
		pids="$pids $member"
		n=0
		while ! grep -qs "^code: " "$T/inv"; do
			n=$((n + 1))
			[ "$n" -lt 200 ] || fail "$(cat "$T/inv.err")"
			sleep 0.05
		done
		sleep 0.2
		secret=$(sed -n "s/^$where: //p" "$T/inv")
		cmd=$(sed -n "/^$where: /{n;p;q}" "$T/inv")
		mkdir "$T/new-$1-$where"
		(cd "$T/new-$1-$where" && PATH=$T/bin:$PATH ZK_YES=1 \
		    ZK_CODE=$secret XDG_STATE_HOME=$T/state-$1-$where \
		    sh -c "$cmd") 2>"$T/err" || fail "'$cmd' does not work"
		wait "$member" || fail "member: $(cat "$T/inv.err")"
	done
}
try_pair plain "$relay_url"
relay_stop
relay_start
try_pair tls "$relay_url"
try_pair folder "file://$T/it's%20far"
