/* Every fault in turn under load: a key in two tokens, submitters, a canceller, somebody who reads the numbers, and the
 * fault module's file changing under all of them. Each operation must come back exactly once; after each fault both
 * tokens come back and the load is served again, however long this machine takes for that; at the end the key can be
 * released. A plain program, for
 * ThreadSanitizer too. Works on the template tokens: nothing here writes to them. */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handfast/hsm.h"

enum {
    SUBMITTERS = 6,
    FAULT_MS = 120,
    TIMEOUT_MS = 400,
    GOOD_AFTER = 100, /* operations that the load gets done after each fault */
    PATIENCE_MS = 60000,
};

static const char *const faults[] = {
    "latency C_Sign = 1ms..5ms",
    "[demo]\ntoken = absent",
    "[second]\ntoken = reset",
    "token = reset",
    "[demo]\nhang C_Sign = forever",
    "fail C_Sign = CKR_DEVICE_ERROR probability 0.2",
    "token = absent",
    "sessions = 2\ntoken = reset",
    "[second]\nhang C_OpenSession = forever\ntoken = reset",
    "output C_Sign = wrong probability 0.3",
    "output C_Sign = short 3 probability 0.3",
    "[demo]\nkey shared = p256\ntoken = reset",
    "fail C_* = CKR_SESSION_HANDLE_INVALID probability 0.02",
    "pin = final-try\ntoken = reset", /* what a token calls wrong once stays untried: that does not heal by itself */
    "fail C_Login = CKR_FUNCTION_FAILED first 3\ntoken = reset",
    "slot = +3\ntoken = reset",
};

static const char folder[] = HF_TEST_FOLDER "/storm";
static const uint8_t digest[32] = {1, 2, 3};
static hf_key *key;
static EVP_PKEY *public_half;
static atomic_bool over;
static atomic_uint submitted, back, good, wrong, uses, notices;

static void fail(const char *what)
{
    fprintf(stderr, "storm: %s\n", what);
    exit(1);
}

static void write_rules(const char *rules)
{
    static unsigned n;
    char path[512], fresh[512];

    (void)snprintf(path, sizeof path, "%s/fault.conf", folder);
    (void)snprintf(fresh, sizeof fresh, "%s/fault.new", folder);
    FILE *file = fopen(fresh, "w");
    if (!file ||
        fprintf(file, "module = %s\ncounters = %s/counters\n%s\n# %u\n", HF_TEST_SOFTHSM, folder, rules, n++) < 0 ||
        fclose(file) != 0 || rename(fresh, path) != 0)
        fail("cannot write the rules");
}

static bool verifies(const hf_key_op *op)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(public_half, NULL);
    bool right = ctx && EVP_PKEY_verify_init(ctx) == 1 &&
                 EVP_PKEY_verify(ctx, op->result, op->result_len, digest, sizeof digest) == 1;

    EVP_PKEY_CTX_free(ctx);
    return right;
}

static void done(void *arg, hf_key_op *op)
{
    (void)arg;
    if (op->status == HF_OK)
        atomic_fetch_add(verifies(op) ? &good : &wrong, 1);
    else if (op->result_len != 0)
        fail("a failed operation with a result");
    free(op);
    atomic_fetch_add(&back, 1);
}

static void submit(void *arg)
{
    hf_key_op *op = calloc(1, sizeof *op);

    if (!op)
        fail("out of memory");
    op->key = key;
    op->kind = HF_KEY_OP_SIGN;
    op->scheme = HF_ECDSA_SECP256R1_SHA256;
    op->input = digest;
    op->input_len = sizeof digest;
    atomic_fetch_add(&submitted, 1);
    key->ops->submit(key, op, done, arg);
}

/* Cancels one of four of its own. */
static void *submit_many(void *arg)
{
    for (unsigned i = 0; !atomic_load(&over); i++) {
        submit(arg);
        if (i % 4 == 0)
            key->ops->cancel(key, done, arg);
        usleep(1500);
    }
    return NULL;
}

static void *watch(void *arg)
{
    hf_hsm_stats stats;

    while (!atomic_load(&over)) {
        if (hf_hsm_key_stats(key, &stats) != HF_OK || stats.n != 2)
            fail("no numbers");
        (void)key->ops->admits(key);
        usleep(700);
    }
    return arg;
}

