#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/addr.h"
#include "proto/auth.h"
#include "relay/names.h"
#include "util/env.h"
#include "util/log.h"

#define NAMES_MAX 256		/* authorities kept */
#define LOOK_MS 10000		/* between looks at the interfaces */

struct names {
	const struct relay_opts *opts;
	char addr[NAMES_ADDR_MAX];
	uint16_t port;
	bool all;		/* listens on all addresses */
	pthread_mutex_t lock;	/* guards all below */
	char *name[NAMES_MAX];	/* owned */
	size_t n;
	size_t fixed;		/* the first ones do not come from interfaces */
	int64_t looked;		/* mono ms */
	char global[NAMES_ADDR_MAX]; /* a global address of ours, or "" */
};

static enum zk_err
parse_port(const char *s, uint16_t *out)
{
	char *end;
	unsigned long v;

	if (*s < '0' || *s > '9')
		return ZK_EUSAGE;
	v = strtoul(s, &end, 10);
	if (*end != '\0' || v > 65535)
		return ZK_EUSAGE;
	*out = (uint16_t)v;
	return ZK_OK;
}

/* A numeric address in its usual form; "" and "*" are all of them. */
static enum zk_err
parse_addr(const char *s, size_t n, char out[static NAMES_ADDR_MAX])
{
	uint8_t raw[16];
	char text[NAMES_ADDR_MAX];

	if (n >= NAMES_ADDR_MAX)
		return ZK_EUSAGE;
	memcpy(text, s, n);
	text[n] = '\0';
	if (n == 0 || strcmp(text, "*") == 0)
		memcpy(text, "::", 3);
	else if (strcmp(text, "localhost") == 0)
		memcpy(text, "127.0.0.1", 10);
	for (int i = 0; i < 2; i++) {
		int family = i == 0 ? AF_INET : AF_INET6;

		if (inet_pton(family, text, raw) == 1 &&
		    inet_ntop(family, raw, out, NAMES_ADDR_MAX) != NULL)
			return ZK_OK;
	}
	return ZK_EUSAGE;
}

enum zk_err
names_listen(const char *listen, char addr[static NAMES_ADDR_MAX],
    uint16_t *port)
{
	const char *s = listen != NULL ? listen : "";
	const char *colon = strrchr(s, ':');
	const char *close;

	*port = RELAY_PORT;
	if (s[0] == '[') {
		close = strchr(s, ']');
		if (close == NULL ||
		    parse_addr(s + 1, (size_t)(close - s - 1), addr) != ZK_OK)
			return ZK_EUSAGE;
		if (close[1] == '\0')
			return ZK_OK;
		return close[1] == ':' ? parse_port(close + 2, port) :
		    ZK_EUSAGE;
	}
	if (strspn(s, "0123456789") == strlen(s) && *s != '\0') {
		memcpy(addr, "::", 3);
		return parse_port(s, port);
	}
	/* more than one colon: an IPv6 address without a port */
	if (colon == NULL || strchr(s, ':') != colon)
		return parse_addr(s, strlen(s), addr);
	if (parse_addr(s, (size_t)(colon - s), addr) != ZK_OK)
		return ZK_EUSAGE;
	return parse_port(colon + 1, port);
}

static enum zk_err
add_name(struct names *n, const char *name)
{
	char *copy;

	if (n->n == NAMES_MAX)
		return ZK_ELIMIT;
	copy = strdup(name);
	if (copy == NULL)
		return ZK_ENOMEM;
	n->name[n->n++] = copy;
	return ZK_OK;
}

/* host and port, and host alone where the port is the scheme's own. */
static enum zk_err
add_host(struct names *n, const char *host)
{
	uint16_t own = n->opts->plain ? 80 : 443;
	bool v6 = strchr(host, ':') != NULL;
	struct buf b;
	enum zk_err r;

	buf_init(&b, AUTH_AUTHORITY_MAX);
	buf_printf(&b, v6 ? "[%s]:%u" : "%s:%u", host, n->port);
	r = buf_err(&b);
	if (r == ZK_OK)
		r = add_name(n, buf_cstr(&b));
	if (r == ZK_OK && n->port == own) {
		buf_reset(&b);
		buf_printf(&b, v6 ? "[%s]" : "%s", host);
		r = add_name(n, buf_cstr(&b));
	}
	buf_release(&b);
	return r;
}

/* http://AUTHORITY or https://AUTHORITY, then "", "/" or "/#...". */
static enum zk_err
add_url(struct names *n, const char *url)
{
	bool https = strncasecmp(url, "https://", 8) == 0;
	const char *s = url + (https ? 8 : 7);
	size_t len, slash;
	char name[AUTH_AUTHORITY_MAX + 8];
	const char *own = https ? ":443" : ":80";
	size_t own_len = strlen(own);
	enum zk_err r;

	if (!https && strncasecmp(url, "http://", 7) != 0)
		return ZK_EUSAGE;
	len = strcspn(s, "/#?");
	slash = s[len] == '/' ? len + 1 : len;
	if (s[slash] != '\0' && s[slash] != '#')
		return ZK_EUSAGE;
	if (auth_authority(s, len, name) != ZK_OK)
		return ZK_EUSAGE;
	r = add_name(n, name);
	if (r != ZK_OK)
		return r;
	if (len > own_len && strcmp(name + len - own_len, own) == 0) {
		name[len - own_len] = '\0';
		return add_name(n, name);
	}
	if (strchr(name, ']') == NULL ? strchr(name, ':') == NULL :
	    name[len - 1] == ']') {
		memcpy(name + len, own, own_len + 1);
		return add_name(n, name);
	}
	return ZK_OK;
}

