#include "transport/url.h"

#include <string.h>

#include "util/buf.h"
#include "util/rd.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int
hex_val(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum zk_err
fail(const char **why, const char *text)
{
	*why = text;
	return ZK_EUSAGE;
}

bool
url_pin_ok(const char *pin, size_t len)
{
	static const char last[] = "AEIMQUYcgkosw048";

	if (len != URL_PIN_LEN || memcmp(pin, "sha256//", 8) != 0)
		return false;
	for (size_t i = 8; i < URL_PIN_LEN - 1; i++)
		if (!is_alnum(pin[i]) && pin[i] != '+' && pin[i] != '/')
			return false;
	/* 32 bytes: the last character carries four bits, then one '=' */
	return pin[URL_PIN_LEN - 1] == '=' &&
	    memchr(last, pin[URL_PIN_LEN - 2], sizeof(last) - 1) != NULL;
}

/* The list of pins behind '#'. */
static enum zk_err
parse_pins(const char *s, struct url *u, const char **why)
{
	size_t n = strlen(s);

	if (n == 0)
		return fail(why, "the pin behind '#' is missing");
	if (n > URL_PIN_MAX)
		return fail(why, "too many pins");
	for (size_t at = 0; at < n; at += URL_PIN_LEN + 1) {
		size_t len = strcspn(s + at, ";");

		if (!url_pin_ok(s + at, len))
			return fail(why,
			    "the part behind '#' is not 'sha256//' and the "
			    "44 characters of a pin");
		if (s[at + len] == ';' && s[at + len + 1] == '\0')
			return fail(why, "a pin is missing behind ';'");
	}
	memcpy(u->pin, s, n + 1);
	return ZK_OK;
}

static enum zk_err
parse_port(const char *s, size_t n, struct url *u, const char **why)
{
	unsigned v = 0;

	if (n == 0 || n > 5)
		return fail(why, "the port is not a number from 1 to 65535");
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(s[i]))
			return fail(why,
			    "the port is not a number from 1 to 65535");
		v = v * 10 + (unsigned)(s[i] - '0');
	}
	if (v == 0 || v > 65535)
		return fail(why, "the port is not a number from 1 to 65535");
	u->port = (uint16_t)v;
	return ZK_OK;
}

