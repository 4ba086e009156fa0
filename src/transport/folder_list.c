#include "transport/folder_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/env.h"
#include "util/hex.h"

void
folder_list_release(struct folder_list *l)
{
	free(l->v);
	memset(l, 0, sizeof(*l));
}

static enum zk_err
push(struct folder_list *l, const struct folder_name *n)
{
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 64 : 2 * l->cap;
		struct folder_name *v = realloc(l->v, cap * sizeof(*v));

		if (v == NULL)
			return ZK_ENOMEM;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = *n;
	return ZK_OK;
}

static int
place_cmp(const struct folder_name *a, const uint8_t *log, uint64_t seq)
{
	int c = memcmp(a->log, log, TRANSPORT_NAME_LEN);

	if (c != 0)
		return c;
	return a->seq < seq ? -1 : a->seq > seq;
}

static int
name_cmp(const void *pa, const void *pb)
{
	const struct folder_name *a = pa;
	const struct folder_name *b = pb;
	int c = place_cmp(a, b->log, b->seq);

	return c != 0 ? c : memcmp(a->hash, b->hash, TRANSPORT_NAME_LEN);
}

size_t
folder_list_find(const struct folder_list *l,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t seq)
{
	size_t lo = 0;
	size_t hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (place_cmp(&l->v[mid], log, seq) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct folder_name *
folder_list_last(const struct folder_list *l,
    const uint8_t log[static TRANSPORT_NAME_LEN])
{
	size_t i = folder_list_find(l, log, UINT64_MAX);

	if (i == 0 || memcmp(l->v[i - 1].log, log, TRANSPORT_NAME_LEN) != 0)
		return NULL;
	return &l->v[i - 1];
}

bool
folder_list_holds(const struct folder_list *l,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t seq,
    const uint8_t hash[static TRANSPORT_NAME_LEN], bool *other)
{
	size_t i = folder_list_find(l, log, seq);
	bool found = false;

	for (; i < l->n && place_cmp(&l->v[i], log, seq) == 0; i++) {
		if (memcmp(l->v[i].hash, hash, TRANSPORT_NAME_LEN) == 0)
			found = true;
		else if (other != NULL)
			*other = true;
	}
	return found;
}

enum zk_err
folder_list_add(struct folder_list *l, const struct folder_name *n)
{
	enum zk_err r = push(l, n);

	for (size_t i = l->n; r == ZK_OK && i > 1; i--) {
		struct folder_name swap = l->v[i - 1];

		if (name_cmp(&l->v[i - 2], &swap) <= 0)
			break;
		l->v[i - 1] = l->v[i - 2];
		l->v[i - 2] = swap;
	}
	return r;
}

struct filling {
	struct folder_list *l;
	struct folder_name n;
};

static enum zk_err
take_seg(void *arg, const char *name)
{
	struct filling *f = arg;

	if (!names_seg_parse(name, &f->n.seq, f->n.hash))
		return ZK_OK;
	return push(f->l, &f->n);
}

static enum zk_err
take_log(void *arg, const char *name)
{
	struct filling *f = arg;

	if (hex_get(name, strlen(name), f->n.log, TRANSPORT_NAME_LEN) != ZK_OK)
		return ZK_OK;
	return push(f->l, &f->n);
}

static enum zk_err
take_hint(void *arg, const char *name)
{
	struct filling *f = arg;

	if (!names_hint_parse(name, f->n.log, &f->n.seq, f->n.hash))
		return ZK_OK;
	return push(f->l, &f->n);
}

static enum zk_err
fill(struct folder *f, const char *path, struct filling *to,
    enum zk_err (*take)(void *arg, const char *name))
{
	int fd = folder_dir_sub(f, f->dir, path, false);
	enum zk_err r;

	if (fd == -ENOENT)
		return ZK_OK;
	if (fd < 0)
		return folder_dir_fail(f, fd, "open", path);
	r = folder_dir_list(f, fd, take, to);
	(void)env_close(f->t.opts.env, fd);
	if (r != ZK_OK)
		folder_list_release(to->l);
	else if (to->l->n > 1)
		qsort(to->l->v, to->l->n, sizeof(*to->l->v), name_cmp);
	return r;
}

enum zk_err
folder_list_segs(struct folder *f,
    const uint8_t log[static TRANSPORT_NAME_LEN], struct folder_list *l)
{
	struct filling to = { .l = l };
	char path[NAMES_CAP] = "seg/";

	memcpy(to.n.log, log, TRANSPORT_NAME_LEN);
	hex_text(log, TRANSPORT_NAME_LEN, path + 4);
	return fill(f, path, &to, take_seg);
}

enum zk_err
folder_list_logs(struct folder *f, struct folder_list *l)
{
	struct filling to = { .l = l };

	return fill(f, "seg", &to, take_log);
}

enum zk_err
folder_list_hints(struct folder *f, struct folder_list *l)
{
	struct filling to = { .l = l };

	return fill(f, "head", &to, take_hint);
}

enum zk_err
folder_list_begun(struct folder *f, struct folder_list *l)
{
	struct filling to = { .l = l };

	return fill(f, "begin", &to, take_hint);
}

static uint64_t
sum_bytes(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * UINT64_C(0x100000001b3);
	return h;
}

uint64_t
folder_list_sum(const struct folder_list *l)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < l->n; i++) {
		h = sum_bytes(h, l->v[i].log, TRANSPORT_NAME_LEN);
		h = sum_bytes(h, &l->v[i].seq, sizeof(l->v[i].seq));
		h = sum_bytes(h, l->v[i].hash, TRANSPORT_NAME_LEN);
	}
	return h == 0 ? 1 : h;
}
