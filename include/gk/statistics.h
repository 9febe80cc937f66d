/* The statistics that cells.csv needs, in double, without files. NaN stands for "not there". */
#ifndef GK_STATISTICS_H
#define GK_STATISTICS_H

#include <stdbool.h>

/* An estimate and its 95 percent interval. */
typedef struct gk_estimate {
    double value, low, high;
} gk_estimate;

/* Something that was watched until `time`: then it happened, or nobody looked any further. */
typedef struct gk_lifetime {
    double time;
    bool happened; /* false: censored */
} gk_lifetime;

/* A fraction k / n with Wilson's interval; n = 0: NaN. */
gk_estimate gk_wilson(int k, int n);

/* The median lifetime; sorts them. */
gk_estimate gk_kaplan_meier(gk_lifetime *life, int n);

/* The curve behind it, Kaplan and Meier's: share[i] of them live past time[i], in steps. The first
 * is at time 0 with all of them; returns how many. time, share: room for n + 1. Sorts them. */
int gk_survival(double *time, double *share, gk_lifetime *life, int n);

/* Of the values that are numbers, the mean of the two in the middle if they are even in number;
 * sorts them. */
double gk_median(double *value, int n);

#endif
