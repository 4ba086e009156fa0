#!/bin/sh
# A dry run of push, pull and sync tells the changes and conflicts and ends
# with the status that the run after it does, whatever changed on both sides,
# and leaves everything as it was: the folder, the state, the remotes.
# shellcheck disable=SC2317 # what case_of calls
. "${0%/*}/lib.sh"
many_runs
need jq

# The state of DEV, and what all remotes hold; a reader's lock is in -shm.
state() {
	(cd "$T" && find "$1" "remote" -printf '%p %y %m %s %l %T@ %C@ %i\n' &&
	    find "$1" "state-$1" relay remote -type f \
	    ! -name "*-shm" -exec cksum {} +) | sort
}

# What $T/out lists.  The copy that a run makes of a local change is named
# after the moment of that run.
told() {
	jq -c 'select(.type == "change" or .type == "conflict" or
	    .type == "merged"),
	    (select(.type == "summary") | .conflicts)' "$T/out" |
	    sed 's/\.conflict-[0-9]*-[0-9]*-[0-9a-z]*-[0-9a-f]*/.conflict/g' |
	    sort
}

# plan DEV CMD STATUS [ARG...]: the dry run, then the run.
plan() {
	dev=$1 cmd=$2 want=$3
	shift 3
	state "$dev" >"$T/before"
	expect "$want" as "$dev" -n --json "$cmd" "$@"
	told >"$T/planned"
	state "$dev" >"$T/after"
	cmp -s "$T/before" "$T/after" || fail "$case: zk -n $cmd changed" \
	    "something: $(diff "$T/before" "$T/after" | head -n 8)"
	expect "$want" as "$dev" -v --json "$cmd" "$@"
	told >"$T/done"
	cmp -s "$T/planned" "$T/done" || fail "$case: zk -n $cmd told" \
	    "other changes than were made:" \
	    "$(diff "$T/planned" "$T/done" | head -n 8)"
}
planned() { grep -qF -e "$1" "$T/planned" || fail "$case: no '$1' in" \
    "$(cat "$T/planned")"; }

# All four devices in step, whatever is left to do.
settle() {
	for s in a b c d a b c; do
		as "$s" sync >"$T/out" 2>"$T/err"
		lib_got=$?
		[ "$lib_got" -eq 0 ] || [ "$lib_got" -eq 4 ] ||
		    fail "$case: sync of $s after it: $lib_got"
	done
	same_tree a b
	same_tree a c
	same_tree a d
}

# case_of NAME STATUS...: each of b, c and d is changed by the function NAME_here
# after a was by NAME_there and pushed; the statuses of push, pull and sync.
case_of() {
	case=$1
	(cd "$T/a" && "$1_there") || fail "$case: changing a"
	expect 0 as a push --max-delete 100%
	for d in b c d; do
		(cd "$T/$d" && "$1_here" "$d") || fail "$case: changing $d"
	done
	plan b push "$2"
	plan c pull "$3"
	plan d sync "$4"
}

mkdir "$T/remote"
relay_start
mkdir -p "$T/a/dir/sub" "$T/a/many" "$T/a/left"
for f in k m dir/f dir/sub/g left/one left/two; do
	echo "$f" >"$T/a/$f"
done
head -c 2000000 /dev/urandom >"$T/a/large"
i=0
while [ "$i" -lt 160 ]; do
	echo "$i" >"$T/a/many/f$i"
	i=$((i + 1))
done

# the first push
case=first
device_init a "$relay_url" "file://$T/remote"
plan a push 0
planned '"path":"large"'

# joining: an empty folder, and one with files of its own
case='join'
for d in b c d; do
	mkdir "$T/$d"
done
echo other >"$T/c/k"
cp -p "$T/a/m" "$T/c/m"
mkdir "$T/d/dir"
echo other >"$T/d/dir/f"
head -c 2000000 /dev/urandom >"$T/d/large"
for d in b c d; do
	device_pair a "$d"
done
plan b pull 0
plan c pull 4
planned '"change":"moved"'
plan d sync 4
planned '"path":"large.conflict"'
settle

nothing_there() { :; }
nothing_here() { :; }
case_of nothing 0 0 0
[ "$(cat "$T/done")" = 0 ] || fail "nothing: $(cat "$T/done")"

# both at work: on one file, in a directory that goes, on one name, and on
# the content of a large file
work_there() {
	printf 'there\0' >k && rm -r dir && mv m m-there &&
	    head -c 2000000 /dev/urandom >large
}
work_here() {
	printf 'here, %s\0' "$1" >k && echo "kept, $1" >dir/sub/g && mv m "m-$1" &&
	    head -c 1500000 /dev/urandom >"large-$1" &&
	    printf here | dd of=large bs=1 seek=1000000 conv=notrunc \
	    2>"$T/err"
}
case_of work 0 4 4
planned '"path":"k.conflict"'
planned '"type":"merged"'
planned '"path":"large.conflict"'
[ -e "$T/d/dir/sub/g" ] || fail "work: the edit is gone"

# rules that arrive, what they cover in a directory that goes, and what can
# be no entry
ignored_there() { echo '*.o' >.zkignore && rm -r left && echo o >new.o; }
ignored_here() { echo o >left/x.o && echo "$1" >"own-$1" && mkfifo fifo; }
case_of ignored 3 3 3
rm "$T"/?/fifo
rm -rf "$T"/?/left "$T/a/new.o"
settle

# the brake: the sender records nothing, until it may...
stop_there() { echo again >k; }
stop_here() { rm -r many && echo "$1" >./more; }
case_of stop 20 20 20
plan b push 0 --max-delete 100%
# ...the receiver holds the removals back
case=held
echo own >"$T/a/own"
plan a pull 20
planned '"path":"more"'
plan a sync 20
for s in a c d; do
	as "$s" sync --max-delete 100% >"$T/out" 2>"$T/err"
done
settle

# only what lies at a path
case=only
echo only >"$T/b/more"
echo not >"$T/b/k"
plan b push 0 "$T/b/more"
planned '"path":"more"'

# a state that came back from a copy: no new log, no new keys
case=restored
cp -a "$T/state-b" "$T/saved"
echo later >"$T/b/later"
expect 0 as b push
rm -r "$T/state-b"
mv "$T/saved" "$T/state-b"
echo other >"$T/b/later2"
plan b pull 0
plan b push 0
settle

# no remote is there
case=gone
relay_stop
mv "$T/remote" "$T/elsewhere"
mkdir "$T/remote"
echo x >"$T/a/k"
for cmd in push pull sync; do
	plan a "$cmd" 5
done
exit 0
