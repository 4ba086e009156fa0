/* What the subcommands of zk kv share (zk-kv(1)). */
#ifndef ZK_CLI_KV_H
#define ZK_CLI_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cmd.h"
#include "cli/opt.h"
#include "sync/kv.h"

struct jsonw;

struct kv_opts {
	const char *ns;		/* NULL: the one without a name */
	bool offline;
	bool fetch;
	bool all;
	bool proof;
	bool counter;
	bool list;
	bool zero;
	bool namespaces;
	int type;		/* 0 any, else enum kv_kind */
};

#define KV_OPT(n) offsetof(struct kv_opts, n)
#define KV_OPT_NS { .letter = 'N', .name = "namespace", .kind = OPT_STR, \
	.off = KV_OPT(ns), .arg = "NS", .help = "keys of the namespace NS" }
#define KV_OPT_OFFLINE { .name = "offline", .kind = OPT_FLAG, \
	.off = KV_OPT(offline), \
	.help = "record only; the next run sends it" }
#define KV_OPT_FETCH { .name = "fetch", .kind = OPT_FLAG, \
	.off = KV_OPT(fetch), .help = "read the remotes first" }
#define KV_OPT_ZERO { .letter = '0', .name = "null", .kind = OPT_FLAG, \
	.off = KV_OPT(zero), .help = "NUL instead of newline" }

/* "register", "set", "counter", "list". */
const char *kv_kind_name(uint8_t kind);

/*
 * The key that name and the options say, lent from them.  ZK_EUSAGE,
 * logged: empty or too long.
 */
ZK_CHECKED enum zk_err kv_key_of(const struct kv_opts *o, const char *name,
    uint8_t kind, struct kv_key *out);

/* Says that there is nothing under the key; ZK_ENOENT. */
enum zk_err kv_missing(const struct kv_key *key);

/* Members "namespace", "key", "kind" of a JSON line. */
void kv_json_key(struct jsonw *w, const struct kv_key *key);
/* Members about who wrote a value when: device, device_id, time, op. */
void kv_json_by(struct jsonw *w, const struct kv_value *val);
/* A member of n bytes in hex. */
void kv_json_hex(struct jsonw *w, const char *name, const uint8_t *p,
    size_t n);

/* The subcommands that read (kv_read.c) and wait (kv_watch.c). */
extern const struct cmd kv_get, kv_ls, kv_members, kv_list, kv_watch;

#endif