static bool
host_ok(const char *s, size_t n)
{
	if (n == 0 || n > URL_HOST_MAX || s[0] == '-' || s[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && s[i] != '-' && s[i] != '.' &&
		    s[i] != '_')
			return false;
	return true;
}

static bool
ipv6_ok(const char *s, size_t n)
{
	if (n < 2 || n > 45)
		return false;
	for (size_t i = 0; i < n; i++)
		if (hex_val(s[i]) < 0 && s[i] != ':' && s[i] != '.')
			return false;
	return memchr(s, ':', n) != NULL;
}

static bool
is_loopback(const char *host)
{
	if (strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0)
		return true;
	if (strncmp(host, "127.", 4) != 0)
		return false;
	for (const char *c = host; *c != '\0'; c++)
		if (!is_digit(*c) && *c != '.')
			return false;
	return true;
}

/* HOST, HOST:PORT or [IPV6]:PORT in n bytes. */
static enum zk_err
parse_authority(const char *s, size_t n, struct url *u, const char **why)
{
	const char *end;
	size_t len;

	if (memchr(s, '@', n) != NULL)
		return fail(why, "a relay URL takes no user name or password");
	u->ipv6 = n > 0 && s[0] == '[';
	if (u->ipv6) {
		end = memchr(s, ']', n);
		len = end == NULL ? 0 : (size_t)(end - s) - 1;
		if (end == NULL || !ipv6_ok(s + 1, len))
			return fail(why, "the host is not an IPv6 address");
		memcpy(u->host, s + 1, len);
		len += 2;
	} else {
		end = memchr(s, ':', n);
		len = end == NULL ? n : (size_t)(end - s);
		if (!host_ok(s, len))
			return fail(why, "the host name is missing or bad");
		memcpy(u->host, s, len);
	}
	for (char *c = u->host; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	u->loopback = is_loopback(u->host);
	if (len == n)
		return ZK_OK;
	if (s[len] != ':')
		return fail(why, "the host is followed by something odd");
	return parse_port(s + len + 1, n - len - 1, u, why);
}

static enum zk_err
parse_relay(const char *s, struct url *u, const char **why)
{
	size_t n = strcspn(s, "/?#");
	enum zk_err r;

	u->port = u->kind == URL_HTTPS ? 443 : 80;
	r = parse_authority(s, n, u, why);
	if (r != ZK_OK)
		return r;
	s += n;
	if (*s == '/')
		s++;
	if (*s == '\0')
		return ZK_OK;
	if (*s != '#')
		return fail(why, "a relay URL takes no path or query");
	if (u->kind != URL_HTTPS)
		return fail(why, "only an https URL takes a pin");
	return parse_pins(s + 1, u, why);
}

static enum zk_err
parse_file(const char *s, struct url *u, const char **why)
{
	size_t n = 0;

	if (*s != '/')
		return fail(why,
		    "a file URL is 'file://' and an absolute path");
	while (*s != '\0') {
		char c = *s++;

		if (c == '?' || c == '#')
			return fail(why, "a file URL takes no '?' or '#'; "
			    "write %3F or %23");
		if (c == '%') {
			int hi = hex_val(s[0]);
			int lo = hi < 0 ? -1 : hex_val(s[1]);

			if (lo < 0 || hi * 16 + lo == 0)
				return fail(why, "a bad %XX in the path");
			c = (char)(hi * 16 + lo);
			s += 2;
		}
		if (c == '/' && n > 1 && u->path[n - 1] == '/')
			continue;
		u->path[n++] = c;
	}
	while (n > 1 && u->path[n - 1] == '/')
		n--;
	u->path[n] = '\0';
	return ZK_OK;
}

enum zk_err
url_parse(const char *s, struct url *out, const char **why)
{
	memset(out, 0, sizeof(*out));
	*why = "";
	if (strlen(s) > URL_MAX)
		return fail(why, "the URL is too long");
	if (strncmp(s, "https://", 8) == 0) {
		out->kind = URL_HTTPS;
		return parse_relay(s + 8, out, why);
	}
	if (strncmp(s, "http://", 7) == 0) {
		out->kind = URL_HTTP;
		return parse_relay(s + 7, out, why);
	}
	if (strncmp(s, "file://", 7) == 0) {
		out->kind = URL_FILE;
		return parse_file(s + 7, out, why);
	}
	if (strncmp(s, "s3://", 5) == 0)
		return fail(why, "s3 is not built into this version");
	if (strncmp(s, "davs://", 7) == 0)
		return fail(why, "WebDAV is not built into this version");
	return fail(why, "not https://, http:// or file://");
}

enum zk_err
url_authority(const struct url *u, struct buf *out)
{
	return buf_printf(out, u->ipv6 ? "[%s]:%u" : "%s:%u", u->host,
	    (unsigned)u->port);
}

static void
write_path(const char *path, struct buf *out)
{
	for (const char *c = path; *c != '\0'; c++) {
		if (is_alnum(*c) || strchr("/-._~!$&'()*+,;=:@", *c) != NULL)
			(void)buf_u8(out, (uint8_t)*c);
		else
			(void)buf_printf(out, "%%%02X",
			    (unsigned)(unsigned char)*c);
	}
}

enum zk_err
url_write(const struct url *u, struct buf *out)
{
	if (u->kind == URL_FILE) {
		(void)buf_str(out, "file://");
		write_path(u->path, out);
		return buf_err(out);
	}
	(void)buf_str(out, u->kind == URL_HTTPS ? "https://" : "http://");
	(void)url_authority(u, out);
	(void)buf_u8(out, '/');
	if (u->pin[0] != '\0') {
		(void)buf_u8(out, '#');
		(void)buf_str(out, u->pin);
	}
	return buf_err(out);
}

enum zk_err
url_redact(const char *s, struct buf *out)
{
	const char *rest = strstr(s, "://");
	size_t n;

	rest = rest == NULL ? s : rest + 3;
	(void)buf_put(out, s, (size_t)(rest - s));
	n = strcspn(rest, "?#");
	/* everything up to the last '@' could be a name and a password */
	for (size_t i = n; i > 0; i--) {
		if (rest[i - 1] != '@')
			continue;
		rest += i;
		n -= i;
		break;
	}
	(void)buf_put(out, rest, n);
	if (rest[n] == '#' && strncmp(rest + n, "#sha256//", 9) == 0)
		(void)buf_str(out, rest + n);
	return buf_err(out);
}
