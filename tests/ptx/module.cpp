/* What stands around the bodies of a PTX text: constants, functions, entries. */
#include "reader.h"

#include <cxxabi.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace gk_ptx
{

int size_of_type(const std::string &word)
{
    static const std::map<std::string, int> sizes = {
        {".pred", 0}, {".b8", 1},  {".u8", 1},  {".s8", 1},  {".b16", 2},
        {".u16", 2},  {".s16", 2}, {".b32", 4}, {".u32", 4}, {".s32", 4},
        {".f32", 4},  {".b64", 8}, {".u64", 8}, {".s64", 8}, {".f64", 8}};
    auto type = sizes.find(word);

    return type == sizes.end() ? -1 : type->second;
}

size_t rounded(size_t at, size_t align) { return align ? (at + align - 1) / align * align : at; }

variable read_variable(cursor &at)
{
    variable v;

    while (at.peek()[0] == '.') {
        std::string word = at.next();

        if (word == ".align") v.align = (size_t)number(at.next());
        if (size_of_type(word) > 0) v.size = size_of_type(word);
    }
    v.name = at.next();
    if (v.align == 0) v.align = (size_t)v.size;
    if (!at.take("[")) return v;
    v.count = at.peek() == "]" ? 0 : (size_t)number(at.next());
    if (v.count)
        at.expect("]");
    else
        at.take("]");
    return v;
}

static std::vector<variable> read_parameters(cursor &at)
{
    std::vector<variable> list;

    at.expect("(");
    while (!at.take(")")) {
        at.expect(".param");
        list.push_back(read_variable(at));
        at.take(",");
    }
    return list;
}

/* .global .align 4 .f32 name = 0f33800000; or name[24] = {1, 2, ...}; */
static void read_constant(cursor &at, text *t, module *m)
{
    variable v = read_variable(at);
    auto memory = std::make_unique<unsigned char[]>(v.bytes());
    size_t n = 0;

    if (at.take("="))
        while (at.peek() != ";") {
            std::string word = at.next();
            uint64_t value = number(word);

            if (!is_number(word)) continue;
            if (n == v.count) at.fail("more values than " + v.name + " has");
            memcpy(&memory[n++ * (size_t)v.size], &value, (size_t)v.size);
        }
    at.expect(";");
    t->globals[v.name] = (uint64_t) reinterpret_cast<uintptr_t>(memory.get());
    m->constants.emplace_back(std::move(memory), v.bytes());
}

static void skip_body(cursor &at)
{
    for (int depth = 1; depth;) {
        std::string word = at.next();

        depth += word == "{" ? 1 : word == "}" ? -1 : 0;
    }
}

static void read_function(cursor &at, bool entry, text *t)
{
    function f;

    if (!entry && at.peek() == "(") f.results = read_parameters(at);
    std::string name = at.next();
    if (at.peek() == "(") f.parameters = read_parameters(at);
    while (at.peek() != "{" && at.peek() != ";")
        if (at.next() == ".maxntid") {
            f.threads_most = (int)number(at.next());
            for (; at.take(",");) f.threads_most *= (int)number(at.next());
        }
    if (at.take(";")) return; /* a declaration */
    at.expect("{");
    f.from = at.position();
    skip_body(at);
    (entry ? t->entries : t->functions)[name] = f;
}

static void read_top(cursor &at, text *t, module *m)
{
    std::string word = at.next();

    if (word == ".visible" || word == ".weak" || word == ".extern")
        return;
    else if (word == ".entry" || word == ".func")
        read_function(at, word == ".entry", t);
    else if (word == ".global" || word == ".const")
        read_constant(at, t, m);
    else if (word == ".shared")
        at.skip_past(";"); /* gk_shared_bytes: what a launch adds */
    else
        at.fail("unknown word " + word);
}

/* "void scatter_kernel<(int)4>(panel)" is scatter_kernel<4>. */
std::string plain_name(const std::string &symbol)
{
    int status;
    char *demangled = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
    std::string name = demangled ? demangled : symbol;

    free(demangled);
    for (const char *cast : {"(int)", "(bool)", "(unsigned int)"})
        for (size_t at; (at = name.find(cast)) != std::string::npos;) name.erase(at, strlen(cast));
    name.erase(std::min(name.find('('), name.size()));
    return name.compare(0, 5, "void ") == 0 ? name.substr(5) : name;
}

std::unique_ptr<module> parse(const std::string &file, const std::string &source)
{
    auto m = std::make_unique<module>();
    text t;

    m->file = t.file = file;
    t.words = words_of(source, &m->files);
    for (cursor at(t.file, t.words); !at.ended();) read_top(at, &t, m.get());
    for (const auto &entry : t.entries) {
        kernel k;

        k.symbol = entry.first;
        k.name = plain_name(k.symbol);
        k.of = m.get();
        reader(t, &k).read(entry.second);
        m->kernels[k.name] = std::move(k);
    }
    return m;
}

std::string place_of(const kernel &k, const instruction &i)
{
    auto file = k.of->files.find(i.file);

    return (file == k.of->files.end() ? "?" : file->second) + ":" + std::to_string(i.line) + " [" +
           i.text + "]";
}

} // namespace gk_ptx
