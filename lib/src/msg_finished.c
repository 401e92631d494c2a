/* Finished, RFC 5246 section 7.4.9: the first message under the new keys, a MAC over the whole handshake. */
#include "msg.h"

hf_status hf_finished_parse(hf_slice body, hf_slice *out_verify_data)
{
    hf_reader r = hf_reader_of_slice(body);
    hf_slice verify_data;

    *out_verify_data = (hf_slice){0};
    if (!hf_read_bytes(&r, HF_VERIFY_DATA_SIZE, &verify_data) || !hf_reader_done(&r))
        return HF_SEND(HF_ALERT_DECODE_ERROR);
    *out_verify_data = verify_data;
    return HF_OK;
}

void hf_finished_write(hf_writer *w, const uint8_t verify_data[HF_VERIFY_DATA_SIZE])
{
    size_t msg = hf_msg_begin(w, HF_MSG_FINISHED);
    hf_write_bytes(w, verify_data, HF_VERIFY_DATA_SIZE);
    hf_msg_end(w, msg);
}
