#include <stdlib.h>
#include <string.h>

#include "sync/oldmap.h"

struct slot {
	uint64_t key;	/* the first 8 bytes of the hash */
	uint64_t off;
};

struct oldmap {
	struct slot *slot;	/* ascending by key, then off */
	size_t n, cap;
};

static uint64_t
key_of(const uint8_t *hash)
{
	uint64_t k = 0;

	for (unsigned i = 0; i < 8; i++)
		k = k << 8 | hash[i];
	return k;
}

static int
slot_cmp(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->off < y->off ? -1 : x->off > y->off;
}

static enum zk_err
add(struct oldmap *m, const struct manifest_entry *e)
{
	if (m->n == m->cap) {
		size_t cap = m->cap == 0 ? 256 : 2 * m->cap;
		struct slot *p = realloc(m->slot, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		m->slot = p;
		m->cap = cap;
	}
	m->slot[m->n++] = (struct slot){ key_of(e->ref.hash), e->off };
	return ZK_OK;
}

enum zk_err
oldmap_new(const void *root, size_t n, manifest_fetch_fn *fetch, void *arg,
    struct oldmap **out)
{
	struct manifest_reader *r = NULL;
	struct oldmap *m = calloc(1, sizeof(*m));
	struct manifest_entry e;
	enum zk_err err;

	*out = NULL;
	if (m == NULL)
		return ZK_ENOMEM;
	err = manifest_reader_new(root, n, fetch, arg, &r);
	while (err == ZK_OK && m->n < OLDMAP_MAX) {
		err = manifest_next(r, &e);
		if (err == ZK_OK)
			err = add(m, &e);
	}
	manifest_reader_free(r);
	chunk_ref_wipe(&e.ref);
	if (err == ZK_ENOMEM) {
		oldmap_free(m);
		return err;
	}
	if (m->n > 0)
		qsort(m->slot, m->n, sizeof(m->slot[0]), slot_cmp);
	*out = m;
	return ZK_OK;
}

void
oldmap_free(struct oldmap *m)
{
	if (m == NULL)
		return;
	free(m->slot);
	free(m);
}

bool
oldmap_find(const struct oldmap *m,
    const uint8_t hash[static CHUNK_HASH_LEN], uint64_t *off)
{
	uint64_t key = key_of(hash);
	size_t lo = 0, hi = m == NULL ? 0 : m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->slot[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (m == NULL || lo == m->n || m->slot[lo].key != key)
		return false;
	*off = m->slot[lo].off;
	return true;
}
