/* Fourier modes (the real characters of a cyclic group), least squares on them, and losses of
 * tables: small, on the host, in double; pure functions of their arguments. */
#ifndef GK_FIT_H
#define GK_FIT_H

/* basis (n,2K), K = n/2 rounded down: columns 2(k-1) and 2(k-1)+1 are cos and sin of 2 pi k e / n;
 * the sine of k = n/2 is zero. */
void gk_characters(double *basis, int n);

/* The columns of the Fourier modes of the frequencies k (both, or the cosine alone for k = n/2);
 * returns how many. column: room for 2 keys. */
int gk_character_columns(int *column, const int *k, int keys, int n);

/* coef (m,cols) = least-squares coefficients of rows on m columns of the basis (n,width): rows of
 * element e occur count[e] times and add up to sum[e][:cols]. A column that depends on earlier ones
 * gets 0. */
void gk_fit(double *coef, const double *basis, int width, const int *column, int m,
            const double *count, const double *sum, int n, int cols);
/* The same in place from coef = basis^T sum, of those columns. */
void gk_fit_solve(double *coef, const double *basis, int width, const int *column, int m,
                  const double *count, int n, int cols);

/* Mean of -log softmax, in nats, of rows that are a function of the element: table (n,n), pairs
 * (n,n): how often each element and label occur together. NaN: no rows. */
double gk_table_loss(const double *table, const double *pairs, int n);

#endif
