/* The table plan: under construction. */
#include "../kernels.h"

void ref_table_build(gk_backend *be, const gk_table *t)
{
    (void)be, (void)t;
    GK_CHECK(!"written");
}
void ref_table_rows(gk_backend *be, gk_real *pre, gk_real *rest, gk_real *prob, const gk_table *t,
                    const int32_t *token, int B)
{
    (void)be, (void)pre, (void)rest, (void)prob, (void)t, (void)token, (void)B;
    GK_CHECK(!"written");
}
void ref_table_pairs(gk_backend *be, double *row_loss, uint8_t *row_hit, const gk_table *t,
                     const gk_pairs *pairs, int form, double scale)
{
    (void)be, (void)row_loss, (void)row_hit, (void)t, (void)pairs, (void)form, (void)scale;
    GK_CHECK(!"written");
}
void ref_table_back(gk_backend *be, const gk_table *t)
{
    (void)be, (void)t;
    GK_CHECK(!"written");
}
