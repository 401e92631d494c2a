/* Words for status codes and alerts. */
#include "handfast/status.h"

#include <stddef.h>

static const struct {
    unsigned alert;
    const char *name;
} alert_names[] = {
    {HF_ALERT_CLOSE_NOTIFY, "close_notify"},
    {HF_ALERT_UNEXPECTED_MESSAGE, "unexpected_message"},
    {HF_ALERT_BAD_RECORD_MAC, "bad_record_mac"},
    {HF_ALERT_RECORD_OVERFLOW, "record_overflow"},
    {HF_ALERT_HANDSHAKE_FAILURE, "handshake_failure"},
    {HF_ALERT_BAD_CERTIFICATE, "bad_certificate"},
    {HF_ALERT_UNSUPPORTED_CERTIFICATE, "unsupported_certificate"},
    {HF_ALERT_CERTIFICATE_REVOKED, "certificate_revoked"},
    {HF_ALERT_CERTIFICATE_EXPIRED, "certificate_expired"},
    {HF_ALERT_CERTIFICATE_UNKNOWN, "certificate_unknown"},
    {HF_ALERT_ILLEGAL_PARAMETER, "illegal_parameter"},
    {HF_ALERT_UNKNOWN_CA, "unknown_ca"},
    {HF_ALERT_ACCESS_DENIED, "access_denied"},
    {HF_ALERT_DECODE_ERROR, "decode_error"},
    {HF_ALERT_DECRYPT_ERROR, "decrypt_error"},
    {HF_ALERT_PROTOCOL_VERSION, "protocol_version"},
    {HF_ALERT_INSUFFICIENT_SECURITY, "insufficient_security"},
    {HF_ALERT_INTERNAL_ERROR, "internal_error"},
    {HF_ALERT_INAPPROPRIATE_FALLBACK, "inappropriate_fallback"},
    {HF_ALERT_USER_CANCELED, "user_canceled"},
    {HF_ALERT_NO_RENEGOTIATION, "no_renegotiation"},
    {HF_ALERT_MISSING_EXTENSION, "missing_extension"},
    {HF_ALERT_UNSUPPORTED_EXTENSION, "unsupported_extension"},
    {HF_ALERT_UNRECOGNIZED_NAME, "unrecognized_name"},
    {HF_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE, "bad_certificate_status_response"},
    {HF_ALERT_UNKNOWN_PSK_IDENTITY, "unknown_psk_identity"},
    {HF_ALERT_CERTIFICATE_REQUIRED, "certificate_required"},
    {HF_ALERT_NO_APPLICATION_PROTOCOL, "no_application_protocol"},
};

static const struct {
    hf_status status;
    const char *text;
} fault_texts[] = {
    {HF_OK, "ok"},
    {HF_ERR_NO_MEMORY, "out of memory"},
    {HF_ERR_RANDOM, "the random generator failed"},
    {HF_ERR_INVALID, "invalid argument"},
    {HF_ERR_STATE, "not allowed in this state"},
    {HF_ERR_UNSUPPORTED, "not supported here"},
    {HF_ERR_LIMIT, "a limit was reached"},
    {HF_ERR_BUFFER, "the buffer is too small"},
    {HF_ERR_CRYPTO, "the cryptographic library failed"},
    {HF_ERR_SELF_TEST, "a known-answer self-test failed"},
    {HF_ERR_VERIFY, "verification failed"},
    {HF_ERR_DECODE, "malformed data"},
    {HF_ERR_TRUNCATED, "the peer ended the connection without close_notify"},
    {HF_ERR_CLOSED, "the connection is closed"},
    {HF_ERR_STALE, "the key operation is no longer waited for"},
    {HF_ERR_TIMEOUT, "a deadline passed"},
    {HF_ERR_CANCELED, "canceled"},
    {HF_ERR_IO, "input or output failed"},
    {HF_ERR_NOT_FOUND, "nothing matches"},
    {HF_ERR_AMBIGUOUS, "more than one matches"},
    {HF_ERR_MODULE, "the PKCS#11 module cannot be used"},
    {HF_ERR_TOKEN_ABSENT, "the token is absent"},
    {HF_ERR_TOKEN, "the token answered with an error"},
    {HF_ERR_PIN_INCORRECT, "the PIN is wrong"},
    {HF_ERR_PIN_LOCKED, "the PIN is locked"},
    {HF_ERR_PIN_SOURCE, "the PIN cannot be read"},
    {HF_ERR_KEY_UNSAFE, "the key is extractable or not sensitive"},
    {HF_ERR_KEY_MISMATCH, "the key does not belong to the certificate"},
    {HF_ERR_KEY_UNUSABLE, "the token offers no mechanism for the key"},
    {HF_ERR_BUSY, "the queue for the key is full"},
};

const char *hf_alert_name(unsigned alert)
{
    for (size_t i = 0; i < sizeof alert_names / sizeof alert_names[0]; i++)
        if (alert_names[i].alert == alert)
            return alert_names[i].name;
    return "unknown_alert";
}

const char *hf_status_text(hf_status status)
{
    if (hf_status_is_send(status) || hf_status_is_got(status))
        return hf_alert_name((unsigned)status & 0xff);
    for (size_t i = 0; i < sizeof fault_texts / sizeof fault_texts[0]; i++)
        if (fault_texts[i].status == status)
            return fault_texts[i].text;
    return "unknown status";
}
