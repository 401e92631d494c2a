/* Room `config`: asks for the file's identity at each call (one stat), and parses it when that is new. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "record.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char path[PATH_MAX];
static fault_rules *current;
static struct stat seen; /* of the file that was read last, well or badly */
static bool was_seen;
static int told; /* errno of a file that cannot be read, once it was told */

void hf_fault_config_lock(void)
{
    pthread_mutex_lock(&lock);
}

void hf_fault_config_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

bool hf_fault_config_path(void)
{
    const char *name = secure_getenv(FAULT_CONF_VARIABLE); /* a program with more rights than its user has no faults */
    bool good = name && name[0] != '\0' && strlen(name) < sizeof path;

    pthread_mutex_lock(&lock);
    if (good && strcmp(name, path) != 0) {
        (void)snprintf(path, sizeof path, "%s", name);
        was_seen = false;
    }
    good = path[0] != '\0';
    pthread_mutex_unlock(&lock);
    if (!good)
        hf_fault_say("the environment variable " FAULT_CONF_VARIABLE " must name the configuration file");
    return good;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void tell_unreadable(int error)
{
    if (told != error)
        hf_fault_say("%s: %s: %s", path, strerror(error),
                     current ? "the rules stay as they were" : "there are no rules");
    told = error;
}

/* The file and its identity. At most FAULT_FILE_MAX + 1 bytes, so that one that is too long shows. */
static char *read_file(size_t *out_len, struct stat *out_id)
{
    char *text = malloc(FAULT_FILE_MAX + 1);
    int fd = text ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    size_t len = 0;
    ssize_t n = fd >= 0 && fstat(fd, out_id) == 0 ? 1 : -1;

    while (n > 0 && len <= FAULT_FILE_MAX) {
        n = read(fd, text + len, FAULT_FILE_MAX + 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    int error = errno;
    if (fd >= 0)
        (void)close(fd);
    if (n < 0) {
        free(text);
        tell_unreadable(error);
        return NULL;
    }
    *out_len = len;
    return text;
}

/* Under the lock. True when there are new rules. */
static bool read_again(void)
{
    size_t len = 0;
    fault_error error;
    char *text = read_file(&len, &seen);

    was_seen = text != NULL;
    if (!text)
        return false;
    told = 0;
    fault_rules *rules = hf_fault_parse(text, len, &error);
    free(text);
    if (!rules) {
        hf_fault_say("%s:%u: %s: %s", path, error.line, error.what,
                     current ? "the rules stay as they were" : "there are no rules");
        return false;
    }
    if (!hf_fault_rules_begin(rules, current, hf_fault_now())) {
        hf_fault_rules_release(rules);
        return false;
    }
    if (!current || current->seed != rules->seed)
        hf_fault_seed(rules->seed);
    hf_fault_record_open(rules);
    hf_fault_rules_release(current);
    current = rules;
    return true;
}

fault_rules *hf_fault_config_get(bool *out_changed)
{
    struct stat now;

    *out_changed = false;
    pthread_mutex_lock(&lock);
    if (path[0] != '\0') {
        if (stat(path, &now) != 0)
            tell_unreadable(errno);
        else if (!was_seen || !same_file(&now, &seen))
            *out_changed = read_again();
    }
    fault_rules *rules = current;
    if (rules)
        hf_fault_rules_retain(rules);
    pthread_mutex_unlock(&lock);
    return rules;
}

void hf_fault_config_close(void)
{
    pthread_mutex_lock(&lock);
    hf_fault_rules_release(current);
    current = NULL;
    path[0] = '\0';
    was_seen = false;
    pthread_mutex_unlock(&lock);
}
