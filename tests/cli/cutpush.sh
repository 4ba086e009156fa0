# A push of device a that is cut off while its blobs are on their way to the
# relay.  Sourced by scenarios, after lib.sh.

blobs() { find "$T/relay/obj" -type f | wc -l; }
# push_killed: kills it when the first blob is there; false if it was through.
push_killed() {
	before=$(blobs)
	XDG_STATE_HOME="$T/state-a" "$ZK" -C "$T/a" push -q \
	    --bwlimit 1500K:0 >/dev/null 2>&1 &
	one=$!
	tries=0
	while [ "$(blobs)" -eq "$before" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 400 ] || fail "nothing arrives"
		sleep 0.02
	done
	kill -KILL "$one" 2>/dev/null
	wait "$one" 2>/dev/null
	as a status --check >/dev/null 2>&1
	[ $? -eq 6 ] # there is something to push
}
