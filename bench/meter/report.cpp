/* Sums over a work's kernels, and its kernels one by one. */
#include "report.h"

#include "model.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace meter
{

/* What is compared, and how a count gives it. */
struct quantity {
    const char *name;
    uint64_t (*of)(const gk_ptx::kernel &k, const gk_ptx::kernel_counts &c);
};

static uint64_t instructions(const gk_ptx::kernel &, const gk_ptx::kernel_counts &c)
{
    uint64_t n = 0;

    for (uint64_t e : c.executed) n += e;
    return n;
}

template <int W> uint64_t of_kind(const gk_ptx::kernel &k, const gk_ptx::kernel_counts &c)
{
    return c.instructions(k, (enum gk_ptx::kind_of_work)W);
}

#define COUNT(name, value)                                                                         \
    {                                                                                              \
        name, [](const gk_ptx::kernel &k, const gk_ptx::kernel_counts &c) -> uint64_t {            \
            return (void)k, (void)c, value;                                                        \
        }                                                                                          \
    }
static const quantity quantities[] = {
    COUNT("launches", c.launches),
    COUNT("blocks", c.blocks),
    {"warp_instructions", instructions},
    {"fma", of_kind<gk_ptx::FMA>},
    {"float", of_kind<gk_ptx::FLOAT>},
    {"double", of_kind<gk_ptx::DOUBLE>},
    {"integer", of_kind<gk_ptx::INTEGER>},
    {"move", of_kind<gk_ptx::MOVE>},
    {"memory", of_kind<gk_ptx::MEMORY>},
    {"exchange", of_kind<gk_ptx::EXCHANGE>},
    {"control", of_kind<gk_ptx::CONTROL>},
    COUNT("sectors_loaded", c.sectors_loaded),
    COUNT("sectors_stored", c.sectors_stored),
    COUNT("shared_passes", c.shared_passes),
    COUNT("barriers", c.barriers(k)),
};
/* Of these more than 2 percent more is refused. */
static const char *const watched[] = {"launches",       "warp_instructions", "double",
                                      "sectors_loaded", "sectors_stored",    "shared_passes",
                                      "barriers"};
static const double MORE = 1.02;

static const gk_ptx::kernel &kernel_of(const std::string &name)
{
    return *gk_ptx::all_kernels().at(name);
}

static uint64_t sum_of(const work &w, const quantity &q)
{
    uint64_t sum = 0;

    for (const auto &c : w.kernels) sum += q.of(kernel_of(c.first), c.second);
    return sum;
}

static resources resources_of(const by_arch &of, const char *arch, const std::string &kernel)
{
    auto a = of.find(arch);

    if (a == of.end() || !a->second.count(kernel)) return {};
    return a->second.at(kernel);
}

static double microseconds_of(const work &w, const by_arch &of, const gpu &g,
                              const std::string &kernel)
{
    const gk_ptx::kernel_counts &c = w.kernels.at(kernel);
    resources r = resources_of(of, g.arch, kernel);

    return (double)c.launches * model(g, r, kernel_of(kernel), c).launch();
}

/* ---- for people */

static void print_kernel(const work &w, const by_arch &of, const std::string &name)
{
    const gk_ptx::kernel_counts &c = w.kernels.at(name);
    const gk_ptx::kernel &k = kernel_of(name);

    printf("  %-26s %4llu %7llu %9.3f %8.3f %8.3f %8.3f %8.3f %8.2f %7.2f %8.3f %8llu",
           name.c_str(), (unsigned long long)c.launches, (unsigned long long)c.blocks,
           1e-6 * (double)instructions(k, c), 1e-6 * (double)c.instructions(k, gk_ptx::FMA),
           1e-6 * (double)c.instructions(k, gk_ptx::INTEGER),
           1e-6 * (double)c.instructions(k, gk_ptx::MEMORY),
           1e-6 * (double)c.instructions(k, gk_ptx::DOUBLE), 32e-6 * (double)c.sectors_loaded,
           32e-6 * (double)c.sectors_stored, 1e-6 * (double)c.shared_passes,
           (unsigned long long)c.barriers(k));
    for (size_t g = 0; g < gpus_n && of.size(); g++) {
        resources r = resources_of(of, gpus[g].arch, name);
        int warps = (int)(c.block_threads + 31) / 32;
        int held = warps * blocks_at_once(gpus[g], r, c.block_threads, c.most_shared);

        printf(" |%4d%4d%4d%%", r.registers, r.spilled, 100 * held / gpus[g].warps);
        if (r.loads >= 0) printf(" %3d/%-3d", r.serial, r.loads);
        printf("%8.1f", microseconds_of(w, of, gpus[g], name));
    }
    printf("\n");
}

void print(const work &w, const by_arch &of)
{
    printf(
        "%s: %llu launches, each after the one before; millions of warp instructions, MB of "
        "sectors, millions of shared passes\n  %-26s %4s %7s %9s %8s %8s %8s %8s %8s %7s %8s %8s",
        w.name.c_str(), (unsigned long long)w.launches, "kernel", "n", "blocks", "all", "fma",
        "integer", "memory", "double", "loaded", "stored", "passes", "barriers");
    for (size_t g = 0; g < gpus_n && of.size(); g++)
        printf(" | %s: regs spill occ. serial, us (model)", gpus[g].arch);
    printf("\n");
    for (const auto &c : w.kernels) print_kernel(w, of, c.first);
    printf("  per run: %.3f M warp instructions, %.2f M fma, %.2f MB loaded, %.2f MB stored\n",
           1e-6 * (double)sum_of(w, quantities[2]) / w.runs,
           1e-6 * (double)sum_of(w, quantities[3]) / w.runs,
           32e-6 * (double)sum_of(w, quantities[11]) / w.runs,
           32e-6 * (double)sum_of(w, quantities[12]) / w.runs);
    for (size_t g = 0; g < gpus_n && of.size(); g++) {
        double us = 0;

        for (const auto &c : w.kernels) us += microseconds_of(w, of, gpus[g], c.first);
        printf("  %s (%s), by the model: %.0f us, %.1f us a run\n", gpus[g].arch, gpus[g].name, us,
               us / w.runs);
    }
}

/* ---- for programs */

static double tenths(double x) { return std::round(10 * x) / 10; }

json_t *to_json(const work &w, const by_arch &of)
{
    json_t *all = json_object(), *kernels = json_object(), *us = json_object();

    json_object_set_new(all, "runs", json_integer(w.runs));
    json_object_set_new(all, "chain", json_integer((json_int_t)w.launches));
    for (const quantity &q : quantities)
        json_object_set_new(all, q.name, json_integer((json_int_t)sum_of(w, q)));
    for (const auto &c : w.kernels) {
        json_t *one = json_object();

        for (const quantity &q : quantities)
            json_object_set_new(one, q.name,
                                json_integer((json_int_t)q.of(kernel_of(c.first), c.second)));
        json_object_set_new(one, "longest_block", json_integer((json_int_t)c.second.longest_block));
        json_object_set_new(kernels, c.first.c_str(), one);
    }
    json_object_set_new(all, "kernels", kernels);
    for (size_t g = 0; g < gpus_n && of.size(); g++) {
        double sum = 0;

        for (const auto &c : w.kernels) sum += microseconds_of(w, of, gpus[g], c.first);
        json_object_set_new(us, gpus[g].arch, json_real(tenths(sum)));
    }
    json_object_set_new(all, "model_us", us);
    return all;
}

json_t *to_json(const by_arch &of, const std::vector<work> &used_by)
{
    json_t *all = json_object();

    for (const auto &a : of) {
        json_t *arch = json_object();

        for (const auto &k : a.second) {
            auto uses = [&](const work &w) { return w.kernels.count(k.first) > 0; };
            const resources &r = k.second;

            if (std::none_of(used_by.begin(), used_by.end(), uses)) continue;
            json_object_set_new(arch, k.first.c_str(),
                                json_pack("{s:i, s:i, s:I, s:i, s:i}", "registers", r.registers,
                                          "spilled", r.spilled, "shared", (json_int_t)r.shared,
                                          "loads", r.loads, "serial", r.serial));
        }
        json_object_set_new(all, a.first.c_str(), arch);
    }
    return all;
}

int compare(const json_t *now, const json_t *before)
{
    json_t *then = json_object_get(before, "work"), *work;
    const char *name;
    int worse = 0;

    json_object_foreach(json_object_get(now, "work"), name, work)
    {
        for (const char *what : watched) {
            double a = json_number_value(json_object_get(json_object_get(then, name), what));
            double b = json_number_value(json_object_get(work, what));

            if (json_object_get(then, name) && b <= MORE * a) continue;
            printf("%s: %s: %.0f, %.0f in the baseline\n", name, what, b, a);
            worse++;
        }
    }
    return worse;
}

} // namespace meter
