/* What the meter measures: steps and a row of a config on the interpreter. */
#ifndef METER_WORK_H
#define METER_WORK_H

#ifdef __cplusplus
extern "C" {
#endif

/* A step of R runs (at most 16), or a measured row of one, on the shim's device; launches are
 * counted in it and nowhere else. Ends the program with a message on an error. */
void meter_step(const char *config, const char *plan, int R);
void meter_row(const char *config);

#ifdef __cplusplus
}
#endif

#endif
