#include "cli/global.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/sync.h"
#include "util/env.h"
#include "util/io.h"
#include "util/log.h"

#define CONFIG_MAX (64u * 1024)	/* bytes of the config file */
#define WHAT_MAX 256		/* bytes of the name of a source */

#define AT(member) offsetof(struct global, member)

static const char *const progress_words[] = { "auto", "always", "never",
	NULL };

const struct opt global_opts[] = {
	{ .letter = 'C', .name = "dir", .kind = OPT_STR, .off = AT(dir),
	    .arg = "DIR", .help = "act as if started in DIR",
	    .complete = OPT_C_DIR, .var = "ZK_DIR", .mask = G_DIR },
	{ .letter = 'n', .name = "dry-run", .kind = OPT_FLAG,
	    .off = AT(dry_run), .help = "print the plan and change nothing",
	    .var = "ZK_DRY_RUN", .mask = G_DRY_RUN },
	{ .letter = 'q', .name = "quiet", .kind = OPT_QUIET,
	    .off = AT(verbosity), .help = "print nothing on success",
	    .var = "ZK_QUIET", .mask = G_ANY | G_SETTING },
	{ .letter = 'v', .name = "verbose", .kind = OPT_VERBOSE,
	    .off = AT(verbosity), .help = "say more; twice: for debugging",
	    .var = "ZK_VERBOSE", .mask = G_ANY | G_SETTING },
	{ .name = "json", .kind = OPT_FLAG, .off = AT(json),
	    .help = "print one JSON object a line", .var = "ZK_JSON",
	    .mask = G_ANY },
	{ .name = "progress", .kind = OPT_WORD, .off = AT(progress),
	    .arg = "auto|always|never", .words = progress_words,
	    .help = "show progress: auto means on a terminal",
	    .var = "ZK_PROGRESS", .mask = G_PROGRESS | G_SETTING },
	{ .name = "timeout", .kind = OPT_DURATION, .off = AT(timeout_ms),
	    .arg = "DUR", .help = "longest wait for one network call",
	    .var = "ZK_TIMEOUT", .mask = G_NET | G_SETTING },
	{ .name = "bwlimit", .kind = OPT_RATES, .off = AT(bwlimit),
	    .arg = "UP:DOWN", .help = "bytes a second each way, as 1M:500K",
	    .var = "ZK_BWLIMIT", .mask = G_NET | G_SETTING },
	{ .name = "max-delete", .kind = OPT_LIMIT, .off = AT(max_delete),
	    .arg = "N|N%", .help = "stop before more removals than this",
	    .var = "ZK_MAX_DELETE", .mask = G_MAX_DELETE | G_SETTING },
	{ .name = "yes", .kind = OPT_FLAG, .off = AT(yes),
	    .help = "answer yes to questions", .var = "ZK_YES",
	    .mask = G_YES },
	{ .name = "lock-wait", .kind = OPT_DURATION, .off = AT(lock_wait_ms),
	    .arg = "DUR", .help = "wait this long for another zk to finish",
	    .var = "ZK_LOCK_WAIT", .mask = G_LOCK | G_SETTING },
	{ .letter = 'h', .name = "help", .kind = OPT_FLAG, .off = AT(help),
	    .help = "show help", .mask = G_ANY },
	{ .name = "version", .kind = OPT_FLAG, .off = AT(version),
	    .help = "show the version", .mask = G_ANY },
	{ .kind = OPT_END }
};

const struct opt global_extra[] = {
	{ .name = "proxy", .kind = OPT_STR, .off = AT(proxy), .arg = "URL",
	    .var = "ZK_PROXY", .mask = G_SETTING },
	{ .name = "name", .kind = OPT_STR, .off = AT(name), .arg = "NAME",
	    .var = "ZK_NAME", .mask = G_SETTING },
	{ .kind = OPT_END }
};

static const struct opt *const tables[] = { global_opts, global_extra, NULL };

/* A setting (or variable) by its name. */
static const struct opt *
find_setting(const char *name, size_t len)
{
	for (size_t t = 0; tables[t] != NULL; t++) {
		const struct opt *o = opt_find(tables[t], name, len);

		if (o != NULL && o->mask & G_SETTING)
			return o;
	}
	return NULL;
}

/* Cuts white space from the end of len bytes at p; returns what is left. */
static size_t
trim_right(char *p, size_t len)
{
	while (len > 0 && strchr(" \t\r", p[len - 1]) != NULL)
		len--;
	p[len] = '\0';
	return len;
}

/* Takes one line, cutting it up. */
static enum zk_err
config_line(struct global_src *s, char *line, unsigned no)
{
	line += strspn(line, " \t");
	if (trim_right(line, strlen(line)) == 0 || *line == '#')
		return ZK_OK;
	char *eq = strchr(line, '=');
	const struct opt *o = NULL;
	if (eq != NULL)
		o = find_setting(line,
		    trim_right(line, (size_t)(eq - line)));
	if (o == NULL || s->lines_n == GLOBAL_LINES) {
		log_error(ZK_EUSAGE, NULL, "unknown setting '%s' in '%s:%u'",
		    line, s->config_path, no);
		return ZK_EUSAGE;
	}
	struct global_line *l = &s->lines[s->lines_n++];
	l->opt = o;
	l->value = eq + 1 + strspn(eq + 1, " \t");
	l->no = no;
	return ZK_OK;
}

