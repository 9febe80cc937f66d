/* grokc-meter: counts what a step of the cuda backend, or a measured row, asks of a GPU, on a
 * machine without one. Counts are exact and repeatable: two programs can be told apart by them.
 *
 *     grokc-meter --kernels DIR [--config FILE] [--work LIST] [--resources DIR] [--json FILE]
 *                 [--against FILE] [--nvcc RELEASE]
 *
 * DIR of kernels: the PTX of the .cu files. LIST of table:R, ops:R (steps of R runs) and row.
 * Against a report of before: exit 1 where a sum has grown by over 2 percent; 77 (skipped) where
 * it has none of this release of nvcc. bench/README.md. */
#include "report.h"
#include "work.h"

#include <getopt.h>

#include <cstdio>
#include <cstdlib>

using namespace meter;

enum { SKIPPED = 77 };

struct options {
    std::string kernels, config = "configs/paper.yaml", list = "table:1,ops:1,row", resources;
    std::string json, against, nvcc = "unknown";
};

static int usage(void)
{
    fprintf(stderr, "usage: grokc-meter --kernels DIR [--config FILE] [--work LIST] "
                    "[--resources DIR] [--json FILE] [--against FILE] [--nvcc RELEASE]\n");
    return 2;
}

static bool read_options(options *o, int argc, char **argv)
{
    static const struct option names[] = {{"kernels", required_argument, nullptr, 'k'},
                                          {"config", required_argument, nullptr, 'c'},
                                          {"work", required_argument, nullptr, 'w'},
                                          {"resources", required_argument, nullptr, 'r'},
                                          {"json", required_argument, nullptr, 'j'},
                                          {"against", required_argument, nullptr, 'a'},
                                          {"nvcc", required_argument, nullptr, 'n'},
                                          {nullptr, 0, nullptr, 0}};
    for (int letter; (letter = getopt_long(argc, argv, "", names, nullptr)) != -1;) {
        std::string *to = letter == 'k'   ? &o->kernels
                          : letter == 'c' ? &o->config
                          : letter == 'w' ? &o->list
                          : letter == 'r' ? &o->resources
                          : letter == 'j' ? &o->json
                          : letter == 'a' ? &o->against
                          : letter == 'n' ? &o->nvcc
                                          : nullptr;
        if (!to) return false;
        *to = optarg;
    }
    return optind == argc && !o->kernels.empty();
}

/* "table:16", "ops:1" or "row". */
static work measure(const std::string &what, const options &o)
{
    size_t colon = what.find(':');
    work w;

    w.name = what;
    w.runs = colon == std::string::npos ? 1 : atoi(what.c_str() + colon + 1);
    if (what == "row")
        meter_row(o.config.c_str());
    else
        meter_step(o.config.c_str(), what.substr(0, colon).c_str(), w.runs);
    w.kernels = gk_ptx::all_counts();
    w.launches = 0;
    for (const auto &k : w.kernels) w.launches += k.second.launches;
    return w;
}

static std::vector<std::string> parts(const std::string &list)
{
    std::vector<std::string> all;

    for (size_t from = 0, to; from <= list.size(); from = to + 1) {
        to = std::min(list.find(',', from), list.size());
        all.push_back(list.substr(from, to - from));
    }
    return all;
}

/* {"13.0": {...}}: by the release of nvcc. */
static json_t *report(const options &o, const by_arch &of, const std::vector<work> &works)
{
    json_t *all = json_object(), *one = json_object(), *list = json_object();
    std::string config = o.config.substr(o.config.rfind('/') + 1);

    for (const work &w : works) json_object_set_new(list, w.name.c_str(), to_json(w, of));
    json_object_set_new(one, "config", json_string(config.c_str()));
    json_object_set_new(one, "work", list);
    json_object_set_new(one, "resources", to_json(of, works));
    json_object_set_new(all, o.nvcc.c_str(), one);
    return all;
}

/* Another release makes other code: where there is no report of this one, nothing is refused. */
static int against(const options &o, json_t *now)
{
    json_error_t error;
    json_t *file = json_load_file(o.against.c_str(), 0, &error);
    json_t *before = json_object_get(file, o.nvcc.c_str());
    const char *release = o.nvcc.c_str();

    if (!json_object_size(file)) {
        fprintf(stderr, "grokc-meter: %s: %s\n", o.against.c_str(), error.text);
        return 2;
    }
    if (!before) {
        release = json_object_iter_key(json_object_iter(file));
        before = json_object_get(file, release);
        printf("nothing is refused: the baseline is of nvcc %s, this of %s\n", release,
               o.nvcc.c_str());
    }
    int worse = compare(json_object_get(now, o.nvcc.c_str()), before);
    printf("%d sums are over 2 percent worse than in the baseline of nvcc %s\n", worse, release);
    bool same = o.nvcc == release;
    json_decref(file);
    return !same ? SKIPPED : worse ? 1 : 0;
}

int main(int argc, char **argv)
{
    std::vector<work> works;
    options o;
    by_arch of;
    int status = 0;

    if (!read_options(&o, argc, argv)) return usage();
    setenv("GROKC_MATMUL", "own", 1); /* there is no PTX of cuBLASLt */
    if (gk_ptx_open(o.kernels.c_str()) < 1) return 2;
    gk_ptx_look_for_races(0);
    for (size_t g = 0; g < gpus_n && !o.resources.empty(); g++)
        of[gpus[g].arch] = read_resources(o.resources, gpus[g].arch);
    for (const std::string &what : parts(o.list)) {
        works.push_back(measure(what, o));
        print(works.back(), of);
        fflush(stdout);
    }
    json_t *now = report(o, of, works);
    if (!o.json.empty() && json_dump_file(now, o.json.c_str(), JSON_INDENT(1)) != 0) {
        fprintf(stderr, "grokc-meter: %s cannot be written\n", o.json.c_str());
        status = 2;
    }
    if (!o.against.empty() && status == 0) status = against(o, now);
    json_decref(now);
    return status;
}
