#include "cli/progress.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/global.h"
#include "cli/out.h"
#include "cli/value.h"
#include "sync/sync.h"
#include "util/env.h"
#include "util/io.h"
#include "util/log.h"

#define DRAW_MS 100	/* between two drawings */
#define LINE_MS 1000	/* between two lines, JSON or not */
#define RATE_MS 250	/* between two readings of the rate */
#define RATE_N 16	/* readings that it is the mean of: 4 s */
#define LINE_MAX_LEN 512

/*
 * The one progress of the process: signals and the log need to find it.
 * Everything is under the lock, which the log hook holds while a message is
 * written.
 */
static struct {
	pthread_mutex_t lock;
	struct env *env;
	struct out *json;
	bool running, show;
	bool drawn;		/* a line stands on the terminal */
	bool any;		/* now holds something */
	bool tty;
	struct sync_progress now;
	int64_t drawn_ms;
	/* a ring of readings, the newest at rate_n - 1, modulo RATE_N */
	struct reading {
		int64_t ms;
		uint64_t bytes;
	} read[RATE_N];
	size_t rate_n;		/* made in this phase */
	double rate;		/* bytes a second */
} pr = { .lock = PTHREAD_MUTEX_INITIALIZER };

const char *
progress_size(char out[static 16], double n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB",
		"PiB" };
	size_t u = 0;

	while (n >= 1023.95 && u + 1 < sizeof(units) / sizeof(units[0])) {
		n /= 1024;
		u++;
	}
	snprintf(out, 16, u == 0 ? "%.0f %s" : "%.1f %s", n, units[u]);
	return out;
}

static const char *
phase_name(enum sync_phase phase)
{
	static const char *const names[] = { "scanning", "fetching",
		"applying", "uploading", "publishing", "done" };

	return phase <= SYNC_DONE ? names[phase] : "working";
}

static void
put_left(struct buf *out, double seconds)
{
	uint64_t s = (uint64_t)seconds;

	if (s >= 3600)
		(void)buf_printf(out, ", %" PRIu64 "h%02um left", s / 3600,
		    (unsigned)(s / 60 % 60));
	else if (s >= 60)
		(void)buf_printf(out, ", %um%02us left", (unsigned)(s / 60),
		    (unsigned)(s % 60));
	else
		(void)buf_printf(out, ", %us left", (unsigned)s);
}

static void
put_count(struct buf *out, uint64_t n, uint64_t total, const char *what)
{
	(void)buf_printf(out, ": %" PRIu64, n);
	if (total > 0)
		(void)buf_printf(out, " of %" PRIu64, total);
	(void)buf_printf(out, " %s%s", what,
	    total == 1 || (total == 0 && n == 1) ? "" : "s");
}

enum zk_err
progress_text(struct buf *out, const struct sync_progress *p, double rate)
{
	char size[16], total[16];

	(void)buf_str(out, phase_name(p->phase));
	if (p->phase == SYNC_DONE)
		return buf_err(out);
	if (p->phase == SYNC_FETCH || p->phase == SYNC_PUBLISH)
		put_count(out, p->segments, p->segments_total, "segment");
	else
		put_count(out, p->files, p->files_total,
		    p->phase == SYNC_SCAN ? "path" : "change");
	if (p->bytes > 0 || p->bytes_total > 0) {
		(void)buf_printf(out, ", %s", progress_size(size,
		    (double)p->bytes));
		if (p->bytes_total > 0)
			(void)buf_printf(out, " of %s", progress_size(total,
			    (double)p->bytes_total));
	}
	if (rate >= 1)
		(void)buf_printf(out, ", %s/s", progress_size(size, rate));
	if (rate >= 1 && p->bytes_total > p->bytes)
		put_left(out, (double)(p->bytes_total - p->bytes) / rate);
	return buf_err(out);
}

static size_t
columns(void)
{
	const char *var = env_var("COLUMNS");
	struct winsize w;
	uint64_t n = 0;

	if (var != NULL && value_number(var, LINE_MAX_LEN, &n) == ZK_OK &&
	    n > 0)
		return (size_t)n;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
		return w.ws_col;
	return 80;
}

static void
write_err(const struct buf *b)
{
	/* stderr that fails leaves nobody to tell */
	if (io_write_full(pr.env, STDERR_FILENO, b->data, b->len) != ZK_OK)
		pr.show = false;
}

static void
clear(void)
{
	static const char text[] = "\r\033[K";
	struct buf b = { .data = (uint8_t *)(uintptr_t)text,
		.len = sizeof(text) - 1 };

	if (!pr.drawn)
		return;
	write_err(&b);
	pr.drawn = false;
}

/* If it is time.  One column stays free, so that nothing wraps. */
static void
draw(int64_t ms)
{
	struct buf b;
	size_t room;

	if (!pr.show || pr.json != NULL || !pr.any ||
	    ms - pr.drawn_ms < (pr.tty ? DRAW_MS : LINE_MS))
		return;
	pr.drawn_ms = ms;
	room = columns();
	buf_init(&b, LINE_MAX_LEN);
	(void)buf_str(&b, pr.tty ? "\r" : "zk: ");
	if (progress_text(&b, &pr.now, pr.rate) == ZK_OK) {
		if (pr.tty && b.len > room)
			buf_truncate(&b, room);
		(void)buf_str(&b, pr.tty ? "\033[K" : "\n");
		write_err(&b);
		pr.drawn = pr.tty;
	}
	buf_release(&b);
}

