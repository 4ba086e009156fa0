#include "cli/opt.h"

#include <stdlib.h>
#include <string.h>

#include "cli/value.h"
#include "util/log.h"

enum zk_err
opt_init(struct opt_parser *p, int argc, char **argv, const struct opt *table)
{
	memset(p, 0, sizeof(*p));
	p->argv = argv;
	p->argc = argc;
	p->at = 1;
	p->tables[0] = table;
	/* a bundle of flags may hold more options than there are arguments */
	size_t room = 1;
	for (int i = 1; i < argc; i++)
		room += strlen(argv[i]) + 1;
	p->given = calloc(room, sizeof(*p->given));
	return p->given == NULL ? ZK_ENOMEM : ZK_OK;
}

void
opt_release(struct opt_parser *p)
{
	free(p->given);
	p->given = NULL;
}

size_t
opt_count(const struct opt *table)
{
	size_t n = 0;

	while (table != NULL && table[n].kind != OPT_END)
		n++;
	return n;
}

const struct opt *
opt_find(const struct opt *table, const char *name, size_t len)
{
	for (; table != NULL && table->kind != OPT_END; table++)
		if (strlen(table->name) == len &&
		    memcmp(table->name, name, len) == 0)
			return table;
	return NULL;
}

static const struct opt *
find_letter(const struct opt *table, char letter)
{
	for (; table != NULL && table->kind != OPT_END; table++)
		if (table->letter == letter)
			return table;
	return NULL;
}

/* value_nearest over both tables */
static const char *
name_at(const void *arg, size_t i)
{
	const struct opt_parser *p = arg;
	size_t n0 = opt_count(p->tables[0]);

	return i < n0 ? p->tables[0][i].name : p->tables[1][i - n0].name;
}

static enum zk_err
unknown_long(const struct opt_parser *p, const char *name, size_t len)
{
	char cut[40];
	const char *near = NULL;

	if (len < sizeof(cut)) {
		memcpy(cut, name, len);
		cut[len] = '\0';
		near = value_nearest(cut, opt_count(p->tables[0]) +
		    opt_count(p->tables[1]), name_at, p);
	}
	if (near != NULL)
		log_error(ZK_EUSAGE, NULL,
		    "unknown option '--%.*s', did you mean '--%s'?",
		    (int)len, name, near);
	else
		log_error(ZK_EUSAGE, NULL,
		    "unknown option '--%.*s', see 'zk %s%s--help'", (int)len,
		    name, p->cmd == NULL ? "" : p->cmd,
		    p->cmd == NULL ? "" : " ");
	return ZK_EUSAGE;
}

static void
give(struct opt_parser *p, const struct opt *o, const char *value)
{
	p->given[p->given_n].opt = o;
	p->given[p->given_n].value = value;
	p->given_n++;
}

/* The value of o when none is joined to it: the next argument. */
static enum zk_err
separate_value(struct opt_parser *p, const struct opt *o)
{
	bool any = p->at < p->argc;

	if (o->optional && (!any || p->argv[p->at][0] == '-')) {
		give(p, o, o->def);
		return ZK_OK;
	}
	if (!any) {
		log_error(ZK_EUSAGE, NULL, "option '--%s' needs a value (%s)",
		    o->name, o->arg);
		return ZK_EUSAGE;
	}
	give(p, o, p->argv[p->at++]);
	return ZK_OK;
}

/* s is what follows "--". */
static enum zk_err
long_option(struct opt_parser *p, const char *s)
{
	const char *eq = strchr(s, '=');
	size_t len = eq == NULL ? strlen(s) : (size_t)(eq - s);
	const struct opt *o = opt_find(p->tables[0], s, len);

	if (o == NULL)
		o = opt_find(p->tables[1], s, len);
	if (o == NULL)
		return unknown_long(p, s, len);
	if (eq == NULL && o->arg != NULL)
		return separate_value(p, o);
	if (eq != NULL && o->arg == NULL) {
		log_error(ZK_EUSAGE, NULL, "option '--%s' takes no value",
		    o->name);
		return ZK_EUSAGE;
	}
	give(p, o, eq == NULL ? NULL : eq + 1);
	return ZK_OK;
}

/* The first letter of p->bundle. */
static enum zk_err
short_option(struct opt_parser *p)
{
	char letter = *p->bundle++;
	const struct opt *o = find_letter(p->tables[0], letter);
	const char *rest = p->bundle;

	if (o == NULL)
		o = find_letter(p->tables[1], letter);
	if (o == NULL) {
		log_error(ZK_EUSAGE, NULL, "unknown option '-%c', see 'zk "
		    "%s%s--help'", letter, p->cmd == NULL ? "" : p->cmd,
		    p->cmd == NULL ? "" : " ");
		return ZK_EUSAGE;
	}
	if (o->arg == NULL) {
		give(p, o, NULL);
		return ZK_OK;
	}
	p->bundle = NULL;
	if (*rest == '\0')
		return separate_value(p, o);
	give(p, o, rest);
	return ZK_OK;
}

