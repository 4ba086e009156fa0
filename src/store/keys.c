#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/labels.h"
#include "format/keys.h"
#include "store/keys.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/io.h"
#include "util/log.h"
#include "util/rd.h"

#define KEYS_MAGIC "zkK"
#define KEYS_MAGIC_LEN 3
#define KEYS_FORMAT 1
#define KEYS_SLOT_PLAIN 0	/* what follows is not wrapped */
#define KEYS_MAX (KEYS_EPOCHS_MAX * 64u + 4096)
#define KEYS_ID 32
#define KEYS_INCARNATION_MAX (UINT64_C(1) << 32)

struct keys_epoch {
	uint8_t id[KEYS_ID];
	struct key *k;
};

struct keys {
	struct key *seed;
	struct key *log;
	uint64_t incarnation;
	bool has_vault;
	uint8_t vault[KEYS_ID];
	struct key *space;	/* set with has_vault */
	struct key *record;	/* set with has_vault */
	struct keys_epoch *epoch;
	size_t epoch_n;
};

enum zk_err
keys_new(struct env *env, struct keys **out)
{
	struct keys *k = calloc(1, sizeof(*k));
	enum zk_err r;

	*out = NULL;
	if (k == NULL)
		return ZK_ENOMEM;
	r = key_random(env, KEY_SEED, &k->seed);
	if (r == ZK_OK)
		r = keys_new_log(k, env);
	if (r != ZK_OK) {
		keys_free(k);
		return r;
	}
	*out = k;
	return ZK_OK;
}

void
keys_free(struct keys *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->epoch_n; i++)
		key_free(k->epoch[i].k);
	free(k->epoch);
	key_free(k->seed);
	key_free(k->log);
	key_free(k->space);
	key_free(k->record);
	free(k);
}

const struct key *
keys_device_seed(const struct keys *k)
{
	return k->seed;
}

const uint8_t *
keys_vault(const struct keys *k)
{
	return k->has_vault ? k->vault : NULL;
}

const struct key *
keys_space(const struct keys *k)
{
	return k->space;
}

const struct key *
keys_record(const struct keys *k)
{
	return k->record;
}

const struct key *
keys_log(const struct keys *k)
{
	return k->log;
}

uint64_t
keys_incarnation(const struct keys *k)
{
	return k->incarnation;
}

enum zk_err
keys_set_vault(struct keys *k, const uint8_t vault[static 32],
    const struct key *space, const struct key *R)
{
	struct key *s = NULL, *rk = NULL;
	enum zk_err r;

	if (k->has_vault)
		BUG("device is in a vault already");
	r = key_dup(space, &s);
	if (r == ZK_OK)
		r = key_dup(R, &rk);
	if (r != ZK_OK) {
		key_free(s);
		return r;
	}
	k->space = s;
	k->record = rk;
	memcpy(k->vault, vault, KEYS_ID);
	k->has_vault = true;
	return ZK_OK;
}

enum zk_err
keys_new_log(struct keys *k, struct env *env)
{
	struct key *fresh;
	enum zk_err r = key_random(env, KEY_SIGN, &fresh);

	if (r != ZK_OK)
		return r;
	key_free(k->log);
	k->log = fresh;
	k->incarnation++;
	return ZK_OK;
}

size_t
keys_epoch_count(const struct keys *k)
{
	return k->epoch_n;
}

const struct key *
keys_epoch_at(const struct keys *k, size_t i, uint8_t id[static 32])
{
	memcpy(id, k->epoch[i].id, KEYS_ID);
	return k->epoch[i].k;
}

const struct key *
keys_epoch(const struct keys *k, const uint8_t id[static 32])
{
	for (size_t i = 0; i < k->epoch_n; i++)
		if (memcmp(k->epoch[i].id, id, KEYS_ID) == 0)
			return k->epoch[i].k;
	return NULL;
}

