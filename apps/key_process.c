/* `handfast key-process`: owns the PKCS#11 module, the PIN and the keys; started by the supervisor only (isolate.c).
 *
 * It gets the arguments of `serve` and takes from them what concerns keys. Order: its own user, then its sandbox, then
 * module and PIN; then it serves its one peer until that closes. The operator's SIGHUP it hears from the supervisor. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "confine.h"
#include "control.h"
#include "handfast/hsm.h"
#include "isolate.h"
#include "key_reload.h"
#include "key_service.h"
#include "key_tickets.h"
#include "key_watch.h"
#include "metrics_text.h"
#include "resumption.h"
#include "serve_options.h"

typedef struct key_process {
    hf_key_watch watch;
    hf_key_service service;
    hf_key_reload *reload;
    hf_hsm_secret *ticket_key; /* NULL: none, like the next */
    hf_key_tickets *tickets;
    bool ticket_warned;           /* of the thread that derives */
    pthread_mutex_t introduction; /* held until it is over: the keys of a reload are shown after those of now */
} key_process;

static bool started_rightly(void)
{
    int type = 0;
    socklen_t len = sizeof type;
    if (getsockopt(HF_KEY_PROCESS_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET &&
        getsockopt(HF_KEY_PROCESS_CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET)
        return true;
    hf_cli_error("%s is a part of: handfast serve --isolate", HF_KEY_PROCESS_COMMAND);
    return false;
}

static bool is_about_the_pin(hf_status status)
{
    return status == HF_ERR_PIN_INCORRECT || status == HF_ERR_PIN_LOCKED || status == HF_ERR_PIN_SOURCE;
}

static hf_status certs_of(hf_key *key, hf_status (*each)(void *arg, const uint8_t *der, size_t len), void *arg)
{
    return hf_hsm_key_certs(hf_key_watch_inner(key), each, arg);
}

static void settle(void *arg, uint32_t number, bool adopt)
{
    hf_key_reload_settle(((key_process *)arg)->reload, number, adopt);
}

static void ticket(void *arg, uint64_t hour)
{
    hf_key_tickets_ask(((key_process *)arg)->tickets, hour, time(NULL));
}

/* hf_key_tickets_fn. The network process tells what it means, this one what it is. */
static hf_status derive_ticket(void *arg, uint64_t hour, uint8_t out[HF_HSM_SECRET_SIZE])
{
    key_process *process = arg;
    char why[HF_LINE_MAX] = "";
    hf_status status = hf_resumption_derive(process->ticket_key, hour, out, why, sizeof why);
    if (status != HF_OK && !process->ticket_warned)
        hf_cli_warn("--ticket-key: %s", why[0] ? why : hf_status_text(status));
    process->ticket_warned = status != HF_OK;
    return status;
}

/* The supervisor's words. The audit file comes first, so that the uses of keys that a reload tries stand in the new
 * one. */
static void *listen_to_control(void *arg)
{
    key_process *process = arg;
    hf_control message;
    int fd;
    hf_control_result got;
    pthread_mutex_lock(&process->introduction);
    pthread_mutex_unlock(&process->introduction);
    while ((got = hf_control_receive(HF_KEY_PROCESS_CONTROL_FD, &message, &fd)) != HF_CONTROL_GONE) {
        if (fd >= 0)
            close(fd);
        if (got != HF_CONTROL_GOT || message.kind != HF_CONTROL_RELOAD)
            continue;
        if (process->watch.audit)
            hf_audit_reopen(process->watch.audit);
        hf_key_reload_ask(process->reload, message.number);
    }
    return NULL;
}

static void add_count(hf_text *text, const char *name, const char *type, const char *help, unsigned long value)
{
    hf_text_metric(text, name, type, help);
    hf_text_add(text, "%s %lu\n", name, value);
}

static size_t report(void *arg, char *out, size_t max, unsigned *out_serving)
{
    key_process *process = arg;
    hf_key_service *service = &process->service;
    hf_text text = {.data = out, .max = max};
    hf_metrics_keys(&text, &process->watch, out_serving);
    add_count(&text, "handfast_key_process_rate_refused_total", "counter", "Operations beyond --key-rate.",
              atomic_load(&service->refused_rate));
    add_count(&text, "handfast_key_process_malformed_total", "counter",
              "Malformed messages: the network process is broken or taken over.", atomic_load(&service->malformed));
    return text.bad ? 0 : text.len;
}

static hf_status open_ticket_key(key_process *process, const hf_serve_options *options)
{
    if (!options->tls.ticket_key)
        return HF_OK;
    hf_status status = hf_resumption_open(&options->tls, &process->ticket_key);
    if (status != HF_OK)
        return status;
    process->tickets =
        hf_key_tickets_start(&process->service, derive_ticket, process, hf_resumption_lifetime_s(&options->tls));
    return process->tickets ? HF_OK : HF_ERR_NO_MEMORY;
}

static int open_keys(key_process *process, const hf_serve_options *options)
{
    hf_status status =
        hf_key_reload_new(&process->service, options, certs_of, isatty(STDIN_FILENO) != 0, &process->reload);
    if (status == HF_OK)
        status = open_ticket_key(process, options);
    if (status == HF_OK)
        return HF_EXIT_DONE;
    if (options->key_sandbox != HF_SANDBOX_OFF && (status == HF_ERR_MODULE || status == HF_ERR_TOKEN_ABSENT))
        hf_cli_error("the key process is in a sandbox: if its module needs the network or starts programs, say "
                     "--key-sandbox network or off");
    return is_about_the_pin(status) ? HF_EXIT_PIN : HF_EXIT_FAILED;
}

static void serve(key_process *process)
{
    hf_key_service *service = &process->service;
    pthread_t listener;
    service->report = report;
    service->settle = settle;
    service->ticket = process->tickets ? ticket : NULL;
    service->arg = process;
    /* These mean the server, which ends in its own time and closes the socket then. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (!hf_key_reload_start(process->reload))
        return;
    pthread_mutex_lock(&process->introduction);
    if (pthread_create(&listener, NULL, listen_to_control, process) != 0) {
        hf_cli_error("cannot start a thread");
        return;
    }
    bool introduced = hf_key_service_introduce(service, certs_of);
    pthread_mutex_unlock(&process->introduction);
    if (introduced)
        hf_key_service_run(service);
    shutdown(HF_KEY_PROCESS_CONTROL_FD, SHUT_RDWR);
    pthread_join(listener, NULL);
}

/* A thread is inside of a token that does not answer: the process goes, with all that the thread may touch. */
static _Noreturn void leave_at_once(int result)
{
    hf_cli_warn("a reload or the ticket key hangs in the token; its session is left to the system");
    fflush(NULL);
    _exit(result);
}

int hf_key_process_main(int argc, char **argv)
{
    hf_serve_options options;
    int result = started_rightly() ? hf_serve_options_parse(&options, argc, argv) : HF_EXIT_USAGE;
    if (result != HF_EXIT_DONE || options.help)
        return result;
    key_process *process = calloc(1, sizeof *process);
    if (!process || !hf_user_become(&options.key_user) || !hf_confine_key_process(options.key_sandbox)) {
        free(process);
        return HF_EXIT_FAILED;
    }
    pthread_mutex_init(&process->introduction, NULL);
    hf_key_service_init(&process->service, HF_KEY_PROCESS_FD, options.key_rate);
    options.tls.watch = &process->watch;
    if (options.audit && !(process->watch.audit = hf_audit_open(options.audit, options.audit_full)))
        result = HF_EXIT_FAILED;
    if (result == HF_EXIT_DONE)
        result = open_keys(process, &options);
    if (result == HF_EXIT_DONE)
        serve(process);
    alarm(HF_ISOLATE_END_MS / 1000); /* a module that hangs must not keep the process */
    if (!hf_key_reload_stop(process->reload) || !hf_key_tickets_stop(process->tickets))
        leave_at_once(result);
    hf_hsm_secret_close(process->ticket_key);
    hf_key_watch_end(&process->watch);
    hf_key_reload_free(process->reload);
    hf_key_watch_cleanup(&process->watch);
    hf_key_service_cleanup(&process->service);
    pthread_mutex_destroy(&process->introduction);
    free(process);
    return result;
}
