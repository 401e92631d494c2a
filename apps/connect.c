/* `handfast connect`: a client in the manner of s_client; an HTTP request with --get. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "commands.h"
#include "connect_io.h"
#include "net.h"

static void on_event(void *user, hf_conn *conn, const hf_event *event)
{
    hf_client *client = user;
    hf_explain_event(client->explain, conn, event);
}

static void on_key_log(void *user, const char *label, const uint8_t client_random[32], const uint8_t *secret,
                       size_t secret_len)
{
    const hf_client *client = user;
    hf_keylog_line(&client->tls->keylog, label, client_random, secret, secret_len);
}

/* The bridge's wake: any thread. */
static void wake(void *arg)
{
    const int *fd = arg;
    uint64_t one = 1;
    if (write(*fd, &one, sizeof one) < 0) { /* the counter is full: it is awake already */
    }
}

static bool take_body(void *arg, const uint8_t *data, size_t len)
{
    (void)arg;
    while (len) {
        ssize_t n = write(STDOUT_FILENO, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            hf_cli_error("cannot write standard output: %s", strerror(errno));
            return false;
        }
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static void on_session(void *user, hf_conn *conn, hf_session *session)
{
    hf_client *client = user;
    (void)conn;
    hf_session_free(client->session);
    client->session = session;
}

static hf_status new_conn(hf_client *client, const hf_connect_options *options, hf_session *session)
{
    hf_conn_options conn_options = {.server_name = options->name, .user = client, .session = session};
    if (options->resume > 0)
        conn_options.on_session = on_session;
    if (options->tls.explain) {
        client->explain = hf_explain_new(HF_ROLE_CLIENT, "", &client->tls->crypto);
        conn_options.on_event = client->explain ? on_event : NULL;
    }
    if (client->tls->keylog.fd >= 0)
        conn_options.on_key_log = on_key_log;
    return hf_conn_new(client->tls->config, &conn_options, &client->conn);
}

static int run(hf_client *client, const hf_connect_options *options, const hf_tls *tls, hf_session *session)
{
    client->options = options;
    client->tls = tls;
    client->fd = client->key_fd = -1;
    hf_response_init(&client->response, take_body, client);
    client->key_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    client->scratch = malloc(HF_CONNECT_BATCH);
    client->keys = hf_key_bridge_new(wake, &client->key_fd);
    if (client->key_fd < 0 || !client->scratch || !client->keys) {
        hf_cli_error("cannot start: %s", strerror(errno));
        return HF_EXIT_FAILED;
    }
    hf_status status = hf_worker_new(&tls->crypto, &client->worker);
    if (status == HF_OK)
        status = new_conn(client, options, session);
    if (status != HF_OK) {
        hf_cli_error("cannot start: %s", hf_status_text(status));
        return HF_EXIT_FAILED;
    }
    client->fd = hf_net_connect(&options->to, (int)options->timeout * 1000);
    return client->fd < 0 ? HF_EXIT_FAILED : hf_client_run(client);
}

static void cleanup(hf_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    hf_key_ticket_forget(client->ticket);
    hf_key_bridge_close(client->keys);
    hf_conn_free(client->conn);
    hf_worker_free(client->worker);
    hf_explain_free(client->explain);
    hf_session_free(client->session);
    if (client->scratch)
        hf_wipe(client->scratch, HF_CONNECT_BATCH);
    free(client->scratch);
    if (client->key_fd >= 0)
        close(client->key_fd);
    free(client);
}

/* One connection; *session is offered, and replaced by the newest that it gives. `number`: from 0. */
static int connect_once(const hf_connect_options *options, const hf_tls *tls, unsigned number, hf_session **session)
{
    hf_client *client = calloc(1, sizeof *client);
    hf_conn_info info = {0};
    if (!client) {
        hf_cli_error("out of memory");
        return HF_EXIT_FAILED;
    }
    if (options->resume > 0 && !options->quiet)
        fprintf(stderr, "connection %u of %u\n", number + 1, options->resume + 1);
    int result = run(client, options, tls, *session);
    if (client->conn)
        hf_conn_get_info(client->conn, &info);
    if (result == HF_EXIT_DONE && number > 0 && !info.resumed) {
        hf_cli_error("not resumed: the server made a full handshake");
        result = HF_EXIT_FAILED;
    }
    if (client->session) {
        hf_session_free(*session);
        *session = client->session;
        client->session = NULL;
    }
    if (result == HF_EXIT_DONE && number < options->resume && !*session) {
        hf_cli_error("the server gave no session to resume");
        result = HF_EXIT_FAILED;
    }
    cleanup(client);
    return result;
}

int hf_connect_main(int argc, char **argv)
{
    hf_connect_options options;
    int result = hf_connect_options_parse(&options, argc, argv);
    if (result != HF_EXIT_DONE || options.help)
        return result;
    if (options.tls.insecure)
        hf_cli_warn("--insecure: the server is not verified; anybody may be at the other end");
    hf_tls tls;
    result = hf_tls_setup(&tls, &options.tls, HF_ROLE_CLIENT);
    if (result != HF_EXIT_DONE)
        return result;
    hf_session *session = NULL;
    for (unsigned i = 0; i <= options.resume && result == HF_EXIT_DONE; i++)
        result = connect_once(&options, &tls, i, &session);
    hf_session_free(session);
    hf_tls_cleanup(&tls);
    return result;
}
