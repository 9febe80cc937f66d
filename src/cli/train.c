/* grokc train CONFIG.yaml */
#include "cli/cli.h"
#include "gk/input.h"

#include <stdio.h>
#include <string.h>

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

gk_status gk_cli_train(const gk_cli *cli)
{
    static gk_config config;
    char dir[GK_PATH_MAX];

    if (!cli->argument) return gk_fail(GK_EUSAGE, "which config? grokc train configs/paper.yaml");
    if (!cli->out && !cli->dry_run) GK_TRY(gk_cli_needs_out(cli->argument));
    GK_TRY(gk_cli_input(&config, cli->argument, cli));
    if (cli->out)
        GK_TRY(gk_path(dir, "%s", cli->out));
    else if (gk_input_has_name(cli->argument))
        GK_TRY(default_directory(dir, cli->argument));
    else
        GK_TRY(gk_path(dir, "none yet, --out DIR gives one"));
    if (cli->dry_run) return dry_run(&config, dir);
    return gk_cli_run(&config, dir, cli);
}