enum zk_err
keys_epoch_add(struct keys *k, const uint8_t id[static 32],
    const struct key *E)
{
	struct keys_epoch *grown;
	size_t at = 0;
	struct key *own;
	enum zk_err r;

	if (keys_epoch(k, id) != NULL)
		return ZK_OK;
	if (k->epoch_n >= KEYS_EPOCHS_MAX)
		return ZK_ELIMIT;
	grown = realloc(k->epoch, (k->epoch_n + 1) * sizeof(*grown));
	if (grown == NULL)
		return ZK_ENOMEM;
	k->epoch = grown;
	r = key_dup(E, &own);
	if (r != ZK_OK)
		return r;
	/* kept in the order of ids: the encoding is canonical */
	while (at < k->epoch_n && memcmp(grown[at].id, id, KEYS_ID) < 0)
		at++;
	memmove(grown + at + 1, grown + at,
	    (k->epoch_n - at) * sizeof(*grown));
	memcpy(grown[at].id, id, KEYS_ID);
	grown[at].k = own;
	k->epoch_n++;
	return ZK_OK;
}

/* The file ---------------------------------------------------------------- */

static enum zk_err
keys_put_body(const struct keys *k, struct buf *b)
{
	enum zk_err r = key_export(k->seed, b);

	if (r == ZK_OK)
		r = key_export(k->log, b);
	if (r != ZK_OK)
		return r;
	buf_varint(b, k->incarnation);
	buf_u8(b, k->has_vault ? 1 : 0);
	if (!k->has_vault)
		return buf_err(b);
	buf_put(b, k->vault, KEYS_ID);
	r = key_export(k->space, b);
	if (r == ZK_OK)
		r = key_export(k->record, b);
	if (r != ZK_OK)
		return r;
	buf_varint(b, k->epoch_n);
	for (size_t i = 0; i < k->epoch_n && r == ZK_OK; i++) {
		buf_put(b, k->epoch[i].id, KEYS_ID);
		r = key_export(k->epoch[i].k, b);
	}
	return r == ZK_OK ? buf_err(b) : r;
}

enum zk_err
keys_encode(const struct keys *k, struct buf *out)
{
	size_t start = out->len;
	uint8_t sum[HASH_LEN];
	enum zk_err r;

	buf_put(out, KEYS_MAGIC, KEYS_MAGIC_LEN);
	buf_u8(out, KEYS_FORMAT);
	buf_u8(out, KEYS_SLOT_PLAIN);
	r = keys_put_body(k, out);
	if (r != ZK_OK)
		return r;
	hash_bytes(LABEL_HASH_KEYSFILE, out->data + start, out->len - start,
	    sum);
	return buf_put(out, sum, sizeof(sum));
}

static void
keys_get_epochs(struct rd *r, struct keys *k)
{
	uint64_t n = rd_varint(r, KEYS_EPOCHS_MAX);

	for (uint64_t i = 0; i < n && r->err == ZK_OK; i++) {
		uint8_t id[KEYS_ID];
		struct key *E;
		enum zk_err e = ZK_OK;

		rd_copy(r, id, sizeof(id));
		if (i > 0 && memcmp(k->epoch[i - 1].id, id, KEYS_ID) >= 0)
			rd_fail(r, ZK_EFORMAT);
		E = key_get(r, KEY_SEED);
		if (r->err == ZK_OK)
			e = keys_epoch_add(k, id, E);
		if (e != ZK_OK)
			rd_fail(r, e);
		key_free(E);
	}
}

static enum zk_err
keys_get_body(struct rd *r, struct keys *k)
{
	uint8_t flag;

	k->seed = key_get(r, KEY_SEED);
	k->log = key_get(r, KEY_SIGN);
	k->incarnation = rd_varint(r, KEYS_INCARNATION_MAX);
	flag = rd_u8(r);
	if (flag > 1 || k->incarnation == 0)
		rd_fail(r, ZK_EFORMAT);
	if (flag == 1) {
		rd_copy(r, k->vault, KEYS_ID);
		k->space = key_get(r, KEY_SIGN);
		k->record = key_get(r, KEY_SEED);
		k->has_vault = true;
		keys_get_epochs(r, k);
	}
	return rd_end(r);
}

/* Magic, version, key slot. */
static enum zk_err
keys_get_header(struct rd *r)
{
	const uint8_t *magic = rd_bytes(r, KEYS_MAGIC_LEN);
	uint8_t format = rd_u8(r), slot = rd_u8(r);

	if (r->err != ZK_OK || memcmp(magic, KEYS_MAGIC, KEYS_MAGIC_LEN) != 0)
		return ZK_ETAMPER;
	if (format != KEYS_FORMAT)
		return format > KEYS_FORMAT ? ZK_EVERSION : ZK_ETAMPER;
	/* other slots wrap the body under a passphrase */
	return slot == KEYS_SLOT_PLAIN ? ZK_OK : ZK_EVERSION;
}

