# Changes of a folder that touch all that applying can do, for the scenarios
# that kill a run or let its calls fail.  Sourced after lib.sh; they set
# $story, what is being done.
# shellcheck shell=sh
story=
head -c 70000 /dev/urandom >"$T/bytes"

lost() { fail "$story: $*"; }
again() {
	"$@" >"$T/out" 2>"$T/err" || lost "status $? of $*"
}
# sums DIR: "hash  path" of its files
sums() { (cd "$1" && find . -path ./.zk -prune -o -type f -exec md5sum {} +); }

# Change K: what happens in the folder $1.  Names come and go, a directory
# moves and comes back, a file and a directory trade places, one that is kept as
# one is another.
change() {
	d=$1
	k=$2
	echo "new $k" >"$d/new-$k"
	rm -f "$d/gone-$((k - 2))"
	echo "gone $k" >"$d/gone-$k"
	echo "edit $k" >>"$d/edit"
	echo "over $k" >"$d/over"
	mv "$d/old-$((k - 1))" "$d/old-$k"
	chmod "6$((k % 7))4" "$d/mode"
	mv "$d/dir-$((k - 1))" "$d/dir-$k"
	echo "in $k" >"$d/dir-$k/in"
	ln -sfn "to-$k" "$d/link"
	rm -rf "$d/over-dir"
	mv "$d/dir-$k/deep" "$d/over-dir"
	mkdir "$d/dir-$k/deep"
	echo "deep $k" >"$d/dir-$k/deep/f"
	mv "$d/new-$((k - 1))" "$d/moved-over"
	rm -rf "$d/trade"
	if [ $((k % 2)) -eq 0 ]; then
		echo "trade $k" >"$d/trade"
	else
		mkdir "$d/trade"
		echo "trade $k" >"$d/trade/x"
	fi
	mv "$d/this" "$d/swap"
	mv "$d/that" "$d/this"
	mv "$d/swap" "$d/that"
	cp "$T/bytes" "$d/big"
	echo "$k" >>"$d/big"
	echo "whole $k" >"$d/kept/whole/f"
	echo "whole $k" >"$d/kept/whole/sub/g"
	rm -f "$d/kept/whole/sub/x-$((k - 1))"
	echo "x $k" >"$d/kept/whole/sub/x-$k"
}
first() {
	d=$1
	mkdir "$d/dir-0" "$d/dir-0/deep"
	echo in >"$d/dir-0/in"
	echo deep >"$d/dir-0/deep/f"
	echo old >"$d/old-0"
	echo new >"$d/new-0"
	echo mode >"$d/mode"
	echo this >"$d/this"
	echo that >"$d/that"
	echo own >"$d/b-own"
	cp "$T/bytes" "$d/big"
	mkdir -p "$d/kept/whole/sub"
	echo 'whole atomic' >"$d/kept/.zkattributes"
	echo whole >"$d/kept/whole/f"
	echo whole >"$d/kept/whole/sub/g"
}
# The mirror becomes what a is.
mirror() {
	rm -rf "$T/m"
	mkdir "$T/m"
	cp -a "$T/a"/* "$T/m/" # .zk begins with a dot
}

# Each file of b has the whole content of some file before ($T/was) or after
# ($T/be), and one that has the same name in both has that of this name, and is
# there.  The two that trade names may be on their way.
old_or_new() {
	sums "$T/b" >"$T/now"
	awk '
	{
		hash = $1
		path = substr($0, 35)
	}
	FILENAME ~ /was$/ { old[path] = hash; any[hash]; next }
	FILENAME ~ /be$/ { new[path] = hash; any[hash]; next }
	{
		have[path]
		known = path in old && path in new
		if (!(hash in any) || (known && hash != old[path] &&
		    hash != new[path])) {
			print "neither old nor new: " path
			bad = 1
		}
	}
	END {
		for (path in old)
			if (path in new && !(path in have) &&
			    path !~ /^.\/th(is|at)$/) {
				print "missing: " path
				bad = 1
			}
		exit bad
	}' "$T/was" "$T/be" "$T/now" || lost "b's folder is neither"
	# what is kept as one is all old or all new
	cmp -s "$T/b/kept/whole/f" "$T/b/kept/whole/sub/g" ||
	    lost "kept/whole is half of each"
}
whole() {
	again as "$1" verify
	again as "$1" status --check
	[ -z "$(find "$T/$1/.zk/tmp" -mindepth 1)" ] || lost "$1: left in tmp"
}
