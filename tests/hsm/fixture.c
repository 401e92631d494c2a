/* The token of one test: a copy of the template. */
#include "fixture.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <openssl/bn.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

mask_control_t *mask;
char test_folder[256];
char pin_file[300];
char why[WHY_MAX];
static void *mask_handle;

static void run_program(const char *const *argv)
{
    pid_t pid = fork(); /* before the module is initialised */

    if (pid == 0) {
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    int result = -1;
    cr_assert(pid > 0 && waitpid(pid, &result, 0) == pid && result == 0, "%s failed", argv[0]);
}

void write_file(const char *path, const char *text, unsigned mode)
{
    FILE *file = fopen(path, "w");

    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0 && chmod(path, mode) == 0);
}

static void copy_template(void)
{
    char from[512];
    char to[512];
    char text[1024];

    (void)snprintf(test_folder, sizeof test_folder, "%s/t-XXXXXX", HF_TEST_FOLDER);
    cr_assert_not_null(mkdtemp(test_folder));
    (void)snprintf(from, sizeof from, "%s/template/tokens", HF_TEST_FOLDER);
    (void)snprintf(to, sizeof to, "%s/tokens", test_folder);
    run_program((const char *const[]){"cp", "-r", from, to, NULL});
    (void)snprintf(text, sizeof text, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", to);
    (void)snprintf(to, sizeof to, "%s/softhsm2.conf", test_folder);
    write_file(to, text, 0600);
    cr_assert_eq(setenv("SOFTHSM2_CONF", to, 1), 0);
    cr_assert_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    (void)snprintf(pin_file, sizeof pin_file, "%s/pin", test_folder);
    write_file(pin_file, "1234\n", 0600);
}

void token_setup(void)
{
    copy_template();
    mask_handle = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL); /* the same module that p11-kit gets by this path */
    cr_assert_not_null(mask_handle, "%s", dlerror());
    mask = dlsym(mask_handle, "mask_control");
    cr_assert_not_null(mask);
}

void fault(const char *format, ...)
{
    static unsigned n;
    char rules[4096], text[5120], path[300], fresh[300];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(rules, sizeof rules, format, args);
    va_end(args);
    (void)snprintf(path, sizeof path, "%s/fault.conf", test_folder);
    (void)snprintf(fresh, sizeof fresh, "%s/fault.new", test_folder);
    (void)snprintf(text, sizeof text, "module = %s\ntrace = %s/trace\n%s\n# %u\n", HF_TEST_SOFTHSM, test_folder, rules,
                   n++);
    write_file(fresh, text, 0600);
    cr_assert_eq(rename(fresh, path), 0);
}

unsigned fault_traced(const char *word)
{
    char line[1024], path[300];
    unsigned n = 0;

    (void)snprintf(path, sizeof path, "%s/trace", test_folder);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file))
        n += strstr(line, word) != NULL;
    cr_assert_eq(fclose(file), 0);
    return n;
}

void fault_setup(void)
{
    char path[300];

    copy_template();
    (void)snprintf(path, sizeof path, "%s/fault.conf", test_folder);
    cr_assert_eq(setenv("HANDFAST_FAULT_CONF", path, 1), 0);
    fault("# nothing yet");
}

/* A thread that hangs in the module is let go, and waited for: a worker of Criterion that ends meanwhile would take
 * locks and libraries away under it, and may never end. */
static void wait_for_threads(void)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};

    for (unsigned i = 0; hf_hsm_threads_running() > 0 && i < TEST_PATIENCE_MS / 5; i++)
        (void)nanosleep(&pause, NULL);
    cr_expect_eq(hf_hsm_threads_running(), 0, "threads are left over");
}

void token_teardown(void)
{
    if (!mask)
        fault("# no rule any more");
    wait_for_threads();
    run_program((const char *const[]){"rm", "-rf", test_folder, NULL});
}

hf_hsm_options test_options(void)
{
    return (hf_hsm_options){.module = mask ? MODULE : HF_TEST_FAULT_MODULE,
                            .pin_source = pin_file,
                            .threads = 1,
                            .operation_timeout_ms = TEST_PATIENCE_MS,
                            .on_notice = print_notice};
}

const char *uri_of(const char *label)
{
    static char uri[256];

    (void)snprintf(uri, sizeof uri, "pkcs11:token=demo;object=%s", label);
    return uri;
}

