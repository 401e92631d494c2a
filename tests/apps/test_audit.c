/* The audit file: its lines, its chain, its end, a full disk; and the JSON that it is made of. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit.h"
#include "commands.h"
#include "handfast/providers.h"
#include "json_line.h"
#include "key_watch.h"

/* ---- JSON ---- */

static const char *json_of(const char *value)
{
    static char line[512];
    hf_json json;
    hf_json_start(&json, line, sizeof line - 1);
    hf_json_text(&json, "v", value, 400);
    line[hf_json_end(&json)] = 0;
    return line;
}

Test(json, escapes)
{
    cr_assert_str_eq(json_of("plain /+:;"), "{\"v\":\"plain /+:;\"}");
    cr_assert_str_eq(json_of("a\"b\\c"), "{\"v\":\"a\\\"b\\\\c\"}");
    cr_assert_str_eq(json_of("\n\x01\x7f"), "{\"v\":\"\\u000a\\u0001\\u007f\"}");
    cr_assert_str_eq(json_of("\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91"),
                     "{\"v\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91\"}");
    /* a lone continuation, an overlong form, a surrogate, beyond the last, cut off at the end */
    cr_assert_str_eq(json_of("\x80"), "{\"v\":\"\\ufffd\"}");
    cr_assert_str_eq(json_of("\xc0\xaf"), "{\"v\":\"\\ufffd\\ufffd\"}");
    cr_assert_str_eq(json_of("\xed\xa0\x80"), "{\"v\":\"\\ufffd\\ufffd\\ufffd\"}");
    cr_assert_str_eq(json_of("\xf4\x90\x80\x80"), "{\"v\":\"\\ufffd\\ufffd\\ufffd\\ufffd\"}");
    cr_assert_str_eq(json_of("x\xe2\x82"), "{\"v\":\"x\\ufffd\\ufffd\"}");
    cr_assert_str_eq(json_of(NULL), "{\"v\":\"\"}");
}

Test(json, members_and_room)
{
    char line[128];
    hf_json json;
    hf_json_start(&json, line, sizeof line);
    hf_json_number(&json, "n", UINT64_MAX);
    hf_json_hex(&json, "h", (const uint8_t *)"\x00\xab", 2);
    hf_json_time(&json, "t", 1700000000000042);
    size_t len = hf_json_end(&json);
    static const char good[] = "{\"n\":18446744073709551615,\"h\":\"00ab\",\"t\":\"2023-11-14T22:13:20.000042Z\"}";
    cr_assert_eq(len, sizeof good - 1);
    cr_assert_arr_eq(line, good, len);
    for (size_t max = 0; max < len; max++) {
        hf_json_start(&json, line, max);
        hf_json_number(&json, "n", UINT64_MAX);
        hf_json_hex(&json, "h", (const uint8_t *)"\x00\xab", 2);
        hf_json_time(&json, "t", 1700000000000042);
        cr_assert_eq(hf_json_end(&json), 0, "%zu bytes are not enough", max);
    }
}

/* ---- Files ---- */

static char folder[] = "/tmp/handfast-audit-XXXXXX";
static char path[64], other[64];

static void set_up(void)
{
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/audit", folder);
    snprintf(other, sizeof other, "%s/audit.1", folder);
}

static void tear_down(void)
{
    unlink(path);
    unlink(other);
    rmdir(folder);
}

static hf_hsm_use sample(uint64_t conn)
{
    return (hf_hsm_use){.time_us = 1700000000000000,
                        .conn_id = conn,
                        .op_id = 0x0102030405060708,
                        .key = "pkcs11:token=t;object=\"k\"",
                        .spki_sha256 = (const uint8_t *)"0123456789abcdef0123456789abcdef",
                        .kind = HF_KEY_OP_SIGN,
                        .scheme = 0x0804,
                        .scheme_name = "rsa_pss_rsae_sha256",
                        .mechanism = "CKM_RSA_PKCS_PSS",
                        .token = "t",
                        .wait_us = 1,
                        .latency_us = 2,
                        .status = HF_OK,
                        .rv = "CKR_OK"};
}

