/* From a launch of the shim to a kernel of the PTX. */
#include "device.h"

#include <dirent.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace gk_ptx
{

static std::map<std::string, std::unique_ptr<module>> modules; /* by file */
static std::map<std::string, const kernel *> kernels;
static std::map<std::string, kernel_counts> counts;
static global_shadow shadow;
static bool looks_for_races = true, is_counting;

static std::string refusal(const kernel &k, const gk_shim::kernel_launch &l)
{
    unsigned threads = l.block.x * l.block.y * l.block.z;

    if (k.threads_most && threads > (unsigned)k.threads_most)
        return "more threads than its launch bounds";
    if (l.arguments.size() != k.parameters.size()) return "other parameters than in the PTX";
    for (size_t i = 0; i < k.parameters.size(); i++)
        if (l.arguments[i].size() != k.parameters[i].bytes)
            return "parameter " + std::to_string(i) + " has another size in the PTX";
    return "";
}

static void run(const gk_shim::kernel_launch &l, const std::vector<uint3> &blocks)
{
    std::string name = function_name(l.kernel);
    auto found = kernels.find(name);

    if (found == kernels.end()) {
        gk_shim::problem(cudaErrorNoKernelImageForDevice, "no PTX has %s: \"%s\"", l.name,
                         name.c_str());
        return;
    }
    const kernel &k = *found->second;
    std::string why_not = refusal(k, l);
    if (!why_not.empty()) {
        gk_shim::problem(cudaErrorInvalidConfiguration, "%s: %s", name.c_str(), why_not.c_str());
        return;
    }
    kernel_counts *c = is_counting ? &counts[k.name] : nullptr;
    shadow.launch++;
    if (c) c->launch_begins(l.block.x * l.block.y * l.block.z, l.smem, k);
    try {
        machine m(k, l, looks_for_races ? &shadow : nullptr, c);

        for (uint3 b : blocks) m.run_block(b, (b.z * l.grid.y + b.y) * l.grid.x + b.x);
        if (c) c->launch_ends();
    } catch (const fault_found &f) {
        gk_shim::problem(cudaErrorLaunchFailure, "%s", f.what.c_str());
    }
}

/* A kernel that stands in a header is in several modules, which are all the same. */
void replace(const std::string &file, const std::string &text)
{
    std::unique_ptr<module> &m = modules[file];

    m = parse(file, text);
    for (auto &k : m->kernels) kernels[k.first] = &k.second;
}

const std::map<std::string, const kernel *> &all_kernels() { return kernels; }
const std::map<std::string, kernel_counts> &all_counts() { return counts; }

std::map<std::string, std::string> read_folder(const std::string &folder)
{
    std::map<std::string, std::string> texts;
    DIR *dir = opendir(folder.c_str());

    if (!dir) throw std::runtime_error(folder + ": cannot be opened");
    while (const dirent *entry = readdir(dir)) {
        std::string name = entry->d_name;
        size_t dot = name.rfind('.');

        if (dot == std::string::npos || name.substr(dot) != ".ptx") continue;
        std::ifstream in(folder + "/" + name);
        std::stringstream text;
        text << in.rdbuf();
        texts[name] = text.str();
    }
    closedir(dir);
    return texts;
}

void use(const std::map<std::string, std::string> &texts)
{
    kernels.clear();
    modules.clear();
    for (const auto &t : texts) replace(t.first, t.second);
    gk_shim::run_launch = run;
}

} // namespace gk_ptx

using namespace gk_ptx;

int gk_ptx_open(const char *folder)
{
    try {
        use(read_folder(folder));
    } catch (const std::runtime_error &e) {
        fprintf(stderr, "%s\n", e.what());
        return -1;
    }
    return (int)kernels.size();
}

void gk_ptx_look_for_races(int on) { looks_for_races = on != 0; }

void gk_ptx_count(int on)
{
    is_counting = on != 0;
    if (on) counts.clear();
}
