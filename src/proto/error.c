#include <stdbool.h>
#include <string.h>

#include "proto/error.h"
#include "proto/json.h"
#include "util/buf.h"
#include "util/jsonw.h"

static const struct {
	int status;
	const char *name;
	enum zk_err zk;
	const char *text;
} codes[ERROR_CODES] = {
#define X(id, status, name, zk, text) [id] = { status, name, zk, text },
	ERROR_LIST(X)
#undef X
};

int
error_status(enum error_code code)
{
	return codes[code].status;
}

enum zk_err
error_zk(enum error_code code, int status)
{
	if (code < ERROR_CODES)
		return codes[code].zk;
	if (status == 507)
		return ZK_EREMOTEFULL;
	if (status >= 500 || status == 429)
		return ZK_EBUSY;
	if (status == 404)
		return ZK_ENOENT;
	return status == 401 ? ZK_EAUTH : ZK_EREFUSED;
}

enum zk_err
error_put(struct buf *out, enum error_code code, int64_t time)
{
	struct jsonw w;

	jsonw_begin(&w, out);
	jsonw_str(&w, "error", codes[code].name);
	jsonw_str(&w, "message", codes[code].text);
	if (time != 0)
		jsonw_int(&w, "time", time);
	jsonw_end(&w);
	return buf_err(out);
}

static enum error_code
by_name(const char *name)
{
	for (unsigned i = 0; i < ERROR_CODES; i++)
		if (strcmp(codes[i].name, name) == 0)
			return (enum error_code)i;
	return ERROR_CODES;
}

void
error_get(const void *in, size_t in_len, struct error_body *out)
{
	struct json *j = NULL;
	const char *s;

	memset(out, 0, sizeof(*out));
	out->code = ERROR_CODES;
	if (in_len > ERROR_BODY_MAX || json_parse(in, in_len, &j) != ZK_OK)
		return;
	s = json_str(j, "error");
	if (s != NULL)
		out->code = by_name(s);
	s = json_str(j, "message");
	if (s != NULL && strlen(s) < ERROR_TEXT_MAX)
		memcpy(out->message, s, strlen(s) + 1);
	out->time = json_int(j, "time", 0);
	json_free(j);
}
