/* The line of --export: whoever reads it has the keying material, so it is for tests and debugging, and says so. */
#include "export.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"

#define DEFAULT_SIZE 32

bool hf_export_parse(hf_export *out, const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t label_len = strlen(text);
    unsigned long len = DEFAULT_SIZE;

    if (colon && colon[1] != '\0' && strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
        if (!hf_cli_number(colon + 1, 1, HF_EXPORT_MAX, &len))
            return false;
        label_len = (size_t)(colon - text);
    }
    if (label_len == 0 || label_len >= sizeof out->label)
        return false;
    memset(out, 0, sizeof *out);
    memcpy(out->label, text, label_len);
    out->len = len;
    return true;
}

void hf_export_tell(const hf_export *wanted, const hf_conn *conn, const char *peer)
{
    uint8_t secret[HF_EXPORT_MAX];
    char line[2 * HF_EXPORT_MAX + 1], label[HF_LINE_MAX];

    if (wanted->label[0] == '\0')
        return;
    hf_cli_clean(label, sizeof label, wanted->label);
    hf_status status = hf_conn_export(conn, wanted->label, NULL, secret, wanted->len);
    if (status != HF_OK) {
        hf_cli_warn("%s%s--export %s: %s", peer ? peer : "", peer ? ": " : "", label,
                    status == HF_ERR_UNSUPPORTED ? "TLS 1.2 without extended master secret exports nothing"
                    : status == HF_ERR_INVALID   ? "TLS uses this label itself"
                                                 : hf_status_text(status));
        return;
    }
    for (size_t i = 0; i < wanted->len; i++)
        snprintf(line + 2 * i, 3, "%02X", secret[i]);
    fprintf(stderr, "%s%sexported %s (%zu bytes): %s\n", peer ? peer : "", peer ? ": " : "", label, wanted->len, line);
    hf_wipe(secret, sizeof secret);
    hf_wipe(line, sizeof line);
}
