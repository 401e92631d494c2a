/* A client: sends a line, prints the answer, ends.
 *
 *   client ADDRESS PORT NAME CA LINE     127.0.0.1 8443 localhost ca.pem hello
 *
 * cc client.c drive.c $(pkg-config --cflags --libs handfast handfast-providers) */
#include <arpa/inet.h>
#include <handfast/providers.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drive.h"

/* Who is trusted and what is offered: built once, shared by all connections and threads. NULL after telling why. */
static hf_config *configure(const hf_crypto *crypto, const char *ca_path)
{
    hf_config *config = NULL;
    hf_trust *trust = NULL;
    char why[256] = "out of memory";
    size_t len;
    unsigned char *ca = read_file(ca_path, &len);

    bool good = ca && crypto->pki->trust_new(ca, len, &trust) == HF_OK &&
                hf_config_new(hf_env_system(), crypto, &config) == HF_OK &&
                hf_config_set_trust(config, trust) == HF_OK; /* owns it from here on */
    free(ca);
    if (good && hf_config_build(config, HF_ROLE_CLIENT, why, sizeof why) == HF_OK)
        return config;
    fprintf(stderr, "configuration: %s\n", why);
    hf_config_release(config);
    return NULL;
}

static bool talk(hf_conn *conn, hf_worker *worker, int fd, const char *line)
{
    const uint8_t *data;
    size_t len, taken;

    /* Room for the first byte is there when the handshake is complete: the server was verified. */
    if (!drive(conn, worker, fd, HF_WANT_ROOM) ||
        hf_conn_write(conn, worker, (const uint8_t *)line, strlen(line), &taken) != HF_OK || taken != strlen(line))
        return false;
    if (!drive(conn, worker, fd, HF_WANT_PLAINTEXT) || hf_conn_plaintext_buf(conn, &data, &len) != HF_OK)
        return false;
    printf("%.*s\n", (int)len, (const char *)data);
    return hf_conn_plaintext_ack(conn, len) == HF_OK && finish(conn, worker, fd);
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    char why[256];
    hf_crypto crypto;
    hf_worker *worker = NULL;
    hf_conn *conn = NULL;

    if (argc != 6 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
        return 2;
    to.sin_port = htons((uint16_t)atoi(argv[2]));
    if (hf_crypto_compose("auto", &crypto, NULL, NULL, why, sizeof why) != HF_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    hf_config *config = configure(&crypto, argv[4]);
    hf_conn_options options = {.server_name = argv[3]};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool good = config && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
                hf_worker_new(&crypto, &worker) == HF_OK && hf_conn_new(config, &options, &conn) == HF_OK;
    if (good && !(good = talk(conn, worker, fd, argv[5])))
        fprintf(stderr, "%s: %s\n", hf_status_text(hf_conn_status(conn)), hf_conn_reason(conn));
    close(fd);
    hf_conn_free(conn);
    hf_worker_free(worker);
    hf_config_release(config);
    return good ? 0 : 1;
}
