/* The file of --ocsp: read at the start, with a reload, and by itself when it changed. See credentials.h.
 *
 * A responder's answers live for hours or days, so whoever fetches them must not have to tell the server each time. */
#include <stdlib.h>
#include <time.h>

#include "cli.h"
#include "credentials.h"

static void drop(hf_staple_file *file)
{
    hf_file_free(file->response, file->len);
    file->response = NULL;
    file->len = 0;
}

bool hf_staple_file_read(hf_staple_file *file, const hf_pki *pki, const hf_held_chain *chain)
{
    char why[HF_LINE_MAX] = "";
    uint8_t *response = NULL;
    size_t len = 0;
    hf_file_id id;
    int64_t until = 0;
    const uint8_t *certs[HF_CHAIN_MAX];
    for (size_t i = 0; i < chain->n; i++)
        certs[i] = chain->certs[i];
    if (!hf_file_read_id(file->path, "OCSP response", HF_LIMIT_OCSP_RESPONSE, &response, &len, &id))
        return false;
    const hf_ocsp ocsp = {.response = response,
                          .response_len = len,
                          .certs = certs,
                          .cert_lens = chain->lens,
                          .n = chain->n,
                          .unix_time = time(NULL)};
    hf_status status = len ? pki->ocsp_check(&ocsp, &until, why, sizeof why) : HF_ERR_INVALID;
    drop(file);
    file->id = id;
    file->told = false;
    if (status == HF_OK) {
        file->response = response;
        file->len = len;
        file->until = until;
        return true;
    }
    hf_cli_warn("--ocsp %s is not stapled: %s; put a new one there", file->path, why[0] ? why : hf_status_text(status));
    hf_file_free(response, len);
    return true;
}

static void tell_once(hf_staple_file *file, const char *what)
{
    if (!file->told)
        hf_cli_warn("--ocsp %s %s; put a new one there", file->path, what);
    file->told = true;
}

void hf_staple_file_age(hf_staple_file *file)
{
    if (!file->response || file->until > time(NULL))
        return;
    drop(file); /* the engine does not send it any more */
    file->told = false;
    tell_once(file, "has expired and is not stapled any more");
}

bool hf_staple_file_look(hf_staple_file *file, const hf_pki *pki, const hf_held_chain *chain)
{
    hf_file_id id;
    bool had = file->response != NULL;
    if (!file->path)
        return false;
    if (!hf_file_id_get(file->path, &id)) {
        tell_once(file, "cannot be read any more: the response before is stapled until it expires");
    } else if (!hf_file_id_same(&id, &file->id)) {
        file->id = id; /* one that cannot be read is told once */
        return hf_staple_file_read(file, pki, chain) && (had || file->response);
    }
    hf_staple_file_age(file);
    return false;
}

bool hf_staple_file_apply(const hf_staple_file *file, hf_config *config)
{
    if (!file->response)
        return true;
    hf_status status = hf_config_staple(config, file->response, file->len);
    if (status != HF_OK) /* it expired between two looks at the clock: no reason not to serve */
        hf_cli_warn("--ocsp %s is not stapled: %s; put a new one there", file->path, hf_status_text(status));
    return status == HF_OK || status == HF_ERR_VERIFY;
}

void hf_staple_file_cleanup(hf_staple_file *file)
{
    drop(file);
}
