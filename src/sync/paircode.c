#include <string.h>

#include "crypto/b64.h"
#include "crypto/crypto.h"
#include "crypto/words.h"
#include "sync/pair.h"
#include "util/buf.h"
#include "util/log.h"

#define CODE_PLATE_MAX 999999999u
#define CODE_SECRET_TEXT 44	/* base64url of 32 bytes, with NUL */

/* Link schemes and those of the remotes they stand for. */
static const struct code_scheme {
	const char *link;
	const char *url;
} code_schemes[] = {
	{ "zk://", "https://" },
	{ "zk+http://", "http://" },
	{ "zk+file://", "file://" },
};
#define CODE_SCHEMES (sizeof(code_schemes) / sizeof(code_schemes[0]))

void
pair_code_wipe(struct pair_code *c)
{
	crypto_wipe(c, sizeof(*c));
}

/* Decimal digits at s, n of them; false if they are no plate. */
static bool
code_plate(const char *s, size_t n, uint64_t *out)
{
	uint64_t v = 0;

	if (n < 1 || n > 9 || s[0] == '0')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*out = v;
	return v <= CODE_PLATE_MAX;
}

static enum zk_err
code_usage(const char *why)
{
	log_error(ZK_EUSAGE, NULL, "%s", why);
	return ZK_EUSAGE;
}

/* The next part up to '-' or white space; returns what follows. */
static const char *
code_part(const char *s, const char **part, size_t *n)
{
	static const char sep[] = "- \t\r\n";

	s += strspn(s, " \t\r\n");
	*part = s;
	*n = strcspn(s, sep);
	s += *n;
	s += strspn(s, " \t\r\n");
	if (*s == '-')
		s++;
	return s;
}

static enum zk_err
code_words(const char *s, struct pair_code *out)
{
	const char *part;
	size_t n;

	s = code_part(s, &part, &n);
	if (!code_plate(part, n, &out->plate))
		return code_usage("a pairing code begins with a number, "
		    "as in 7-apple-river-moon");
	for (int i = 0; i < PAIR_WORDS; i++) {
		int word;

		s = code_part(s, &part, &n);
		if (n == 0)
			return code_usage("the pairing code lacks words: it "
			    "has a number and three words");
		word = words_find(part, n);
		if (word < 0) {
			log_error(ZK_EUSAGE, NULL, "word %d of the pairing "
			    "code is not one of the list", i + 1);
			return ZK_EUSAGE;
		}
		out->word[i] = (uint16_t)word;
	}
	code_part(s, &part, &n);
	if (n > 0)
		return code_usage("the pairing code has too many words");
	return ZK_OK;
}

/* s is a link of scheme. */
static enum zk_err
code_link(const struct code_scheme *scheme, const char *s,
    struct pair_code *out)
{
	static const char bad[] = "malformed pairing link";
	const char *rest = s + strlen(scheme->link);
	size_t host = strcspn(rest, "#");
	const char *frag = rest + host, *dot;
	size_t secret;
	struct buf url;
	enum zk_err r;

	if (host == 0 || *frag != '#')
		return code_usage(bad);
	frag++;
	dot = strchr(frag, '.');
	if (dot == NULL ||
	    !code_plate(frag, (size_t)(dot - frag), &out->plate))
		return code_usage(bad);
	dot++;
	secret = strcspn(dot, " \t\r\n");
	if (dot[secret + strspn(dot + secret, " \t\r\n")] != '\0' ||
	    b64_decode(B64_URL, dot, secret, out->secret,
	    PAIR_SECRET_LEN) != ZK_OK)
		return code_usage(bad);
	buf_init(&url, PAIR_LINK_MAX - 1);
	buf_str(&url, scheme->url);
	buf_put(&url, rest, host);
	r = buf_err(&url);
	if (r == ZK_OK)
		memcpy(out->url, url.data, url.len);
	buf_release(&url);
	if (r == ZK_ELIMIT)
		return code_usage(bad);
	out->link = true;
	return r;
}

enum zk_err
pair_code_parse(const char *text, struct pair_code *out)
{
	enum zk_err r = ZK_EBUG;
	bool link = false;

	memset(out, 0, sizeof(*out));
	text += strspn(text, " \t\r\n");
	for (size_t i = 0; i < CODE_SCHEMES && !link; i++) {
		size_t n = strlen(code_schemes[i].link);

		link = strncmp(text, code_schemes[i].link, n) == 0;
		if (link)
			r = code_link(&code_schemes[i], text, out);
	}
	if (!link)
		r = code_words(text, out);
	if (r != ZK_OK)
		pair_code_wipe(out);
	return r;
}

enum zk_err
pair_link(const char *url, uint64_t plate,
    const uint8_t secret[static PAIR_SECRET_LEN],
    char out[static PAIR_LINK_MAX])
{
	char text[CODE_SECRET_TEXT];
	const struct code_scheme *scheme = NULL;
	const char *host;
	struct buf b;
	enum zk_err r;

	memset(out, 0, PAIR_LINK_MAX);
	for (size_t i = 0; i < CODE_SCHEMES; i++)
		if (strncmp(url, code_schemes[i].url,
		    strlen(code_schemes[i].url)) == 0)
			scheme = &code_schemes[i];
	if (scheme == NULL)
		return ZK_EUSAGE;
	host = url + strlen(scheme->url);
	b64_encode(B64_URL, secret, PAIR_SECRET_LEN, text, sizeof(text));
	buf_init_secret(&b, PAIR_LINK_MAX - 1);
	buf_str(&b, scheme->link);
	buf_put(&b, host, strcspn(host, "#"));
	buf_printf(&b, "#%llu.%s", (unsigned long long)plate, text);
	r = buf_err(&b);
	if (r == ZK_OK)
		memcpy(out, b.data, b.len);
	buf_release(&b);
	crypto_wipe(text, sizeof(text));
	return r;
}
