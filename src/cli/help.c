#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include "cli/out.h"

#define COLUMN 26	/* where explanations start */

static void
option_line(struct out *o, const struct opt *opt)
{
	char left[64];

	int n = snprintf(left, sizeof(left), "  %c%c%s--%s%s%s%s",
	    opt->letter == 0 ? ' ' : '-', opt->letter == 0 ? ' ' : opt->letter,
	    opt->letter == 0 ? "  " : ", ", opt->name,
	    opt->arg == NULL ? "" : opt->optional ? " [" : " ",
	    opt->arg == NULL ? "" : opt->arg,
	    opt->arg != NULL && opt->optional ? "]" : "");
	if (n < 0 || (size_t)n >= sizeof(left))
		BUG("an option too long for its help");
	if (n > COLUMN - 2)
		out_printf(o, "%s\n%*s%s\n", left, COLUMN, "", opt->help);
	else
		out_printf(o, "%-*s%s\n", COLUMN, left, opt->help);
}

/* The options of table that a command with these globals takes. */
static void
options(struct out *o, const char *title, const struct opt *table,
    unsigned mask)
{
	bool any = false;

	for (; table != NULL && table->kind != OPT_END; table++) {
		if (table->mask != 0 && !(table->mask & mask))
			continue;
		if (!any)
			out_printf(o, "\n%s\n", title);
		any = true;
		option_line(o, table);
	}
}

static void
list(struct out *o, const char *title, bool front)
{
	out_printf(o, "\n%s\n", title);
	for (size_t i = 0; commands[i] != NULL; i++) {
		const struct cmd *c = commands[i];

		if (c->flags & CMD_HELPER ||
		    front != ((c->flags & CMD_FRONT) != 0))
			continue;
		out_printf(o, "  %-10s %s\n", c->name, c->summary);
	}
}

void
help_all(struct out *o)
{
	out_printf(o, "usage: zk [OPTION]... COMMAND [ARG]...\n"
	    "Keeps your folders in step on all your devices; what carries "
	    "them sees nothing.\n");
	list(o, "Every day:", true);
	list(o, "Now and then:", false);
	options(o, "Options of all commands, where they mean something:",
	    global_opts, ~0u);
	out_printf(o, "\nMore: zk COMMAND --help, zk(1)\n");
}

/* What c takes, or its subcommands, of which some may refuse some. */
static unsigned
globals_of(const struct cmd *c)
{
	unsigned mask = c->globals | G_ANY;

	for (size_t i = 0; c->subs != NULL && c->subs[i] != NULL; i++)
		mask |= c->subs[i]->globals;
	return mask;
}

void
help_cmd(struct out *o, const struct cmd *parent, const struct cmd *c)
{
	const char *before = parent == NULL ? "" : parent->name;
	const char *gap = parent == NULL ? "" : " ";

	if (c->subs == NULL) {
		out_printf(o, "usage: zk %s%s%s [OPTION]...%s%s\n", before,
		    gap, c->name, c->args[0] == '\0' ? "" : " ", c->args);
	}
	for (size_t i = 0; c->subs != NULL && c->subs[i] != NULL; i++) {
		const struct cmd *s = c->subs[i];

		out_printf(o, "%s zk %s %s%s%s\n", i == 0 ? "usage:" :
		    "      ", c->name, s->name, s->args[0] == '\0' ? "" : " ",
		    s->args);
	}
	out_printf(o, "%s\n", c->summary);
	for (size_t i = 0; c->subs != NULL && c->subs[i] != NULL; i++)
		out_printf(o, "%s  %-10s %s\n", i == 0 ? "\n" : "",
		    c->subs[i]->name, c->subs[i]->summary);
	options(o, "Options:", c->opts, globals_of(c));
	options(o, "Global options:", global_opts, globals_of(c));
	/* these two have no page of their own */
	if (c == &cmd_help || c == &cmd_complete)
		out_printf(o, "\nMore: zk(1)\n");
	else
		out_printf(o, "\nMore: zk-%s(1)\n",
		    parent == NULL ? c->name : parent->name);
}
