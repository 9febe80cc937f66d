/* Eigenvalues of a small symmetric matrix: cyclic Jacobi rotations (Golub & Van Loan, "Matrix
 * Computations", section 8.5). For principal components; not for large matrices. */
#include "report/run/data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SWEEPS = 60 };

/* Rows and columns p and q of a, rows p and q of vector, by the angle that makes a[p][q] zero. */
static void rotate(double *a, double *vector, size_t n, size_t p, size_t q)
{
    double apq = a[p * n + q];

    if (apq == 0) return;
    double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
    double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;
    for (size_t i = 0; i < n; i++) {
        double x = a[i * n + p], y = a[i * n + q];
        a[i * n + p] = c * x - s * y;
        a[i * n + q] = s * x + c * y;
    }
    for (size_t i = 0; i < n; i++) {
        double x = a[p * n + i], y = a[q * n + i];
        a[p * n + i] = c * x - s * y;
        a[q * n + i] = s * x + c * y;
        x = vector[p * n + i];
        y = vector[q * n + i];
        vector[p * n + i] = c * x - s * y;
        vector[q * n + i] = s * x + c * y;
    }
}

static double off_diagonal(const double *a, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) sum += a[i * n + j] * a[i * n + j];
    return sum;
}

/* Swaps rows so that values descend. */
static void sort(double *value, double *vector, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t most = i;
        for (size_t j = i + 1; j < n; j++)
            if (value[j] > value[most]) most = j;
        double v = value[i];
        value[i] = value[most];
        value[most] = v;
        for (size_t j = 0; j < n && most != i; j++) {
            double x = vector[i * n + j];
            vector[i * n + j] = vector[most * n + j];
            vector[most * n + j] = x;
        }
    }
}

void gk_eigen(double *value, double *vector, double *a, int size)
{
    size_t n = (size_t)size;
    double all = 0;

    for (size_t i = 0; i < n * n; i++) {
        all += a[i] * a[i];
        vector[i] = i % (n + 1) == 0;
    }
    for (int sweep = 0; sweep < SWEEPS && off_diagonal(a, n) > 1e-24 * all; sweep++)
        for (size_t p = 0; p < n; p++)
            for (size_t q = p + 1; q < n; q++) rotate(a, vector, n, p, q);
    for (size_t i = 0; i < n; i++) value[i] = a[i * n + i];
    sort(value, vector, n);
}