static void use_times(hf_audit *audit, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        hf_hsm_use use = sample(i);
        hf_audit_use(audit, &use);
    }
}

static char *content(const char *name, size_t *out_len)
{
    static char text[1 << 20];
    FILE *file = fopen(name, "r");
    cr_assert(file);
    *out_len = fread(text, 1, sizeof text - 1, file);
    text[*out_len] = 0;
    fclose(file);
    return text;
}

static void replace(const char *name, const char *text, size_t len)
{
    FILE *file = fopen(name, "w");
    cr_assert(file);
    cr_assert_eq(fwrite(text, 1, len, file), len);
    fclose(file);
}

static int verify(const char *first, const char *second)
{
    char *argv[] = {(char *)(uintptr_t) "audit", (char *)(uintptr_t) "verify", (char *)(uintptr_t)first,
                    (char *)(uintptr_t)second, NULL};
    fflush(stdout);
    return hf_audit_main(second ? 4 : 3, argv);
}

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;
    for (; (text = strstr(text, word)); text += strlen(word))
        n++;
    return n;
}

Test(audit, chain_over_restarts, .init = set_up, .fini = tear_down)
{
    size_t len;
    for (int run = 0; run < 3; run++) {
        hf_audit *audit = hf_audit_open(path, HF_AUDIT_REFUSE);
        cr_assert(audit);
        cr_assert_null(hf_audit_open(path, HF_AUDIT_REFUSE), "two writers");
        use_times(audit, 2);
        hf_audit_close(audit);
    }
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0600);
    const char *text = content(path, &len);
    cr_assert_eq(count(text, "\n"), 12, "start, two uses, end; three times");
    cr_assert_eq(count(text, "{\"seq\":12,"), 1);
    cr_assert(strstr(text, "\"event\":\"use\",\"key\":\"pkcs11:token=t;object=\\\"k\\\"\",\"spki_sha256\":\"30313233"));
    cr_assert(strstr(text,
                     "\"operation\":\"sign\",\"scheme\":\"rsa_pss_rsae_sha256\",\"mechanism\":\"CKM_RSA_PKCS_PSS\","
                     "\"token\":\"t\",\"connection\":1,\"id\":\"0102030405060708\",\"wait_us\":1,\"latency_us\":2,"
                     "\"result\":\"ok\",\"rv\":\"CKR_OK\"}\n"));
    cr_assert_eq(verify(path, NULL), 0);
}

Test(audit, every_change_shows, .init = set_up, .fini = tear_down)
{
    size_t len;
    hf_audit *audit = hf_audit_open(path, HF_AUDIT_REFUSE);
    use_times(audit, 3);
    hf_audit_close(audit);
    char *text = strdup(content(path, &len));
    len = strlen(text);
    unsigned tried = 0;
    /* A changed byte anywhere but in the last line's own content (which only --head shows). */
    size_t last = (size_t)((const char *)memrchr(text, '\n', len - 1) - text) + 1;
    for (size_t i = 0; i < last; i += 7, tried++) {
        char before = text[i];
        text[i] = before == 'x' ? 'y' : 'x';
        replace(path, text, len);
        cr_assert_eq(verify(path, NULL), 1, "byte %zu was changed", i);
        text[i] = before;
    }
    cr_assert_geq(tried, 100);
    /* A line taken out, two exchanged, one doubled, the last one cut in its middle. */
    char *second = strchr(text, '\n') + 1, *third = strchr(second, '\n') + 1, *fourth = strchr(third, '\n') + 1;
    FILE *file = fopen(path, "w");
    fwrite(text, 1, (size_t)(second - text), file);
    fputs(third, file);
    fclose(file);
    cr_assert_eq(verify(path, NULL), 1, "a line was taken out");
    file = fopen(path, "w");
    fwrite(text, 1, (size_t)(second - text), file);
    fwrite(third, 1, (size_t)(fourth - third), file);
    fwrite(second, 1, (size_t)(third - second), file);
    fputs(fourth, file);
    fclose(file);
    cr_assert_eq(verify(path, NULL), 1, "two lines were exchanged");
    file = fopen(path, "w");
    fwrite(text, 1, (size_t)(third - text), file);
    fputs(second, file);
    fclose(file);
    cr_assert_eq(verify(path, NULL), 1, "a line was doubled");
    replace(path, text, len - 5);
    cr_assert_eq(verify(path, NULL), 1, "the last line is cut off");
    replace(path, second, len - (size_t)(second - text));
    cr_assert_eq(verify(path, NULL), 0, "a chain may begin later: it is told");
    replace(path, "", 0);
    cr_assert_eq(verify(path, NULL), 1, "an empty file proves nothing");
    replace(path, text, len);
    cr_assert_eq(verify(path, NULL), 0);
    free(text);
}

