/* grokc branch RUN[@EPOCH] --out DIR */
#include "cli/cli.h"
#include "gk/archive.h"
#include "gk/branch.h"

/* RUN alone means its resume point. */
static gk_status find_state(const gk_cli *cli, char parent[GK_PATH_MAX], int64_t *epoch)
{
    if (cli->argument && gk_is_run(cli->argument)) {
        GK_TRY(gk_path(parent, "%s", cli->argument));
        return gk_branch_resume_epoch(epoch, parent);
    }
    if (cli->argument && gk_parse_run_at(cli->argument, parent, epoch)) return GK_OK;
    return gk_fail(GK_EUSAGE, "which state? grokc branch runs/paper@1000 --out DIR, or runs/paper "
                              "for where that run stands");
}

gk_status gk_cli_branch(const gk_cli *cli)
{
    static gk_config config, parent_config;
    char parent[GK_PATH_MAX], path[GK_PATH_MAX];
    gk_batch_size size;
    int64_t epoch;

    GK_TRY(find_state(cli, parent, &epoch));
    if (!cli->out) return gk_fail(GK_EUSAGE, "a branch needs a directory of its own: --out DIR");
    GK_TRY(gk_path(path, "%s/config.yaml", parent));
    GK_TRY(gk_config_load(&parent_config, path, NULL, 0));
    GK_TRY(gk_cli_config(&config, path, cli));
    GK_TRY(gk_batch_size_of(&size, &config, 1));
    gk_signal_install();
    GK_TRY(gk_branch(cli->out, parent, epoch, &config, &parent_config, &size.shape));
    return gk_cli_run(&config, cli->out, cli);
}
