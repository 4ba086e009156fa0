#include "crdt/feed.h"

#include <stdlib.h>

#define FEED_PAGE 32

/* The children of one of the nodes, a page at a time. */
struct stream {
	int64_t dir;
	struct cdb_node *page;
	size_t n, pos;
	bool more;		/* there may be another page */
};

struct feed {
	struct cdb db;
	struct stream *s;
	size_t n;
};

void
feed_close(struct feed *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; f->s != NULL && i < f->n; i++)
		free(f->s[i].page);
	free(f->s);
	free(f);
}

enum zk_err
feed_open(const struct cdb *db, const struct group_dirs *dirs,
    struct feed **out)
{
	struct feed *f = calloc(1, sizeof(*f));

	*out = NULL;
	if (f == NULL)
		return ZK_ENOMEM;
	f->db = *db;
	f->n = dirs->n;
	f->s = calloc(dirs->n, sizeof(*f->s));
	if (f->s == NULL) {
		feed_close(f);
		return ZK_ENOMEM;
	}
	for (size_t i = 0; i < dirs->n; i++) {
		f->s[i].dir = dirs->v[i];
		f->s[i].more = true;
		f->s[i].page = malloc(FEED_PAGE * sizeof(*f->s[i].page));
		if (f->s[i].page == NULL) {
			feed_close(f);
			return ZK_ENOMEM;
		}
	}
	*out = f;
	return ZK_OK;
}

/* The node at hand, NULL at the end. */
static enum zk_err
peek(const struct feed *f, struct stream *s, const struct cdb_node **out)
{
	const struct cdb *db = &f->db;
	struct cdb_name name;
	int64_t after = 0;
	bool begun = s->n > 0;
	enum zk_err r;

	*out = NULL;
	if (s->pos == s->n && s->more) {
		if (begun) {
			name = s->page[s->n - 1].name;
			after = s->page[s->n - 1].n;
		}
		r = db->impl->children(db->db, s->dir, begun ? &name : NULL,
		    after, s->page, FEED_PAGE, &s->n);
		if (r != ZK_OK)
			return r;
		s->pos = 0;
		s->more = s->n == FEED_PAGE;
	}
	if (s->pos < s->n)
		*out = &s->page[s->pos];
	return ZK_OK;
}

/* The least name that any stream has. */
static enum zk_err
least_name(const struct feed *f, struct cdb_name *name)
{
	bool any = false;

	for (size_t i = 0; i < f->n; i++) {
		const struct cdb_node *node;
		enum zk_err r = peek(f, &f->s[i], &node);

		if (r != ZK_OK)
			return r;
		if (node == NULL ||
		    (any && cdb_name_cmp(&node->name, name) >= 0))
			continue;
		*name = node->name;
		any = true;
	}
	return any ? ZK_OK : ZK_ENOENT;
}

enum zk_err
feed_next(struct feed *f, struct group *g)
{
	struct cdb_name name;
	enum zk_err r;

	group_reset(g);
	r = least_name(f, &name);
	if (r != ZK_OK)
		return r;
	for (size_t i = 0; i < f->n; i++) {
		for (;;) {
			const struct cdb_node *node;

			r = peek(f, &f->s[i], &node);
			if (r != ZK_OK)
				return r;
			if (node == NULL ||
			    cdb_name_cmp(&node->name, &name) != 0)
				break;
			r = group_add(g, node);
			if (r != ZK_OK)
				return r;
			f->s[i].pos++;
		}
	}
	return group_resolve(g, &f->db);
}
