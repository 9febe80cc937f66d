/* The parser of the command line over its own lists: every command with every option, given in each
 * way that there is, is stored in its member and nowhere else, or refused. */
#include "cli/cli.h"
#include "lib/support.h"

#include <inttypes.h>

enum { ROOM = 64 };

static gk_cli cli, expected;

/* The defaults of a command: what an empty line gives. */
static void parse_nothing(gk_cli *out, const gk_command *command)
{
    char *none[] = {NULL};

    assert_int_equal(gk_cli_parse(out, command, 0, none), GK_OK);
    out->arguments = NULL;
}

/* A line of n words. */
static gk_status parse(const gk_command *command, int n, const char *a, const char *b)
{
    static char line[2][ROOM];
    char *argv[] = {line[0], line[1], NULL};

    snprintf(line[0], ROOM, "%s", a);
    snprintf(line[1], ROOM, "%s", b);
    gk_status status = gk_cli_parse(&cli, command, n, argv);
    cli.arguments = NULL;
    return status;
}

/* The member of an option holds `value`. */
static void assert_stored(const gk_option *o, const char *value)
{
    const void *at = (const char *)&cli + o->offset;
    const gk_list *list = at;
    const char *stored = NULL;
    int64_t number;

    switch (o->kind) {
    case GK_OPTION_FLAG: assert_true(*(const bool *)at); return;
    case GK_OPTION_WHOLE:
        assert_true(gk_parse_int(value, &number));
        assert_true(*(const int64_t *)at == number);
        return;
    case GK_OPTION_TEXT: stored = *(const char *const *)at; break;
    case GK_OPTION_LIST:
        assert_int_equal(list->n, 1);
        stored = list->item[0];
        break;
    }
    assert_non_null(stored);
    assert_string_equal(stored, value);
}

static size_t size_of(const gk_option *o)
{
    switch (o->kind) {
    case GK_OPTION_FLAG: return sizeof(bool);
    case GK_OPTION_TEXT: return sizeof(char *);
    case GK_OPTION_LIST: return sizeof(gk_list);
    case GK_OPTION_WHOLE: return sizeof(int64_t);
    }
    return 0;
}

/* The option is stored, and without it the line is an empty one. */
static void assert_alone(const gk_command *command, const gk_option *o, const char *value)
{
    assert_stored(o, value);
    parse_nothing(&expected, command);
    memcpy((char *)&cli + o->offset, (char *)&expected + o->offset, size_of(o));
    assert_memory_equal(&cli, &expected, sizeof cli);
}

static void check_taken(const gk_command *command, const gk_option *o)
{
    const char *value = o->kind == GK_OPTION_WHOLE ? "1" : "some";
    char word[ROOM], joined[ROOM], brief[] = {'-', gk_option_letter(o), 0};

    snprintf(word, sizeof word, "--%s", o->name);
    snprintf(joined, sizeof joined, "--%s=%s", o->name, value);
    if (!o->argument) {
        assert_int_equal(parse(command, 1, word, ""), GK_OK);
        assert_alone(command, o, "");
        if (!strcmp(o->name, "help")) return;
        assert_int_equal(parse(command, 1, joined, ""), GK_EUSAGE);
        assert_non_null(strstr(gk_message(), "takes no value"));
        return;
    }
    assert_int_equal(parse(command, 2, word, value), GK_OK);
    assert_alone(command, o, value);
    assert_int_equal(parse(command, 1, joined, ""), GK_OK);
    assert_alone(command, o, value);
    if (brief[1]) {
        assert_int_equal(parse(command, 2, brief, value), GK_OK);
        assert_alone(command, o, value);
    }
    assert_int_equal(parse(command, 1, word, ""), GK_EUSAGE);
    assert_non_null(strstr(gk_message(), "needs a value"));
    assert_int_equal(parse(command, 2, word, ""), GK_EUSAGE);
    assert_non_null(strstr(gk_message(), "needs a value"));
}

static void every_option_of_every_command(void **state)
{
    int taken = 0;

    (void)state;
    for (int c = 0; c < GK_COMMANDS; c++)
        for (int i = -1; (i = gk_option_next(&gk_commands[c], i)) < GK_OPTIONS; taken++)
            check_taken(&gk_commands[c], &gk_options[i]);
    assert_true(taken > 60);
}

/* Is there an option of this name in the command? */
static bool has(const gk_command *command, const char *name)
{
    for (int i = -1; (i = gk_option_next(command, i)) < GK_OPTIONS;)
        if (!strcmp(gk_options[i].name, name)) return true;
    return false;
}

static void what_a_command_does_not_take(void **state)
{
    int refused = 0;

    (void)state;
    for (int c = 0; c < GK_COMMANDS; c++)
        for (int i = 0; i < GK_OPTIONS; i++) {
            char word[ROOM], message[2 * ROOM];
            if (has(&gk_commands[c], gk_options[i].name)) continue;
            snprintf(word, sizeof word, "--%s", gk_options[i].name);
            assert_int_equal(parse(&gk_commands[c], 2, word, "1"), GK_EUSAGE);
            snprintf(message, sizeof message, "unknown option \"%s\" of %s; it is one of ", word,
                     gk_commands[c].name);
            assert_non_null(strstr(gk_message(), message));
            refused++;
        }
    assert_true(refused > 300);
}

