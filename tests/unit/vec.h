/*
 * The shared test vectors: JSON files below $ZK_VECTORS (../shared/vectors
 * where that is not set).  Cases that need them skip, visibly, without.
 */
#ifndef ZK_TESTS_UNIT_VEC_H
#define ZK_TESTS_UNIT_VEC_H

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The parsed file, NULL if it is not there; cJSON_Delete frees it. */
static inline cJSON *
vec_load(const char *name)
{
	const char *dir = getenv("ZK_VECTORS");
	char path[4096];
	cJSON *json;
	char *text;
	long n;
	FILE *f;

	if (dir == NULL || *dir == '\0')
		dir = "../shared/vectors";
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (f == NULL)
		return NULL;
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	text = malloc((size_t)n + 1);
	if (text == NULL || fread(text, 1, (size_t)n, f) != (size_t)n) {
		free(text);
		fclose(f);
		return NULL;
	}
	text[n] = '\0';
	json = cJSON_Parse(text);
	free(text);
	fclose(f);
	return json;
}

/* The string member key of o, "" if it is not there. */
static inline const char *
vec_str(const cJSON *o, const char *key)
{
	const cJSON *i = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsString(i) ? i->valuestring : "";
}

static inline int
vec_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes hex to out (cap bytes), aborts the program on bad hex. */
static inline size_t
vec_unhex(const char *s, uint8_t *out, size_t cap)
{
	size_t n = strlen(s) / 2;

	if (n > cap || strlen(s) % 2 != 0)
		abort();
	for (size_t i = 0; i < n; i++) {
		int a = vec_digit(s[2 * i]), b = vec_digit(s[2 * i + 1]);

		if (a < 0 || b < 0)
			abort();
		out[i] = (uint8_t)(a << 4 | b);
	}
	return n;
}

static inline size_t
vec_hex(const cJSON *o, const char *key, uint8_t *out, size_t cap)
{
	return vec_unhex(vec_str(o, key), out, cap);
}

#endif
