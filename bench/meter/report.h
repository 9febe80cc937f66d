/* What the meter says: tables for people, JSON for the next one who asks. */
#ifndef METER_REPORT_H
#define METER_REPORT_H

#include "resources.h"

#include "device.h"

#include <jansson.h>

namespace meter
{

/* A step or a row, counted. */
struct work {
    std::string name; /* "table 1" */
    int runs;
    uint64_t launches; /* one waits for the one before: the longest chain */
    std::map<std::string, gk_ptx::kernel_counts> kernels;
};

typedef std::map<std::string, std::map<std::string, resources>> by_arch;

void print(const work &w, const by_arch &of);
json_t *to_json(const work &w, const by_arch &of);
json_t *to_json(const by_arch &of, const std::vector<work> &used_by);

/* How many sums of `now` exceed those of `before` by over 2 percent; says which. Works that `now`
 * has not are passed over. */
int compare(const json_t *now, const json_t *before);

} // namespace meter

#endif
