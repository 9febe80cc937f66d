/* Reads the texts of ptxas and cuobjdump. */
#include "resources.h"

#include "program.h"

#include <dirent.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <regex>
#include <vector>

namespace meter
{

/* Limits: CUDA C++ Programming Guide, the table of compute capabilities. Rates: the vendor's data
 * sheets; L2: what is usually measured. */
const gpu gpus[] = {
    {"sm_80", "A100", 108, 1.41, 4000, 32, 64, 32, 65536, 164 << 10},
    {"sm_90", "H100", 132, 1.755, 5500, 64, 64, 32, 65536, 228 << 10},
    {"sm_120", "RTX 5090", 170, 2.41, 5000, 2, 48, 24, 65536, 100 << 10},
};
const size_t gpus_n = sizeof gpus / sizeof *gpus;

typedef std::map<std::string, resources> table;

static void read_ptxas(const std::string &path, table *to)
{
    static const std::regex entry("Compiling entry function '(\\S+)'"),
        spill("(\\d+) bytes spill stores"), used("Used (\\d+) registers"),
        shared("(\\d+) bytes smem");
    std::ifstream in(path);
    resources *now = nullptr;
    std::smatch m;

    for (std::string line; std::getline(in, line);) {
        if (std::regex_search(line, m, entry)) now = &(*to)[gk_ptx::plain_name(m[1])];
        if (!now) continue;
        if (std::regex_search(line, m, spill)) now->spilled = std::stoi(m[1]);
        if (std::regex_search(line, m, used)) now->registers = std::stoi(m[1]);
        if (std::regex_search(line, m, shared)) now->shared = (size_t)std::stoul(m[1]);
    }
}

/* ---- machine code */

/* Does the instruction read register `name`? Its first operand is what it writes, unless it is a
 * store or a branch. */
static bool reads(const std::string &text, const std::string &name)
{
    static const std::regex writes_none("\\b(ST|STG|STS|STL|BRA|BAR|EXIT|RED)\\b");
    size_t from = 0;

    if (!std::regex_search(text, writes_none)) {
        from = text.find(',');
        if (from == std::string::npos) return false;
    }
    for (size_t at = from; (at = text.find(name, at)) != std::string::npos; at += name.size()) {
        char before = at ? text[at - 1] : ' ', after = text[at + name.size()];

        if (!isalnum((unsigned char)before) && !isdigit((unsigned char)after)) return true;
    }
    return false;
}

/* A load waits when its value is read before the next load is issued. */
static void count_loads(const std::vector<std::string> &code, resources *r)
{
    static const std::regex load("\\bLDG\\S*\\s+(R\\d+)");
    const size_t far = 60;
    std::smatch m;

    r->loads = r->serial = 0;
    for (size_t i = 0; i < code.size(); i++) {
        if (!std::regex_search(code[i], m, load)) continue;
        std::string name = m[1];
        r->loads++;
        for (size_t j = i + 1; j < std::min(i + far, code.size()); j++) {
            if (reads(code[j], name)) {
                r->serial++;
                break;
            }
            if (code[j].find("LDG") != std::string::npos) break;
        }
    }
}

static void read_sass(const std::string &path, table *to)
{
    static const std::regex function("Function : (\\S+)"),
        instruction("^\\s+/\\*[0-9a-f]+\\*/\\s+([^;]*);");
    std::map<std::string, std::vector<std::string>> code;
    std::ifstream in(path);
    std::string name;
    std::smatch m;

    for (std::string line; std::getline(in, line);) {
        if (std::regex_search(line, m, function)) name = gk_ptx::plain_name(m[1]);
        if (!name.empty() && std::regex_search(line, m, instruction)) code[name].push_back(m[1]);
    }
    for (const auto &c : code) count_loads(c.second, &(*to)[c.first]);
}

table read_resources(const std::string &folder, const char *arch)
{
    std::string path = folder + "/" + arch;
    DIR *dir = opendir(path.c_str());
    table all;

    if (!dir) return all;
    while (const dirent *entry = readdir(dir)) {
        std::string name = entry->d_name, end = name.substr(std::min(name.rfind('.'), name.size()));

        if (end == ".ptxas") read_ptxas(path + "/" + name, &all);
        if (end == ".sass") read_sass(path + "/" + name, &all);
    }
    closedir(dir);
    return all;
}

static size_t rounded(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

int blocks_at_once(const gpu &g, const resources &r, size_t threads, size_t shared)
{
    const size_t warp = 32, register_unit = 256, shared_unit = 128, system_shared = 1024;
    size_t warps = rounded(threads, warp) / warp;
    size_t of_registers = rounded((size_t)r.registers * warp, register_unit) * warps;
    size_t of_shared = rounded(shared, shared_unit) + system_shared;
    size_t n = std::min((size_t)g.blocks, (size_t)g.warps / warps);

    if (of_registers) n = std::min(n, g.registers / of_registers);
    return (int)std::min(n, g.shared / of_shared);
}

} // namespace meter
