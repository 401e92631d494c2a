/* The audit file: one writer, one chain. See audit.h.
 *
 * Lines are written by the thread that used the key, under a lock: a line costs some microseconds beside an operation
 * that costs more, there is no queue that could overflow or be lost with the process, and no result leaves before its
 * line is in the hands of the system. Against a crash of the machine there is no fsync: see docs/operations.md. */
#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "handfast/handfast.h"
#include "json_line.h"
#include "log.h"
#include "now.h"

struct hf_audit {
    char *path;
    hf_audit_full full;
    atomic_bool failed; /* written under the lock */
    pthread_mutex_t lock;
    int fd;
    uint64_t seq; /* of the last line */
    uint8_t head[HF_AUDIT_HASH];
    uint64_t lines, missing, untold; /* untold: missing uses that no line has told yet */
    uint64_t tried_ms;
    char line[HF_AUDIT_LINE_MAX];
};

/* ---- Lines: all with the lock held ---- */

static void start_line(hf_audit *audit, hf_json *json, uint64_t time_us, const char *event)
{
    hf_json_start(json, audit->line, sizeof audit->line - 1);
    hf_json_number(json, "seq", audit->seq + 1);
    hf_json_hex(json, "prev", audit->head, sizeof audit->head);
    hf_json_time(json, "time", time_us);
    hf_json_text(json, "event", event, HF_AUDIT_TEXT_MAX);
}

