/* The server under test; see server.h. */
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

#define START_MS 20000
#define STOP_MS 20000

extern char **environ;

bool hf_server_find_program(char *out, size_t max)
{
    static const char *const places[] = {"handfast", "../apps/handfast"};
    char self[HF_BED_PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

    if (len <= 0)
        return false;
    self[len] = 0;
    char *slash = strrchr(self, '/');
    if (!slash)
        return false;
    *slash = 0;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if ((size_t)snprintf(out, max, "%s/%s", self, places[i]) < max && access(out, X_OK) == 0)
            return true;
    return false;
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

/* Starts the program with stdout to a pipe and stderr to a file; the child inherits this thread's processor. */
static int spawn(const char *program, char *const *argv, int cpu, hf_server *out)
{
    posix_spawn_file_actions_t actions;
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, out->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)hf_cpu_pin(cpu);
    int error = posix_spawn(&out->pid, program, &actions, NULL, argv, environ);
    (void)hf_cpu_pin(-1);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    if (error != 0) {
        out->pid = 0;
        close(fds[0]);
        errno = error;
        return -1;
    }
    return fds[0];
}

static void tell_log(const hf_server *server)
{
    char line[512];
    FILE *file = fopen(server->log, "re");

    while (file && fgets(line, sizeof line, file))
        fprintf(stderr, "  server: %s", line);
    if (file)
        (void)fclose(file);
}

bool hf_server_start(const hf_server_options *options, const hf_token_bed *bed, hf_server *out)
{
    char key_threads[16], connections[16];

    memset(out, 0, sizeof *out);
    (void)snprintf(key_threads, sizeof key_threads, "%u", options->key_threads);
    (void)snprintf(connections, sizeof connections, "%u", options->max_connections);
    if (snprintf(out->log, sizeof out->log, "%s/server.log", bed->folder) >= (int)sizeof out->log)
        return false;
    const char *argv[] = {"handfast",
                          "serve",
                          "--listen",
                          "127.0.0.1:0",
                          "--echo",
                          "--policy",
                          "compatible",
                          "--threads",
                          "1",
                          "--module",
                          bed->module,
                          "--pin-source",
                          bed->pin_file,
                          "--key-threads",
                          key_threads,
                          "--max-connections",
                          connections,
                          "--cert",
                          bed->cert_file[HF_BED_RSA],
                          "--key",
                          bed->uri[HF_BED_RSA],
                          "--cert",
                          bed->cert_file[HF_BED_P256],
                          "--key",
                          bed->uri[HF_BED_P256],
                          NULL};
    /* posix_spawn changes nothing in it; its type is older than const. */
    int fd = spawn(options->program, (char *const *)(uintptr_t)argv, options->cpu, out);
    bool good = fd >= 0 && wait_for_port(fd, &out->address);
    if (fd < 0)
        hf_bench_fail("cannot start %s: %s", options->program, strerror(errno));
    else
        close(fd);
    if (fd >= 0 && !good) {
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
    hf_bench_fail("the server did not end well (wait status 0x%x)", (unsigned)status);
    tell_log(server);
    return false;
}

uint64_t hf_server_cpu_ns(const hf_server *server)
{
    return hf_clock_other_process_ns(server->pid);
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
