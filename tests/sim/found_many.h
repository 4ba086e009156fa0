/*
 * Seeds of tests/unit/sim_many.c that failed once, with the steps it took;
 * what failed is told beside them.  scripts/soak adds to them.
 */
/* a version replaced before it was sent kept all from going */
{ 1533, 24, stormy },
/* a device was not told of what a lost remote had of it */
{ 358, 24, stormy },
/* a union came apart here and a pull was cut short */
{ 2171, 24, stormy },
/* local bytes became a copy, which was to be fetched */
{ 20706, 24, stormy },
/* what a move brought back was in no file of its author, and not sent */
{ 198, 80, stormy_gc },
{ 184, 80, stormy_large },
/* the last bytes of a version went with the row of a copy */
{ 208, 80, stormy_gc },
{ 614, 80, stormy_gc },
/* what was put back after a crash took the place of a row in base alone */
{ 1350, 80, stormy_gc },
{ 3303, 80, stormy_gc },
/* a copy that was put down before a disk failed stood for nothing */
{ 2106774, 80, stormy_large },
/* an edit of the millisecond of a crash is in the trash, and was missed here */
{ 6000173, 80, stormy_large },
/* an edit that was never sent was removed here and kept by a move elsewhere */
{ 5000411, 80, stormy_large },
/* a kill, an edit in the same tick, and then the machine stopped: no damage */
{ 10401893, 80, stormy_large },
/* a move of what was removed brought back a version that was nowhere */
{ 12000083, 80, copies },
