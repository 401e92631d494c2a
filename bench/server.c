/* The servers under test: starting, watching and ending them; and `handfast serve`. See server.h. */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "clock.h"
#include "process_tree.h"

#define START_MS 20000
#define STOP_MS 20000

extern char **environ;

bool hf_server_find_beside(const char *name, char *out, size_t max)
{
    char self[HF_BED_PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

    if (len <= 0)
        return false;
    self[len] = 0;
    char *slash = strrchr(self, '/');
    if (!slash)
        return false;
    *slash = 0;
    return (size_t)snprintf(out, max, "%s/%s", self, name) < max && access(out, R_OK) == 0;
}

bool hf_server_find_program(char *out, size_t max)
{
    return hf_server_find_beside("handfast", out, max) || hf_server_find_beside("../apps/handfast", out, max);
}

/* Waits for the line "listening on 127.0.0.1:PORT". */
static bool wait_for_port(int fd, struct sockaddr_in *out)
{
    char text[256];
    size_t len = 0;
    uint64_t until = hf_clock_wall_ns() + START_MS * 1000000ull;

    while (len < sizeof text - 1 && hf_clock_wall_ns() < until) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 100) <= 0)
            continue;
        ssize_t n = read(fd, text + len, sizeof text - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        text[len] = 0;
        const char *line = strstr(text, "listening on ");
        const char *colon = line ? strrchr(line, ':') : NULL;
        unsigned long port = 0;
        if (!colon || !strchr(colon, '\n'))
            continue;
        *strchr(text + (colon - text), '\n') = 0;
        if (!hf_bench_number(colon + 1, 1, 65535, &port))
            return false;
        *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        out->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return true;
    }
    return false;
}

static void tell_log(const hf_server *server)
{
    char line[512];
    FILE *file = fopen(server->log, "re");

    while (file && fgets(line, sizeof line, file))
        fprintf(stderr, "  %s: %s", server->name, line);
    if (file)
        (void)fclose(file);
}

bool hf_server_spawn(hf_server *server, const hf_token_bed *bed, const char *program, const char *const *argv, int cpu,
                     int *out_fd)
{
    posix_spawn_file_actions_t actions;
    int fds[2] = {-1, -1};

    if (snprintf(server->log, sizeof server->log, "%s/%s.log", bed->folder, server->name) >= (int)sizeof server->log ||
        (out_fd && pipe2(fds, O_CLOEXEC) != 0))
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, server->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, out_fd ? fds[1] : STDERR_FILENO, STDOUT_FILENO);
    (void)hf_cpu_pin(cpu); /* the child inherits it */
    /* posix_spawn changes nothing in argv; its type is older than const. */
    int error = posix_spawn(&server->pid, program, &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    (void)hf_cpu_pin(-1);
    posix_spawn_file_actions_destroy(&actions);
    if (out_fd)
        close(fds[1]);
    if (error == 0) {
        if (out_fd)
            *out_fd = fds[0];
        return true;
    }
    server->pid = 0;
    if (out_fd)
        close(fds[0]);
    hf_bench_fail("cannot start %s: %s", program, strerror(error));
    return false;
}

static bool accepts(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;

    if (fd >= 0)
        close(fd);
    return good;
}

bool hf_server_wait(hf_server *server)
{
    uint64_t until = hf_clock_wall_ns() + START_MS * 1000000ull;
    bool alive = true;

    while (alive && hf_clock_wall_ns() < until) {
        if (accepts(&server->address))
            return true;
        (void)usleep(10000);
        alive = waitpid(server->pid, NULL, WNOHANG) == 0;
    }
    hf_bench_fail(alive ? "%s does not listen" : "%s ended at once", server->name);
    tell_log(server);
    if (alive)
        (void)hf_server_stop(server);
    server->pid = 0;
    return false;
}

#define ARGS_MAX 64

typedef struct args {
    const char *list[ARGS_MAX + 1]; /* NULL-terminated */
    size_t n;
} args;

static void add(args *a, const char *option, const char *value)
{
    if (a->n + 2 > ARGS_MAX)
        return;
    a->list[a->n++] = option;
    if (value)
        a->list[a->n++] = value;
}

