/* Room `record`: the trace is a line for each call, written in one piece; the counters are a table of fixed width whose
 * row is rewritten at each call, so that the file is right at any time, also after a crash. */
#include "record.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "names.h"

#define ROW_SIZE 72 /* bytes of a row of the counters, with its newline */
#define TRACE_LINE_MAX 512

/* Rows below those of the functions. */
enum { ROW_SESSIONS = FAULT_FUNCTIONS_N, ROW_SESSIONS_MOST, ROW_HANGING, ROWS };

typedef struct row {
    unsigned long long calls, errors, faults;
} row;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int trace = -1;
static char trace_path[FAULT_TEXT_MAX];
static int counters = -1;
static char counters_text[FAULT_LINE_MAX];
static row rows[ROWS];

void hf_fault_record_lock(void)
{
    pthread_mutex_lock(&lock);
}

void hf_fault_record_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

static void write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n <= 0)
            return; /* a full disk must not disturb the program that is tested */
        text += n;
        len -= (size_t)n;
    }
}

static void write_row(size_t i)
{
    static const char *const below[] = {"sessions-open", "sessions-most", "hanging"};
    char text[128];
    const char *name = i < FAULT_FUNCTIONS_N ? hf_fault_function_name((fault_function)i) : below[i - FAULT_FUNCTIONS_N];

    if (counters < 0)
        return;
    int n = snprintf(text, sizeof text, "%-24s %14llu %14llu %14llu  \n", name, rows[i].calls, rows[i].errors,
                     rows[i].faults);
    if (n == ROW_SIZE && pwrite(counters, text, ROW_SIZE, (off_t)((i + 1) * ROW_SIZE)) != ROW_SIZE)
        return; /* a full disk: the program that is tested goes on */
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void say(const char *format, va_list args)
{
    char text[TRACE_LINE_MAX];
    int start = snprintf(text, sizeof text, "%s", trace >= 0 ? "# " : "libhandfast-fault: ");
    int n = vsnprintf(text + start, sizeof text - (size_t)start - 1, format, args);
    size_t len = (size_t)start + (n < 0 ? 0 : (size_t)n);

    if (len > sizeof text - 2)
        len = sizeof text - 2;
    text[len] = '\n';
    write_all(trace >= 0 ? trace : STDERR_FILENO, text, len + 1);
}

__attribute__((format(printf, 1, 2))) static void say_locked(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(format, args);
    va_end(args);
}

void hf_fault_say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    pthread_mutex_lock(&lock);
    say(format, args);
    pthread_mutex_unlock(&lock);
    va_end(args);
}

static void open_trace(const char *path)
{
    if (strcmp(path, trace_path) == 0)
        return;
    close_fd(&trace);
    (void)snprintf(trace_path, sizeof trace_path, "%s", path);
    if (path[0] == '\0')
        return;
    trace = strcmp(path, "stderr") == 0 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
                                        : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (trace < 0)
        say_locked("trace %s cannot be opened: there is no trace", path);
}

static void open_counters(const char *path, const char *text)
{
    static const char head[] = "# function                        calls         errors         faults  ";
    char line[ROW_SIZE + 1];

    if (strcmp(text, counters_text) == 0)
        return;
    close_fd(&counters);
    (void)snprintf(counters_text, sizeof counters_text, "%s", text);
    if (path[0] == '\0')
        return;
    row sessions = rows[ROW_SESSIONS];
    row hanging = rows[ROW_HANGING];
    memset(rows, 0, sizeof rows);
    rows[ROW_SESSIONS] = rows[ROW_SESSIONS_MOST] = sessions; /* what is the case now is not begun anew */
    rows[ROW_HANGING] = hanging;
    counters = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    (void)snprintf(line, sizeof line, "%-*.*s\n", ROW_SIZE - 1, ROW_SIZE - 1, head);
    if (counters < 0 || pwrite(counters, line, ROW_SIZE, 0) != ROW_SIZE)
        say_locked("counters %s cannot be written", path);
    for (size_t i = 0; i < ROWS; i++)
        write_row(i);
}

void hf_fault_record_open(const fault_rules *rules)
{
    pthread_mutex_lock(&lock);
    open_trace(rules->trace);
    open_counters(rules->counters, rules->counters_text);
    pthread_mutex_unlock(&lock);
}

void hf_fault_record_close(void)
{
    pthread_mutex_lock(&lock);
    close_fd(&trace);
    close_fd(&counters);
    trace_path[0] = '\0';
    counters_text[0] = '\0';
    memset(rows, 0, sizeof rows);
    pthread_mutex_unlock(&lock);
}

/* "latency+fail", or "-". */
static void note_names(unsigned notes, char *out, size_t max)
{
    static const char *const names[] = {"latency", "hang", "fail", "output", "sessions",
                                        "token",   "pin",  "key",  "hide",   "refuse"};
    size_t len = 0;

    (void)snprintf(out, max, "-");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (notes >> i & 1) {
            int n = snprintf(out + len, max - len, "%s%s", len ? "+" : "", names[i]);
            len += n > 0 && (size_t)n < max - len ? (size_t)n : 0;
        }
}

static void write_trace(const fault_entry *entry)
{
    char line[TRACE_LINE_MAX];
    char code[FAULT_NAME_MAX];
    char mechanism[FAULT_NAME_MAX] = "-";
    char notes[100];
    struct timespec now;
    struct tm utc;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    if (entry->has_mechanism)
        (void)hf_fault_value_name(FAULT_CKM, entry->mechanism, mechanism);
    note_names(entry->notes, notes, sizeof notes);
    int n = snprintf(line, sizeof line, "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ %ld %s %lu %s %llu %s %s\n",
                     utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     now.tv_nsec / 1000, (long)syscall(SYS_gettid), hf_fault_function_name(entry->function),
                     (unsigned long)entry->session, hf_fault_value_name(FAULT_CKR, entry->rv, code),
                     (unsigned long long)(entry->ns / 1000), notes, mechanism);
    if (n > 0 && (size_t)n < sizeof line)
        write_all(trace, line, (size_t)n);
}

void hf_fault_record(const fault_entry *entry)
{
    pthread_mutex_lock(&lock);
    row *r = &rows[entry->function];
    r->calls++;
    r->errors += entry->rv != CKR_OK;
    r->faults += entry->notes != 0;
    write_row(entry->function);
    if (trace >= 0)
        write_trace(entry);
    pthread_mutex_unlock(&lock);
}

static void gauge(size_t i, int change)
{
    if (change > 0)
        rows[i].calls += (unsigned)change;
    else
        rows[i].calls -= rows[i].calls < (unsigned)-change ? rows[i].calls : (unsigned)-change;
    write_row(i);
}

void hf_fault_record_sessions(int change)
{
    pthread_mutex_lock(&lock);
    gauge(ROW_SESSIONS, change);
    if (rows[ROW_SESSIONS].calls > rows[ROW_SESSIONS_MOST].calls) {
        rows[ROW_SESSIONS_MOST] = rows[ROW_SESSIONS];
        write_row(ROW_SESSIONS_MOST);
    }
    pthread_mutex_unlock(&lock);
}

void hf_fault_record_hanging(int change)
{
    pthread_mutex_lock(&lock);
    gauge(ROW_HANGING, change);
    pthread_mutex_unlock(&lock);
}
