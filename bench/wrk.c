/* The load generator wrk, which others wrote; see peers.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "peers.h"

#define OUTPUT_MAX 8192

/* "12.34ms", "1.2s" or "56.00us" as milliseconds. */
static double milliseconds(const char *text)
{
    char *unit = NULL;
    double value = strtod(text, &unit);

    if (strncmp(unit, "us", 2) == 0)
        return value / 1000;
    if (strncmp(unit, "ms", 2) == 0)
        return value;
    return 1000 * value;
}

static double after(const char *text, const char *label)
{
    const char *at = strstr(text, label);

    return at ? strtod(at + strlen(label), NULL) : 0;
}

/* "  12345 requests in 3.00s, 4.56MB read", and the lines around it. */
static bool parse(const char *text, hf_wrk_result *out)
{
    const char *line = strstr(text, " requests in ");
    const char *p50 = strstr(text, " 50%"), *p99 = strstr(text, " 99%");
    const char *begin = line;

    if (!line || !p50 || !p99)
        return false;
    while (begin > text && begin[-1] >= '0' && begin[-1] <= '9')
        begin--;
    out->requests = strtod(begin, NULL);
    out->seconds = strtod(line + strlen(" requests in "), NULL);
    out->requests_per_s = after(text, "Requests/sec:");
    out->p50_ms = milliseconds(p50 + 4);
    out->p99_ms = milliseconds(p99 + 4);
    return out->requests > 0;
}

static double seconds_of(const struct timeval *t)
{
    return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

static void read_all(int fd, char *text, size_t max)
{
    size_t len = 0;
    ssize_t n = 1;

    while (n > 0 && len < max - 1) {
        n = read(fd, text + len, max - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    text[len] = 0;
}

bool hf_wrk_run(const char *program, int cpu, const hf_token_bed *bed, const hf_server *server, const char *path,
                unsigned connections, unsigned seconds, hf_wrk_result *out)
{
    char url[128], connections_arg[16], seconds_arg[16], text[OUTPUT_MAX];
    hf_server wrk = {.name = "wrk"};
    struct rusage used;
    int fd = -1, status = 0;

    memset(out, 0, sizeof *out);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/%s", ntohs(server->address.sin_port), path);
    (void)snprintf(connections_arg, sizeof connections_arg, "-c%u", connections);
    (void)snprintf(seconds_arg, sizeof seconds_arg, "-d%us", seconds);
    const char *const argv[] = {"wrk", "-t1", connections_arg, seconds_arg, "--latency", url, NULL};
    if (!hf_server_spawn(&wrk, bed, program, argv, cpu, &fd))
        return false;
    read_all(fd, text, sizeof text);
    close(fd);
    bool good = wait4(wrk.pid, &status, 0, &used) == wrk.pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!good || strstr(text, "Non-2xx") || !parse(text, out)) {
        hf_bench_fail("wrk against %s did not go well: %s", server->name, text[0] ? text : "it said nothing");
        return false;
    }
    const char *errors = strstr(text, "Socket errors:");
    if (errors && !strstr(errors, "connect 0, read 0, write 0"))
        hf_bench_fail("note: wrk against %s: %.*s", server->name, (int)strcspn(errors, "\n"), errors);
    out->client_cpu_s = seconds_of(&used.ru_utime) + seconds_of(&used.ru_stime);
    return true;
}
