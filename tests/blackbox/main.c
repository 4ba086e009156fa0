/*
 * blackbox ZK DIR SEED STEPS
 *
 * Three devices of one vault, in the folders a, b and c of DIR with their
 * states in state-a, state-b and state-c, are edited at random as users do
 * and pushed, pulled and synced with the program ZK, under a seed.  Each
 * write is of a value that was never written before and says what it
 * overwrote, after "Mysteries of Dropbox" (Hughes, Pierce, Arts, Norell,
 * 2016); what each device could know when it did something is followed from
 * push to pull.  At the end all sync until nothing changes.
 *
 * Then the folders are the same byte for byte; each value is in them once,
 * unless someone deleted or overwrote it who had it on disk; and none is
 * there that was given up by someone who knew of all that was done with it.
 * Else, or when a command ends as it should not, the story is printed and the
 * status is 1.
 */
#include "tests/blackbox/blackbox.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const places[] = { "", "a", "b", "a/c", "b/d" };
/* some are those of directories */
static const char *const names[] = { "x", "y.txt", "z", "a", "b", "c", "d" };
static const char *zk;

static uint64_t
below(struct story *s, uint64_t n)
{
	uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % n;
}

void
story_tell(struct story *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (s->trace_cap - s->trace_n < 2048) {
		s->trace_cap = s->trace_cap * 2 + 4096;
		s->trace = realloc(s->trace, s->trace_cap);
		if (s->trace == NULL)
			abort();
	}
	va_start(ap, fmt);
	n = vsnprintf(s->trace + s->trace_n, 2000, fmt, ap);
	va_end(ap);
	s->trace_n += n < 2000 ? (size_t)n : 1999;
	s->trace[s->trace_n++] = '\n';
	s->trace[s->trace_n] = '\0';
}

static void
event(struct story *s, enum what what, int value, int dev)
{
	struct event *e = &s->events[s->events_n];

	if (value < 0 || s->events_n == EVENTS_MAX)
		return;
	*e = (struct event){ .what = what, .value = value, .dev = dev };
	memcpy(e->known, s->clock[dev], sizeof(e->known));
	s->events_n++;
}

/* old was in the file that now holds value. */
static void
follows(struct story *s, int value, int old)
{
	if (value < 0 || old < 0 || s->after_n == VALUES_MAX)
		return;
	s->after[s->after_n][0] = value;
	s->after[s->after_n++][1] = old;
}

/* Edits ------------------------------------------------------------------- */

static void
path_of(const struct story *s, int dev, const char *rel, char out[1200])
{
	(void)snprintf(out, 1200, "%s/%c%s%s", s->dir, 'a' + dev,
	    rel[0] ? "/" : "", rel);
}

static void
pick(struct story *s, char out[64])
{
	const char *p = places[below(s, 5)];

	(void)snprintf(out, 64, "%s%s%s", p, p[0] ? "/" : "",
	    names[below(s, 7)]);
}

static char
kind_at(const char *full)
{
	struct stat st;

	if (lstat(full, &st) != 0)
		return ' ';
	return S_ISDIR(st.st_mode) ? 'd' : S_ISLNK(st.st_mode) ? 'l' : 'f';
}

/* Something there, of these kinds; most of what is picked is not. */
static bool
pick_there(struct story *s, int dev, const char *kinds, char out[64],
    char full[1200])
{
	for (int i = 0; i < 20; i++) {
		if (below(s, 3) == 0)
			(void)snprintf(out, 64, "%s", places[1 + below(s, 4)]);
		else
			pick(s, out);
		path_of(s, dev, out, full);
		if (strchr(kinds, kind_at(full)) != NULL)
			return true;
	}
	return false;
}

/* What happens to all values at or below a path of dev. */
static void
event_below(struct story *s, enum what what, int dev, const char *full)
{
	struct tree t = { 0 };

	if (kind_at(full) != 'd') {
		event(s, what, value_at(full), dev);
		return;
	}
	if (!tree_read(&t, full))
		abort();
	for (size_t i = 0; i < t.n; i++)
		event(s, what, t.e[i].value, dev);
	tree_release(&t);
}

static bool
put(const char *full, int value, bool link, bool aside)
{
	static char bytes[VALUE_MAX];
	char tmp[1300];
	size_t n = value_content(value, bytes);
	FILE *f;

	(void)snprintf(tmp, sizeof(tmp), "%s%s", full, aside ? "~" : "");
	if (link) {
		bytes[14] = '\0';
		return symlink(bytes, full) == 0;
	}
	f = fopen(tmp, "wb");
	if (f == NULL)
		return false;
	if (fwrite(bytes, 1, n, f) != n || fclose(f) != 0)
		abort();
	return !aside || rename(tmp, full) == 0;
}

