/* Statements in their order: declarations, labels, instructions. Loads and stores are read in
 * addresses.cpp. */
#include "reader.h"

#include <stdexcept>

namespace gk_ptx
{

enum { DEEPEST_CALL = 8 }; /* a function that calls itself would have no end */

/* Variables of a kernel's shared memory come before what a launch adds. */
void reader::read(const function &of)
{
    kernel *k = made.result();

    for (const variable &p : of.parameters) {
        k->parameter_bytes = rounded(k->parameter_bytes, p.align);
        made.symbols[p.name] = k->parameter_bytes;
        k->parameters.push_back({k->parameter_bytes, p.bytes()});
        k->parameter_bytes += p.bytes();
    }
    k->threads_most = of.threads_most;
    body(of.from, {});
    made.finish();
}

void reader::body(size_t from, const frame &in)
{
    cursor at(t.file, t.words, from);
    instruction last;

    for (int depth = 1; depth;) {
        if (at.take("{"))
            depth++;
        else if (at.take("}"))
            depth--;
        else if (at.peek(1) == ":") {
            made.label(in.prefix + at.next());
            at.expect(":");
        } else if (!declaration(at, in))
            statement(at, in);
    }
    last.action = EXIT;
    last.work = CONTROL;
    last.text = "end of the kernel";
    if (in.end.empty()) made.add(last);
}

bool reader::declaration(cursor &at, const frame &in)
{
    if (at.peek() == ".pragma" || at.peek() == ".param")
        at.skip_past(";");
    else if (at.take(".reg"))
        registers(at, in);
    else if (at.peek() == ".shared" || at.peek() == ".local") {
        kernel *k = made.result();
        size_t &end = at.next() == ".shared" ? k->shared_bytes : k->local_bytes;
        variable v = read_variable(at);

        end = rounded(end, v.align);
        made.symbols[v.name] = end;
        end += v.bytes();
        at.expect(";");
    } else
        return false;
    return true;
}

/* ".reg .b32 %r<302>;": all names that begin with %r; ".reg .b32 temp;": one. */
void reader::registers(cursor &at, const frame &in)
{
    int size = size_of_type(at.next());

    do {
        made.declare(in.prefix + at.next(), size);
        if (at.take("<")) at.skip_past(">");
    } while (at.take(","));
    at.expect(";");
}

bool reader::symbol(const std::string &name, uint64_t *value) const
{
    auto own = made.symbols.find(name);
    auto global = t.globals.find(name);

    if (own != made.symbols.end())
        *value = own->second;
    else if (global != t.globals.end())
        *value = global->second;
    else
        return false;
    return true;
}

/* A register, a number or the address of a variable. wide: the bytes of the register. */
uint32_t reader::value(cursor &at, const frame &in, int size, int *wide)
{
    bool negative = at.take("-");
    std::string name = at.next();
    uint64_t number_of;

    *wide = size;
    if (is_number(name)) return made.constant_of(negative ? 0 - number(name) : number(name), size);
    if (name == "gk_shared_bytes") return made.end_of_shared(size);
    if (symbol(name, &number_of)) return made.constant_of(number_of, size);
    *wide = made.size_of(in.prefix, name);
    if (*wide < 0) at.fail("unknown operand " + name);
    return made.reg(made.is_special(name) ? name : in.prefix + name, *wide);
}

/* Of exactly `size` bytes, 0: a predicate. */
uint32_t reader::operand(cursor &at, const frame &in, int size)
{
    const std::string name = at.peek();
    int wide;
    uint32_t reg = value(at, in, size, &wide);

    if (wide != size)
        at.fail(name + " has " + std::to_string(wide) + " bytes, not " + std::to_string(size));
    return reg;
}

/* ---- instructions */

void reader::statement(cursor &at, const frame &in)
{
    instruction i;

    i.file = at.here().file;
    i.line = at.here().line;
    i.row = at.here().row;
    for (size_t n = 0; at.peek(n) != ";" && !at.peek(n).empty(); n++)
        i.text += (n && at.peek(n) != "," ? " " : "") + at.peek(n);
    if (at.take("@")) {
        i.guard_not = at.take("!");
        i.guard = (int)operand(at, in, 0);
    }
    std::string opcode = at.next(), verb = opcode.substr(0, opcode.find('.'));
    if (opcode == "call.uni")
        call(at, in);
    else if (verb == "ld" || verb == "st")
        memory(at, in, i, opcode);
    else if (verb == "shfl")
        shuffle(at, in, i, opcode);
    else if (verb == "mov")
        move(at, in, i, opcode.substr(4));
    else if (!control(at, in, i, opcode))
        plain(at, in, i, opcode);
    at.expect(";");
}

void reader::plain(cursor &at, const frame &in, instruction i, const std::string &opcode)
{
    bool narrows = opcode.compare(0, 4, "cvt.") == 0 && made.size_of(in.prefix, at.peek(2)) == 8;
    const operation *o = narrows ? find_operation(opcode + "/8") : nullptr;

    if (!o) o = find_operation(opcode);
    if (!o) at.fail("unknown instruction " + opcode);
    i.each = o->each;
    i.work = o->work;
    i.to[0] = operand(at, in, o->size_to);
    for (int n = 0; n < o->operands; n++) {
        at.expect(",");
        i.from[n] = operand(at, in, o->size_from[n]);
    }
    made.add(i);
}

/* mov, also from or to a pair: mov.b64 {low, high}, pair. */
void reader::move(cursor &at, const frame &in, instruction i, const std::string &type)
{
    bool apart = at.peek() == "{", together = !apart && at.peek(2) == "{";
    std::string opcode = apart ? "unpack." + type : together ? "pack." + type : "mov." + type;
    const operation *o = find_operation(opcode);

    if (!apart && !together) {
        plain(at, in, i, opcode);
        return;
    }
    if (!o) at.fail("unknown instruction " + opcode);
    i.each = o->each;
    i.work = o->work;
    at.take("{");
    i.to[0] = operand(at, in, o->size_to);
    at.expect(",");
    if (apart) {
        i.to[1] = operand(at, in, o->size_to);
        at.expect("}");
        at.expect(",");
        i.from[0] = operand(at, in, o->size_from[0]);
    } else {
        at.expect("{");
        i.from[0] = operand(at, in, o->size_from[0]);
        at.expect(",");
        i.from[1] = operand(at, in, o->size_from[1]);
        at.expect("}");
    }
    made.add(i);
}

void reader::shuffle(cursor &at, const frame &in, instruction i, const std::string &how)
{
    static const std::map<std::string, enum direction> ways = {{"shfl.sync.up.b32", UP},
                                                               {"shfl.sync.down.b32", DOWN},
                                                               {"shfl.sync.bfly.b32", BUTTERFLY},
                                                               {"shfl.sync.idx.b32", INDEX}};
    auto way = ways.find(how);

    if (way == ways.end()) at.fail("unknown instruction " + how);
    i.action = SHUFFLE;
    i.work = EXCHANGE;
    i.direction = way->second;
    i.to[0] = operand(at, in, 4);
    if (at.take("|")) i.predicate_to = (int)operand(at, in, 0);
    for (int n = 0; n < 4; n++) { /* value, lane, clamp, members */
        at.expect(",");
        i.from[n] = operand(at, in, 4);
    }
    made.add(i);
}

/* Branches, ends, barriers, votes: true if it was one. */
bool reader::control(cursor &at, const frame &in, instruction i, const std::string &opcode)
{
    i.work = CONTROL;
    if (opcode == "bra" || opcode == "bra.uni") {
        i.action = BRANCH;
        made.add(i, in.prefix + at.next());
    } else if ((opcode == "ret" || opcode == "exit") && !in.end.empty()) {
        i.action = BRANCH;
        made.add(i, in.end);
    } else if (opcode == "ret" || opcode == "exit") {
        i.action = EXIT;
        made.add(i);
    } else if (opcode == "trap") {
        i.action = TRAP;
        made.add(i);
    } else if (opcode == "bar.sync") {
        i.action = BARRIER;
        if (at.next() != "0") at.fail("only barrier 0 is known");
        made.add(i);
    } else if (opcode == "bar.warp.sync") {
        i.action = WARP_BARRIER;
        i.from[0] = operand(at, in, 4);
        made.add(i);
    } else if (opcode == "vote.sync.ballot.b32") {
        i.action = BALLOT;
        i.work = EXCHANGE;
        i.to[0] = operand(at, in, 4);
        at.expect(",");
        i.from[0] = operand(at, in, 0);
        at.expect(",");
        i.from[1] = operand(at, in, 4);
        made.add(i);
    } else
        return false;
    return true;
}

/* call.uni (result), name, (a, b): the body of the function follows at once. */
void reader::call(cursor &at, const frame &in)
{
    std::vector<std::string> given;
    frame inner;

    if (in.depth == DEEPEST_CALL) at.fail("calls go too deep");
    if (at.take("("))
        for (; !at.take(")"); at.take(",")) given.push_back(in.prefix + at.next());
    at.take(",");
    auto f = t.functions.find(at.next());
    if (f == t.functions.end() || !f->second.from) at.fail("call of an unknown function");
    if (at.take(",")) {
        at.expect("(");
        for (; !at.take(")"); at.take(",")) given.push_back(in.prefix + at.next());
    }
    std::vector<variable> taken = f->second.results;
    taken.insert(taken.end(), f->second.parameters.begin(), f->second.parameters.end());
    if (taken.size() != given.size()) at.fail("a call with other parameters than its function");
    for (size_t n = 0; n < taken.size(); n++) inner.passed[taken[n].name] = given[n];
    inner.prefix = f->first + "#" + std::to_string(calls++) + ":";
    inner.end = inner.prefix + "end";
    inner.depth = in.depth + 1;
    body(f->second.from, inner);
    made.label(inner.end);
}

} // namespace gk_ptx