/*
 * The mean of the last readings.  The first is made when bytes begin to
 * move: what comes before in a phase says nothing of the line.
 */
static void
read_rate(int64_t ms)
{
	const struct reading *old = NULL;

	if (pr.rate_n == 1 && pr.now.bytes == pr.read[0].bytes)
		pr.rate_n = 0;
	if (pr.rate_n == 0 ||
	    ms - pr.read[(pr.rate_n - 1) % RATE_N].ms >= RATE_MS)
		pr.read[pr.rate_n++ % RATE_N] =
		    (struct reading){ ms, pr.now.bytes };
	old = &pr.read[pr.rate_n > RATE_N ? pr.rate_n % RATE_N : 0];
	pr.rate = 0;
	if (ms - old->ms >= RATE_MS && pr.now.bytes > old->bytes)
		pr.rate = (double)(pr.now.bytes - old->bytes) * 1000 /
		    (double)(ms - old->ms);
}

/* One whole line, for SIGUSR1. */
static void
print_line(void)
{
	struct buf b;

	buf_init(&b, LINE_MAX_LEN);
	pthread_mutex_lock(&pr.lock);
	clear();
	(void)buf_str(&b, "zk: ");
	if (!pr.any)
		(void)buf_str(&b, "starting");
	else if (progress_text(&b, &pr.now, pr.rate) != ZK_OK)
		buf_reset(&b);
	(void)buf_str(&b, "\n");
	write_err(&b);
	draw(env_mono_ms(pr.env));
	pthread_mutex_unlock(&pr.lock);
	buf_release(&b);
}

/* Waits for SIGUSR1 for as long as the process lives. */
static void *
usr1_thread(void *arg)
{
	sigset_t set;
	int number;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	for (;;) {
		if (sigwait(&set, &number) != 0)
			return NULL;
		print_line();
	}
}

/* Around every message of the log: the lock is held between the calls. */
static void
log_hook(bool before)
{
	if (before) {
		pthread_mutex_lock(&pr.lock);
		clear();
	} else {
		if (pr.running)
			draw(env_mono_ms(pr.env));
		pthread_mutex_unlock(&pr.lock);
	}
}

bool
progress_wanted(int mode, bool quiet)
{
	if (mode == PROGRESS_AUTO)
		return !quiet && isatty(STDERR_FILENO) != 0;
	return mode == PROGRESS_ALWAYS;
}

enum zk_err
progress_start(struct env *env, bool show, struct out *json)
{
	sigset_t set, old;
	pthread_t thread;

	pr.env = env;
	pr.json = json;
	pr.show = show;
	pr.running = true;
	pr.tty = isatty(STDERR_FILENO) != 0;
	pr.drawn_ms = env_mono_ms(env);
	pr.rate_n = 0;
	log_set_hook(log_hook);
	/* the stop signals go to the thread that works */
	sigfillset(&set);
	(void)pthread_sigmask(SIG_SETMASK, &set, &old);
	int e = pthread_create(&thread, NULL, usr1_thread, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (e != 0)
		return err_from_errno(e);
	(void)pthread_detach(thread);
	return ZK_OK;
}

static void
json_line(void)
{
	struct jsonw *w = out_begin(pr.json, "progress");

	jsonw_str(w, "phase", phase_name(pr.now.phase));
	jsonw_int(w, "files", (int64_t)pr.now.files);
	jsonw_int(w, "files_total", (int64_t)pr.now.files_total);
	jsonw_int(w, "segments", (int64_t)pr.now.segments);
	jsonw_int(w, "segments_total", (int64_t)pr.now.segments_total);
	jsonw_int(w, "bytes", (int64_t)pr.now.bytes);
	jsonw_int(w, "bytes_total", (int64_t)pr.now.bytes_total);
	jsonw_int(w, "rate", (int64_t)pr.rate);
	out_end(pr.json);
	out_release_now(pr.json);
}

void
progress_update(const struct sync_progress *p)
{
	pthread_mutex_lock(&pr.lock);
	int64_t ms = env_mono_ms(pr.env);
	if (!pr.any || p->phase != pr.now.phase || p->bytes < pr.now.bytes)
		pr.rate_n = 0;
	pr.now = *p;
	pr.any = true;
	read_rate(ms);
	bool due = pr.show && pr.json != NULL && ms - pr.drawn_ms >= LINE_MS;
	if (due)
		pr.drawn_ms = ms;
	draw(ms);
	pthread_mutex_unlock(&pr.lock);
	if (due)
		json_line();
}

void
progress_tick(void)
{
	pthread_mutex_lock(&pr.lock);
	if (pr.running && pr.any) {
		int64_t ms = env_mono_ms(pr.env);

		read_rate(ms);
		draw(ms);
	}
	pthread_mutex_unlock(&pr.lock);
}

void
progress_stop(void)
{
	pthread_mutex_lock(&pr.lock);
	clear();
	pr.running = pr.show = false;
	pthread_mutex_unlock(&pr.lock);
}
