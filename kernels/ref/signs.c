/* Bits as signs. */
#include "kernels.h"

void ref_signs(gk_backend *be, gk_real *x, const int32_t *token, int R, int B, int T)
{
    (void)be;
    for (size_t i = 0; i < (size_t)R * B * T; i++) x[i] = (gk_real)(2 * token[i] - 1);
}
