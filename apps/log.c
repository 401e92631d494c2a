/* Lines about peers, limited by the second. */
#include "log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "cli.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static time_t second;
static unsigned lines, suppressed;

static time_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* With the lock held: whether this second has a line left; how many were left out before it. */
static unsigned new_second(void)
{
    unsigned left_out = 0;
    time_t t = now();
    if (t != second) {
        left_out = suppressed;
        second = t;
        lines = suppressed = 0;
    }
    return left_out;
}

static void tell(unsigned left_out)
{
    if (left_out)
        hf_cli_warn("%u more lines like these were suppressed", left_out);
}

void hf_log_limited(const char *format, ...)
{
    pthread_mutex_lock(&lock);
    unsigned left_out = new_second();
    int may = lines < HF_LOG_LINES_PER_SECOND;
    if (may)
        lines++;
    else
        suppressed++;
    pthread_mutex_unlock(&lock);

    tell(left_out);
    if (!may)
        return;
    char line[2 * HF_LINE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    hf_cli_error("%s", line);
}

void hf_log_flush(void)
{
    pthread_mutex_lock(&lock);
    unsigned left_out = new_second();
    pthread_mutex_unlock(&lock);
    tell(left_out);
}