enum zk_err
opt_next(struct opt_parser *p, const char **operand)
{
	*operand = NULL;
	for (;;) {
		enum zk_err r;

		if (p->bundle != NULL && *p->bundle != '\0') {
			r = short_option(p);
			if (r != ZK_OK)
				return r;
			continue;
		}
		p->bundle = NULL;
		if (p->at >= p->argc)
			return ZK_ENOENT;
		const char *s = p->argv[p->at++];
		if (p->operands_only || s[0] != '-' || s[1] == '\0') {
			*operand = s;
			return ZK_OK;
		}
		if (s[1] != '-') {
			p->bundle = s + 1;
			continue;
		}
		if (s[2] == '\0') {
			p->operands_only = true;
			continue;
		}
		r = long_option(p, s + 2);
		if (r != ZK_OK)
			return r;
	}
}

/* Values that are not stored with a parser of their own. */
static enum zk_err
apply_text(const struct opt *o, const char *value, void *at)
{
	struct opt_list *list = at;

	if (value[0] == '\0')
		return ZK_EUSAGE;
	if (o->kind == OPT_STR) {
		*(const char **)at = value;
		return ZK_OK;
	}
	if (list->n == OPT_LIST_MAX)
		return ZK_EUSAGE;
	list->v[list->n++] = value;
	return ZK_OK;
}

/* Flags: from a variable they come with a value, 0 or 1. */
static enum zk_err
apply_flag(const struct opt *o, const char *value, void *at)
{
	bool on = true;
	int *level = at;
	uint64_t n;

	if (o->kind == OPT_VERBOSE && value != NULL &&
	    value_number(value, 9, &n) == ZK_OK) {
		*level = n == 0 && *level < 0 ? *level : (int)n;
		return ZK_OK;
	}
	if (value != NULL && value_bool(value, &on) != ZK_OK)
		return ZK_EUSAGE;
	if (o->kind == OPT_FLAG)
		*(bool *)at = on;
	else if (on && o->kind == OPT_QUIET)
		*level = -1;
	else if (on)
		*level = *level < 0 ? 1 : *level + 1;
	return ZK_OK;
}

/* One flat switch over the kinds. */
static enum zk_err
apply_kind(const struct opt *o, const char *value, void *at)
{
	switch (o->kind) {
	case OPT_FLAG:
	case OPT_QUIET:
	case OPT_VERBOSE:
		return apply_flag(o, value, at);
	case OPT_STR:
	case OPT_LIST:
		return apply_text(o, value, at);
	case OPT_WORD:
		return value_word(value, o->words, at);
	case OPT_NUMBER:
		return value_number(value, UINT64_MAX, at);
	case OPT_DURATION:
		return value_duration(value, at);
	case OPT_SIZE:
		return value_size(value, at);
	case OPT_RATES:
		return value_rates(value, at);
	case OPT_LIMIT:
		return value_limit(value, at);
	case OPT_END:
		break;
	}
	BUG("an option without a kind");
}

/* What a value looks like, behind the name that help gives it. */
static const char *
example(enum opt_kind kind)
{
	switch (kind) {
	case OPT_DURATION:
		return ", as 30s or 1h30m";
	case OPT_SIZE:
		return ", as 500M or 20G";
	case OPT_RATES:
		return ", as 1M:500K";
	case OPT_LIMIT:
		return ", as 200 or 60%";
	default:
		return "";
	}
}

enum zk_err
opt_apply(const struct opt *o, const char *value, const char *what,
    void *target)
{
	enum zk_err r;

	r = apply_kind(o, value, (char *)target + o->off);
	if (r == ZK_OK)
		return ZK_OK;
	log_error(ZK_EUSAGE, NULL, "bad value '%s' for %s (%s%s)",
	    value == NULL ? "" : value, what,
	    o->arg == NULL ? "0 or 1" : o->arg, example(o->kind));
	return ZK_EUSAGE;
}

enum zk_err
opt_apply_given(const struct opt_parser *p, const struct opt *table,
    void *target)
{
	size_t n = opt_count(table);

	for (size_t i = 0; i < p->given_n; i++) {
		const struct opt_given *g = &p->given[i];
		char what[48] = "--";

		if (table == NULL || g->opt < table || g->opt >= table + n)
			continue;
		size_t len = strlen(g->opt->name);
		if (len > sizeof(what) - 3)
			BUG("an option with a very long name");
		memcpy(what + 2, g->opt->name, len + 1);
		enum zk_err r = opt_apply(g->opt, g->value, what, target);
		if (r != ZK_OK)
			return r;
	}
	return ZK_OK;
}