static void add_work(args *a, const hf_server_options *o, const char *backend)
{
    if (o->work == HF_WORK_ECHO)
        add(a, "--echo", NULL);
    else if (o->work == HF_WORK_FILES)
        add(a, "--root", o->root);
    else
        add(a, "--backend", backend);
    add(a, "--policy", o->tls13_only ? "modern" : "compatible");
    if (o->tls13_only) {
        add(a, "--suites", "TLS_AES_128_GCM_SHA256");
        add(a, "--groups", "X25519");
    }
}

static void add_keys(args *a, const hf_server_options *o, const hf_token_bed *bed)
{
    if (!o->key_in_file) {
        add(a, "--module", o->module ? o->module : bed->module);
        add(a, "--pin-source", bed->pin_file);
    }
    for (int which = 0; which < HF_BED_KEYS; which++) {
        if (!o->keys[which])
            continue;
        add(a, "--cert", bed->cert_file[which]);
        add(a, "--key", o->key_in_file ? bed->key_file[which] : bed->uri[which]);
    }
    for (const char *const *more = o->more_args; more && *more; more++)
        add(a, *more, NULL);
}

bool hf_server_start(const hf_server_options *options, const hf_token_bed *bed, hf_server *out)
{
    char key_threads[16], connections[16], backend[32];
    int fd = -1;
    args a = {.n = 0};

    memset(out, 0, sizeof *out);
    out->name = options->isolate ? "handfast-isolated" : "handfast";
    (void)snprintf(key_threads, sizeof key_threads, "%u", options->key_threads);
    (void)snprintf(connections, sizeof connections, "%u", options->max_connections);
    (void)snprintf(backend, sizeof backend, "127.0.0.1:%u", options->backend);
    add(&a, "handfast", "serve");
    add(&a, "--listen", "127.0.0.1:0");
    add(&a, "--threads", "1");
    add(&a, "--max-connections", connections);
    if (options->key_threads)
        add(&a, "--key-threads", key_threads);
    if (options->isolate)
        add(&a, "--isolate", NULL);
    add_work(&a, options, backend);
    add_keys(&a, options, bed);
    if (!hf_server_spawn(out, bed, options->program, a.list, options->cpu, &fd))
        return false;
    bool good = wait_for_port(fd, &out->address);
    close(fd);
    if (!good) {
        hf_bench_fail("%s serve does not listen", options->program);
        tell_log(out);
        (void)hf_server_stop(out);
    }
    return good;
}

bool hf_server_stop(hf_server *server)
{
    int status = 0;

    if (server->pid == 0)
        return true;
    (void)kill(server->pid, SIGTERM);
    uint64_t until = hf_clock_wall_ns() + STOP_MS * 1000000ull;
    pid_t got = 0;
    while ((got = waitpid(server->pid, &status, WNOHANG)) == 0 && hf_clock_wall_ns() < until)
        (void)usleep(10000);
    if (got == 0) {
        (void)kill(server->pid, SIGKILL);
        (void)waitpid(server->pid, &status, 0);
    }
    server->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    bool ours = strncmp(server->name, "handfast", strlen("handfast")) == 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM && !ours)
        return true; /* others may die of it; ours must not */
    hf_bench_fail("%s%s did not end well (wait status 0x%x)", ours ? "" : "note: ", server->name, (unsigned)status);
    tell_log(server);
    return !ours; /* how a peer ends (OpenSSL's engine with the token's module inside) is not ours to judge */
}

uint64_t hf_server_cpu_ns(const hf_server *server)
{
    return hf_process_tree_cpu_ns(server->pid);
}

uint64_t hf_server_private_bytes(const hf_server *server)
{
    char path[64], line[256];
    uint64_t kib = 0;

    (void)snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", (long)server->pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        unsigned long n = 0;
        if (sscanf(line, "Private_Clean: %lu", &n) == 1 || sscanf(line, "Private_Dirty: %lu", &n) == 1)
            kib += n;
    }
    if (file)
        (void)fclose(file);
    return kib * 1024;
}
