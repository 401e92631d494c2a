/* Files and tokens to credentials: the certificate chain, the key that belongs to it, and trust anchors.
 *
 * Text of a private key lives in one buffer that is wiped; a key in a token never passes here at all. */
#include "credentials.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cert_line.h"
#include "cli.h"
#include "handfast/hsm.h"
#include "handfast/providers.h"
#include "key_client.h"
#include "key_watch.h"
#include "public_files.h"

typedef hf_held_chain chain;

static bool read_all(int fd, uint8_t *data, size_t size, size_t *out_len)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, data + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *out_len = len;
    return true;
}

bool hf_file_id_get(const char *path, hf_file_id *out)
{
    struct stat info;
    int fd = hf_public_file_open(path);
    bool good = fd >= 0 && fstat(fd, &info) == 0;
    if (good)
        *out = hf_file_id_of(&info);
    if (fd >= 0)
        close(fd);
    return good;
}

bool hf_file_read(const char *path, const char *what, size_t limit, uint8_t **out, size_t *out_len)
{
    hf_file_id id;
    return hf_file_read_id(path, what, limit, out, out_len, &id);
}

bool hf_file_read_id(const char *path, const char *what, size_t limit, uint8_t **out, size_t *out_len,
                     hf_file_id *out_id)
{
    int fd = hf_public_file_open(path);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        hf_cli_error("cannot read %s %s: %s", what, path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    uint8_t *data = NULL;
    size_t len = 0, size = 0;
    bool ok = false;
    if (!S_ISREG(info.st_mode)) {
        hf_cli_error("cannot read %s %s: not a regular file", what, path);
    } else if (info.st_size < 0 || (uintmax_t)info.st_size > limit) {
        hf_cli_error("cannot read %s %s: larger than the limit of %zu bytes", what, path, limit);
    } else {
        size = (size_t)info.st_size;
        data = calloc(1, size + 1);
        ok = data && read_all(fd, data, size, &len);
        if (!ok)
            hf_cli_error("cannot read %s %s: %s", what, path, strerror(errno));
    }
    close(fd);
    if (!ok) {
        hf_file_free(data, size);
        return false;
    }
    *out = data;
    *out_len = len;
    *out_id = hf_file_id_of(&info);
    return true;
}

void hf_file_free(uint8_t *data, size_t len)
{
    if (data)
        hf_wipe(data, len);
    free(data);
}

static void chain_free(chain *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->certs[i]);
    c->n = 0;
}

static hf_status chain_add(void *arg, const uint8_t *der, size_t len)
{
    chain *c = arg;
    if (c->n == HF_CHAIN_MAX)
        return HF_ERR_LIMIT;
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy)
        return HF_ERR_NO_MEMORY;
    memcpy(copy, der, len);
    c->certs[c->n] = copy;
    c->lens[c->n++] = len;
    return HF_OK;
}

static bool chain_from_file(chain *c, const hf_pki *pki, const char *path)
{
    uint8_t *pem = NULL;
    size_t len = 0;
    if (!hf_file_read(path, "certificate", HF_CERT_FILE_MAX, &pem, &len))
        return false;
    hf_status status = pki->pem_certs(pem, len, chain_add, c);
    hf_file_free(pem, len);
    if (status != HF_OK)
        hf_cli_error("certificate %s: %s; a PEM file with at most %d certificates is needed", path,
                     hf_status_text(status), HF_CHAIN_MAX);
    return status == HF_OK;
}

static bool chain_from_token(chain *c, hf_key *watched)
{
    hf_key *key = hf_key_watch_inner(watched);
    hf_status status = hf_key_client_certs(key, chain_add, c); /* HF_ERR_INVALID: it is not in the key process */
    if (status == HF_ERR_INVALID)
        status = hf_hsm_key_certs(key, chain_add, c);
    if (status != HF_OK)
        hf_cli_error("no certificate beside the key %s in its token (%s); name a file with --cert", key->label,
                     hf_status_text(status));
    return status == HF_OK;
}

static hf_status key_from_file(const char *path, hf_key **out)
{
    struct stat info;
    if (stat(path, &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)))
        hf_cli_warn("key file %s may be read by others; do: chmod 600 %s", path, path);
    uint8_t *pem = NULL;
    size_t len = 0;
    if (!hf_file_read(path, "key", HF_KEY_FILE_MAX, &pem, &len))
        return HF_ERR_IO;
    hf_status status = hf_pem_key_new(pem, len, path, out);
    hf_file_free(pem, len);
    if (status != HF_OK)
        hf_cli_error("key %s: %s; an unencrypted PEM key (RSA, EC or Ed25519) or a pkcs11: URI is needed", path,
                     hf_status_text(status));
    return status;
}

/* hf_hsm_notice_fn */
static void tell_notice(void *arg, const char *line)
{
    (void)arg;
    hf_cli_warn("%s", line);
}