Test(audit, what_a_crash_cut_off, .init = set_up, .fini = tear_down)
{
    size_t len;
    hf_audit *audit = hf_audit_open(path, HF_AUDIT_REFUSE);
    use_times(audit, 2);
    hf_audit_close(audit);
    char *text = strdup(content(path, &len));
    len = strlen(text);
    replace(path, text, len - 20);
    audit = hf_audit_open(path, HF_AUDIT_REFUSE);
    cr_assert(audit, "half a line at the end keeps nobody from starting");
    hf_audit_close(audit);
    cr_assert_eq(verify(path, NULL), 0);
    cr_assert_eq(count(content(path, &len), "\"cut_bytes\":"), 1);
    replace(path, text, 10); /* half of the very first line */
    audit = hf_audit_open(path, HF_AUDIT_REFUSE);
    cr_assert(audit);
    hf_audit_close(audit);
    cr_assert_eq(verify(path, NULL), 0);
    static const char *const foreign[] = {"something else\n", "{\"seq\":x}\n", "garbage without an end"};
    for (size_t i = 0; i < 3; i++) {
        replace(path, foreign[i], strlen(foreign[i]));
        cr_assert_null(hf_audit_open(path, HF_AUDIT_REFUSE), "%s", foreign[i]);
        cr_assert_str_eq(content(path, &len), foreign[i], "somebody else's file was changed");
    }
    free(text);
}

Test(audit, rotation, .init = set_up, .fini = tear_down)
{
    size_t len;
    hf_audit *audit = hf_audit_open(path, HF_AUDIT_REFUSE);
    use_times(audit, 2);
    hf_audit_reopen(audit); /* nothing was moved: nothing happens */
    cr_assert_eq(rename(path, other), 0);
    use_times(audit, 1);
    hf_audit_reopen(audit);
    use_times(audit, 2);
    hf_audit_close(audit);
    cr_assert_eq(count(content(other, &len), "\n"), 4);
    const char *text = content(path, &len);
    cr_assert_eq(count(text, "\n"), 4);
    cr_assert_eq(strncmp(text, "{\"seq\":5,", 9), 0);
    cr_assert_eq(count(text, "\"event\":\"continued\""), 1);
    cr_assert_eq(verify(other, path), 0);
    cr_assert_eq(verify(path, other), 1, "in the wrong order");
    /* A file that has something in it is not taken. */
    audit = hf_audit_open(path, HF_AUDIT_REFUSE);
    unlink(other);
    rename(path, other);
    replace(path, "x\n", 2);
    chmod(path, 0600);
    hf_audit_reopen(audit);
    use_times(audit, 1);
    hf_audit_close(audit);
    cr_assert_str_eq(content(path, &len), "x\n");
    cr_assert_eq(verify(other, NULL), 0);
}

