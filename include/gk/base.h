/* The ground floor: status, memory, text, files, random numbers, clocks. Includes nothing of ours.
 *
 * Errors have four kinds (docs/design.md): input and the world return a gk_status through GK_TRY;
 * our own bugs abort in GK_CHECK; a device keeps its first error until `sync`; a loss of NaN is a
 * result, not an error. */
#ifndef GK_BASE_H
#define GK_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef GK_F64
typedef double gk_real; /* -DGK_F64=ON: the `ref`-only program that proves exactness */
#define GK_REAL_NAME "f64"
#else
typedef float gk_real;
#define GK_REAL_NAME "f32"
#endif

/* ---- status.c */

typedef enum gk_status {
    GK_OK = 0,
    GK_EIO,       /* the world: a file, a directory, the system      exit code 1  */
    GK_EDATA,     /* a file's content is not what it should be       exit code 1  */
    GK_EMEM,      /* memory of the host or the device                exit code 1  */
    GK_EDEVICE,   /* a backend that is missing or failed             exit code 1  */
    GK_ENODEVICE, /* this machine has no such device, or no driver   exit code 1  */
    GK_EBUSY,     /* a directory that another process has            exit code 1  */
    GK_EUSAGE,    /* command line or config                          exit code 2  */
    GK_DIVERGED,  /* not an error: the loss of the run is NaN        exit code 3  */
    GK_STOPPED    /* not an error: a resume point is on disk         exit code 75 */
} gk_status;

/* Keeps the message (one per thread, at most 4095 bytes) and returns `status`. A message says what,
 * which one, and what to do: `paper.yaml:7: unknown key "weight_dcay"; did you mean
 * "weight_decay"?` */
