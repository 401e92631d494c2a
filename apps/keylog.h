/* The NSS key log, for debugging with a packet analyser. Only ever behind --keylog. */
#ifndef HANDFAST_APPS_KEYLOG_H
#define HANDFAST_APPS_KEYLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hf_keylog {
    int fd; /* -1: off */
} hf_keylog;

void hf_keylog_init(hf_keylog *log);
/* Opens (appends, mode 0600) and warns loudly. False after saying why. */
bool hf_keylog_open(hf_keylog *log, const char *path);
void hf_keylog_close(hf_keylog *log);
/* One line, one write: any thread. */
void hf_keylog_line(const hf_keylog *log, const char *label, const uint8_t client_random[32], const uint8_t *secret,
                    size_t secret_len);

#endif
