/* grokc help: a topic, a command, a key, a measure; or the man page, or a completion script. */
#include "cli/words.h"

#include <stdio.h>

/* The first of these that `word` names; else what has the word in it; else why it is no key. */
static gk_status explain(gk_text *text, const char *word)
{
    const gk_command *command = gk_command_find(word);
    const gk_topic *topic = gk_topic_find(word);

    if (command) {
        gk_command_help(text, command);
        return GK_OK;
    }
    if (topic) {
        gk_topic_print(text, topic);
        return GK_OK;
    }
    gk_status status = gk_config_help(text, word);
    if (status == GK_OK || gk_named_help(text, word)) return GK_OK;
    gk_search(text, word);
    return text->length ? GK_OK : status;
}

gk_status gk_cli_help(const gk_cli *cli)
{
    gk_text text = {0};
    gk_status status = GK_OK;

    if ((cli->argument != NULL) + cli->man + (cli->completion != NULL) > 1)
        return gk_fail(GK_EUSAGE, "one of a topic, --man and --completion at a time");
    if (cli->man)
        gk_manual(&text);
    else if (cli->completion)
        status = gk_completion(&text, cli->completion);
    else if (cli->argument)
        status = explain(&text, cli->argument);
    else
        gk_usage(&text);
    if (status == GK_OK) fputs(text.data, stdout);
    gk_text_free(&text);
    return status;
}