/* A new value at path, over what is there: in place, or as editors do. */
static void
do_write(struct story *s, int dev, const char *path, const char *full)
{
	int old = value_at(full), value = s->values;
	char kind = kind_at(full);
	bool link = below(s, 8) == 0 && kind != 'f', aside = below(s, 2) == 0;

	if (kind == 'd' || value == VALUES_MAX)
		return;
	if (kind == 'l' && (!link || unlink(full) != 0))
		return;
	if (!put(full, value, link, aside && !link))
		return;
	s->values++;
	event(s, REPLACED, old, dev);
	event(s, MADE, value, dev);
	follows(s, value, old);
	story_tell(s, "%c: writes %s%s = %d, over %d", 'a' + dev, path,
	    link ? " (link)" : aside ? " (renamed into place)" : "", value,
	    old);
}

static void
remove_all(const char *full)
{
	struct tree t = { 0 };
	char sub[2000];

	if (kind_at(full) == 'd') {
		if (!tree_read(&t, full))
			abort();
		for (size_t i = t.n; i-- > 0;) {
			(void)snprintf(sub, sizeof(sub), "%s/%s", full,
			    t.e[i].path);
			if (remove(sub) != 0)
				abort();
		}
		tree_release(&t);
	}
	if (remove(full) != 0)
		abort();
}

static void
do_delete(struct story *s, int dev, const char *kinds)
{
	char path[64], full[1200];

	if (!pick_there(s, dev, kinds, path, full))
		return;
	story_tell(s, "%c: deletes %s, value %d", 'a' + dev, path,
	    value_at(full));
	event_below(s, DELETED, dev, full);
	remove_all(full);
}

static void
do_move(struct story *s, int dev, const char *kinds)
{
	char from[64], to[64], full[1200], target[1200];
	char kind, there;
	int old;

	if (!pick_there(s, dev, kinds, from, full))
		return;
	pick(s, to);
	path_of(s, dev, to, target);
	kind = kind_at(full);
	there = kind_at(target);
	old = value_at(target);
	if (strcmp(from, to) == 0 || (there != ' ' && (there == 'd') !=
	    (kind == 'd')) || rename(full, target) != 0)
		return;
	event(s, REPLACED, old, dev);
	follows(s, value_at(target), old);
	event_below(s, kind == 'd' ? TOUCHED : MOVED, dev, target);
	story_tell(s, "%c: renames %s to %s, over %d", 'a' + dev, from, to,
	    old);
}

/* A directory in the place of a file, or the other way. */
static void
do_trade(struct story *s, int dev)
{
	char path[64], full[1200], sub[1300], in[80];

	if (!pick_there(s, dev, "fd", path, full))
		return;
	story_tell(s, "%c: deletes %s, value %d, and", 'a' + dev, path,
	    value_at(full));
	event_below(s, DELETED, dev, full);
	if (kind_at(full) == 'd') {
		remove_all(full);
		do_write(s, dev, path, full);
		return;
	}
	remove_all(full);
	if (mkdir(full, 0755) != 0)
		abort();
	(void)snprintf(in, sizeof(in), "%s/x", path);
	(void)snprintf(sub, sizeof(sub), "%s/x", full);
	do_write(s, dev, in, sub);
}

static void
do_chmod(struct story *s, int dev)
{
	static const unsigned modes[] = { 0644, 0600, 0755, 0640, 0700 };
	unsigned mode = modes[below(s, 5)];
	char path[64], full[1200];

	if (!pick_there(s, dev, "fd", path, full))
		return;
	if (kind_at(full) == 'd')
		mode |= 0700;
	if (chmod(full, mode) != 0)
		abort();
	event(s, TOUCHED, value_at(full), dev);
	story_tell(s, "%c: mode of %s is %o", 'a' + dev, path, mode);
}

static void
do_mkdir(struct story *s, int dev)
{
	const char *path = places[1 + below(s, 4)];
	char full[1200];

	path_of(s, dev, path, full);
	if (mkdir(full, 0755) == 0)
		story_tell(s, "%c: makes %s/", 'a' + dev, path);
}

