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
out(const void *line, size_t len)
{
	const char *p = line;

	if (state.hook != NULL)
		state.hook(true);
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, p, len);

		if (n <= 0)
			break;
		p += n;
		len -= (size_t)n;
	}
	if (state.hook != NULL)
		state.hook(false);
}

/* Without memory: bytes that would need an escape are question marks. */
static void
plain_short(const char *prefix, const char *text)
{
	char line[LOG_LINE_MAX + 64];
	int n = snprintf(line, sizeof(line) - 1, "zk: %s%s", prefix, text);

	if (n < 0)
		return;
	if ((size_t)n > sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	for (int i = 0; i < n; i++)
		if (line[i] < 0x20 || line[i] > 0x7e)
			line[i] = '?';
	line[n++] = '\n';
	out(line, (size_t)n);
}

static void
plain(const char *prefix, const char *text)
{
	struct buf line;

	buf_init(&line, LOG_LINE_MAX * 5);
	(void)buf_printf(&line, "zk: %s", prefix);
	(void)log_escape(&line, text, strlen(text));
	(void)buf_u8(&line, '\n');
	if (buf_err(&line) == ZK_OK)
		out(line.data, line.len);
	else
		plain_short(prefix, text);
	buf_release(&line);
}

/* Without memory: nothing that would have to be escaped. */
static void
json_short(enum zk_err e)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "{\"type\":\"error\","
	    "\"status\":%d,\"code\":\"%s\",\"message\":\"%s\"}\n",
	    err_status(e), err_name(e), err_text(e));

	if (n > 0 && (size_t)n < sizeof(line))
		out(line, (size_t)n);
}

static void
json(enum zk_err e, const struct log_where *w, const char *text)
{
	struct jsonw j;
	struct buf line, escaped;

	buf_init(&line, LOG_LINE_MAX * 40);
	buf_init(&escaped, LOG_LINE_MAX * 5);
	(void)log_escape(&escaped, text, strlen(text));
	jsonw_begin(&j, &line);
	jsonw_str(&j, "type", "error");
	jsonw_int(&j, "status", err_status(e));
	jsonw_str(&j, "code", err_name(e));
	jsonw_bytes(&j, "message", escaped.data, escaped.len);
	if (w != NULL && w->path != NULL)
		jsonw_bytes(&j, "path", w->path, strlen(w->path));
	if (w != NULL && w->remote != NULL)
		jsonw_str(&j, "remote", w->remote);
	jsonw_end(&j);
	if (buf_err(&escaped) == ZK_OK && buf_err(&line) == ZK_OK)
		out(line.data, line.len);
	else
		json_short(e);
	buf_release(&escaped);
	buf_release(&line);
}

void
log_error(enum zk_err e, const struct log_where *w, const char *fmt, ...)
{
	char text[LOG_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	text[0] = '\0';
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&state.lock);
	state.errors++;
	if (state.json)
		json(e, w, text);
	else if (state.level >= LOG_ERROR)
		plain("", text);
	pthread_mutex_unlock(&state.lock);
}

/* The three below differ only in level and prefix. */
static void
note(enum log_level level, const char *prefix, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static void
note(enum log_level level, const char *prefix, const char *fmt, va_list ap)
{
	char text[LOG_LINE_MAX];

	text[0] = '\0';
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	pthread_mutex_lock(&state.lock);
	if (state.level >= level && !state.json)
		plain(prefix, text);
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
