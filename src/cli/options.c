/* Subcommands and options as tables, and the one parser of the command line. */
#include "cli/cli.h"
#include "gk/input.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
enum {
#define COMMAND(name, ...) NUMBER_##name,
#include "cli/subcommands.def"
#undef COMMAND
};
/* clang-format on */

#define NOTHING     GK_NOTHING
#define WORDS       GK_WORDS
#define FILES       GK_FILES
#define DIRECTORIES GK_DIRECTORIES
#define SETTINGS    GK_SETTINGS
#define TOPICS      GK_TOPICS
#define LAYOUTS     GK_LAYOUTS
#define OPS         GK_OPS
#define MANY        INT_MAX
#define ALL         UINT_MAX
#define ON(name)    (1U << NUMBER_##name)

const gk_command gk_commands[GK_COMMANDS] = {
#define COMMAND(name, argument, completes, most, help)                                             \
    {#name, argument, completes, most, help, gk_cli_##name},
#include "cli/subcommands.def"
#undef COMMAND
};

/* clang-format off */
#define AT(member) offsetof(gk_cli, member)

const gk_option gk_options[GK_OPTIONS] = {
#define FLAG(member, name, on, help) \
    {name, GK_OPTION_FLAG, on, AT(member), NULL, NOTHING, NULL, 0, 0, 0, help},
#define TEXT(member, name, on, argument, completes, initial, help) \
    {name, GK_OPTION_TEXT, on, AT(member), argument, completes, initial, 0, 0, 0, help},
#define LIST(member, name, on, argument, completes, help) \
    {name, GK_OPTION_LIST, on, AT(member), argument, completes, NULL, 0, 0, 0, help},
#define WHOLE(member, name, on, argument, min, max, initial, help) \
    {name, GK_OPTION_WHOLE, on, AT(member), argument, NOTHING, NULL, min, max, initial, help},
#include "cli/options.def"
#undef FLAG
#undef TEXT
#undef LIST
#undef WHOLE
};
/* clang-format on */

const gk_command *gk_command_find(const char *name)
{
    for (int i = 0; i < GK_COMMANDS; i++)
        if (!strcmp(gk_commands[i].name, name)) return &gk_commands[i];
    return NULL;
}

_Static_assert(GK_COMMANDS <= 32, "a bit of gk_option.commands for each");

static bool takes(const gk_command *command, const gk_option *option)
{
    return option->commands >> (command - gk_commands) & 1;
}

int gk_option_next(const gk_command *command, int i)
{
    for (i++; i < GK_OPTIONS; i++)
        if (takes(command, &gk_options[i])) break;
    return i;
}

/* Short names: the letter stands for the option of this name, where the command takes one. */
static const struct {
    char letter;
    const char *name;
} letters[] = {{'o', "out"}, {'q', "quiet"}, {'h', "help"}};

char gk_option_letter(const gk_option *option)
{
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (!strcmp(letters[i].name, option->name)) return letters[i].letter;
    return 0;
}

/* The option that `word` names up to its end or a "=", as --out, --out=value or -o; NULL: none of
 * this command. */
static const gk_option *find(const gk_command *command, const char *word)
{
    bool brief = word[1] != '-';
    size_t n = brief ? 0 : strcspn(word + 2, "=");

    for (int i = -1; (i = gk_option_next(command, i)) < GK_OPTIONS;) {
        const gk_option *o = &gk_options[i];
        if (brief ? gk_option_letter(o) == word[1] && !word[2]
                  : strlen(o->name) == n && !strncmp(o->name, word + 2, n))
            return o;
    }
    return NULL;
}

/* What else may have been meant: the nearest option of this command, or the commands that have one
 * of this name. */
static gk_status unknown(const gk_command *command, const char *word)
{
    const char *names[GK_OPTIONS];
    const char *name = word + strspn(word, "-");
    char whole[64], of[256] = "";
    int n = 0, used = 0;

    snprintf(whole, sizeof whole, "%.*s", (int)strcspn(name, "="), name);
    for (int i = -1; (i = gk_option_next(command, i)) < GK_OPTIONS;)
        names[n++] = gk_options[i].name;
    for (int c = 0; c < GK_COMMANDS; c++)
        for (int i = -1; (i = gk_option_next(&gk_commands[c], i)) < GK_OPTIONS;)
            if (!strcmp(gk_options[i].name, whole))
                used += snprintf(of + used, sizeof of - (size_t)used, "%s%s", used ? ", " : "",
                                 gk_commands[c].name);
    if (used)
        return gk_fail(GK_EUSAGE, "unknown option \"%s\" of %s; it is one of %s", word,
                       command->name, of);
    int nearest = gk_nearest(whole, names, n);
    if (nearest >= 0)
        return gk_fail(GK_EUSAGE, "unknown option \"%s\"; did you mean \"--%s\"?", word,
                       names[nearest]);
    return gk_fail(GK_EUSAGE, "unknown option \"%s\"; grokc %s --help shows what there is", word,
                   command->name);
}

static gk_status store_whole(int64_t *to, const gk_option *o, const char *value)
{
    if (gk_parse_int(value, to) && *to >= o->min && *to <= o->max) return GK_OK;
    if (o->max == INT64_MAX)
        return gk_fail(GK_EUSAGE, "--%s \"%s\": a number, %" PRId64 " or more", o->name, value,
                       o->min);
    return gk_fail(GK_EUSAGE, "--%s \"%s\": a number from %" PRId64 " to %" PRId64, o->name, value,
                   o->min, o->max);
}

static gk_status store(gk_cli *cli, const gk_option *o, const char *value)
{
    void *at = (char *)cli + o->offset;
    gk_list *list = at;

    switch (o->kind) {
    case GK_OPTION_FLAG: *(bool *)at = true; return GK_OK;
    case GK_OPTION_TEXT: *(const char **)at = value; return GK_OK;
    case GK_OPTION_WHOLE: return store_whole(at, o, value);
    case GK_OPTION_LIST:
        if (list->n == GK_LIST_MAX)
            return gk_fail(GK_EUSAGE, "more than %d times --%s", GK_LIST_MAX, o->name);
        list->item[list->n++] = value;
        return GK_OK;
    }
    GK_CHECK(false); /* the kinds are those above: a compiler says where one is missing */
}

/* The defaults of the command's own options. */
static void start(gk_cli *cli, const gk_command *command, char **argv)
{
    memset(cli, 0, sizeof *cli); /* equal lines have equal bytes */
    cli->arguments = argv;
    for (int i = -1; (i = gk_option_next(command, i)) < GK_OPTIONS;) {
        const gk_option *o = &gk_options[i];
        void *at = (char *)cli + o->offset;
        if (o->kind == GK_OPTION_TEXT) *(const char **)at = o->text;
        if (o->kind == GK_OPTION_WHOLE) *(int64_t *)at = o->number;
    }
}

/* Option i of argv, and its value, which may be the next argument. */
static gk_status take_option(gk_cli *cli, const gk_command *command, int argc, char **argv, int *i)
{
    const gk_option *o = find(command, argv[*i]);
    const char *equals = strchr(argv[*i], '='), *value = equals ? equals + 1 : NULL;

    if (!o) return unknown(command, argv[*i]);
    if (o->kind == GK_OPTION_FLAG) {
        if (value) return gk_fail(GK_EUSAGE, "--%s takes no value", o->name);
    } else {
        if (!value && *i + 1 < argc) value = argv[++*i];
        if (!value || !*value) return gk_fail(GK_EUSAGE, "--%s needs a value", o->name);
    }
    if (o->completes == GK_FILES || o->completes == GK_DIRECTORIES) GK_TRY(gk_input_check(value));
    return store(cli, o, value);
}

gk_status gk_cli_parse(gk_cli *cli, const gk_command *command, int argc, char **argv)
{
    start(cli, command, argv);
    for (int i = 0; i < argc; i++) /* wherever it stands, and whatever is wrong beside it */
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) cli->help = true;
    for (int i = 0; i < argc && !cli->help; i++) {
        if (argv[i][0] == '-' && argv[i][1]) {
            GK_TRY(take_option(cli, command, argc, argv, &i));
            continue;
        }
        GK_TRY(gk_input_check(argv[i]));
        argv[cli->n_arguments++] = argv[i];
        if (cli->n_arguments <= command->most) continue;
        if (!command->most)
            return gk_fail(GK_EUSAGE, "%s takes no argument \"%s\"", command->name, argv[i]);
        return gk_fail(GK_EUSAGE, "%s expected, not also \"%s\"",
                       command->most == 1 ? "one argument is" : "two arguments are", argv[i]);
    }
    cli->argument = cli->n_arguments ? argv[0] : NULL;
    return GK_OK;
}
