/* Files that are not a config: YAML that is more, or other, than a config needs, and no YAML. */
#include "lib/config.h"

#include <stdlib.h>

static void test_not_a_config(void **state)
{
    (void)state;
#define EMPTY "x.yaml:1: the file is empty; a config has at least one group, such as task:"
    fails("", EMPTY);
    fails("# nothing\n\n", EMPTY);
    fails("---\n", EMPTY);
    fails("null\n", EMPTY);
    fails("- 1\n", "x.yaml:1: a config is made of groups, such as \"task: {p: 113}\"");
    fails("\nhello", "x.yaml:2: a config is made of groups, such as \"task: {p: 113}\"");
    fails("optim: 5", "x.yaml:1: the group optim expects keys with values, not one value");
    fails("optim: ''", "x.yaml:1: the group optim expects keys with values, not one value");
    fails("optim:\n- lr: 5", "x.yaml:2: the group optim expects keys with values, not a list");
    fails("? [a]\n: 5", "x.yaml:1: a list stands where a group should");
    fails("task: {{a: 1}: 2}", "x.yaml:1: a mapping stands where a key should");
    fails("{}\n---\n{}\n", "x.yaml:2: a second document starts here; a config is one");
    fails("task: {p: 5}\n---\ntask: {p: 7}\n",
          "x.yaml:2: a second document starts here; a config is one");
}

static void test_what_yaml_has_too_much(void **state)
{
    (void)state;
    fails("task: &t {p: 5}", "x.yaml:1: anchors (&name) are not read");
    fails("task:\n  p: &p 5", "x.yaml:2: anchors (&name) are not read");
    fails("&a task: {p: 5}", "x.yaml:1: anchors (&name) are not read");
    fails("task: *t", "x.yaml:1: aliases (*name) are not read; write the value again");
    fails("task:\n  p: *t", "x.yaml:2: aliases (*name) are not read; write the value again");
#define TAGS "tags (!name) are not read; quote the text if it is one"
    fails("task: {p: !!int 5}", "x.yaml:1: " TAGS);
    fails("task: {split: \"file:\xC3\xA9\",\n p: ! 5}", "x.yaml:2: " TAGS);
    fails("!x\ntask: {p: 5}", "x.yaml:1: " TAGS);
    fails("task: !!map {p: 5}", "x.yaml:1: " TAGS);
    fails("task: {p: !<tag:yaml.org,2002:int> 5}", "x.yaml:1: " TAGS);
    fails("task: {<<: {p: 5}}", "x.yaml:1: merge keys (<<) are not read");
    fails("<<: {p: 5}", "x.yaml:1: merge keys (<<) are not read");
    parses("task: {split: 'file:!&*<<'}");
    round_trip(&config);
}

static void test_bytes(void **state)
{
    char big[] = "task: {p: 5}\n#\0 \n";
    char *huge = malloc((1 << 20) + 1);

    (void)state;
    assert_int_equal(gk_config_parse(&config, "x.yaml", big, sizeof big - 1, NULL, 0), GK_EUSAGE);
    assert_string_equal(gk_message(), "x.yaml:2: this is not UTF-8 text: control characters are "
                                      "not allowed (byte 14)");
    fails("\n\ntask: {split: \"\xFF\"}",
          "x.yaml:3: this is not UTF-8 text: invalid leading UTF-8 octet (byte 17)");
    fails_with("\xFF\xFEt\x01", "x.yaml:1: this is not UTF-8 text");
    fails("task: {split: \"file:\\0\"}", "x.yaml:1: a text holds a NUL character");
    fails("task:\n\tp: 5\n", "x.yaml:2: this is not YAML: found character that cannot start any "
                             "token while scanning for the next token (line 2)");
    fails_with("task: {p: 5", "x.yaml:2: this is not YAML: did not find expected ',' or '}' "
                              "while parsing a flow mapping (line 1)");
    fails("task:\n  p: 5: 5",
          "x.yaml:2: this is not YAML: mapping values are not allowed in this context");
    assert_non_null(huge);
    memset(huge, '\n', (1 << 20) + 1);
    memcpy(huge, "{}", 2);
    assert_int_equal(gk_config_parse(&config, "x.yaml", huge, 1 << 20, NULL, 0), GK_OK);
    assert_int_equal(gk_config_parse(&config, "x.yaml", huge, (1 << 20) + 1, NULL, 0), GK_EUSAGE);
    assert_string_equal(gk_message(), "x.yaml has 1048577 bytes; a config has at most 1048576");
    free(huge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_a_config),
        cmocka_unit_test(test_what_yaml_has_too_much),
        cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