enum zk_err
keys_decode(const void *p, size_t n, struct keys **out)
{
	uint8_t sum[HASH_LEN];
	struct keys *k = NULL;
	struct rd r;
	enum zk_err e;

	*out = NULL;
	if (n < HASH_LEN)
		return ZK_ETAMPER;
	n -= HASH_LEN;
	rd_init(&r, p, n);
	e = keys_get_header(&r);
	if (e != ZK_OK)
		return e;
	hash_bytes(LABEL_HASH_KEYSFILE, p, n, sum);
	if (!crypto_equal(sum, (const uint8_t *)p + n, sizeof(sum)))
		return ZK_ETAMPER;
	k = calloc(1, sizeof(*k));
	if (k == NULL)
		return ZK_ENOMEM;
	e = keys_get_body(&r, k);
	if (e != ZK_OK) {
		keys_free(k);
		return e;
	}
	*out = k;
	return ZK_OK;
}

/* Refuses a file that others can read or may have put there; its size. */
static enum zk_err
keys_check_file(struct env *env, int fd, uint64_t *size)
{
	struct env_stat st;
	int r = env_fstat(env, fd, &st);

	if (r < 0) {
		log_error(err_from_errno(-r), NULL,
		    "cannot examine the keys file: %s", strerror(-r));
		return err_from_errno(-r);
	}
	if ((st.mode & S_IFMT) != S_IFREG) {
		log_error(ZK_EPERM, NULL,
		    "the keys file is not a regular file");
		return ZK_EPERM;
	}
	if (st.uid != (uint32_t)geteuid()) {
		log_error(ZK_EPERM, NULL,
		    "the keys file belongs to another user");
		return ZK_EPERM;
	}
	if ((st.mode & 077) != 0) {
		log_error(ZK_EPERM, NULL, "the keys file can be read by "
		    "others (mode %04o); make it 0600",
		    (unsigned)(st.mode & 07777));
		return ZK_EPERM;
	}
	*size = st.size;
	return ZK_OK;
}

/*
 * All of fd, at most KEYS_MAX bytes, into no more memory than it takes: all
 * of that is wiped, in every command.  A byte more than the size is its end.
 */
static enum zk_err
keys_read(struct env *env, int fd, uint64_t size, struct buf *b)
{
	size_t got, n = size < KEYS_MAX ? (size_t)size + 1 : KEYS_MAX;
	enum zk_err r = buf_reserve(b, n);

	if (r != ZK_OK)
		return r;
	r = io_read_some(env, fd, b->data, n, &got);
	if (r == ZK_OK)
		b->len = got;
	return r;
}

enum zk_err
keys_load(struct env *env, int dirfd, struct keys **out)
{
	uint64_t size = 0;
	struct buf b;
	enum zk_err r;
	int fd;

	*out = NULL;
	/* O_NONBLOCK: a FIFO in its place must not hold us up */
	fd = env_openat(env, dirfd, KEYS_FILE,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd == -ELOOP) {
		log_error(ZK_EPERM, NULL, "the keys file is a symlink");
		return ZK_EPERM;
	}
	if (fd < 0)
		return err_from_errno(-fd);
	buf_init_secret(&b, KEYS_MAX);
	r = keys_check_file(env, fd, &size);
	if (r == ZK_OK)
		r = keys_read(env, fd, size, &b);
	if (r == ZK_OK) {
		r = keys_decode(b.data, b.len, out);
		if (r != ZK_OK)
			log_error(r, &(struct log_where){ .path = KEYS_FILE },
			    "cannot use the keys file: %s", err_text(r));
	}
	env_close(env, fd);
	buf_release(&b);
	return r;
}

enum zk_err
keys_save(struct env *env, int dirfd, const struct keys *k)
{
	struct buf b;
	enum zk_err r;

	buf_init_secret(&b, KEYS_MAX);
	r = keys_encode(k, &b);
	if (r == ZK_OK)
		r = io_replace_file(env, dirfd, KEYS_FILE, b.data, b.len,
		    0600);
	buf_release(&b);
	return r;
}
