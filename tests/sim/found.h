/*
 * Seeds of tests/unit/sim_two.c that failed once, with the steps it took; what
 * failed is told beside them.  scripts/soak adds to them.
 */
/* a copy that was renamed lost its mode and mtime */
{ 11353, 40, plain },
/* a new directory took over the node of one renamed */
{ 10048, 40, plain },
/* what was removed in a union stayed when it was moved */
{ 24659, 40, plain },
/* a directory put aside by a pull of a path stayed there */
{ 62240, 40, with_paths },
/* a file in the place of a directory that had moved */
{ 166, 12, stopped },
/* rows below a file that took the place of a directory */
{ 506, 12, stopped },
/* what a move took the place of was never removed */
{ 5321, 12, stopped },
{ 5660, 12, stopped },
/* an alias ended with a dot, which the disk leaves out */
{ 295, 12, folding },
/* segments within a log counted as held before it was told where it begins */
{ 45095, 24, with_gc_storms },
{ 46387, 24, with_gc_storms },
/* recorded, stopped before it was sent, removed, and kept by another device */
{ 1610, 24, with_gc_storms },
/* what was removed stayed where a run for some paths had put it */
{ 6057498, 12, with_paths },
/* moved here out of a path that was recorded, and there by another's half move */
{ 8016660, 24, with_trees },
