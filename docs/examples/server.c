/* A server whose key is in a token, or in a file: sends back what comes, for one connection after the other.
 *
 *   server CERT KEY [MODULE PIN_FILE]     site.pem "pkcs11:token=web;object=site" /usr/lib/softhsm/libsofthsm2.so pin
 *
 * cc server.c drive.c $(pkg-config --cflags --libs handfast handfast-providers handfast-hsm) -lpthread */
#include <handfast/hsm.h>
#include <handfast/providers.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drive.h"

/* With a URI the key stays in its token, and threads of the library ask it; else it is read from a PEM file. */
static hf_key *open_key(int argc, char **argv)
{
    hf_hsm_options options = {.module = argc > 3 ? argv[3] : NULL, .pin_source = argc > 4 ? argv[4] : NULL};
    hf_key *key = NULL;
    char why[512] = "";
    hf_status status = HF_ERR_IO;

    if (strncmp(argv[2], "pkcs11:", 7) == 0) {
        status = hf_hsm_key_open(&options, argv[2], &key, why, sizeof why);
    } else {
        size_t len;
        unsigned char *pem = read_file(argv[2], &len);
        if (pem)
            status = hf_pem_key_new(pem, len, argv[2], &key);
        hf_wipe(pem, len);
        free(pem);
    }
    if (status != HF_OK)
        fprintf(stderr, "key: %s\n", why[0] ? why : hf_status_text(status));
    return key;
}

typedef struct chain {
    uint8_t *der[HF_CHAIN_MAX];
    size_t lens[HF_CHAIN_MAX], n;
} chain;

static hf_status add_cert(void *arg, const uint8_t *der, size_t len)
{
    chain *c = arg;
    uint8_t *copy = c->n < HF_CHAIN_MAX ? malloc(len) : NULL;
    if (!copy)
        return HF_ERR_NO_MEMORY;
    memcpy(copy, der, len);
    c->der[c->n] = copy;
    c->lens[c->n++] = len;
    return HF_OK;
}

/* NULL after telling why. */
static hf_config *configure(const hf_crypto *crypto, const char *cert_path, hf_key *key)
{
    chain c = {.n = 0};
    hf_config *config = NULL;
    char why[256] = "";
    size_t len;
    unsigned char *pem = read_file(cert_path, &len);
    hf_status status = pem ? crypto->pki->pem_certs(pem, len, add_cert, &c) : HF_ERR_IO;
    hf_credential credential = {.certs = (const uint8_t *const *)c.der, .cert_lens = c.lens, .n = c.n, .key = key};

    if (status == HF_OK)
        status = hf_config_new(hf_env_system(), crypto, &config);
    if (status == HF_OK)
        status = hf_config_add_credential(config, &credential); /* copies the chain, retains the key */
    if (status == HF_OK)
        status = hf_config_build(config, HF_ROLE_SERVER, why, sizeof why);
    for (size_t i = 0; i < c.n; i++)
        free(c.der[i]);
    free(pem);
    if (status == HF_OK)
        return config;
    fprintf(stderr, "configuration: %s\n", why[0] ? why : hf_status_text(status));
    hf_config_release(config);
    return NULL;
}

static void serve(hf_config *config, hf_worker *worker, int fd)
{
    const uint8_t *data;
    size_t len, taken;
    hf_conn *conn;

    if (hf_conn_new(config, NULL, &conn) != HF_OK)
        return;
    while (drive(conn, worker, fd, HF_WANT_PLAINTEXT)) {
        if (!drive(conn, worker, fd, HF_WANT_ROOM) || hf_conn_plaintext_buf(conn, &data, &len) != HF_OK ||
            hf_conn_write(conn, worker, data, len, &taken) != HF_OK || hf_conn_plaintext_ack(conn, taken) != HF_OK)
            break;
    }
    if (!finish(conn, worker, fd))
        fprintf(stderr, "%s: %s\n", hf_status_text(hf_conn_status(conn)), hf_conn_reason(conn));
    hf_conn_free(conn);
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t at_len = sizeof at;
    char why[256];
    hf_crypto crypto;
    hf_worker *worker = NULL;

    if (argc < 3)
        return 2;
    if (hf_crypto_compose("auto", &crypto, NULL, NULL, why, sizeof why) != HF_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    hf_key *key = open_key(argc, argv);
    hf_config *config = key ? configure(&crypto, argv[1], key) : NULL;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (config && hf_worker_new(&crypto, &worker) == HF_OK && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
        listen(fd, 8) == 0 && getsockname(fd, (struct sockaddr *)&at, &at_len) == 0) {
        printf("listening on port %u\n", ntohs(at.sin_port));
        fflush(stdout);
        for (int peer; (peer = accept(fd, NULL, NULL)) >= 0; close(peer))
            serve(config, worker, peer);
    }
    hf_worker_free(worker);
    hf_config_release(config);
    if (key)
        key->ops->release(key); /* of a key in a token: ends its threads, logs out */
    return 1;
}