hf_key *open_key(const char *label, unsigned threads)
{
    hf_hsm_options options = test_options();
    hf_key *key = NULL;

    options.threads = threads;
    hf_status status = hf_hsm_key_open(&options, uri_of(label), &key, why, sizeof why);
    cr_assert_eq(status, HF_OK, "%s: %s: %s", label, hf_status_text(status), why);
    return key;
}

EVP_PKEY *public_of(const hf_key *key)
{
    const uint8_t *at = key->spki;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)key->spki_len);

    cr_assert_not_null(pkey);
    return pkey;
}

static hf_key_op *make_op(hf_key *key, const uint8_t *input, size_t len)
{
    hf_key_op *op = calloc(1, sizeof *op + len + 1);

    cr_assert_not_null(op);
    uint8_t *inline_input = (uint8_t *)(op + 1);
    if (len > 0)
        memcpy(inline_input, input, len);
    op->key = key;
    op->input = inline_input;
    op->input_len = len;
    op->status = HF_ERR_STATE;
    return op;
}

hf_key_op *make_sign(hf_key *key, uint16_t scheme, const uint8_t *input, size_t len)
{
    hf_key_op *op = make_op(key, input, len);

    op->kind = HF_KEY_OP_SIGN;
    op->scheme = scheme;
    return op;
}

hf_key_op *make_decrypt(hf_key *key, const uint8_t *cipher, size_t len)
{
    hf_key_op *op = make_op(key, cipher, len);

    op->kind = HF_KEY_OP_DECRYPT;
    op->client_version = PREMASTER_VERSION;
    cr_assert_eq(RAND_bytes(op->fallback, sizeof op->fallback), 1);
    return op;
}

typedef struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t come;
    hf_key_op *op;
} waiter;

static void on_done(void *arg, hf_key_op *op)
{
    waiter *w = arg;

    pthread_mutex_lock(&w->lock);
    w->op = op;
    pthread_cond_signal(&w->come);
    pthread_mutex_unlock(&w->lock);
}

void run_op(hf_key *key, hf_key_op *op)
{
    waiter w = {.lock = PTHREAD_MUTEX_INITIALIZER, .come = PTHREAD_COND_INITIALIZER};

    key->ops->submit(key, op, on_done, &w);
    pthread_mutex_lock(&w.lock);
    while (!w.op)
        pthread_cond_wait(&w.come, &w.lock);
    pthread_mutex_unlock(&w.lock);
    cr_assert_eq(w.op, op);
}

hf_status sign_zeros(hf_key *key, uint16_t scheme)
{
    static const uint8_t zeros[64];
    size_t len = (scheme & 0xff00) == 0x0400 || scheme == HF_RSA_PSS_RSAE_SHA256 ? 32 : 64;
    hf_key_op *op = make_sign(key, scheme, zeros, len);

    run_op(key, op);
    hf_status status = op->status;
    free(op);
    return status;
}

hf_status sign_until_good(hf_key *key, uint16_t scheme)
{
    hf_status status = sign_zeros(key, scheme);

    for (int i = 0; i < TEST_PATIENCE_MS / 10 && status != HF_OK; i++) {
        usleep(10000);
        status = sign_zeros(key, scheme);
    }
    return status;
}

void print_notice(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "notice: %s\n", line);
}

void encrypt_block(const hf_key *key, const uint8_t *block, uint8_t *out)
{
    EVP_PKEY *pkey = public_of(key);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    size_t size = key->bits / 8;
    size_t len = size;

    cr_assert(ctx && EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
              EVP_PKEY_encrypt(ctx, out, &len, block, size) == 1 && len == size);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
}

size_t make_block(const hf_key *key, uint8_t *block, const uint8_t premaster[48])
{
    size_t size = key->bits / 8;

    block[0] = 0;
    block[1] = 2;
    memset(block + 2, 0xa5, size - 51);
    block[size - 49] = 0;
    memcpy(block + size - 48, premaster, 48);
    return size - 48;
}

void mask_hide(unsigned long mechanism)
{
    for (size_t i = 0; i < MASK_HIDDEN_MAX; i++) {
        unsigned long none = 0;
        if (atomic_compare_exchange_strong(&mask->hidden[i], &none, mechanism + 1))
            return;
    }
    cr_assert(false, "too many hidden mechanisms");
}

unsigned mask_count(mask_call call)
{
    return atomic_load(&mask->calls[call]);
}