/* All or nothing: what a full disk let through of a line is taken back. */
static bool write_line(hf_audit *audit, size_t len)
{
    struct stat info;
    size_t done = 0;
    if (fstat(audit->fd, &info) != 0)
        return false;
    while (done < len) {
        ssize_t n = write(audit->fd, audit->line + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int error = n < 0 ? errno : ENOSPC;
            if (done && ftruncate(audit->fd, info.st_size) != 0)
                hf_log_limited("audit %s: half a line could not be taken back: %s", audit->path, strerror(errno));
            errno = error;
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

static bool end_line(hf_audit *audit, hf_json *json)
{
    uint8_t hash[HF_AUDIT_HASH];
    size_t len = hf_json_end(json);
    bool good = len > 0 && hf_audit_hash(audit->line, len, hash);
    if (good) {
        audit->line[len] = '\n';
        good = write_line(audit, len + 1);
    } else {
        errno = EMSGSIZE;
    }
    if (good) {
        memcpy(audit->head, hash, sizeof hash);
        audit->seq++;
        audit->lines++;
        if (atomic_exchange(&audit->failed, false))
            hf_cli_warn("audit %s: lines are written again", audit->path);
    } else if (!atomic_exchange(&audit->failed, true)) {
        hf_cli_error("audit %s: %s; %s", audit->path, strerror(errno),
                     audit->full == HF_AUDIT_REFUSE ? "no key is used until lines can be written again"
                                                    : "keys are used, and what is missing is counted");
    }
    return good;
}

/* Before any other line: how many are missing. */
static bool tell_missing(hf_audit *audit)
{
    hf_json json;
    if (audit->untold == 0 && !atomic_load(&audit->failed))
        return true;
    start_line(audit, &json, hf_time_us(CLOCK_REALTIME), "missing");
    hf_json_number(&json, "uses", audit->untold);
    if (!end_line(audit, &json))
        return false;
    audit->untold = 0;
    return true;
}

static bool tell_event(hf_audit *audit, const char *event, uint64_t cut)
{
    hf_json json;
    start_line(audit, &json, hf_time_us(CLOCK_REALTIME), event);
    hf_json_text(&json, "version", hf_version(), HF_AUDIT_TEXT_MAX);
    hf_json_number(&json, "pid", (uint64_t)getpid());
    if (cut)
        hf_json_number(&json, "cut_bytes", cut);
    return end_line(audit, &json);
}

void hf_audit_use(hf_audit *audit, const hf_hsm_use *use)
{
    hf_json json;
    uint8_t id[8];
    for (size_t i = 0; i < sizeof id; i++)
        id[i] = (uint8_t)(use->op_id >> (56 - 8 * i));
    pthread_mutex_lock(&audit->lock);
    bool written = tell_missing(audit);
    if (written) {
        start_line(audit, &json, use->time_us, "use");
        hf_json_text(&json, "key", use->key, HF_AUDIT_TEXT_MAX);
        hf_json_hex(&json, "spki_sha256", use->spki_sha256, 32);
        hf_json_text(&json, "operation", use->kind == HF_KEY_OP_SIGN ? "sign" : "decrypt", HF_AUDIT_TEXT_MAX);
        hf_json_text(&json, "scheme", use->scheme_name, HF_AUDIT_TEXT_MAX);
        hf_json_text(&json, "mechanism", use->mechanism, HF_AUDIT_TEXT_MAX);
        hf_json_text(&json, "token", use->token, HF_AUDIT_TEXT_MAX);
        hf_json_number(&json, "connection", use->conn_id);
        hf_json_hex(&json, "id", id, sizeof id); /* the same for each try of one operation */
        hf_json_number(&json, "wait_us", use->wait_us);
        hf_json_number(&json, "latency_us", use->latency_us);
        hf_json_text(&json, "result", use->status == HF_OK ? "ok" : hf_status_text(use->status), HF_AUDIT_TEXT_MAX);
        hf_json_text(&json, "rv", use->rv, HF_AUDIT_TEXT_MAX);
        written = end_line(audit, &json);
    }
    if (!written) {
        audit->missing++;
        audit->untold++;
    }
    pthread_mutex_unlock(&audit->lock);
}

bool hf_audit_ready(hf_audit *audit)
{
    if (!atomic_load(&audit->failed))
        return true;
    pthread_mutex_lock(&audit->lock);
    uint64_t now = hf_time_us(CLOCK_MONOTONIC) / 1000;
    if (atomic_load(&audit->failed) && now - audit->tried_ms >= HF_AUDIT_RETRY_MS) {
        audit->tried_ms = now;
        (void)tell_missing(audit);
    }
    pthread_mutex_unlock(&audit->lock);
    return !hf_audit_withholds(audit);
}

bool hf_audit_withholds(hf_audit *audit)
{
    return audit->full == HF_AUDIT_REFUSE && atomic_load(&audit->failed);
}

void hf_audit_get_state(hf_audit *audit, hf_audit_state *out)
{
    pthread_mutex_lock(&audit->lock);
    *out = (hf_audit_state){.lines = audit->lines, .missing = audit->missing, .failed = atomic_load(&audit->failed)};
    pthread_mutex_unlock(&audit->lock);
}

/* ---- Files ---- */

/* An open file that is ours alone; -1 after saying why. */
static int open_file(const char *path)
{
    struct stat info;
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, S_IRUSR | S_IWUSR);
    const char *wrong = NULL;
    if (fd < 0 || fstat(fd, &info) != 0)
        wrong = strerror(errno);
    else if (!S_ISREG(info.st_mode))
        wrong = "not a regular file";
    else if (info.st_uid != geteuid() || (info.st_mode & (S_IRWXG | S_IRWXO)))
        wrong = "it must belong to the user that writes it and to nobody else: chown, chmod 600";
    else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        wrong = errno == EWOULDBLOCK ? "another process writes it: one file for each server" : strerror(errno);
    if (!wrong)
        return fd;
    hf_cli_error("audit %s: %s", path, wrong);
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Finds the last whole line and takes the chain from it; what stands behind it goes. */
static bool take_chain(hf_audit *audit, uint64_t *out_cut)
{
    hf_audit_link link;
    struct stat info;
    if (fstat(audit->fd, &info) != 0)
        return false;
    char *tail = malloc(2 * (size_t)HF_AUDIT_LINE_MAX); /* a whole line, and half of one behind it */
    off_t from = info.st_size > 2 * HF_AUDIT_LINE_MAX ? info.st_size - 2 * HF_AUDIT_LINE_MAX : 0;
    ssize_t got = tail ? pread(audit->fd, tail, (size_t)(info.st_size - from), from) : -1;
    const char *end = got > 0 ? memrchr(tail, '\n', (size_t)got) : NULL;
    const char *start = end ? memrchr(tail, '\n', (size_t)(end - tail)) : NULL;
    start = start ? start + 1 : tail;
    bool good = got == info.st_size - from;
    *out_cut = 0;
    if (good && end) {
        good = (start > tail || from == 0) && hf_audit_link_read(start, (size_t)(end - start), &link) &&
               hf_audit_hash(start, (size_t)(end - start), audit->head);
        audit->seq = link.seq;
        *out_cut = (uint64_t)(tail + got - end - 1);
    } else if (good) {
        good = got < HF_AUDIT_LINE_MAX && (got == 0 || tail[0] == '{'); /* half of the very first line */
        *out_cut = (uint64_t)got;
    }
    free(tail);
    if (good && *out_cut)
        good = ftruncate(audit->fd, info.st_size - (off_t)*out_cut) == 0;
    if (!good)
        hf_cli_error("audit %s: its end is no audit line; move it away", audit->path);
    else if (*out_cut)
        hf_cli_warn("audit %s: the last line was cut off by a crash: its %lu bytes are removed", audit->path,
                    (unsigned long)*out_cut);
    return good;
}

hf_audit *hf_audit_open(const char *path, hf_audit_full full)
{
    uint64_t cut = 0;
    hf_audit *audit = calloc(1, sizeof *audit);
    char *copy = strdup(path);
    if (!audit || !copy) {
        hf_cli_error("out of memory");
        free(copy);
        free(audit);
        return NULL;
    }
    audit->path = copy;
    audit->full = full;
    pthread_mutex_init(&audit->lock, NULL);
    audit->fd = open_file(path);
    bool good = audit->fd >= 0 && take_chain(audit, &cut) && tell_event(audit, "start", cut);
    if (good)
        return audit;
    if (audit->fd >= 0)
        close(audit->fd);
    audit->fd = -1;
    hf_audit_close(audit);
    return NULL;
}

void hf_audit_close(hf_audit *audit)
{
    if (!audit)
        return;
    pthread_mutex_lock(&audit->lock);
    if (audit->fd >= 0) {
        if (tell_missing(audit))
            (void)tell_event(audit, "end", 0);
        if (audit->untold)
            hf_cli_error("audit %s: %lu uses of a key are missing", audit->path, (unsigned long)audit->untold);
        close(audit->fd);
    }
    pthread_mutex_unlock(&audit->lock);
    pthread_mutex_destroy(&audit->lock);
    free(audit->path);
    free(audit);
}

static bool same_file(int a, const char *path)
{
    struct stat here, there;
    return fstat(a, &here) == 0 && stat(path, &there) == 0 && here.st_dev == there.st_dev &&
           here.st_ino == there.st_ino;
}

void hf_audit_reopen(hf_audit *audit)
{
    struct stat info;
    pthread_mutex_lock(&audit->lock);
    if (!same_file(audit->fd, audit->path)) {
        int fd = open_file(audit->path);
        if (fd >= 0 && (fstat(fd, &info) != 0 || info.st_size != 0)) {
            hf_cli_error("audit %s: the new file is not empty; lines go on in the old one", audit->path);
            close(fd);
            fd = -1;
        }
        if (fd >= 0) {
            close(audit->fd);
            audit->fd = fd;
            if (tell_missing(audit))
                (void)tell_event(audit, "continued", 0);
        }
    }
    pthread_mutex_unlock(&audit->lock);
}
