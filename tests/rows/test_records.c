/* Records and restricted logits against their definition, input by input: where elements do not
 * occur equally often, and where some do not occur at all. */
#include "lib/support.h"

#include "gk/records.h"

enum { N_MAX = 9, INPUTS = 40 };

typedef struct inputs {
    gk_elements elements;
    int value[INPUTS]; /* element of each input, and its label */
    double logits[INPUTS][N_MAX];
    double basis[N_MAX * N_MAX], count[N_MAX], pairs[N_MAX * N_MAX]; /* as gk_elements */
    double sum[N_MAX * N_MAX], total[N_MAX];                         /* of logits by element */
} inputs;

static double drawn(int i)
{
    uint32_t words[4];

    gk_random_words(words, 3, GK_RNG_TASK, (uint64_t)i);
    return words[0] / 4294967296.0 - 0.5;
}

/* Inputs of the elements below `some`. */
static void fill(inputs *x, int n, int some)
{
    *x = (inputs){.elements = {.n = n, .K = n / 2, .inputs = INPUTS}};
    x->elements.basis = x->basis;
    x->elements.count = x->count;
    gk_characters(x->basis, n);
    for (int i = 0; i < INPUTS; i++) {
        int e = x->value[i] = i * (i + 1) / 2 % some;
        x->count[e]++;
        x->pairs[e * n + e]++;
        for (int c = 0; c < n; c++) {
            x->logits[i][c] = 6 * drawn(i * N_MAX + c) + 3 * (c == e);
            x->sum[e * n + c] += x->logits[i][c];
            x->total[c] += x->logits[i][c];
        }
    }
}

static double inner(const double *a, const double *b)
{
    double sum = 0;

    for (int i = 0; i < INPUTS; i++) sum += a[i] * b[i];
    return sum;
}

/* unit (m,INPUTS): the key characters over the inputs, orthonormalised; returns m. */
static int orthonormal(double unit[][INPUTS], const inputs *x, const int *key, int keys)
{
    int m = 0, n = x->elements.n;

    for (int j = 0; j < 2 * keys; j++) {
        double *v = unit[m];
        for (int i = 0; i < INPUTS; i++) {
            double angle = 2 * M_PI * key[j / 2] * x->value[i] / n;
            v[i] = j % 2 ? sin(angle) : cos(angle);
        }
        for (int twice = 0; twice < 2; twice++)
            for (int t = 0; t < m; t++) {
                double part = inner(v, unit[t]);
                for (int i = 0; i < INPUTS; i++) v[i] -= part * unit[t][i];
            }
        double norm = sqrt(inner(v, v));
        if (norm < 1e-6) continue; /* depends on others */
        for (int i = 0; i < INPUTS; i++) v[i] /= norm;
        m++;
    }
    return m;
}

/* N of all inputs: the projection, plus the column means of the rest. */
static void restrict_logits(double N[INPUTS][N_MAX], const inputs *x, const int *key, int keys)
{
    double unit[2 * N_MAX][INPUTS], column[INPUTS];
    int m = orthonormal(unit, x, key, keys);

    for (int c = 0; c < x->elements.n; c++) {
        double mean = 0;
        for (int i = 0; i < INPUTS; i++) {
            column[i] = x->logits[i][c];
            N[i][c] = 0;
        }
        for (int t = 0; t < m; t++) {
            double part = inner(column, unit[t]);
            for (int i = 0; i < INPUTS; i++) N[i][c] += part * unit[t][i];
        }
        for (int i = 0; i < INPUTS; i++) mean += (column[i] - N[i][c]) / INPUTS;
        for (int i = 0; i < INPUTS; i++) N[i][c] += mean;
    }
}

static double loss_of(double N[INPUTS][N_MAX], const inputs *x)
{
    double loss = 0;

    for (int i = 0; i < INPUTS; i++) {
        double sum = 0;
        for (int c = 0; c < x->elements.n; c++) sum += exp(N[i][c]);
        loss += (log(sum) - N[i][x->value[i]]) / INPUTS;
    }
    return loss;
}

static void check(int n, int some, const int *key, int keys)
{
    static inputs x;
    double N[INPUTS][N_MAX], table[N_MAX * N_MAX], dots[N_MAX * N_MAX] = {0};
    float record[N_MAX * N_MAX + N_MAX];
    int column[2 * N_MAX], m = gk_character_columns(column, key, keys, n);

    fill(&x, n, some);
    restrict_logits(N, &x, key, keys);
    for (int j = 0; j < m; j++)
        for (int i = 0; i < INPUTS; i++)
            for (int c = 0; c < n; c++)
                dots[j * n + c] += x.basis[x.value[i] * (n / 2 * 2) + column[j]] * x.logits[i][c];
    gk_restricted_table(table, &x.elements, key, keys, dots, x.total);
    for (int i = 0; i < INPUTS; i++)
        for (int c = 0; c < n; c++)
            if (!(fabs(table[x.value[i] * n + c] - N[i][c]) < 1e-11))
                fail_msg("n %d, input %d, column %d: %.17g, expected %.17g", n, i, c,
                         table[x.value[i] * n + c], N[i][c]);
    gk_record_make(record, &x.elements, x.sum, x.total);
    CLOSE(gk_record_restricted(record, &x.elements, key, keys, x.pairs), loss_of(N, &x), 1e-6);
}

static void test_restricted(void **state)
{
    (void)state;
    check(7, 7, (const int[]){2}, 1);
    check(7, 7, (const int[]){1, 3}, 2);
    check(7, 7, (const int[]){1, 2, 3}, 3); /* all characters */
    check(7, 4, (const int[]){1, 3},
          2); /* four elements: with the constant, as many as there are */
    check(8, 8, (const int[]){1, 4}, 2); /* no sine of n/2 */
    check(8, 8, (const int[]){4}, 1);
    check(8, 3, (const int[]){1, 2, 4}, 3); /* characters that depend on each other */
    check(9, 9, (const int[]){3}, 1);
}

/* A unit character, a column mean, and nothing where a sine is none. */
static void test_record(void **state)
{
    static inputs x;
    float record[N_MAX * N_MAX + N_MAX];

    (void)state;
    fill(&x, 8, 8);
    gk_record_make(record, &x.elements, x.sum, x.total);
    assert_int_equal(gk_record_values(8, 4), 72);
    for (int c = 0; c < 8; c++) {
        double dot = 0, square = 0;
        for (int i = 0; i < INPUTS; i++) {
            double b = sin(2 * M_PI * 3 * x.value[i] / 8);
            dot += b * x.logits[i][c];
            square += b * b;
        }
        if (!(fabs((double)record[5 * 8 + c] - dot / sqrt(square)) < 1e-5))
            fail_msg("column %d: %g, expected %g", c, (double)record[5 * 8 + c],
                     dot / sqrt(square));
        assert_true(record[7 * 8 + c] == 0);
        CLOSE((double)record[8 * 8 + c], x.total[c] / INPUTS, 1e-6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_restricted),
                                       cmocka_unit_test(test_record)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
