/*
 * The relay client against TLS that is not what it should be: other keys,
 * old versions, no pin yet.
 */
#include "tests/unit/liar_fix.h"

/* TLS. */

static size_t
handshakes(const struct liar *l)
{
	struct env_stat st;

	return env_statat(env_posix(), ENV_CWD, l->tls.noted, &st) == 0 ?
	    (size_t)st.size : 0;
}

static void
r29_other_key(void)
{
	struct liar l;
	struct tmark mark = { 0 };

	NEED(liar_tls(&l, EVIL_TLS_GOOD, false, "empty * /", NULL));
	CHECK(liar_append(&l) == ZK_EPIN);
	CHECK(liar_get_blob(&l, 1024) == ZK_EPIN);
	CHECK(liar_read_some(&l, &mark) == ZK_EPIN);
	CHECK(transport_create(l.t) == ZK_EPIN);
	CHECK(liar_saw(&l, "HTTP") == 0);
	/* and not tried again */
	CHECK(handshakes(&l) <= 4);
	liar_stop(&l);
	/* the same relay with the right pin is spoken to */
	NEED(liar_tls(&l, EVIL_TLS_GOOD, true, "status * / 0 0 507", NULL));
	CHECK(liar_append(&l) == ZK_EREMOTEFULL);
	CHECK(liar_saw(&l, "HTTP/1.1") == 1);
	liar_stop(&l);
}

/* Of several pins one is enough. */
static void
r30_backup_pin(void)
{
	struct liar l;

	NEED(liar_tls(&l, EVIL_TLS_GOOD, false, "status * / 0 0 507", NULL));
	transport_free(l.t);
	(void)snprintf(l.f.url + strlen(l.f.url),
	    sizeof(l.f.url) - strlen(l.f.url), ";%s", l.tls.pin);
	l.t = fix_open(&l.f);
	NEED(l.t != NULL);
	CHECK(liar_append(&l) == ZK_EREMOTEFULL);
	liar_stop(&l);
}

static void
r31_old_tls(void)
{
	static const enum evil_tls_kind kinds[] = { EVIL_TLS_OLD,
	    EVIL_TLS_CBC };

	for (size_t i = 0; i < 2; i++) {
		struct liar l;
		enum zk_err r;

		if (!evil_tls_can(kinds[i]))
			continue;
		NEED(liar_tls(&l, kinds[i], true, "empty * /", NULL));
		r = liar_append(&l);
		CHECK(r == ZK_ENET);
		CHECK(handshakes(&l) == 0 && liar_saw(&l, "HTTP") == 0);
		liar_stop(&l);
	}
}

/* The offset, of any size, once, and for signing alone. */
static void
r26_pinned(void)
{
	struct liar l;
	int64_t now = env_now_ms(env_posix());

	NEED(liar_tls(&l, EVIL_TLS_GOOD, true, "clock * / 0 1",
	    "status * / 0 0 507"));
	CHECK(liar_append(&l) == ZK_EREMOTEFULL);
	CHECK(liar_saw(&l, "time=40709088") == 1);
	CHECK(liar_append(&l) == ZK_EREMOTEFULL);
	CHECK(liar_saw(&l, "time=40709088") == 2);
	CHECK(liar_saw(&l, "HTTP/1.1") == 3);
	CHECK(env_now_ms(env_posix()) - now < 60000);
	liar_stop(&l);
	/* a relay that goes on saying so is not believed twice */
	NEED(liar_tls(&l, EVIL_TLS_GOOD, true, "clock * /", NULL));
	CHECK(liar_append(&l) == ZK_EAUTH);
	CHECK(liar_append(&l) == ZK_EAUTH);
	CHECK(liar_saw(&l, "HTTP/1.1") == 3);
	liar_stop(&l);
}

/*
 * Without a pin and with a key that no authority vouches for: pairing may
 * talk to it and learns its key; nothing else is sent.
 */
static void
unpinned(void)
{
	struct fix f;
	struct trv rv = { .side = 0, .id = { 1 } };
	struct trv other = { .side = 1, .id = { 2 } };
	struct transport *t;
	struct buf out;
	char full[512];
	char pin[64];
	char *hash;

	buf_init(&out, 1024);
	NEED(fix_init(&f, FIX_TLS));
	(void)snprintf(full, sizeof(full), "%s", f.url);
	hash = strchr(f.url, '#');
	NEED(hash != NULL);
	*hash = '\0';
	t = fix_open(&f);
	NEED(t != NULL);
	CHECK(transport_pin(t, pin, sizeof(pin)) == ZK_ENET);
	CHECK(transport_create(t) == ZK_EPIN);
	CHECK(transport_rv_claim(t, &rv) == ZK_OK);
	CHECK(transport_pin(t, pin, sizeof(pin)) == ZK_OK);
	CHECK(strstr(full, pin) != NULL && strlen(pin) == 52);
	other.plate = rv.plate;
	CHECK(transport_rv_claim(t, &other) == ZK_OK);
	CHECK(transport_rv_put(t, &rv, 0, "m", 1) == ZK_OK);
	CHECK(transport_rv_get(t, &other, 0, 1000, &out) == ZK_OK);
	/* the same connection does not serve what needs trust */
	CHECK(transport_create(t) == ZK_EPIN);
	transport_free(t);
	buf_release(&out);
	fix_release(&f);
}

/* An unpinned relay that changes its key between two requests. */
static void
unpinned_changes(void)
{
	struct evil_tls second;
	struct trv rv = { .side = 0, .id = { 1 } };
	struct liar l;
	uint16_t port;
	int fd;

	NEED(liar_tls(&l, EVIL_TLS_GOOD, true, "hangup * / 1",
	    "status * / 0 0 507"));
	transport_free(l.t);
	*strchr(l.f.url, '#') = '\0';
	l.t = fix_open(&l.f);
	NEED(l.t != NULL);
	CHECK(transport_rv_claim(l.t, &rv) == ZK_EREMOTEFULL);
	port = (uint16_t)strtoul(strrchr(l.f.url, ':') + 1, NULL, 10);
	(void)kill(-l.pid[1], SIGKILL);
	(void)waitpid(l.pid[1], NULL, 0);
	NEED(evil_tls_init(&second, EVIL_TLS_GOOD, l.port));
	(void)snprintf(second.noted, sizeof(second.noted), "%s/noted2",
	    l.f.dir);
	fd = evil_listen(&port);
	NEED(fd >= 0);
	l.pid[1] = liar_fork();
	if (l.pid[1] == 0)
		evil_tls_loop(&second, fd);
	(void)close(fd);
	CHECK(transport_rv_claim(l.t, &rv) == ZK_EPIN);
	CHECK(liar_saw(&l, "HTTP/1.1") == 1);
	evil_tls_release(&second);
	liar_stop(&l);
}

TESTS(
    { "R29", r29_other_key },
    { "R30", r30_backup_pin },
    { "R31", r31_old_tls },
    { "R26", r26_pinned },
    { "unpinned", unpinned },
    { "unpinned/changes", unpinned_changes },
)
