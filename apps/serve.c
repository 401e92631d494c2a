/* `handfast serve`: one loop a thread, each with its own listening socket; the first thread waits for signals.
 *
 * Order at the end: threads are joined, then connections and workers are gone, then what the tokens still do is waited
 * for, then the keys are let go. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "folder.h"
#include "isolate.h"
#include "key_client.h"
#include "key_watch.h"
#include "log.h"
#include "loop.h"
#include "metrics.h"
#include "net.h"
#include "public_files.h"
#include "reload.h"
#include "serve_options.h"

#define KEPT_MEMORY (32 << 20) /* bytes that a thread's heap may keep though they are free */
#define ARENAS_MAX 1024        /* more than there are threads */

/* As many descriptors as the system lets us have; says so when that is less than the connections may need. */
static void raise_descriptors(const hf_serve_options *options)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    unsigned long each = options->app == &hf_app_echo ? 1 : 2; /* the socket, and a file or the backend's socket */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur < each * options->max_connections + 64)
        hf_cli_warn("%lu connections may need more than the %lu descriptors allowed here (ulimit -n)",
                    options->max_connections, (unsigned long)limit.rlim_cur);
}

/* Buffers of busy connections come and go all the time: the allocator is not to give their pages back in between. And
 * each thread allocates from memory of its own: a loop that shared it with a token's thread, whose priority is low,
 * would wait for it. */
static void set_up_memory(void)
{
    mallopt(M_TRIM_THRESHOLD, KEPT_MEMORY);
    mallopt(M_ARENA_MAX, ARENAS_MAX);
}

static bool open_service(hf_server *server, const hf_serve_options *options)
{
    server->root_fd = -1;
    server->app = options->app;
    server->backend_name = options->backend_name;
    if (options->app == &hf_app_static) {
        server->root_fd = hf_folder_open(options->root);
        if (server->root_fd < 0)
            hf_cli_error("cannot open --root %s: %s", options->root, strerror(errno));
        return server->root_fd >= 0;
    }
    return options->app != &hf_app_backend ||
           hf_net_resolve(&options->backend, false, &server->backend, &server->backend_len);
}

static bool write_pid(const char *path, pid_t pid)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
    if (fd < 0 || dprintf(fd, "%ld\n", (long)pid) < 0) {
        hf_cli_error("cannot write --pid-file %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    close(fd);
    return true;
}

/* The metrics' socket: *out_fd is -1 when none are wanted. False after saying why. */
static bool open_metrics(const hf_serve_options *options, int *out_fd)
{
    struct sockaddr_storage address;
    socklen_t len = 0;
    *out_fd = -1;
    if (!options->metrics.port[0])
        return true;
    if (!hf_net_resolve(&options->metrics, true, &address, &len) || !hf_net_is_free(&address, len))
        return false;
    *out_fd = hf_net_listen(&address, len, HF_METRICS_CLIENTS);
    return *out_fd >= 0;
}

/* "WHAT ADDRESS" on standard output, for whoever started us. */
static bool tell_address(const char *what, int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char name[80];
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return false;
    hf_net_name(&address, len, name, sizeof name);
    printf("%s %s\n", what, name);
    fflush(stdout);
    return true;
}

/* One listening socket for each thread, before rights are given up; *out_n: how many are open. */
static bool open_listeners(int *fds, unsigned n, const hf_host_port *at, unsigned *out_n)
{
    struct sockaddr_storage address;
    socklen_t len = 0;
    if (!hf_net_resolve(at, true, &address, &len) || !hf_net_is_free(&address, len))
        return false;
    for (*out_n = 0; *out_n < n; (*out_n)++) {
        fds[*out_n] = hf_net_listen(&address, len, HF_BACKLOG);
        if (fds[*out_n] < 0)
            return false;
    }
    return true;
}

/* Starts one loop for each socket; *out_n: how many run. */
static bool start_loops(hf_loop *loops, const int *fds, unsigned n, hf_server *server, unsigned *out_n)
{
    for (*out_n = 0; *out_n < n; (*out_n)++)
        if (!hf_loop_start(&loops[*out_n], server, fds[*out_n]))
            return false;
    return tell_address("listening on", fds[0]);
}

/* The signal's way to the first thread: any thread may be the one that is interrupted (a token has its own). */
static sem_t signals;
static atomic_bool stop;

static void on_signal(int number)
{
    int error = errno;
    if (number != SIGHUP)
        atomic_store(&stop, true);
    sem_post(&signals);
    errno = error;
}

/* Until here the signals end the program, so that a hanging token or a question for the PIN can be interrupted. */
static bool catch_signals(bool isolate)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    return sem_init(&signals, 0, 0) == 0 && sigaction(SIGTERM, &action, NULL) == 0 &&
           sigaction(SIGINT, &action, NULL) == 0 &&
           (isolate || sigaction(SIGHUP, &action, NULL) == 0); /* else it is for the supervisor */
}

/* SIGHUP: the audit file may have been moved away, and what the options name may be other. The file comes first, so
 * that the uses of keys that a reload tries stand in the new one. With --isolate the supervisor gets it instead. */
static void hung_up(const hf_tls_options *options, hf_reload *reload)
{
    if (options->watch->audit)
        hf_audit_reopen(options->watch->audit);
    hf_reload_ask(reload, 0);
}

static void wait_for_end(const hf_serve_options *options, hf_reload *reload)
{
    while (!atomic_load(&stop))
        if (sem_wait(&signals) == 0 && !atomic_load(&stop))
            hung_up(&options->tls, reload);
}