gk_status gk_fail(gk_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *gk_message(void);
int gk_exit_code(gk_status status);

/* printf to stderr, with "grokc: " before it. */
void gk_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define GK_TRY(call)                                                                               \
    do {                                                                                           \
        gk_status gk_try_status = (call);                                                          \
        if (gk_try_status != GK_OK) return gk_try_status;                                          \
    } while (0)

/* For what only a bug of ours can break; never compiled out. */
#define GK_CHECK(condition)                                                                        \
    do {                                                                                           \
        if (!(condition)) gk_check_failed(__FILE__, __LINE__, #condition);                         \
    } while (0)
__attribute__((noreturn)) void gk_check_failed(const char *file, int line, const char *condition);

/* ---- arena.c */

/* A bump allocator over one block of host or device memory that somebody else owns. With `base`
 * NULL it only counts: the same layout code first runs to learn the size, then to hand out the
 * pointers. */
typedef struct gk_arena {
    char *base;        /* NULL: counting */
    size_t size, used; /* bytes          */
} gk_arena;

/* `count` elements of `size` bytes, aligned to 256; NULL while counting. Overflow of the block is a
 * bug. */
void *gk_arena_take(gk_arena *arena, size_t count, size_t size);

/* malloc that never returns NULL: for small host structures. Dies with a message when memory is
 * out. */
void *gk_alloc(size_t count, size_t size); /* zeroed; release with free() */

/* ---- array.c */

/* Room for one more element of `size` bytes behind the n of an array that grows by this alone, from
 * NULL and n = 0. Returns the array, which may have moved; the new element is zero. Dies as
 * gk_alloc does. */
void *gk_grow(void *block, size_t n, size_t size);

/* For qsort, from small to large: int, int64_t, double (without NaN). */
int gk_ascending_ints(const void *a, const void *b);
int gk_ascending_epochs(const void *a, const void *b);
int gk_ascending_reals(const void *a, const void *b);

/* ---- text.c */

/* A string that grows; data is always terminated (NULL while empty). Start from {0}. */
typedef struct gk_text {
    char *data;
    size_t length, capacity;
} gk_text;

void gk_text_add(gk_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void gk_text_append(gk_text *text, const void *bytes, size_t n);
void gk_text_add_real(gk_text *text,
                      double value); /* shortest form that reads back exactly; NaN, inf: null */
void gk_text_add_json(gk_text *text, const char *string); /* quoted and escaped */
void gk_text_free(gk_text *text);                         /* back to {0} */

/* The whole string must be the number: no spaces, no locale, no hex, no "inf", no "nan". */
bool gk_parse_int(const char *string, int64_t *value);
bool gk_parse_real(const char *string, double *value);

/* A whole number however it is written, 100, 1e2 or 100.0, exactly: 0.5 is none, and neither is
 * what the type cannot hold. For what people write; files of this program keep to gk_parse_int. */
bool gk_parse_whole(const char *string, int64_t *value);
bool gk_parse_natural(const char *string, uint64_t *value);

enum { GK_PATH_MAX = 1024 }; /* longer paths are refused with a message */

/* "runs/paper@1000": a run directory and one of its epochs. Opens nothing. False where `text` is
 * not of this form. */
bool gk_parse_run_at(const char *text, char run[GK_PATH_MAX], int64_t *epoch);

/* The index of the candidate nearest to `word` (edit distance at most 1 + a third of its length),
 * or -1. */
int gk_nearest(const char *word, const char *const *candidates, int n);

/* ---- file.c */

/* snprintf into char[GK_PATH_MAX]; GK_EUSAGE where it does not fit. */
gk_status gk_path(char out[GK_PATH_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The whole file, terminated by an extra NUL; caller frees. More than `limit` bytes, or not a
 * regular file: error. */
gk_status gk_file_read(const char *path, size_t limit, char **data, size_t *size);

/* Temporary name in the same folder, write, fsync, rename, fsync of the folder: the file is either
 * old or new. */
gk_status gk_file_replace(const char *path, const void *data, size_t size);

/* Temporary files of gk_file_replace end so; whoever owns a directory may remove them at start. */
#define GK_TEMPORARY ".grokc-tmp"

/* A random number, for names that no other process gives: pids are not unique across containers and
 * hosts that share a disk. */
uint64_t gk_unique(void);

gk_status gk_make_directories(const char *path); /* mkdir -p */
/* So that a file created or renamed there survives a power cut. Not every folder can be synced, so
 * only EIO, ENOSPC and EDQUOT, and a folder that is not there, are errors. */
gk_status gk_sync_directory(const char *path);
bool gk_sync_file(int fd); /* fsync; true also where the file's disk has no such thing */
/* Opens those of descriptors 0 to 2 that are closed on /dev/null: else the next file that is opened
 * would become stdout or stderr, and get what is printed. First thing in main(). */
void gk_open_standard(void);
bool gk_exists(const char *path);

/* fopen for reading, of regular files only and without waiting for anything: a pipe would never
 * answer. */
gk_status gk_file_open(FILE **file, const char *path);

/* sha256.c: SHA-256 of `size` bytes, in hexadecimal. */
enum { GK_SHA256_HEX = 65 };
void gk_sha256(char hex[GK_SHA256_HEX], const void *data, size_t size);

/* ---- rng.c (philox) */

/* Philox4x32-10 (Salmon et al. 2011): out = f(key, counter), no state. */
void gk_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

/* The purposes of grokc's own random streams: counter word 2. A number is never reused. */
enum gk_purpose {
    GK_RNG_SPLIT = 1,   /* task.split: philox, symmetric    */
    GK_RNG_LABELS = 2,  /* task.op: random                  */
    GK_RNG_CORRUPT = 3, /* task.label_noise            */
    GK_RNG_CONTROL = 4, /* frequencies of measure control_random */
    GK_RNG_SWEEP = 5,   /* random: in a sweep file          */
    GK_RNG_DROPOUT = 6, /* which activations: gk_step_words */
    GK_RNG_NOISE = 7,   /* on weights: gk_step_words        */
    GK_RNG_TASK = 8,    /* examples of drawn tasks             */
    GK_RNG_BATCH = 9,   /* the order of a pass over the training set */
    GK_RNG_INIT = 1000  /* model.init: GK_RNG_INIT + 16 * layer + tensor, see init.c */
};

/* Four words of stream (seed, purpose) at `index`: key = seed (low, high), counter = index (low,
 * high), purpose, 0. */
void gk_random_words(uint32_t out[4], uint64_t seed, uint32_t purpose, uint64_t index);
/* Uniform in [0, n): floor(x 2^-64 n) with x = word 1, word 0 of call `index`. */
uint64_t gk_random_below(uint64_t n, uint64_t seed, uint32_t purpose, uint64_t index);

/* Four words of a stream that goes on with the steps of a run: key = seed, counter = index, step
 * (low), purpose, and site in the upper, bits 32 to 47 of step in the lower half of the last
 * word. So no two of (purpose, step, site, index) meet, for steps below 2^48. A stream is read
 * either so or by gk_random_words. */
enum { GK_STEP_SITES = 0xffff }; /* the largest site */
void gk_step_words(uint32_t out[4], uint64_t seed, uint32_t purpose, int64_t step, int site,
                   uint32_t index);

/* MT19937 (Matsumoto & Nishimura 1998), for the published seeds. */
typedef struct gk_mt {
    uint32_t word[624];
    int next;
} gk_mt;
void gk_mt_seed(gk_mt *mt, uint32_t seed);                    /* init_genrand  (PyTorch) */
void gk_mt_seed_array(gk_mt *mt, const uint32_t *key, int n); /* init_by_array (Python)  */
uint32_t gk_mt_next(gk_mt *mt);                               /* genrand_int32           */

/* ---- signal.c */

/* SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGUSR1, SIGUSR2 set a flag; a second SIGINT, 0.2 s later or
 * more, ends the process at once with code 130. SIGINT or SIGHUP that whoever started the program
 * had it ignore (nohup, a shell's `&`) stays ignored. */
void gk_signal_install(void);
int gk_signal_seen(void); /* the signal's number, 0 if none */

double gk_seconds(void); /* monotonic clock */

/* limits.c: cores that this process may use, at least 1: the least of its affinity mask, the quotas
 * of its cgroup (version 2 and 1) and of those above it, SLURM_CPUS_PER_TASK and
 * OMP_NUM_THREADS. */
typedef struct gk_cores {
    int n;
    const char *from; /* which of them: "affinity", "cgroup v2", "OMP_NUM_THREADS" ... */
} gk_cores;
gk_cores gk_cores_allowed(void);

/* Memory that is free now: of the host, or what the limits of its cgroup leave, if that is less. */
typedef struct gk_memory {
    size_t bytes;
    const char *from; /* "host", "cgroup v2", "cgroup v1" */
} gk_memory;
gk_memory gk_memory_free(void);

/* terminal.c: columns of the terminal at `fd`: what it says of itself now, else $COLUMNS, else
 * 80. */
int gk_terminal_width(int fd);

#endif
