/* The command line: one function per subcommand, and the few pieces they share. Results go to
 * stdout, everything else to stderr. */
#ifndef GK_CLI_H
#define GK_CLI_H

#include "gk/train.h"

enum { GK_SETS_MAX = 256 };

/* Options that several subcommands take, filled by gk_cli_parse. */
typedef struct gk_cli {
    const char *argument; /* the one positional argument, NULL: none */
    char **arguments;     /* (n_arguments) all of them, where "..." is allowed */
    int n_arguments;
    const char *where, *columns, *sort, *figures, *layout;
    const char *out, *device, *every, *key_freqs, *profile, *shard, *slots; /* NULL: not
        given */
    const char *submit, *shards, *partition, *time, *gres, *account;
    const char *set[GK_SETS_MAX], *sbatch[GK_SETS_MAX];
    int sets, sbatches;
    bool fresh, dry_run, nvtx, csv;
} gk_cli;

/* `allowed`: the long options of this subcommand, separated by blanks, e.g. "set out"; "...": as
 * many arguments as there are, which are moved to the front of argv. GK_EUSAGE otherwise. */
gk_status gk_cli_parse(gk_cli *cli, int argc, char **argv, const char *allowed);

/* The config of a path, --set and --device. */
gk_status gk_cli_config(gk_config *config, const char *path, const gk_cli *cli);

/* The backend that config.device asks for; --nvtx and --profile are refused where they mean
 * nothing. */
gk_status gk_cli_device(gk_backend *be, const gk_config *config, const gk_cli *cli);

/* Opens directory and backend, trains, prints how it ended. GK_DIVERGED where it did. */
gk_status gk_cli_run(const gk_config *config, const char *dir, const gk_cli *cli);

#define COMMAND(name, arguments, help) gk_status gk_cli_##name(int argc, char **argv);
#include "cli/subcommands.def"
#undef COMMAND

#endif