/* A reload is inside of a token that does not answer, and its thread cannot be stopped: the process goes, with all that
 * the thread may touch. */
static _Noreturn void leave_at_once(const hf_serve_options *options, int result)
{
    hf_cli_warn("a reload hangs in the token; its session is left to the system");
    if (options->pid_file && !options->isolate)
        unlink(options->pid_file);
    fflush(NULL);
    _exit(result);
}

/* Everything is open: the rights go, then the key process's results may come. No thread runs yet. */
static bool give_up_rights(const hf_server *server, const hf_serve_options *options)
{
    hf_confine_network needs = {.root_fd = server->root_fd, .connects = options->app == &hf_app_backend};
    if (!hf_user_become(&options->user))
        return false;
    if (!options->isolate)
        return true;
    hf_public_files_given(&options->tls);
    return hf_isolate_bind(options->supervisor) && hf_confine_network_process(&needs) &&
           hf_key_client_start(options->tls.key_client);
}

static bool start_metrics(hf_metrics **out, int fd, hf_server *server, hf_loop *loops, const hf_serve_options *options)
{
    hf_metrics_sources sources = {.server = server,
                                  .loops = loops,
                                  .n_loops = options->threads,
                                  .watch = options->tls.watch,
                                  .client = options->tls.key_client};
    return fd < 0 || ((*out = hf_metrics_start(fd, &sources)) && tell_address("metrics on", fd));
}

static int run(hf_server *server, const hf_serve_options *options)
{
    hf_loop *loops = calloc(options->threads, sizeof *loops);
    int fds[HF_THREADS_MAX];
    unsigned n = 0, n_fds = 0;
    int metrics_fd = -1;
    hf_metrics *metrics = NULL;
    hf_reload *reload = NULL;
    int result = HF_EXIT_FAILED;
    if (!loops || !catch_signals(options->isolate)) {
        hf_cli_error("cannot start: %s", strerror(errno));
        free(loops);
        return HF_EXIT_FAILED;
    }
    if (open_listeners(fds, options->threads, &options->listen, &n_fds) && open_metrics(options, &metrics_fd) &&
        (!options->pid_file || write_pid(options->pid_file, options->isolate ? options->supervisor : getpid())) &&
        give_up_rights(server, options) && hf_resumption_run(server->tls.resumption) &&
        start_loops(loops, fds, options->threads, server, &n) && (reload = hf_reload_start(server, options)) &&
        start_metrics(&metrics, metrics_fd, server, loops, options)) {
        wait_for_end(options, reload);
        result = HF_EXIT_DONE;
    }
    hf_metrics_stop(metrics);
    for (unsigned i = n; i < n_fds; i++)
        close(fds[i]);
    for (unsigned i = 0; i < n; i++)
        hf_loop_stop(&loops[i]);
    for (unsigned i = 0; i < n; i++)
        hf_loop_join(&loops[i]);
    hf_log_flush();
    if (!hf_reload_stop(reload))
        leave_at_once(options, result);
    if (options->pid_file && n_fds == options->threads && !options->isolate) /* else the supervisor does it */
        unlink(options->pid_file);
    free(loops);
    return result;
}

/* With --isolate the keys come from the key process, else they are opened here. */
static int serve(hf_server *server, hf_serve_options *options)
{
    int result = HF_EXIT_FAILED;
    hf_key_watch watch = {.audit = NULL};
    options->tls.watch = &watch;
    bool ready = options->isolate
                     ? hf_key_client_wait(options->tls.key_client)
                     : !options->audit || (watch.audit = hf_audit_open(options->audit, options->audit_full));
    if (ready)
        result =
            open_service(server, options) ? hf_tls_setup(&server->tls, &options->tls, HF_ROLE_SERVER) : HF_EXIT_FAILED;
    if (result == HF_EXIT_DONE) {
        result = run(server, options);
        hf_key_watch_end(&watch);
        hf_tls_cleanup(&server->tls);
    }
    hf_key_watch_cleanup(&watch);
    if (server->root_fd >= 0)
        close(server->root_fd);
    return result;
}

int hf_serve_main(int argc, char **argv)
{
    hf_serve_options options;
    int result = hf_serve_options_parse(&options, argc, argv);
    if (result != HF_EXIT_DONE || options.help)
        return result;
    hf_server *server = calloc(1, sizeof *server);
    if (!server) {
        hf_cli_error("out of memory");
        return HF_EXIT_FAILED;
    }
    server->handshake_timeout_ms = 1000ull * options.handshake_timeout;
    server->idle_timeout_ms = 1000ull * options.idle_timeout;
    server->max_connections = options.max_connections;
    server->started = hf_metrics_now();
    server->record_size = options.record_size;
    server->explain = options.tls.explain;
    raise_descriptors(&options);
    set_up_memory();

    hf_isolate isolate = {.control = -1};
    bool ready = !options.isolate || hf_isolate_start(&isolate, argc, argv, &options);
    options.supervisor = isolate.supervisor;
    if (ready && options.isolate && !(options.tls.key_client = hf_key_client_new(isolate.control))) {
        hf_cli_error("out of memory");
        ready = false;
    }
    server->root_fd = -1;
    result = ready ? serve(server, &options) : HF_EXIT_FAILED;
    hf_isolate_leave(&isolate);
    hf_key_client_free(options.tls.key_client);
    free(server);
    return result;
}
