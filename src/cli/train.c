/* grokc train CONFIG.yaml */
#include "cli/cli.h"
#include "gk/input.h"
#include "gk/sweep.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* runs/<the config's name>; a config.yaml inside a run directory means that directory's run. */
static gk_status default_directory(char dir[GK_PATH_MAX], const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path,
               *dot = strrchr(name, '.');

    if (!strcmp(name, "config.yaml") && slash > path)
        return gk_path(dir, "%.*s", (int)(slash - path), path);
    return gk_path(dir, "runs/%.*s", dot && dot > name ? (int)(dot - name) : (int)strlen(name),
                   name);
}

/* The resolved config, and as comments below it what it amounts to. */
static gk_status dry_run(const gk_config *config, const char *dir)
{
    gk_batch_size size;
    gk_text text = {0};
    gk_stop stop;
    const char *why;

    GK_TRY(gk_batch_size_of(&size, config, 1));
    GK_TRY(gk_stop_open(&stop, config));
    GK_TRY(gk_plan_choose(&size.tables, &why, config, &size.shape));
    gk_config_print(&text, config);
    const gk_shape *s = &size.shape;
    gk_text_add(&text, "# directory: %s\n", dir);
    gk_text_add(&text, "# examples: %d in train, %d in test; %d tokens each, %d outputs\n",
                size.n_train, size.n_test, s->T, s->C);
    gk_text_add(&text, "# parameters: %zu\n", gk_parameters(s));
    gk_text_add(&text, "# memory: %.1f MB on the device, %.1f MB on the host\n",
                1e-6 * (double)size.device_bytes, 1e-6 * (double)size.host_bytes);
    gk_text_add(&text, "# plan: %s (%s)\n", size.tables ? "table" : "ops", why);
    fputs(text.data, stdout);
    gk_text_free(&text);
    return GK_OK;
}

/* The config file that an argument means: itself, or that of a run directory. */
static gk_status find_config(char path[GK_PATH_MAX], const char *argument)
{
    struct stat info;
    size_t n = strlen(argument);

    GK_TRY(gk_input_find(path, argument));
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) return GK_OK;
    while (n > 1 && argument[n - 1] == '/') n--;
    GK_TRY(gk_path(path, "%.*s/sweep.yaml", (int)n, argument));
    if (gk_exists(path))
        return gk_fail(GK_EUSAGE, "%s is a sweep; grokc sweep %s --out %.*s goes on with it",
                       argument, path, (int)n, argument);
    GK_TRY(gk_path(path, "%.*s/config.yaml", (int)n, argument));
    if (gk_exists(path)) return GK_OK;
    return gk_fail(GK_EUSAGE, "%s is not a regular file, and no run: it has no config.yaml",
                   argument);
}

/* A file that is no config, though it is a sweep, is said to be one; a pipe cannot be read
 * twice. */
static gk_status load(gk_config *config, const char *path, const gk_cli *cli)
{
    gk_status status = gk_cli_input(config, path, cli);
    char why[4096];
    gk_sweep sweep = {0};

    if (status != GK_EUSAGE || !gk_input_has_name(path)) return status;
    snprintf(why, sizeof why, "%s", gk_message());
    gk_status as_sweep = gk_sweep_load(&sweep, path, cli->set.item, cli->set.n);
    int runs = sweep.n;
    bool varies = as_sweep == GK_OK && (sweep.keys > 0 || *sweep.from);
    gk_sweep_close(&sweep);
    if (!varies) return gk_fail(status, "%s", why);
    return gk_fail(GK_EUSAGE, "%s\n%s is a sweep file, of %d runs: grokc sweep %s", why, path, runs,
                   path);
}

gk_status gk_cli_train(const gk_cli *cli)
{
    static gk_config config;
    char dir[GK_PATH_MAX], path[GK_PATH_MAX];

    if (!cli->argument) return gk_fail(GK_EUSAGE, "which config? grokc train configs/paper.yaml");
    GK_TRY(find_config(path, cli->argument));
    if (!cli->out && !cli->dry_run) GK_TRY(gk_cli_needs_out(path));
    GK_TRY(load(&config, path, cli));
    if (cli->out)
        GK_TRY(gk_path(dir, "%s", cli->out));
    else if (gk_input_has_name(path))
        GK_TRY(default_directory(dir, path));
    else
        GK_TRY(gk_path(dir, "none yet, --out DIR gives one"));
    if (cli->dry_run) return dry_run(&config, dir);
    return gk_cli_run(&config, dir, cli);
}
