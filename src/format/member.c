#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "format/member.h"
#include "format/recordio.h"

#define MEMBERS_RECORDS_MAX 4096

/*
 * node[i] belongs to recs[i].  past[i] is a set of record indices (bits):
 * the causal past of i, i itself included; meaningful once state[i] is
 * RECORD_COUNTS.  A record that occurs twice has its twin's index in twin.
 */
struct members {
	const struct record *const *recs;
	size_t n;
	size_t words;		/* 64-bit words of one past */
	uint64_t *past;
	enum record_state *state;
	bool *done;
	size_t *twin;
	struct member *member;
	size_t member_n;
	struct epoch *epoch;
	size_t epoch_n;
	uint8_t (*heads)[RECORD_ID_LEN];
	size_t heads_n;
};

static uint64_t *
members_past(const struct members *m, size_t i)
{
	return m->past + i * m->words;
}

static bool
members_bit(const uint64_t *set, size_t i)
{
	return (set[i / 64] >> (i % 64) & 1) != 0;
}

static bool
members_same(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, RECORD_ID_LEN) == 0;
}

/* The record with this name; n if it is not here. */
static size_t
members_named(const struct members *m, const uint8_t *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (members_same(m->recs[i]->name, name))
			return i;
	return m->n;
}

/* The public keys of device in the past of set, or NULL. */
static const struct device_pub *
members_pub(const struct members *m, const uint64_t *set,
    const uint8_t *device)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct record *r = m->recs[i];

		if (!members_bit(set, i))
			continue;
		if (r->type != RECORD_GENESIS && r->type != RECORD_ADD)
			continue;
		if (members_same(r->dev_id, device))
			return &r->dev;
	}
	return NULL;
}

/* The rotation that made the epoch, in the past of set, or NULL. */
static const struct record *
members_rotation(const struct members *m, const uint64_t *set,
    const uint8_t *epoch_id)
{
	for (size_t i = 0; i < m->n; i++)
		if (members_bit(set, i) &&
		    m->recs[i]->type == RECORD_ROTATE &&
		    members_same(m->recs[i]->id, epoch_id))
			return m->recs[i];
	return NULL;
}

/* Whether a rotation has each member of its past among its recipients. */
static bool
members_all_sealed(const struct members *m, const uint64_t *set,
    const struct record *rec)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct record *r = m->recs[i];
		bool found = false;

		if (!members_bit(set, i) || (r->type != RECORD_GENESIS &&
		    r->type != RECORD_ADD))
			continue;
		for (size_t j = 0; j < rec->sealed_n; j++)
			found |= members_same(rec->sealed[j].id, r->dev_id);
		if (!found)
			return false;
	}
	return true;
}

/* No key is sealed for anyone but members and the recovery key. */
static bool
members_none_other(const struct members *m, const uint64_t *set,
    const struct record *rec)
{
	uint8_t recovery[RECORD_ID_LEN] = { 0 };

	for (size_t i = 0; i < m->n; i++)
		if (members_bit(set, i) && m->recs[i]->has_recovery)
			device_pub_id(&m->recs[i]->recovery, recovery);
	for (size_t j = 0; j < rec->sealed_n; j++)
		if (members_pub(m, set, rec->sealed[j].id) == NULL &&
		    !members_same(rec->sealed[j].id, recovery))
			return false;
	return true;
}

static bool
members_rotate_ok(const struct members *m, const uint64_t *set,
    const struct record *rec)
{
	uint64_t max = 0;

	for (size_t i = 0; i < rec->parents_n; i++) {
		const struct record *p = members_rotation(m, set,
		    rec->parents[i]);

		if (p == NULL)
			return false;
		if (p->epoch_no > max)
			max = p->epoch_no;
	}
	if (rec->epoch_no != max + 1)
		return false;
	return members_all_sealed(m, set, rec) &&
	    members_none_other(m, set, rec);
}

