/*
 * What may have become of a value, from what the users did and knew.
 *
 * An event is in the past of another if the device of the other knew of it:
 * it was pushed before that device pulled, or was its own.
 */
#include "tests/blackbox/blackbox.h"

#include <stdio.h>
#include <string.h>

static bool
in_past(const struct event *e, const struct event *of)
{
	return of->known[e->dev] >= e->known[e->dev];
}

static bool
gives_up(const struct event *e)
{
	return e->what == REPLACED || e->what == DELETED;
}

/*
 * The value, and all that its file ever had, here or there: by rule 3 of
 * VERSIONS in zk-merge(7) whoever renames a file or gives it a mode keeps
 * also those of its versions that were removed.
 */
static void
lineage(const struct story *s, int value, bool *of)
{
	bool more = true;

	memset(of, 0, VALUES_MAX * sizeof(*of));
	of[value] = true;
	while (more) {
		more = false;
		for (size_t i = 0; i < s->after_n; i++) {
			if (of[s->after[i][0]] == of[s->after[i][1]])
				continue;
			of[s->after[i][0]] = of[s->after[i][1]] = more = true;
		}
	}
}

/* Someone deleted or replaced it who knew of all that was done with it. */
static bool
is_dead(const struct story *s, int value)
{
	static bool of[VALUES_MAX];

	lineage(s, value, of);
	for (size_t i = 0; i < s->events_n; i++) {
		const struct event *r = &s->events[i];
		bool all = r->value == value && gives_up(r);

		for (size_t k = 0; all && k < s->events_n; k++)
			all = !of[s->events[k].value] ||
			    gives_up(&s->events[k]) ||
			    in_past(&s->events[k], r);
		if (all)
			return true;
	}
	return false;
}

static const struct event *
made(const struct story *s, int value)
{
	for (size_t i = 0; i < s->events_n; i++)
		if (s->events[i].value == value && s->events[i].what == MADE)
			return &s->events[i];
	return NULL;
}

/* Its file never had two versions that did not know of each other. */
static bool
is_alone(const struct story *s, int value)
{
	static bool of[VALUES_MAX];
	const struct event *e = made(s, value);

	lineage(s, value, of);
	for (int v = 0; v < s->values; v++) {
		const struct event *o = of[v] ? made(s, v) : NULL;

		if (o != NULL && e != NULL && !in_past(o, e) && !in_past(e, o))
			return false;
	}
	return true;
}

/*
 * It has to be there: nobody gave it up, or someone renamed it whom no
 * deletion knew of, and nobody replaced it.  Of a file with several versions
 * one may be deleted for good (DROP in zk-merge(7)), whoever renames it.
 */
static bool
is_due(const struct story *s, int value)
{
	bool given_up = false;

	for (size_t i = 0; i < s->events_n; i++) {
		const struct event *e = &s->events[i];

		if (e->value == value && e->what == REPLACED)
			return false;
		given_up |= e->value == value && e->what == DELETED;
	}
	if (given_up && !is_alone(s, value))
		return false;
	for (size_t i = 0; given_up && i < s->events_n; i++) {
		const struct event *m = &s->events[i];
		bool alone = m->value == value && m->what == MOVED;

		for (size_t k = 0; alone && k < s->events_n; k++)
			alone = s->events[k].value != value ||
			    s->events[k].what != DELETED ||
			    !in_past(m, &s->events[k]);
		if (alone)
			return true;
	}
	return !given_up;
}

bool
judge(const struct story *s, const struct tree *t)
{
	static int seen[VALUES_MAX];
	bool ok = true;

	memset(seen, 0, sizeof(seen));
	for (size_t i = 0; i < t->n; i++) {
		const struct entry *e = &t->e[i];

		if (e->kind == 'd')
			continue;
		if (e->value < 0 || e->value >= s->values) {
			printf("  '%s' has content that nobody wrote\n",
			    e->path);
			ok = false;
		} else {
			seen[e->value]++;
		}
	}
	for (int v = 0; v < s->values; v++) {
		if (seen[v] == 0 && is_due(s, v)) {
			printf("  value %d is lost\n", v);
			ok = false;
		}
		if (seen[v] > 0 && is_dead(s, v)) {
			printf("  value %d has come back\n", v);
			ok = false;
		}
		if (seen[v] > 1) {
			printf("  value %d is there %d times\n", v, seen[v]);
			ok = false;
		}
	}
	return ok;
}
