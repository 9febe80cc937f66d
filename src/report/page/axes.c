/* Axes of figures: logarithmic ones with enough marks, and logarithmic epochs, which begin at 0. */
#include "report/page/figure.h"

#include <math.h>

/* Marks at these multiples of powers of ten; returns how many lie between low and high. */
static int marks_at(gk_text *marks, const double *multiple, double low, double high)
{
    int n = 0;

    for (double power = pow(10, floor(log10(low))); power <= high; power *= 10)
        for (int i = 0; multiple[i] > 0; i++) {
            double at = multiple[i] * power;
            if (at < low || at > high) continue;
            gk_text_add(marks, "%s'%.9g' %.9g", n++ ? ", " : "", at, at);
        }
    return n;
}

/* Marks at equal distances, for what spans less than a factor of three. */
static void even_marks(gk_text *marks, double low, double high)
{
    double power = pow(10, floor(log10((high - low) / 4))), steps = (high - low) / 4 / power;
    double step = power * (steps < 2 ? 1 : steps < 5 ? 2 : 5);

    for (double at = step * ceil(low / step); at <= high; at += step)
        gk_text_add(marks, "%s'%.9g' %.9g", marks->length ? ", " : "", at, at);
}

/* The axis; numbers from `from` on. */
static void set_log(gk_figure *f, char axis, double low, double from, double high)
{
    static const double sets[][8] = {{1, 3}, {1, 2, 5}, {1, 1.5, 2, 3, 4, 6, 8}};
    gk_text marks = {0};

    gk_text_add(&f->script, "set logscale %c\nset %crange [%.9g:%.9g]\n", axis, axis, low, high);
    if (high / low >= 100) return;
    if (high / from < 3)
        even_marks(&marks, from, high);
    else
        for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
            gk_text_free(&marks);
            if (marks_at(&marks, sets[i], from, high) >= 4) break;
        }
    gk_text_add(&f->script, "set %ctics (%s)\n", axis, marks.data ? marks.data : "");
    gk_text_free(&marks);
}

void gk_figure_log_axis(gk_figure *f, char axis, double low, double high)
{
    set_log(f, axis, low, low, high);
}

void gk_figure_log_epochs(gk_figure *f, double first, double second, double last)
{
    double zero = second > 1 ? second / 2.7 : 0.37; /* no power of ten: it has its own number */
    double low = first > 0 ? first : zero;

    gk_text_add(&f->script, "at(x) = x > 0 ? x : %.9g\n", zero);
    if (last / low >= 100) gk_text_add(&f->script, "set format x '10^{%%T}'\n");
    set_log(f, 'x', low, first > 0 ? first : 1.5 * low, fmax(last, 2 * low));
    if (first <= 0) gk_text_add(&f->script, "set xtics add ('0' %.9g)\n", low);
}