/* Text and class of an interface's address. */
static bool
read_addr(const struct sockaddr *sa, char text[static NAMES_ADDR_MAX],
    uint8_t raw[static ADDR_LEN])
{
	const void *p;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	memset(raw, 0, ADDR_LEN);
	if (sa == NULL)
		return false;
	if (sa->sa_family == AF_INET) {
		memcpy(&v4, sa, sizeof(v4));
		raw[10] = raw[11] = 0xff;
		memcpy(raw + 12, &v4.sin_addr, 4);
		p = &v4.sin_addr;
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&v6, sa, sizeof(v6));
		memcpy(raw, &v6.sin6_addr, ADDR_LEN);
		p = &v6.sin6_addr;
	} else {
		return false;
	}
	return inet_ntop(sa->sa_family, p, text, NAMES_ADDR_MAX) != NULL;
}

/* How good an address is to be shown: global before private before none. */
static int
rank(const uint8_t raw[static ADDR_LEN])
{
	bool link_local = raw[0] == 0xfe && (raw[1] & 0xc0) == 0x80;

	if (addr_is_loopback(raw) || link_local)
		return 0;
	return addr_is_private(raw) ? 1 : 2;
}

/* Takes the names of all interfaces anew. */
static enum zk_err
look(struct names *n)
{
	struct ifaddrs *list = NULL;
	char text[NAMES_ADDR_MAX];
	uint8_t raw[ADDR_LEN];
	enum zk_err r = ZK_OK;
	int best = 0;

	n->looked = env_mono_ms(n->opts->env);
	while (n->n > n->fixed)
		free(n->name[--n->n]);
	if (getifaddrs(&list) != 0)
		return ZK_OK;
	for (struct ifaddrs *i = list; i != NULL && r == ZK_OK;
	    i = i->ifa_next) {
		if (!read_addr(i->ifa_addr, text, raw))
			continue;
		r = add_host(n, text);
		if (rank(raw) > best) {
			best = rank(raw);
			memcpy(n->global, text, sizeof(text));
		}
	}
	freeifaddrs(list);
	return r == ZK_ELIMIT ? ZK_OK : r;
}

static enum zk_err
add_own(struct names *n)
{
	char host[256];
	char lower[AUTH_AUTHORITY_MAX + 1];
	enum zk_err r = add_host(n, n->addr);

	if (r == ZK_OK && (n->all || strncmp(n->addr, "127.", 4) == 0 ||
	    strcmp(n->addr, "::1") == 0))
		r = add_host(n, "localhost");
	if (r == ZK_OK && n->all && gethostname(host, sizeof(host)) == 0) {
		host[sizeof(host) - 1] = '\0';
		if (auth_authority(host, strlen(host), lower) == ZK_OK)
			r = add_host(n, lower);
	}
	return r;
}

enum zk_err
names_new(const struct relay_opts *opts, const char *addr, uint16_t port,
    struct names **out)
{
	struct names *n = calloc(1, sizeof(*n));
	enum zk_err r = ZK_OK;

	*out = NULL;
	if (n == NULL)
		return ZK_ENOMEM;
	n->opts = opts;
	n->port = port;
	pthread_mutex_init(&n->lock, NULL);
	memcpy(n->addr, addr, strlen(addr) + 1);
	n->all = strcmp(addr, "::") == 0 || strcmp(addr, "0.0.0.0") == 0;
	for (size_t i = 0; i < opts->n_urls && r == ZK_OK; i++) {
		r = add_url(n, opts->urls[i]);
		if (r == ZK_EUSAGE)
			log_error(r, NULL, "not an address of a relay: '%s'",
			    opts->urls[i]);
	}
	if (r == ZK_OK)
		r = add_own(n);
	n->fixed = n->n;
	if (r == ZK_OK && n->all)
		r = look(n);
	if (r != ZK_OK) {
		names_free(n);
		return r;
	}
	*out = n;
	return ZK_OK;
}

void
names_free(struct names *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->n; i++)
		free(n->name[i]);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

static bool
known(const struct names *n, const char *authority)
{
	for (size_t i = 0; i < n->n; i++)
		if (strcmp(n->name[i], authority) == 0)
			return true;
	return false;
}

bool
names_ok(struct names *n, const char *authority)
{
	bool ok;

	pthread_mutex_lock(&n->lock);
	ok = known(n, authority);
	/* the machine may have got a new address since */
	if (!ok && n->all &&
	    env_mono_ms(n->opts->env) - n->looked >= LOOK_MS)
		ok = look(n) == ZK_OK && known(n, authority);
	pthread_mutex_unlock(&n->lock);
	return ok;
}

enum zk_err
names_url(struct names *n, const char *pin, struct buf *out)
{
	const char *host = n->all && n->global[0] != '\0' ? n->global :
	    n->all ? "127.0.0.1" : n->addr;
	bool v6 = strchr(host, ':') != NULL;

	if (n->opts->n_urls > 0) {
		const char *url = n->opts->urls[0];
		size_t len = strcspn(url, "#");

		/* as given; a pin only where it is ours that clients meet */
		buf_str(out, url);
		if (url[len] == '\0' && url[len - 1] != '/')
			buf_str(out, "/");
		if (url[len] != '\0')
			return buf_err(out);
	} else {
		buf_printf(out, v6 ? "%s://[%s]:%u/" : "%s://%s:%u/",
		    n->opts->plain ? "http" : "https", host, n->port);
	}
	if (pin != NULL)
		buf_printf(out, "#%s", pin);
	return buf_err(out);
}