/* Cuts the file into its lines; its text ends with a NUL. */
static enum zk_err
config_parse(struct global_src *s)
{
	char *p = (char *)s->config.data;
	char *end = p + s->config.len;

	for (unsigned no = 1; p < end; no++) {
		char *nl = strchr(p, '\n');
		char *next = nl == NULL ? end : nl + 1;

		if (nl != NULL)
			*nl = '\0';
		enum zk_err r = config_line(s, p, no);
		if (r != ZK_OK)
			return r;
		p = next;
	}
	return ZK_OK;
}

enum zk_err
global_src_init(struct global_src *s, struct env *env,
    const char *config_home)
{
	enum zk_err r;
	size_t len = strlen(config_home) + sizeof("/zk/config");

	memset(s, 0, sizeof(*s));
	buf_init(&s->config, CONFIG_MAX);
	s->config_path = malloc(len);
	if (s->config_path == NULL)
		return ZK_ENOMEM;
	snprintf(s->config_path, len, "%s/zk/config", config_home);
	r = io_read_file(env, ENV_CWD, s->config_path, &s->config);
	if (r == ZK_ENOENT)
		return ZK_OK;
	if (r == ZK_OK && s->config.len > 0 &&
	    memchr(s->config.data, '\0', s->config.len) != NULL)
		r = ZK_EUSAGE;
	if (r == ZK_OK)
		r = buf_u8(&s->config, '\0');
	if (r != ZK_OK) {
		log_error(r, &(struct log_where){ .path = s->config_path },
		    "cannot use '%s': %s", s->config_path,
		    r == ZK_EUSAGE ? "not a text file" : err_text(r));
		return r;
	}
	s->config.len--;
	return config_parse(s);
}

void
global_src_release(struct global_src *s)
{
	buf_release(&s->config);
	free(s->config_path);
	s->config_path = NULL;
}

enum zk_err
global_src_vault(struct global_src *s, struct vault *v)
{
	size_t slot = 0;

	for (size_t t = 0; tables[t] != NULL; t++) {
		for (const struct opt *o = tables[t]; o->kind != OPT_END; o++) {
			if (!(o->mask & G_SETTING))
				continue;
			if (slot == GLOBAL_TEXTS)
				BUG("more settings than slots");
			enum zk_err r = vault_setting(v, o->name,
			    s->vault[slot], sizeof(s->vault[slot]));
			if (r == ZK_ENOENT)
				s->vault[slot][0] = '\0';
			else if (r != ZK_OK)
				return r;
			slot++;
		}
	}
	s->have_vault = true;
	return ZK_OK;
}

static enum zk_err
apply_config(const struct global_src *s, struct global *out)
{
	char what[WHAT_MAX];

	for (size_t i = 0; i < s->lines_n; i++) {
		const struct global_line *l = &s->lines[i];

		snprintf(what, sizeof(what), "'%s' in '%s:%u'", l->opt->name,
		    s->config_path, l->no);
		enum zk_err r = opt_apply(l->opt, l->value, what, out);
		if (r != ZK_OK)
			return r;
	}
	return ZK_OK;
}

static enum zk_err
apply_vault(const struct global_src *s, struct global *out)
{
	size_t slot = 0;

	for (size_t t = 0; s->have_vault && tables[t] != NULL; t++) {
		for (const struct opt *o = tables[t]; o->kind != OPT_END; o++) {
			char what[WHAT_MAX];

			if (!(o->mask & G_SETTING))
				continue;
			const char *value = s->vault[slot++];
			if (value[0] == '\0')
				continue;
			snprintf(what, sizeof(what), "the vault's '%s'",
			    o->name);
			enum zk_err r = opt_apply(o, value, what, out);
			if (r != ZK_OK)
				return r;
		}
	}
	return ZK_OK;
}

static enum zk_err
apply_vars(struct global *out)
{
	for (size_t t = 0; tables[t] != NULL; t++) {
		for (const struct opt *o = tables[t]; o->kind != OPT_END; o++) {
			if (o->var == NULL)
				continue;
			const char *value = env_var(o->var);
			if (value == NULL || value[0] == '\0')
				continue;
			enum zk_err r = opt_apply(o, value, o->var, out);
			if (r != ZK_OK)
				return r;
		}
	}
	return ZK_OK;
}

enum zk_err
global_settle(const struct global_src *s, const struct opt_parser *p,
    struct global *out)
{
	struct global g = { .dir = "." };
	enum zk_err r;

	r = apply_config(s, &g);
	if (r == ZK_OK)
		r = apply_vault(s, &g);
	if (r == ZK_OK)
		r = apply_vars(&g);
	if (r == ZK_OK)
		r = opt_apply_given(p, global_opts, &g);
	if (r == ZK_OK)
		*out = g;
	return r;
}
