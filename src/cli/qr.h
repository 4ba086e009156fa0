/*
 * QR codes on a terminal: two rows of modules in one line of text, with the
 * quiet zone that scanners need.
 */
#ifndef ZK_CLI_QR_H
#define ZK_CLI_QR_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/err.h"

#define QR_QUIET 4	/* modules of white around the symbol */

/*
 * Appends the code of text (ASCII) to out as lines of UTF-8.  With colour
 * each line sets black on white itself, so that it is right on light and
 * dark terminals; without, light modules are drawn and dark ones left
 * blank, as a dark terminal needs.  ZK_ELIMIT: longer than a symbol holds.
 */
ZK_CHECKED enum zk_err qr_render(const char *text, bool colour,
    struct buf *out);

#endif
