/* Kernels as the interpreter runs them: decoded once from the PTX that nvcc makes (parser.cpp),
 * run by machine.cpp. Registers of a warp lie in one array of 32-bit words: a value of up to four
 * bytes takes 32 of them, one for each lane, one of eight bytes 64, a predicate one, a bit a lane.
 * Constants and special registers (%tid.x) are registers that are set before the first
 * instruction. */
#ifndef GK_PTX_PROGRAM_H
#define GK_PTX_PROGRAM_H

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gk_ptx
{

enum { LANES = 32, OPERANDS = 5, VECTOR = 4 };
const uint32_t ALL_LANES = 0xffffffffu;

/* What an instruction is counted as. MOVE: mov and packing, most of which ptxas does away with. */
enum kind_of_work { FMA, FLOAT, DOUBLE, INTEGER, MOVE, MEMORY, EXCHANGE, CONTROL, WORKS };
extern const char *const work_names[WORKS];

enum action { EACH_LANE, LOAD, STORE, SHUFFLE, BALLOT, WARP_BARRIER, BARRIER, BRANCH, EXIT, TRAP };
enum space { GLOBAL, SHARED, LOCAL, PARAM };
enum direction { UP, DOWN, BUTTERFLY, INDEX };

struct instruction;
/* Runs an instruction for the lanes of `mask`; r: the warp's registers. */
typedef void (*lane_function)(uint32_t *r, const instruction &i, uint32_t mask);

struct instruction {
    enum action action = EACH_LANE;
    enum kind_of_work work = MOVE;
    lane_function each = nullptr;
    int guard = -1; /* the predicate's register; -1: none */
    bool guard_not = false;
    uint32_t to[VECTOR] = {}, from[OPERANDS] = {}; /* registers; EACH_LANE writes to[0] */
    int target = -1;                               /* of a branch */
    enum direction direction = INDEX;
    int predicate_to = -1; /* of a shuffle: was the source inside? -1: not asked */

    /* LOAD, STORE: `count` elements of `size` bytes at from[0] + offset; stored: from[1] ... */
    enum space space = GLOBAL;
    int size = 0, count = 1;
    bool is_signed = false;
    int address_size = 0;  /* of from[0]; 0: no register */
    int wide[VECTOR] = {}; /* bytes of the registers that are loaded or stored */
    int64_t offset = 0;

    std::string text;
    int file = 0, line = 0; /* of the source: module::files */
    int row = 0;            /* of the PTX */
};

struct parameter {
    size_t at, bytes;
};

/* A register that has its value before the first instruction, the same in every lane. */
struct constant {
    uint32_t at;
    int size;
    uint64_t value;
};

/* Each takes 32 words, from the first. */
enum special {
    TID,
    NTID = TID + 3,
    CTAID = NTID + 3,
    NCTAID = CTAID + 3,
    LANE = NCTAID + 3,
    SPECIALS
};
inline uint32_t special_register(int i) { return (uint32_t)(i * LANES); }

struct module;

struct kernel {
    std::string name, symbol; /* "scatter_kernel<4>"; as in the PTX */
    const struct module *of = nullptr;
    std::vector<instruction> code;
    std::vector<parameter> parameters;
    std::vector<constant> constants;
    size_t parameter_bytes = 0, shared_bytes = 0, local_bytes = 0, words = 0;
    int threads_most = 0; /* .maxntid; 0: none said */
};

struct module {
    std::string file;
    std::map<int, std::string> files; /* of the source, without their folder */
    std::map<std::string, kernel> kernels;
    std::vector<std::pair<std::unique_ptr<unsigned char[]>, size_t>> constants; /* .global */
};

/* Throws std::runtime_error: what, in which line of the text. */
std::unique_ptr<module> parse(const std::string &file, const std::string &text);

/* operations.cpp: what an opcode does, by its whole spelling; NULL: unknown. */
struct operation {
    lane_function each;
    enum kind_of_work work;
    int size_to, size_from[OPERANDS], operands; /* bytes of registers; 0: a predicate */
};
const operation *find_operation(const std::string &opcode);

/* Of a mangled symbol: "scatter_kernel<4>". */
std::string plain_name(const std::string &symbol);
/* symbols.cpp: the same of a function of this program; "": not found. */
std::string function_name(const void *function);

/* "file.cu:12 [add.s32 %r1, %r2, %r3]" */
std::string place_of(const kernel &k, const instruction &i);

} // namespace gk_ptx

#endif