static hf_status key_from_token(const hf_tls_options *options, size_t i, bool prompt, hf_key **out)
{
    hf_hsm_options hsm = {.module = options->module,
                          .module_args = options->module_args,
                          .pin_source = options->pin_source,
                          .prompt = prompt,
                          .allow_extractable = options->allow_extractable,
                          .threads = options->key_threads,
                          .operation_timeout_ms = options->key_timeout_ms,
                          .hedge_percentile = options->hedge,
                          .on_use = options->watch ? hf_key_watch_use : NULL,
                          .on_notice = options->watch ? hf_key_watch_notice : tell_notice,
                          .arg = options->watch};
    const char *uris[HF_HSM_TOKENS_MAX] = {options->keys[i]};
    size_t n = 1;
    char why[HF_LINE_MAX] = "";
    for (size_t m = 0; m < options->n_more_keys[i]; m++)
        uris[n++] = options->more_keys[i][m];
    hf_status status = hf_hsm_key_open_any(&hsm, uris, n, out, why, sizeof why);
    if (status != HF_OK)
        hf_cli_error("%s", why[0] ? why : hf_status_text(status));
    else if (why[0])
        hf_cli_warn("%s", why);
    return status;
}

hf_status hf_credentials_open_key(const hf_tls_options *options, size_t i, bool prompt, hf_key **out)
{
    const char *name = options->keys[i];
    if (options->key_client) {
        *out = hf_key_client_key(options->key_client, i);
        if (!*out)
            hf_cli_error("the key process has shown no key for %s", name);
        return *out ? HF_OK : HF_ERR_NOT_FOUND;
    }
    hf_status status = hf_tls_key_is_uri(name) ? key_from_token(options, i, prompt, out) : key_from_file(name, out);
    if (status == HF_OK && !(*out = hf_key_watch_add(options->watch, *out))) {
        hf_cli_error("out of memory");
        status = HF_ERR_NO_MEMORY;
    }
    return status;
}

/* ---- Credentials ---- */

/* It is used all the same: an operator without the new one has nothing better. */
static void warn_of_time(const hf_held_credential *one)
{
    for (size_t i = 0; i < one->chain.n; i++) {
        const char *untimely = hf_cert_untimely(one->chain.certs[i], one->chain.lens[i], time(NULL));
        char line[HF_LINE_MAX];
        if (!untimely)
            continue;
        hf_cert_line(one->chain.certs[i], one->chain.lens[i], line, sizeof line);
        hf_cli_warn("certificate %s %s, peers will refuse it: %s", one->cert_name, untimely, line);
    }
}

static bool load_one(hf_held_credential *one, const hf_pki *pki, const hf_tls_options *options, size_t i, bool prompt)
{
    if (hf_credentials_open_key(options, i, prompt, &one->key) != HF_OK)
        return false;
    one->cert_name = i < options->n_certs ? options->certs[i] : "of the token";
    if (!(i < options->n_certs ? chain_from_file(&one->chain, pki, options->certs[i])
                               : chain_from_token(&one->chain, one->key)))
        return false;
    warn_of_time(one);
    one->staple.path = options->ocsp[i];
    return !one->staple.path || hf_staple_file_read(&one->staple, pki, &one->chain);
}

hf_credentials *hf_credentials_load(const hf_pki *pki, const hf_tls_options *options, bool prompt)
{
    hf_credentials *all = calloc(1, sizeof *all);
    if (!all) {
        hf_cli_error("out of memory");
        return NULL;
    }
    for (; all->n < options->n_keys; all->n++) {
        if (!load_one(&all->list[all->n], pki, options, all->n, prompt)) {
            all->n++; /* what there is of it goes, too */
            hf_credentials_free(all);
            return NULL;
        }
    }
    return all;
}

void hf_credentials_free(hf_credentials *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->n; i++) {
        hf_held_credential *one = &all->list[i];
        chain_free(&one->chain);
        hf_staple_file_cleanup(&one->staple);
        if (one->key)
            one->key->ops->release(one->key);
    }
    hf_file_free(all->trust, all->trust_len);
    free(all);
}

static bool add_one(hf_config *config, const hf_held_credential *one)
{
    const uint8_t *certs[HF_CHAIN_MAX];
    for (size_t j = 0; j < one->chain.n; j++)
        certs[j] = one->chain.certs[j];
    hf_credential credential = {.certs = certs, .cert_lens = one->chain.lens, .n = one->chain.n, .key = one->key};
    hf_status status = hf_config_add_credential(config, &credential);
    if (status != HF_OK)
        hf_cli_error("certificate %s and key %s: %s", one->cert_name, one->key->label, hf_status_text(status));
    return status == HF_OK && hf_staple_file_apply(&one->staple, config);
}

bool hf_credentials_add(hf_config *config, const hf_credentials *all)
{
    for (size_t i = 0; i < all->n; i++)
        if (!add_one(config, &all->list[i]))
            return false;
    return true;
}

bool hf_credentials_load_trust(hf_credentials *all, const char *path)
{
    return hf_file_read(path, "trust anchors", HF_TRUST_FILE_MAX, &all->trust, &all->trust_len);
}

bool hf_trust_parse(const hf_pki *pki, const hf_credentials *all, const char *path, hf_trust **out)
{
    hf_status status = pki->trust_new(all->trust, all->trust_len, out);
    if (status != HF_OK)
        hf_cli_error("trust anchors %s: %s; a PEM file with CERTIFICATE blocks is needed",
                     path ? path : "of the system", hf_status_text(status));
    return status == HF_OK;
}
