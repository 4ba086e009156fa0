/* The only way to stderr.  See log.h. */
#include "util/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/jsonw.h"
#include "util/utf8.h"

#define LOG_LINE_MAX 8192	/* bytes of one message before escaping */

static struct {
	pthread_mutex_t lock;
	enum log_level level;
	bool json;
	void (*hook)(bool before);
	unsigned long errors;
} state = { .lock = PTHREAD_MUTEX_INITIALIZER, .level = LOG_WARN };

void
log_set_level(enum log_level level)
{
	state.level = level;
}

void
log_set_json(bool on)
{
	state.json = on;
}

void
log_set_hook(void (*hook)(bool before))
{
	state.hook = hook;
}

unsigned long
log_error_count(void)
{
	return state.errors;
}

enum zk_err
log_escape(struct buf *b, const void *s, size_t len)
{
	const uint8_t *p = s;
	enum zk_err r = ZK_OK;

	while (len > 0 && r == ZK_OK) {
		uint32_t cp = 0;
		size_t k = utf8_at(p, len, &cp);
		bool bad = k == 0 || utf8_dangerous(cp);

		if (k == 0)
			k = 1;
		if (!bad)
			r = buf_put(b, p, k);
		for (size_t i = 0; bad && i < k && r == ZK_OK; i++)
			r = buf_printf(b, "\\x%02x", p[i]);
		p += k;
		len -= k;
	}
	return r;
}

/* Writes the whole line at once, so that lines do not mix. */
static void
out(struct buf *line)
{
	size_t off = 0;

	if (state.hook != NULL)
		state.hook(true);
	while (off < line->len) {
		ssize_t n = write(STDERR_FILENO, line->data + off,
		    line->len - off);

		if (n <= 0)
			break;
		off += (size_t)n;
	}
	if (state.hook != NULL)
		state.hook(false);
}

static void
message(struct buf *line, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void
message(struct buf *line, const char *fmt, va_list ap)
{
	char text[LOG_LINE_MAX];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	if (n < 0)
		n = 0;
	if ((size_t)n >= sizeof(text))
		n = (int)sizeof(text) - 1;
	(void)log_escape(line, text, (size_t)n);
}

static void
plain(const char *prefix, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void
plain(const char *prefix, const char *fmt, va_list ap)
{
	struct buf line;

	buf_init(&line, LOG_LINE_MAX * 5);
	(void)buf_printf(&line, "zk: %s", prefix);
	message(&line, fmt, ap);
	(void)buf_u8(&line, '\n');
	out(&line);
	buf_release(&line);
}

static void
json(enum zk_err e, const struct log_where *w, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static void
json(enum zk_err e, const struct log_where *w, const char *fmt, va_list ap)
{
	struct jsonw j;
	struct buf line, text;

	buf_init(&line, LOG_LINE_MAX * 40);
	buf_init(&text, LOG_LINE_MAX * 5);
	message(&text, fmt, ap);
	jsonw_begin(&j, &line);
	jsonw_str(&j, "type", "error");
	jsonw_int(&j, "status", err_status(e));
	jsonw_str(&j, "code", err_name(e));
	jsonw_bytes(&j, "message", text.data, text.len);
	if (w != NULL && w->path != NULL)
		jsonw_bytes(&j, "path", w->path, strlen(w->path));
	if (w != NULL && w->remote != NULL)
		jsonw_str(&j, "remote", w->remote);
	jsonw_end(&j);
	out(&line);
	buf_release(&text);
	buf_release(&line);
}

void
log_error(enum zk_err e, const struct log_where *w, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&state.lock);
	state.errors++;
	va_start(ap, fmt);
	if (state.json)
		json(e, w, fmt, ap);
	else if (state.level >= LOG_ERROR)
		plain("", fmt, ap);
	va_end(ap);
	pthread_mutex_unlock(&state.lock);
}

/* The three below differ only in level and prefix. */
static void
note(enum log_level level, const char *prefix, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static void
note(enum log_level level, const char *prefix, const char *fmt, va_list ap)
{
	pthread_mutex_lock(&state.lock);
	if (state.level >= level && !state.json)
		plain(prefix, fmt, ap);
	pthread_mutex_unlock(&state.lock);
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(LOG_WARN, "warning: ", fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(LOG_INFO, "", fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(LOG_DEBUG, "debug: ", fmt, ap);
	va_end(ap);
}