static bool
members_grants_ok(const struct members *m, const uint64_t *set,
    const struct record *rec)
{
	for (size_t i = 0; i < rec->sealed_n; i++)
		if (members_rotation(m, set, rec->sealed[i].id) == NULL)
			return false;
	return true;
}

static size_t
members_in(const struct members *m, const uint64_t *set)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += members_bit(set, i) &&
		    (m->recs[i]->type == RECORD_GENESIS ||
		    m->recs[i]->type == RECORD_ADD);
	return n;
}

/* Judges one record by its past, which is set without itself. */
static bool
members_ok(const struct members *m, const uint64_t *set,
    const struct record *rec)
{
	uint8_t digest[RECORD_ID_LEN];
	const struct device_pub *author = members_pub(m, set, rec->author);

	if (author == NULL)
		return false;
	recordio_digest(rec->signed_p, rec->signed_n, digest);
	if (sign_check(author->sign_pk, LABEL_SIGN_RECORD, digest,
	    sizeof(digest), rec->sig) != ZK_OK)
		return false;
	switch (rec->type) {
	case RECORD_ADD:
		return members_in(m, set) < RECORD_DEVICES_MAX &&
		    members_grants_ok(m, set, rec);
	case RECORD_ROTATE:
		return members_rotate_ok(m, set, rec);
	case RECORD_GRANT:
		return members_pub(m, set, rec->dev_id) != NULL &&
		    members_grants_ok(m, set, rec);
	case RECORD_PARK:
		return members_pub(m, set, rec->dev_id) != NULL;
	default:
		return false;
	}
}

/*
 * Decides record i if all that it names is decided; true if it did.
 * Genesis alone has no heads.
 */
static bool
members_step(struct members *m, size_t i)
{
	const struct record *rec = m->recs[i];
	uint64_t *set = members_past(m, i);
	bool good = true;

	if (rec->type != RECORD_GENESIS && rec->heads_n == 0)
		good = false;
	for (size_t h = 0; h < rec->heads_n; h++) {
		size_t j = members_named(m, rec->heads[h]);

		if (j == m->n || !m->done[j])
			return false;
		if (m->state[j] != RECORD_COUNTS)
			good = false;
	}
	for (size_t h = 0; good && h < rec->heads_n; h++) {
		const uint64_t *from = members_past(m,
		    members_named(m, rec->heads[h]));

		for (size_t w = 0; w < m->words; w++)
			set[w] |= from[w];
	}
	if (good && rec->type != RECORD_GENESIS)
		good = members_ok(m, set, rec);
	set[i / 64] |= UINT64_C(1) << (i % 64);
	m->state[i] = good ? RECORD_COUNTS : RECORD_VOID;
	m->done[i] = true;
	return true;
}

/* Goes on until nothing more can be decided. */
static void
members_run(struct members *m)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < m->n; i++)
			if (!m->done[i] && m->twin[i] == i)
				more |= members_step(m, i);
	}
	for (size_t i = 0; i < m->n; i++)
		m->state[i] = m->state[m->twin[i]];
}

static int
members_cmp_member(const void *a, const void *b)
{
	return memcmp(((const struct member *)a)->id,
	    ((const struct member *)b)->id, RECORD_ID_LEN);
}

static int
members_cmp_epoch(const void *a, const void *b)
{
	const struct epoch *x = a, *y = b;

	if (x->no != y->no)
		return x->no < y->no ? -1 : 1;
	return memcmp(x->id, y->id, RECORD_ID_LEN);
}

/* True if record i counts and nothing that counts names it. */
static bool
members_is_head(const struct members *m, size_t i)
{
	if (m->state[i] != RECORD_COUNTS || m->twin[i] != i)
		return false;
	for (size_t j = 0; j < m->n; j++)
		if (j != i && m->twin[j] == j &&
		    m->state[j] == RECORD_COUNTS &&
		    members_bit(members_past(m, j), i))
			return false;
	return true;
}

