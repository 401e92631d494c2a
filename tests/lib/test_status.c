/* Status codes: families, and a word for each. */
#include <criterion/criterion.h>
#include <string.h>

#include "handfast/status.h"

/* RFC 5246 section 7.2 and the RFCs that added to it: number and name as published. */
static const struct {
    unsigned number;
    const char *name;
} alerts[] = {
    {0, "close_notify"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {22, "record_overflow"},
    {40, "handshake_failure"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {100, "no_renegotiation"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {112, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {115, "unknown_psk_identity"},
    {116, "certificate_required"},
    {120, "no_application_protocol"},
};

Test(status, alert_names)
{
    size_t named = 0;
    for (unsigned n = 0; n < 256; n++) {
        const char *want = "unknown_alert";
        for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++)
            if (alerts[i].number == n)
                want = alerts[i].name;
        cr_assert_str_eq(hf_alert_name(n), want);
        cr_assert_str_eq(hf_status_text(HF_SEND(n)), want);
        cr_assert_str_eq(hf_status_text(HF_GOT(n)), want);
        named += strcmp(hf_alert_name(n), "unknown_alert") != 0;
    }
    cr_assert_eq(named, sizeof alerts / sizeof alerts[0]);
    cr_assert_str_eq(hf_alert_name(256), "unknown_alert");
    cr_assert_str_eq(hf_alert_name(0xffffffff), "unknown_alert");
}

Test(status, families_do_not_overlap)
{
    for (unsigned n = 0; n < 256; n++) {
        cr_assert_not(hf_status_is_send((hf_status)n));
        cr_assert_not(hf_status_is_got((hf_status)n));
        cr_assert(hf_status_is_send(HF_SEND(n)));
        cr_assert_not(hf_status_is_got(HF_SEND(n)));
        cr_assert(hf_status_is_got(HF_GOT(n)));
        cr_assert_not(hf_status_is_send(HF_GOT(n)));
    }
    cr_assert_not(hf_status_is_got((hf_status)(HF_STATUS_MAX + 1)));
}

Test(status, every_fault_has_its_own_words)
{
    static const hf_status faults[] = {
        HF_OK,
        HF_ERR_NO_MEMORY,
        HF_ERR_RANDOM,
        HF_ERR_INVALID,
        HF_ERR_STATE,
        HF_ERR_UNSUPPORTED,
        HF_ERR_LIMIT,
        HF_ERR_BUFFER,
        HF_ERR_CRYPTO,
        HF_ERR_SELF_TEST,
        HF_ERR_VERIFY,
        HF_ERR_DECODE,
        HF_ERR_TRUNCATED,
        HF_ERR_CLOSED,
        HF_ERR_STALE,
        HF_ERR_TIMEOUT,
        HF_ERR_CANCELED,
        HF_ERR_IO,
        HF_ERR_NOT_FOUND,
        HF_ERR_AMBIGUOUS,
        HF_ERR_MODULE,
        HF_ERR_TOKEN_ABSENT,
        HF_ERR_TOKEN,
        HF_ERR_PIN_INCORRECT,
        HF_ERR_PIN_LOCKED,
        HF_ERR_PIN_SOURCE,
        HF_ERR_KEY_UNSAFE,
        HF_ERR_KEY_MISMATCH,
        HF_ERR_KEY_UNUSABLE,
        HF_ERR_BUSY,
    };
    const size_t n = sizeof faults / sizeof faults[0];
    for (size_t i = 0; i < n; i++) {
        cr_assert_str_neq(hf_status_text(faults[i]), "unknown status", "%d", (int)faults[i]);
        for (size_t j = 0; j < i; j++)
            cr_assert_str_neq(hf_status_text(faults[i]), hf_status_text(faults[j]), "%zu and %zu", i, j);
    }
    cr_assert_str_eq(hf_status_text((hf_status)0xff), "unknown status");
    cr_assert_str_eq(hf_status_text((hf_status)0x7fff), "unknown status");
}
