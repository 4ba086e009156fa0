#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "proto/json.h"

struct json {
	cJSON *root;
};

/* Brackets inside strings count too, which only makes the bound stricter. */
static bool
depth_ok(const char *s, size_t n)
{
	unsigned depth = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '{' || s[i] == '[')
			depth++;
		else if ((s[i] == '}' || s[i] == ']') && depth > 0)
			depth--;
		if (depth > JSON_DEPTH)
			return false;
	}
	return true;
}

enum zk_err
json_parse(const void *in, size_t n, struct json **out)
{
	const char *end = NULL;
	struct json *j;

	*out = NULL;
	if (n > JSON_MAX || !depth_ok(in, n))
		return ZK_ELIMIT;
	if (n == 0 || memchr(in, '\0', n) != NULL)
		return ZK_EFORMAT;
	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return ZK_ENOMEM;
	j->root = cJSON_ParseWithLengthOpts(in, n, &end, 0);
	while (end != NULL && end < (const char *)in + n && *end == '\n')
		end++;
	if (!cJSON_IsObject(j->root) || end != (const char *)in + n) {
		json_free(j);
		return ZK_EFORMAT;
	}
	*out = j;
	return ZK_OK;
}

void
json_free(struct json *j)
{
	if (j == NULL)
		return;
	cJSON_Delete(j->root);
	free(j);
}

const char *
json_str(const struct json *j, const char *name)
{
	return cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(j->root, name));
}

int64_t
json_int(const struct json *j, const char *name, int64_t def)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(j->root, name);
	const double limit = 9007199254740992.0;	/* 2^53 */

	if (!cJSON_IsNumber(item))
		return def;
	if (!(item->valuedouble >= -limit && item->valuedouble <= limit))
		return def;
	return (int64_t)item->valuedouble;
}
