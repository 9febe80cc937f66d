/* Wilson's interval, the Kaplan-Meier median, the plain median.
 *
 * E. B. Wilson (1927), J. Am. Stat. Assoc. 22, 209. E. L. Kaplan, P. Meier (1958), J. Am. Stat.
 * Assoc. 53, 457. R. Brookmeyer, J. Crowley (1982), Biometrics 38, 29. The log-log form is (4.5.5)
 * of J. P. Klein, M. L. Moeschberger, Survival Analysis, 2nd edition (2003). */
#include "gk/statistics.h"
#include "gk/base.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static const double z = 1.959963984540054; /* 97.5 percent of the normal distribution are below */

/* The shares p with |k/n - p| <= z sqrt(p (1 - p) / n): the roots of a quadratic in p. */
gk_estimate gk_wilson(int k, int n)
{
    if (n == 0) return (gk_estimate){NAN, NAN, NAN};
    double share = (double)k / n, square = z * z / n;
    double middle = share + square / 2;
    double half = sqrt(square * (share * (1 - share) + square / 4));

    return (gk_estimate){share, k == 0 ? 0 : (middle - half) / (1 + square),
                         k == n ? 1 : (middle + half) / (1 + square)};
}

static int by_time(const void *a, const void *b)
{
    double x = ((const gk_lifetime *)a)->time, y = ((const gk_lifetime *)b)->time;

    return (x > y) - (x < y);
}

/* S(t) = product of (1 - d/n) over event times up to t, where d events happen to the n that are
 * still watched; who is censored at t is watched at t. The median is the first t with S(t) <= 1/2.
 *
 * Its interval holds the times whose S(t) is not significantly different from 1/2. With
 * g(S) = log(-log S), which falls as S rises, the delta method and Greenwood's sum
 * V = sum of d / (n (n - d)), g(S(t)) has the standard error sqrt(V) / |log S(t)|, so these are the
 * t with |g(S(t)) - g(1/2)| |log S(t)| <= z sqrt(V). S is a staircase: `low` is the first event
 * time where it may be 1/2, `high` the first where it is below for sure; NaN where that is never
 * reached, or only as S becomes 0, where g does not exist. */
gk_estimate gk_kaplan_meier(gk_lifetime *life, int n)
{
    gk_estimate median = {NAN, NAN, NAN};
    double survival = 1, greenwood = 0, rounding = 1;
    const double half_g = log(log(2));

    if (n) qsort(life, (size_t)n, sizeof *life, by_time);
    for (int i = 0, next; i < n; i = next) {
        double t = life[i].time, watched = n - i, events = 0;
        for (next = i; next < n && life[next].time == t; next++) events += life[next].happened;
        if (events == 0) continue;
        survival *= (watched - events) / watched;
        greenwood += events / (watched * (watched - events));
        rounding +=
            2 * DBL_EPSILON; /* a quotient and a product: a half of epsilon each, and more */
        if (isnan(median.value) && survival <= 0.5 * rounding) median.value = t;
        if (!(survival > 0)) break; /* all are gone */
        double g = log(-log(survival)), error = z * sqrt(greenwood) / -log(survival);
        if (isnan(median.low) && g + error >= half_g) median.low = t;
        if (isnan(median.high) && g - error >= half_g) median.high = t;
    }
    return median;
}

int gk_survival(double *time, double *share, gk_lifetime *life, int n)
{
    int steps = 1;

    time[0] = 0;
    share[0] = 1;
    if (n) qsort(life, (size_t)n, sizeof *life, by_time);
    for (int i = 0, next; i < n; i = next) {
        double t = life[i].time, watched = n - i, events = 0;
        for (next = i; next < n && life[next].time == t; next++) events += life[next].happened;
        if (events == 0) continue;
        time[steps] = t;
        share[steps] = share[steps - 1] * ((watched - events) / watched);
        steps++;
    }
    return steps;
}

double gk_median(double *value, int n)
{
    int m = 0;

    for (int i = 0; i < n; i++)
        if (!isnan(value[i])) value[m++] = value[i];
    if (m == 0) return NAN;
    qsort(value, (size_t)m, sizeof *value, gk_ascending_reals);
    return m % 2 ? value[m / 2] : value[m / 2 - 1] / 2 + value[m / 2] / 2;
}
