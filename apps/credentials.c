/* Files and tokens to credentials: the certificate chain, the key that belongs to it, and trust anchors.
 *
 * Text of a private key lives in one buffer that is wiped; a key in a token never passes here at all. */
#include "credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "handfast/hsm.h"
#include "handfast/providers.h"
#include "key_client.h"
#include "key_watch.h"

/* A chain while it is collected. */
typedef struct chain {
    uint8_t *certs[HF_CHAIN_MAX];
    size_t lens[HF_CHAIN_MAX];
    size_t n;
} chain;

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

bool hf_file_read(const char *path, const char *what, size_t limit, uint8_t **out, size_t *out_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
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
        return HF_OK;
    }
    hf_status status = hf_tls_key_is_uri(name) ? key_from_token(options, i, prompt, out) : key_from_file(name, out);
    if (status == HF_OK && !(*out = hf_key_watch_add(options->watch, *out))) {
        hf_cli_error("out of memory");
        status = HF_ERR_NO_MEMORY;
    }
    return status;
}

/* The response of --ocsp; one that is not good is told and left out. False: it cannot be read at all. */
static bool staple(hf_config *config, const hf_pki *pki, const char *path, const hf_credential *to)
{
    char why[HF_LINE_MAX] = "";
    uint8_t *response = NULL;
    size_t len = 0;
    int64_t until;
    if (!hf_file_read(path, "OCSP response", HF_LIMIT_OCSP_RESPONSE, &response, &len))
        return false;
    const hf_ocsp ocsp = {.response = response,
                          .response_len = len,
                          .certs = to->certs,
                          .cert_lens = to->cert_lens,
                          .n = to->n,
                          .unix_time = time(NULL)};
    hf_status status = pki->ocsp_check(&ocsp, &until, why, sizeof why);
    if (status == HF_OK)
        status = hf_config_staple(config, response, len);
    if (status != HF_OK)
        hf_cli_warn("--ocsp %s is not stapled: %s; fetch a new one and start again", path,
                    why[0] ? why : hf_status_text(status));
    hf_file_free(response, len);
    return true;
}

static bool add_one(hf_config *config, const hf_pki *pki, const hf_tls_options *options, size_t i, bool prompt)
{
    hf_key *key = NULL;
    if (hf_credentials_open_key(options, i, prompt, &key) != HF_OK)
        return false;
    chain c = {.n = 0};
    bool ok = i < options->n_certs ? chain_from_file(&c, pki, options->certs[i]) : chain_from_token(&c, key);
    if (ok) {
        const uint8_t *certs[HF_CHAIN_MAX];
        for (size_t j = 0; j < c.n; j++)
            certs[j] = c.certs[j];
        hf_credential credential = {.certs = certs, .cert_lens = c.lens, .n = c.n, .key = key};
        hf_status status = hf_config_add_credential(config, &credential);
        if (status != HF_OK)
            hf_cli_error("certificate %s and key %s: %s", i < options->n_certs ? options->certs[i] : "of the token",
                         key->label, hf_status_text(status));
        ok = status == HF_OK && (!options->ocsp[i] || staple(config, pki, options->ocsp[i], &credential));
    }
    chain_free(&c);
    key->ops->release(key); /* the configuration holds its own reference */
    return ok;
}

bool hf_credentials_add(hf_config *config, const hf_pki *pki, const hf_tls_options *options, bool prompt)
{
    for (size_t i = 0; i < options->n_keys; i++)
        if (!add_one(config, pki, options, i, prompt))
            return false;
    return true;
}

bool hf_trust_load(const hf_pki *pki, const char *path, hf_trust **out)
{
    uint8_t *pem = NULL;
    size_t len = 0;
    if (path && !hf_file_read(path, "trust anchors", HF_TRUST_FILE_MAX, &pem, &len))
        return false;
    hf_status status = pki->trust_new(pem, len, out);
    hf_file_free(pem, len);
    if (status != HF_OK)
        hf_cli_error("trust anchors %s: %s; a PEM file with CERTIFICATE blocks is needed",
                     path ? path : "of the system", hf_status_text(status));
    return status == HF_OK;
}
