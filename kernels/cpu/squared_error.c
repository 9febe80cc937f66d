/* The mean squared error: ref's loop over rows, which threads share. */
#include "cpu/cpu.h"

void cpu_squared_error(gk_backend *be, double *row_loss, uint8_t *row_hit, gk_real *dlogits,
                       const gk_real *logits, const int32_t *label, int R, int B, int C,
                       double scale)
{
    cpu_share_rows(be, ref_squared_error, row_loss, row_hit, dlogits, logits, label, R, B, C,
                   scale);
}
