/* The part of mutants.h that is about spectra. Included there, and nowhere else. */
#define FFT2  gk_real *out, const gk_real *in, int R, int P, int Q, int cols
#define TERMS double *power, const gk_real *spectrum, int R, int P, int cols

MUTANT(fft2_turns_the_other_way, fft2, FFT2)
{
    ref.fft2(be, out, in, R, P, Q, cols);
    for (size_t i = 1; i < (size_t)R * P * (Q / 2 + 1) * cols * 2; i += 2) out[i] = -out[i];
}

MUTANT(fft2_normalises, fft2, FFT2)
{
    ref.fft2(be, out, in, R, P, Q, cols);
    for (size_t i = 0; i < (size_t)R * P * (Q / 2 + 1) * cols * 2; i++) out[i] /= (gk_real)(P * Q);
}

MUTANT(fft2_swaps_P_and_Q, fft2, FFT2)
{
    gk_real *most = gk_alloc((size_t)R * P * Q * cols * 4, sizeof *most);

    ref.fft2(be, most, in, R, Q, P, cols);
    memcpy(out, most, (size_t)R * P * (Q / 2 + 1) * cols * 2 * sizeof *out);
    free(most);
}

MUTANT(fft2_forgets_the_last_frequency, fft2, FFT2) /* Q / 2 of an even Q */
{
    int half = Q / 2 + 1;

    ref.fft2(be, out, in, R, P, Q, cols);
    for (size_t i = 0; i < (size_t)R * P * half * cols * 2; i++)
        if (Q % 2 == 0 && (int)(i / (2 * cols) % half) == Q / 2) out[i] = 0;
}

MUTANT(fft2_loses_digits, fft2, FFT2)
{
    ref.fft2(be, out, in, R, P, Q, cols);
    for (size_t i = 0; i < (size_t)R * P * (Q / 2 + 1) * cols * 2; i++)
        out[i] *= 1 + (gk_real)gk_verify_limit(64, 1);
}

MUTANT(spectrum_terms_counts_the_mean, spectrum_terms, TERMS)
{
    ref.spectrum_terms(be, power, spectrum, R, P, cols);
    power[0] += ((double)spectrum[0] * spectrum[0] + (double)spectrum[1] * spectrum[1]) / P / P;
}

/* P / 2 is its own mirror, which must not be counted twice. */
MUTANT(spectrum_terms_doubles_the_last, spectrum_terms, TERMS)
{
    ref.spectrum_terms(be, power, spectrum, R, P, cols);
    for (int c = 0; c < R * cols && P % 2 == 0; c++) power[c * (P / 2 + 1) + P / 2] *= 2;
}

MUTANT(spectrum_terms_takes_run_0, spectrum_terms, TERMS)
{
    int half = P / 2 + 1;

    for (int r = 0; r < R; r++)
        ref.spectrum_terms(be, power + (size_t)r * cols * half, spectrum, 1, P, cols);
}

MUTANT(row_squares_overwrites, row_squares, double *out, const gk_real *in, int R, int rows,
       int cols, int beta)
{
    (void)beta;
    ref.row_squares(be, out, in, R, rows, cols, 0);
}

MUTANT(row_squares_adds_in_single, row_squares, double *out, const gk_real *in, int R, int rows,
       int cols, int beta)
{
    (void)be;
    for (size_t i = 0; i < (size_t)R * rows; i++) {
        float sum = 0;

        for (int j = 0; j < cols; j++) sum += (float)in[i * cols + j] * (float)in[i * cols + j];
        out[i] = (beta ? out[i] : 0) + (double)sum;
    }
}
