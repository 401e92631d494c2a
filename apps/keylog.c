/* The NSS key log: "LABEL client_random secret", hexadecimal, one line each. Whoever reads the file reads every
 * connection, so it exists only behind an explicit option and never through the environment. */
#include "keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "handfast/secret.h"

#define LABEL_MAX 64
#define SECRET_MAX 64

void hf_keylog_init(hf_keylog *log)
{
    log->fd = -1;
}

bool hf_keylog_open(hf_keylog *log, const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        hf_cli_error("cannot open key log %s: %s", path, strerror(errno));
        return false;
    }
    hf_cli_warn("--keylog: the secrets of every connection are written to %s; whoever reads it reads all traffic",
                path);
    log->fd = fd;
    return true;
}

void hf_keylog_close(hf_keylog *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}

/* Without a table, so that no secret indexes memory. */
static size_t put_hex(char *out, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        for (int half = 0; half < 2; half++) {
            uint32_t digit = half ? data[i] & 15u : data[i] >> 4;
            uint32_t letter = hf_ct_lt(9, digit);
            out[2 * i + (size_t)half] = (char)(digit + '0' + (letter & ('a' - '0' - 10)));
        }
    }
    return 2 * len;
}

void hf_keylog_line(const hf_keylog *log, const char *label, const uint8_t client_random[32], const uint8_t *secret,
                    size_t secret_len)
{
    char line[LABEL_MAX + 1 + 64 + 1 + 2 * SECRET_MAX + 1];
    size_t len = strlen(label);
    if (log->fd < 0 || len > LABEL_MAX || secret_len > SECRET_MAX)
        return;
    memcpy(line, label, len);
    line[len++] = ' ';
    len += put_hex(line + len, client_random, 32);
    line[len++] = ' ';
    len += put_hex(line + len, secret, secret_len);
    line[len++] = '\n';
    if (write(log->fd, line, len) < 0)
        hf_cli_warn("key log: %s", strerror(errno));
    hf_wipe(line, sizeof line);
}