static void
members_take(struct members *m, size_t i)
{
	const struct record *r = m->recs[i];

	if ((r->type == RECORD_GENESIS || r->type == RECORD_ADD) &&
	    members_find(m, r->dev_id) == NULL) {
		struct member *x = &m->member[m->member_n++];

		memcpy(x->id, r->dev_id, RECORD_ID_LEN);
		x->pub = r->dev;
		x->record = i;
	}
	if (r->type == RECORD_ROTATE &&
	    members_epoch_find(m, r->id) == NULL) {
		struct epoch *e = &m->epoch[m->epoch_n++];

		memcpy(e->id, r->id, RECORD_ID_LEN);
		memcpy(e->commit, r->commit, RECORD_ID_LEN);
		e->no = r->epoch_no;
		e->record = i;
	}
}

/* The results, in an order that does not depend on that of the input. */
static void
members_collect(struct members *m)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->state[i] == RECORD_COUNTS && m->twin[i] == i)
			members_take(m, i);
		if (members_is_head(m, i))
			memcpy(m->heads[m->heads_n++], m->recs[i]->name,
			    RECORD_ID_LEN);
	}
	qsort(m->member, m->member_n, sizeof(*m->member),
	    members_cmp_member);
	qsort(m->epoch, m->epoch_n, sizeof(*m->epoch), members_cmp_epoch);
}

static enum zk_err
members_alloc(struct members *m)
{
	m->words = (m->n + 63) / 64;
	m->past = calloc(m->n * m->words + 1, sizeof(*m->past));
	m->state = calloc(m->n + 1, sizeof(*m->state));
	m->done = calloc(m->n + 1, sizeof(*m->done));
	m->twin = calloc(m->n + 1, sizeof(*m->twin));
	m->member = calloc(m->n + 1, sizeof(*m->member));
	m->epoch = calloc(m->n + 1, sizeof(*m->epoch));
	m->heads = calloc(m->n + 1, sizeof(*m->heads));
	if (m->past == NULL || m->state == NULL || m->done == NULL ||
	    m->twin == NULL || m->member == NULL || m->epoch == NULL ||
	    m->heads == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; i < m->n; i++) {
		m->state[i] = RECORD_WAITS;
		m->twin[i] = members_named(m, m->recs[i]->name);
	}
	return ZK_OK;
}

/* One genesis record, that of the vault; no record we cannot follow. */
static enum zk_err
members_precheck(const struct record *const *recs, size_t n,
    const uint8_t *vault)
{
	bool genesis = false;

	for (size_t i = 0; i < n; i++) {
		enum record_type t = recs[i]->type;

		if (t == RECORD_REMOVE)
			return ZK_EVERSION;
		if (t != RECORD_GENESIS)
			continue;
		if (!members_same(recs[i]->id, vault))
			return ZK_EREFUSED;
		genesis = true;
	}
	return genesis ? ZK_OK : ZK_EREFUSED;
}

enum zk_err
members_compute(const struct record *const *recs, size_t n,
    const uint8_t vault[static RECORD_ID_LEN], struct members **out)
{
	struct members *m;
	enum zk_err r;

	*out = NULL;
	if (n > MEMBERS_RECORDS_MAX)
		return ZK_ELIMIT;
	r = members_precheck(recs, n, vault);
	if (r != ZK_OK)
		return r;
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return ZK_ENOMEM;
	m->recs = recs;
	m->n = n;
	r = members_alloc(m);
	if (r != ZK_OK) {
		members_free(m);
		return r;
	}
	members_run(m);
	members_collect(m);
	*out = m;
	return ZK_OK;
}

void
members_free(struct members *m)
{
	if (m == NULL)
		return;
	free(m->past);
	free(m->state);
	free(m->done);
	free(m->twin);
	free(m->member);
	free(m->epoch);
	free(m->heads);
	free(m);
}

enum record_state
members_state(const struct members *m, size_t rec)
{
	return m->state[rec];
}

