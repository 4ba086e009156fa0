/*
 * Admitting a device (zk-protocol(7), PAIRING): the two state machines over
 * a rendezvous mailbox of a remote.  The member that shows a code and the
 * joiner that enters it run CPace on the code, confirm the key both ways,
 * exchange an ephemeral KEM key inside, and speak under a key that binds all
 * of that and the relay each of them saw.  Only then do long-term keys move,
 * and vault keys only after the member's user said yes.
 *
 * One code is good for one guess and PAIR_LIFE_MS.  Nothing here touches the
 * vault: what is granted comes from a callback and goes to one.
 */
#ifndef ZK_SYNC_PAIR_H
#define ZK_SYNC_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/keys.h"
#include "util/err.h"

struct env;
struct key;
struct transport;

#define PAIR_LIFE_MS (5 * 60 * 1000)	/* of a code */
#define PAIR_TRIES 3		/* failed ones in PAIR_TRIES_MS: no words */
#define PAIR_TRIES_MS (60 * 60 * 1000)
#define PAIR_WORDS 3		/* in a code and for the check */
#define PAIR_SECRET_LEN 32	/* bytes of a link's secret */
#define PAIR_CODE_MAX 64	/* bytes of "123-word-word-word", with NUL */
#define PAIR_CHECK_MAX 32	/* bytes of "word word word", with NUL */
#define PAIR_LINK_MAX 1024	/* bytes of a link, with NUL */
#define PAIR_NAME_MAX 64	/* bytes of a device name */
#define PAIR_URLS_MAX 16
#define PAIR_RECORDS_MAX 4096

/* What the joiner's user gave, decoded.  A secret: wipe with pair_code_wipe. */
struct pair_code {
	uint64_t plate;
	bool link;		/* else words */
	uint16_t word[PAIR_WORDS];
	uint8_t secret[PAIR_SECRET_LEN];
	char url[PAIR_LINK_MAX];	/* the remote a link names, else "" */
};

/*
 * Decodes a code ("7-apple-river-moon", also with spaces, any case) or a
 * link ("zk://HOST:PORT/#...").  Contacts nothing.  ZK_EUSAGE: not one,
 * words missing or not in the list (logged).
 */
ZK_CHECKED enum zk_err pair_code_parse(const char *text,
    struct pair_code *out);
void pair_code_wipe(struct pair_code *c);

/*
 * The link for a remote: https://H/ gives zk://H/, http://H/ zk+http://H/,
 * file:///D zk+file:///D, each with "#PLATE.SECRET".
 */
ZK_CHECKED enum zk_err pair_link(const char *url, uint64_t plate,
    const uint8_t secret[static PAIR_SECRET_LEN],
    char out[static PAIR_LINK_MAX]);

/* How both sides talk to their user. All but stop may not be NULL. */
struct pair_ui {
	void *arg;
	/* often: true ends the run with ZK_ESIGNAL */
	bool (*stop)(void *arg);
	/* member: code ("" if only the link may be used now), link, end */
	void (*invite)(void *arg, const char *code, const char *link,
	    int64_t expires_ms);
	/*
	 * member: may the device of this name (raw bytes, to be escaped)
	 * join?  check: three words that the other device shows too.
	 * ZK_OK: yes.  ZK_EREFUSED: no.  ZK_EEXPIRED: no answer by until
	 * (env_mono_ms).  ZK_ESIGNAL.
	 */
	enum zk_err (*consent)(void *arg, const char *name,
	    const char *check, int64_t until);
	/* joiner: the words, and the name of the member that admits it */
	void (*check)(void *arg, const char *member, const char *check);
};

/* What a new member gets.  Keys and bytes are borrowed. */
struct pair_grant {
	const uint8_t *vault;		/* 32 bytes */
	const struct key *space;	/* KEY_SIGN: seed of the space key */
	const struct key *record;	/* R, KEY_SEED */
	const char *urls[PAIR_URLS_MAX]; /* remotes, in order, with pins */
	size_t urls_n;
	/* stored records: genesis, the add of the new device, all others */
	struct pair_bytes {
		const uint8_t *p;
		size_t n;
	} *records;
	size_t records_n;
};

/* Member side ------------------------------------------------------------- */

struct pair_show_opts {
	struct env *env;
	struct transport *t;
	const char *url;		/* of t, for the link */
	const uint8_t *vault;		/* 32 bytes */
	const struct device_keys *self;
	const char *name;		/* of this device */
	unsigned failures;		/* failed attempts in the last hour */
	struct pair_ui ui;
	/*
	 * Signs dev in: consent is its signature for record_add_make.
	 * Writes the add record, stores and publishes it, fills *out, which
	 * must live until pair_show returns.
	 */
	enum zk_err (*admit)(void *arg, const struct device_pub *dev,
	    const uint8_t consent[64], const char *name,
	    struct pair_grant *out);
	/* A guess was wrong: to be counted durably. */
	void (*failed)(void *arg);
	void *arg;			/* of admit and failed */
};

struct pair_result {
	uint8_t device[KEYS_ID_LEN];	/* the other side's device id */
	char name[PAIR_NAME_MAX + 1];	/* and its name */
	char check[PAIR_CHECK_MAX];
};

/*
 * Shows a code and admits one device.  ZK_EAUTH: a wrong guess; the code is
 * dead.  ZK_EEXPIRED: nobody came, or the user answered too late; nobody
 * was admitted.  ZK_EREFUSED: the user said no.  ZK_EPIN: the joiner
 * sees another relay key.  ZK_ESIGNAL.  Network codes.
 */
ZK_CHECKED enum zk_err pair_show(const struct pair_show_opts *o,
    struct pair_result *out);

/* Joining side ------------------------------------------------------------ */

struct pair_join_opts {
	struct env *env;
	struct transport *t;
	const struct pair_code *code;
	const struct device_keys *self;	/* fresh */
	const char *name;		/* 1..PAIR_NAME_MAX bytes */
	struct pair_ui ui;
	/* Makes the vault here, durably; g lives for the call. */
	enum zk_err (*accept)(void *arg, const struct pair_grant *g);
	void *arg;
};

/*
 * Joins.  ZK_EAUTH: wrong code.  ZK_EEXPIRED: no such code (any more).
 * ZK_EREFUSED: the member's user said no, or (logged) another device used or
 * uses this code.
 * ZK_EPIN, ZK_ESIGNAL, network codes.
 */
ZK_CHECKED enum zk_err pair_join(const struct pair_join_opts *o,
    struct pair_result *out);

#endif
