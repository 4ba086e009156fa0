#include "cli/at.h"

#include <string.h>
#include <time.h>

#include "cli/value.h"
#include "util/log.h"

/* n digits at *s, which moves past them; false if they are none. */
static bool
digits(const char **s, int n, int max, int *out)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		char c = (*s)[i];

		if (c < '0' || c > '9')
			return false;
		v = v * 10 + (c - '0');
	}
	*s += n;
	*out = v;
	return v <= max;
}

static bool
lit(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* The fields of a date, and of a time if there is one. */
static bool
fields(const char *s, struct tm *tm, bool *has_time, bool *utc)
{
	memset(tm, 0, sizeof(*tm));
	*has_time = *utc = false;
	if (!digits(&s, 4, 9999, &tm->tm_year) || !lit(&s, '-') ||
	    !digits(&s, 2, 12, &tm->tm_mon) || !lit(&s, '-') ||
	    !digits(&s, 2, 31, &tm->tm_mday))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	tm->tm_isdst = -1;
	if (*s == '\0')
		return true;
	*has_time = true;
	if ((!lit(&s, 'T') && !lit(&s, ' ')) ||
	    !digits(&s, 2, 23, &tm->tm_hour) || !lit(&s, ':') ||
	    !digits(&s, 2, 59, &tm->tm_min))
		return false;
	if (lit(&s, ':') && !digits(&s, 2, 60, &tm->tm_sec))
		return false;
	*utc = lit(&s, 'Z');
	return *s == '\0';
}

/* Whether two describe the same day: no 31st of a shorter month. */
static bool
same_day(const struct tm *a, const struct tm *b)
{
	return a->tm_mday == b->tm_mday && a->tm_mon == b->tm_mon &&
	    a->tm_year == b->tm_year;
}

enum zk_err
at_time(const char *s, int64_t now_ms, int64_t *ms)
{
	struct tm tm, given;
	bool has_time = false, utc = false;
	int64_t ago = 0;
	time_t t = 0;

	/* a bare number is no duration here: it may be a change's */
	if (strspn(s, "0123456789") != strlen(s) &&
	    value_duration(s, &ago) == ZK_OK) {
		*ms = now_ms - ago;
		return ZK_OK;
	}
	if (!fields(s, &tm, &has_time, &utc))
		return ZK_EUSAGE;
	given = tm;
	if (tm.tm_mon < 0 || tm.tm_mday < 1)
		return ZK_EUSAGE;
	t = utc ? timegm(&tm) : mktime(&tm);
	if (tm.tm_hour == given.tm_hour && !same_day(&tm, &given))
		return ZK_EUSAGE;
	if (!has_time) {
		/* up to the first moment of the next day, as a day is */
		tm = given;
		tm.tm_mday++;
		t = mktime(&tm);
	}
	/* all of the second, or of the day, that is named */
	*ms = (int64_t)t * 1000 + (has_time ? 999 : -1);
	return ZK_OK;
}

enum zk_err
at_parse(char *s, int64_t now_ms, const char **path, struct sync_at *at)
{
	char *mark = strrchr(s, '@');

	*path = s;
	*at = (struct sync_at){ .kind = SYNC_AT_NONE };
	if (mark != NULL && mark[1] == '\0') {
		*mark = '\0';
	} else if (mark != NULL && at_time(mark + 1, now_ms, &at->wall_ms) ==
	    ZK_OK) {
		at->kind = SYNC_AT_TIME;
		*mark = '\0';
	} else if (mark != NULL && sync_at_is_id(mark + 1)) {
		at->kind = SYNC_AT_ID;
		at->id = mark + 1;
		*mark = '\0';
	}
	if (s[0] != '\0')
		return ZK_OK;
	log_error(ZK_EUSAGE, NULL, "there is no path before the '@'; the "
	    "whole vault is '.@...'");
	return ZK_EUSAGE;
}
