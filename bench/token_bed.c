/* A SoftHSM2 token of our own; see token_bed.h. */
#include "token_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "handfast/provision.h"

#define WHY_MAX 512
#define DAYS 2
#define PIN_BYTES 8

const char *const hf_bed_labels[HF_BED_KEYS] = {[HF_BED_RSA] = "RSA-2048", [HF_BED_P256] = "P-256"};

static const char *find_module(const char *asked)
{
    static const char *const places[] = {
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
    };

    if (asked)
        return asked;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    return NULL;
}

static bool path_in(const hf_token_bed *bed, const char *name, char *out)
{
    int len = snprintf(out, HF_BED_PATH_MAX, "%s/%s", bed->folder, name);

    return len > 0 && len < HF_BED_PATH_MAX;
}

static bool write_file(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool write_file(const char *path, const char *format, ...)
{
    va_list args;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);

    if (fd < 0)
        return false;
    va_start(args, format);
    bool good = vdprintf(fd, format, args) > 0;
    va_end(args);
    return close(fd) == 0 && good;
}

/* The folder, SoftHSM's configuration, and a file with a random PIN. */
static bool make_files(hf_token_bed *bed)
{
    char path[HF_BED_PATH_MAX], tokens[HF_BED_PATH_MAX];
    uint64_t pin = 0;
    const char *base = getenv("TMPDIR");

    int len = snprintf(bed->folder, sizeof bed->folder, "%s/handfast-bench-XXXXXX", base && base[0] ? base : "/tmp");
    if (len < 0 || (size_t)len >= sizeof bed->folder) {
        errno = ENAMETOOLONG;
        bed->folder[0] = 0;
        return false;
    }
    if (!mkdtemp(bed->folder)) {
        bed->folder[0] = 0;
        return false;
    }
    bool good =
        getrandom(&pin, PIN_BYTES, 0) == PIN_BYTES && path_in(bed, "tokens", tokens) && mkdir(tokens, S_IRWXU) == 0 &&
        path_in(bed, "pin", bed->pin_file) && write_file(bed->pin_file, "%016llx", (unsigned long long)pin) &&
        path_in(bed, "softhsm2.conf", path) &&
        write_file(path, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", tokens) &&
        setenv("SOFTHSM2_CONF", path, 1) == 0;
    hf_wipe(&pin, sizeof pin);
    return good;
}

bool hf_token_bed_file(const hf_token_bed *bed, const char *name, const void *data, size_t len, char *out)
{
    int fd = path_in(bed, name, out) ? open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR) : -1;
    bool good = fd >= 0 && write(fd, data, len) == (ssize_t)len;

    if (fd >= 0)
        good = close(fd) == 0 && good;
    if (!good)
        hf_bench_fail("cannot write %s/%s: %s", bed->folder, name, strerror(errno));
    return good;
}

/* A new private key as PEM text: *out_bio is the caller's to free, and holds it. */
static hf_status new_key_pem(hf_bed_key which, BIO **out_bio, const char **out_pem, size_t *out_len)
{
    char *text = NULL;
    EVP_PKEY *key = which == HF_BED_RSA ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");

    *out_bio = BIO_new(BIO_s_secmem());
    bool good = key && *out_bio && PEM_write_bio_PrivateKey(*out_bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    long len = good ? BIO_get_mem_data(*out_bio, &text) : 0;
    EVP_PKEY_free(key);
    *out_pem = text;
    *out_len = len > 0 ? (size_t)len : 0;
    return good ? HF_OK : HF_ERR_CRYPTO;
}

/* The key is made outside of the token and copied into it: peers that cannot use the token get the same from a file. */
static hf_status make_key(hf_token_bed *bed, const hf_hsm_options *options, hf_bed_key which, char *why)
{
    static const char *const sans[] = {"dns:localhost", "ip:127.0.0.1"};
    const hf_hsm_cert_spec spec = {.subject = "CN=localhost", .sans = sans, .sans_n = 2, .days = DAYS};
    const hf_hsm_new_key key = {.token_uri = "pkcs11:token=" HF_BED_TOKEN, .label = hf_bed_labels[which]};
    char name[32];
    char *pem = NULL;
    const char *key_pem = NULL;
    size_t key_len = 0;
    BIO *bio = NULL;

    (void)snprintf(name, sizeof name, "%s-key.pem", hf_bed_labels[which]);
    hf_status status = new_key_pem(which, &bio, &key_pem, &key_len);
    if (status == HF_OK && !hf_token_bed_file(bed, name, key_pem, key_len, bed->key_file[which]))
        status = HF_ERR_IO;
    if (status == HF_OK)
        status = hf_hsm_import_key(options, &key, key_pem, key_len, bed->uri[which], why, WHY_MAX);
    BIO_free(bio);
    if (status == HF_OK)
        status = hf_hsm_selfsign(options, bed->uri[which], &spec, &pem, why, WHY_MAX);
    (void)snprintf(name, sizeof name, "%s.pem", hf_bed_labels[which]);
    if (status == HF_OK && !hf_token_bed_file(bed, name, pem, strlen(pem), bed->cert_file[which]))
        status = HF_ERR_IO;
    free(pem);
    return status;
}

bool hf_token_bed_make(hf_token_bed *bed, const char *module)
{
    char why[WHY_MAX] = "";
    const char *path = find_module(module);

    memset(bed, 0, sizeof *bed);
    if (!path || strlen(path) >= sizeof bed->module) {
        hf_bench_fail("the module of SoftHSM2 was not found: install softhsm2, or give --module PATH");
        return false;
    }
    memcpy(bed->module, path, strlen(path) + 1);
    if (!make_files(bed)) {
        hf_bench_fail("cannot make a folder for a token: %s", strerror(errno));
        hf_token_bed_free(bed);
        return false;
    }
    const hf_hsm_options options = {.module = bed->module, .pin_source = bed->pin_file};
    hf_status status = hf_hsm_token_init(&options, HF_BED_TOKEN, bed->pin_file, why, sizeof why);
    for (int which = 0; status == HF_OK && which < HF_BED_KEYS; which++)
        status = make_key(bed, &options, (hf_bed_key)which, why);
    if (status != HF_OK) {
        hf_bench_fail("cannot make a SoftHSM2 token: %s", why[0] ? why : hf_status_text(status));
        hf_token_bed_free(bed);
    }
    return status == HF_OK;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

void hf_token_bed_free(hf_token_bed *bed)
{
    if (bed->folder[0])
        (void)nftw(bed->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    memset(bed, 0, sizeof *bed);
}