size_t
members_count(const struct members *m)
{
	return m->member_n;
}

const struct member *
members_at(const struct members *m, size_t i)
{
	return &m->member[i];
}

const struct member *
members_find(const struct members *m, const uint8_t id[static RECORD_ID_LEN])
{
	for (size_t i = 0; i < m->member_n; i++)
		if (members_same(m->member[i].id, id))
			return &m->member[i];
	return NULL;
}

size_t
members_epoch_count(const struct members *m)
{
	return m->epoch_n;
}

const struct epoch *
members_epoch_at(const struct members *m, size_t i)
{
	return &m->epoch[i];
}

const struct epoch *
members_epoch_find(const struct members *m,
    const uint8_t id[static RECORD_ID_LEN])
{
	for (size_t i = 0; i < m->epoch_n; i++)
		if (members_same(m->epoch[i].id, id))
			return &m->epoch[i];
	return NULL;
}

const struct epoch *
members_epoch_prefix(const struct members *m,
    const uint8_t prefix[static EPOCH_PREFIX_LEN])
{
	for (size_t i = 0; i < m->epoch_n; i++)
		if (memcmp(m->epoch[i].commit, prefix,
		    EPOCH_PREFIX_LEN) == 0)
			return &m->epoch[i];
	return NULL;
}

const struct epoch *
members_epoch_best(const struct members *m)
{
	return m->epoch_n == 0 ? NULL : &m->epoch[m->epoch_n - 1];
}

const struct record *
members_park(const struct members *m,
    const uint8_t device[static RECORD_ID_LEN], size_t *at)
{
	while (*at < m->n) {
		size_t i = (*at)++;

		if (m->recs[i]->type == RECORD_PARK &&
		    m->state[i] == RECORD_COUNTS && m->twin[i] == i &&
		    members_same(m->recs[i]->dev_id, device))
			return m->recs[i];
	}
	return NULL;
}

bool
members_knows(const struct members *m,
    const uint8_t (*heads)[RECORD_ID_LEN], size_t n,
    const uint8_t name[static RECORD_ID_LEN])
{
	size_t is = members_named(m, name);

	for (size_t h = 0; h < n && is < m->n; h++) {
		size_t i = members_named(m, heads[h]);

		if (i < m->n && m->state[i] == RECORD_COUNTS &&
		    members_bit(members_past(m, i), is))
			return true;
	}
	return false;
}

const uint8_t (*members_heads(const struct members *m,
    size_t *n))[RECORD_ID_LEN]
{
	*n = m->heads_n;
	return (const uint8_t (*)[RECORD_ID_LEN])m->heads;
}

/* Adds the pasts of all heads to set. */
static enum zk_err
members_union(const struct members *m,
    const uint8_t (*heads)[RECORD_ID_LEN], size_t n, uint64_t *set)
{
	for (size_t h = 0; h < n; h++) {
		size_t i = members_named(m, heads[h]);

		if (i == m->n || m->state[i] == RECORD_WAITS)
			return ZK_EGAP;
		if (m->state[i] == RECORD_VOID)
			return ZK_EREFUSED;
		for (size_t w = 0; w < m->words; w++)
			set[w] |= members_past(m, i)[w];
	}
	return ZK_OK;
}

enum zk_err
members_judge(const struct members *m,
    const uint8_t (*heads)[RECORD_ID_LEN], size_t n,
    const uint8_t device[static RECORD_ID_LEN], const uint8_t *epoch_id)
{
	uint64_t *set = calloc(m->words + 1, sizeof(*set));
	enum zk_err r;

	if (set == NULL)
		return ZK_ENOMEM;
	r = members_union(m, heads, n, set);
	if (r == ZK_OK && members_pub(m, set, device) == NULL)
		r = ZK_EREFUSED;
	if (r == ZK_OK && epoch_id != NULL &&
	    members_rotation(m, set, epoch_id) == NULL)
		r = ZK_EREFUSED;
	free(set);
	return r;
}
