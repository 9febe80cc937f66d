/* Fibers: a switch of stacks in a few instructions on x86-64, ucontext elsewhere.
 * AddressSanitizer is told of every switch. */
#include "fiber.h"
#include "asan.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#ifdef GK_SHIM_ASAN
enum { STACK = 256 << 10 };
#else
enum { STACK = 64 << 10 };
#endif

enum { GUARD = 4096 }; /* an overflow hits it */

#if defined(__x86_64__) && !defined(GK_SHIM_UCONTEXT)

struct context {
    void *top;
};

extern "C" void gk_shim_switch(void **save, void *load);
asm(R"(
    .text
    .type gk_shim_switch, @function
    .globl gk_shim_switch
gk_shim_switch:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
    .size gk_shim_switch, . - gk_shim_switch
)");

static void context_switch(context *save, const context *load)
{
    gk_shim_switch(&save->top, load->top);
}

/* Six zeros for the registers, the address to return to, and a return address of nobody. */
static void context_begin(context *c, unsigned char *stack, size_t size, void (*run)())
{
    void **top = reinterpret_cast<void **>(stack + size) - 8;

    for (int i = 0; i < 8; i++) top[i] = nullptr;
    top[6] = reinterpret_cast<void *>(run);
    c->top = top;
}

#else

#include <ucontext.h>

typedef ucontext_t context;

static void context_switch(context *save, const context *load) { swapcontext(save, load); }

static void context_begin(context *c, unsigned char *stack, size_t size, void (*run)())
{
    getcontext(c);
    c->uc_stack.ss_sp = stack;
    c->uc_stack.ss_size = size;
    c->uc_link = nullptr;
    makecontext(c, run, 0);
}

#endif

struct fiber {
    context at;
    unsigned char *stack;
    void (*run)();
    void *fake; /* AddressSanitizer's frames of this stack */
    bool dying;
};

static context host;
static const void *host_stack;
static size_t host_size;
static fiber *inside;
static bool from_host;                                         /* who switched */
static std::vector<fiber *> &idle = *new std::vector<fiber *>; /* lives as long as the process */

/* The first thing after a switch to a fiber. */
static void arrive(void *fake)
{
    const void *stack;
    size_t size;

    __sanitizer_finish_switch_fiber(fake, from_host ? &host_stack : &stack,
                                    from_host ? &host_size : &size);
}

static void fiber_begin()
{
    arrive(nullptr);
    inside->run();
    abort();
}

static void rewind(fiber *f)
{
    f->fake = nullptr;
    f->dying = false;
    __asan_unpoison_memory_region(f->stack, STACK);
    context_begin(&f->at, f->stack, STACK, fiber_begin);
}

fiber *fiber_take(void (*run)())
{
    if (!idle.empty()) {
        fiber *f = idle.back();

        idle.pop_back();
        return f;
    }
    fiber *f = new fiber();
    void *memory = mmap(nullptr, GUARD + STACK, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED || mprotect(memory, GUARD, PROT_NONE) != 0) {
        perror("host shim: a fiber's stack");
        abort();
    }
    f->stack = static_cast<unsigned char *>(memory) + GUARD;
    f->run = run;
    rewind(f);
    return f;
}

void fiber_give(fiber *f) { idle.push_back(f); }

void fiber_enter(fiber *f)
{
    void *fake;

    inside = f;
    from_host = true;
    __sanitizer_start_switch_fiber(&fake, f->stack, STACK);
    context_switch(&host, &f->at);
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
}

void fiber_pass(fiber *to)
{
    fiber *f = inside;

    inside = to;
    from_host = false;
    __sanitizer_start_switch_fiber(&f->fake, to->stack, STACK);
    context_switch(&f->at, &to->at);
    arrive(f->fake);
    if (f->dying) fiber_leave();
}

void fiber_leave()
{
    fiber *f = inside;

    do {
        __sanitizer_start_switch_fiber(f->dying ? nullptr : &f->fake, host_stack, host_size);
        context_switch(&f->at, &host);
        arrive(f->fake);
    } while (f->dying);
}

/* It is entered once more, so that AddressSanitizer can take back its frames. */
void fiber_kill(fiber *f)
{
    f->dying = true;
    fiber_enter(f);
    rewind(f);
    fiber_give(f);
}
