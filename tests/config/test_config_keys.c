/* Every key of config.def: limits, words, print, diff, help; and every file of configs/. */
#include "gk/optimiser.h"

#include "lib/config.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

static gk_status set(const gk_config_key *key, const char *value)
{
    char assignment[2 * GK_TEXT_MAX];
    const char *sets[2] = {assignment}; /* and what the key is of no use without */

    snprintf(assignment, sizeof assignment, "%s=%s", key->name, value);
    sets[1] = !strcmp(key->name, "model.input")      ? "model.kind=mlp"
              : !strcmp(key->name, "optim.momentum") ? "optim.name=sgd"
              : !strcmp(key->name, "optim.leftover") ? "optim.batch=8"
              : !strcmp(key->name, "model.residual") ? "model.d_mlp=0"
                                                     : NULL;
    return gk_config_load(&config, NULL, sets, sets[1] ? 2 : 1);
}

static void is_refused(const gk_config_key *key, const char *value, const char *part)
{
    if (set(key, value) != GK_EUSAGE) fail_msg("%s takes %s", key->name, value);
    if (!strstr(gk_message(), part)) fail_msg("no \"%s\" in \"%s\"", part, gk_message());
    assert_non_null(strstr(gk_message(), key->name));
}

/* The table is config.def. */
static void test_table(void **state)
{
    int i = 0;

    (void)state;
#define GROUP(group)
#define END_GROUP(group)
#define SAME(group_, key_, type_)                                                                  \
    assert_string_equal(gk_config_keys[i].name, #group_ "." #key_);                                \
    assert_int_equal(gk_config_keys[i].type, type_);                                               \
    assert_int_equal(gk_config_keys[i].offset, offsetof(gk_config, group_.key_));                  \
    assert_ptr_equal(gk_config_find(#group_ "." #key_), &gk_config_keys[i]);                       \
    assert_true(strlen(gk_config_keys[i++].help) > 10);
#define INT(group, key, initial, min, max, help)                                                   \
    SAME(group, key, GK_KEY_INT)                                                                   \
    assert_true((min) <= (initial) && (initial) <= (max) && (max) <= 9007199254740991);
#define REAL(group, key, initial, min, max, help)                                                  \
    SAME(group, key, GK_KEY_REAL)                                                                  \
    assert_true(isnan((double)(initial)) || ((min) <= (initial) && (initial) <= (max)));
#define TEXT(group, key, initial, help) SAME(group, key, GK_KEY_TEXT)
#define PICK(group, key, words, help)   SAME(group, key, GK_KEY_PICK)
#include "gk/config.def"
    assert_int_equal(i, GK_CONFIG_KEYS);
    assert_null(gk_config_find("lr"));
    assert_null(gk_config_find(""));
}

/* optimisers.def is in the order of optim.name's words, and each line counts its own moments. */
static void test_optimisers(void **state)
{
    const gk_config_key *key = gk_config_find("optim.name");
    int length, i;

    (void)state;
    for (i = 0; i < GK_OPTIMISERS; i++) {
        const gk_optimiser_info *o = &gk_optimisers[i];
        const char *word = gk_config_word(key, i, &length);
        assert_non_null(word);
        assert_int_equal(length, strlen(o->word));
        assert_memory_equal(word, o->word, length);
        assert_true(o->moments >= 1 && o->moments <= GK_MOMENTS_MAX);
        for (int k = 0; k < GK_MOMENTS_MAX; k++)
            assert_int_equal(*o->moment[k] != 0, k < o->moments);
    }
    assert_null(gk_config_word(key, i, &length));
}

static void test_limits(void **state)
{
    char value[64], range[128];

    (void)state;
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        if (key->type == GK_KEY_INT) {
            snprintf(range, sizeof range, " expects a whole number from %.0f to %.0f, not ",
                     key->min, key->max);
            snprintf(value, sizeof value, "%.0f", key->min - 1);
            is_refused(key, value, range);
            snprintf(value, sizeof value, "%.0f", key->max + 1);
            is_refused(key, value, range);
            is_refused(key, "1e300", range);
            is_refused(key, "-1e300", range);
        } else if (key->type == GK_KEY_REAL) {
            snprintf(range, sizeof range, " expects a number from %g to %g", key->min, key->max);
            snprintf(value, sizeof value, "%.17g", nextafter(key->min, -INFINITY));
            is_refused(key, value, range);
            snprintf(value, sizeof value, "%.17g", nextafter(key->max, INFINITY));
            is_refused(key, value, range);
            is_refused(key, "nan", range);
            is_refused(key, "inf", range);
            if (!isnan(key->initial)) is_refused(key, "null", range);
        }
        if (key->type != GK_KEY_TEXT) is_refused(key, "what", " expects ");
    }
}

static void test_words(void **state)
{
    const char *word;
    char value[64], hint[96];
    int length;

    (void)state;
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        if (key->type != GK_KEY_PICK) continue;
        for (int w = 0; (word = gk_config_word(key, w, &length)); w++) {
            snprintf(value, sizeof value, "%.*s", length, word);
            assert_int_equal(set(key, value), GK_OK);
            assert_int_equal(*(int *)((char *)&config + key->offset), w);
            round_trip(&config);
            snprintf(hint, sizeof hint, "; did you mean \"%s\"?", value);
            snprintf(value, sizeof value, "~%.*s", length, word);
            is_refused(key, value, hint);
        }
        assert_null(gk_config_word(key, 1000, &length));
    }
}

/* Values far from the default that the other defaults allow. */
static const char *other_text(const gk_config_key *key)
{
    if (!strcmp(key->name, "task.split")) return "file:a \"b\"\\ #: {c}, \xC3\xA9\xF0\x9F\x98\x80";
    if (!strcmp(key->name, "model.init")) return "torch_tl:4294967295";
    if (!strcmp(key->name, "device.backend")) return "cuda:11";
    return "1, 22,  333";
}

static void test_round_trip_of_every_key(void **state)
{
    static const double shares[] = {1.0 / 3, 0.1, 2.0 / 3, 1e-300, 4.9e-324, 0.99999999999999989};
    char value[64];

    (void)state;
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        if (key->type == GK_KEY_TEXT) {
            assert_int_equal(set(key, other_text(key)), GK_OK);
            assert_string_equal((char *)&config + key->offset, other_text(key));
            round_trip(&config);
        }
        for (size_t s = 0; s < sizeof shares / sizeof *shares && key->type == GK_KEY_REAL; s++) {
            double real = key->min + shares[s] * (key->max - key->min);
            snprintf(value, sizeof value, "%.17g", real);
            assert_int_equal(set(key, value), GK_OK);
            assert_true(*(double *)((char *)&config + key->offset) == real);
            round_trip(&config);
        }
        if (key->type == GK_KEY_INT) {
            snprintf(value, sizeof value, "%.0f", key->max);
            if (set(key, value) != GK_OK) set(key, "113"); /* too large for the other sizes */
            round_trip(&config);
            snprintf(value, sizeof value, "%.0f", key->min);
            assert_int_equal(set(key, value), GK_OK);
            round_trip(&config);
        }
    }
}

