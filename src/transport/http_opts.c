#include "transport/http_opts.h"

#include <string.h>

#include "proto/auth.h"
#include "transport/http.h"
#include "transport/transport.h"
#include "util/buf.h"
#include "util/log.h"

static enum zk_err
refuse(const struct http *h, const char *text)
{
	struct log_where w = { .remote = h->name };

	log_error(ZK_EUSAGE, &w, "%s", text);
	return ZK_EUSAGE;
}

enum zk_err
http_opts_check(const struct http *h)
{
	const char *proxy = h->opts->proxy;
	const char *invite = h->opts->invite;

	if (proxy != NULL && strncmp(proxy, "socks5://", 9) == 0)
		return refuse(h, "a socks5:// proxy would look up the "
		    "relay's name here; use socks5h://");
	if (proxy != NULL && strncmp(proxy, "http://", 7) != 0 &&
	    strncmp(proxy, "socks5h://", 10) != 0)
		return refuse(h, "the proxy is neither http:// nor "
		    "socks5h://");
	if (invite == NULL)
		return ZK_OK;
	if (invite[0] == '\0' || strlen(invite) > 256)
		return refuse(h, "the invite token is empty or too long");
	for (const char *c = invite; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			return refuse(h, "the invite token has an odd byte");
	return ZK_OK;
}

enum zk_err
http_opts_names(struct http *h)
{
	const struct url *u = &h->url;
	unsigned usual = u->kind == URL_HTTPS ? 443 : 80;
	struct buf host;
	struct buf b;
	enum zk_err r;

	buf_init(&host, AUTH_AUTHORITY_MAX);
	buf_init(&b, sizeof(h->base) - 1);
	(void)buf_printf(&host, u->ipv6 ? "[%s]" : "%s", u->host);
	if (u->port != usual)
		(void)buf_printf(&host, ":%u", (unsigned)u->port);
	(void)buf_str(&b, u->kind == URL_HTTPS ? "https://" : "http://");
	r = url_authority(u, &b);
	if (r == ZK_OK)
		r = auth_authority(buf_cstr(&host), host.len, h->authority);
	if (r == ZK_OK)
		memcpy(h->base, buf_cstr(&b), b.len + 1);
	buf_release(&host);
	buf_release(&b);
	return r;
}
