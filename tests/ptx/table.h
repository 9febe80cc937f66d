/* How operations are listed: by the whole spelling of the opcode. */
#ifndef GK_PTX_TABLE_H
#define GK_PTX_TABLE_H

#include "lanes.h"

namespace gk_ptx
{

typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef float f32;
typedef double f64;

typedef std::map<std::string, operation> table;

template <auto F> void list(table &t, const char *opcode, enum kind_of_work work)
{
    t[opcode] = lanes<F>::as(work);
}

#define LIST(opcode, work, ...) list<__VA_ARGS__>(t, opcode, work)

void list_conversions(table &t);

} // namespace gk_ptx

#endif