static void on_use(void *arg, const hf_hsm_use *use)
{
    (void)arg;
    if (use->token[0])
        atomic_fetch_add(&uses, 1);
}

static void on_notice(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
    atomic_fetch_add(&notices, 1);
}

static void open_key(void)
{
    static const char *const uris[] = {"pkcs11:token=demo;object=shared", "pkcs11:token=second;object=shared"};
    const hf_hsm_options options = {.module = HF_TEST_FAULT_MODULE,
                                    .pin_source = HF_TEST_FOLDER "/template/pin",
                                    .threads = 3,
                                    .operation_timeout_ms = TIMEOUT_MS,
                                    .hedge_percentile = 90,
                                    .on_use = on_use,
                                    .on_notice = on_notice};
    char why[2048];

    if (hf_hsm_key_open_any(&options, uris, 2, &key, why, sizeof why) != HF_OK)
        fail(why);
    const uint8_t *at = key->spki;
    public_half = d2i_PUBKEY(NULL, &at, (long)key->spki_len);
    if (!public_half)
        fail("no public half");
}

static bool is_calm(void)
{
    hf_hsm_stats stats;
    bool calm = hf_hsm_key_stats(key, &stats) == HF_OK;

    for (size_t i = 0; i < stats.n; i++)
        calm = calm && stats.tokens[i].breaker == HF_HSM_BREAKER_CLOSED && stats.tokens[i].hung_now == 0;
    return calm;
}

static void tell_pools(void)
{
    hf_hsm_stats stats;

    if (hf_hsm_key_stats(key, &stats) != HF_OK)
        fail("no numbers");
    for (size_t i = 0; i < stats.n; i++)
        fprintf(stderr, "storm: %s is %s, %u threads hang, %u threads, %u queued\n", stats.tokens[i].token,
                hf_hsm_breaker_name(stats.tokens[i].breaker), stats.tokens[i].hung_now, stats.tokens[i].threads,
                stats.tokens[i].queued);
}

/* Until both tokens are in use and the load has had its share. */
static void await_calm(const char *fault)
{
    unsigned wanted = atomic_load(&good) + GOOD_AFTER;

    for (unsigned ms = 0; !is_calm() || atomic_load(&good) < wanted; ms++) {
        if (ms == PATIENCE_MS) {
            fprintf(stderr, "storm: after this fault, %u more operations were good:\n%s\n",
                    atomic_load(&good) + GOOD_AFTER - wanted, fault);
            tell_pools();
            fail("the tokens do not come back");
        }
        usleep(1000);
    }
}

int main(void)
{
    static char names[SUBMITTERS + 1]; /* what each submits with, and cancels */
    pthread_t threads[SUBMITTERS + 1];
    char path[512];

    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        fail("no folder");
    (void)snprintf(path, sizeof path, "%s/fault.conf", folder);
    write_rules("# nothing yet");
    if (setenv("SOFTHSM2_CONF", HF_TEST_FOLDER "/template/softhsm2.conf", 1) != 0 ||
        setenv("HANDFAST_FAULT_CONF", path, 1) != 0)
        fail("no environment");
    open_key();
    for (size_t i = 0; i <= SUBMITTERS; i++)
        if (pthread_create(&threads[i], NULL, i < SUBMITTERS ? submit_many : watch, &names[i]) != 0)
            fail("no thread");
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        write_rules(faults[i]);
        usleep(FAULT_MS * 1000);
        write_rules("# good for a while");
        await_calm(faults[i]);
    }
    atomic_store(&over, true);
    for (size_t i = 0; i <= SUBMITTERS; i++)
        (void)pthread_join(threads[i], NULL);
    key->ops->release(key);
    while (hf_hsm_threads_running() > 0) /* those that hung once */
        usleep(1000);
    EVP_PKEY_free(public_half);
    printf("storm: %u operations, %u good, %u with a wrong signature, %u uses, %u notices\n", submitted, good, wrong,
           uses, notices);
    if (submitted != back)
        fail("an operation was lost, or came back twice");
    if (uses < good + wrong)
        fail("a use of the key was not told");
    return 0;
}
