/*
 * forge DIR STATE_HOME URL [LAMPORT] < SCRIPT
 * forge DIR STATE_HOME URL gap < SCRIPT
 * forge DIR STATE_HOME URL stranger|genesis
 * forge DIR STATE_HOME URL id PATH
 * forge DIR STATE_HOME - schema N
 * forge DIR STATE_HOME - setting NAME TEXT
 *
 * Writes one segment of arbitrary ops in the name of the device whose vault
 * is at DIR, and appends it to the remote at URL: what a hostile member can
 * do.  The ops are not judged and not applied to DIR.  LAMPORT is added to
 * the right first Lamport time; with gap the segment names as a head one
 * that does not exist.  Script lines, names and texts in hex, "-" for empty;
 * REF is "root", the number of an op of this script (from 0), or "@" and any
 * id in hex.  The id of each op is a line on stdout.
 *
 *	create KIND PARENT-REF NAME MODE(octal) SECONDS NANOSECONDS TEXT
 *	move REF PARENT-REF NAME
 *	remove REF
 *	edit REF SIZE TEXT
 *	text REF SIZE TEXT SCRIPT	an edit that merges, by a packed script
 *	type N			an op of that type, of no known form
 *	value TYPE REF BODY	a value op; REF is what it covers or is after,
 *				root for none
 *	message BODY SIZE TEXT
 *	ext BYTES		the extensions of the op in the next line
 *	checkpoint CUT STREAM	see checkpoint.h
 *	swapped WHAT NAME NAME
 *
 * swapped makes two files of 100,000 random bytes, a chunk each, whose
 * references have changed places in part: WHAT is "key" (and nonce), "name"
 * of the blob, or "all", so that each manifest is that of the other file.
 *
 * stranger puts a record by which a device that is no member adds another;
 * genesis puts the genesis of another vault, sealed for this one.  id prints
 * the id of what has this name in the root of the merged tree.  schema and
 * setting write into the vault's database here what no command does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/list.h"
#include "crypto/crypto.h"
#include "crypto/key.h"
#include "crypto/sign.h"
#include "proto/seghdr.h"
#include "store/store.h"
#include "sync/round.h"
#include "sync/vault.h"
#include "tests/forge/forge.h"

void
die(const char *what, enum zk_err r)
{
	fprintf(stderr, "forge: %s: %s\n", what, err_text(r));
	exit(1);
}

/* The next segment of the log, after all that it holds. */
static void
begin(struct forge *f, uint64_t lamport, bool gap)
{
	static const struct seg_head none = { .seq = 1, .log = "no such log",
		.hash = "no such segment" };
	struct logdb_seg tip;
	struct segb_opts o = { 0 };
	enum zk_err r = logdb_tip(f->v->db, f->v->log_id, &tip);

	if (r != ZK_OK)
		die("the device has not written yet: push first", r);
	memcpy(f->row.log, f->v->log_id, VAULT_ID_LEN);
	memcpy(f->row.prev, tip.hash, VAULT_ID_LEN);
	f->row.seq = tip.seq + 1;
	f->row.wall_ms = env_now_ms(f->v->env);
	f->row.state = LOGDB_APPLIED;
	o.vault = vault_id(f->v);
	o.log_pk = signkey_pk(f->v->log);
	o.seq = f->row.seq;
	o.prev = f->row.prev;
	o.lamport0 = tip.last_lamport + 1 + lamport;
	o.wall_ms = f->row.wall_ms;
	o.rec_heads = members_heads(f->v->members, &o.rec_heads_n);
	o.heads = &none;
	o.heads_n = gap ? 1 : 0;
	r = segb_new(&o, &f->b);
	if (r != ZK_OK)
		die("cannot begin a segment", r);
}

/* Seals, keeps the place in the device's own database, appends. */
static void
publish(struct forge *f, const char *url)
{
	enum tseg_result res = TSEG_GAP;
	struct signkey *request = NULL;
	struct transport *t = NULL;
	const struct key *E = NULL;
	uint8_t epoch_id[32];
	struct tseg s = { .seq = f->row.seq };
	struct buf out;
	enum zk_err r;

	buf_init(&out, SEGHDR_STORED_MAX);
	r = records_epoch(f->v, &E, epoch_id);
	if (r == ZK_OK)
		r = segb_seal(f->b, f->v->env, E, epoch_id, f->v->log, &out,
		    f->row.hash);
	if (r == ZK_OK)
		r = db_begin(f->v->db);
	f->row.last_lamport = segb_last_lamport(f->b);
	if (r == ZK_OK)
		r = logdb_next_id(f->v->db, &f->row.id);
	if (r == ZK_OK)
		r = logdb_put(f->v->db, &f->row, out.data, out.len);
	if (r == ZK_OK)
		r = db_commit(f->v->db);
	if (r == ZK_OK)
		r = remotes_open_url(f->v, NULL, url, &t, &request);
	memcpy(s.log, f->row.log, sizeof(s.log));
	memcpy(s.hash, f->row.hash, sizeof(s.hash));
	s.data = out.data;
	s.len = out.len;
	if (r == ZK_OK)
		r = transport_append(t, &s, 1, &res);
	if (r != ZK_OK || res != TSEG_STORED)
		die("cannot append", r);
	transport_free(t);
	signkey_free(request);
	buf_release(&out);
}

