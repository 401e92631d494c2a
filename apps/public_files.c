/* Opening the public files that the options name, for oneself or for another process. See public_files.h. */
#include "public_files.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "control.h"

#define FIRST_RESPONSE (1 + HF_LIMIT_CREDENTIALS) /* the files from there on are OCSP responses */

typedef struct given_file {
    uint32_t number; /* 0: nothing came */
    int fd, error;
} given_file;

/* The network process's: what it was given. */
static const hf_tls_options *given_for; /* NULL: files are opened by their names */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static given_file given[HF_PUBLIC_FILES_MAX]; /* guarded by the lock */

const char *hf_public_file(const hf_tls_options *options, size_t i)
{
    if (i == 0)
        return options->trust;
    if (i < FIRST_RESPONSE)
        return i - 1 < options->n_certs ? options->certs[i - 1] : NULL;
    size_t k = i - FIRST_RESPONSE;
    return k < options->n_keys ? options->ocsp[k] : NULL;
}

static int open_here(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static bool send_from(size_t first, int control, const hf_tls_options *options, uint32_t number)
{
    bool sent = true;
    for (size_t i = first; sent && i < HF_PUBLIC_FILES_MAX; i++) {
        const char *path = hf_public_file(options, i);
        if (!path)
            continue;
        int fd = open_here(path);
        hf_control message = {
            .kind = HF_CONTROL_FILE, .number = number, .index = (uint32_t)i, .error = fd < 0 ? errno : 0};
        sent = hf_control_send(control, &message, fd);
        if (fd >= 0)
            close(fd);
    }
    return sent;
}

bool hf_public_files_send(int control, const hf_tls_options *options, uint32_t number)
{
    return send_from(0, control, options, number);
}

bool hf_public_files_send_responses(int control, const hf_tls_options *options, uint32_t number)
{
    return send_from(FIRST_RESPONSE, control, options, number);
}

void hf_public_files_given(const hf_tls_options *options)
{
    given_for = options;
}

static void drop(given_file *file)
{
    if (file->number && file->fd >= 0)
        close(file->fd);
    *file = (given_file){.fd = -1};
}

void hf_public_files_put(size_t i, uint32_t number, int fd, int error)
{
    if (i >= HF_PUBLIC_FILES_MAX) {
        if (fd >= 0)
            close(fd);
        return;
    }
    pthread_mutex_lock(&lock);
    drop(&given[i]);
    given[i] = (given_file){.number = number, .fd = fd, .error = error ? error : EMFILE}; /* it came without one */
    pthread_mutex_unlock(&lock);
}

void hf_public_files_forget(uint32_t number)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < HF_PUBLIC_FILES_MAX; i++)
        if (given[i].number <= number)
            drop(&given[i]);
    pthread_mutex_unlock(&lock);
}

/* With the lock held. A copy of the descriptor: a reload that comes at once may want the file, too. */
static int open_given(const char *path)
{
    errno = EACCES;
    for (size_t i = 0; i < HF_PUBLIC_FILES_MAX; i++) {
        const char *own = hf_public_file(given_for, i);
        if (!given[i].number || !own || strcmp(own, path) != 0)
            continue;
        errno = given[i].error;
        if (given[i].fd < 0)
            continue;
        int fd = fcntl(given[i].fd, F_DUPFD_CLOEXEC, 0);
        if (fd >= 0)
            (void)lseek(fd, 0, SEEK_SET); /* the place is shared with the one before; what has none is no file */
        return fd;
    }
    return -1;
}

int hf_public_file_open(const char *path)
{
    if (!given_for)
        return open_here(path);
    pthread_mutex_lock(&lock);
    int fd = open_given(path);
    pthread_mutex_unlock(&lock);
    return fd;
}
