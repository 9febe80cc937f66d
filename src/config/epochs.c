/* Sets of epochs written as a text ("every:1000", "log:20", "0,100,1000", "none"), and seeds. */
#include "gk/arith.h"
#include "gk/config.h"

#include <ctype.h>
#include <string.h>

enum { MOST = 1000000000 }; /* the largest run.epochs */

typedef enum form { NONE, EVERY, LOG, LIST, WRONG } form;

/* The digits at *text as a number of at most MOST, and *text behind them. */
static bool read_number(const char **text, int64_t *number)
{
    const char *c = *text;

    for (*number = 0; isdigit((unsigned char)*c); c++) {
        *number = 10 * *number + (*c - '0');
        if (*number > MOST) return false;
    }
    bool any = c != *text;
    *text = c;
    return any;
}

/* The next number of a list that is not at its end; false if it is wrong. */
static bool read_item(const char **text, int64_t *epoch)
{
    const char *c = *text + strspn(*text, " ");

    if (!read_number(&c, epoch)) return false;
    c += strspn(c, " ");
    if (*c && (*c != ',' || !c[1 + strspn(c + 1, " ")])) return false; /* a comma has a successor */
    *text = *c ? c + 1 : c;
    return true;
}

/* The number after `word`, from 1. */
static bool counted(const char *text, const char *word, int64_t *number)
{
    size_t n = strlen(word);

    if (strncmp(text, word, n) != 0) return false;
    text += n;
    return read_number(&text, number) && !*text && *number > 0;
}

static form form_of(const char *text, int64_t *number)
{
    int64_t epoch;

    if (!strcmp(text, "none")) return NONE;
    if (counted(text, "every:", number)) return EVERY;
    if (counted(text, "log:", number)) return LOG;
    if (!*text) return WRONG;
    while (*text)
        if (!read_item(&text, &epoch)) return WRONG;
    return LIST;
}

/* Member i of the n log-spaced epochs from 1 to `last`. The power is never a half by itself: a root
 * of a whole number is whole or irrational. */
static int64_t log_epoch(int64_t i, int64_t n, int64_t last)
{
    if (i == n - 1) return last;
    return llround(gk_exp(gk_log((double)last) * ((double)i / (double)(n - 1))));
}

/* The members grow with i: the first above `epoch` by bisection. */
static int64_t next_log(int64_t n, int64_t last, int64_t epoch)
{
    int64_t low = 0, high = n;

    if (epoch < 0) return 0;
    if (last < 1) return INT64_MAX;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (log_epoch(middle, n, last) > epoch)
            high = middle;
        else
            low = middle + 1;
    }
    return low < n ? log_epoch(low, n, last) : INT64_MAX;
}

gk_status gk_epochs_check(const char *text)
{
    int64_t number;

    if (form_of(text, &number) != WRONG) return GK_OK;
    return gk_fail(GK_EUSAGE,
                   "\"%.60s\" is none of every:K, log:N (K and N from 1), a list such as "
                   "\"0,100,1000\" (epochs up to %d), and none",
                   text, MOST);
}

int64_t gk_epochs_next(const char *text, int64_t epochs, int64_t epoch)
{
    int64_t number = 1, next = INT64_MAX, item;
    form f = form_of(text, &number);

    GK_CHECK(f != WRONG); /* it has been through gk_epochs_check */
    switch (f) {
    case EVERY:
        if (epoch < 0) return 0;
        return epoch > INT64_MAX - number ? INT64_MAX : (epoch / number + 1) * number;
    case LOG: return next_log(number, epochs, epoch);
    case LIST:
        while (*text && read_item(&text, &item))
            if (item > epoch && item < next) next = item;
        return next;
    case NONE:
    case WRONG: break;
    }
    return INT64_MAX;
}

bool gk_epochs_has(const char *text, int64_t epochs, int64_t epoch)
{
    return epoch >= 0 && gk_epochs_next(text, epochs, epoch - 1) == epoch;
}

bool gk_seed_text(const char *text, const char *word, uint64_t *seed)
{
    size_t n = strlen(word);
    uint64_t value = 0;

    if (strncmp(text, word, n) != 0 || text[n] != ':' || !text[n + 1]) return false;
    for (text += n + 1; *text; text++) {
        if (!isdigit((unsigned char)*text)) return false;
        unsigned digit = (unsigned)(*text - '0');
        if (value > (UINT64_MAX - digit) / 10) return false;
        value = 10 * value + digit;
    }
    *seed = value;
    return true;
}