Test(audit, files_of_others, .init = set_up, .fini = tear_down)
{
    replace(path, "", 0);
    chmod(path, 0640);
    cr_assert_null(hf_audit_open(path, HF_AUDIT_REFUSE), "others may read it");
    unlink(path);
    cr_assert_eq(symlink(other, path), 0);
    cr_assert_null(hf_audit_open(path, HF_AUDIT_REFUSE), "a symbolic link");
    unlink(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_null(hf_audit_open(path, HF_AUDIT_REFUSE), "a pipe");
}

/* ---- A full disk: a limit of the file's size is one ---- */

static void limit_file(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void fill(hf_audit *audit)
{
    size_t len;
    content(path, &len);
    limit_file(len + 50); /* less than any line */
    use_times(audit, 3);
}

static hf_audit_state state_of(hf_audit *audit)
{
    hf_audit_state state;
    hf_audit_get_state(audit, &state);
    return state;
}

Test(audit, full_disk_refuses, .init = set_up, .fini = tear_down)
{
    size_t before, after;
    hf_audit *audit = hf_audit_open(path, HF_AUDIT_REFUSE);
    use_times(audit, 2);
    cr_assert(hf_audit_ready(audit));
    content(path, &before);
    fill(audit);
    content(path, &after);
    cr_assert_eq(before, after, "half a line was left");
    cr_assert_not(hf_audit_ready(audit));
    cr_assert(hf_audit_withholds(audit));
    cr_assert_eq(state_of(audit).missing, 3);
    limit_file(RLIM_INFINITY);
    usleep(HF_AUDIT_RETRY_MS * 1000 + 50000);
    cr_assert(hf_audit_ready(audit), "it does not heal");
    use_times(audit, 1);
    hf_audit_close(audit);
    cr_assert_eq(verify(path, NULL), 0);
    cr_assert_eq(count(content(path, &after), "\"event\":\"missing\",\"uses\":3}"), 1);
}

Test(audit, full_disk_counts, .init = set_up, .fini = tear_down)
{
    size_t len;
    hf_audit *audit = hf_audit_open(path, HF_AUDIT_CONTINUE);
    fill(audit);
    cr_assert(hf_audit_ready(audit));
    cr_assert_not(hf_audit_withholds(audit));
    limit_file(RLIM_INFINITY);
    use_times(audit, 1);
    cr_assert_eq(state_of(audit).missing, 3);
    hf_audit_close(audit);
    cr_assert_eq(verify(path, NULL), 0);
    cr_assert_eq(count(content(path, &len), "\"event\":\"missing\",\"uses\":3}"), 1);
}

/* ---- Keys whose uses are written down ---- */

typedef struct stand_in {
    hf_key face; /* first */
    hf_key_op *op;
    hf_key_done_fn *done;
    void *arg;
    int submitted, canceled, released;
} stand_in;

static void stand_in_submit(hf_key *key, hf_key_op *op, hf_key_done_fn *done, void *arg)
{
    stand_in *s = (stand_in *)key;
    s->submitted++;
    s->op = op;
    s->done = done;
    s->arg = arg;
}

static void stand_in_cancel(hf_key *key, hf_key_done_fn *done, void *arg)
{
    stand_in *s = (stand_in *)key;
    if (s->op && s->done == done && s->arg == arg) {
        hf_key_op *op = s->op;
        s->op = NULL;
        s->canceled++;
        op->status = HF_ERR_CANCELED;
        done(arg, op);
    }
}

static void stand_in_retain(hf_key *key)
{
    ((stand_in *)key)->released--;
}

static void stand_in_release(hf_key *key)
{
    ((stand_in *)key)->released++;
}

static const hf_key_ops stand_in_ops = {
    .submit = stand_in_submit, .retain = stand_in_retain, .release = stand_in_release, .cancel = stand_in_cancel};

static void came(void *arg, hf_key_op *op)
{
    (void)op;
    ++*(int *)arg;
}

static void answer(stand_in *s)
{
    s->op->status = HF_OK;
    s->op->result_len = 48;
    memset(s->op->result, 7, 48);
    s->done(s->arg, s->op);
}

Test(audit, keys, .init = set_up, .fini = tear_down)
{
    size_t len;
    stand_in s = {
        .face = {
            .ops = &stand_in_ops, .label = "file.key", .where = "file", .spki = (const uint8_t *)"s", .spki_len = 1}};
    hf_key_watch watch = {.audit = hf_audit_open(path, HF_AUDIT_REFUSE)};
    hf_key *key = hf_key_watch_add(&watch, &s.face);
    cr_assert(key && key != &s.face);
    cr_assert_eq(hf_key_watch_inner(key), &s.face);
    cr_assert_eq(hf_key_watch_inner(&s.face), &s.face);
    int n = 0;
    hf_key_op op = {.key = key, .kind = HF_KEY_OP_DECRYPT, .conn_id = 42};
    key->ops->submit(key, &op, came, &n);
    answer(&s);
    cr_assert_eq(n, 1);
    cr_assert_eq(op.status, HF_OK);
    cr_assert_eq(op.result_len, 48);
    cr_assert(strstr(content(path, &len),
                     "\"key\":\"file.key\",\"spki_sha256\":\"043a718774c572bd8a25adbeb1bfcd5c0256ae11cecf9"
                     "f9c3f925d0e52beaf89\",\"operation\":\"decrypt\""));
    cr_assert(strstr(content(path, &len), "\"connection\":42,"));

    key->ops->submit(key, &op, came, &n);
    key->ops->cancel(key, came, &len); /* another one */
    cr_assert_eq(s.canceled, 0);
    key->ops->cancel(key, came, &n);
    cr_assert_eq(s.canceled, 1);
    cr_assert_eq(n, 2);
    cr_assert_eq(op.status, HF_ERR_CANCELED);

    /* The disk fills up while the token works: the result is withheld; then nothing is asked any more. */
    key->ops->submit(key, &op, came, &n);
    content(path, &len);
    limit_file(len + 20);
    answer(&s);
    cr_assert_eq(n, 3);
    cr_assert_eq(op.status, HF_ERR_IO);
    cr_assert_eq(op.result_len, 0);
    for (size_t i = 0; i < sizeof op.result; i++)
        cr_assert_eq(op.result[i], 0);
    cr_assert_not(key->ops->admits(key));
    int before = s.submitted;
    key->ops->submit(key, &op, came, &n);
    cr_assert_eq(n, 4);
    cr_assert_eq(op.status, HF_ERR_IO);
    cr_assert_eq(s.submitted, before, "the token was asked");
    limit_file(RLIM_INFINITY);
    usleep(HF_AUDIT_RETRY_MS * 1000 + 50000);
    key->ops->submit(key, &op, came, &n);
    answer(&s);
    cr_assert_eq(op.status, HF_OK);

    key->ops->release(key);
    hf_key_watch_cleanup(&watch);
    cr_assert_eq(s.released, 1, "references of the key below: %d", s.released);
    cr_assert_eq(verify(path, NULL), 0);
}

static void *late_answer(void *arg)
{
    usleep(100000);
    answer(arg);
    return NULL;
}

static void slow_came(void *arg, hf_key_op *op)
{
    (void)op;
    usleep(50000);
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void last_came(void *arg, hf_key_op *op)
{
    ((hf_key *)(uintptr_t)op->key)->ops->release((hf_key *)(uintptr_t)op->key);
    atomic_fetch_add((atomic_int *)arg, 1);
}

Test(audit, release_waits_for_what_is_running, .init = set_up, .fini = tear_down)
{
    stand_in s = {.face = {.ops = &stand_in_ops, .label = "k", .spki = (const uint8_t *)"s", .spki_len = 1}};
    hf_key_watch watch = {.audit = hf_audit_open(path, HF_AUDIT_REFUSE)};
    pthread_t thread;
    atomic_int over = 0;
    hf_key *key = hf_key_watch_add(&watch, &s.face);
    hf_key_op op = {.key = key, .kind = HF_KEY_OP_DECRYPT};
    key->ops->submit(key, &op, slow_came, &over);
    cr_assert_eq(pthread_create(&thread, NULL, late_answer, &s), 0);
    key->ops->release(key);
    cr_assert_eq(over, 1, "the key is gone before its operation");
    pthread_join(thread, NULL);
    hf_key_watch_cleanup(&watch);

    /* The last reference may go inside of a completion. */
    watch.audit = hf_audit_open(path, HF_AUDIT_REFUSE);
    key = hf_key_watch_add(&watch, &s.face);
    op.key = key;
    key->ops->submit(key, &op, last_came, &over);
    answer(&s);
    cr_assert_eq(over, 2);
    hf_key_watch_cleanup(&watch);
    cr_assert_eq(s.released, 2);
}
