#!/bin/sh
# text-replay: the merge of texts makes of published editing histories what
# their authors saw, and of small ones what the order says.
. "${0%/*}/lib.sh"
need gzip
replay=${BUILD:-$top/build}/tests/text-replay
[ -x "$replay" ] || fail "$replay is not built: make unit"

# Two authors who type each a word at one place, letter by letter; the result
# is that of FugueMax, with a's word whole before b's.
cat >"$T/words" <<'JSON'
[{"txns": [
 {"span": [0, 2], "parents": [], "agent": "a", "seqStart": 0,
  "ops": [[0, 0, "<>"]]},
 {"span": [2, 4], "parents": [1], "agent": "b", "seqStart": 0,
  "ops": [[1, 0, "x"], [2, 0, "y"]]},
 {"span": [4, 6], "parents": [1], "agent": "a", "seqStart": 2,
  "ops": [[1, 0, "c"], [1, 0, "b"]]},
 {"span": [6, 7], "parents": [5], "agent": "a", "seqStart": 4,
  "ops": [[1, 0, "\u00e4"]]},
 {"span": [7, 9], "parents": [3], "agent": "b", "seqStart": 2,
  "ops": [[3, 0, "z\ud83d\ude00"]]}],
 "endContent": "<äbcxyz😀>"},
 {"txns": [
 {"span": [0, 6], "parents": [], "agent": "a", "seqStart": 0,
  "ops": [[0, 0, "abcdef"]]},
 {"span": [6, 10], "parents": [5], "agent": "b", "seqStart": 0,
  "ops": [[1, 4, ""]]},
 {"span": [10, 11], "parents": [5], "agent": "a", "seqStart": 6,
  "ops": [[3, 0, "X"]]},
 {"span": [11, 12], "parents": [9, 10], "agent": "a", "seqStart": 7,
  "ops": [[2, 1, ""]]}],
 "endContent": "aX"}]
JSON
expect 0 "$replay" "$T/words"
out_has "2 of 2 equal"

# with parents as numbers of transactions, and a text to begin with
cat >"$T/start" <<'JSON'
{"kind": "concurrent", "a_member_nobody_knows": [1.5, {"x": "]"}], "startContent": "one\ntwo\n", "txns": [
 {"parents": [], "agent": 0, "patches": [[0, 3, "ONE"]]},
 {"parents": [], "agent": 1, "patches": [[8, 0, "three\n"], [4, 4, ""]]},
 {"parents": [1, 0], "agent": 0, "patches": [[10, 0, "four"]]}],
 "endContent": "ONE\nthree\nfour"}
JSON
expect 0 "$replay" "$T/start"
out_has "1 of 1 equal"
gzip -c "$T/start" >"$T/start.gz"
expect 0 "$replay" "$T/start.gz" "$T/words"

# a wrong end is seen; what is no history is refused
sed 's/"ONE\\nthree/"ONE\\nthreE/' "$T/start" >"$T/wrong"
expect 1 "$replay" "$T/wrong"
out_has "differs"
sed 's/"parents": \[1, 0\]/"parents": [2]/' "$T/start" >"$T/circle"
expect 1 "$replay" "$T/circle"
for bad in 's/"parents": \[1, 0\]/"parents": [7]/' 's/\[0, 3, /[-1, 3, /' \
    's/"ONE"/"\\ud83d"/' '$d' 's/^\]*}$/&,/'; do
	sed "$bad" "$T/start" >"$T/bad"
	cmp -s "$T/bad" "$T/start" && continue
	expect 2 "$replay" "$T/bad"
	err_has "cannot read"
done
expect 2 "$replay" "$T/none"
err_has "cannot open"
head -c 60 "$T/start.gz" >"$T/half.gz"
expect 2 "$replay" "$T/half.gz"
expect 2 "$replay"

# The published ones, with the bounds of zk: 16 MiB above the text.  Their
# time is for make bench: this machine may be busy with other tests.
dir=${ZK_VECTORS:-$top/../shared/vectors}/text
[ -d "$dir" ] || skip "no vectors of texts at $dir: set ZK_VECTORS"
for f in automerge-paper sveltecomponent friendsforever fugue-conformance; do
	expect 0 "$replay" "$dir/$f.json.gz"
	above=$(sed -n 's/.* above=//p' "$T/out")
	case ${BUILD:-} in
	*asan*) ;; # a sanitizer takes more
	*) [ "$above" -le 16384 ] || fail "$f: $above KiB above the text" ;;
	esac
done
out_has "800 of 800 equal"
