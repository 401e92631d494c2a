/* What every subcommand shares: one-line errors, small values, a process that leaves no secrets behind. */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define ITEM_MAX 255

void hf_cli_clean(char *out, size_t max, const char *text)
{
    size_t i = 0;
    if (max == 0)
        return;
    for (; text && text[i] && i + 1 < max; i++)
        out[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
    out[i] = 0;
}

static _Thread_local const char *error_context = "";

void hf_cli_context(const char *context)
{
    error_context = context;
}

/* One write for a line, so that lines of several threads do not mix. */
static void put_line(const char *prefix, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
static void put_line(const char *prefix, const char *format, va_list args)
{
    char raw[4 * HF_LINE_MAX], line[4 * HF_LINE_MAX];
    vsnprintf(raw, sizeof raw, format, args);
    hf_cli_clean(line, sizeof line, raw);
    fprintf(stderr, "%s%s\n", prefix, line);
}

void hf_cli_error(const char *format, ...)
{
    va_list args;
    char prefix[HF_LINE_MAX];
    snprintf(prefix, sizeof prefix, "handfast: %s", error_context);
    va_start(args, format);
    put_line(prefix, format, args);
    va_end(args);
}

void hf_cli_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line("handfast: ", format, args);
    va_end(args);
}

void hf_cli_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line("handfast: warning: ", format, args);
    va_end(args);
}

int hf_cli_usage(const char *command, const char *format, ...)
{
    char text[HF_LINE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    hf_cli_error("%s; see: handfast %s --help", text, command);
    return HF_EXIT_USAGE;
}

bool hf_cli_number(const char *text, unsigned long min, unsigned long max, unsigned long *out)
{
    if (!text || text[0] < '0' || text[0] > '9')
        return false;
    char *end = NULL;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || *end || value < min || value > max)
        return false;
    *out = value;
    return true;
}

bool hf_cli_host_port(const char *text, hf_host_port *out)
{
    const char *colon = strrchr(text, ':');
    if (!colon)
        return false;
    const char *host = text;
    size_t host_len = (size_t)(colon - text);
    if (host_len >= 2 && host[0] == '[' && host[host_len - 1] == ']') {
        host++;
        host_len -= 2;
    } else if (memchr(host, ':', host_len)) {
        return false; /* an IPv6 address needs its brackets */
    }
    if (host_len == 1 && host[0] == '*')
        host_len = 0;
    unsigned long port;
    if (host_len >= sizeof out->host || !hf_cli_number(colon + 1, 0, 65535, &port))
        return false;
    hf_host_port result = {.host = ""};
    memcpy(result.host, host, host_len);
    snprintf(result.port, sizeof result.port, "%u", (unsigned)port & 0xffffu);
    *out = result;
    return true;
}

bool hf_cli_list(const char *text, bool (*each)(void *arg, const char *item), void *arg)
{
    for (;;) {
        size_t len = strcspn(text, ",:");
        char item[ITEM_MAX + 1];
        if (len == 0 || len > ITEM_MAX)
            return false;
        memcpy(item, text, len);
        item[len] = 0;
        if (!each(arg, item))
            return false;
        if (!text[len])
            return true;
        text += len + 1;
    }
}

void hf_cli_harden(void)
{
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        hf_cli_warn("core dumps could not be switched off: %s", strerror(errno));
#if !defined(__SANITIZE_ADDRESS__) && !defined(HF_SANITIZED) /* LeakSanitizer has to attach to the process */
    if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0)
        hf_cli_warn("the process could not be made undumpable: %s", strerror(errno));
#endif
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow fails to be written, and that is handled */
}
