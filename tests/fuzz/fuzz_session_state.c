/* Fuzz target of the encoding of a session: what parses is written back to the same bytes, and is sound. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "fuzz_session_state: %s\n", what);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[1 << 18];
    hf_session_state s;
    hf_session *session;

    hf_status status = hf_session_state_parse((hf_slice){data, size}, &s);
    if (status != HF_OK) {
        check(status == HF_ERR_DECODE && s.version == 0 && s.secret.ptr == NULL, "an error leaves zeros");
        return 0;
    }
    hf_writer w = hf_writer_of(out, sizeof out);
    hf_session_state_write(&w, &s);
    check(hf_writer_ok(&w) && w.len == size && hf_session_state_size(&s) == size && memcmp(out, data, size) == 0,
          "one state, one encoding");
    check(s.lifetime_s > 0 && s.lifetime_s <= HF_LIMIT_SESSION_LIFETIME && s.created >= 0, "sound times");
    check(hf_session_new(hf_env_system(), &s, &session) == HF_OK, "an object");
    hf_session_info info;
    hf_session_get_info(session, &info);
    check(info.version == s.version && (!info.server_name || strlen(info.server_name) <= HF_LIMIT_NAME),
          "what it tells");
    hf_session_free(session);
    return 0;
}
