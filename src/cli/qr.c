#include "cli/qr.h"

#include <errno.h>
#include <qrencode.h>

/* ISO/IEC 18004: bit 0 of a module is set where it is dark. */
static bool
dark(const QRcode *q, int x, int y)
{
	if (x < 0 || y < 0 || x >= q->width || y >= q->width)
		return false;
	return (q->data[y * q->width + x] & 1) != 0;
}

/* One line: rows y and y + 1. */
static void
line(const QRcode *q, int y, bool colour, struct buf *out)
{
	/* indexed by 2 * upper + lower, 1 where ink goes */
	static const char *const ink[] = { " ", "\xe2\x96\x84",
		"\xe2\x96\x80", "\xe2\x96\x88" };

	if (colour)
		(void)buf_str(out, "\033[38;5;16;48;5;231m");
	for (int x = -QR_QUIET; x < q->width + QR_QUIET; x++) {
		/* with colour ink is dark, without it is light */
		unsigned upper = dark(q, x, y) == colour;
		unsigned lower = dark(q, x, y + 1) == colour;

		(void)buf_str(out, ink[2 * upper + lower]);
	}
	(void)buf_str(out, colour ? "\033[0m\n" : "\n");
}

enum zk_err
qr_render(const char *text, bool colour, struct buf *out)
{
	QRcode *q = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);

	if (q == NULL)
		return errno == ENOMEM ? ZK_ENOMEM : ZK_ELIMIT;
	for (int y = -QR_QUIET; y < q->width + QR_QUIET; y += 2)
		line(q, y, colour, out);
	QRcode_free(q);
	return buf_err(out);
}