/* `fixed`: what may not change; `more`: what may, of that which makes rows. */
static void diff_is(const gk_config *a, const gk_config *b, const char *fixed, const char *more)
{
    gk_text lines = {0}, all = {0}, expected = {0};

    gk_config_diff(&lines, a, b);
    assert_string_equal(lines.data ? lines.data : "", fixed);
    gk_config_diff_all(&all, a, b);
    gk_text_add(&expected, "%s%s", fixed, more);
    assert_string_equal(all.data ? all.data : "", expected.data);
    gk_text_free(&lines);
    gk_text_free(&all);
    gk_text_free(&expected);
}

static void test_diff(void **state)
{
    gk_config a, b;

    (void)state;
    gk_config_defaults(&a);
    b = a;
    diff_is(&a, &b, "", "");
    b.optim.lr = 0.01;
    b.task.op = GK_OP_SUBTRACT;
    b.run.stop_test_acc = 0.5;
    strcpy(b.model.init, "torch:1");
    diff_is(&a, &b,
            "task.op: add -> subtract\nmodel.init: \"philox:0\" -> \"torch:1\"\n"
            "optim.lr: 0.001 -> 0.01\n",
            "run.stop_test_acc: null -> 0.5\n");
    b = a;
    strcpy(b.device.backend, "cuda:1");
    b.device.plan = GK_PLAN_OPS;
    b.device.threads = 3;
    b.run.resume_every = 0;
    strcpy(b.run.hook, "true");
    b.run.epochs = a.run.epochs + 1;
    diff_is(&a, &b, "", "run.epochs: 50000 -> 50001\n");
    diff_is(&b, &a, "", "run.epochs: 50001 -> 50000\n");
}