/* A name is one option in a command, and the list is in order in itself. */
static void names_are_unique(void **state)
{
    (void)state;
    for (int c = 0; c < GK_COMMANDS; c++)
        for (int i = -1; (i = gk_option_next(&gk_commands[c], i)) < GK_OPTIONS;)
            for (int j = i; (j = gk_option_next(&gk_commands[c], j)) < GK_OPTIONS;)
                assert_string_not_equal(gk_options[i].name, gk_options[j].name);
    for (int i = 0; i < GK_OPTIONS; i++) {
        const gk_option *o = &gk_options[i];
        assert_true(*o->help && (o->kind == GK_OPTION_FLAG) == !o->argument);
        assert_true(o->commands & ((1U << GK_COMMANDS) - 1));
        /* 0 stands for "not given" */
        if (o->kind == GK_OPTION_WHOLE) assert_true(o->min > 0 && o->max >= o->min);
    }
}

static void numbers(void **state)
{
    static const char *const wrong[] = {"0",  "-1", "1.5",  "ten", "nan",
                                        "1x", " 1", "0x10", "1e3", "99999999999999999999"};

    (void)state;
    for (int c = 0; c < GK_COMMANDS; c++)
        for (int i = -1; (i = gk_option_next(&gk_commands[c], i)) < GK_OPTIONS;) {
            char word[ROOM], most[ROOM];
            if (gk_options[i].kind != GK_OPTION_WHOLE) continue;
            snprintf(word, sizeof word, "--%s", gk_options[i].name);
            for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
                assert_int_equal(parse(&gk_commands[c], 2, word, wrong[k]), GK_EUSAGE);
            snprintf(most, sizeof most, "%" PRId64, gk_options[i].max);
            assert_int_equal(parse(&gk_commands[c], 2, word, most), GK_OK);
            assert_alone(&gk_commands[c], &gk_options[i], most);
            if (gk_options[i].max == INT64_MAX) continue;
            snprintf(most, sizeof most, "%" PRId64, gk_options[i].max + 1);
            assert_int_equal(parse(&gk_commands[c], 2, word, most), GK_EUSAGE);
            assert_non_null(strstr(gk_message(), "a number from 1 to "));
        }
}

/* Whatever is a path, and no other value, is refused with a ~/ that no shell has expanded. */
static void homes(void **state)
{
    int paths = 0, others = 0;

    (void)state;
    for (int c = 0; c < GK_COMMANDS; c++) {
        for (int i = -1; (i = gk_option_next(&gk_commands[c], i)) < GK_OPTIONS;) {
            const gk_option *o = &gk_options[i];
            bool is_path = o->completes == GK_FILES || o->completes == GK_DIRECTORIES;
            char joined[ROOM];
            if (o->kind != GK_OPTION_TEXT && o->kind != GK_OPTION_LIST) continue;
            snprintf(joined, sizeof joined, "--%s=~/x y", o->name);
            assert_int_equal(parse(&gk_commands[c], 1, joined, ""), is_path ? GK_EUSAGE : GK_OK);
            if (is_path)
                assert_non_null(strstr(gk_message(), "the ~ of \"~/x y\"; write $HOME/x y"));
            paths += is_path;
            others += !is_path;
            snprintf(joined, sizeof joined, "--%s=./~/x", o->name);
            assert_int_equal(parse(&gk_commands[c], 1, joined, ""), GK_OK);
        }
        if (!gk_commands[c].most) continue;
        assert_int_equal(parse(&gk_commands[c], 1, "~/x", ""), GK_EUSAGE);
        assert_non_null(strstr(gk_message(), "write $HOME/x on a command line"));
        assert_int_equal(parse(&gk_commands[c], 1, "~x", ""), GK_OK);
    }
    assert_true(paths > 8 && others > 10);
}

static void lists_and_arguments(void **state)
{
    char set[] = "--set", one[] = "a", two[] = "b", three[] = "c", minus[] = "-";
    char *argv[] = {one, set, two, set, three, minus};
    const gk_command *train = gk_command_find("train"), *ls = gk_command_find("ls");
    char *plain[] = {one, two, three};

    (void)state;
    assert_int_equal(gk_cli_parse(&cli, train, 5, argv), GK_OK);
    assert_int_equal(cli.set.n, 2);
    assert_string_equal(cli.set.item[0], "b");
    assert_string_equal(cli.set.item[1], "c");
    assert_int_equal(cli.n_arguments, 1);
    assert_string_equal(cli.argument, "a");
    assert_int_equal(gk_cli_parse(&cli, ls, 3, plain), GK_OK);
    assert_int_equal(cli.n_arguments, 3);
    assert_string_equal(cli.arguments[2], "c");
    char *beside[] = {one, set, two, minus};
    assert_int_equal(gk_cli_parse(&cli, train, 4, beside), GK_EUSAGE);
    assert_non_null(strstr(gk_message(), "not also \"-\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_of_every_command),
        cmocka_unit_test(homes),
        cmocka_unit_test(what_a_command_does_not_take),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(numbers),
        cmocka_unit_test(lists_and_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