static void
edit(struct story *s, int dev)
{
	char path[64], full[1200];

	s->clock[dev][dev]++;
	switch (below(s, 16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		pick(s, path);
		path_of(s, dev, path, full);
		do_write(s, dev, path, full);
		break;
	case 4:
	case 5:
		if (pick_there(s, dev, "fl", path, full))
			do_write(s, dev, path, full);
		break;
	case 6:
	case 7:
		do_delete(s, dev, "fl");
		break;
	case 8:
		do_delete(s, dev, "d");
		break;
	case 9:
	case 10:
		do_move(s, dev, "fl");
		break;
	case 11:
	case 12:
		do_move(s, dev, "d");
		break;
	case 13:
		do_trade(s, dev);
		break;
	case 14:
		do_chmod(s, dev);
		break;
	default:
		do_mkdir(s, dev);
		break;
	}
}

/* Rounds ------------------------------------------------------------------ */

static void
join(unsigned to[DEVICES], const unsigned from[DEVICES])
{
	for (int i = 0; i < DEVICES; i++)
		if (from[i] > to[i])
			to[i] = from[i];
}

static bool
finish(struct story *s, int dev, const char *verb, int status)
{
	char log[1200], line[1000];
	FILE *f;

	story_tell(s, "%c: %s: %d", 'a' + dev, verb, status);
	if (status == 0 || status == 4)
		return true;
	(void)snprintf(log, sizeof(log), "%s/log", s->dir);
	f = fopen(log, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		story_tell(s, "    %.*s", (int)strcspn(line, "\n"), line);
	if (f != NULL)
		(void)fclose(f);
	return false;
}

/* zk VERB of a device; false if it ended as it should not. */
static bool
run(struct story *s, int dev, const char *verb, const char *option)
{
	char dir[1200], state[1300], log[1200];
	char *argv[] = { (char *)(uintptr_t)zk, "-C", dir,
		(char *)(uintptr_t)verb, (char *)(uintptr_t)option, NULL };
	posix_spawn_file_actions_t io;
	extern char **environ;
	pid_t pid;
	int st;

	path_of(s, dev, "", dir);
	(void)snprintf(state, sizeof(state), "%s/state-%c", s->dir, 'a' + dev);
	(void)snprintf(log, sizeof(log), "%s/log", s->dir);
	if (setenv("XDG_STATE_HOME", state, 1) != 0 ||
	    posix_spawn_file_actions_init(&io) != 0 ||
	    posix_spawn_file_actions_addopen(&io, 1, log,
	    O_WRONLY | O_CREAT | O_TRUNC, 0600) != 0 ||
	    posix_spawn_file_actions_adddup2(&io, 1, 2) != 0 ||
	    posix_spawn(&pid, zk, &io, NULL, argv, environ) != 0)
		abort();
	(void)posix_spawn_file_actions_destroy(&io);
	while (waitpid(pid, &st, 0) != pid)
		if (errno != EINTR)
			abort();
	st = WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
	/* a pull takes in before a push puts out */
	if (strcmp(verb, "pull") == 0 || strcmp(verb, "sync") == 0)
		join(s->clock[dev], s->remote);
	if (strcmp(verb, "push") == 0 || strcmp(verb, "sync") == 0)
		join(s->remote, s->clock[dev]);
	return finish(s, dev, verb, st);
}

static bool
play(struct story *s, unsigned long steps)
{
	static const char *const verbs[] = { "push", "pull", "sync" };
	bool ok = true;

	for (; ok && steps > 0; steps--) {
		int dev = (int)below(s, DEVICES);

		for (uint64_t n = below(s, 5); n > 0; n--)
			edit(s, dev);
		if (below(s, 5) > 0)
			ok = run(s, dev, verbs[below(s, 3)], NULL);
	}
	return ok;
}

/* All sync until nothing changes any more. */
static bool
settle(struct story *s, struct tree t[DEVICES])
{
	struct tree was = { 0 };
	char dir[1200], line[1600];
	bool ok = true, moved = true;

	for (int round = 0; ok && moved && round < 8; round++) {
		moved = round == 0;
		for (int dev = 0; ok && dev < DEVICES; dev++) {
			path_of(s, dev, "", dir);
			ok = tree_read(&was, dir) &&
			    run(s, dev, "sync", NULL) && tree_read(&t[dev], dir);
			moved |= ok && tree_differ(&was, &t[dev], line,
			    sizeof(line));
		}
	}
	tree_release(&was);
	if (ok && moved)
		printf("  no end of changes\n");
	return ok && !moved;
}

static bool
equal(const struct tree t[DEVICES])
{
	char line[1600];

	for (int dev = 1; dev < DEVICES; dev++)
		if (tree_differ(&t[0], &t[dev], line, sizeof(line))) {
			printf("  a and %c differ: %s\n", 'a' + dev, line);
			return false;
		}
	return true;
}

static bool
whole(struct story *s)
{
	bool ok = true;

	for (int dev = 0; ok && dev < DEVICES; dev++)
		ok = run(s, dev, "verify", NULL) &&
		    run(s, dev, "status", "--check");
	return ok;
}

int
main(int argc, char **argv)
{
	static struct story s;
	struct tree t[DEVICES] = { { 0 } };
	char name[2] = "a";
	unsigned long steps;
	bool ok;

	if (argc != 5)
		return 2;
	zk = argv[1];
	s.dir = argv[2];
	s.random = strtoull(argv[3], NULL, 10) * 1000003;
	steps = strtoul(argv[4], NULL, 10);
	s.events = calloc(EVENTS_MAX, sizeof(*s.events));
	if (s.events == NULL)
		return 1;
	ok = play(&s, steps) && settle(&s, t) && equal(t) &&
	    judge(&s, &t[0]) && whole(&s);
	if (!ok) {
		printf("  the story of seed %s, %lu steps:\n%s", argv[3],
		    steps, s.trace);
		for (int dev = 0; dev < DEVICES; dev++, name[0]++)
			tree_print(&t[dev], name);
	}
	for (int dev = 0; dev < DEVICES; dev++)
		tree_release(&t[dev]);
	free(s.events);
	free(s.trace);
	return !ok;
}
