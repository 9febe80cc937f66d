/* Loads and stores, and the parameters of functions, which are registers here. */
#include "reader.h"

namespace gk_ptx
{

/* ".v2.u32": the end of an opcode. */
static bool read_elements(const std::string &opcode, size_t from, instruction *i)
{
    static const std::map<std::string, int> counts = {{".v2", 2}, {".v4", 4}};
    auto count = counts.find(opcode.substr(from, 3));

    if (count != counts.end()) {
        i->count = count->second;
        from += 3;
    }
    i->size = size_of_type(opcode.substr(from));
    i->is_signed = opcode.compare(from, 2, ".s") == 0;
    return i->size > 0;
}

static bool read_opcode(const std::string &opcode, instruction *i)
{
    static const struct {
        const char *begin;
        enum space space;
    } spaces[] = {{".global.nc", GLOBAL},
                  {".global", GLOBAL},
                  {".shared", SHARED},
                  {".local", LOCAL},
                  {".param", PARAM}};
    size_t verb = opcode.find('.');

    i->action = opcode.compare(0, verb, "st") == 0 ? STORE : LOAD;
    i->work = MEMORY;
    for (const auto &s : spaces) {
        std::string begin = s.begin;

        if (opcode.compare(verb, begin.size(), begin) != 0) continue;
        i->space = s.space;
        return read_elements(opcode, verb + begin.size(), i);
    }
    return false;
}

/* [%rd1+8], [array+8], [parameter]; a name that is no address: `passed`, a function's parameter. */
void reader::address(cursor &at, const frame &in, instruction *i, std::string *passed)
{
    uint64_t base = 0;

    at.expect("[");
    std::string name = at.peek();
    if (name[0] == '%')
        i->from[0] = value(at, in, 8, &i->address_size);
    else if (!symbol(at.next(), &base))
        *passed = name;
    i->offset = (int64_t)base;
    while (!at.take("]")) {
        at.take("+");
        int sign = at.take("-") ? -1 : 1;
        i->offset += sign * (int64_t)number(at.next());
    }
}

/* {%f1, %f2} or %f1 */
void reader::values(cursor &at, const frame &in, instruction *i)
{
    bool list = at.take("{");

    for (int n = 0; n < i->count; n++) {
        uint32_t reg = value(at, in, i->size, &i->wide[n]);

        if (i->wide[n] < i->size) at.fail("a register smaller than its memory");
        (i->action == LOAD ? i->to[n] : i->from[1 + n]) = reg;
        if (n + 1 < i->count) at.expect(",");
    }
    if (list) at.expect("}");
}

void reader::passed(const frame &in, instruction i, const std::string &name)
{
    auto outer = in.passed.find(name);
    uint32_t reg = made.reg(outer == in.passed.end() ? in.prefix + name : outer->second, 8);
    const operation *o = find_operation(i.size == 8 ? "mov.b64" : "mov.b32");

    i.each = o->each;
    i.work = o->work;
    if (i.action == STORE) {
        i.to[0] = reg;
        i.from[0] = i.from[1];
    } else
        i.from[0] = reg;
    i.action = EACH_LANE;
    made.add(i);
}

void reader::memory(cursor &at, const frame &in, instruction i, const std::string &opcode)
{
    std::string name;

    if (!read_opcode(opcode, &i)) at.fail("unknown instruction " + opcode);
    if (i.action == STORE) {
        address(at, in, &i, &name);
        at.expect(",");
        values(at, in, &i);
    } else {
        values(at, in, &i);
        at.expect(",");
        address(at, in, &i, &name);
    }
    if (name.empty())
        made.add(i);
    else if (i.space == PARAM && i.count == 1 && i.size >= 4 && i.offset == 0)
        passed(in, i, name);
    else
        at.fail("unknown address " + name);
}

} // namespace gk_ptx
