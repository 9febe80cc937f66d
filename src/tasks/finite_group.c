/* Groups of permutations as tables. */
#include "gk/group.h"

#include <stdlib.h>
#include <string.h>

/* The next permutation in lexicographic order; false after the last. */
static bool next_permutation(int *x, int n)
{
    int i = n - 2, j = n - 1;

    while (i >= 0 && x[i] > x[i + 1]) i--;
    if (i < 0) return false;
    while (x[j] < x[i]) j--;
    int kept = x[i];
    x[i] = x[j];
    x[j] = kept;
    for (int a = i + 1, b = n - 1; a < b; a++, b--) {
        kept = x[a];
        x[a] = x[b];
        x[b] = kept;
    }
    return true;
}

static bool is_even(const int *x, int n)
{
    int inversions = 0;

    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++) inversions += x[i] > x[j];
    return inversions % 2 == 0;
}

static void permutations(gk_group *g, bool even)
{
    int *x = gk_alloc((size_t)g->degree, sizeof *x), at = 0;
    size_t bytes = (size_t)g->degree * sizeof *x;

    for (int i = 0; i < g->degree; i++) x[i] = i;
    do
        if (!even || is_even(x, g->degree)) memcpy(g->image + at++ * g->degree, x, bytes);
    while (next_permutation(x, g->degree));
    GK_CHECK(at == g->n);
    free(x);
}

/* Rotations i -> i + x, then reflections i -> x - i where there are more elements than points. */
static void symmetries(gk_group *g)
{
    int m = g->degree;

    for (int x = 0; x < g->n; x++)
        for (int i = 0; i < m; i++) g->image[x * m + i] = x < m ? (i + x) % m : (x - i) % m;
}

/* Elements by where they take the first two points: of most groups this tells them apart. */
typedef struct places {
    int *first, *next; /* (degree^2), (n); -1: none */
} places;

static void open_places(places *by, const gk_group *g)
{
    size_t cells = (size_t)g->degree * (size_t)g->degree;

    by->first = gk_alloc(cells, sizeof *by->first);
    by->next = gk_alloc((size_t)g->n, sizeof *by->next);
    for (size_t i = 0; i < cells; i++) by->first[i] = -1;
    for (int x = 0; x < g->n; x++) {
        const int *image = g->image + x * g->degree;
        int *first = &by->first[image[0] * g->degree + image[1]];
        by->next[x] = *first;
        *first = x;
    }
}

/* The element that first does x, then y. */
static int find(const gk_group *g, const places *by, const int *x, const int *y)
{
    int at = by->first[y[x[0]] * g->degree + y[x[1]]];

    for (; at >= 0 && by->next[at] >= 0; at = by->next[at]) {
        const int *z = g->image + at * g->degree;
        int i = 0;
        while (i < g->degree && z[i] == y[x[i]]) i++;
        if (i == g->degree) break;
    }
    GK_CHECK(at >= 0);
    return at;
}

static void multiply(gk_group *g)
{
    int d = g->degree, n = g->n;
    places by;

    open_places(&by, g);
    for (int x = 0; x < n; x++)
        for (int y = 0; y < n; y++)
            g->product[x * n + y] = find(g, &by, g->image + x * d, g->image + y * d);
    for (int x = 0; x < n; x++)
        if (g->product[x * n + x] == x) g->identity = x;
    for (int x = 0; x < n; x++)
        for (int y = 0; y < n; y++)
            if (g->product[x * n + y] == g->identity) g->inverse[x] = y;
    free(by.first);
    free(by.next);
}

static void conjugate(gk_group *g)
{
    int n = g->n;

    for (int x = 0; x < n; x++) g->class_of[x] = -1;
    for (int x = 0; x < n; x++) {
        if (g->class_of[x] >= 0) continue;
        for (int y = 0; y < n; y++) {
            int yx = g->product[y * n + x];
            g->class_of[g->product[yx * n + g->inverse[y]]] = g->classes;
        }
        g->classes++;
    }
}

gk_status gk_group_open(gk_group *g, const char *name)
{
    char kind = *name;
    int64_t degree;
    bool known = (kind == 'S' || kind == 'A' || kind == 'D' || kind == 'Z') &&
                 gk_parse_int(name + 1, &degree) && name[1] >= '1' && name[1] <= '9';

    *g = (gk_group){0};
    if (!known || degree < 2 || (kind != 'S' && kind != 'Z' && degree < 3))
        return gk_fail(GK_EUSAGE,
                       "\"%.60s\" is no group: S5, A5, D7 and Z113 are, and others with a number "
                       "from 3 on (S and Z: from 2)",
                       name);
    int64_t n = kind == 'D' ? 2 * degree : kind == 'Z' ? degree : kind == 'A' ? 1 : 2;
    if (kind == 'S' || kind == 'A')
        for (int64_t i = 3; i <= degree && n <= GK_GROUP_MAX; i++) n *= i;
    if (degree > GK_GROUP_MAX || n > GK_GROUP_MAX)
        return gk_fail(GK_EUSAGE, "\"%.60s\" has more than %d elements", name, GK_GROUP_MAX);
    g->n = (int)n;
    g->degree = (int)degree;
    size_t size = (size_t)g->n;
    g->image = gk_alloc(size * (size_t)g->degree, sizeof *g->image);
    g->product = gk_alloc(size * size, sizeof *g->product);
    g->inverse = gk_alloc(size, sizeof *g->inverse);
    g->class_of = gk_alloc(size, sizeof *g->class_of);
    if (kind == 'S' || kind == 'A')
        permutations(g, kind == 'A');
    else
        symmetries(g);
    multiply(g);
    conjugate(g);
    return GK_OK;
}

void gk_group_close(gk_group *g)
{
    free(g->image);
    free(g->product);
    free(g->inverse);
    free(g->class_of);
    *g = (gk_group){0};
}

int gk_group_generate(uint8_t *member, const gk_group *g, const int *generator, int generators)
{
    int *queue = gk_alloc((size_t)g->n, sizeof *queue), found = 1;

    memset(member, 0, (size_t)g->n);
    member[g->identity] = 1;
    queue[0] = g->identity;
    for (int at = 0; at < found; at++)
        for (int i = 0; i < generators; i++) {
            int x = g->product[queue[at] * g->n + generator[i]];
            if (member[x]) continue;
            member[x] = 1;
            queue[found++] = x;
        }
    free(queue);
    return found;
}

int gk_group_cosets(int *coset_of, const gk_group *g, const uint8_t *member, bool left)
{
    int n = g->n, cosets = 0;

    for (int x = 0; x < n; x++) coset_of[x] = -1;
    for (int x = 0; x < n; x++) {
        if (coset_of[x] >= 0) continue;
        for (int h = 0; h < n; h++)
            if (member[h]) coset_of[left ? g->product[x * n + h] : g->product[h * n + x]] = cosets;
        cosets++;
    }
    return cosets;
}
