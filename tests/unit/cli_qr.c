/*
 * QR codes as a phone sees them: the printed text is turned back into
 * pixels and read by zbar.
 */
#include "cli/qr.h"

#include <unistd.h>

#include "test.h"

#define SIDE 256	/* modules, more than any symbol here */
#define SCALE 4		/* pixels a module */

struct screen {
	bool light[SIDE][SIDE];	/* [y][x] */
	size_t w, h;
};

/* Block characters of one line become two rows; colours are skipped. */
static const char *
read_line(const char *s, bool colour, struct screen *sc)
{
	size_t x = 0;

	while (*s != '\n' && *s != '\0') {
		bool upper = false, lower = false;

		if (*s == '\033') {
			s = strchr(s, 'm') + 1;
			continue;
		}
		if (*s == ' ') {
			s++;
		} else {
			upper = s[2] == '\x80' || s[2] == '\x88';
			lower = s[2] == '\x84' || s[2] == '\x88';
			s += 3;
		}
		sc->light[sc->h][x] = upper != colour;
		sc->light[sc->h + 1][x] = lower != colour;
		x++;
	}
	sc->w = x;
	sc->h += 2;
	return *s == '\n' ? s + 1 : s;
}

static bool
write_pgm(const char *path, const struct screen *sc)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		return false;
	fprintf(f, "P5\n%zu %zu\n255\n", sc->w * SCALE, sc->h * SCALE);
	for (size_t y = 0; y < sc->h * SCALE; y++)
		for (size_t x = 0; x < sc->w * SCALE; x++)
			fputc(sc->light[y / SCALE][x / SCALE] ? 255 : 0, f);
	return fclose(f) == 0;
}

/* What zbarimg reads from the file, into out. */
static bool
scan(const char *path, char *out, size_t cap)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "zbarimg -q --raw '%s' 2>/dev/null", path);
	FILE *f = popen(cmd, "r");
	if (f == NULL)
		return false;
	size_t n = fread(out, 1, cap - 1, f);
	out[n] = '\0';
	if (n > 0 && out[n - 1] == '\n')
		out[n - 1] = '\0';
	return pclose(f) == 0;
}

static void
check_scan(const char *text, bool colour)
{
	static struct screen sc;
	char path[] = "/tmp/zk-qr-XXXXXX", got[512] = "";
	struct buf b;

	memset(&sc, 0, sizeof(sc));
	buf_init(&b, 1 << 20);
	CHECK(qr_render(text, colour, &b) == ZK_OK);
	for (const char *s = buf_cstr(&b); *s != '\0';)
		s = read_line(s, colour, &sc);
	buf_release(&b);
	int fd = mkstemp(path);
	NEED(fd >= 0);
	close(fd);
	NEED(write_pgm(path, &sc));
	CHECK(scan(path, got, sizeof(got)));
	CHECK(strcmp(got, text) == 0);
	unlink(path);
}

#define LINK "zk://relay.example:8440/#AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBka" \
    "GxwdHh8-7-sha256//q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA"

static void
test_scanned(void)
{
	if (system("command -v zbarimg >/dev/null 2>&1") != 0)
		SKIP("zbarimg is not installed");
	check_scan(LINK, true);
	check_scan(LINK, false);
	check_scan("zk", true);
}

static void
test_quiet_zone(void)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	NEED(qr_render("zk", false, &b) == ZK_OK);
	/* 21 modules and 4 on each side; the first two lines are all light */
	const char *s = buf_cstr(&b);
	for (int i = 0; i < 2; i++) {
		for (int x = 0; x < 29; x++, s += 3)
			CHECK(memcmp(s, "\xe2\x96\x88", 3) == 0);
		CHECK(*s++ == '\n');
	}
	buf_release(&b);
}

static void
test_too_long(void)
{
	static char text[4096];
	struct buf b;

	memset(text, 'x', sizeof(text) - 1);
	buf_init(&b, 1 << 20);
	CHECK(qr_render(text, false, &b) == ZK_ELIMIT);
	CHECK(b.len == 0);
	buf_release(&b);
}

TESTS(
    { "scanned", test_scanned },
    { "quiet_zone", test_quiet_zone },
    { "too_long", test_too_long },
)