static void test_print(void **state)
{
    gk_text yaml = {0};

    (void)state;
    gk_config_defaults(&config);
    gk_config_print(&yaml, &config);
    assert_true(!strncmp(yaml.data, "task:\n  name:           modular\n", 32));
    assert_non_null(strstr(
        yaml.data,
        "\n\nloss:\n  name: cross_entropy\n  form: exact\n\nrun:\n  epochs:           50000\n"));
    assert_non_null(
        strstr(yaml.data, "  biases:           \"on\"\n")); /* a word for YAML 1.1 too */
    assert_non_null(strstr(yaml.data, "  stop_test_loss:   null\n"));
    assert_non_null(strstr(yaml.data, "  init:             \"philox:0\"\n"));
    gk_text_free(&yaml);
}

static void test_help(void **state)
{
    gk_text text = {0}, list = {0};

    (void)state;
    gk_config_list(&list);
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        assert_int_equal(gk_config_help(&text, key->name), GK_OK);
        assert_true(!strncmp(text.data, key->name, strlen(key->name)));
        assert_non_null(strstr(text.data, "; default "));
        assert_non_null(strstr(list.data, text.data)); /* the list is made of these */
        gk_text_free(&text);
        assert_int_equal(gk_config_help(&text, key->key), GK_OK);
        assert_non_null(strstr(text.data, key->name));
        gk_text_free(&text);
    }
    for (const char *line = list.data, *end; (end = strchr(line, '\n')); line = end + 1)
        assert_true(end - line <= 100);
    gk_text_free(&list);
}

static void test_help_texts(void **state)
{
    gk_text text = {0};

    (void)state;
    assert_int_equal(gk_config_help(&text, "optim.beta1"), GK_OK);
    assert_string_equal(text.data, "optim.beta1: a number from 0 to 1; default 0.9\n"
                                   "    decay of the first moment; below 1\n");
    gk_text_free(&text);
    assert_int_equal(gk_config_help(&text, "seed"), GK_OK);
    assert_true(!strncmp(text.data, "seed: ", 6));
    gk_text_free(&text);
    assert_int_equal(gk_config_help(&text, "optim"), GK_OK);
    assert_true(strstr(text.data, "optim.lr: ") && strstr(text.data, "optim.warmup: "));
    assert_null(strstr(text.data, "loss.form"));
    gk_text_free(&text);
    assert_int_equal(gk_config_help(&text, "weight_dcay"), GK_EUSAGE);
    assert_string_equal(gk_message(),
                        "unknown key \"weight_dcay\"; did you mean \"weight_decay\"?");
    assert_int_equal(gk_config_help(&text, "qwertyuiop"), GK_EUSAGE);
    assert_string_equal(gk_message(), "unknown key \"qwertyuiop\"; see `grokc list options`");
    assert_null(text.data);
}

static void test_configs(void **state)
{
    glob_t files;

    (void)state;
    assert_int_equal(glob(GK_SOURCE_DIR "/configs/*.yaml", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        char *text;
        size_t size;
        if (strstr(files.gl_pathv[i], "/sweep")) continue; /* another grammar */
        if (gk_config_load(&config, files.gl_pathv[i], NULL, 0) != GK_OK)
            fail_msg("%s", gk_message());
        round_trip(&config);
        assert_int_equal(gk_file_read(files.gl_pathv[i], 1 << 20, &text, &size), GK_OK);
        assert_int_equal(text[0], '#'); /* says what it is */
        free(text);
    }
    assert_true(files.gl_pathc >= 6);
    globfree(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_optimisers),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_round_trip_of_every_key),
        cmocka_unit_test(test_diff),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_help_texts),
        cmocka_unit_test(test_configs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