/* A device with fresh keys. */
static struct device_keys *
device(struct forge *f)
{
	struct device_keys *d = NULL;
	struct key *seed = NULL;
	enum zk_err r = key_random(f->v->env, KEY_SEED, &seed);

	if (r == ZK_OK)
		r = device_keys_new(seed, &d);
	if (r != ZK_OK)
		die("keys", r);
	key_free(seed);
	return d;
}

/* Puts a record that no honest device writes. */
static void
put_record(struct forge *f, const char *url, bool genesis)
{
	struct device_keys *a = device(f), *b = device(f);
	struct record_genesis_opts g = { .env = f->v->env,
	    .R = keys_record(f->v->keys), .space = f->v->space,
	    .founder = a };
	uint8_t name[RECORD_ID_LEN], vault[RECORD_ID_LEN], sig[64];
	struct signkey *request = NULL;
	struct transport *t = NULL;
	struct record_ctx c;
	struct buf out;
	enum zk_err r;

	buf_init(&out, RECORD_STORED_MAX);
	records_ctx(f->v, &c);
	c.author = a;
	record_add_consent(b, c.vault, device_keys_id(a), sig);
	if (genesis)
		r = record_genesis_make(&g, &out, name, vault);
	else
		r = record_add_make(&c, device_keys_pub(b), sig, NULL, 0,
		    &out, name);
	if (r == ZK_OK)
		r = remotes_open_url(f->v, NULL, url, &t, &request);
	if (r == ZK_OK)
		r = transport_rec_put(t, name, out.data, out.len);
	if (r != ZK_OK)
		die("cannot put a record", r);
	transport_free(t);
	signkey_free(request);
	buf_release(&out);
	device_keys_free(a);
	device_keys_free(b);
}

static void
print_id(struct forge *f, const char *name)
{
	const struct list_entry *e = NULL;
	struct list *l = NULL;
	enum zk_err r = list_lookup(f->v->tree, (const uint8_t *)name,
	    strlen(name), &l);

	if (r == ZK_OK)
		r = list_next(l, &e);
	if (r != ZK_OK)
		die(name, r);
	for (size_t i = 0; i < OPID_LEN; i++)
		printf("%02x", e->nodes[0].b[i]);
	printf("\n");
	list_close(l);
}

static bool
is_record(const char *word)
{
	return strcmp(word, "stranger") == 0 || strcmp(word, "genesis") == 0;
}

/* Writes into the database; false if the words ask for something else. */
static bool
put_local(struct forge *f, int n, char **args)
{
	struct db *db = f->v->db;
	char name[128] = "schema";
	bool schema = n == 2 && strcmp(args[0], "schema") == 0;
	enum zk_err r;

	if (!schema && (n != 3 || strcmp(args[0], "setting") != 0))
		return false;
	if (!schema)
		snprintf(name, sizeof(name), "set.%s", args[1]);
	r = db_begin(db);
	if (r == ZK_OK)
		r = schema ? store_put_int(db, name,
		    (int64_t)strtoull(args[1], NULL, 10)) :
		    store_put(db, name, args[2], strlen(args[2]));
	if (r == ZK_OK)
		r = db_commit(db);
	if (r != ZK_OK)
		die(name, r);
	return true;
}

int
main(int argc, char **argv)
{
	static struct forge f;
	struct vault_opts vo = { .env = env_posix() };
	static char line[4 * FORGE_TEXT];
	struct opid refs;
	struct op op;
	enum zk_err r;

	if (argc < 4 || crypto_init() != ZK_OK)
		die("usage: forge DIR STATE_HOME URL [LAMPORT]", ZK_EUSAGE);
	vo.dir = argv[1];
	vo.state_home = argv[2];
	r = vault_open(&vo, &f.v);
	if (r != ZK_OK)
		die(argv[1], r);
	if (put_local(&f, argc - 4, argv + 4)) {
		vault_close(f.v);
		return 0;
	}
	if (argc > 4 && is_record(argv[4])) {
		put_record(&f, argv[3], strcmp(argv[4], "genesis") == 0);
		vault_close(f.v);
		return 0;
	}
	if (argc > 5 && strcmp(argv[4], "id") == 0) {
		print_id(&f, argv[5]);
		vault_close(f.v);
		return 0;
	}
	begin(&f, argc > 4 ? strtoull(argv[4], NULL, 10) : 0,
	    argc > 4 && strcmp(argv[4], "gap") == 0);
	f.url = argv[3];
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strncmp(line, "swapped ", 8) == 0) {
			char *rest;

			(void)strtok_r(line, " \n", &rest);
			add_swapped(&f, &rest);
			continue;
		}
		if (strncmp(line, "ext ", 4) == 0) {
			line[strcspn(line, "\n")] = '\0';
			f.ext_len = unhex(line + 4, f.ext);
			continue;
		}
		read_op(&f, line, &op, &refs);
		if (f.n == FORGE_OPS)
			die("too many ops", ZK_ELIMIT);
		r = segb_add(f.b, &op, &f.id[f.n]);
		if (r != ZK_OK)
			die(line, r);
		f.n++;
	}
	publish(&f, argv[3]);
	for (size_t i = 0; i < f.n; i++) {
		for (size_t k = 0; k < sizeof(f.id[i].b); k++)
			printf("%02x", f.id[i].b[k]);
		printf("\n");
	}
	segb_free(f.b);
	buf_release(&f.cut);
	buf_release(&f.stream);
	vault_close(f.v);
	return 0;
}
