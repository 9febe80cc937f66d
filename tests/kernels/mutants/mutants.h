/* Backends with one bug each, for test_verify.c: an op that calls ref's with something wrong. */
#ifndef GK_TEST_MUTANTS_H
#define GK_TEST_MUTANTS_H

#include "lib/tolerance.h"
#include "mutants/params.h" /* PARAMS_op: made of gk/ops.def by params.awk */

#include <stdlib.h>
#include <string.h>

typedef struct mutant {
    const char *name, *op;
    void (*plant)(gk_backend *be);
    struct mutant *next;
} mutant;

/* Of test_verify.c: what every bug is a bug of, and all bugs in the list. */
extern gk_backend ref;
extern mutant *mutants;

/* MUTANT(name, op) { body }: the body stands where the op should, with the parameters that ops.def
 * gives them. It is in the list before main() begins. */
#define MUTANT(name, op)                                                                           \
    static void name(gk_backend *be, PARAMS_##op);                                                 \
    static void plant_##name(gk_backend *be) { be->op = name; }                                    \
    __attribute__((constructor)) static void list_##name(void)                                     \
    {                                                                                              \
        static mutant this = {#name, #op, plant_##name, NULL};                                     \
        this.next = mutants;                                                                       \
        mutants = &this;                                                                           \
    }                                                                                              \
    static void name(gk_backend *be, PARAMS_##op)

/* A copy that a mutant may spoil; free what it gives. */
static inline void *copy(const void *from, size_t bytes)
{
    void *to = gk_alloc(bytes, 1);

    return memcpy(to, from, bytes);
}

#endif
