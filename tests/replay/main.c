/*
 * text-replay FILE...
 *
 * Replays the editing histories of each file (trace.h) through the merge of
 * the product, text/replay.h, whose unit here is the code point.  Prints for
 * each history of a file whether the result is the text that the file gives
 * for it, then a line for the file,
 *
 *	FILE: EQUAL of ALL equal, versions=N edits=N text=BYTES read=SECONDS
 *	    replay=SECONDS total=SECONDS cpu=SECONDS peak=KIB above=KIB
 *
 * with the peak of this process's memory up to then, and how far that is
 * above the longest text.  cpu is the processor time of all of it, the others
 * are by the clock; of a gzip file the unpacking is a child's, whose processor
 * time and memory do not count.  Status 1 if any history came
 * out differently, 2 if a file could not be read or held none.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/replay/trace.h"

struct tally {
	size_t all, equal, versions, edits;
	size_t text;		/* bytes of the longest result */
	double read, replay;	/* seconds */
};

static double
now(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The peak of this process, KiB; 0 where the system does not tell. */
static unsigned long
peak(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[256];

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmHWM: %lu", &kib) == 1)
			break;
	(void)fclose(f);
	return kib;
}

/* Whether the runs are what the history ends with; *bytes its length. */
static bool
is_end(const struct history *h, const struct replay *m, size_t *bytes)
{
	size_t at = 0;

	*bytes = 0;
	if (m->units != h->end.n)
		return false;
	for (size_t i = 0; i < m->n; i++) {
		const struct replay_run *run = &m->runs[i];
		const uint32_t *from = run->version == REPLAY_BASE ?
		    h->start.v : h->text.v + h->first[run->version];

		if (memcmp(h->end.v + at, from + run->off,
		    run->len * sizeof(*from)) != 0)
			return false;
		at += run->len;
	}
	for (size_t i = 0; i < h->end.n; i++)
		*bytes += h->end.v[i] < 0x80 ? 1 : h->end.v[i] < 0x800 ? 2 :
		    h->end.v[i] < 0x10000 ? 3 : 4;
	return true;
}

static void
replay_one(const char *path, const struct history *h, struct tally *t)
{
	struct replay m = { .n = 0 };
	double t0 = now(CLOCK_MONOTONIC);
	size_t bytes = 0;
	bool same;
	enum zk_err r;

	r = replay_run((uint32_t)h->start.n, h->versions, h->n, NULL, &m);
	t->replay += now(CLOCK_MONOTONIC) - t0;
	same = r == ZK_OK && is_end(h, &m, &bytes);
	replay_release(&m);
	t->all++;
	t->equal += same;
	t->versions += h->n;
	t->edits += h->edits;
	if (bytes > t->text)
		t->text = bytes;
	printf("%s: %zu: %s\n", path, t->all, same ? "equal" :
	    r == ZK_OK ? "differs" : err_text(r));
}

static int
replay_file(const char *path)
{
	struct trace *f = trace_open(path);
	struct tally t = { .all = 0 };
	double t0 = now(CLOCK_MONOTONIC), t1;
	double cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	unsigned long kib;
	struct history h;
	enum zk_err r;

	if (f == NULL)
		return 2;
	for (;;) {
		t1 = now(CLOCK_MONOTONIC);
		r = trace_next(f, &h);
		t.read += now(CLOCK_MONOTONIC) - t1;
		if (r != ZK_OK)
			break;
		replay_one(path, &h, &t);
		history_release(&h);
	}
	trace_close(f);
	if (r == ZK_ENOENT && t.all == 0)
		fprintf(stderr, "text-replay: no history in '%s'\n", path);
	if (r != ZK_ENOENT || t.all == 0)
		return 2;
	kib = peak();
	printf("%s: %zu of %zu equal, versions=%zu edits=%zu text=%zu "
	    "read=%.3f replay=%.3f total=%.3f cpu=%.3f peak=%lu above=%lu\n",
	    path, t.equal, t.all, t.versions, t.edits, t.text, t.read,
	    t.replay, now(CLOCK_MONOTONIC) - t0,
	    now(CLOCK_PROCESS_CPUTIME_ID) - cpu, kib, kib - t.text / 1024);
	return t.equal == t.all ? 0 : 1;
}

int
main(int argc, char **argv)
{
	int status = argc < 2 ? 2 : 0, one;

	if (argc < 2)
		fprintf(stderr, "usage: text-replay FILE...\n");
	for (int i = 1; i < argc; i++) {
		one = replay_file(argv[i]);
		status = one > status ? one : status;
	}
	return fflush(stdout) == 0 ? status : 2;
}
