/* Every operation of the modular task against its definition, by brute force. */
#include "lib/support.h"

static const int moduli[] = {2, 3, 5, 7, 12, 97, 113};
enum { N_MODULI = sizeof moduli / sizeof *moduli, N_OPS = GK_OP_ADD_OR_SUBTRACT + 1 };

static void open_task(gk_task *task, int op, int64_t p, int64_t seed)
{
    static gk_config config;

    memset(&config, 0, sizeof config);
    config.task.op = op;
    config.task.p = p;
    config.task.label_seed = seed;
    OK(gk_task_open(task, &config));
}

/* The only c with c b = a mod p; -1 if there is none or another. */
static int quotient(int a, int b, int p)
{
    int found = -1, n = 0;

    for (int c = 0; c < p; c++) {
        if (c * b % p != a) continue;
        found = c;
        n++;
    }
    return n == 1 ? found : -1;
}

static int power(int x, int n, int p) { return n == 0 ? 1 % p : x * power(x, n - 1, p) % p; }

/* a op b, -1 if the pair is no example. Every intermediate value is below p^2. */
static int defined(int op, int a, int b, int p)
{
    int ab = a * b % p;

    switch ((enum gk_op)op) {
    case GK_OP_ADD: return (a + b) % p;
    case GK_OP_SUBTRACT: return (a + p - b) % p;
    case GK_OP_MULTIPLY: return ab;
    case GK_OP_DIVIDE: return quotient(a, b, p);
    case GK_OP_X2_Y2: return (power(a, 2, p) + power(b, 2, p)) % p;
    case GK_OP_X2_XY_Y2: return (power(a, 2, p) + ab + power(b, 2, p)) % p;
    case GK_OP_X2_XY_Y2_X: return (power(a, 2, p) + ab + power(b, 2, p) + a) % p;
    case GK_OP_X3_XY: return (power(a, 3, p) + ab) % p;
    case GK_OP_X3_XY2_Y: return (power(a, 3, p) + ab * b % p + b) % p;
    case GK_OP_DIVIDE_OR_SUBTRACT: return b % 2 ? quotient(a, b, p) : (a + p - b) % p;
    case GK_OP_ADD_OR_MULTIPLY: return a % 2 ? ab : (a + b) % p;
    case GK_OP_ADD_OR_SUBTRACT: return (a % 2 ? a + p - b : a + b) % p;
    case GK_OP_RANDOM: return (int)gk_random_below((uint64_t)p, 3, GK_RNG_LABELS, a * p + b);
    }
    return -1;
}

static void check_example(const gk_task *task, int index, int a, int b)
{
    int32_t tokens[3], label = -1;

    task->example(task, index, tokens, &label);
    if (tokens[0] != a || tokens[1] != b || tokens[2] != task->p)
        fail_msg("op %d mod %d, example %d: %d %d %d, expected %d %d", task->op, task->p, index,
                 tokens[0], tokens[1], tokens[2], a, b);
    if (label != defined(task->op, a, b, task->p))
        fail_msg("op %d mod %d: %d op %d = %d, expected %d", task->op, task->p, a, b, label,
                 defined(task->op, a, b, task->p));
    assert_int_equal(task->id(task, index), task->p * a + b);
    assert_int_equal(task->find(task, task->p * a + b), index);
}

static void check_commuted(const gk_task *task, int index, int a, int b)
{
    int commuted = task->commuted(task, index);
    int32_t tokens[3], label;

    if (defined(task->op, b, a, task->p) < 0) {
        assert_int_equal(commuted, -1);
        return;
    }
    task->example(task, commuted, tokens, &label);
    assert_true(tokens[0] == b && tokens[1] == a);
    assert_int_equal(task->commuted(task, commuted), index);
    if (a == b) assert_int_equal(commuted, index);
}

