/* The names of this program's functions, static ones too, from its own symbol table: a launch
 * brings the address of a kernel, the PTX knows its name. */
#include "program.h"

#include <elf.h>
#include <link.h>

#include <cstring>
#include <fstream>
#include <iterator>

namespace gk_ptx
{

typedef std::map<uintptr_t, std::string> names;

/* The first object is the program itself. */
static int add_base(struct dl_phdr_info *info, size_t, void *base)
{
    *static_cast<uintptr_t *>(base) = (uintptr_t)info->dlpi_addr;
    return 1;
}

static void add_symbols(const std::vector<char> &file, const ElfW(Shdr) & table,
                        const ElfW(Shdr) & texts, names *to)
{
    uintptr_t base = 0;

    dl_iterate_phdr(add_base, &base);
    for (size_t at = 0; at + sizeof(ElfW(Sym)) <= table.sh_size; at += sizeof(ElfW(Sym))) {
        ElfW(Sym) symbol;

        memcpy(&symbol, file.data() + table.sh_offset + at, sizeof symbol);
        if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || !symbol.st_value) continue;
        (*to)[base + symbol.st_value] = file.data() + texts.sh_offset + symbol.st_name;
    }
}

static names read_names()
{
    std::ifstream in("/proc/self/exe", std::ios::binary);
    std::vector<char> file{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    ElfW(Ehdr) header;
    names all;

    if (file.size() < sizeof header) return all;
    memcpy(&header, file.data(), sizeof header);
    std::vector<ElfW(Shdr)> sections(header.e_shnum);
    memcpy(sections.data(), file.data() + header.e_shoff, sections.size() * sizeof sections[0]);
    for (const ElfW(Shdr) & s : sections)
        if (s.sh_type == SHT_SYMTAB) add_symbols(file, s, sections[s.sh_link], &all);
    return all;
}

std::string function_name(const void *function)
{
    static const names all = read_names();
    auto at = all.find(reinterpret_cast<uintptr_t>(function));

    return at == all.end() ? "" : plain_name(at->second);
}

} // namespace gk_ptx
