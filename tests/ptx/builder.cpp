/* A register is given its place where it first appears. */
#include "builder.h"

#include <stdexcept>

namespace gk_ptx
{

static const char *const special_names[SPECIALS] = {
    "%tid.x",   "%tid.y",   "%tid.z",    "%ntid.x",   "%ntid.y",   "%ntid.z", "%ctaid.x",
    "%ctaid.y", "%ctaid.z", "%nctaid.x", "%nctaid.y", "%nctaid.z", "%laneid"};

builder::builder(kernel *k) : k(k)
{
    for (int i = 0; i < SPECIALS; i++) specials[special_names[i]] = place(4);
}

/* Whole cache lines, so that the lanes of a register are aligned; predicates take one, too. */
uint32_t builder::place(int size)
{
    const size_t line = 16;
    size_t at = k->words;

    k->words += size == 0 ? line : size == 8 ? 2 * LANES : LANES;
    return (uint32_t)at;
}

void builder::declare(const std::string &name, int size) { sizes[name] = size; }

int builder::size_of(const std::string &prefix, const std::string &name) const
{
    std::string stem = name.substr(0, name.find_last_not_of("0123456789") + 1);
    auto whole = sizes.find(prefix + name), numbered = sizes.find(prefix + stem);

    if (is_special(name)) return 4;
    if (whole != sizes.end()) return whole->second;
    return numbered == sizes.end() ? -1 : numbered->second;
}

uint32_t builder::reg(const std::string &name, int size)
{
    auto special = specials.find(name);

    if (special != specials.end()) return special->second;
    auto found = registers.find(name);
    if (found == registers.end()) found = registers.emplace(name, place(size)).first;
    return found->second;
}

uint32_t builder::constant_of(uint64_t value, int size)
{
    uint64_t low = size == 0   ? value != 0
                   : size == 8 ? value
                               : value & ((UINT64_C(1) << 8 * size) - 1);
    auto found = constants.find({low, size});

    if (found != constants.end()) return found->second;
    uint32_t at = place(size);
    k->constants.push_back({at, size, low});
    constants[{low, size}] = at;
    return at;
}

uint32_t builder::end_of_shared(int size)
{
    if (end_constant < 0) {
        end_constant = (int)k->constants.size();
        k->constants.push_back({place(size), size, 0});
    }
    return k->constants[(size_t)end_constant].at;
}

void builder::add(const instruction &i, const std::string &to)
{
    if (!to.empty()) branches.push_back({k->code.size(), to});
    k->code.push_back(i);
}

void builder::finish()
{
    for (const auto &b : branches) {
        auto at = labels.find(b.second);

        if (at == labels.end()) throw std::runtime_error(k->name + ": no label " + b.second);
        k->code[b.first].target = at->second;
    }
    k->shared_bytes = (k->shared_bytes + 15) / 16 * 16;
    if (end_constant >= 0) k->constants[(size_t)end_constant].value = k->shared_bytes;
}

} // namespace gk_ptx