static void every_operation_is_its_definition(void **state)
{
    (void)state;
    for (int op = 0; op < N_OPS; op++) {
        for (int m = 0; m < N_MODULI; m++) {
            int p = moduli[m], n = 0;
            gk_task task;
            open_task(&task, op, p, 3);
            assert_string_equal(task.name, "modular");
            assert_true(task.V == p + 1 && task.T == 3 && task.answers == p && task.p == p);
            for (int a = 0; a < p; a++) {
                for (int b = 0; b < p; b++) {
                    if (defined(op, a, b, p) < 0) {
                        assert_int_equal(task.find(&task, p * a + b), -1);
                        continue;
                    }
                    check_example(&task, n, a, b);
                    check_commuted(&task, n, a, b);
                    n++;
                }
            }
            assert_int_equal(task.n, n);
            assert_int_equal(task.find(&task, -1), -1);
            assert_int_equal(task.find(&task, p * p), -1);
            assert_int_equal(task.find(&task, INT32_MAX), -1);
            gk_task_close(&task);
        }
    }
}

static void sizes_are_known(void **state)
{
    static const struct {
        int op, p, n;
    } known[] = {
        {GK_OP_ADD, 113, 12769},
        {GK_OP_DIVIDE, 97, 97 * 96},
        {GK_OP_DIVIDE, 12, 12 * 4},              /* units 1 5 7 11 */
        {GK_OP_DIVIDE_OR_SUBTRACT, 97, 97 * 97}, /* y even: all; y odd: units */
        {GK_OP_DIVIDE_OR_SUBTRACT, 12, 12 * 10}, /* without y = 3 and 9 */
        {GK_OP_DIVIDE, 2, 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        gk_task task;
        open_task(&task, known[i].op, known[i].p, 0);
        assert_int_equal(task.n, known[i].n);
        gk_task_close(&task);
    }
}

/* (-1)^3 + (-1)(-1)^2 + (-1) = -3: the largest intermediate value there is. */
static void the_largest_modulus_does_not_overflow(void **state)
{
    int32_t tokens[3], label;
    gk_task task;

    (void)state;
    open_task(&task, GK_OP_X3_XY2_Y, 4093, 0);
    assert_int_equal(task.n, 4093 * 4093);
    task.example(&task, task.n - 1, tokens, &label);
    assert_true(tokens[0] == 4092 && tokens[1] == 4092 && label == 4090);
    gk_task_close(&task);
}

static void random_labels_depend_on_their_seed(void **state)
{
    enum { P = 5, N = 25 };
    int differ = 0;
    gk_task one, other;

    (void)state;
    open_task(&one, GK_OP_RANDOM, P, 1);
    open_task(&other, GK_OP_RANDOM, P, ((int64_t)1 << 40) + 1);
    for (int i = 0; i < N; i++) {
        int32_t tokens[3], a, b;
        one.example(&one, i, tokens, &a);
        other.example(&other, i, tokens, &b);
        differ += a != b;
    }
    assert_in_range(differ, 10, N);
    gk_task_close(&one);
    gk_task_close(&other);
}

static void a_modulus_out_of_range_is_refused(void **state)
{
    static const int64_t bad[] = {-7, 0, 1, 4094, (int64_t)1 << 33};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        static gk_config config;
        gk_task task;
        config.task.p = bad[i];
        assert_int_equal(gk_task_open(&task, &config), GK_EUSAGE);
        assert_non_null(strstr(gk_message(), "task.p"));
        gk_task_close(&task);
    }
}

static void tasks_have_names(void **state)
{
    const char *help = NULL;

    (void)state;
    assert_string_equal(gk_task_name(0, &help), "modular");
    assert_non_null(help);
    assert_string_equal(gk_task_name(0, NULL), "modular");
    assert_string_equal(gk_task_name(GK_TASK_PARITY, NULL), "parity");
    assert_null(gk_task_name(GK_TASK_PARITY + 1, &help));
    assert_null(gk_task_name(-1, &help));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_is_its_definition),
        cmocka_unit_test(sizes_are_known),
        cmocka_unit_test(the_largest_modulus_does_not_overflow),
        cmocka_unit_test(random_labels_depend_on_their_seed),
        cmocka_unit_test(a_modulus_out_of_range_is_refused),
        cmocka_unit_test(tasks_have_names),
    };
    return cmocka_run_group_tests_name("tasks", tests, NULL, NULL);
}
