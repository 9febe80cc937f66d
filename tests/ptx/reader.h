/* Reads the body of a kernel; the functions that it calls are put in place of each call, their
 * labels and registers with a name of their own, so that a program has no stack. */
#ifndef GK_PTX_READER_H
#define GK_PTX_READER_H

#include "builder.h"
#include "lexer.h"

namespace gk_ptx
{

/* Bytes of ".u32"; 0: .pred; -1: no type. */
int size_of_type(const std::string &word);

/* ".align 4 .b8 name[24]": a variable or a parameter. */
struct variable {
    std::string name;
    int size = 0;
    size_t align = 0, count = 1;
    size_t bytes() const { return (size_t)size * count; }
};
variable read_variable(cursor &at);
size_t rounded(size_t at, size_t align);

/* A function or an entry, and where its body is. */
struct function {
    std::vector<variable> results, parameters;
    size_t from = 0; /* the word after its { */
    int threads_most = 0;
};

/* What the kernels of a module share. */
struct text {
    std::string file;
    std::vector<word> words;
    std::map<std::string, function> entries, functions;
    std::map<std::string, uint64_t> globals; /* addresses of constants */
};

class reader
{
  public:
    reader(const text &t, kernel *k) : t(t), made(k) {}
    void read(const function &of);

  private:
    /* A body that is being read: of the kernel, or of a function in place of a call. */
    struct frame {
        std::string prefix;                        /* of its registers and labels */
        std::map<std::string, std::string> passed; /* its parameters: registers of the caller */
        std::string end;                           /* the label that a return goes to; "": exit */
        int depth = 0;
    };
    const text &t;
    builder made;
    int calls = 0;

    void body(size_t from, const frame &in);
    bool declaration(cursor &at, const frame &in);
    void registers(cursor &at, const frame &in);
    void statement(cursor &at, const frame &in);
    void plain(cursor &at, const frame &in, instruction i, const std::string &opcode);
    void move(cursor &at, const frame &in, instruction i, const std::string &type);
    void shuffle(cursor &at, const frame &in, instruction i, const std::string &how);
    bool control(cursor &at, const frame &in, instruction i, const std::string &opcode);
    void call(cursor &at, const frame &in);
    void memory(cursor &at, const frame &in, instruction i, const std::string &opcode);
    void values(cursor &at, const frame &in, instruction *i);
    void address(cursor &at, const frame &in, instruction *i, std::string *passed);
    void passed(const frame &in, instruction i, const std::string &name);

    bool symbol(const std::string &name, uint64_t *value) const;
    uint32_t operand(cursor &at, const frame &in, int size);
    uint32_t value(cursor &at, const frame &in, int size, int *wide);
};

} // namespace gk_ptx

#endif
